package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/internal/netnstest"
)

// packets collects what a kernel's reader hands over.
type packets struct {
	entries  chan JournalEntry
	caughtUp chan struct{}
}

func newPackets() *packets {
	return &packets{entries: make(chan JournalEntry, 1000), caughtUp: make(chan struct{}, 1)}
}

func (p *packets) Entries(_ context.Context, entries []JournalEntry) error {
	for _, e := range entries {
		p.entries <- e
	}
	return nil
}

func (p *packets) CaughtUp() { p.caughtUp <- struct{}{} }

func (p *packets) next(t *testing.T) JournalEntry {
	t.Helper()
	select {
	case e := <-p.entries:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no message within 20 s")
		return JournalEntry{}
	}
}

// kmsgDevice is a pipe that stands for the device.
func kmsgDevice(t *testing.T) (path string, write func(records ...string)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "kmsg")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return path, func(records ...string) {
		if _, err := f.WriteString(strings.Join(records, "\n") + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// followKernel runs a reader until the test ends; stop waits for it.
func followKernel(t *testing.T, run func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// TestKmsgTakesTheKernelsRecords: what a program wrote is passed over (VOIP 2.2),
// and a restart goes on behind the last record.
func TestKmsgTakesTheKernelsRecords(t *testing.T) {
	path, write := kmsgDevice(t)
	first := newPackets()
	stop := followKernel(t, func(ctx context.Context) error {
		return Kmsg{Path: path}.Follow(ctx, JournalOptions{}, JournalPlace{}, first)
	})
	write("4,345,983713712,-;SIP: IN=eth0 SRC=192.0.2.1 ", " SUBSYSTEM=net", "12,346,983713713,-;SIP: IN=eth0 SRC=203.0.113.9 ",
		"broken", "x,1,2,-;SIP: SRC=203.0.113.9", "4,347,983713714,-;SIP: IN=eth0 SRC=192.0.2.2 ")
	one, two := first.next(t), first.next(t)
	if string(one.Text) != "SIP: IN=eth0 SRC=192.0.2.1 " || string(two.Text) != "SIP: IN=eth0 SRC=192.0.2.2 " {
		t.Fatalf("got %q and %q", one.Text, two.Text)
	}
	if d := two.Place.Time - one.Place.Time; d < 1e-6 || d > 3e-6 {
		t.Errorf("2 µs lie between the records, not %v s", d)
	}
	<-first.caughtUp
	stop()

	second := newPackets()
	followKernel(t, func(ctx context.Context) error {
		return Kmsg{Path: path}.Follow(ctx, JournalOptions{}, two.Place, second)
	})
	write("4,347,983713714,-;again", "4,348,983713720,-;next")
	if e := second.next(t); string(e.Text) != "next" {
		t.Errorf("after a restart came %q", e.Text)
	}
	if len(first.entries)+len(second.entries) > 0 {
		t.Error("more came than was written")
	}
}

// TestKmsgLeavesOutWhatIsTooOld: without a place of this boot the time decides.
func TestKmsgLeavesOutWhatIsTooOld(t *testing.T) {
	path, write := kmsgDevice(t)
	p := newPackets()
	from := JournalPlace{Time: float64(time.Now().Unix()), Cursor: "kmsg:another-boot:9999"}
	followKernel(t, func(ctx context.Context) error { return Kmsg{Path: path}.Follow(ctx, JournalOptions{}, from, p) })
	soon := time.Since(started()) + time.Hour
	write("4,1,1,-;long ago", fmt.Sprintf("4,2,%d,-;now", soon.Microseconds()))
	if e := p.next(t); string(e.Text) != "now" {
		t.Errorf("got %q", e.Text)
	}
}

func TestKmsgThatCannotBeRead(t *testing.T) {
	err := Kmsg{Path: filepath.Join(t.TempDir(), "none")}.Follow(t.Context(), JournalOptions{}, JournalPlace{}, newPackets())
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestNFLOGGivesLinesOfPackets: real packets of both families, in a namespace,
// without any sysctl (VOIP E2).
func TestNFLOGGivesLinesOfPackets(t *testing.T) {
	n := netnstest.New(t)
	for _, rule := range [][]string{
		{"iptables", "-A", "INPUT", "-p", "udp", "--dport", "5060", "-j", "NFLOG", "--nflog-group", "2011", "--nflog-prefix", "SIP: "},
		{"ip6tables", "-A", "INPUT", "-p", "udp", "--dport", "5060", "-j", "NFLOG", "--nflog-group", "2011", "--nflog-prefix", "SIP: "},
		{"iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "NFLOG", "--nflog-group", "2011", "--nflog-prefix", "DROPPED: "},
	} {
		if out, err := n.Exec(rule...); err != nil {
			t.Fatal(err, out)
		}
	}
	p := newPackets()
	followKernel(t, func(ctx context.Context) error {
		return n.Do(func() error { return NFLOG{}.Follow(ctx, JournalOptions{}, JournalPlace{}, p) })
	})
	<-p.caughtUp
	var lines []string
	for _, from := range []string{"192.0.2.1", "2001:db8::1"} {
		if _, err := n.UDP(from, 5060); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(p.next(t).Text), string(p.next(t).Text))
	}
	if _, err := n.TCP("192.0.2.2", 22); err != nil {
		t.Fatal(err)
	}
	lines = append(lines, string(p.next(t).Text))
	for _, want := range []string{
		"SIP: IN=wire OUT= SRC=192.0.2.1 DST=192.0.2.100 LEN=31 PROTO=UDP SPT= DPT=5060 ",
		"SIP: IN=wire OUT= SRC=2001:db8::1 DST=2001:db8::100 LEN=51 PROTO=UDP SPT= DPT=5060 ",
		"DROPPED: IN=wire OUT= SRC=192.0.2.2 DST=192.0.2.100 LEN=60 PROTO=TCP SPT= DPT=22 ",
	} {
		if !slices.ContainsFunc(lines, func(line string) bool { return withoutSourcePort(line) == want }) {
			t.Errorf("no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

func withoutSourcePort(line string) string {
	before, after, _ := strings.Cut(line, "SPT=")
	_, rest, _ := strings.Cut(after, " ")
	return before + "SPT= " + rest
}

// FuzzPacketText: packets are written by strangers.
func FuzzPacketText(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2})
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 16, 0, 64}, make([]byte, 48)...))
	f.Fuzz(func(t *testing.T, p []byte) {
		if text := packetText(p); strings.ContainsAny(text, "\n\r\x00") {
			t.Errorf("%q", text)
		}
	})
}

// stalled is a sink that takes its first entries late.
type stalled struct {
	begun, resume, caughtUp chan struct{}
	once                    sync.Once
}

func (s *stalled) Entries(context.Context, []JournalEntry) error {
	s.once.Do(func() {
		close(s.begun)
		<-s.resume
	})
	return nil
}

func (s *stalled) CaughtUp() { close(s.caughtUp) }

// TestKmsgSurvivesAnOverflow: the kernel's log overtakes a reader, which says so
// and goes on (EPIPE, VOIP 2.2). It fills the machine's own kernel log.
func TestKmsgSurvivesAnOverflow(t *testing.T) {
	const knob = "/proc/sys/kernel/printk_devkmsg"
	if os.Getenv("F2B_SOAK") == "" {
		return
	}
	before, err := os.ReadFile(knob)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(knob, []byte("on\n"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(knob, before, 0) })
	var said bytes.Buffer
	s := &stalled{begun: make(chan struct{}), resume: make(chan struct{}), caughtUp: make(chan struct{})}
	stop := followKernel(t, func(ctx context.Context) error {
		return Kmsg{Log: slog.New(slog.NewTextHandler(&said, nil))}.Follow(ctx, JournalOptions{}, JournalPlace{}, s)
	})
	<-s.begun
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 40000 {
		if _, err := fmt.Fprintf(f, "<12>f2b-go test %d %s\n", i, strings.Repeat("x", 200)); err != nil {
			t.Fatal(err)
		}
	}
	close(s.resume)
	<-s.caughtUp
	stop()
	if !strings.Contains(said.String(), "overflowed") {
		t.Errorf("the reader said %q", said.String())
	}
}

package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const journalRemote = "/lib/systemd/systemd-journal-remote"

// journalDir is a folder of real journal files.
type journalDir struct {
	t    *testing.T
	path string
	boot string
	n    int // entries so far
	at   int64
	// from are the fields that journald sets for the sender; sshd's if "".
	from string
}

// newJournalDir is nil where the programs to make and read journals are missing.
func newJournalDir(t *testing.T) *journalDir {
	t.Helper()
	if _, err := os.Stat(journalRemote); err != nil {
		t.Logf("not checked, the package systemd-journal-remote is missing: %v", err)
		return nil
	}
	return &journalDir{t: t, path: t.TempDir(), boot: "0123456789abcdef0123456789abcdef", at: time.Now().Add(-time.Minute).UnixMicro()}
}

// sshdFields and userFields are what journald says of a sender: of sshd, and of a
// user who claims to be sshd.
const (
	sshdFields = "_COMM=sshd\n_SYSTEMD_UNIT=ssh.service\n_UID=0\n_TRANSPORT=syslog\n"
	userFields = "_COMM=logger\n_SYSTEMD_UNIT=user@1000.service\n_UID=1000\n_TRANSPORT=syslog\n"
)

// write appends messages of sshd, numbered from 1, to a journal file.
func (d *journalDir) write(file string, count int) {
	d.t.Helper()
	var b bytes.Buffer
	from := d.from
	if from == "" {
		from = sshdFields
	}
	for range count {
		d.n++
		d.at += 1000
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n"+
			"_HOSTNAME=mail\nSYSLOG_IDENTIFIER=sshd\n_PID=%d\n"+from+"PARITY=%d\nMESSAGE=number %d\n\n",
			d.at, d.at, d.boot, 1000+d.n, d.n%2, d.n)
	}
	cmd := exec.Command(journalRemote, "-o", filepath.Join(d.path, file), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("writing a journal: %v\n%s", err, out)
	}
}

// journalTaker is a sink that keeps what it gets.
type journalTaker struct {
	mu       sync.Mutex
	numbers  []int
	last     JournalPlace
	caughtUp int // how many entries there were when it was told
	changed  chan struct{}
	failAt   int
}

func newJournalTaker() *journalTaker {
	return &journalTaker{changed: make(chan struct{}, 1000), caughtUp: -1}
}

var errTaker = errors.New("the sink wants no more")

func (s *journalTaker) Entries(_ context.Context, entries []JournalEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		var pid, n int
		if _, err := fmt.Sscanf(string(e.Text), "mail sshd[%d]: number %d", &pid, &n); err != nil || pid != 1000+n {
			n = -1
		}
		s.numbers = append(s.numbers, n)
		s.last = e.Place
		if s.failAt > 0 && len(s.numbers) >= s.failAt {
			return errTaker
		}
	}
	s.changed <- struct{}{}
	return nil
}

func (s *journalTaker) CaughtUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caughtUp = len(s.numbers)
	s.changed <- struct{}{}
}

// wait waits until something holds.
func (s *journalTaker) wait(t *testing.T, what string, yes func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		s.mu.Lock()
		ok := yes()
		numbers := slices.Clone(s.numbers)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.changed:
		case <-limit.C:
			t.Fatalf("waited in vain: %s; have %v", what, numbers)
		}
	}
}

func (s *journalTaker) has(n int) func() bool {
	return func() bool { return len(s.numbers) > 0 && s.numbers[len(s.numbers)-1] == n }
}

// follow reads in the background until stop is called, which returns the place.
func follow(t *testing.T, c Journalctl, opt JournalOptions, from JournalPlace, s *journalTaker) (stop func() JournalPlace) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := c.Follow(ctx, opt, from, s); err != nil && !errors.Is(err, errTaker) {
			t.Error(err)
		}
	}()
	var once sync.Once
	stop = func() JournalPlace {
		once.Do(func() { cancel(); <-over })
		return s.last
	}
	t.Cleanup(func() { stop() })
	return stop
}

func upTo(from, n, step int) []int {
	var list []int
	for i := from; i <= n; i += step {
		list = append(list, i)
	}
	return list
}

func wantNumbers(t *testing.T, s *journalTaker, want []int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.numbers, want) {
		t.Errorf("numbers %v, want %v", s.numbers, want)
	}
}

// TestJournalGoesOn_2_9_5: what stood there, then what comes, rotation, a new
// reading from where the last one stopped: each entry once.
func TestJournalGoesOn_2_9_5(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 250)
	opt := JournalOptions{Directory: d.path}
	s := newJournalTaker()
	stop := follow(t, Journalctl{}, opt, JournalPlace{Time: 1}, s)
	s.wait(t, "caught up", func() bool { return s.caughtUp == 250 })
	d.write("system.journal", 5)
	s.wait(t, "new entries", s.has(255))
	if err := os.Rename(filepath.Join(d.path, "system.journal"), filepath.Join(d.path, "system@0.journal")); err != nil {
		t.Fatal(err)
	}
	d.write("system.journal", 5)
	s.wait(t, "entries after a rotation", s.has(260))
	place := stop()
	d.write("system.journal", 5)
	stop = follow(t, Journalctl{}, opt, place, s)
	s.wait(t, "entries of while nobody read", s.has(265))
	place = stop()
	// The journal with the entry at the place is vacuumed away.
	for _, name := range []string{"system.journal", "system@0.journal"} {
		if err := os.Remove(filepath.Join(d.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	d.write("system.journal", 3)
	follow(t, Journalctl{}, opt, place, s)
	s.wait(t, "entries after vacuuming", s.has(268))
	d.boot = "f" + d.boot[1:]
	d.write("system.journal", 2)
	s.wait(t, "entries after a boot of the machine that writes them", s.has(270))
	wantNumbers(t, s, upTo(1, 270, 1))
}

// TestJournalFromTime_2_9_5: the place that fail2ban stored has no cursor.
func TestJournalFromTime_2_9_5(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 10)
	fifth := float64(d.at-5000) / 1e6
	for _, seen := range []bool{false, true} {
		s := newJournalTaker()
		stop := follow(t, Journalctl{}, JournalOptions{Directory: d.path}, JournalPlace{Time: fifth, Seen: seen}, s)
		s.wait(t, "caught up", func() bool { return s.caughtUp >= 0 })
		d.write("system.journal", 1)
		s.wait(t, "the entry after", s.has(d.n))
		stop()
		first := map[bool]int{false: 5, true: 6}[seen]
		wantNumbers(t, s, upTo(first, d.n, 1))
	}
}

// TestJournalMatches_2_9_3: fields and alternatives.
func TestJournalMatches_2_9_3(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 10)
	for _, tt := range []struct {
		matches [][]string
		want    []int
	}{
		{nil, upTo(1, 10, 1)},
		{[][]string{{"_COMM=sshd", "PARITY=1"}}, upTo(1, 10, 2)},
		{[][]string{{"_COMM=other"}, {"PARITY=0"}}, upTo(2, 10, 2)},
		{[][]string{{"PARITY=0", "PARITY=1"}}, upTo(1, 10, 1)},
		{[][]string{{"_COMM=sshd", "PARITY=7"}}, nil},
		{[][]string{{}, {"_PID=1004"}, {}, {"_PID=1002"}}, []int{2, 4}},
	} {
		s := newJournalTaker()
		stop := follow(t, Journalctl{}, JournalOptions{Directory: d.path, Matches: tt.matches}, JournalPlace{}, s)
		s.wait(t, "caught up", func() bool { return s.caughtUp >= 0 })
		stop()
		wantNumbers(t, s, tt.want)
	}
}

// TestAUserForgesNoLine: the fields that journald sets itself tell sshd from a
// user who writes what sshd would.
func TestAUserForgesNoLine(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 2)
	d.from = userFields
	d.write("system.journal", 3)
	d.from = ""
	d.write("system.journal", 1)
	for _, tt := range []struct {
		match []string
		want  []int
	}{
		{[]string{"SYSLOG_IDENTIFIER=sshd"}, upTo(1, 6, 1)},
		{[]string{"SYSLOG_IDENTIFIER=sshd", "_UID=0"}, []int{1, 2, 6}},
		{[]string{"SYSLOG_IDENTIFIER=sshd", "_SYSTEMD_UNIT=ssh.service", "_SYSTEMD_UNIT=sshd.service"}, []int{1, 2, 6}},
		{[]string{"_COMM=sshd", "_TRANSPORT=syslog"}, []int{1, 2, 6}},
		{[]string{"_TRANSPORT=kernel"}, nil},
	} {
		s := newJournalTaker()
		stop := follow(t, Journalctl{}, JournalOptions{Directory: d.path, Matches: [][]string{tt.match}}, JournalPlace{}, s)
		s.wait(t, "caught up", func() bool { return s.caughtUp >= 0 })
		stop()
		wantNumbers(t, s, tt.want)
	}
}

// TestJournalFiles_2_9_4: a list of files is made anew when files come.
func TestJournalFiles_2_9_4(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	s := newJournalTaker()
	d.write("a.journal", 3)
	d.write("other.journal", 3)
	stop := follow(t, Journalctl{}, JournalOptions{Files: []string{filepath.Join(d.path, "[ab].journal")}}, JournalPlace{}, s)
	s.wait(t, "caught up", func() bool { return s.caughtUp == 3 })
	d.write("b.journal", 3)
	s.wait(t, "the new file", s.has(9))
	stop()
	wantNumbers(t, s, []int{1, 2, 3, 7, 8, 9})
}

// TestJournalctlDies: a child that ends, at whatever entry, is started again and
// no entry is lost or doubled.
func TestJournalctlDies(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 7)
	program := filepath.Join(t.TempDir(), "journalctl")
	// Instead of following it tells what there is, breaks off and fails.
	script := `#!/bin/sh
case "$*" in *--follow*)
	for a; do
		shift
		[ "$a" = --follow ] || set -- "$@" "$a"
	done
	journalctl "$@" | head -c 1500
	echo broken >&2
	exit 3
esac
exec journalctl "$@"
`
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := newJournalTaker()
	stop := follow(t, Journalctl{Program: program}, JournalOptions{Directory: d.path}, JournalPlace{}, s)
	s.wait(t, "caught up", func() bool { return s.caughtUp == 7 })
	d.write("system.journal", 12)
	s.wait(t, "all", s.has(19))
	stop()
	wantNumbers(t, s, upTo(1, 19, 1))
}

// TestJournalSinkRefuses: an error of the sink ends the reading.
func TestJournalSinkRefuses(t *testing.T) {
	d := newJournalDir(t)
	if d == nil {
		return
	}
	d.write("system.journal", 250)
	s := newJournalTaker()
	s.failAt = 150
	if err := (Journalctl{}).Follow(context.Background(), JournalOptions{Directory: d.path}, JournalPlace{}, s); !errors.Is(err, errTaker) {
		t.Errorf("the reading ended with %v", err)
	}
}

// TestJournalctlMissing: reading waits for a journalctl, and ends when told so.
func TestJournalctlMissing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() {
		over <- Journalctl{Program: "/nonexistent/journalctl"}.Follow(ctx, JournalOptions{}, JournalPlace{}, newJournalTaker())
	}()
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// TestJournalArgs_2_9_4: options as journalctl has them.
func TestJournalArgs_2_9_4(t *testing.T) {
	flags := func(n int) *int { return &n }
	for _, tt := range []struct {
		opt   JournalOptions
		files []string
		want  string
	}{
		{JournalOptions{}, nil, ""},
		{JournalOptions{Directory: "/d", Namespace: "n"}, nil, "--directory=/d --merge --namespace=n"},
		{JournalOptions{Directory: "/d", Flags: flags(4)}, nil, "--directory=/d --merge --system"},
		{JournalOptions{}, []string{"/a", "/b"}, "--file=/a --file=/b --merge"},
		{JournalOptions{Flags: flags(4)}, nil, "--merge --system"},
		{JournalOptions{Flags: flags(1)}, nil, ""},
		{JournalOptions{Flags: flags(1 | 8)}, nil, "--user"},
		{JournalOptions{Flags: flags(1 | 2)}, nil, "--directory=/run/log/journal"},
		{JournalOptions{Flags: flags(1 | 32)}, nil, "--namespace=*"},
		{JournalOptions{Flags: flags(1 | 64), Namespace: "n"}, nil, "--namespace=+n"},
	} {
		if got := strings.Join(tt.opt.where(tt.files), " "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.opt, got, tt.want)
		}
	}
	r := &journalReader{opt: JournalOptions{Matches: [][]string{{"A=-1", "B=x y"}, {"C=3"}}}, place: JournalPlace{Time: 12.5}}
	got := strings.Join(r.args(nil, true), " ")
	if !strings.HasSuffix(got, " --follow --no-tail --since=@12.500000 -- A=-1 B=x y + C=3") {
		t.Errorf("arguments: %s", got)
	}
}

// TestJournalNamespaces_2_9_4: each namespace is a journal of its own.
func TestJournalNamespaces_2_9_4(t *testing.T) {
	d := newJournalDir(t)
	id, err := os.ReadFile("/etc/machine-id")
	if d == nil || err != nil || os.Geteuid() != 0 {
		t.Logf("not checked: namespaces lie in /var/log/journal, which takes root: %v", err)
		return
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	d.boot = strings.ReplaceAll(strings.TrimSpace(string(boot)), "-", "")
	for _, n := range []int{3, 2} {
		name := fmt.Sprintf("f2b-test-%d-%d", os.Getpid(), n)
		d.path = filepath.Join("/var/log/journal", strings.TrimSpace(string(id))+"."+name)
		if err := os.MkdirAll(d.path, 0o750); err != nil {
			t.Fatal(err)
		}
		dir := d.path
		t.Cleanup(func() { os.RemoveAll(dir) })
		first := d.n + 1
		d.write("system.journal", n)
		s := newJournalTaker()
		stop := follow(t, Journalctl{}, JournalOptions{Namespace: name}, JournalPlace{}, s)
		s.wait(t, "caught up", func() bool { return s.caughtUp == n })
		d.write("system.journal", 1)
		s.wait(t, "a new entry", s.has(d.n))
		stop()
		wantNumbers(t, s, upTo(first, d.n, 1))
	}
}

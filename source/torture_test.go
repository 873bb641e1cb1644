package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"f2b-go/internal/testenv"
)

// counter is a sink that counts how often each numbered line comes.
type counter struct {
	seen     []uint8
	distinct int
	bad      []string
	reached  chan int         // the number of distinct lines, latest only
	pace     <-chan time.Time // how fast it takes batches, if set
}

func newCounter() *counter { return &counter{reached: make(chan int, 1)} }

func (c *counter) Lines(ctx context.Context, b Batch) error {
	for line := range bytes.Lines(b.Data) {
		text, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("line "))
		number, _, _ := bytes.Cut(text, []byte(" "))
		n, err := strconv.Atoi(string(number))
		if !ok || err != nil || !bytes.HasSuffix(text, []byte(" end")) {
			if len(c.bad) < 10 {
				c.bad = append(c.bad, string(line[:min(len(line), 200)]))
			}
			continue
		}
		for n >= len(c.seen) {
			c.seen = append(c.seen, make([]uint8, 1<<16)...)
		}
		if c.seen[n] == 0 {
			c.distinct++
		}
		if c.seen[n] < 255 {
			c.seen[n]++
		}
	}
	select {
	case <-c.reached:
	default:
	}
	c.reached <- c.distinct
	if c.pace != nil {
		select {
		case <-c.pace:
		case <-ctx.Done():
		}
	}
	return nil
}

// settle waits until all lines are there, or nothing new comes for a while.
func (c *counter) settle(total int) {
	for {
		select {
		case n := <-c.reached:
			if n >= total {
				return
			}
		case <-time.After(5 * time.Second):
			return
		}
	}
}

func (c *counter) verdict(total int) (lost, doubled int, first []int) {
	for n := range total {
		switch {
		case n >= len(c.seen) || c.seen[n] == 0:
			lost++
			if len(first) < 5 {
				first = append(first, n)
			}
		case c.seen[n] > 1:
			doubled++
			if len(first) < 5 {
				first = append(first, n)
			}
		}
	}
	return lost, doubled, first
}

// logWriter writes numbered lines at a pace and rotates its file in random ways.
type logWriter struct {
	t     *testing.T
	rng   *rand.Rand
	path  string // where the log is followed
	file  string // where it is: path, or what the link at path leads to
	out   *os.File
	late  []*os.File // files that are written on for a while after a rename
	n     int
	ahead int // lines beside the pace
	turns int
	count map[string]int
}

func (lw *logWriter) open() {
	lw.t.Helper()
	f, err := os.OpenFile(lw.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	do(lw.t, err)
	lw.out = f
}

// lines writes n lines, sometimes one in two pieces.
func (lw *logWriter) lines(out *os.File, n int) {
	var buf bytes.Buffer
	for range n {
		fmt.Fprintf(&buf, "line %d %s end\n", lw.n, "xxxxxxxxxxxxxxxxxxxxxxxx"[:lw.rng.Intn(24)])
		lw.n++
	}
	data := buf.Bytes()
	if lw.rng.Intn(4) == 0 && len(data) > 1 {
		cut := 1 + lw.rng.Intn(len(data)-1)
		_, err := out.Write(data[:cut])
		do(lw.t, err)
		data = data[cut:]
	}
	_, err := out.Write(data)
	do(lw.t, err)
}

func (lw *logWriter) archive() string {
	lw.turns++
	return fmt.Sprintf("%s.%d", lw.path, lw.turns)
}

func (lw *logWriter) copyTo(name string) {
	in, err := os.Open(lw.file)
	do(lw.t, err)
	defer in.Close()
	out, err := os.Create(name)
	do(lw.t, err)
	_, err = io.Copy(out, in)
	do(lw.t, err)
	do(lw.t, out.Close())
}

// ways are the rotations; each leaves lw.out ready for the next line.
func (lw *logWriter) ways() map[string]func() {
	reopen := func() { do(lw.t, lw.out.Close()); lw.open() }
	return map[string]func(){
		"rename+create": func() {
			do(lw.t, os.Rename(lw.file, lw.archive()))
			reopen()
		},
		"rename, late writer": func() {
			do(lw.t, os.Rename(lw.file, lw.archive()))
			lw.late = append(lw.late, lw.out)
			lw.open()
		},
		"copytruncate": func() {
			lw.copyTo(lw.archive())
			do(lw.t, os.Truncate(lw.file, 0))
		},
		"copytruncate, longer": func() {
			st, err := os.Stat(lw.file)
			do(lw.t, err)
			lw.copyTo(lw.archive())
			do(lw.t, os.Truncate(lw.file, 0))
			lines := int(st.Size()) / 20
			lw.lines(lw.out, lines)
			lw.ahead += lines
		},
		"delete+create": func() {
			do(lw.t, os.Remove(lw.file))
			reopen()
		},
		"rename+compress": func() {
			name := lw.archive()
			do(lw.t, os.Rename(lw.file, name))
			reopen()
			lw.t.Helper()
			do(lw.t, os.WriteFile(name+".gz", []byte("\x1f\x8b\x08"), 0o644))
			do(lw.t, os.Remove(name))
		},
		"link swap": func() {
			do(lw.t, lw.out.Close())
			lw.file = lw.archive() + ".log"
			lw.open()
			tmp := lw.path + ".tmp"
			do(lw.t, os.Symlink(lw.file, tmp))
			do(lw.t, os.Rename(tmp, lw.path))
		},
	}
}

// rotate turns the log over in one of the ways.
func (lw *logWriter) rotate(names []string) {
	name := names[lw.rng.Intn(len(names))]
	lw.count[name]++
	lw.ways()[name]()
}

// write writes rate lines a second for a time, with a rotation every 200 to
// 1200 ms; a renamed file is written on for 80 ms.
func (lw *logWriter) write(rate int, length time.Duration, names []string) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	next := start.Add(300 * time.Millisecond)
	var lateUntil time.Time
	for now := range tick.C {
		if now.Sub(start) > length {
			break
		}
		due := int(now.Sub(start).Seconds()*float64(rate)) + lw.ahead - lw.n
		for i, f := range lw.late {
			if n := min(due, rate/2000+1); n > 0 && i == len(lw.late)-1 {
				lw.lines(f, n)
				due -= n
			}
		}
		if due > 0 {
			lw.lines(lw.out, due)
		}
		if len(lw.late) > 0 && now.After(lateUntil) {
			do(lw.t, lw.late[0].Close())
			lw.late = lw.late[1:]
		}
		if now.After(next) {
			lw.rotate(names)
			next = now.Add(time.Duration(200+lw.rng.Intn(1000)) * time.Millisecond)
			lateUntil = now.Add(80 * time.Millisecond)
		}
	}
	for _, f := range lw.late {
		do(lw.t, f.Close())
	}
	do(lw.t, lw.out.Close())
}

// tortureTime is how long each torture runs: a slice, or F2B_SOAK's minutes.
func tortureTime(t *testing.T) time.Duration {
	if text := os.Getenv("F2B_SOAK"); text != "" {
		d, err := time.ParseDuration(text)
		do(t, err)
		return d
	}
	return 3 * time.Second
}

// lossy lets only every tenth event through and reports an overflow now and then.
func lossy(n *notifier) {
	n.tap = func(in <-chan fsnotify.Event) (<-chan fsnotify.Event, <-chan error) {
		events, errs := make(chan fsnotify.Event), make(chan error)
		go func() {
			count := 0
			for ev := range in {
				switch count++; {
				case count%10 == 0:
					select {
					case events <- ev:
					case <-time.After(time.Second): // nobody listens any more
					}
				case count%997 == 0:
					select {
					case errs <- fsnotify.ErrEventOverflow:
					case <-time.After(time.Second):
					}
				}
			}
		}()
		return events, errs
	}
}

func TestRotationTorture(t *testing.T) {
	rename := []string{"rename+create", "rename, late writer", "delete+create", "rename+compress"}
	truncate := []string{"copytruncate", "copytruncate, longer"}
	links := []string{"link swap"}
	all := append(append(append([]string{}, rename...), truncate...), links...)
	for _, backend := range []string{"pyinotify", "polling", "overflowing"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			seed := time.Now().UnixNano()
			torture(t, backend, seed, all)
		})
	}
}

func torture(t *testing.T, backend string, seed int64, names []string) {
	path := filepath.Join(t.TempDir(), "app.log")
	lw := &logWriter{t: t, rng: rand.New(rand.NewSource(seed)), path: path, file: path, count: map[string]int{}}
	lw.open()
	logged := &testenv.Buffer{}
	w := NewWatcher(Options{Backend: backend, Quiet: time.Second, Log: logTo(logged)})
	if backend == "overflowing" {
		lossy(w.notify)
	}
	run(t, w)
	fast, slow := newCounter(), newCounter()
	pause := time.NewTicker(7 * time.Millisecond)
	defer pause.Stop()
	slow.pace = pause.C
	for _, c := range []*counter{fast, slow} {
		if _, err := w.Add(path, AddOptions{}, c); err != nil {
			t.Fatal(err)
		}
	}
	lw.write(50_000, tortureTime(t), names)
	for name, c := range map[string]*counter{"fast": fast, "slow": slow} {
		c.settle(lw.n)
		lost, doubled, first := c.verdict(lw.n)
		t.Logf("%s reader, %s: %d lines, %d rotations %v: %d lost, %d doubled", backend, name, lw.n, lw.turns, lw.count, lost, doubled)
		if lost+doubled > 0 || len(c.bad) > 0 {
			t.Errorf("seed %d: lost %d, doubled %d (%v), broken %q\n%s", seed, lost, doubled, first, c.bad, logged)
		}
	}
}

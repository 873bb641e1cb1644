package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/sys/unix"
)

func numbered(from, to int) (text string, lines []string) {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, "line %d\n", n)
		lines = append(lines, fmt.Sprintf("line %d", n))
	}
	return b.String(), lines
}

func TestLinesArriveWholeAndUnchanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"2.8.3 an unfinished line is kept until it ends", []string{"a\nb", "c", "\n"}, []string{"a", "bc"}},
		{"2.8.3 CRLF and inner CR stay", []string{"a\r\nb\rc\r\n"}, []string{"a\r", "b\rc\r"}},
		{"NUL bytes stay", []string{"first\n", "a\x00b\n\x00\n"}, []string{"first", "a\x00b", "\x00"}},
		{"2.8.2 invalid UTF-8 stays", []string{"\xff\xfe\xc3\n"}, []string{"\xff\xfe\xc3"}},
		{"empty lines", []string{"\n\na\n"}, []string{"", "", "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			backends(t, func(t *testing.T, opt Options) {
				path := filepath.Join(t.TempDir(), "app.log")
				write(t, path, "")
				w := running(t, opt)
				c, sub := add(t, w, path, AddOptions{})
				for _, piece := range tc.pieces {
					write(t, path, piece)
					w.poke(sub.s)
				}
				c.want(t, tc.want...)
			})
		})
	}
}

func TestUTF16LinesEndAtTheirOwnNewline(t *testing.T) {
	var text []byte
	// U+0A0A holds the byte 0x0A twice and ends no line.
	for _, unit := range utf16.Encode([]rune("a\u0a0ab\nc\n")) {
		text = append(text, byte(unit), byte(unit>>8))
	}
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, string(text[:7]))
	w := running(t, Options{})
	c, _ := add(t, w, path, AddOptions{LineEnd: "\n\x00"})
	write(t, path, string(text[7:]))
	c.until(t, "all bytes", func([]string) bool {
		got := ""
		for _, b := range c.all() {
			if len(b.Data)%2 != 0 || !strings.HasSuffix(string(b.Data), "\n\x00") {
				t.Fatalf("a batch ends within a character: %q", b.Data)
			}
			got += string(b.Data)
		}
		return got == string(text)
	})
}

func TestSubscribersReadOneFileFromTheirOwnPlaces(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		text, lines := numbered(0, 50_000)
		write(t, path, text)
		w := running(t, opt)
		first, sub := add(t, w, path, AddOptions{})
		first.want(t, lines...)
		_, hash := sub.Position()
		middle := int64(strings.Index(text, "line 20000\n"))
		second, _ := add(t, w, path, AddOptions{Position: middle, Hash: hash})
		third, _ := add(t, w, path, AddOptions{Tail: true})
		more, moreLines := numbered(50_000, 50_100)
		write(t, path, more)
		first.want(t, append(append([]string{}, lines...), moreLines...)...)
		second.want(t, append(append([]string{}, lines[20_000:]...), moreLines...)...)
		third.want(t, moreLines...)
	})
}

func TestResumeByPositionAndHash_3_9_6(t *testing.T) {
	for _, tc := range []struct {
		name string
		away func(t *testing.T, path string) // what happens between two runs
		want []string
	}{
		{"nothing happened", func(*testing.T, string) {}, nil},
		{"file has grown", func(t *testing.T, path string) { write(t, path, "three\n") }, []string{"three"}},
		{"rotated by rename, the rest is in the old file", func(t *testing.T, path string) {
			write(t, path, "three\n")
			do(t, os.Rename(path, path+".1"))
			write(t, path, "four\n")
		}, []string{"three", "four"}},
		{"rotated by copy, the rest is in the copy", func(t *testing.T, path string) {
			write(t, path, "three\n")
			data, err := os.ReadFile(path)
			do(t, err)
			do(t, os.WriteFile(path+".1", data, 0o644))
			do(t, os.WriteFile(path, []byte("four\n"), 0o644))
		}, []string{"three", "four"}},
		{"rotated by rename and compressed", func(t *testing.T, path string) {
			compress(t, path+".1.gz", []byte("one\ntwo\nthree\n"))
			do(t, os.WriteFile(path, []byte("four\n"), 0o644))
		}, []string{"three", "four"}},
		{"replaced, nothing of it is left", func(t *testing.T, path string) {
			do(t, os.Remove(path))
			write(t, path, "a longer line than the ones before\n")
		}, []string{"a longer line than the ones before"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			write(t, path, "one\ntwo\n")
			w := NewWatcher(Options{Quiet: 100 * time.Millisecond})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- w.Run(ctx) }()
			c, sub := add(t, w, path, AddOptions{})
			c.want(t, "one", "two")
			sub.Close()
			position, hash := sub.Position()
			cancel()
			do(t, <-done)
			if position != 8 || len(hash) != 40 {
				t.Fatalf("place is %d, %q", position, hash)
			}
			tc.away(t, path)
			c, _ = add(t, running(t, Options{Quiet: 100 * time.Millisecond}), path, AddOptions{Position: position, Hash: hash})
			write(t, path, "last\n")
			c.want(t, append(tc.want, "last")...)
		})
	}
}

func TestPositionsInRotatedFilesSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	w := NewWatcher(Options{Quiet: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	c, sub := add(t, w, path, AddOptions{})
	c.want(t, "one")
	do(t, os.Rename(path, path+".1"))
	write(t, path, "two\n")
	c.want(t, "one", "two")
	cancel()
	do(t, <-done)
	write(t, path+".1", "late\n")
	write(t, path, "three\n")
	all := map[string]Position{}
	for _, b := range c.all() {
		all[b.Hash] = Position{Offset: b.End, Hash: b.Hash}
	}
	var stored []Position
	for _, p := range all {
		stored = append(stored, p)
	}
	sub.Close()
	c, _ = add(t, running(t, Options{}), path, AddOptions{Positions: stored})
	c.want(t, "late", "three")
}

func TestFirstLineHashIsSHA1WithNewline_3_9_5(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "line one")
	logged := &lockedBuffer{}
	w := running(t, Options{Log: logTo(logged)})
	c, sub := add(t, w, path, AddOptions{})
	write(t, path, "\n")
	c.want(t, "line one")
	out, err := exec.Command("sha1sum", path).Output()
	do(t, err)
	sum, _, _ := strings.Cut(string(out), " ")
	if _, hash := sub.Position(); hash != sum {
		t.Errorf("hash is %q, want %q", hash, sum)
	}
	if c.all()[0].Hash != sum || c.all()[0].End != 9 {
		t.Errorf("batch says %d, %q", c.all()[0].End, c.all()[0].Hash)
	}
	sub.Close()
	for _, text := range []string{
		fmt.Sprintf("Added logfile: '%s' (pos = 0, hash = )", path),
		fmt.Sprintf("Removed logfile: '%s'", path),
	} {
		if !strings.Contains(logged.String(), text) {
			t.Errorf("log lacks %q:\n%s", text, logged)
		}
	}
}

func TestBeginsAtTheFirstLineThatIsNewEnough_3_9_6(t *testing.T) {
	for _, tc := range []struct {
		name  string
		every int // a dated line every so many lines
		since float64
		want  string // the first line delivered
	}{
		{"all dated", 1, 7000, "7000"},
		{"before the first", 1, -5, "0"},
		{"after the last", 1, 1e9, ""},
		{"every third line dated", 3, 7000, "7000 undated"},
		{"hardly any line dated: too early rather than too late", 4000, 7000, "1 undated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			var b strings.Builder
			for n := range 10_000 {
				if n%tc.every == 0 {
					fmt.Fprintf(&b, "%d\n", n)
				} else {
					fmt.Fprintf(&b, "%d undated\n", n)
				}
			}
			write(t, path, b.String()+"99999999999\n")
			c, _ := add(t, running(t, Options{}), path, AddOptions{
				Since: func() float64 { return tc.since },
				LineTime: func(line []byte) (float64, bool) {
					var n float64
					text := strings.TrimSpace(string(line))
					if strings.Contains(text, " ") {
						return 0, false
					}
					_, err := fmt.Sscan(text, &n)
					return n, err == nil
				},
			})
			lines := c.until(t, "the last line", func(lines []string) bool {
				return len(lines) > 0 && lines[len(lines)-1] == "99999999999"
			})
			want := tc.want
			if want == "" {
				want = "99999999999"
			}
			if lines[0] != want {
				t.Errorf("begins at %q, want %q", lines[0], want)
			}
		})
	}
}

func TestFilesThatAppearLater(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := filepath.Join(t.TempDir(), "made", "later")
		path := filepath.Join(dir, "app.log")
		w := running(t, opt)
		if _, err := w.Add(path, AddOptions{}, newCollector()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("adding a missing file says %v", err)
		}
		c, _ := add(t, w, path, AddOptions{Wait: true, Tail: true})
		do(t, os.MkdirAll(dir, 0o755))
		write(t, path, "one\n")
		c.want(t, "one")
		do(t, os.Rename(dir, dir+".away"))
		do(t, os.Mkdir(dir, 0o755))
		write(t, path, "two\n")
		c.want(t, "one", "two")
	})
}

func TestAFileThatComesBackIsNotReadAgain(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := filepath.Join(t.TempDir(), "mount")
		path := filepath.Join(dir, "app.log")
		do(t, os.Mkdir(dir, 0o755))
		write(t, path, "one\n")
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		c.want(t, "one")
		do(t, os.Rename(dir, dir+".away"))
		waitFor(t, "the file to be let go", func() bool {
			sub.s.mu.Lock()
			defer sub.s.mu.Unlock()
			return len(sub.s.files) == 0
		})
		do(t, os.Rename(dir+".away", dir))
		write(t, path, "two\n")
		c.want(t, "one", "two")
	})
}

// waitFor asks again and again, at a pace, for a state that no event tells of.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestRefusesWhatIsNoFile_C11(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	do(t, unix.Mkfifo(fifo, 0o600))
	link := filepath.Join(dir, "link")
	do(t, os.Symlink("/dev/zero", link))
	w := running(t, Options{})
	for path, kind := range map[string]string{fifo: "FIFO", dir: "directory", "/dev/null": "device", link: "device"} {
		for _, wait := range []bool{false, true} {
			_, err := w.Add(path, AddOptions{Wait: wait}, newCollector())
			if !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestALogReplacedByAFIFOBlocksNothing_C11(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := t.TempDir()
		path, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "other.log")
		write(t, path, "one\n")
		write(t, other, "")
		logged := &lockedBuffer{}
		opt.Log = logTo(logged)
		w := running(t, opt)
		c, _ := add(t, w, path, AddOptions{})
		o, _ := add(t, w, other, AddOptions{})
		c.want(t, "one")
		do(t, os.Remove(path))
		do(t, unix.Mkfifo(path, 0o600))
		waitFor(t, "the complaint", func() bool { return strings.Contains(logged.String(), "is a FIFO") })
		write(t, other, "goes on\n")
		o.want(t, "goes on")
		do(t, os.Remove(path))
		write(t, path, "two\n")
		c.want(t, "one", "two")
		if n := strings.Count(logged.String(), "is a FIFO"); n != 1 {
			t.Errorf("complained %d times", n)
		}
	})
}

func TestLinksOfOthersAreRefusedWhenAsked_C11(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can make a link that belongs to another user: not checked")
		return
	}
	dir := t.TempDir()
	secret, link := filepath.Join(dir, "secret"), filepath.Join(dir, "link.log")
	write(t, secret, "x\n")
	do(t, os.Symlink(secret, link))
	do(t, os.Lchown(link, 65534, 65534))
	if _, err := running(t, Options{StrictLinks: true}).Add(link, AddOptions{}, newCollector()); !errors.Is(err, ErrForeignLink) {
		t.Errorf("strict: %v", err)
	}
	add(t, running(t, Options{}), link, AddOptions{})
}

// TestPermissionLostAndGivenBack runs itself as nobody, whom permissions bind.
func TestPermissionLostAndGivenBack(t *testing.T) {
	if os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("", "f2b-nobody")
		do(t, err)
		defer os.RemoveAll(dir)
		do(t, os.Chmod(dir, 0o755))
		exe := filepath.Join(dir, "test")
		data, err := os.ReadFile("/proc/self/exe")
		do(t, err)
		do(t, os.WriteFile(exe, data, 0o755))
		work := filepath.Join(dir, "work")
		do(t, os.Mkdir(work, 0o777))
		do(t, os.Chmod(work, 0o777))
		cmd := exec.Command(exe, "-test.run=^TestPermissionLostAndGivenBack$")
		cmd.Env = []string{"TMPDIR=" + work, "PATH=" + os.Getenv("PATH")}
		cmd.Dir = work
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		write(t, path, "one\n")
		do(t, os.Chmod(path, 0))
		logged := &lockedBuffer{}
		opt.Log = logTo(logged)
		w := running(t, opt)
		if _, err := w.Add(path, AddOptions{}, newCollector()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("adding an unreadable file says %v", err)
		}
		c, _ := add(t, w, path, AddOptions{Wait: true})
		do(t, os.Chmod(path, 0o644))
		c.want(t, "one")
		do(t, os.Rename(path, path+".1"))
		do(t, os.WriteFile(path, []byte("two\n"), 0))
		write(t, path+".1", "late\n")
		c.want(t, "one", "late")
		do(t, os.Chmod(path, 0o644))
		c.want(t, "one", "late", "two")
		if !strings.Contains(logged.String(), "permission denied") {
			t.Errorf("nothing said about the permission:\n%s", logged)
		}
	})
}

func TestALineWithoutEndTakesBoundedMemory_C9(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\nlong ")
	const size = 1 << 30
	do(t, os.Truncate(path, size)) // a hole reads as NUL bytes
	logged := &lockedBuffer{}
	w := running(t, Options{Log: logTo(logged)})
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, "one")
	waitFor(t, "the warning", func() bool { return strings.Contains(logged.String(), "longer than") })
	write(t, path, "\ntwo\n")
	lines := c.until(t, "the line after", func(lines []string) bool { return len(lines) == 3 })
	if len(lines[1]) != MaxLine || !strings.HasPrefix(lines[1], "long \x00") || lines[2] != "two" {
		t.Errorf("long line came as %d bytes, then %q", len(lines[1]), lines[2])
	}
	if n := strings.Count(logged.String(), "longer than"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	if end := c.all()[len(c.all())-1].End; end != size+5 {
		t.Errorf("ends at %d", end)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	if mem.HeapSys > 64<<20 {
		t.Errorf("heap grew to %d MiB", mem.HeapSys>>20)
	}
}

func TestAWriterThatDoesNotAppendLeavesAHole(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		f, err := os.Create(path)
		do(t, err)
		defer f.Close()
		text, lines := numbered(0, 20_000)
		_, err = f.WriteString(text)
		do(t, err)
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		c.want(t, lines...)
		do(t, f.Truncate(0))
		waitFor(t, "the truncation to be seen", func() bool { o, _ := sub.Position(); return o == 0 })
		_, err = f.WriteString("after\n")
		do(t, err)
		c.want(t, append(lines, "after")...)
	})
}

// blocking is a sink that holds its first batch until it is let go.
type blocking struct {
	*collector
	entered, release chan struct{}
}

func (b *blocking) Lines(ctx context.Context, batch Batch) error {
	select {
	case b.entered <- struct{}{}:
	default:
	}
	select {
	case <-b.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.collector.Lines(ctx, batch)
}

func TestASlowSinkHoldsUpNobody(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		write(t, path, "start\n")
		w := running(t, opt)
		slow := &blocking{newCollector(), make(chan struct{}, 1), make(chan struct{})}
		_, err := w.Add(path, AddOptions{}, slow)
		do(t, err)
		fast, _ := add(t, w, path, AddOptions{})
		<-slow.entered
		want := []string{"start"}
		for turn := range 3 { // far more than the window, over rotations
			text, lines := numbered(turn*100_000, (turn+1)*100_000)
			write(t, path, text)
			want = append(want, lines...)
			fast.want(t, want...)
			do(t, os.Rename(path, fmt.Sprintf("%s.%d", path, turn)))
		}
		close(slow.release)
		slow.want(t, want...)
	})
}

// failing is a sink that refuses everything.
type failing struct{ err error }

func (f failing) Lines(context.Context, Batch) error { return f.err }

func TestAnErrorEndsTheSubscriptionBeforeTheBatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	w := running(t, Options{})
	cause := errors.New("no room")
	sub, err := w.Add(path, AddOptions{}, failing{cause})
	do(t, err)
	waitFor(t, "the error", func() bool { return errors.Is(sub.Err(), cause) })
	if off, _ := sub.Position(); off != 0 {
		t.Errorf("place is %d", off)
	}
	if sub.Lag() != 4 {
		t.Errorf("lag is %d", sub.Lag())
	}
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, "one")
}

func TestBatchesSayWhenTheEndIsReached_2_6_2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	text, lines := numbered(0, 40_000)
	write(t, path, text)
	w := running(t, Options{})
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, lines...)
	all := c.all()
	for i, b := range all {
		if last := i == len(all)-1; b.AtEnd != last {
			t.Errorf("batch %d of %d: at end %v", i, len(all), b.AtEnd)
		}
	}
}

// blindly runs f while nothing looks at the log, as on a machine that is out of
// breath. What is beside the log by then was there at the last look.
func blindly(t *testing.T, w *Watcher, s *stream, f func()) {
	t.Helper()
	began := time.Now()
	waitFor(t, "a look that is later than what is beside the log", func() bool {
		w.poke(s)
		s.lookMu.Lock()
		defer s.lookMu.Unlock()
		return s.seen.Sub(began) > 5*clockSlack
	})
	s.lookMu.Lock()
	defer s.lookMu.Unlock()
	f()
}

// copytruncate is what logrotate's option of that name does.
func copytruncate(t *testing.T, path, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	do(t, err)
	do(t, os.WriteFile(to, data, 0o644))
	do(t, os.Truncate(path, 0))
}

// missedTurns are rotations of which only the outcome is seen.
var missedTurns = []struct {
	name  string
	first string
	turn  func(t *testing.T, path string)
	want  []string
}{
	{"renamed twice", "one\n", func(t *testing.T, path string) {
		write(t, path, "two\n")
		do(t, os.Rename(path, path+".1"))
		write(t, path, "three\n")
		do(t, os.Rename(path+".1", path+".2"))
		do(t, os.Rename(path, path+".1"))
		write(t, path, "four\n")
	}, []string{"one", "two", "three", "four"}},
	{"copied twice", "one\n", func(t *testing.T, path string) {
		write(t, path, "two\n")
		copytruncate(t, path, path+".2")
		write(t, path, "three\n")
		copytruncate(t, path, path+".1")
		write(t, path, "four\n")
	}, []string{"one", "two", "three", "four"}},
	{"written and copied after it was empty", "", func(t *testing.T, path string) {
		write(t, path, "two\n")
		copytruncate(t, path, path+".1")
		write(t, path, "three is longer\n")
	}, []string{"two", "three is longer"}},
	{"written and copied after it was empty, and empty again", "", func(t *testing.T, path string) {
		write(t, path, "two\n")
		copytruncate(t, path, path+".1")
	}, []string{"two"}},
	{"copied, then renamed", "one\n", func(t *testing.T, path string) {
		write(t, path, "two\n")
		copytruncate(t, path, path+".2")
		write(t, path, "three\n")
		do(t, os.Rename(path, path+".1"))
		write(t, path, "four\n")
	}, []string{"one", "two", "three", "four"}},
	{"renamed behind a link, then the link swapped", "one\n", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".log"))
		do(t, os.Symlink(path+".log", path))
		write(t, path, "two\n")
		do(t, os.Rename(path+".log", path+".1"))
		write(t, path, "three\n")
		write(t, path+".new", "four\n")
		do(t, os.Symlink(path+".new", path+".tmp"))
		do(t, os.Rename(path+".tmp", path))
	}, []string{"one", "two", "three", "four"}},
}

func TestFilesMissedBetweenTwoLooks(t *testing.T) {
	for _, tc := range missedTurns {
		t.Run(tc.name, func(t *testing.T) {
			backends(t, func(t *testing.T, opt Options) {
				path := filepath.Join(t.TempDir(), "app.log")
				write(t, path, tc.first)
				write(t, path+".old", "of last year\n")
				w := running(t, opt)
				c, sub := add(t, w, path, AddOptions{})
				if tc.first != "" {
					c.want(t, "one")
				}
				blindly(t, w, sub.s, func() {
					write(t, filepath.Join(filepath.Dir(path), "application.log"), "another log\n")
					tc.turn(t, path)
				})
				c.want(t, tc.want...)
				write(t, path, "last\n")
				c.want(t, append(tc.want, "last")...)
			})
		})
	}
}

// TestOneDirectoryUnderSeveralNames: the kernel gives one watch for it, and its
// events come under the first name.
func TestOneDirectoryUnderSeveralNames(t *testing.T) {
	top := t.TempDir()
	dir, link := filepath.Join(top, "dir"), filepath.Join(top, "link")
	do(t, os.Mkdir(dir, 0o755))
	do(t, os.Symlink("dir", link))
	write(t, filepath.Join(dir, "app.log"), "")
	w := running(t, Options{})
	first, one := add(t, w, filepath.Join(link, "app.log"), AddOptions{})
	second, _ := add(t, w, filepath.Join(dir, "app.log"), AddOptions{})
	write(t, filepath.Join(dir, "app.log"), "one\n")
	first.want(t, "one")
	second.want(t, "one")
	one.Close()
	eventful(t, w, filepath.Join(dir, "app.log"), second, "one")
	do(t, os.RemoveAll(dir))
	do(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "app.log"), "again\n")
	second.want(t, "one", "again")
	eventful(t, w, filepath.Join(dir, "app.log"), second, "one", "again")
}

// eventful writes to a log that nothing but an event would make be looked at.
func eventful(t *testing.T, w *Watcher, path string, c *collector, have ...string) {
	t.Helper()
	waitFor(t, "the end of a look", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		s := w.streams[path]
		if s.busy || s.again {
			return false
		}
		s.due = time.Now().Add(time.Hour)
		return true
	})
	write(t, path, "event\n")
	c.want(t, append(have, "event")...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = c.lines[:len(have)]
}

package source

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

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
	logged := &testenv.Buffer{}
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

// turnedTwice are rotations while nobody reads, of a log that holds "one" and
// "two" when they begin and "four" when they end.
var turnedTwice = []struct {
	name string
	turn func(t *testing.T, path string)
	want []string // between "two" and "four"
}{
	{"renamed", func(t *testing.T, path string) {
		write(t, path, "rest\n")
		do(t, os.Rename(path, path+".2"))
		pause(t, path)
		write(t, path+".1", "three\n")
	}, []string{"rest", "three"}},
	{"copied and truncated", func(t *testing.T, path string) {
		write(t, path, "rest\n")
		copytruncate(t, path, path+".2")
		pause(t, path)
		write(t, path, "three\n")
		copytruncate(t, path, path+".1")
	}, []string{"rest", "three"}},
	{"renamed three times, all were read", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".3"))
		pause(t, path)
		write(t, path+".2", "three\n")
		pause(t, path)
		write(t, path+".1", "three and a half\n")
	}, []string{"three", "three and a half"}},
	{"dated and compressed, older ones beside", func(t *testing.T, path string) {
		compress(t, path+"-20261119.gz", []byte("older\n"))
		pause(t, path)
		compress(t, path+"-20261120.gz", []byte("one\ntwo\nrest\n"))
		do(t, os.Remove(path))
		pause(t, path)
		compress(t, path+"-20261121.gz", []byte("three\n"))
	}, []string{"rest", "three"}},
	{"a date within the name, and files that are none of the log's", func(t *testing.T, path string) {
		stem := strings.TrimSuffix(path, ".log")
		do(t, os.Rename(path, stem+"-2026-11-20.log"))
		pause(t, path)
		write(t, stem+"-2026-11-21.log", "three\n")
		write(t, stem+".err", "no\n")
		write(t, path+".swp", "no\n")
		write(t, stem+"-2.log", "no\n")
		write(t, stem+".1.log", "no\n")
		do(t, os.Symlink(stem+".err", path+".1"))
		do(t, unix.Mkfifo(path+".2", 0o600))
	}, []string{"three"}},
	{"being compressed", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".2"))
		pause(t, path)
		write(t, path+".1", "three\n")
		compress(t, path+".1.gz", []byte("three\n"))
	}, []string{"three"}},
	{"compressed by what can't be read", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".2"))
		pause(t, path)
		write(t, path+".1.xz", "\xfd7zXZ\n")
	}, nil},
}

// pause waits until the file system's clock has moved on.
func pause(t *testing.T, path string) {
	t.Helper()
	began := time.Now()
	probe := path + "~"
	testenv.Eventually(t, "the clock of the file system", func() bool {
		write(t, probe, "x")
		st, err := statPath(probe)
		do(t, err)
		return st.mtime > began.UnixNano()
	})
	do(t, os.Remove(probe))
}

// TestALogRotatedTwiceWhileNobodyReads: of what was rotated away since the stored
// place everything is read once, in order, and nothing else.
func TestALogRotatedTwiceWhileNobodyReads(t *testing.T) {
	for _, tc := range turnedTwice {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			write(t, path, "one\ntwo\n")
			hash, err := firstLineHash(strings.NewReader("one\n"))
			do(t, err)
			tc.turn(t, path)
			pause(t, path)
			write(t, path, "four\n")
			w := running(t, Options{Quiet: 100 * time.Millisecond})
			first, _ := add(t, w, path, AddOptions{Position: 8, Hash: hash})
			second, _ := add(t, w, path, AddOptions{Position: 8, Hash: hash})
			all := append(slices.Clone(tc.want), "four")
			first.want(t, all...)
			second.want(t, all...)
		})
	}
}

// TestPlacesInSeveralRotatedFiles: of files whose places are stored nothing is
// read again, also not of one that was written on after it had been rotated away.
func TestPlacesInSeveralRotatedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path+".3", "done\n") // read to its end, so its place is not stored
	pause(t, path)
	write(t, path+".2", "one\n")
	pause(t, path)
	write(t, path+".1", "two\n")
	pause(t, path)
	write(t, path+".3", "late\n")
	write(t, path+".2", "late\n")
	pause(t, path)
	write(t, path, "three\n")
	hash := func(line string) string {
		h, err := firstLineHash(strings.NewReader(line))
		do(t, err)
		return h
	}
	w := running(t, Options{})
	for range 2 {
		c, _ := add(t, w, path, AddOptions{Positions: []Position{{Offset: 4, Hash: hash("one\n")}}, Position: 4, Hash: hash("two\n")})
		c.want(t, "late", "three")
	}
}

// TestOfManyRotatedFilesTheOldestGoes: the newest ones are kept open, and their
// places stored, over a restart too.
func TestOfManyRotatedFilesTheOldestGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var stored []Position
	for i := range MaxFiles {
		line := fmt.Sprintf("file %d\n", i)
		write(t, fmt.Sprintf("%s.%d", path, MaxFiles-i), line)
		hash, err := firstLineHash(strings.NewReader(line))
		do(t, err)
		stored = append(stored, Position{Offset: int64(len(line)), Hash: hash})
	}
	write(t, path, "current\n")
	c, sub := add(t, running(t, Options{Quiet: time.Hour}), path, AddOptions{Positions: stored})
	c.want(t, "current")
	do(t, os.Rename(path, path+".0"))
	write(t, path, "next\n")
	c.want(t, "current", "next")
	places := sub.Positions()
	if len(places) != MaxFiles || places[0] != stored[2] || places[MaxFiles-3] != stored[MaxFiles-1] {
		t.Errorf("%d places, from %v to %v", len(places), places[0], places[len(places)-1])
	}
}

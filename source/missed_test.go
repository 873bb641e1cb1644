package source

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// blindly runs f while nothing looks at the log, as on a machine that is out of
// breath. What is beside the log by then was there at the last look.
func blindly(t *testing.T, w *Watcher, s *stream, f func()) {
	t.Helper()
	began := time.Now()
	testenv.Eventually(t, "a look that is later than what is beside the log", func() bool {
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
	testenv.Eventually(t, "the end of a look", func() bool {
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

// TestTruncatedAfterAReadThatNoLookHasSeen: a log that was empty at the last look
// is read, copied, truncated and written on before the next one.
func TestTruncatedAfterAReadThatNoLookHasSeen(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		write(t, path, "")
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		blindly(t, w, sub.s, func() {
			write(t, path, "one\n")
			sub.wake()
			c.want(t, "one")
			write(t, path, "two\n")
			copytruncate(t, path, path+".1")
			write(t, path, "three is longer than what was read before\n")
			sub.wake()
		})
		c.want(t, "one", "two", "three is longer than what was read before")
		write(t, path, "last\n")
		c.want(t, "one", "two", "three is longer than what was read before", "last")
	})
}

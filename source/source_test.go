package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// collector is a sink that keeps all lines.
type collector struct {
	mu      sync.Mutex
	lines   []string
	batches []Batch
	changed chan struct{}
}

func newCollector() *collector { return &collector{changed: make(chan struct{})} }

func (c *collector) Lines(_ context.Context, b Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, strings.Split(strings.TrimSuffix(string(b.Data), "\n"), "\n")...)
	b.Data = bytes.Clone(b.Data)
	c.batches = append(c.batches, b)
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// until waits for a state of the lines.
func (c *collector) until(t *testing.T, what string, ok func(lines []string) bool) []string {
	t.Helper()
	deadline := time.NewTimer(testenv.Patience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		lines, changed := c.lines, c.changed
		c.mu.Unlock()
		if ok(lines) { // lines is only appended to
			return lines[:len(lines):len(lines)]
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s; have %d lines, the last are %q", what, len(lines), lines[max(0, len(lines)-5):])
		}
	}
}

// all returns the batches so far.
func (c *collector) all() []Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Batch(nil), c.batches...)
}

func (c *collector) want(t *testing.T, want ...string) {
	t.Helper()
	last := want[max(0, len(want)-5):]
	got := c.until(t, fmt.Sprintf("%d lines ending in %q", len(want), last),
		func(lines []string) bool { return len(lines) >= len(want) })
	if !slices.Equal(got, want) {
		t.Fatalf("%d lines ending in %q, want %d ending in %q", len(got), got[max(0, len(got)-5):], len(want), last)
	}
}

// running starts a watcher that ends with the test.
func running(t *testing.T, opt Options) *Watcher {
	t.Helper()
	w := NewWatcher(opt)
	run(t, w)
	return w
}

func run(t *testing.T, w *Watcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func add(t *testing.T, w *Watcher, path string, opt AddOptions) (*collector, *Subscription) {
	t.Helper()
	c := newCollector()
	sub, err := w.Add(path, opt, c)
	if err != nil {
		t.Fatal(err)
	}
	return c, sub
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func compress(t *testing.T, path string, data []byte) {
	t.Helper()
	f, err := os.Create(path)
	do(t, err)
	defer f.Close()
	z := gzip.NewWriter(f)
	_, err = z.Write(data)
	do(t, err)
	do(t, z.Close())
}

// backends runs a test with events and with polling.
func backends(t *testing.T, f func(t *testing.T, opt Options)) {
	for _, name := range []string{"pyinotify", "polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, Options{Backend: name, Quiet: 200 * time.Millisecond})
		})
	}
}

func logTo(buf *testenv.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(buf, &slog.HandlerOptions{Level: slog.Level(-20)}))
}

// rotations are the ways in which a log is turned over between "two" and "three".
var rotations = []struct {
	name   string
	rotate func(t *testing.T, path string)
	want   string // what comes between "two" and "three"
}{
	{"rename and create", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".1"))
		write(t, path, "")
	}, ""},
	{"writer goes on in the renamed file", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".1"))
		write(t, path, "")
		write(t, path+".1", "late\n")
	}, "late"},
	{"copy and truncate", func(t *testing.T, path string) {
		write(t, path, "unread\n")
		data, err := os.ReadFile(path)
		do(t, err)
		do(t, os.WriteFile(path+".1", data, 0o644))
		do(t, os.Truncate(path, 0))
	}, "unread"},
	{"copy, truncate and compress before a look", func(t *testing.T, path string) {
		write(t, path, "unread\n")
		data, err := os.ReadFile(path)
		do(t, err)
		compress(t, path+".1.gz", data)
		do(t, os.Truncate(path, 0))
	}, "unread"},
	{"copy, then truncate to longer", func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		do(t, err)
		do(t, os.WriteFile(path+".1", data, 0o644))
		do(t, os.WriteFile(path, []byte("much longer than what was there before\n"), 0o644))
	}, "much longer than what was there before"},
	{"cut short", func(t *testing.T, path string) {
		do(t, os.Truncate(path, int64(len("one\n"))))
	}, ""},
	{"link to another file", func(t *testing.T, path string) {
		write(t, path+".new", "unread\n")
		do(t, os.Symlink(path+".new", path+".tmp"))
		do(t, os.Rename(path+".tmp", path))
	}, "unread"},
	{"renamed and back", func(t *testing.T, path string) {
		do(t, os.Rename(path, path+".1"))
		write(t, path+".1", "unread\n")
		do(t, os.Rename(path+".1", path))
	}, "unread"},
	{"delete and create", func(t *testing.T, path string) {
		write(t, path, "unread\n")
		do(t, os.Remove(path))
		write(t, path, "")
	}, "unread"},
	{"renamed and compressed", func(t *testing.T, path string) {
		write(t, path, "unread\n")
		do(t, os.Rename(path, path+".1"))
		do(t, os.WriteFile(path+".1.gz", []byte("\x1f\x8b"), 0o644))
		do(t, os.Remove(path+".1"))
		write(t, path, "")
	}, "unread"},
	{"renamed and unfinished last line", func(t *testing.T, path string) {
		write(t, path, "unfinished")
		do(t, os.Rename(path, path+".1"))
	}, "unfinished"},
}

func TestFollowsThroughEveryKindOfRotation(t *testing.T) {
	for _, tc := range rotations {
		t.Run(tc.name, func(t *testing.T) {
			backends(t, func(t *testing.T, opt Options) {
				path := filepath.Join(t.TempDir(), "app.log")
				write(t, path, "one\n")
				w := running(t, opt)
				c, _ := add(t, w, path, AddOptions{})
				c.want(t, "one")
				write(t, path, "two\n")
				c.want(t, "one", "two")
				tc.rotate(t, path)
				want := []string{"one", "two"}
				if tc.want != "" {
					want = append(want, tc.want)
					c.want(t, want...)
				}
				write(t, path, "three\n")
				c.want(t, append(want, "three")...)
			})
		})
	}
}

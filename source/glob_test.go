package source

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

// TestExpandIsPythonsGlob_3_9_2 asks Python for the same patterns.
func TestExpandIsPythonsGlob_3_9_2(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.log", "b.log", ".hidden.log", "c d.log", "x", "é.log", "]", "[a].log", "^.log", "!.log", "a-b.log", "{a,b}.log"} {
		write(t, filepath.Join(dir, name), "")
	}
	for _, sub := range []string{"s", "s/t", ".h"} {
		do(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
		write(t, filepath.Join(dir, sub, "a.log"), "")
	}
	do(t, os.Symlink("/nonexistent", filepath.Join(dir, "dangling.log")))
	patterns := []string{
		"*.log", "**/*.log", "**", "?.log", "[ab].log", "[!a].log", "[^a].log", "s/[a-b].log", "{a,b}.log", "*",
		"[.log", "[]].log", "[]]", "[[]a].log", ".*", ".*/*.log", "*/a.log", "*/*/a.log", "a.log", "missing", "*.lo", "*a*o*",
		"[a-", "[!]", "[!]]", "[z-a].log", "[a-]*.log", "[-a]*.log", "???", "*.log*", "*a*.*g", "*?*?*", "**.log", "*é*", "?.l[o]g", "*[!x]", "s/../a.log", "s/*", "nope/*", "x/*",
	}
	for i, p := range patterns {
		patterns[i] = filepath.Join(dir, "x")[:len(dir)+1] + p
	}
	in, err := json.Marshal(patterns)
	do(t, err)
	cmd := exec.Command(testenv.Python, "-c", "import glob,json,sys; json.dump([sorted(glob.glob(p)) for p in json.loads(sys.argv[1])], sys.stdout)", string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking Python: %v", err)
	}
	var want [][]string
	do(t, json.Unmarshal(out, &want))
	for i, p := range patterns {
		got := Expand(p)
		for j := range want[i] {
			want[i][j] = filepath.Clean(want[i][j])
		}
		if !slices.Equal(got, want[i]) && len(got)+len(want[i]) > 0 {
			t.Errorf("%s: got %q, Python says %q", p, got, want[i])
		}
	}
}

func TestDatedNamesAreFoundWhileRunning(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := t.TempDir()
		first := filepath.Join(dir, "app-20261122.log")
		write(t, first, "one\n")
		w := running(t, opt)
		c, _ := add(t, w, first, AddOptions{})
		glob := w.Glob(filepath.Join(dir, "app-*.log"), []string{first}, func(path string, _ bool) {
			if _, err := w.Add(path, AddOptions{}, c); err != nil {
				t.Error(err)
			}
		})
		c.want(t, "one")
		do(t, os.Mkdir(filepath.Join(dir, "app-dir.log"), 0o755))
		write(t, filepath.Join(dir, "other.log"), "no\n")
		write(t, filepath.Join(dir, "app-20261123.log"), "two\n")
		c.want(t, "one", "two")
		glob.Stop()
		write(t, first, "three\n")
		c.want(t, "one", "two", "three")
	})
}

// heard writes down what a pattern's watcher tells.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) tell(path string, there bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, fmt.Sprint(filepath.Base(path), " ", there))
}

func (h *heard) until(t *testing.T, want ...string) {
	t.Helper()
	testenv.Eventually(t, fmt.Sprint("hearing ", want), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.Equal(h.list, want)
	})
}

// TestAPatternHearsOfFilesThatComeAndGo: of new ones, of links that get a target,
// of directories that appear later, and of files that have been away for a while.
func TestAPatternHearsOfFilesThatComeAndGo(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		opt.Gone = 300 * time.Millisecond
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		write(t, at("old.log"), "x\n")
		do(t, os.Symlink(at("target"), at("link.log")))
		w := running(t, opt)
		flat, deep, single := &heard{}, &heard{}, &heard{}
		w.Glob(at("*.log"), []string{at("old.log"), at("other")}, flat.tell)
		w.Glob(at("site?/logs/a*"), nil, deep.tell)
		w.Glob(at("site1/single"), nil, single.tell)
		write(t, at("new.log"), "x\n")
		flat.until(t, "new.log true")
		do(t, unix.Mkfifo(at("fifo.log"), 0o600))
		write(t, at("target"), "x\n")
		flat.until(t, "new.log true", "link.log true")
		do(t, os.MkdirAll(at("site1/logs"), 0o755))
		write(t, at("site1/single"), "x\n")
		write(t, at("site1/logs/a"), "x\n")
		single.until(t, "single true")
		deep.until(t, "a true")
		do(t, os.Remove(at("old.log")))
		flat.until(t, "new.log true", "link.log true", "old.log false")
		write(t, at("old.log"), "x\n")
		flat.until(t, "new.log true", "link.log true", "old.log false", "old.log true")
	})
}

// TestAFileIsNotGoneWhileItIsRead: what was deleted is first read to its end.
func TestAFileIsNotGoneWhileItIsRead(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		opt.Gone = time.Nanosecond
		path := filepath.Join(t.TempDir(), "a.log")
		write(t, path, "one\n")
		w := running(t, opt)
		slow := &blocking{newCollector(), make(chan struct{}, 1), make(chan struct{})}
		_, err := w.Add(path, AddOptions{}, slow)
		do(t, err)
		<-slow.entered
		told := &heard{}
		do(t, os.Remove(path))
		w.Glob(path, []string{path}, told.tell)
		testenv.Eventually(t, "a comparison", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return !w.globsBusy && w.globsDue.After(time.Now())
		})
		told.until(t)
		close(slow.release)
		told.until(t, "a.log false")
	})
}

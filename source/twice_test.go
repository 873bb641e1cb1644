package source

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"f2b-go/internal/testenv"
)

// bag is a sink of several readers that keeps their lines in no order.
type bag struct {
	mu    sync.Mutex
	lines []string
}

func (b *bag) Lines(_ context.Context, batch Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, strings.Fields(string(batch.Data))...)
	return nil
}

// want waits for these lines, and no others, in any order.
func (b *bag) want(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	testenv.Eventually(t, strings.Join(want, " "), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		got = slices.Clone(b.lines)
		return len(got) >= len(want)
	})
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// TestOneOwnerReadsAFileOnce: a file that an owner follows under two names, a
// link and its target or a log and what a rotation makes of it, is read once, and
// read on by the other when the first one stops; others read it for themselves.
func TestOneOwnerReadsAFileOnce(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := t.TempDir()
		path, one, two, link := filepath.Join(dir, "app.log"), filepath.Join(dir, "app.log.1"), filepath.Join(dir, "app.log.2"), filepath.Join(dir, "current")
		write(t, two, "a\n")
		write(t, one, "b\n")
		write(t, path, "c\n")
		do(t, os.Symlink(path, link))
		w := running(t, opt)
		owner, lines, others := new(int), &bag{}, &bag{}
		subs := map[string]*Subscription{}
		for _, p := range []string{path, one, two, link} {
			sub, err := w.Add(p, AddOptions{Owner: owner}, lines)
			do(t, err)
			subs[p] = sub
		}
		_, err := w.Add(one, AddOptions{Owner: new(int8)}, others)
		do(t, err)
		lines.want(t, "a", "b", "c")
		others.want(t, "b")
		do(t, os.Remove(two))
		do(t, os.Rename(one, two))
		do(t, os.Rename(path, one))
		write(t, one, "d\n")
		write(t, path, "e\n")
		lines.want(t, "a", "b", "c", "d", "e")
		others.want(t, "b", "c", "d")
		write(t, one, "late\n")
		lines.want(t, "a", "b", "c", "d", "e", "late")
		testenv.Eventually(t, "the log's reader leaves the rotated file", func() bool { return len(subs[path].s.oldFiles()) == 0 })
		write(t, one, "later\n")
		write(t, path, "f\n")
		lines.want(t, "a", "b", "c", "d", "e", "late", "later", "f")
		subs[path].Close()
		write(t, path, "g\n")
		lines.want(t, "a", "b", "c", "d", "e", "late", "later", "f", "g")
		if _, hash := subs[link].Position(); hash == "" {
			t.Error("the link's place is not known")
		}
		write(t, one, "end\n")
		write(t, path, "end\n")
		lines.want(t, "a", "b", "c", "d", "e", "late", "later", "f", "g", "end", "end")
	})
}

package source

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

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
		stop := w.Glob(filepath.Join(dir, "app-*.log"), []string{first}, func(path string) {
			if _, err := w.Add(path, AddOptions{}, c); err != nil {
				t.Error(err)
			}
		})
		c.want(t, "one")
		do(t, os.Mkdir(filepath.Join(dir, "app-dir.log"), 0o755))
		write(t, filepath.Join(dir, "other.log"), "no\n")
		write(t, filepath.Join(dir, "app-20261123.log"), "two\n")
		c.want(t, "one", "two")
		stop()
		write(t, first, "three\n")
		c.want(t, "one", "two", "three")
	})
}

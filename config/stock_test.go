package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/config"
	"f2b-go/internal/testenv"
)

// stockDifferences are the reviewed differences between what 1.1.1 and 1.0.2 make
// of stock trees: the first text like theirs behind a command of 1.0.2's output,
// and what stands there in 1.1.1's.
var stockDifferences = []struct{ item, why, behind, theirs, ours string }{
	{"1.6.5", "[M] blocktype=RETURN of pass2allow-ftp overrides blocktype?family=inet6 of iptables.conf",
		"['add', 'pass2allow-ftp'", "['blocktype?family=inet6', 'REJECT --reject-with icmp6-port-unreachable']", "['blocktype?family=inet6', 'RETURN']"},
}

// TestStockTrees_9 compares our reading of stock trees, as they are and with
// every jail enabled, with fail2ban's.
func TestStockTrees_9(t *testing.T) {
	o, ok := newOracle(t)
	if !ok {
		return
	}
	trees := map[string]string{"debian": config.DefaultDir}
	if shared, ok := testenv.Shared(t); ok {
		trees["1.1.0"] = filepath.Join(shared, "fail2ban-1.1.0", "config")
		trees["1.1.1"] = filepath.Join(shared, "fail2ban-1.1.1", "config")
	}
	for name, from := range trees {
		for _, all := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " all jails"}[all], func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "fail2ban")
				copyReadable(t, from, dir)
				if all {
					allJails(t, dir)
				}
				for _, call := range [][]string{{"-d"}, {"--dp"}} {
					got, want := ours(dir, call), o.run(t, append([]string{"-c", dir}, call...)...)
					if !o.main {
						asMain(dir, call, &want)
					}
					compareAnswers(t, got, want)
				}
			})
		}
	}
}

// asMain makes of an answer of 1.0.2 what 1.1.1 answers.
func asMain(dir string, call []string, want *answer) {
	for _, d := range stockDifferences {
		if start := strings.Index(want.Out, d.behind); start >= 0 {
			rest := want.Out[start:]
			want.Out = want.Out[:start] + strings.Replace(rest, d.theirs, d.ours, 1)
		}
	}
	for _, r := range releases {
		if r.trees == nil {
			r.change(dir, call, want)
		}
	}
}

func compareAnswers(t *testing.T, got, want answer) {
	t.Helper()
	g, w := strings.Split(got.Out, "\n"), strings.Split(want.Out, "\n")
	if len(g) < 8 {
		t.Errorf("%d lines of commands", len(g))
	}
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Errorf("line %d of %d and %d differs\n got %s\nwant %s", i+1, len(g), len(w), at(g, i), at(w, i))
		}
	}
	got.Out, want.Out = "", ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- fail2ban, + ours\n%s", diff)
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}

// copyReadable copies the files of a tree that everybody may read.
func copyReadable(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		writeFile(t, filepath.Join(to, rel), string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// TestFiltersAgreeWithTheOriginal judges testdata/filters with every filter of
// etc_fail2ban: the file says what must be found, ours and the original's
// fail2ban-regex must both find just that.
func TestFiltersAgreeWithTheOriginal(t *testing.T) {
	_, original := testenv.Fail2ban(t)
	root := testenv.Root(t)
	dir := t.TempDir()
	etcOfOurs(t, dir)
	for _, log := range glob(t, filepath.Join(root, "testdata", "filters", "*.log")) {
		name := strings.TrimSuffix(filepath.Base(log), ".log")
		t.Run(name, func(t *testing.T) {
			want := wantedIDs(t, log)
			words := []string{"-c", filepath.Join(dir, "etc"), "-o", "id", log, name + ".conf"}
			if got := found(t, append([]string{ours("fail2ban-regex")}, words...)); got != want {
				t.Errorf("ours found\n%s\nwanted\n%s", got, want)
			}
			words[len(words)-1] = filepath.Join(dir, "etc", "filter.d", name+".conf")
			if !original {
				return
			}
			if got := found(t, append([]string{testenv.Python, "/usr/bin/fail2ban-regex"}, words...)); got != want {
				t.Errorf("the original found\n%s\nwanted\n%s", got, want)
			}
		})
	}
	for _, filter := range glob(t, filepath.Join(root, "etc_fail2ban", "filter.d", "*.conf")) {
		name := strings.TrimSuffix(filepath.Base(filter), ".conf")
		if _, err := os.Stat(filepath.Join(root, "testdata", "filters", name+".log")); err != nil && name != "common" {
			t.Errorf("filter %s has no lines in testdata/filters", name)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing at %s: %v", pattern, err)
	}
	return paths
}

// wantedIDs reads the "# ID" lines; "# -" says that nothing may be found.
func wantedIDs(t *testing.T, log string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var ids strings.Builder
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(line, "# "); ok && id != "-\n" {
			ids.WriteString(id)
		}
	}
	return ids.String()
}

func found(t *testing.T, argv []string) string {
	t.Helper()
	text, code := output(t, argv...)
	if code != 0 {
		t.Fatalf("%v ended with %d:\n%s", argv, code, text)
	}
	return text
}

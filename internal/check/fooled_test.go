package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"f2b-go/config"
	"f2b-go/internal/check"
	"f2b-go/internal/testenv"
)

// TestFooledFilters enables the jails of the stock configurations: a warning comes
// with those that are fooled, and with no other.
func TestFooledFilters_C1(t *testing.T) {
	want := map[string]string{
		"ours":     "asterisk",
		"1.1.1":    "asterisk courier-auth nginx-botsearch nginx-http-auth vsftpd",
		"1.1.0":    "asterisk courier-auth exim nginx-botsearch nginx-http-auth vsftpd",
		"Debian's": "asterisk courier-auth exim nginx-botsearch nginx-http-auth vsftpd",
	}
	for name, dir := range stockTrees(t) {
		tree := filepath.Join(t.TempDir(), "etc")
		if err := os.CopyFS(tree, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "jail.local"), []byte("[DEFAULT]\nenabled = true\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range check.Run(config.Options{Dir: tree}).Faults {
			if _, filter, ok := strings.Cut(f.Text, "docs/differences.md shows it under "); ok && f.Severity == check.Warning {
				got = append(got, filter)
			}
		}
		slices.Sort(got)
		if text := strings.Join(slices.Compact(got), " "); text != want[name] {
			t.Errorf("%s: fooled are %q, want %q", name, text, want[name])
		}
	}
}

// TestFooledLinesDocumented finds each line in docs/differences.md.
func TestFooledLinesDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range check.FooledLines {
		if !strings.Contains(string(text), l.Line) || !strings.Contains(string(text), fmt.Sprintf("`%s`", l.Filter)) {
			t.Errorf("%s: not in docs/differences.md: %s", l.Filter, l.Line)
		}
	}
}

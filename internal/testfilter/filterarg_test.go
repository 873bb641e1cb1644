package testfilter

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaultsOfFilterNameThePlace tries files at which fail2ban-regex falls over.
func TestFaultsOfFilterNameThePlace(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "filter.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"[Definition]\nfailregex = ^<HOST>$\ndatepattern = %Y\n": "'%' must be followed by '%' or '(', found: '%Y' (FILE:3: write %% for a percent sign)\n",
		"[Definition]\nfailregex =\n":                            "Use   failregex line : f\nERROR: No failure-id group in 'f'\n",
		"failregex = ^<HOST>$\n":                                 "file: 'FILE', line: 1\n'failregex = ^<HOST>$\\n'\nERROR: failed to load filter f\n",
	} {
		file := filepath.Join(dir, "filter.d", "f.conf")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := Main([]string{"-c", dir, "192.0.2.1", "f"}, strings.NewReader(""), &out, &errs, "test-filter")
		if got := strings.ReplaceAll(out.String(), file, "FILE"); code != 255 || !strings.HasSuffix(got, want) {
			t.Errorf("%q: exit code %d, %q, want %q at its end; stderr %q", text, code, got, want, errs.String())
		}
	}
}

// TestBrokenDatePattern: a date pattern that does not compile is told once, not
// at each line, and ends the run as in fail2ban-regex.
func TestBrokenDatePattern(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(strings.Repeat("2026-11-22 12:00:00 from 192.0.2.1\n", 3)), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = "ERROR: the date pattern does not compile: unterminated character set at position 2\n"
	for _, more := range [][]string{{}, {"--json"}, {"-o", "id"}, {"-L", "2"}, {"--explain"}} {
		var out, errs bytes.Buffer
		code := Main(append(more, "-d", "^[", log, `^\s*from <HOST>$`), strings.NewReader(""), &out, &errs, "test-filter")
		if got := out.String() + errs.String(); code != 255 || !strings.HasSuffix(got, want) || strings.Count(got, "compile") != 1 {
			t.Errorf("%v: exit code %d, %q", more, code, got)
		}
	}
}

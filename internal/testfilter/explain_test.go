package testfilter

import (
	goflag "flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

var update = goflag.Bool("update", false, "write what is printed into testdata/explain")

// secondsTaken is the only thing in a report that changes from run to run.
var secondsTaken = regexp.MustCompile(`\[processed in [\d.]+ sec\]`)

// inUTC makes the local zone UTC and the encoding UTF-8.
func inUTC(t *testing.T) {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	t.Setenv("LC_ALL", "C.UTF-8")
}

// hostileText stands for bytes that a text file should not have.
var hostileText = strings.NewReplacer("ESC", "\x1b", "BIDI", "\u202emoc\u202c\u200b", "BROKENBYTE", "\xff\x9b1m\t", "LONG", strings.Repeat("lengthy ", 30))

// TestExplain compares explanations with testdata/explain: files of a case, args
// of its command line, and want.
func TestExplain(t *testing.T) {
	inUTC(t)
	cases, err := filepath.Glob(filepath.Join(testenv.Root(t), "testdata", "explain", "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(text), "-- want --\n")
			got := explainCase(t, given)
			if !*update {
				sameText(t, got, want)
				return
			}
			if err := os.WriteFile(path, []byte(given+"-- want --\n"+got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// explainCase runs a case in a directory of its own, which it fills with the
// case's files: each begins with a line "-- name --". args has a word a line.
func explainCase(t *testing.T, given string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	var args []string
	for _, part := range strings.Split("\n"+given, "\n-- ")[1:] {
		name, data, _ := strings.Cut(part, " --\n")
		if name == "args" {
			args = strings.Split(strings.TrimSuffix(data, "\n"), "\n")
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "log" {
			data = hostileText.Replace(data) + "\n"
		}
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := ours(append([]string{"--explain"}, args...))
	if got.Code != exitDone || got.Err != "" {
		t.Errorf("exit code %d, stderr %q", got.Code, got.Err)
	}
	return secondsTaken.ReplaceAllString(got.Out, "[processed in 0.00 sec]")
}

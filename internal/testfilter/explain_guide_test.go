package testfilter

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// guideBlock is a block of the guide that is a file, or a command with what it
// prints.
var guideBlock = regexp.MustCompile("(?s)<!-- (file: \\S+|run) -->\n```\\w*\n(.*?)```\n")

// TestGuide runs the example of docs/guide.md: the files are written and the
// commands run in their order, and print of each line what the guide says.
func TestGuide(t *testing.T) {
	inUTC(t)
	path := filepath.Join(testenv.Root(t), "docs", "guide.md")
	guide, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	text := guideBlock.ReplaceAllStringFunc(string(guide), func(block string) string {
		m := guideBlock.FindStringSubmatch(block)
		if name, ok := strings.CutPrefix(m[1], "file: "); ok {
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			return block
		}
		ran++
		command, want, _ := strings.Cut(m[2], "\n")
		words := strings.Fields(strings.TrimPrefix(command, "$ f2b-go test-filter "))
		got := ours(words)
		if got.Code != exitDone || got.Err != "" {
			t.Errorf("%s: exit code %d, stderr %q", command, got.Code, got.Err)
		}
		_, told, _ := strings.Cut(got.Out, "\n\nline 1:")
		told, rest, _ := strings.Cut("line 1:"+told, "\n\n\nResults\n")
		if i := strings.LastIndex(rest, "\nJail "); i >= 0 {
			told += "\n\n" + strings.TrimSuffix(rest[i+1:], "\n")
		}
		told += "\n"
		if !*update {
			sameText(t, told, want)
		}
		return strings.Replace(block, m[2], command+"\n"+told, 1)
	})
	if ran < 2 {
		t.Errorf("%d commands found in the guide", ran)
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

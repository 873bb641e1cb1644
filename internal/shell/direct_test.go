package shell

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestWordsAreTheShells holds the words of random scripts against those that
// dash, bash and busybox make of them, in a directory where patterns match.
func TestWordsAreTheShells(t *testing.T) {
	const alphabet = `ab0 -_./,:+=@%\\\'"#&;|*?~<>^()[]{}$!` + "`\n\té"
	runes := []rune(alphabet)
	random := rand.New(rand.NewPCG(1, 2))
	scripts, want := "show() { for a; do printf '<%s>' \"$a\"; done; echo; }\n", ""
	taken := 0
	for range 60000 {
		script := make([]rune, random.IntN(12))
		for i := range script {
			script[i] = runes[random.IntN(len(runes))]
		}
		words, ok := plainWords("show " + string(script))
		if !ok {
			continue
		}
		taken++
		scripts += "show " + string(script) + "\n"
		for _, w := range words[1:] {
			want += "<" + w + ">"
		}
		want += "\n"
	}
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		path, err := exec.LookPath(sh[0])
		if err != nil {
			t.Logf("there is no %s here", sh[0])
			continue
		}
		cmd := exec.Command(path, append(sh[1:], "-s")...)
		cmd.Dir = t.TempDir()
		cmd.Stdin = strings.NewReader(": >a; : >b\n" + scripts)
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != want {
			t.Errorf("%v: %v; its words differ from line %d on:\n%s", sh, err, differs(string(got), want), got[:min(len(got), 400)])
		}
	}
	t.Logf("%d scripts need no shell", taken)
}

// differs is the first line in which two texts differ, from 1.
func differs(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count([]byte(a[:n]), []byte("\n"))
}

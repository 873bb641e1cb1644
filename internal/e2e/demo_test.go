package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDemo runs the newcomer's first command as root, with real packets, and as
// nobody, with the commands shown; it ends by itself and leaves nothing.
func TestDemo(t *testing.T) {
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	for name, c := range map[string]struct {
		who  *syscall.Credential
		want []string
	}{
		"root": {nil, []string{"his packets get through.", "the kernel holds the ban:", "Banned IP list:\t192.0.2.66",
			"his packets are stopped.", "The ban is lifted.", "his packets get through again.", "That was the demo."}},
		"nobody": {nobody, []string{"bans in the kernel take root", "the server would run:", "nft add element", "Banned IP list:\t192.0.2.66",
			"The ban is lifted.", "That was the demo."}},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			t.Parallel()
			scratch := t.TempDir()
			for dir := scratch; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			cmd := exec.Command(ours("f2b-go"), "demo")
			cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
			cmd.Dir = "/"
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.who}
			begin := time.Now()
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("the demo took %v", took)
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

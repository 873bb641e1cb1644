package action_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakes are the programs that stock actions call to change a system; in the
// sandbox each takes what it is given and succeeds.
const fakes = `usr/bin: ip iptables ip6tables ipset nft firewall-cmd ufw pfctl ipfw shorewall shorewall6 apf csf curl wget
	mail ssh dig whois geoiplookup jq nginx apprise perl hostname nsupdate
	usr/sbin: ipf npfctl sendmail usr/libexec: afctl`

// answers are what some of them print, since an action waits for it.
var answers = map[string]string{"wget": "echo Attack Report Insert Successful\n"}

// tools are the real programs that stock actions use on texts and files, and the
// shells.
const tools = `dash bash busybox awk cat cut date expr fgrep grep head rm sed sleep tail touch tr truncate uname wc mkdir id env`

// inSandbox calls f on a thread in a root folder of its own: its libraries are
// the machine's, its tools copies, and the programs that would change a system
// are fakes. Programs that f starts itself live there too.
func inSandbox(t *testing.T, f func() error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a sandbox for running actions needs root")
	}
	root := t.TempDir()
	fillSandbox(t, root)
	done := make(chan error, 1)
	go func() {
		// The thread dies with the goroutine, since no other may get it.
		runtime.LockOSThread()
		err := enterSandbox(root)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// enterSandbox moves the calling thread there. The mounts end with the thread
// and its programs.
func enterSandbox(root string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("leaving the machine's mounts and network: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	for _, dir := range []string{"/usr/lib", "/usr/lib64", "/dev"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := unix.Mount(dir, filepath.Join(root, dir), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
		if dir == "/dev" {
			continue
		}
		if err := unix.Mount("", filepath.Join(root, dir), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("making %s read-only: %w", dir, err)
		}
	}
	if err := unix.Chroot(root); err != nil {
		return fmt.Errorf("moving to %s: %w", root, err)
	}
	return unix.Chdir("/work")
}

// fillSandbox makes the folders that actions write to, tools and fakes.
func fillSandbox(t *testing.T, root string) {
	t.Helper()
	for _, dir := range strings.Fields(`usr/bin usr/sbin usr/lib usr/lib64 usr/libexec dev work tmp run/fail2ban var/run/fail2ban
		var/log etc/nginx etc/symbiosis/firewall/blacklist.d proc/net/xt_recent`) {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+dir, filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range strings.Fields(tools) {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		program, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeProgram(t, filepath.Join(root, "usr/bin", name), program)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/protocols"), []byte("tcp 6 TCP\nudp 17 UDP\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for _, name := range strings.Fields(fakes) {
		if d, ok := strings.CutSuffix(name, ":"); ok {
			dir = d
			continue
		}
		writeProgram(t, filepath.Join(root, dir, name), []byte("#!/bin/dash\ncat >/dev/null\n"+answers[name]))
	}
}

func writeProgram(t *testing.T, path string, program []byte) {
	t.Helper()
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
}

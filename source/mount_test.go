package source

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

// TestALostMount: a log whose file system goes away is waited for; when it is
// back, what was written meanwhile is read once, and a log on another file system
// that stands there meanwhile is read, too.
func TestALostMount(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := t.TempDir()
		remote, mounted := filepath.Join(dir, "remote"), filepath.Join(dir, "mounted")
		do(t, os.Mkdir(remote, 0o755))
		do(t, os.Mkdir(mounted, 0o755))
		mount := func() error { return unix.Mount(remote, mounted, "", unix.MS_BIND, "") }
		unmount := func() error { return unix.Unmount(mounted, unix.MNT_DETACH) }
		if err := mount(); err != nil {
			t.Logf("not checked: this process may not mount: %v", err)
			return
		}
		t.Cleanup(func() { _ = unmount() }) // it may be unmounted already
		path, behind := filepath.Join(mounted, "app.log"), filepath.Join(remote, "app.log")
		write(t, behind, "one\n")
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		c.want(t, "one")
		do(t, unmount())
		testenv.Eventually(t, "the absence", func() bool { return sub.s.currentFile() == nil })
		write(t, path, "below\n") // in the empty directory under the mount
		c.want(t, "one", "below")
		write(t, behind, "two\n")
		do(t, mount())
		write(t, behind, "three\n")
		c.until(t, "the lines of the mount", func(lines []string) bool { return len(lines) >= 4 })
		write(t, path, "four\n")
		c.want(t, "one", "below", "two", "three", "four")
	})
}

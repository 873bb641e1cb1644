package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

// TestFullDisk: when the database's disk is full, bans go on, the log tells of it
// in few lines, and once there is room the database works again.
func TestFullDisk(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := errors.Join(os.Mkdir(disk, 0o700), unix.Mount("none", disk, "tmpfs", 0, "size=2m")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	databaseEtc(t, dir, filepath.Join(disk, "f2b.sqlite3"), "")
	s := oursPlain(t, dir)
	fail(t, dir, "192.0.2.1", 2)
	acted := func(text string) func() bool {
		return func() bool {
			did, _ := os.ReadFile(filepath.Join(dir, "acted"))
			return strings.Contains(string(did), text)
		}
	}
	testenv.Eventually(t, "the first ban", acted("ban 192.0.2.1 "))
	ballast := filepath.Join(disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, ip := range []string{"192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"} {
		fail(t, dir, ip, 2)
		testenv.Eventually(t, "a ban on a full disk", acted("ban "+ip+" "))
	}
	if n := strings.Count(s.log(), "disk is full"); n == 0 || n > 12 {
		t.Errorf("%d lines tell that the disk is full:\n%s", n, s.log())
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	fail(t, dir, "192.0.2.6", 2)
	testenv.Eventually(t, "a ban with room again", acted("ban 192.0.2.6 "))
	s.ask("stop")
	<-s.ended
	s = oursPlain(t, dir)
	for _, ip := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.5", "192.0.2.6"} {
		testenv.Eventually(t, "the ban is restored", acted("ban "+ip+" restored 1"))
	}
	t.Logf("restored after the full disk: %s", s.ask("get", "j", "banip"))
}

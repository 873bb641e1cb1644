package mail_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/action/mail"
	"f2b-go/internal/mailtest"
)

// smallDisk is a file system of so many pages, which nobody else sees. It goes
// with the test.
func smallDisk(t *testing.T, pages int) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a disk of a test's own needs root")
	}
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fs) }()
	size := strconv.Itoa(pages * os.Getpagesize())
	if err := errors.Join(unix.FsconfigSetString(fs, "size", size), unix.FsconfigCreate(fs)); err != nil {
		t.Fatal(err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(mount) })
	return fmt.Sprintf("/proc/self/fd/%d", mount)
}

// spoolHolds wants so many whole notices in a spool and nothing else.
func spoolHolds(t *testing.T, spool, when string, want int) {
	t.Helper()
	drafts := func(file string) bool { return !strings.HasSuffix(file, ".json") }
	if files := glob(t, spool); len(files) != want || slices.ContainsFunc(files, drafts) {
		t.Errorf("%s the spool holds %v, want %d notices", when, files, want)
	}
}

// TestFullDisk: a spool without room is one error and holds up no ban. What it
// holds stays whole, what comes then waits in memory, and with room again is
// written down and sent after the next start.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 8)
	spool, other := filepath.Join(disk, "spool"), filepath.Join(disk, "other")
	if err := os.WriteFile(other, make([]byte, 4*os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		s := settings()
		s.Spool = spool
		put := func(p *mail.Post, numbers ...int) {
			for _, n := range numbers {
				p.Put(notice(n))
				synctest.Wait()
			}
		}
		d.pipe.Break(errors.New("no way there"))
		p := d.open("sshd", s)
		put(p, 1, 2, 3, 4, 5, 6)
		spoolHolds(t, spool, "full,", 4)
		d.log.wants(t, "no way there", "ERROR writing to the mail spool: write ")
		p.Close()
		d.log.wants(t, "the server stops, 2 mails could not be sent")

		d.Office = d.office()
		p = d.open("sshd", s)
		synctest.Wait()
		put(p, 7, 8)
		spoolHolds(t, spool, "after a start", 4)
		d.log.wants(t, "no way there", "no space left on device; notices wait in memory")
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		put(p, 9)
		spoolHolds(t, spool, "with room again", 7)
		d.log.wants(t, "INFO The mail spool "+spool+" takes notices again")
		p.Close()
		d.log.wants(t)

		d.Office = d.office()
		d.pipe.Break(nil)
		p = d.open("sshd", s)
		after(time.Minute)
		var got []string
		for _, subject := range subjects(t, d.server.Arrived()) {
			got = append(got, strings.Fields(subject)[3])
		}
		slices.Sort(got)
		if want := "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.7 192.0.2.8 192.0.2.9"; strings.Join(got, " ") != want {
			t.Errorf("mails about %v, want %s", got, want)
		}
		spoolHolds(t, spool, "in the end", 0)
		p.Close()
		d.log.wants(t)
	})
}

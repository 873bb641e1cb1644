package source

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"f2b-go/internal/testenv"
)

func TestRefusesWhatIsNoFile_C11(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	do(t, unix.Mkfifo(fifo, 0o600))
	link := filepath.Join(dir, "link")
	do(t, os.Symlink("/dev/zero", link))
	w := running(t, Options{})
	for path, kind := range map[string]string{fifo: "FIFO", dir: "directory", "/dev/null": "device", link: "device"} {
		for _, wait := range []bool{false, true} {
			_, err := w.Add(path, AddOptions{Wait: wait}, newCollector())
			if !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestALogReplacedByAFIFOBlocksNothing_C11(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		dir := t.TempDir()
		path, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "other.log")
		write(t, path, "one\n")
		write(t, other, "")
		logged := &testenv.Buffer{}
		opt.Log = logTo(logged)
		w := running(t, opt)
		c, _ := add(t, w, path, AddOptions{})
		o, _ := add(t, w, other, AddOptions{})
		c.want(t, "one")
		do(t, os.Remove(path))
		do(t, unix.Mkfifo(path, 0o600))
		testenv.Eventually(t, "the complaint", func() bool { return strings.Contains(logged.String(), "is a FIFO") })
		write(t, other, "goes on\n")
		o.want(t, "goes on")
		do(t, os.Remove(path))
		write(t, path, "two\n")
		c.want(t, "one", "two")
		if n := strings.Count(logged.String(), "is a FIFO"); n != 1 {
			t.Errorf("complained %d times", n)
		}
	})
}

func TestLinksOfOthersAreRefusedWhenAsked_C11(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can make a link that belongs to another user: not checked")
		return
	}
	dir := t.TempDir()
	secret, link := filepath.Join(dir, "secret"), filepath.Join(dir, "link.log")
	write(t, secret, "x\n")
	do(t, os.Symlink(secret, link))
	do(t, os.Lchown(link, 65534, 65534))
	if _, err := running(t, Options{StrictLinks: true}).Add(link, AddOptions{}, newCollector()); !errors.Is(err, ErrForeignLink) {
		t.Errorf("strict: %v", err)
	}
	add(t, running(t, Options{}), link, AddOptions{})
}

// TestPermissionLostAndGivenBack runs itself as nobody, whom permissions bind.
func TestPermissionLostAndGivenBack(t *testing.T) {
	if os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("", "f2b-nobody")
		do(t, err)
		defer os.RemoveAll(dir)
		do(t, os.Chmod(dir, 0o755))
		exe := filepath.Join(dir, "test")
		data, err := os.ReadFile("/proc/self/exe")
		do(t, err)
		do(t, os.WriteFile(exe, data, 0o755))
		work := filepath.Join(dir, "work")
		do(t, os.Mkdir(work, 0o777))
		do(t, os.Chmod(work, 0o777))
		cmd := exec.Command(exe, "-test.run=^TestPermissionLostAndGivenBack$")
		cmd.Env = []string{"TMPDIR=" + work, "PATH=" + os.Getenv("PATH")}
		cmd.Dir = work
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		write(t, path, "one\n")
		do(t, os.Chmod(path, 0))
		logged := &testenv.Buffer{}
		opt.Log = logTo(logged)
		w := running(t, opt)
		if _, err := w.Add(path, AddOptions{}, newCollector()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("adding an unreadable file says %v", err)
		}
		c, _ := add(t, w, path, AddOptions{Wait: true})
		do(t, os.Chmod(path, 0o644))
		c.want(t, "one")
		do(t, os.Rename(path, path+".1"))
		do(t, os.WriteFile(path, []byte("two\n"), 0))
		write(t, path+".1", "late\n")
		c.want(t, "one", "late")
		do(t, os.Chmod(path, 0o644))
		c.want(t, "one", "late", "two")
		if !strings.Contains(logged.String(), "permission denied") {
			t.Errorf("nothing said about the permission:\n%s", logged)
		}
	})
}

func TestALineWithoutEndTakesBoundedMemory_C9(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\nlong ")
	const size = 1 << 30
	do(t, os.Truncate(path, size)) // a hole reads as NUL bytes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	logged := &testenv.Buffer{}
	w := running(t, Options{Log: logTo(logged)})
	c, _ := add(t, w, path, AddOptions{})
	c.want(t, "one")
	testenv.Eventually(t, "the warning", func() bool { return strings.Contains(logged.String(), "longer than") })
	write(t, path, "\ntwo\n")
	lines := c.until(t, "the line after", func(lines []string) bool { return len(lines) == 3 })
	if len(lines[1]) != MaxLine || !strings.HasPrefix(lines[1], "long \x00") || lines[2] != "two" {
		t.Errorf("long line came as %d bytes, then %q", len(lines[1]), lines[2])
	}
	if n := strings.Count(logged.String(), "longer than"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	if end := c.all()[len(c.all())-1].End; end != size+5 {
		t.Errorf("ends at %d", end)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
		t.Errorf("heap grew by %d MiB", grown>>20)
	}
}

func TestAWriterThatDoesNotAppendLeavesAHole(t *testing.T) {
	backends(t, func(t *testing.T, opt Options) {
		path := filepath.Join(t.TempDir(), "app.log")
		f, err := os.Create(path)
		do(t, err)
		defer f.Close()
		text, lines := numbered(0, 20_000)
		_, err = f.WriteString(text)
		do(t, err)
		w := running(t, opt)
		c, sub := add(t, w, path, AddOptions{})
		c.want(t, lines...)
		do(t, f.Truncate(0))
		testenv.Eventually(t, "the truncation to be seen", func() bool { o, _ := sub.Position(); return o == 0 })
		_, err = f.WriteString("after\n")
		do(t, err)
		c.want(t, append(lines, "after")...)
	})
}

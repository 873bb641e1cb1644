package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// programVariable makes the test binary run as one of the programs.
const programVariable = "F2B_GO_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if socket := os.Getenv(zygoteVariable); socket != "" {
		os.Exit(callZygote(socket, os.Args[1:]))
	}
	if name := os.Getenv(programVariable); name != "" {
		if base := filepath.Base(os.Args[0]); base == ServerName || base == ClientName {
			name = base
		}
		os.Exit(Main(Program{Name: name, Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// self is a call of one of the programs, as a process of its own.
func self(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	// The race detector would have each process wait a second at its end.
	cmd.Env = append(os.Environ(), programVariable+"="+name, "LC_ALL=C.UTF-8", "TZ=UTC", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// debian is a call of one of Debian's programs.
func debian(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(testenv.Python, append([]string{"/usr/bin/" + name}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	return cmd
}

// outcome is what a call printed and its exit code.
type outcome struct {
	out, err string
	code     int
}

func call(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// scratch is a folder with a configuration, its log files and a server's files.
type scratch struct {
	t   *testing.T
	dir string
}

func newScratch(t *testing.T, files map[string]string) *scratch {
	t.Helper()
	s := &scratch{t, t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.read("f2b.log"))
		}
		s.endBackground()
	})
	for name, text := range files {
		s.write(name, text)
	}
	return s
}

// endBackground ends a server that a failed test has left in the background.
func (s *scratch) endBackground() {
	pid, err := strconv.Atoi(strings.TrimSpace(s.read("f2b.pid")))
	if err != nil {
		return
	}
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(line, []byte(s.dir)) {
		s.t.Logf("ending the server that was left in the background: %v", syscall.Kill(pid, syscall.SIGKILL))
	}
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

// write writes a file; DIR in its text stands for the folder.
func (s *scratch) write(name, text string) {
	s.t.Helper()
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", s.dir)), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scratch) append(name, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, text); err != nil {
		s.t.Fatal(err)
	}
}

// read returns a file's text, "" where there is none.
func (s *scratch) read(name string) string {
	data, err := os.ReadFile(s.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(data)
}

// args are the options that keep a call inside the folder.
func (s *scratch) args(more ...string) []string {
	return append([]string{"-c", s.path("etc"), "-s", s.path("f2b.sock"), "-p", s.path("f2b.pid"),
		"--logtarget", s.path("f2b.log")}, more...)
}

// here are commands with the folder in the place of DIR.
func (s *scratch) here(commands [][]string) [][]string {
	out := make([][]string, len(commands))
	for i, words := range commands {
		for _, w := range words {
			out[i] = append(out[i], strings.ReplaceAll(w, "DIR", s.dir))
		}
	}
	return out
}

// client asks the server by our client.
func (s *scratch) client(words ...string) outcome {
	s.t.Helper()
	return call(s.t, self(ClientName, s.args(words...)...))
}

// process is a server in the foreground.
type process struct {
	s     *scratch
	cmd   *exec.Cmd
	out   testenv.Buffer
	ended chan struct{}
}

// run starts a server and waits until it is ready, or has ended.
func (s *scratch) run(cmd *exec.Cmd) *process {
	s.t.Helper()
	p := &process{s: s, cmd: cmd, ended: make(chan struct{})}
	cmd.Dir = s.dir // a log target may be no absolute path
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	s.t.Cleanup(func() { p.stop(syscall.SIGTERM) })
	testenv.Eventually(s.t, "the server is ready or ended", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return strings.Contains(p.out.String(), "Server ready")
		}
	})
	return p
}

// serve runs our server on the folder's configuration.
func (s *scratch) serve(more ...string) *process {
	s.t.Helper()
	return s.run(self(ServerName, append(s.args("-f"), more...)...))
}

// serveDebian starts Debian's server in the foreground.
func (s *scratch) serveDebian() *process {
	s.t.Helper()
	return s.run(debian(ServerName, append(s.args("-f"), "start")...))
}

// stop sends a signal and returns the exit code.
func (p *process) stop(sig syscall.Signal) int {
	p.s.t.Helper()
	select {
	case <-p.ended:
	default:
		_ = p.cmd.Process.Signal(sig)
	}
	return p.wait()
}

func (p *process) wait() int {
	p.s.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		p.s.t.Fatalf("the server did not end\n%s\n%s", p.out.String(), p.s.read("f2b.log"))
	}
	return p.cmd.ProcessState.ExitCode()
}

// simple is a small configuration: one jail on one log, an action that writes
// down what it is told.
func simple() map[string]string {
	return map[string]string{
		"etc/fail2ban.conf": "[Definition]\nloglevel = INFO\nlogtarget = DIR/f2b.log\nsyslogsocket = auto\nsocket = DIR/f2b.sock\n" +
			"pidfile = DIR/f2b.pid\nallowipv6 = auto\ndbfile = None\ndbpurgeage = 1d\n",
		"etc/jail.conf": "[DEFAULT]\nbackend = polling\nusedns = no\nignoreself = false\n" +
			"[j1]\nenabled = true\nfilter = f1\naction = a1\nlogpath = DIR/j1.log\nmaxretry = 2\nfindtime = 10m\nbantime = 1h\n" +
			"ignoreip = 10.0.0.0/8 192.168.7.7\n" +
			"[j2]\nenabled = true\nfilter = f1[x=y]\naction = a1[name=second]\n         a2\nlogpath = DIR/j1.log\n          DIR/j2.log\nbantime = -1\n",
		"etc/filter.d/f1.conf": "[Definition]\nfailregex = ^\\s*from <HOST>$\n            ^\\s*user <F-USER>\\S+</F-USER> from <HOST>\n" +
			"ignoreregex = ^\\s*ok\ndatepattern = %%Y-%%m-%%d %%H:%%M:%%S\n",
		"etc/action.d/a1.conf": "[Definition]\nactionstart = echo start <name> >>DIR/act\nactionban = echo ban <name> <ip> >>DIR/act\n" +
			"actionunban = echo unban <name> <ip> >>DIR/act\nactionstop = echo stop <name> >>DIR/act\nactioncheck =\n[Init]\nname = default\n",
		"etc/action.d/a2.conf": "[Definition]\nactionban = echo a2\n",
		"j1.log":               "",
		"j2.log":               "",
	}
}

// failures are lines of the simple filter, now.
func failures(address string, n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "%s from %s\n", time.Now().UTC().Format(time.DateTime), address)
	}
	return b.String()
}

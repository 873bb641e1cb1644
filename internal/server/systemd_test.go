package server

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// told collects what a service tells systemd.
type told struct {
	conn *net.UnixConn
	mu   sync.Mutex
	all  []string
}

func listenForState(t *testing.T, path string) *told {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	n := &told{conn: conn}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			k, err := conn.Read(buf)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.all = append(n.all, strings.ReplaceAll(strings.TrimSpace(string(buf[:k])), "\n", " "))
			n.mu.Unlock()
		}
	}()
	return n
}

// states are the messages but for signs of life, without numbers that change.
func (n *told) states() (states []string, signs int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.all {
		if line == "WATCHDOG=1" {
			signs++
			continue
		}
		if before, _, ok := strings.Cut(line, " MONOTONIC_USEC="); ok {
			line = before
		}
		states = append(states, line)
	}
	return states, signs
}

// TestSystemdState: readiness, a reload that succeeds and one that fails, the
// signs of life, and the end, as sd_notify(3) has them.
func TestSystemdState(t *testing.T) {
	s := newScratch(t, simple())
	n := listenForState(t, s.path("notify"))
	cmd := self(ServerName, s.args("-f")...)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path("notify"), "WATCHDOG_USEC=100000")
	p := s.run(cmd)
	testenv.Eventually(t, "three signs of life", func() bool { _, signs := n.states(); return signs >= 3 })
	if got := s.client("reload"); got.code != 0 {
		t.Errorf("reload: %+v", got)
	}
	s.write("etc/jail.d/z.local", "[j1]\nmaxretry = x\n")
	if got := s.client("reload"); got.code != 255 {
		t.Errorf("bad reload: %+v", got)
	}
	s.write("etc/jail.d/z.local", "[j2]\nenabled = false\n")
	if got := s.client("reload"); got.code != 0 {
		t.Errorf("reload: %+v", got)
	}
	s.client("stop")
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	ready := "READY=1 MAINPID=" + strconv.Itoa(p.cmd.Process.Pid) + " STATUS="
	want := []string{ready + "2 jails", "RELOADING=1", ready + "2 jails", "RELOADING=1", ready + "2 jails",
		"RELOADING=1", ready + "1 jails", "STOPPING=1 STATUS=stopping"}
	got, _ := n.states()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestSocketActivation: systemd has the socket, a client that came before the
// server is answered, and the file stays.
func TestSocketActivation(t *testing.T) {
	s := newScratch(t, simple())
	var files []*os.File
	for _, name := range []string{"other.sock", "f2b.sock"} {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path(name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
	}
	early := make(chan outcome, 1)
	go func() { early <- s.client("ping") }()
	server := self(ServerName, s.args("-f", "start")...)
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh", server.Path}, server.Args[1:]...)...)
	cmd.Env = slices.Concat(server.Env, []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=other:fail2ban"})
	cmd.ExtraFiles = files
	p := s.run(cmd)
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-early; got.out != "Server replied: pong\n" {
		t.Errorf("who came early: %+v", got)
	}
	if got := s.client("status"); !strings.HasSuffix(got.out, "Jail list:\tj1, j2\n") {
		t.Errorf("status: %+v", got)
	}
	if _, err := net.Dial("unix", s.path("other.sock")); err == nil {
		t.Error("the other socket is held open")
	}
	s.client("stop")
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.out.String())
	}
	if _, err := os.Lstat(s.path("f2b.sock")); err != nil {
		t.Errorf("systemd's socket: %v", err)
	}
	if _, err := os.Lstat(s.path("f2b.pid")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the pid file: %v", err)
	}
}

// TestSocketGroup: members of socket_group may ask, and change nothing; others
// may not even ask.
func TestSocketGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can become somebody else: not tried")
		return
	}
	files := simple()
	files["etc/fail2ban.local"] = "[Definition]\nsocket_group = 64999\n"
	for name, start := range map[string]func(s *scratch){
		"foreground": func(s *scratch) { s.serve() },
		"background": func(s *scratch) {
			if got := s.client("start"); got.code != 0 {
				t.Errorf("start: %+v", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScratch(t, files)
			start(s)
			readable(t, s)
			info, err := os.Stat(s.path("f2b.sock"))
			if err != nil || info.Mode().Perm() != 0o660 || info.Sys().(*syscall.Stat_t).Gid != 64999 {
				t.Errorf("the socket: %v, %v", info, err)
			}
			as := func(uid uint32, groups ...uint32) func(words ...string) outcome {
				return func(words ...string) outcome {
					cmd := self(ClientName, s.args(words...)...)
					cmd.Path = s.path("program")
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: 65534, Groups: groups}}
					return call(t, cmd)
				}
			}
			member, stranger := as(65534, 1, 2, 64999), as(65534, 1, 2)
			for _, words := range []string{"ping", "version", "status", "status j1", "stats", "banned", "get j1 bantime", "get j1 banip --with-time",
				"get j1 actions", "get loglevel"} {
				if got := member(strings.Fields(words)...); got.code != 0 {
					t.Errorf("%s: %+v", words, got)
				}
			}
			for _, words := range []string{"stop", "set j1 banip 192.0.2.1", "unban --all", "set loglevel DEBUG", "flushlogs", "stop j1", "start j1",
				"reload", "get j1 action a1 actionban", "sleep 1", "add x"} {
				got := member(strings.Fields(words)...)
				if got.code != 255 || got.out != "Permission denied: members of the socket's group may only read\n" {
					t.Errorf("%s: %+v", words, got)
				}
			}
			if got := stranger("ping"); got.code != 255 || !strings.Contains(got.err, "Permission denied to socket") {
				t.Errorf("a stranger: %+v", got)
			}
			// Whoever opens the file to all lets nobody in.
			if err := os.Chmod(s.path("f2b.sock"), 0o666); err != nil {
				t.Fatal(err)
			}
			if got := stranger("ping"); got.code != 255 || strings.Contains(got.out, "pong") {
				t.Errorf("a stranger before an open door: %+v", got)
			}
			if got := s.client("stop"); got.code != 0 {
				t.Errorf("stop: %+v", got)
			}
		})
	}
}

// readable lets everybody enter the folder, and run the program there.
func readable(t *testing.T, s *scratch) {
	t.Helper()
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("program"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		// Another test's child may hold the file open for writing for a moment.
		err := exec.Command(s.path("program"), "-test.list=^$").Run()
		if !errors.Is(err, syscall.ETXTBSY) || time.Now().After(deadline) {
			return
		}
	}
}

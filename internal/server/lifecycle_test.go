package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// TestMainJob runs on an unmodified Debian configuration with one jail enabled:
// five failed logins, the ban within a second, Debian's own client prints it,
// and after the ban time it is gone.
func TestMainJob(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	for _, backend := range []string{"polling", "auto"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t, map[string]string{"auth.log": ""})
			if err := os.CopyFS(s.path("etc"), os.DirFS("/etc/fail2ban")); err != nil {
				t.Fatal(err)
			}
			s.write("etc/jail.d/zz.local", "[sshd]\nenabled = true\nbackend = "+backend+
				"\nlogpath = DIR/auth.log\nbantime = 2\naction = note\nignoreself = false\n")
			s.write("etc/action.d/note.conf", "[Definition]\nactionban = echo ban <ip> >>DIR/act\nactionunban = echo unban <ip> >>DIR/act\n")
			server := s.serve("start")
			for i := range 5 {
				s.append("auth.log", fmt.Sprintf("%s mail sshd[%d]: Failed password for root from 192.0.2.7 port %d ssh2\n",
					time.Now().UTC().Format(time.Stamp), 100+i, 4700+i))
			}
			took := testenv.Eventually(t, "the ban", func() bool { return strings.Contains(s.read("act"), "ban 192.0.2.7\n") })
			t.Logf("from the fifth line to the command: %v", took)
			if took > time.Second {
				t.Errorf("the ban took %v", took)
			}
			status := call(t, debian(ClientName, s.args("status", "sshd")...))
			if !strings.Contains(status.out, "`- Banned IP list:\t192.0.2.7\n") || status.code != 0 {
				t.Errorf("Debian's client: %+v", status)
			}
			testenv.Eventually(t, "the unban", func() bool { return strings.Contains(s.read("act"), "unban 192.0.2.7\n") })
			if out := s.client("get", "sshd", "banip").out; out != "\n" {
				t.Errorf("still banned: %q", out)
			}
			if code := server.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestForeground_5_6 starts, is asked, and ends on each way to end.
func TestForeground_5_6(t *testing.T) {
	for name, end := range map[string]func(p *process) int{
		"SIGTERM": func(p *process) int { return p.stop(syscall.SIGTERM) },
		"SIGINT":  func(p *process) int { return p.stop(syscall.SIGINT) },
		"stop": func(p *process) int {
			if got := p.s.client("stop"); got.out != "Shutdown successful\n" || got.code != 0 {
				t.Errorf("stop: %+v", got)
			}
			return p.wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t, simple())
			p := s.serve()
			if got := s.client("ping"); got.out != "Server replied: pong\n" || got.err != "" {
				t.Errorf("ping: %+v", got)
			}
			if pid := s.read("f2b.pid"); pid != strconv.Itoa(p.cmd.Process.Pid)+"\n" {
				t.Errorf("pid file holds %q", pid)
			}
			if info, err := os.Stat(s.path("f2b.sock")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the socket: %v %v", info, err)
			}
			comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.cmd.Process.Pid))
			if err != nil || string(comm) != "fail2ban-server\n" {
				t.Errorf("the process is called %q, %v", comm, err)
			}
			if code := end(p); code != 0 {
				t.Errorf("exit code %d\n%s", code, p.out.String())
			}
			for _, left := range []string{"f2b.sock", "f2b.pid"} {
				if _, err := os.Lstat(s.path(left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", left, err)
				}
			}
			if out := p.out.String(); out != "Server ready\n" {
				t.Errorf("printed %q", out)
			}
			inOrder(t, s.read("f2b.log"), strings.Repeat("-", 50), "Starting Fail2ban v1.1.1", "Creating new jail 'j1'",
				"Jail 'j1' uses poller {}", "Initiated 'polling' backend", "Jail 'j1' started", "Shutdown in progress...",
				"Stopping all jails", "Jail 'j1' stopped", "Exiting Fail2ban")
		})
	}
}

// inOrder checks that lines of a log end with these texts, one after the other.
func inOrder(t *testing.T, log string, want ...string) {
	t.Helper()
	rest := log
	for _, text := range want {
		_, after, found := strings.Cut(rest, " "+text+"\n")
		if !found {
			t.Errorf("%q is not in the log, or not in its place:\n%s", text, log)
			return
		}
		rest = after
	}
}

// TestSignals_5_6_3: USR1 reopens the log, HUP ends a server in the foreground
// and does nothing to one in the background.
func TestSignals_5_6_3(t *testing.T) {
	// Under nohup the server would inherit that HUP is ignored.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	s := newScratch(t, simple())
	p := s.serve()
	if err := os.Rename(s.path("f2b.log"), s.path("f2b.log.1")); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the log is written anew", func() bool { return strings.Contains(s.read("f2b.log"), "rollover performed on "+s.path("f2b.log")) })
	if code := p.stop(syscall.SIGHUP); code != -1 {
		t.Errorf("HUP in the foreground: exit code %d", code)
	}
	if got := s.client("start"); got.code != 255 || !strings.Contains(got.err, "not running but the socket exists") {
		t.Errorf("start beside what is left: %+v", got)
	}
	if got := s.client("-x", "start"); got.code != 0 || got.out != "Server ready\n" {
		t.Fatalf("start with -x: %+v\n%s", got, s.read("f2b.log"))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(s.read("f2b.pid")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := s.client("ping"); got.code != 0 {
		t.Errorf("after HUP in the background: %+v", got)
	}
	if got := s.client("stop"); got.code != 0 {
		t.Errorf("stop: %+v", got)
	}
}

// TestBackground_5_2 starts, restarts and stops a server by its client.
func TestBackground_5_2(t *testing.T) {
	for _, program := range []string{ClientName, ServerName} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t, simple())
			run := func(words ...string) outcome { return call(t, self(program, s.args(words...)...)) }
			if got := run("start"); got.code != 0 || got.out != "Server ready\n" || got.err != "" {
				t.Fatalf("start: %+v\n%s", got, s.read("f2b.log"))
			}
			first := s.read("f2b.pid")
			pid := strings.TrimSpace(first)
			if link, err := os.Readlink("/proc/" + pid + "/cwd"); err != nil || link != "/" {
				t.Errorf("the server's folder is %q, %v", link, err)
			}
			if stat := readFile(t, "/proc/"+pid+"/stat"); strings.Fields(stat[strings.LastIndexByte(stat, ')'):])[3] != pid {
				t.Errorf("no session of its own: %s", stat)
			}
			for _, fd := range []string{"0", "1", "2"} {
				if link, err := os.Readlink("/proc/" + pid + "/fd/" + fd); err != nil || link != os.DevNull {
					t.Errorf("descriptor %s is %q, %v", fd, link, err)
				}
			}
			if got := run("start"); got.code != 255 || !strings.Contains(got.err, "ERROR   Server already running\n") {
				t.Errorf("a second start: %+v", got)
			}
			if got := call(t, self(ServerName, s.args("-f", "-x")...)); got.code != 255 || !strings.Contains(got.err, "ERROR   Server already running\n") {
				t.Errorf("a second server in the foreground, forced: %+v", got)
			}
			if got := run("status"); !strings.HasSuffix(got.out, "`- Jail list:\tj1, j2\n") {
				t.Errorf("status: %+v", got)
			}
			if got := run("restart"); got.code != 0 || got.out != "Shutdown successful\nServer ready\n" || s.read("f2b.pid") == first {
				t.Errorf("restart: %+v", got)
			}
			if got := run("stop"); got.code != 0 || got.out != "Shutdown successful\n" {
				t.Errorf("stop: %+v", got)
			}
			inOrder(t, s.read("f2b.log"), "Daemon started", "Exiting Fail2ban", "Daemon started", "Exiting Fail2ban")
		})
	}
}

// TestStartsAtOnce: of several starts at one moment one has a server, which gets the
// configuration once; the others say that there is one.
func TestStartsAtOnce(t *testing.T) {
	t.Parallel()
	s := newScratch(t, simple())
	results := make(chan outcome)
	const starts = 5
	for range starts {
		go func() { results <- call(t, self(ServerName, s.args("start")...)) }()
	}
	ready := 0
	for range starts {
		switch got := <-results; {
		case got.code == 0 && got.out == "Server ready\n":
			ready++
		case got.code != 255 || got.out != "" || !strings.Contains(got.err, "ERROR   Server already running\n"):
			t.Errorf("a start that came second: %+v", got)
		}
	}
	if ready != 1 || strings.Count(s.read("f2b.log"), "Creating new jail 'j1'") != 1 {
		t.Errorf("%d servers are ready\n%s", ready, s.read("f2b.log"))
	}
	if got := s.client("stop"); got.code != 0 {
		t.Errorf("stop: %+v", got)
	}
}

// TestBadRegex_5_2_2: one jail's regex does not compile. The other jails go on;
// a start in the background fails all the same, as fail2ban's does. Client and
// log name the file, the line and what to do. Without any jail there is no server.
func TestBadRegex_5_2_2(t *testing.T) {
	files := simple()
	files["etc/filter.d/bad.conf"] = "[Definition]\nfailregex = ^ok <HOST>\n    ^bad[ <HOST>\n"
	files["etc/jail.d/bad.local"] = "[bad]\nenabled = true\nfilter = bad\naction = a2\nlogpath = DIR/j1.log\n"
	s := newScratch(t, files)
	place := fmt.Sprintf("(%s:3: correct the regex", s.path("etc/filter.d/bad.conf"))
	goesOn := func(address string) {
		t.Helper()
		if got := s.client("status"); !strings.HasSuffix(got.out, "`- Jail list:\tj1, j2\n") {
			t.Errorf("status: %+v", got)
		}
		s.append("j1.log", failures(address, 2))
		testenv.Eventually(t, "the good jails ban", func() bool { return strings.Contains(s.read("act"), "ban j1 "+address) })
	}
	p := s.serve()
	goesOn("192.0.2.1")
	if code := p.stop(syscall.SIGTERM); code != 0 || !strings.Contains(p.out.String(), place) || !strings.Contains(s.read("f2b.log"), place) {
		t.Errorf("foreground: %d\n%s", code, p.out.String())
	}
	got := s.client("start")
	if got.code != 255 || got.out != "Server ready\n" || !strings.Contains(got.err, place) || !strings.Contains(got.err, "NOK: ") {
		t.Errorf("background: %+v", got)
	}
	goesOn("192.0.2.2")
	if got := s.client("stop"); got.code != 0 {
		t.Errorf("stop: %+v", got)
	}
	s.write("etc/jail.d/off.local", "[j1]\nenabled = false\n[j2]\nenabled = false\n")
	if p := s.serve(); p.wait() != 255 || !strings.Contains(p.out.String(), place) {
		t.Errorf("no jail left: %d\n%s", p.wait(), p.out.String())
	}
}

// TestWarningsOfAStart name the option that fail2ban passes over in silence.
func TestWarningsOfAStart(t *testing.T) {
	s := newScratch(t, simple())
	s.write("etc/jail.d/x.local", "[j1]\nmaxretri = 3\nignoreself = flase\n[j3]\n")
	p := s.serve()
	p.stop(syscall.SIGTERM)
	for _, want := range []string{
		"[j1] maxretri: unknown option, and nothing refers to it (" + s.path("etc/jail.d/x.local") + ":2: did you mean maxretry?)\n",
		`[j1] ignoreself: "flase" is neither yes nor no and counts as no (`, "[j3]: unused section: ",
	} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("%s\nwithout %s", p.out.String(), want)
		}
	}
}

// TestBadStart tells each cause in one line that says what to do.
func TestBadStart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *scratch) []string
		want   string
	}{
		"missing log of the only jail": {func(s *scratch) []string {
			s.write("etc/jail.d/x.local", "[j1]\nlogpath = DIR/none.log\n[j2]\nenabled = false\n")
			return nil
		}, "Have not found any log file for 'j1' jail. (DIR/etc/jail.d/x.local:2: correct logpath"},
		"no configuration": {func(s *scratch) []string { return []string{"-c", s.path("nowhere")} },
			"ERROR: Base configuration directory DIR/nowhere does not exist"},
		"bad level": {func(*scratch) []string { return []string{"--loglevel", "XX"} }, "ERROR: Invalid log level 'XX'"},
		"no folder for the socket": {func(s *scratch) []string { return []string{"-s", s.path("a/b/c")} },
			"Unable to bind socket DIR/a/b/c: mkdir DIR/a/b: no such file or directory"},
		"a file where the socket should be": {func(s *scratch) []string {
			s.write("f2b.sock", "mine")
			return []string{"-x"}
		}, "a file that is no socket stands there"},
		"no filter": {func(s *scratch) []string {
			s.write("etc/jail.d/x.local", "[j1]\nfilter = none\n[j2]\nenabled = false\n")
			return nil
		}, "Unable to read the filter 'none' (DIR/etc/jail.d/x.local:2: create filter.d/none.conf or correct the name)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t, simple())
			more := c.change(s)
			p := s.run(self(ServerName, append(s.args("-f"), more...)...))
			code := p.wait()
			want := strings.ReplaceAll(c.want, "DIR", s.dir)
			if code != 255 || !strings.Contains(p.out.String(), want) {
				t.Errorf("code %d, wanted %q:\n%s", code, want, p.out.String())
			}
		})
	}
}

// TestNoPermission runs as nobody where the test is root.
func TestNoPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can become nobody: not tried")
		return
	}
	s := newScratch(t, simple())
	s.serve()
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	nobody := func(cmd *exec.Cmd) *exec.Cmd {
		// The test's binary stands in a folder that nobody may not enter.
		data, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = s.path("program")
		if err := os.WriteFile(cmd.Path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd
	}
	got := call(t, nobody(self(ClientName, s.args("status")...)))
	want := "Permission denied to socket: " + s.path("f2b.sock") + ", (you must be root)"
	if got.code != 255 || !strings.Contains(got.err, want) || strings.Count(got.err, "ERROR") != 1 {
		t.Errorf("a client without permission: %+v", got)
	}
	got = call(t, nobody(self(ServerName, "-f", "-c", s.path("etc"), "-s", "/var/lib/f2b-none/x.sock", "-p", s.path("x.pid"), "--logtarget", "STDERR")))
	if got.code != 255 || !strings.Contains(got.err, "Unable to bind socket /var/lib/f2b-none/x.sock: mkdir /var/lib/f2b-none: permission denied") {
		t.Errorf("a server without permission: %+v", got)
	}
}

// TestEmbedded: f2b-go server without -c and without the folder reads the
// embedded configuration and says so; fail2ban's names do not.
func TestEmbedded(t *testing.T) {
	s := newScratch(t, simple())
	var out testenv.Buffer
	p := Program{Name: ServerName, Args: []string{"-d", "-s", s.path("s"), "-p", s.path("p")}, Out: &out, Err: &out,
		Fallback: os.DirFS(s.path("etc")), home: s.path("nowhere")}
	if code := Main(p); code != 0 || !strings.Contains(out.String(), "['add', 'j1', 'polling']") ||
		!strings.HasPrefix(out.String(), "There is no "+s.path("nowhere")+": using the configuration embedded in this program\n") {
		t.Errorf("code %d:\n%s", code, out.String())
	}
	out = testenv.Buffer{}
	p.Fallback = nil
	if code := Main(p); code != 255 || !strings.HasPrefix(out.String(), "ERROR: Base configuration directory "+s.path("nowhere")+" does not exist") {
		t.Errorf("code %d:\n%s", code, out.String())
	}
}

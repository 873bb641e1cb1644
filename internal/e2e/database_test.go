package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// plainServer is a server without a network namespace of its own: its actions
// write a file.
type plainServer struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	client []string
	ended  chan struct{}
}

// startPlain runs `program -xf start` on dir/etc and waits until it answers.
func startPlain(t *testing.T, dir string, program, client []string) *plainServer {
	t.Helper()
	where := []string{"-c", filepath.Join(dir, "etc"), "-s", filepath.Join(dir, "f2b.sock")}
	s := &plainServer{t: t, dir: dir, client: append(append([]string{}, client...), where...), ended: make(chan struct{})}
	argv := append(append(append([]string{}, program...), where...), "-xf", "-p", filepath.Join(dir, "f2b.pid"), "start")
	s.cmd = exec.Command(argv[0], argv[1:]...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(s.stop)
	testenv.Eventually(t, "the server answers", func() bool {
		_, code := output(t, append(s.client, "ping")...)
		text, _ := output(t, append(s.client, "status")...)
		return code == 0 && strings.Contains(text, "Number of jail:\t1")
	})
	return s
}

func (s *plainServer) stop() {
	select {
	case <-s.ended:
	default:
		_ = s.cmd.Process.Signal(os.Interrupt)
		<-s.ended
	}
}

func (s *plainServer) ask(words ...string) string {
	s.t.Helper()
	text, _ := output(s.t, append(append([]string{}, s.client...), words...)...)
	return strings.TrimSpace(text)
}

// log is what was logged since the last call.
func (s *plainServer) log() string {
	path := filepath.Join(s.dir, "f2b.log")
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// databaseEtc writes a configuration with one jail j on dir/log whose action
// notes what it is told; extra is appended to the jail.
func databaseEtc(t *testing.T, dir, dbfile, extra string) {
	t.Helper()
	if !strings.HasPrefix(extra, "bantime") {
		extra = "bantime = 1d\n" + extra
	}
	for name, text := range map[string]string{
		"fail2ban.conf": "[Definition]\nlogtarget = " + dir + "/f2b.log\nsyslogsocket = auto\nsocket = " + dir + "/f2b.sock\npidfile = " + dir + "/f2b.pid\ndbfile = " + dbfile + "\ndbpurgeage = 1d\ndbmaxmatches = 10\nloglevel = INFO\nallowipv6 = auto\n",
		"jail.conf": fmt.Sprintf("[j]\nenabled = true\nbackend = polling\nfilter = j\nlogpath = %s/log\nusedns = no\nignoreself = false\nmaxretry = 2\n"+
			"findtime = 1h\naction = note\n%s\n", dir, extra),
		"filter.d/j.conf": "[Definition]\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\nfailregex = ^\\s*fail from <ADDR>$\n",
		"action.d/note.conf": fmt.Sprintf("[Definition]\nactionban = echo 'ban <ip> restored <restored> count <bancount>' >> %[1]s/acted\n"+
			"actionunban = echo 'unban <ip>' >> %[1]s/acted\n", dir),
	} {
		writeFile(t, filepath.Join(dir, "etc", name), text)
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
		writeFile(t, filepath.Join(dir, "log"), "first\n")
	}
}

func fail(t *testing.T, dir, address string, times int) {
	t.Helper()
	appendFile(t, filepath.Join(dir, "log"), strings.Repeat(time.Now().Format(time.DateTime)+" fail from "+address+"\n", times))
}

func oursPlain(t *testing.T, dir string) *plainServer {
	t.Helper()
	return startPlain(t, dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
}

// TestDatabaseSettings_5_3_6: what a client sees of the database, and what the
// log says (7.3).
func TestDatabaseSettings_5_3_6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "f2b.sqlite3")
	databaseEtc(t, dir, file, "")
	s := oursPlain(t, dir)
	for _, c := range []struct{ words, want string }{
		{"get dbfile", "Current database file is:\n`- " + file},
		{"get dbmaxmatches", "10"},
		{"set dbmaxmatches 3", "3"},
		{"get dbmaxmatches", "3"},
		{"get dbpurgeage", "Current database purge age is:\n`- 86400seconds"},
		{"set dbpurgeage 2h", "Current database purge age is:\n`- 7200seconds"},
		{"set dbfile /elsewhere", "Cannot change database when there are jails present"},
		{"set dbfile None", "Cannot change database when there are jails present"},
		{"set dbfile " + file, "Current database file is:\n`- " + file},
		{"reload", "OK"},
		{"get dbmaxmatches", "10"},
	} {
		got := s.ask(strings.Fields(c.words)...)
		if got != c.want && (!strings.HasPrefix(c.want, "Cannot") || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.words, got, c.want)
		}
	}
	s.ask("stop")
	<-s.ended
	for _, want := range []string{
		"fail2ban.database       [", "WARNING New database created. Version '4'", "INFO    Connected to fail2ban persistent database '" + file + "'",
		"INFO    Connection to database closed.",
	} {
		if !strings.Contains(s.log(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(s.log())
	}
	if strings.Contains(s.log(), "ERROR   Command ['reload'") {
		t.Error("the reload failed")
	}
	if left, _ := filepath.Glob(file + "-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestNoDatabase: without a database, or with one that can't be opened, bans
// work and the server says once why they will not last.
func TestNoDatabase(t *testing.T) {
	for name, c := range map[string]struct{ file, error string }{
		"None":            {"None", ""},
		"no such folder":  {"/nonexistent/folder/f2b.sqlite3", "unable to open database file"},
		"a folder":        {"DIR", "unable to open database file"},
		"of the future":   {"DIR/future", "version 9"},
		"not a file name": {"/dev/null/x", "unable to open database file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if strings.HasSuffix(c.file, "future") {
				mustRun(t, testenv.Python, "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('create table fail2banDb(version integer)'); "+
					"c.execute('insert into fail2banDb values(9)'); c.commit()", filepath.Join(dir, "future"))
			}
			databaseEtc(t, dir, strings.ReplaceAll(c.file, "DIR", dir), "")
			s := oursPlain(t, dir)
			fail(t, dir, "192.0.2.1", 2)
			testenv.Eventually(t, "the ban", func() bool { return s.ask("get", "j", "banip") == "192.0.2.1" })
			if got := s.ask("get", "dbfile"); got != "Database currently disabled" {
				t.Errorf("get dbfile: %s", got)
			}
			if got := s.ask("reload"); got != "OK" {
				t.Errorf("reload: %s", got)
			}
			s.ask("stop")
			<-s.ended
			n := strings.Count(s.log(), "ERROR   Error connecting to fail2ban persistent database")
			if (c.error != "") != (n == 1) || c.error != "" && !strings.Contains(s.log(), c.error) {
				t.Errorf("%d lines about the database:\n%s", n, s.log())
			}
		})
	}
}

// TestRestore_3_7 starts again on the same files: bans are restored with what is
// left of their time, cut to the jail's (3.7.2), counts go on, and what was
// written meanwhile is judged once.
func TestRestore_3_7(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "f2b.sqlite3")
	databaseEtc(t, dir, file, "")
	s := oursPlain(t, dir)
	fail(t, dir, "192.0.2.1", 2)
	fail(t, dir, "192.0.2.2", 1)
	s.ask("set", "j", "banip", "192.0.2.9")
	testenv.Eventually(t, "the bans", func() bool { return len(strings.Fields(s.ask("get", "j", "banip"))) == 2 })
	testenv.Eventually(t, "the count", func() bool { return strings.Contains(s.ask("status", "j"), "Currently failed:\t1") })
	s.ask("stop")
	<-s.ended
	fail(t, dir, "192.0.2.2", 1)
	fail(t, dir, "192.0.2.3", 1)
	databaseEtc(t, dir, file, "bantime = 10h\nignoreip = 192.0.2.9")
	s = oursPlain(t, dir)
	testenv.Eventually(t, "the bans", func() bool { return len(strings.Fields(s.ask("get", "j", "banip"))) == 2 })
	for _, line := range strings.Split(s.ask("get", "j", "banip", "--with-time"), "\n") {
		if !strings.Contains(line, " + 36000 = ") {
			t.Errorf("ban time: %s", line)
		}
	}
	testenv.Eventually(t, "the fifth line", func() bool { return strings.Contains(s.ask("status", "j"), "Currently failed:\t1") })
	s.ask("stop")
	<-s.ended
	for text, n := range map[string]int{
		"[j] Found 192.0.2.1 ": 2, "[j] Found 192.0.2.2 ": 2, "[j] Found 192.0.2.3 ": 1, "NOTICE  [j] Ban 192.0.2.1\n": 1, "NOTICE  [j] Restore Ban 192.0.2.1\n": 1,
		"NOTICE  [j] Ban 192.0.2.2\n": 1, "[j] Ignore 192.0.2.9 by ip": 1, "NOTICE  [j] Repeal Ban 192.0.2.1\n": 2,
	} {
		if got := strings.Count(s.log(), text); got != n {
			t.Errorf("%q stands %d times in the log, want %d", text, got, n)
		}
	}
	acted, err := os.ReadFile(filepath.Join(dir, "acted"))
	if err != nil || !strings.Contains(string(acted), "ban 192.0.2.1 restored 1 count 2\n") || !strings.Contains(string(acted), "ban 192.0.2.2 restored 0 count 1\n") {
		t.Errorf("actions were told %v\n%s", err, acted)
	}
}

// TestIncrement_3_6: the second ban of an address lasts longer by what the
// database knows, also after a restart, and its failures count more.
func TestIncrement_3_6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	databaseEtc(t, dir, filepath.Join(dir, "f2b.sqlite3"), "bantime = 2\nbantime.increment = true\nbantime.factor = 100")
	s := oursPlain(t, dir)
	fail(t, dir, "192.0.2.1", 2)
	testenv.Eventually(t, "the first ban is over", func() bool { return strings.Contains(s.log(), "Unban 192.0.2.1") })
	s.ask("restart")
	testenv.Eventually(t, "the server is back", func() bool { return strings.Contains(s.ask("status"), "Number of jail:\t1") })
	fail(t, dir, "192.0.2.1", 1)
	testenv.Eventually(t, "the second ban", func() bool { return s.ask("get", "j", "banip") == "192.0.2.1" })
	if got := s.ask("get", "j", "banip", "--with-time"); !strings.Contains(got, " + 400 = ") {
		t.Errorf("the second ban: %s", got)
	}
	for _, want := range []string{
		"INFO    Set banTime.increment = True", "INFO    [j] Found 192.0.2.1, bad - ", "1 # -> 2.0, Ban\n", "INFO    [j] IP 192.0.2.1 is bad: 1 # last ", " - incr 2s to 6m 40s\n",
		"NOTICE  [j] Increase Ban 192.0.2.1 (2 # 6m 40s -> ",
	} {
		if !strings.Contains(s.log(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(s.log())
	}
	s.ask("stop")
}

// TestSwapDatabase: Debian's fail2ban and ours take turns on one file; bans and
// positions go along, there and back.
func TestSwapDatabase(t *testing.T) {
	t.Parallel()
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	dir := t.TempDir()
	databaseEtc(t, dir, filepath.Join(dir, "f2b.sqlite3"), "")
	turns := []struct{ server, client []string }{
		{debianServer, debianClient},
		{[]string{ours("fail2ban-server")}, []string{ours("fail2ban-client")}},
		{debianServer, debianClient},
		{[]string{ours("fail2ban-server")}, []string{ours("fail2ban-client")}},
	}
	for i, turn := range turns {
		s := startPlain(t, dir, turn.server, turn.client)
		fail(t, dir, fmt.Sprintf("192.0.2.%d", i), 2)
		s.ask("set", "j", "banip", fmt.Sprintf("2001:db8::%d", i), fmt.Sprintf("198.51.100.%d/31", 2*i))
		testenv.Eventually(t, fmt.Sprintf("turn %d: all bans", i), func() bool { return len(strings.Fields(s.ask("get", "j", "banip"))) == 3*(i+1) })
		s.ask("stop")
		<-s.ended
	}
	log, err := os.ReadFile(filepath.Join(dir, "f2b.log"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range turns {
		if n := strings.Count(string(log), fmt.Sprintf("[j] Found 192.0.2.%d ", i)); n != 2 {
			t.Errorf("192.0.2.%d was found %d times", i, n)
		}
		if n := strings.Count(string(log), fmt.Sprintf("[j] Restore Ban 192.0.2.%d\n", i)); n != len(turns)-1-i {
			t.Errorf("192.0.2.%d was restored %d times, want %d", i, n, len(turns)-1-i)
		}
	}
}

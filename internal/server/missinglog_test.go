package server

import (
	"strings"
	"syscall"
	"testing"
)

// missing is the simple configuration with a second jail that has no log file.
func missing() map[string]string {
	files := simple()
	delete(files, "j2.log")
	files["etc/jail.conf"] = strings.Replace(files["etc/jail.conf"], "DIR/j1.log\n          DIR/j2.log", "DIR/none.log", 1)
	return files
}

// TestMissingLog_3_9_3: a jail without any log file is left out by a start with
// one line that names the place; -t and -d judge as fail2ban does.
func TestMissingLog_3_9_3(t *testing.T) {
	const told = "ERROR   Jail 'j2' is left out: logpath: Have not found any log file for 'j2' jail. ("
	checkTold := func(t *testing.T, s *scratch, from, text string) {
		t.Helper()
		if strings.Count(text, told) != 1 || !strings.Contains(text, s.path("etc/jail.conf")+":19: correct logpath") {
			t.Errorf("%s does not tell once of the jail and where to mend it:\n%s", from, text)
		}
	}
	checkJails := func(t *testing.T, s *scratch) {
		t.Helper()
		if got := s.client("status").out; !strings.Contains(got, "Jail list:\tj1\n") {
			t.Errorf("status says %s", got)
		}
	}
	t.Run("foreground", func(t *testing.T) {
		s := newScratch(t, missing())
		p := s.serve()
		checkTold(t, s, "the terminal", p.out.String())
		checkTold(t, s, "the log", s.read("f2b.log"))
		checkJails(t, s)
		if code := p.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
	})
	t.Run("background", func(t *testing.T) {
		s := newScratch(t, missing())
		got := s.client("start")
		if got.code != exitFailed || got.out != "Server ready\n" {
			t.Errorf("start: %+v", got)
		}
		checkTold(t, s, "the client", got.err)
		checkTold(t, s, "the log", s.read("f2b.log"))
		checkJails(t, s)
		s.client("stop")
	})
	t.Run("the only jail", func(t *testing.T) {
		files := missing()
		files["etc/jail.local"] = "[j1]\nenabled = false\n"
		for _, words := range [][]string{{"start"}, {"-f", "start"}} {
			s := newScratch(t, files)
			got := call(t, self(ServerName, s.args(words...)...))
			if got.code != exitFailed || !strings.Contains(got.err, "Failed during configuration: Have not found any log file for 'j2' jail. (") {
				t.Errorf("%v: %+v", words, got)
			}
		}
	})
	t.Run("judged", func(t *testing.T) {
		s := newScratch(t, missing())
		if got := s.client("-t"); got.code != exitFailed || !strings.Contains(got.out, "ERROR: test configuration failed") {
			t.Errorf("-t: %+v", got)
		}
		if got := s.client("-d"); got.code != exitOK || !strings.Contains(got.out, "['start', 'j2']") {
			t.Errorf("-d: %+v", got)
		}
	})
}

// TestReloadTellsTheFault: a reload that is refused leaves no jail out, and says so.
func TestReloadTellsTheFault(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	s.write("etc/jail.d/x.local", "[j2]\nfailregex = ^(a <HOST>$\n")
	got := s.client("reload")
	if got.code != exitFailed || !strings.Contains(got.err, "ERROR   Jail 'j2' stops the reload: failregex: ") || strings.Contains(got.err, "left out") {
		t.Errorf("reload: %+v", got)
	}
	if got := s.client("status").out; !strings.Contains(got, "Jail list:\tj1, j2\n") {
		t.Errorf("status says %s", got)
	}
}

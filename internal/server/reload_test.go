package server

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

// reloadCase is a running server whose configuration changes step by step;
// before is what its actions were told up to the step.
type reloadCase struct {
	*scratch
	before string
}

// TestReload_3_8 changes a running server's configuration and looks at what
// stays and what changes.
func TestReload_3_8(t *testing.T) {
	s := &reloadCase{scratch: newScratch(t, simple())}
	p := s.serve()
	s.append("j1.log", failures("198.51.100.1", 1))
	testenv.Eventually(t, "one failure is counted", func() bool {
		return strings.Contains(s.client("status", "j1").out, "Currently failed:\t1\n")
	})
	for _, jail := range []string{"j1", "j2"} {
		if got := s.client("set", jail, "banip", "192.0.2.9"); got.out != "1\n" {
			t.Fatalf("banip: %+v", got)
		}
	}
	for _, step := range []struct {
		name string
		run  func(*testing.T, *reloadCase)
	}{
		{"nothing changed", reloadUnchanged},
		{"E.1 a changed and a removed option, a new action", reloadOptions},
		{"a bad regex changes nothing", reloadBad},
		{"3.8.1 a jail goes, one comes", reloadJails},
		{"3.8.2 another backend", reloadBackend},
		{"3.8.6 options and names", reloadByName},
	} {
		s.before = s.read("act")
		t.Run(step.name, func(t *testing.T) { step.run(t, s) })
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func reloadUnchanged(t *testing.T, s *reloadCase) {
	if got := s.client("reload"); got.out != "OK\n" || got.code != 0 {
		t.Fatalf("reload: %+v", got)
	}
	inOrder(t, s.read("f2b.log"), "Reload all jails", "Reload jail 'j1'", "Jail 'j1' reloaded", "Reload jail 'j2'", "Jail 'j2' reloaded", "Reload finished.")
	if after := s.read("act"); after != s.before {
		t.Errorf("actions ran:\n%s", strings.TrimPrefix(after, s.before))
	}
	status := s.client("status", "j1").out
	for _, want := range []string{"Currently failed:\t1\n", "Banned IP list:\t192.0.2.9\n", "File list:\t" + s.path("j1.log") + "\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
}

func reloadOptions(t *testing.T, s *reloadCase) {
	s.write("etc/jail.d/y.local", "[j1]\nmaxretry = 7\nbantime = 5m\nmaxlines = 3\naction = a1\n         a1[name=extra]\n")
	if got := s.client("reload", "j1"); got.code != 0 {
		t.Fatalf("reload: %+v", got)
	}
	if got := s.client("get", "j1", "maxretry").out + s.client("get", "j1", "maxlines").out + s.client("get", "j1", "bantime").out; got != "7\n3\n300\n" {
		t.Errorf("options after the reload: %q", got)
	}
	if got := strings.TrimPrefix(s.read("act"), s.before); got != "start extra\nban extra 192.0.2.9\n" {
		t.Errorf("the new action was told %q", got)
	}
	s.before = s.read("act")
	s.write("etc/jail.d/y.local", "")
	if got := s.client("reload", "j1"); got.code != 0 {
		t.Fatalf("reload: %+v", got)
	}
	if got := s.client("get", "j1", "maxretry").out + s.client("get", "j1", "maxlines").out; got != "2\n1\n" {
		t.Errorf("options after they were removed: %q", got)
	}
	if got := strings.TrimPrefix(s.read("act"), s.before); got != "unban extra 192.0.2.9\nstop extra\n" {
		t.Errorf("the removed action was told %q", got)
	}
	s.before = s.read("act")
}

func reloadBad(t *testing.T, s *reloadCase) {
	for fault, told := range map[string]string{
		"failregex = ^bad[ <HOST>": ":2: correct the regex",
		"filter = none":            ":2: create filter.d/none.conf",
		"action = none":            ":2: create action.d/none.conf",
	} {
		reloadFault(t, s, fault, s.path("etc/jail.d/z.local")+told)
	}
	s.write("etc/fail2ban.local", "")
}

// reloadFault has a fault in j2, changes in others and in the server's settings:
// the fault is told and nothing changes.
func reloadFault(t *testing.T, s *reloadCase, fault, told string) {
	s.write("etc/jail.d/z.local", "[j2]\n"+fault+"\n[j1]\nmaxretry = 9\n[j3]\nenabled = true\nfilter = f1\naction = a2\nlogpath = DIR/j1.log\n")
	s.write("etc/fail2ban.local", "[Definition]\nloglevel = DEBUG\n")
	got := s.client("reload")
	if got.code != 255 || !strings.Contains(got.err, told) {
		t.Errorf("%s: reload: %+v", fault, got)
	}
	if got := s.client("get", "j1", "maxretry").out; got != "2\n" {
		t.Errorf("maxretry is %q", got)
	}
	if got := s.client("get", "loglevel").out; got != "Current logging level is 'INFO'\n" {
		t.Errorf("%q", got)
	}
	if got := s.client("status").out; !strings.HasSuffix(got, "Jail list:\tj1, j2\n") {
		t.Errorf("%q", got)
	}
	if after := s.read("act"); after != s.before {
		t.Errorf("actions ran:\n%s", strings.TrimPrefix(after, s.before))
	}
}

func reloadJails(t *testing.T, s *reloadCase) {
	s.write("etc/jail.d/z.local", "[j2]\nenabled = false\n[j3]\nenabled = true\nfilter = f1\naction = a1[name=third]\nlogpath = DIR/j1.log\n")
	if got := s.client("reload"); got.code != 0 {
		t.Fatalf("reload: %+v", got)
	}
	if got := s.client("status").out; !strings.HasSuffix(got, "Jail list:\tj1, j3\n") {
		t.Errorf("%q", got)
	}
	testenv.Eventually(t, "the actions have run", func() bool {
		lines := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(s.read("act"), s.before), " ", "_"))
		slices.Sort(lines)
		return strings.Join(lines, " ") == "start_third stop_second unban_second_192.0.2.9"
	})
}

func reloadBackend(t *testing.T, s *reloadCase) {
	s.write("etc/jail.d/y.local", "[j1]\nbackend = auto\n")
	if got := s.client("reload"); got.code != 0 {
		t.Fatalf("reload: %+v", got)
	}
	// The reply does not wait for the jail's own work to begin.
	testenv.Eventually(t, "the jail has started anew", func() bool {
		_, since, _ := strings.Cut(s.read("f2b.log"), "Restart jail 'j1'")
		return strings.Contains(since, "Jail 'j1' started")
	})
	inOrder(t, s.read("f2b.log"), "Restart jail 'j1' (reason: 'polling' != 'auto')", "Jail 'j1' stopped", "Jail 'j1' started")
}

func reloadByName(t *testing.T, s *reloadCase) {
	s.client("set", "j1", "banip", "192.0.2.8")
	if got := s.client("reload", "--unban", "j1"); got.code != 0 || s.client("get", "j1", "banip").out != "\n" {
		t.Errorf("--unban: %+v", got)
	}
	if got := s.client("restart", "j1"); got.code != 0 || got.out != "OK\n" {
		t.Errorf("restart of a jail: %+v", got)
	}
	s.client("stop", "j3")
	if got := s.client("reload", "j3"); got.code != 255 || got.out != "Sorry but the jail 'j3' does not exist\n" {
		t.Errorf("reload of a stopped jail: %+v", got)
	}
	if got := s.client("reload", "--if-exists", "j3"); got.code != 0 {
		t.Errorf("--if-exists: %+v", got)
	}
	if got := s.client("reload", "nojail"); got.code != 255 || !strings.Contains(got.err, "Failed during configuration: No section: 'nojail'") {
		t.Errorf("reload of no jail: %+v", got)
	}
	if got := s.client("reload", "j1", "j3"); got.code != 255 || !strings.HasSuffix(got.err, "Unexpected argument(s) for reload: ['j1', 'j3']\n") {
		t.Errorf("reload of two: %+v", got)
	}
}

// TestReloadByDebian has Debian's client read the configuration and send it.
func TestReloadByDebian(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	s.client("set", "j1", "banip", "192.0.2.9")
	s.write("etc/jail.d/y.local", "[j1]\nmaxretry = 8\n")
	if got := call(t, debian(ClientName, s.args("reload")...)); got.code != 0 || got.out != "OK\n" {
		t.Errorf("reload: %+v", got)
	}
	if got := s.client("get", "j1", "maxretry").out + s.client("get", "j1", "banip").out; got != "8\n192.0.2.9\n" {
		t.Errorf("after it: %q", got)
	}
}

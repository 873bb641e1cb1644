package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// A fault in one jail of two: what a start says of it, and whether the other
// jail, good, runs.
var oneBadJail = []struct {
	name, jail string // text of the section [bad]
	want       string // expression for a line of the output or the log
}{
	{"bad regex", "failregex = ^(a <HOST>$\n", `ERROR.*missing \), unterminated subpattern.*jail\.local:\d+`},
	{"no host group", "failregex = ^a$\n", `ERROR.*No failure-id group in '\^a\$'.*jail\.local:\d+`},
	{"missing log", "skip_if_nologs = true\nlogpath = /nonexistent/x.log\n", `WARNING.*Have not found any log file for 'bad' jail\. \(.*jail\.local:\d+: `},
	{"missing filter", "filter = nosuchfilter\n", `ERROR.*Unable to read the filter 'nosuchfilter'.*jail\.local:\d+: `},
	{"missing action", "action = nosuchaction\n", `ERROR.*Unable to read action 'nosuchaction'.*jail\.local:\d+: `},
	{"broken option list", "filter = sshd[a=\"b\"x]\n", `ERROR.*jail\.local:\d+`},
	{"bad datepattern", "datepattern = %%Q\n", `ERROR.*jail\.local:\d+`},
	{"bad number", "maxretry = many\n", `(ERROR|WARNING).*jail\.local:\d+`},
	{"bad time", "bantime = 10 parsecs\n", `ERROR.*jail\.local:\d+`},
}

// TestBadJailLeavesTheOthers starts on a good jail and a bad one: one line names
// file, line and what is wrong, and the good jail bans.
func TestBadJailLeavesTheOthers(t *testing.T) {
	needRoot(t)
	for _, c := range oneBadJail {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			etcOfOurs(t, dir)
			log := filepath.Join(dir, "auth.log")
			writeFile(t, log, "")
			writeFile(t, filepath.Join(dir, "etc", "jail.local"), fmt.Sprintf(
				"[DEFAULT]\nfilter = sshd\naction =\nlogpath = %s\nbackend = polling\n[sshd]\nenabled = true\nlogpath = %s\n[bad]\nenabled = true\n%s", log, log, c.jail))
			s := startServer(t, namespace(t), dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
			testenv.Eventually(t, "the fault is told", func() bool {
				return regexp.MustCompile(c.want).MatchString(s.out.String() + s.log())
			})
			appendFile(t, log, failedLogins("192.0.2.9", 5))
			testenv.Eventually(t, "the good jail bans", func() bool { return strings.Contains(s.log(), "[sshd] Ban 192.0.2.9") })
		})
	}
}

// A start that cannot be: exit code 255 as fail2ban's, and one line that says
// what to do.
var refusedStarts = []struct {
	name string
	make func(t *testing.T, etc string)
	want string
}{
	{"no configuration", func(t *testing.T, etc string) { removeAll(t, etc) }, `Base configuration directory .* does not exist`},
	{"syntax", func(t *testing.T, etc string) { writeFile(t, filepath.Join(etc, "jail.local"), "[sshd]\njunk\n") }, `jail\.local:2: `},
	{"text before a section", func(t *testing.T, etc string) { writeFile(t, filepath.Join(etc, "jail.local"), "a = b\n") }, `jail\.local:1: `},
	{"option twice", func(t *testing.T, etc string) {
		writeFile(t, filepath.Join(etc, "jail.local"), "[sshd]\nport = 1\nport = 2\n")
	}, `jail\.local:3: `},
	{"unknown variable", func(t *testing.T, etc string) {
		writeFile(t, filepath.Join(etc, "jail.local"), "[sshd]\nenabled = true\nlogpath = %(nosuch)s\n")
	}, `jail\.local:3: `},
	{"log missing", func(t *testing.T, etc string) {
		writeFile(t, filepath.Join(etc, "jail.local"), "[sshd]\nenabled = true\nskip_if_nologs = false\nlogpath = /nonexistent/x.log\n")
	}, `Have not found any log file for 'sshd' jail\. .*jail\.local:4: `},
	{"unreadable", func(t *testing.T, etc string) {
		if err := os.Mkdir(filepath.Join(etc, "jail.local"), 0o755); err != nil {
			t.Fatal(err)
		}
	}, `jail\.local`},
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedStarts(t *testing.T) {
	for _, c := range refusedStarts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			etcOfOurs(t, dir)
			c.make(t, filepath.Join(dir, "etc"))
			text, code := output(t, ours("fail2ban-server"), "-f", "-c", filepath.Join(dir, "etc"),
				"-s", filepath.Join(dir, "sock"), "-p", filepath.Join(dir, "pid"), "--logtarget", "STDOUT", "start")
			if code != 255 {
				t.Errorf("exit code %d", code)
			}
			if !regexp.MustCompile(c.want).MatchString(text) {
				t.Errorf("no %q in:\n%s", c.want, text)
			}
			for _, name := range []string{"sock", "pid"} {
				if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
					t.Errorf("%s is left behind", name)
				}
			}
		})
	}
}

// TestSecondServer: a second server on the same socket is refused and the first
// goes on; a socket that nobody answers is told apart, and -x takes it over.
func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	etcOfOurs(t, dir)
	s := startServer(t, namespace(t), dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
	text, code := output(t, ours("fail2ban-server"), "-f", "-c", filepath.Join(dir, "etc"), "-s", filepath.Join(dir, "f2b.sock"),
		"-p", filepath.Join(dir, "pid2"), "--logtarget", "STDOUT", "start")
	if code != 255 || !strings.Contains(text, "Server already running") {
		t.Errorf("a second server ended with %d:\n%s", code, text)
	}
	if text, code := s.ask("ping"); code != 0 || !strings.Contains(text, "Server replied: pong") {
		t.Errorf("the first one answers with %d:\n%s", code, text)
	}
}

// TestNobodyReachesTheServer: neither socket nor configuration are for others.
func TestNobodyReachesTheServer(t *testing.T) {
	dir := t.TempDir()
	etcOfOurs(t, dir)
	s := startServer(t, namespace(t), dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
	info, err := os.Stat(filepath.Join(s.dir, "f2b.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v, %v", info, err)
	}
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, code := output(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		ours("fail2ban-client"), "-s", filepath.Join(s.dir, "f2b.sock"), "status")
	if code != 255 || !strings.Contains(strings.ToLower(text), "permission") {
		t.Errorf("as nobody, the client ended with %d:\n%s", code, text)
	}
}

package server

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/mailtest"
	"f2b-go/internal/testenv"
)

// mailed is a configuration with a jail that bans and mails in every way.
func mailed(t *testing.T, smtp, more string) map[string]string {
	t.Helper()
	own, err := os.ReadFile(filepath.Join(testenv.Root(t), "etc_fail2ban", "action.d", "f2b-mail.conf"))
	if err != nil {
		t.Fatal(err)
	}
	files := simple()
	files["etc/jail.conf"] = `[DEFAULT]
backend = polling
usedns = no
ignoreself = false
destemail = admin@example.test
findtime = 10m
[m]
enabled = true
filter = f1
maxretry = 2
logpath = DIR/j1.log
action = nag[dest=PUT-YOUR-EMAIL-HERE]
         badips.py[category="ssh"]
         smtp.py[host="` + smtp + `", dest="%(destemail)s", sender="smtp@example.test", matches="matches"]
         f2b-mail[host="` + smtp + `", port="", dest="%(destemail)s", sender="own@example.test", spool="DIR/spool", whois=no` + more + `]
         a1
`
	files["etc/action.d/nag.conf"] = "[Definition]\nactionban = echo nag <dest> >>DIR/act\n"
	files["etc/action.d/f2b-mail.conf"] = string(own)
	files["etc/action.d/badips.py"], files["etc/action.d/smtp.py"] = "", ""
	return files
}

// linesWith returns the log's lines that hold a text.
func (s *scratch) linesWith(text string) []string {
	var list []string
	for line := range strings.SplitSeq(s.read("f2b.log"), "\n") {
		if strings.Contains(line, text) {
			list = append(list, line)
		}
	}
	return list
}

// TestMailActions: mails go out beside the bans, what cannot be done is skipped
// with one line, and the jail bans.
func TestMailActions(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{})
	s := newScratch(t, mailed(t, srv.Addr, ""))
	p := s.serve()
	s.append("j1.log", failures("192.0.2.1", 2))
	var got []string
	for range 3 {
		m := srv.Next(t)
		got = append(got, m.From+" "+m.Parse(t).Header.Get("Subject"))
	}
	testenv.Eventually(t, "the last action bans", func() bool { return strings.Contains(s.read("act"), "ban m 192.0.2.1") })
	if out := s.client("get", "m", "action", "smtp", "toaddr"); strings.TrimSpace(out.out) != "admin@example.test" {
		t.Errorf("the client reads %+v", out)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	got = append(got, srv.Next(t).Parse(t).Header.Get("Subject"))
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	for i, want := range []string{"[Fail2Ban] m: stopped on " + host, "own@example.test [Fail2Ban] m: banned 192.0.2.1 from ",
		"smtp@example.test [Fail2Ban] m: banned 192.0.2.1 from " + host, "smtp@example.test [Fail2Ban] m: started on " + host} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("mail %q, want %q", got[i], want)
		}
	}
	for _, want := range []string{"[m] action 'nag' is skipped: its mail address is still PUT-YOUR-EMAIL-HERE",
		"[m] action 'badips' is skipped: the Python action " + s.path("etc/action.d/badips.py") + " is not run; the nearest native action is abuseipdb"} {
		if lines := s.linesWith(want); len(lines) != 1 || !strings.Contains(lines[0], "fail2ban.actions") {
			t.Errorf("lines with %q: %q", want, lines)
		}
	}
	if lines := s.linesWith("ERROR"); len(lines) != 2 {
		t.Errorf("ERROR lines:\n%s", strings.Join(lines, "\n"))
	}
	if strings.Contains(s.read("act"), "nag") {
		t.Error("the placeholder was mailed to")
	}
}

// TestMailServerAway: bans go on, the log tells once, and what waits is mailed
// after the next start.
func TestMailServerAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newScratch(t, mailed(t, addr, ""))
	p := s.serve()
	for _, ip := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::3"} {
		s.append("j1.log", failures(ip, 2))
		testenv.Eventually(t, "the ban of "+ip, func() bool { return strings.Contains(s.read("act"), "ban m "+ip+"\n") })
	}
	for action, want := range map[string]string{"smtp": "Failed to start jail 'm' action 'smtp': [Errno 111] Connection refused (mail server " + addr,
		"f2b-mail": "Failed to execute ban jail 'm' action 'f2b-mail' info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', 'fid': '192.0.2.1', "} {
		testenv.Eventually(t, "the log tells of "+action, func() bool { return len(s.linesWith(want)) > 0 })
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if lines := s.linesWith("Connection refused"); len(lines) != 2 {
		t.Errorf("refused connections are told so often:\n%s", strings.Join(lines, "\n"))
	}
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Skipf("another program has taken the port: %v", err)
	}
	srv := mailtest.Start(t, mailtest.Options{Listener: l})
	s.serve()
	want := map[string]bool{"192.0.2.1": true, "192.0.2.2": true, "2001:db8::3": true}
	for len(want) > 0 {
		m := srv.Next(t)
		if m.From != "own@example.test" {
			continue
		}
		words := strings.Fields(m.Parse(t).Header.Get("Subject"))
		if !want[words[3]] {
			t.Fatalf("a mail more than wanted: %q, still waiting for %v", words, slices.Collect(maps.Keys(want)))
		}
		delete(want, words[3])
	}
}

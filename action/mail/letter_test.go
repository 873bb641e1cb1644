package mail_test

import (
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action/mail"
	"f2b-go/internal/mailtest"
)

// send has the office mail one notice and returns the mail.
func (d *desk) send(t *testing.T, s mail.Settings, n mail.Notice) mailtest.Mail {
	t.Helper()
	p := d.open("sshd", s)
	p.Put(n)
	m := d.server.Next(t)
	p.Close()
	return m
}

func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whois")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNoticeIsOfUse: the headers that a mail should have, and all that a reader
// wants to know.
func TestNoticeIsOfUse(t *testing.T) {
	whois := program(t, `cat <<'EOF'
% This is a database
inetnum:        192.0.2.0 - 192.0.2.255
netname:        TEST-NET-1
country:        ZZ
org-name:       Example Networks
abuse-mailbox:  abuse@example.net
EOF
`)
	d := newDesk(t, mailtest.Options{})
	s := settings()
	s.Whois, s.WhoisTime = whois, 10*time.Second
	s.To = append(s.To, mail.Address{Name: "Müller, Jörg", Mailbox: "joerg@example.test"})
	n := notice(7)
	n.Single, n.BanCount, n.Time = true, 3, time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	n.BanTime = 5400
	m := d.send(t, s, n)
	if m.From != "fail2ban@example.test" || !slices.Equal(m.To, []string{"admin@example.test", "joerg@example.test"}) {
		t.Errorf("envelope from %s to %v", m.From, m.To)
	}
	h := m.Parse(t).Header
	if date, err := h.Date(); err != nil || time.Since(date).Abs() > time.Hour {
		t.Errorf("Date %q: %v", h.Get("Date"), err)
	}
	if id := h.Get("Message-Id"); !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, "@pbx.example.test>") {
		t.Errorf("Message-ID %q", id)
	}
	for name, want := range map[string]string{"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "X-Mailer": "", "User-Agent": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if from, err := h.AddressList("From"); err != nil || len(from) != 1 || from[0].Name != "Fail2Ban" || from[0].Address != "fail2ban@example.test" {
		t.Errorf("From %v: %v", from, err)
	}
	if to, err := h.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "Müller, Jörg" {
		t.Errorf("To %v: %v", to, err)
	}
	if got, want := subject(t, m), "[Fail2Ban] sshd: banned 192.0.2.7 from pbx.example.test"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	zone := n.Time.Format(" -0700\n")
	for _, want := range []string{"192.0.2.7 is banned on pbx.example.test.\n", "Jail:     sshd\n", "Failures: 5\n",
		"Since:    2026-03-04 05:06:07" + zone, "Until:    2026-03-04 06:36:07" + strings.TrimSuffix(zone, "\n") + " (1h 30m)\n", "Bans:     3 ",
		"Network:  192.0.2.0 - 192.0.2.255, TEST-NET-1, Example Networks, ZZ\n", "Abuse to: abuse@example.net\n",
		"  fail2ban-client set sshd unbanip 192.0.2.7\n", "  sshd: bad password from 192.0.2.7\n", "% This is a database\n"} {
		if text := body(t, m); !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
}

func TestPermanentBanAndOddIDs(t *testing.T) {
	d := newDesk(t, mailtest.Options{})
	n := notice(1)
	n.BanTime, n.ID = -1, "bob's; rm -rf /"
	text := body(t, d.send(t, settings(), n))
	for _, want := range []string{"Until:    for ever\n", `unbanip 'bob'\''s; rm -rf /'` + "\n", "Address:  192.0.2.1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
}

// hostile are values that log lines and whois servers may bring.
var hostile = []string{
	"x\r\nBcc: victim@example.test\r\n\r\nhello", "x\nBcc: victim@example.test", "x\rBcc: victim@example.test", "~! touch X\n~r /etc/passwd",
	"a\r\n.\r\nMAIL FROM:<evil@example.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n",
	"a\n.\nMAIL FROM:<evil@example.test>\n", "a\r.\rQUIT\r", "\x00\x1b[2J\x1b]0;title\x07", "=?utf-8?q?=0ABcc:_victim?=",
	"\xff\xfe not UTF-8", "{{.Host}}{{define \"subject\"}}evil{{end}}", "<script>alert(1)</script>", strings.Repeat("A", 100_000),
	"\u2028Bcc: victim@example.test", "fünf ☃", "$(touch X) `touch X`", "' OR ''='", "%s%n%d",
}

// TestNothingIsInjected puts hostile texts into every value: each mail has the
// headers and readers that it should, and there is one mail each.
func TestNothingIsInjected(t *testing.T) {
	d := newDesk(t, mailtest.Options{})
	plainHeaders := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	htmlHeaders := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	stockHeaders := []string{"Content-Transfer-Encoding", "Content-Type", "Date", "From", "Mime-Version", "Subject", "To"}
	for _, text := range hostile {
		for _, form := range []struct {
			name    string
			change  func(*mail.Settings)
			headers []string
		}{
			{"own", func(*mail.Settings) {}, plainHeaders},
			{"html", func(s *mail.Settings) { s.Template = "html" }, htmlHeaders},
			{"stock", func(s *mail.Settings) {
				s.Stock = &mail.Stock{Dest: "admin@example.test" + text, Matches: "matches"}
			}, stockHeaders},
		} {
			s := settings()
			s.Whois, s.WhoisTime = program(t, "cat <<'EOF'\n"+strings.ReplaceAll(text, "\x00", "")+"\nnetname: "+strings.ReplaceAll(text, "\x00", "")+"\nEOF\n"), 10*time.Second
			s.Host, s.From.Name = text, text
			form.change(&s)
			n := notice(1)
			n.Single, n.IP, n.ID, n.Lines, n.Fields = true, text, text, []string{text, text}, map[string]string{"user": text}
			p, err := d.Open(text, text, s)
			if err != nil {
				t.Fatal(err)
			}
			p.Put(n)
			m := d.server.Next(t)
			p.Close()
			if !slices.Equal(m.To, []string{"admin@example.test"}) || m.From != "fail2ban@example.test" {
				t.Errorf("%s %.30q: from %s to %v", form.name, text, m.From, m.To)
			}
			checkHeaders(t, fmt.Sprintf("%s %.30q", form.name, text), m, form.headers)
			if form.name == "html" {
				if page := htmlOf(t, m); strings.Contains(page, "<script") {
					t.Errorf("%.30q stands in the HTML as it is", text)
				}
			}
		}
	}
	if more := d.server.Arrived(); len(more) != 0 {
		t.Errorf("%d mails more than bans: %+v", len(more), more[0])
	}
}

// checkHeaders holds a mail's headers against the names that it should have.
func checkHeaders(t *testing.T, which string, m mailtest.Mail, want []string) {
	t.Helper()
	var names []string
	for name, values := range m.Parse(t).Header {
		names = append(names, name)
		if len(values) != 1 {
			t.Errorf("%s: %d headers %s", which, len(values), name)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\x00\x1b\x07") || len(v) > 8000 {
				t.Errorf("%s: header %s is %.100q", which, name, v)
			}
		}
	}
	if got := subject(t, m); strings.ContainsFunc(got, unicode.IsControl) {
		t.Errorf("%s: subject %.200q", which, got)
	}
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("%s: headers\n%s", which, diff)
	}
}

func htmlOf(t *testing.T, m mailtest.Mail) string {
	t.Helper()
	msg := m.Parse(t)
	return decode(t, textproto.MIMEHeader(msg.Header).Get, msg.Body, "text/html")
}

// TestWhoisHasATimeLimit: one that hangs, prints without end, fails or is missing
// delays the mail by its limit at most.
func TestWhoisHasATimeLimit(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"hangs":        {"sleep 1000", ""},
		"endless":      {"while :; do echo 'remarks: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; done", ""},
		"fails":        {"exit 3", ""},
		"fails late":   {"echo 'netname: NET'; exit 3", "Network:  NET\n"},
		"leaves child": {"sleep 1000 & echo 'netname: NET'", "Network:  NET\n"},
		"megabytes":    {"echo 'netname: NET'; head -c 5000000 /dev/zero | tr '\\0' x", "Network:  NET\n"},
		"is missing":   {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, mailtest.Options{})
			s := settings()
			s.Whois, s.WhoisTime = "/nonexistent/whois", 300*time.Millisecond
			if c.script != "" {
				s.Whois = program(t, c.script)
			}
			if c.want != "" {
				s.WhoisTime = 10 * time.Second
			}
			n := notice(1)
			n.Single = true
			text := body(t, d.send(t, s, n))
			if !strings.Contains(text, c.want) || len(text) > 64<<10 {
				t.Errorf("a mail of %d bytes, want %q in it:\n%.2000s", len(text), c.want, text)
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("both.txt", `{{define "subject"}}Bann {{.Jail}} {{.IP}}{{end}}Gebannt: {{.IP}} ({{index .Fields "user"}}, {{.Failures}}) {{range .Lines}}[{{.}}]{{end}} {{.Network}}`)
	file("both.html", `<b>{{.IP}}</b> {{index .Fields "user"}}`)
	for name, c := range map[string]struct{ template, subject, text, html, log string }{
		"inline":      {template: `{{.IP}} {{.Jail}}`, subject: "[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test", text: "192.0.2.1 sshd"},
		"text file":   {template: filepath.Join(dir, "both.txt"), subject: "Bann sshd 192.0.2.1", text: "Gebannt: 192.0.2.1 (<i>, 5) [sshd: bad password from 192.0.2.1] ", html: "<b>192.0.2.1</b> &lt;i&gt;"},
		"html file":   {template: filepath.Join(dir, "both.html"), subject: "Bann sshd 192.0.2.1", text: "Gebannt: 192.0.2.1", html: "<b>192.0.2.1</b> &lt;i&gt;"},
		"own html":    {template: "html", subject: "[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test", text: "192.0.2.1 is banned", html: "<b>192.0.2.1</b> is banned"},
		"lonely":      {template: file("lonely.txt", "only {{.ID}}"), subject: "[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test", text: "only 192.0.2.1"},
		"broken":      {template: "{{.IP", text: "192.0.2.1 is banned", log: "reading the mail template"},
		"fails":       {template: "{{.Nothing}}", text: "192.0.2.1 is banned", log: "filling the mail template"},
		"missing":     {template: "/nonexistent/template.txt", text: "192.0.2.1 is banned", log: "reading the mail template: open /nonexistent/template.txt"},
		"relative":    {template: "template.txt", text: "192.0.2.1 is banned", log: "no absolute path"},
		"without end": {template: "{{range $i, $_ := .Lines}}{{printf \"%1000000d\" $i}}{{end}}", text: "    "},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, mailtest.Options{})
			s := settings()
			s.Template = c.template
			n := notice(1)
			n.Fields = map[string]string{"user": "<i>"}
			m := d.send(t, s, n)
			if got := subject(t, m); c.subject != "" && got != c.subject {
				t.Errorf("subject %q, want %q", got, c.subject)
			}
			if got := body(t, m); !strings.HasPrefix(got, c.text) || len(got) > 600_000 {
				t.Errorf("text of %d bytes %.100q, want %q", len(got), got, c.text)
			}
			if c.html != "" {
				if got := htmlOf(t, m); !strings.Contains(got, c.html) {
					t.Errorf("HTML %q, want %q", got, c.html)
				}
			} else if kind := m.Parse(t).Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("a mail without HTML is %s", kind)
			}
			if c.log != "" {
				d.log.wants(t, c.log)
			} else {
				d.log.wants(t)
			}
		})
	}
}

func TestStartAndStop(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		p := d.open("sshd", settings())
		for _, kind := range []mail.Kind{mail.Started, mail.Stopped} {
			p.Put(mail.Notice{Kind: kind, Time: time.Now()})
		}
		synctest.Wait()
		got := d.server.Arrived()
		want := []string{"[Fail2Ban] sshd: started on pbx.example.test", "[Fail2Ban] sshd: stopped on pbx.example.test"}
		if diff := cmp.Diff(want, subjects(t, got)); diff != "" {
			t.Errorf("mails:\n%s", diff)
		}
		if text := body(t, got[1]); !strings.HasPrefix(text, "The jail sshd was stopped on pbx.example.test at 2") {
			t.Errorf("text %q", text)
		}
		p.Close()
	})
}

// TestLastMailOfAll: what is handed in right before the end still goes, with and
// without a spool.
func TestLastMailOfAll(t *testing.T) {
	for _, spool := range []string{"", filepath.Join(t.TempDir(), "spool")} {
		inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
			s := settings()
			s.Spool = spool
			p := d.open("sshd", s)
			p.Put(mail.Notice{Kind: mail.Stopped, Time: time.Now()})
			p.Close()
			if got := d.server.Arrived(); len(got) != 1 {
				t.Errorf("spool %q: %d mails, want 1", spool, len(got))
			}
		})
	}
}

func TestParseAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"root":                                 "root",
		"root@localhost":                       "root@localhost",
		"a@b.c, d@e.f":                         "a@b.c|d@e.f",
		"a@b.c,d@e.f":                          "a@b.c|d@e.f",
		"a@b.c d@e.f":                          "a@b.c|d@e.f",
		"root, Admin <admin@b.c>":              "root|Admin <admin@b.c>",
		`"Doe, Jane" <jane@b.c>, root@b.c`:     `"Doe, Jane" <jane@b.c>|root@b.c`,
		"Jörg <j@b.c>":                         "=?utf-8?b?SsO2cmc=?= <j@b.c>",
		"":                                     "",
		"a@b.c\r\nBcc: d@e.f":                  "a@b.c|Bcc:|d@e.f",
		"<x@y\r\nz>":                           "",
		strings.Repeat("a", 400) + "@b.c, d@e": "d@e",
	} {
		var got []string
		for _, a := range mail.ParseAddresses(text) {
			got = append(got, a.String())
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%.40q gives %q, want %q", text, strings.Join(got, "|"), want)
		}
	}
}

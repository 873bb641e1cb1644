package mail

import (
	"context"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzLetter puts a text into every value of a notice: each form of mail can be
// read, has the headers that it should, each once, and one reader.
func FuzzLetter(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "a\r\nBcc: b@c", "\x00\xff", "=?utf-8?b?Cg==?=", "<x>,\"y\" <z@z>", strings.Repeat("ü", 600), "netname: x\n.\n"} {
		f.Add(text)
	}
	own, err := loadTemplates("html")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := &Notice{Kind: Banned, Jail: text, IP: text, ID: text, BanTime: 600, Lines: []string{text}, Fields: map[string]string{text: text}}
		n.complete(time.Unix(1700000000, 0))
		from, to := Address{text, "a@example.test"}, []Address{{text, "b@example.test"}}
		for _, c := range []composer{
			&stockComposer{from: from, to: to, dest: text, host: text, matches: "matches"},
			&noticeComposer{from: from, to: to, host: text, templates: own, whois: &whois{now: time.Now}, local: time.UTC, now: time.Now,
				fault: func(err error) { t.Error(err) }},
		} {
			message, err := c.compose(context.Background(), []*Notice{n}, 0).Bytes()
			if err != nil {
				t.Fatal(err)
			}
			m, err := netmail.ReadMessage(strings.NewReader(string(message)))
			if err != nil {
				t.Fatalf("%v:\n%q", err, message)
			}
			for name, values := range m.Header {
				switch name {
				case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted":
				default:
					t.Errorf("a header %q", name)
				}
				if len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00") {
					t.Errorf("header %s: %q", name, values)
				}
			}
		}
	})
}

// FuzzAddresses: what comes out can stand in an SMTP command and in a header.
func FuzzAddresses(f *testing.F) {
	for _, text := range []string{"root", "a@b, c@d", `"x, y" <z@w>`, "Ä <ä@ö>", "a b\r\n<c>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range ParseAddresses(text) {
			if a.Mailbox == "" || !utf8.ValidString(a.Mailbox) || strings.ContainsAny(a.Mailbox, " \r\n\t\x00<>") {
				t.Errorf("%q gives the mailbox %q", text, a.Mailbox)
			}
			if strings.ContainsAny(a.String(), "\r\n\x00") {
				t.Errorf("%q gives the header %q", text, a.String())
			}
		}
		host, port, err := ParseHost(text)
		if err == nil && (host == "" || port < 0 || port > 65535 || strings.ContainsAny(host, " \r\n")) {
			t.Errorf("%q gives host %q, port %d", text, host, port)
		}
	})
}

// FuzzSpool reads a file of any content from the spool.
func FuzzSpool(f *testing.F) {
	for _, text := range []string{`{"Key":"k","Jail":"j","Action":"a"}`, `{"Key":"k","Jail":"j","Action":"a","Time":"x"}`, `[]`, "\x00", `{"Key":"k","Jail":"j","Action":"a","Lines":["x"],"BanTime":1e308}`} {
		f.Add(text)
	}
	own, err := loadTemplates("")
	if err != nil {
		f.Fatal(err)
	}
	dir := filepath.Join(f.TempDir(), "spool")
	s, err := openSpool(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "k"+spoolEnd), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := s.load("j", "a", time.Now())
		if err != nil || len(list) > 1 {
			t.Fatalf("%d notices, %v", len(list), err)
		}
		if len(list) == 0 {
			return
		}
		c := &noticeComposer{to: []Address{{"", "b@example.test"}}, host: "h", templates: own, whois: &whois{now: time.Now}, local: time.UTC, now: time.Now,
			fault: func(err error) { t.Error(err) }}
		if _, err := c.compose(context.Background(), list, 0).Bytes(); err != nil {
			t.Error(err)
		}
	})
}

package mail_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"f2b-go/action/mail"
	"f2b-go/internal/mailtest"
)

// both are the mechanisms that a server may ask for.
var both = []string{"PLAIN", "LOGIN"}

// trust has the client trust the server's own certificate.
func trust(s *mail.Server, srv *mailtest.Server) { s.CAFile = srv.CAFile }

// ways are what a server offers, what is asked for, and what becomes of a mail.
var ways = map[string]struct {
	server   mailtest.Options
	security mail.Security
	host     string // default localhost
	change   func(*mail.Server, *mailtest.Server)
	login    string // how the server saw the login
	fault    string // what the log says; empty: the mail comes
}{
	"plain":                       {security: mail.Plain},
	"starttls":                    {server: mailtest.Options{StartTLS: true}, security: mail.StartTLS, change: trust},
	"tls":                         {server: mailtest.Options{TLS: true}, security: mail.FullTLS, change: trust},
	"starttls by address":         {server: mailtest.Options{StartTLS: true}, security: mail.StartTLS, host: "127.0.0.1", change: trust},
	"starttls, unknown signer":    {server: mailtest.Options{StartTLS: true}, security: mail.StartTLS, fault: "certificate signed by unknown authority"},
	"tls, unknown signer":         {server: mailtest.Options{TLS: true}, security: mail.FullTLS, fault: "certificate signed by unknown authority"},
	"starttls, another's name":    {server: mailtest.Options{StartTLS: true}, security: mail.StartTLS, host: "other.example.test", change: trust, fault: "certificate is valid for localhost, mx.example.test, not other.example.test"},
	"tls, another's name":         {server: mailtest.Options{TLS: true}, security: mail.FullTLS, host: "other.example.test", change: trust, fault: "not other.example.test"},
	"starttls, server has none":   {security: mail.StartTLS, fault: "does not support STARTTLS"},
	"tls, server speaks plain":    {security: mail.FullTLS, fault: "first record does not look like a TLS handshake"},
	"plain, no certificates file": {security: mail.Plain, change: func(s *mail.Server, _ *mailtest.Server) { s.CAFile = "/nonexistent.pem" }, fault: "reading the certificates to trust: open /nonexistent.pem"},

	"login, plain":              {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both}, security: mail.Plain, login: "PLAIN me"},
	"login, only LOGIN":         {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: []string{"LOGIN"}}, security: mail.Plain, login: "LOGIN me"},
	"login, starttls":           {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both, StartTLS: true}, security: mail.StartTLS, change: trust, login: "PLAIN me"},
	"login, tls":                {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both, TLS: true}, security: mail.FullTLS, change: trust, login: "PLAIN me"},
	"login, starttls elsewhere": {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both, StartTLS: true}, security: mail.StartTLS, host: "mx.example.test", change: trust, login: "PLAIN me"},
	"login, tls elsewhere":      {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: []string{"LOGIN"}, TLS: true}, security: mail.FullTLS, host: "mx.example.test", change: trust, login: "LOGIN me"},
	"login, plain elsewhere":    {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both}, security: mail.Plain, host: "mx.example.test", fault: "unencrypted connection"},
	"login, plain elsewhere if asked for": {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both}, security: mail.Plain, host: "mx.example.test",
		change: func(s *mail.Server, _ *mailtest.Server) { s.ClearLogin = true }, login: "PLAIN me"},
	"login refused":          {server: mailtest.Options{User: "me", Password: "other", Mechanisms: both}, security: mail.Plain, fault: "(535, b'5.7.8 Authentication failed')"},
	"login, server has none": {server: mailtest.Options{}, security: mail.Plain, change: func(s *mail.Server, _ *mailtest.Server) { s.User, s.Password = "me", "secret" }, fault: "AUTH"},
	"no login asked":         {server: mailtest.Options{User: "me", Password: "secret", Mechanisms: both}, security: mail.Plain, change: func(s *mail.Server, _ *mailtest.Server) { s.User = "" }, fault: "(502, b'5.7.0 Please authenticate first')"},
}

// TestWaysToTheServer crosses what a server offers with what is asked for. A
// mail either goes as safely as asked for or does not go.
func TestWaysToTheServer(t *testing.T) {
	for name, c := range ways {
		t.Run(name, func(t *testing.T) {
			srv := mailtest.Start(t, c.server)
			log := &logLines{}
			o := mail.NewOffice(mail.Options{Log: slog.New(log), Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, srv.Addr)
			}})
			s := settings()
			s.Server = mail.Server{Host: "localhost", Security: c.security}
			if c.host != "" {
				s.Server.Host = c.host
			}
			if c.server.User != "" {
				s.Server.User, s.Server.Password = c.server.User, "secret"
			}
			if c.change != nil {
				c.change(&s.Server, srv)
			}
			p, err := o.Open("sshd", "f2b-mail", s)
			if err != nil {
				t.Fatal(err)
			}
			p.Put(notice(1))
			p.Close()
			mails, lines := srv.Arrived(), strings.Join(log.take(), "\n")
			if c.fault == "" && (len(mails) != 1 || lines != "") {
				t.Errorf("%d mails came, log:\n%s", len(mails), lines)
			}
			if c.fault != "" && (len(mails) != 0 || !strings.Contains(lines, c.fault)) {
				t.Errorf("%d mails came, want none and %q in the log:\n%s", len(mails), c.fault, lines)
			}
			if strings.Contains(lines, "secret") {
				t.Errorf("the log tells the password:\n%s", lines)
			}
			if got := strings.Join(srv.Logins(), ","); got != c.login {
				t.Errorf("logins %q, want %q", got, c.login)
			}
		})
	}
}

// TestPasswordFile is read at each delivery, and not beyond a bound.
func TestPasswordFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for _, c := range []struct{ text, fault string }{
		{"secret\n", ""}, {"secret", ""}, {"secret\r\n", ""}, {" secret", "535"}, {strings.Repeat("x", 5000), "longer than 4096 bytes"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, mailtest.Options{User: "me", Password: "secret", Mechanisms: []string{"PLAIN"}})
		s := settings()
		s.Server.User, s.Server.PasswordFile = "me", path
		p := d.open("sshd", s)
		p.Put(notice(1))
		p.Close()
		lines := strings.Join(d.log.take(), "\n")
		if n := len(d.server.Arrived()); (n == 1) != (c.fault == "") || !strings.Contains(lines, c.fault) {
			t.Errorf("password file %.20q: %d mails, log %s", c.text, n, lines)
		}
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]string{
		"localhost": "localhost 0", "localhost:2525": "localhost 2525", " mx.example.test:465 ": "mx.example.test 465", "192.0.2.1:25": "192.0.2.1 25",
		"::1": "::1 0", "[::1]": "::1 0", "[::1]:2525": "::1 2525",
		"": "!", ":25": "!", "a b": "!", "host:": "!", "host:ssh": "!", "host:0": "!", "host:70000": "!", "http://host/": "!", "a\nb": "!",
	} {
		host, port, err := mail.ParseHost(text)
		got := fmt.Sprint(host, " ", port)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q gives %s (%v), want %s", text, got, err, want)
		}
	}
}

// TestEndlessReplies: a server that never stops talking is cut off.
func TestEndlessReplies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sent := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		n := 0
		for line := []byte("220-" + strings.Repeat("x", 1000) + "\r\n"); ; n += len(line) {
			if _, err := c.Write(line); err != nil {
				sent <- n
				return
			}
		}
	}()
	log := &logLines{}
	o := mail.NewOffice(mail.Options{Log: slog.New(log)})
	s := settings()
	s.Server.Host, s.Server.Port, err = mail.ParseHost(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Open("sshd", "f2b-mail", s)
	if err != nil {
		t.Fatal(err)
	}
	p.Put(notice(1))
	if n := <-sent; n > 32<<20 {
		t.Errorf("%d bytes of a greeting were taken", n)
	}
	p.Close()
	log.wants(t, "the server's replies have no end", "could not be sent")
}

// TestBareMailboxes: root and fail2ban, smtp.py's defaults, reach the server as
// they are.
func TestBareMailboxes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := make(chan []string, 1)
	go script(l, said, map[string]string{"": "220 hi", "EHLO": "250 hi", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", ".": "250 ok", "QUIT": "221 bye"})
	o := mail.NewOffice(mail.Options{})
	s := settings()
	s.Server.Host, s.Server.Port, _ = mail.ParseHost(l.Addr().String())
	s.From.Mailbox, s.To = "fail2ban", mail.ParseAddresses("root, Admin <admin@example.test>")
	p, err := o.Open("sshd", "f2b-mail", s)
	if err != nil {
		t.Fatal(err)
	}
	p.Put(notice(1))
	p.Close()
	got := <-said
	for _, want := range []string{"MAIL FROM:<fail2ban>", "RCPT TO:<root>", "RCPT TO:<admin@example.test>", "From: Fail2Ban <fail2ban>", "To: root,", " Admin <admin@example.test>"} {
		if !slices.Contains(got, want) {
			t.Errorf("the client did not say %q:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// script answers one client by the first word of its lines.
func script(l net.Listener, said chan<- []string, answers map[string]string) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	var lines []string
	answer := func(word string) {
		if text, ok := answers[word]; ok {
			_, _ = fmt.Fprint(c, text+"\r\n")
		}
	}
	answer("")
	inData := false
	buf, rest := make([]byte, 64<<10), ""
	for {
		n, err := c.Read(buf)
		rest += string(buf[:n])
		for {
			line, more, ok := strings.Cut(rest, "\r\n")
			if !ok {
				break
			}
			rest = more
			lines = append(lines, line)
			word, _, _ := strings.Cut(line, " ")
			if inData = inData && word != "."; !inData {
				answer(word)
				inData = word == "DATA"
			}
		}
		if err != nil {
			said <- lines
			return
		}
	}
}

package mail_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"f2b-go/action/mail"
	"f2b-go/internal/mailtest"
)

// logLines is a log that tests read.
type logLines struct {
	mu   sync.Mutex
	list []string
}

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logLines) WithGroup(string) slog.Handler            { return l }
func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Level > slog.LevelDebug {
		l.list = append(l.list, r.Level.String()+" "+r.Message)
	}
	return nil
}

// take returns the lines since the last call.
func (l *logLines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

func (l *logLines) wants(t *testing.T, want ...string) {
	t.Helper()
	got := l.take()
	if len(got) != len(want) {
		t.Errorf("log:\n%s\nwant %d lines", strings.Join(got, "\n"), len(want))
		return
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("log line %q, want %q in it", got[i], want[i])
		}
	}
}

// desk is an office, its log, and a server on a network within the process.
type desk struct {
	*mail.Office
	t      *testing.T
	pipe   *mailtest.Pipe
	server *mailtest.Server
	log    *logLines
}

func newDesk(t *testing.T, opt mailtest.Options) *desk {
	t.Helper()
	d := &desk{t: t, pipe: mailtest.NewPipe(), log: &logLines{}}
	opt.Listener = d.pipe
	d.server = mailtest.Start(t, opt)
	d.Office = d.office()
	return d
}

// office is one more on the same network, as after a restart.
func (d *desk) office() *mail.Office {
	return mail.NewOffice(mail.Options{Dial: d.pipe.Dial, Log: slog.New(d.log)})
}

func (d *desk) open(jail string, s mail.Settings) *mail.Post {
	d.t.Helper()
	p, err := d.Open(jail, "f2b-mail", s)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// settings are those of a test without anything special.
func settings() mail.Settings {
	return mail.Settings{
		Server: mail.Server{Host: "127.0.0.1", Security: mail.Plain},
		From:   mail.Address{Name: "Fail2Ban", Mailbox: "fail2ban@example.test"},
		To:     []mail.Address{{Mailbox: "admin@example.test"}}, Host: "pbx.example.test",
	}
}

// notice is a ban of 192.0.2.N.
func notice(n int) mail.Notice {
	ip := fmt.Sprintf("192.0.2.%d", n)
	return mail.Notice{
		Kind: mail.Banned, IP: ip, ID: ip, Time: time.Now(), BanTime: 600, Failures: 5, BanCount: 1,
		Lines: []string{"sshd: bad password from " + ip}, About: "Failed to execute ban jail 'sshd' action 'f2b-mail' info '{" + ip + "}'",
	}
}

// body decodes the first text of a mail.
func body(t *testing.T, m mailtest.Mail) string {
	t.Helper()
	msg := m.Parse(t)
	return decode(t, textproto.MIMEHeader(msg.Header).Get, msg.Body, "text/plain")
}

// decode returns the part of a type, decoded.
func decode(t *testing.T, header func(string) string, r io.Reader, wanted string) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(r, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				t.Fatalf("no part of type %s: %v", wanted, err)
			}
			if strings.HasPrefix(part.Header.Get("Content-Type"), wanted) {
				return decode(t, part.Header.Get, part, wanted)
			}
		}
	}
	switch header("Content-Transfer-Encoding") {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// subject is a mail's subject, decoded.
func subject(t *testing.T, m mailtest.Mail) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(m.Parse(t).Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func subjects(t *testing.T, list []mailtest.Mail) []string {
	t.Helper()
	var out []string
	for _, m := range list {
		out = append(out, subject(t, m))
	}
	return out
}

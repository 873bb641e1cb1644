package action_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/mailtest"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// smtpHarness has Debian's smtp.py send its mails: a life a line.
const smtpHarness = fakeJail + `
import socket, importlib.util
socket.gethostname = lambda: "pbx"
spec = importlib.util.spec_from_file_location("smtp", "/etc/fail2ban/action.d/smtp.py")
smtp = importlib.util.module_from_spec(spec); spec.loader.exec_module(smtp)
for line in sys.stdin:
	s = json.loads(line)
	jail = FakeJail(s["jail"])
	a = smtp.Action(jail, "smtp", **s["args"])
	b = BanTicket(s["ip"], 1700000000, matches=s["matches"], data={"failures": s["failures"]})
	b.setBanTime(3600); b.restored = s["restored"]
	a.start(); a.ban(jail.actions._getActionInfo(b)); a.unban(None); a.stop()
`

// smtpLife is a jail's start, ban and stop with smtp.py.
type smtpLife struct {
	Jail     string            `json:"jail"`
	Args     map[string]string `json:"args"`
	IP       string            `json:"ip"`
	Matches  []string          `json:"matches"`
	Failures int               `json:"failures"`
	Restored bool              `json:"restored"`
}

// sentMail is what a reader gets.
type sentMail struct {
	From     string
	To       []string
	Headers  map[string]string
	Type     string
	Params   map[string]string
	Body     string // as it is sent
	Text     string // decoded
	HasADate bool
}

func read(t *testing.T, m mailtest.Mail) sentMail {
	t.Helper()
	msg := m.Parse(t)
	out := sentMail{From: m.From, To: m.To, Headers: map[string]string{}}
	words := new(mime.WordDecoder)
	for name, values := range msg.Header {
		text, err := words.DecodeHeader(strings.Join(values, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		out.Headers[name] = text
	}
	_, err := msg.Header.Date()
	out.HasADate = err == nil && strings.HasSuffix(msg.Header.Get("Date"), " -0000")
	delete(out.Headers, "Date")
	delete(out.Headers, "Content-Type")
	if out.Type, out.Params, err = mime.ParseMediaType(msg.Header.Get("Content-Type")); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		t.Fatal(err)
	}
	out.Body, out.Text = string(body), string(body)
	if out.Headers["Content-Transfer-Encoding"] == "base64" {
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		out.Text = string(text)
	}
	return out
}

// smtpLives are lives whose mails must be the same.
func smtpLives(host string) []smtpLife {
	args := func(pairs ...string) map[string]string {
		m := map[string]string{"host": host, "dest": "admin@example.test", "sender": "f2b@example.test"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	lines := []string{"Nov 14 22:13:11 pbx sshd[1]: Failed password", "Nov 14 22:13:12 pbx sshd[1]: Failed password 100% %(ip)s"}
	return []smtpLife{
		{Jail: "sshd", Args: args(), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("matches", "matches"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("matches", "ipmatches"), IP: "2001:db8::1", Matches: lines, Failures: 3},
		{Jail: "sshd", Args: args("matches", "ipjailmatches"), IP: "192.0.2.1", Matches: lines, Failures: 1},
		{Jail: "sshd", Args: args("matches", "nothing"), IP: "192.0.2.0/24", Matches: nil, Failures: 0},
		{Jail: "sshd", Args: args("matches", "matches"), IP: "192.0.2.1", Matches: []string{}, Failures: 2},
		{Jail: "sshd", Args: args("matches", "matches"), IP: "192.0.2.1", Matches: []string{"Überfall ☃ from 192.0.2.1"}, Failures: 2},
		{Jail: "sshd", Args: args("matches", "matches"), IP: "192.0.2.1", Matches: []string{".", "..", ".x", "From here", " \ttabs\t ", "a\rb", ""}, Failures: 2},
		{Jail: "sshd", Args: args("matches", "matches"), IP: "192.0.2.1", Matches: []string{strings.Repeat("x ", 450)}, Failures: 2},
		{Jail: "türsteher", Args: args(), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: strings.Repeat("long-", 15), Args: args(), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("dest", "a@example.test, b@example.test"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("dest", "Admin <a@example.test>, b@example.test"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("sendername", "Fail2Ban on pbx.example.test"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("sendername", `Guard, "the" \ dog`), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("sendername", "Wächter"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("sendername", ""), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args(), IP: "192.0.2.1", Matches: lines, Failures: 5, Restored: true},
		{Jail: "sshd", Args: args("user", "me"), IP: "192.0.2.1", Matches: lines, Failures: 5},
		{Jail: "sshd", Args: args("user", "me", "password", "secret"), IP: "192.0.2.1", Matches: lines, Failures: 5},
	}
}

// live has our smtp.py live the same.
func (l smtpLife) live(t *testing.T, log *slog.Logger) {
	t.Helper()
	text, err := json.Marshal(l.Args)
	if err != nil {
		t.Fatal(err)
	}
	a, err := action.New("smtp", []any{"/etc/fail2ban/action.d/smtp.py", string(text)},
		action.Env{Jail: &view{name: l.Jail}, Names: names{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ticket := &jail.Ticket{ID: ipaddr.Parse(l.IP), Time: 1700000000, TimeInt: true, BanTime: jail.Int(3600), HasBanTime: true,
		BanCount: 1, Failures: l.Failures, Restored: l.Restored}
	for _, m := range l.Matches {
		ticket.Matches = append(ticket.Matches, jail.Match{Before: m})
	}
	for _, err := range []error{a.Start(t.Context()), a.Ban(t.Context(), ticket), a.Unban(t.Context(), ticket), a.Stop(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestMailsOfSmtpPy_4_4_2 sends what Debian's smtp.py sends, to the same server:
// envelope, headers, encoding and body are equal.
func TestMailsOfSmtpPy_4_4_2(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	srv := mailtest.Start(t, mailtest.Options{})
	login := mailtest.Start(t, mailtest.Options{User: "me", Password: "secret", Mechanisms: []string{"PLAIN"}})
	log := &mailLog{}
	for _, life := range smtpLives(srv.Addr) {
		at := srv
		if life.Args["password"] != "" {
			at = login
			life.Args["host"] = login.Addr
		}
		line, err := json.Marshal(life)
		if err != nil {
			t.Fatal(err)
		}
		runPython(t, lib, smtpHarness, bytes.NewReader(line))
		want := at.Arrived()
		life.live(t, slog.New(log))
		got := at.Arrived()
		if len(want) < 2 || len(got) != len(want) {
			t.Fatalf("%s: %d mails, fail2ban sends %d\n%v", line, len(got), len(want), log.take())
		}
		for i := range want {
			if diff := cmp.Diff(read(t, want[i]), read(t, got[i])); diff != "" {
				t.Errorf("%s: mail %d (-fail2ban +ours):\n%s", line, i, diff)
			}
		}
	}
	if got := login.Logins(); len(got) != 6 {
		t.Errorf("logins %v, want three of each", got)
	}
	if got := log.take(); len(got) != 0 {
		t.Errorf("log %v", got)
	}
}

// TestSmtpPyWithTLS: ssl asks for STARTTLS, and the server must prove who it is.
func TestSmtpPyWithTLS(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{StartTLS: true})
	for value, mails := range map[string]int{"false": 3, "0": 3, "": 3, "true": 0, "True": 0, "1": 0} {
		log := &mailLog{}
		smtpLife{Jail: "sshd", Args: map[string]string{"host": srv.Addr, "ssl": value, "dest": "a@example.test", "sender": "b@example.test"},
			IP: "192.0.2.1"}.live(t, slog.New(log))
		if got := len(srv.Arrived()); got != mails {
			t.Errorf("ssl=%s: %d mails, want %d", value, got, mails)
		}
		if got := strings.Join(log.take(), "\n"); (mails == 0) != strings.Contains(got, "certificate signed by unknown authority") {
			t.Errorf("ssl=%s: log %s", value, got)
		}
	}
}

// TestSmtpPyOverTLS delivers mails to a server that this machine trusts: ssl is
// STARTTLS as in smtp.py of 1.1.1, other than there with the certificate verified;
// on port 465 TLS comes first; a password goes over the encrypted connection.
func TestSmtpPyOverTLS(t *testing.T) {
	b := &box{Net: netnstest.New(t), t: t}
	for name, c := range map[string]struct {
		server mailtest.Options
		port   string
		ssl    string
		secure bool
		mails  int
	}{
		"starttls":                {mailtest.Options{StartTLS: true}, "25", "yes", true, 3},
		"starttls with login":     {mailtest.Options{StartTLS: true, User: "me", Password: "secret", Mechanisms: []string{"PLAIN"}}, "587", "True", true, 3},
		"tls first":               {mailtest.Options{TLS: true}, "465", "yes", true, 3},
		"tls first with login":    {mailtest.Options{TLS: true, User: "me", Password: "secret", Mechanisms: []string{"LOGIN"}}, "465", "1", true, 3},
		"starttls, not asked for": {mailtest.Options{StartTLS: true}, "25", "no", false, 3},
		"server without starttls": {mailtest.Options{}, "25", "yes", false, 0},
		"starttls server on 465":  {mailtest.Options{StartTLS: true}, "465", "yes", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := b.Do(func() (err error) {
				c.server.Listener, err = net.Listen("tcp", "127.0.0.1:"+c.port)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			srv := mailtest.Start(t, c.server)
			in := &box{Net: b.Net, t: t, env: []string{"SSL_CERT_FILE=" + srv.CAFile}}
			args, err := json.Marshal(map[string]string{"host": "localhost:" + c.port, "ssl": c.ssl, "user": c.server.User,
				"password": c.server.Password, "dest": "a@example.test", "sender": "b@example.test"})
			if err != nil {
				t.Fatal(err)
			}
			peer := in.ours()
			peer.Ask(definition{Name: "smtp", Args: []any{"/etc/fail2ban/action.d/smtp.py", string(args)}}, nil)
			for _, step := range [][2]string{{"start", ""}, {"ban", bad4}, {"stop", ""}} {
				var fault string
				if peer.Ask(step, &fault); fault != "" {
					t.Error(fault)
				}
			}
			got := srv.Arrived()
			if len(got) != c.mails || len(srv.Logins()) != 0 != (c.server.User != "") {
				t.Errorf("%d mails, logins %v, want %d mails", len(got), srv.Logins(), c.mails)
			}
			for _, m := range got {
				if m.TLS != c.secure {
					t.Errorf("a mail came encrypted: %v", m.TLS)
				}
			}
		})
	}
}

// TestSmtpPyProperties_5_3: the client finds the names that the Python object has.
func TestSmtpPyProperties_5_3(t *testing.T) {
	a, err := action.New("smtp", []any{"/x/smtp.py", `{"dest": "a@example.test", "password": "secret"}`}, action.Env{Jail: &view{name: "j"}, Names: names{}})
	if err != nil {
		t.Fatal(err)
	}
	p := a.(interface {
		Get(string) (any, bool)
		Set(string, any) error
		Properties() []string
		Methods() []string
	})
	for name, want := range map[string]any{"toaddr": "a@example.test", "fromaddr": "fail2ban", "fromname": "Fail2Ban", "host": "localhost", "user": nil, "matches": nil, "norestored": int64(1)} {
		if got, ok := p.Get(name); !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if err := p.Set("toaddr", "b@example.test"); err != nil {
		t.Fatal(err)
	}
	if got, _ := p.Get("toaddr"); got != "b@example.test" {
		t.Errorf("toaddr is %v after it was set", got)
	}
	if got := strings.Join(p.Methods(), " "); got != "ban reban start stop unban" {
		t.Errorf("methods %s", got)
	}
	if _, ok := p.Get("nosuch"); ok || len(p.Properties()) != 10 {
		t.Errorf("properties %v", p.Properties())
	}
}

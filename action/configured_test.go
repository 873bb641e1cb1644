package action_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/mailtest"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

func ownDir(t *testing.T) string { return filepath.Join(testenv.Root(t), "etc_fail2ban") }

// f2bMail is our mail action with these options besides those that every test
// needs, its log, and what it runs as commands.
func f2bMail(t *testing.T, srv *mailtest.Server, options map[string]string) (jail.Action, *mailLog, *action.Recorder) {
	t.Helper()
	log, rec := &mailLog{}, &action.Recorder{}
	all := map[string]string{"name": "sshd", "dest": "admin@example.test", "sender": "f2b@example.test", "host": srv.Addr, "port": "", "whois": "no",
		"spool": filepath.Join(t.TempDir(), "spool")}
	for name, value := range options {
		all[name] = value
	}
	env := action.Env{Jail: &view{name: "sshd"}, Runner: rec, Names: names{}, Log: slog.New(log)}
	return readAction(t, ownDir(t), "f2b-mail", all, env), log, rec
}

// TestF2bMail: the marker has the mail delivered without a command.
func TestF2bMail(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{})
	a, log, rec := f2bMail(t, srv, nil)
	runLife(t, a, mailTicket())
	got := srv.Arrived()
	if len(got) != 1 {
		t.Fatalf("%d mails, want that of the ban; log %v", len(got), log.take())
	}
	h := got[0].Parse(t).Header
	if h.Get("Subject") != "[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test" || h.Get("From") != "Fail2Ban <f2b@example.test>" {
		t.Errorf("headers %v", h)
	}
	for _, want := range []string{"unbanip 192.0.2.1", "Failures: 5", "Failed password for `id` $(id) 'x' \"y\" from 192.0.2.1"} {
		if text := strings.ReplaceAll(got[0].Data, "=\r\n", ""); !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
	if ran := rec.Take(); len(ran) != 0 {
		t.Errorf("commands ran: %v", ran)
	}
	if lines := log.take(); len(lines) != 0 {
		t.Errorf("log %v", lines)
	}
}

// f2bMailOptions are options, and what becomes of a ban with them.
var f2bMailOptions = map[string]struct {
	options  map[string]string
	server   mailtest.Options
	subjects []string
	text     string // in the first mail
	fault    string // what Start says
}{
	"start and stop":  {options: map[string]string{"startstop": "yes"}, subjects: []string{"sshd: started on", "sshd: banned 192.0.2.1", "sshd: stopped on"}},
	"several readers": {options: map[string]string{"dest": "a@example.test, B <b@example.test>"}, subjects: []string{"banned"}, text: "To: a@example.test,\r\n B <b@example.test>"},
	"no lines":        {options: map[string]string{"lines": "none"}, subjects: []string{"banned"}, text: "unbanip 192.0.2.1\r\n"},
	"template":        {options: map[string]string{"template": "X{{.IP}}X"}, subjects: []string{"banned"}, text: "X192.0.2.1X"},
	"html":            {options: map[string]string{"template": "html"}, subjects: []string{"banned"}, text: "multipart/alternative"},
	"login": {options: map[string]string{"user": "me", "password": "se<name>cret"}, server: mailtest.Options{User: "me", Password: "se<name>cret", Mechanisms: []string{"PLAIN"}},
		subjects: []string{"banned"}},
	"sender of tags": {options: map[string]string{"sender": "root@<fq-hostname>"}, subjects: []string{"banned"}, text: "<root@pbx.example.test>"},
	"localhost":      {options: map[string]string{"dest": "root@localhost"}, subjects: []string{"banned"}, text: "To: root@localhost"},
	"in memory":      {options: map[string]string{"spool": "no"}, subjects: []string{"banned"}},
	"digest":         {options: map[string]string{"spool": "no", "digest": "10m"}, subjects: []string{"banned"}},
	"bad tls":        {options: map[string]string{"tls": "sometimes"}, fault: "tls = sometimes: use none, starttls or tls"},
	"bad digest":     {options: map[string]string{"digest": "soon"}, fault: "digest = soon: expected a time"},
	"bad rate":       {options: map[string]string{"rate": "many"}, fault: "rate = many: expected mails per time"},
	"bad rate time":  {options: map[string]string{"rate": "3/many"}, fault: "rate = many: expected a time"},
	"bad port":       {options: map[string]string{"port": "smtp"}, fault: "port = smtp: expected a number"},
	"bad host":       {options: map[string]string{"host": "a b"}, fault: `mail server "a b"`},
	"bad flag":       {options: map[string]string{"startstop": "maybe"}, fault: "startstop = maybe: expected yes or no"},
	"no reader":      {options: map[string]string{"dest": ""}, fault: "dest holds no mail address"},
	"no sender":      {options: map[string]string{"sender": "a@b c@d"}, fault: "expected one mail address"},
}

// TestF2bMailOptions: each option does what the file says of it.
func TestF2bMailOptions(t *testing.T) {
	for name, c := range f2bMailOptions {
		t.Run(name, func(t *testing.T) {
			srv := mailtest.Start(t, c.server)
			a, log, _ := f2bMail(t, srv, c.options)
			err := a.Start(t.Context())
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("Start says %v, want %q", err, c.fault)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if err := a.Ban(t.Context(), mailTicket()); err != nil {
				t.Error(err)
			}
			if err := a.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			got := srv.Arrived()
			if len(got) != len(c.subjects) {
				t.Fatalf("%d mails, want %d; log %v", len(got), len(c.subjects), log.take())
			}
			for i, want := range c.subjects {
				if text := got[i].Parse(t).Header.Get("Subject"); !strings.Contains(text, want) {
					t.Errorf("subject %q, want %q", text, want)
				}
			}
			if c.text != "" && !strings.Contains(got[0].Data, c.text) {
				t.Errorf("the mail lacks %q:\n%s", c.text, got[0].Data)
			}
			if lines := log.take(); len(lines) != 0 {
				t.Errorf("log %v", lines)
			}
		})
	}
}

// TestNoMailForRestoredBans_3_3_4: they were told of when they were new.
func TestNoMailForRestoredBans_3_3_4(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{})
	a, _, _ := f2bMail(t, srv, nil)
	if !a.SkipsRestored() {
		t.Error("the action asks for restored bans")
	}
	ticket := mailTicket()
	ticket.Restored = true
	runLife(t, a, ticket)
	if got := srv.Arrived(); len(got) != 0 {
		t.Errorf("%d mails for a restored ban", len(got))
	}
}

// TestSettingsChangeWhileItRuns: by the client, and by a reload.
func TestSettingsChangeWhileItRuns(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{})
	a, log, _ := f2bMail(t, srv, nil)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	var readers []string
	ban := func() {
		t.Helper()
		do(a.Ban(ctx, mailTicket()))
		readers = append(readers, srv.Next(t).To...)
	}
	do(a.Start(ctx))
	ban()
	do(a.(interface{ Set(string, any) error }).Set("dest", "second@example.test"))
	ban()
	fresh, _, _ := f2bMail(t, srv, map[string]string{"dest": "third@example.test"})
	r := a.(jail.Reloader)
	if !r.Adopt(fresh) {
		t.Fatal("the action did not take over the fresh one's properties")
	}
	do(r.Reload(ctx))
	ban()
	for _, bad := range []map[string]string{{"f2b_native": ""}, {"dest": "PUT-YOUR-EMAIL-HERE"}} {
		if other, _, _ := f2bMail(t, srv, bad); r.Adopt(other) {
			t.Errorf("the action took over %v", bad)
		}
	}
	do(a.Stop(ctx))
	if diff := cmp.Diff([]string{"admin@example.test", "second@example.test", "third@example.test"}, readers); diff != "" {
		t.Errorf("readers:\n%s\nlog %v", diff, log.take())
	}
}

// TestPlaceholderAddress: a mail action whose address nobody has put in is
// skipped with one ERROR line; all others run.
func TestPlaceholderAddress(t *testing.T) {
	const left = "is skipped: its mail address is still PUT-YOUR-EMAIL-HERE, put yours in its place"
	for _, c := range []struct {
		dir, action string
		options     map[string]string
		skipped     bool
	}{
		{debianDir, "sendmail-whois", map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, true},
		{debianDir, "sendmail-whois-lines", map[string]string{"dest": "put-your-email-here"}, true},
		{debianDir, "mail-whois", map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, true},
		{debianDir, "sendmail", map[string]string{"sender": "PUT-YOUR-EMAIL-HERE", "dest": "root"}, true},
		{debianDir, "sendmail", map[string]string{"dest": "root@localhost"}, false},
		{debianDir, "iptables-multiport", map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, false},
		{ownDir(t), "sendmail", map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, true},
		{ownDir(t), "f2b-mail", map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, true},
		{ownDir(t), "f2b-mail", map[string]string{"dest": "a@example.test", "sender": "PUT-YOUR-EMAIL-HERE"}, true},
	} {
		log, rec := &mailLog{}, &action.Recorder{}
		a := readAction(t, c.dir, c.action, c.options, action.Env{Jail: &view{name: "sshd"}, Runner: rec, Names: names{}, Log: slog.New(log)})
		for range 3 {
			runLife(t, a, mailTicket())
		}
		lines := log.take()
		if c.skipped && (len(lines) != 1 || !strings.HasPrefix(lines[0], "ERROR [sshd] action '"+c.action+"' "+left)) || !c.skipped && len(lines) != 0 {
			t.Errorf("%s %v: log %q", c.action, c.options, lines)
		}
		if ran := len(rec.Take()); (ran == 0) != c.skipped {
			t.Errorf("%s %v: %d commands ran", c.action, c.options, ran)
		}
	}
}

// TestPlaceholderOfSmtpPy likewise.
func TestPlaceholderOfSmtpPy(t *testing.T) {
	log := &mailLog{}
	smtpLife{Jail: "sshd", Args: map[string]string{"dest": "PUT-YOUR-EMAIL-HERE"}, IP: "192.0.2.1"}.live(t, slog.New(log))
	if got := log.take(); len(got) != 1 || !strings.Contains(got[0], "action 'smtp' is skipped") {
		t.Errorf("log %q", got)
	}
}

// TestPythonActionsAreSkipped_4_4: with one line that names the file and the
// nearest native action.
func TestPythonActionsAreSkipped_4_4(t *testing.T) {
	for file, want := range map[string]string{
		"/etc/fail2ban/action.d/badips.py": "abuseipdb", "/x/telegram.py": "apprise", "/x/my-sendmail.py": "f2b-mail", "/x/ipset_api.py": "iptables-ipset",
		"/x/else.py": "dummy", "/x/smtp.py.py": "f2b-mail",
	} {
		log := &mailLog{}
		a, err := action.New("act", []any{file, `{"a": "b"}`}, action.Env{Jail: &view{name: "sshd"}, Names: names{}, Log: slog.New(log)})
		if err != nil {
			t.Fatal(err)
		}
		runLife(t, a, mailTicket())
		if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "ERROR [sshd] action 'act' is skipped: ") ||
			!strings.Contains(got[0], file) || !strings.Contains(got[0], "the nearest native action is "+want) {
			t.Errorf("log %q, want %s and %s", got, file, want)
		}
		if !a.(jail.Reloader).Adopt(a) || a.Name() != "act" {
			t.Error("a reload does not find it")
		}
		p := a.(interface {
			Get(string) (any, bool)
			Set(string, any) error
			Properties() []string
		})
		if why, ok := p.Get("skipped"); !ok || !strings.Contains(why.(string), file) || p.Set("x", 1) == nil || len(p.Properties()) != 1 {
			t.Errorf("the client reads %v", why)
		}
	}
	log := &mailLog{}
	if _, err := action.New("smtp", []any{"/x/smtp.py", `{"nosuch": "b"}`}, action.Env{Jail: &view{name: "sshd"}, Names: names{}, Log: slog.New(log)}); err != nil {
		t.Fatal(err)
	}
	if got := log.take(); len(got) != 1 || !strings.Contains(got[0], "unexpected keyword argument 'nosuch'") {
		t.Errorf("log %q", got)
	}
	if _, err := action.New("smtp", []any{"/x/smtp.py", `{`}, action.Env{Jail: &view{name: "sshd"}, Names: names{}}); err == nil {
		t.Error("half a JSON object was taken")
	}
}

// TestCommandsStayCommands: an action of commands does what it did.
func TestCommandsStayCommands(t *testing.T) {
	rec := &action.Recorder{}
	env := action.Env{Jail: &view{name: "sshd"}, Runner: rec, Names: names{}}
	a, err := action.New("act", nil, env)
	if err != nil {
		t.Fatal(err)
	}
	c := action.NewCommand("act", env)
	for _, p := range []interface{ Set(string, any) error }{a.(interface{ Set(string, any) error }), c} {
		for _, name := range []string{"start", "ban", "unban", "prolong", "flush", "stop", "reload", "check"} {
			if err := p.Set("action"+name, name+" <ip>"); err != nil {
				t.Fatal(err)
			}
		}
	}
	live := func(a jail.Action) []string {
		ctx, ticket := context.Background(), mailTicket()
		r := a.(jail.Reloader)
		_, flushed := a.Flush(ctx)
		for _, err := range []error{a.Start(ctx), a.Ban(ctx, ticket), a.Reban(ctx, ticket), a.Prolong(ctx, ticket), a.Check(ctx, false), r.Reload(ctx),
			a.Unban(ctx, ticket), a.Stop(ctx), flushed} {
			if err != nil {
				t.Error(err)
			}
		}
		var scripts []string
		for _, cmd := range rec.Take() {
			scripts = append(scripts, cmd.Script)
		}
		if !a.Prolongs() || !a.Flushes() || a.SkipsRestored() || a.Name() != "act" || a.Epoch() != 0 {
			t.Error("the action forgot what it is")
		}
		return scripts
	}
	if diff := cmp.Diff(live(c), live(a)); diff != "" {
		t.Errorf("commands:\n%s", diff)
	}
}

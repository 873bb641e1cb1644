package action_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/config"
	"f2b-go/internal/mailtest"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// mailHarness has Debian's fail2ban read an action and really run its commands.
const mailHarness = `
from fail2ban.server.action import CommandAction
really = CommandAction.executeCmd
` + fakeJail + `
from fail2ban.client.actionreader import ActionReader
CommandAction.executeCmd = staticmethod(really)
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
s = json.loads(sys.stdin.read())
jail = FakeJail("sshd")
r = ActionReader(s["action"], jail.name, s["options"], basedir=s["dir"])
assert r.read()
r.getOptions({})
a = CommandAction(jail, r.getName())
for c in r.convert()[1:]:
	for k, val in c[4] if c[0] == "multi-set" else [c[4:]]: setattr(a, k, val)
b = BanTicket("192.0.2.1", 1700000000, matches=s["matches"], data={"failures": 5})
b.setBanTime(600)
a.start(); a.ban(jail.actions._getActionInfo(b)); a.unban(jail.actions._getActionInfo(b)); a.stop()
`

// sendmail has /usr/sbin/sendmail, which is msmtp, hand its mails to a server of
// the test's own, and programs of the test's own stand before the machine's.
func sendmail(t *testing.T) *mailtest.Server {
	t.Helper()
	for _, program := range []string{"/usr/bin/msmtp", "/usr/bin/mail.mailutils"} {
		if _, err := os.Stat(program); err == nil {
			continue
		}
		if os.Geteuid() == 0 || os.Getenv("CI") != "" {
			t.Fatal("Debian's msmtp-mta and mailutils are not both installed: apt-get install msmtp-mta mailutils")
		}
		t.Skip("Debian's msmtp-mta and mailutils are not both installed, and only root could install them")
	}
	srv := mailtest.Start(t, mailtest.Options{})
	home := t.TempDir()
	rc := "account default\nhost 127.0.0.1\nport " + srv.Port() + "\nauth off\ntls off\n"
	whois := "#!/bin/sh\nfor ip; do :; done\nprintf 'inetnum: 192.0.2.0\\nremarks: it says \"hi\" \\140id\\140 of %s\\n.\\n~! touch X\\n' \"$ip\"\n"
	if err := os.WriteFile(filepath.Join(home, ".msmtprc"), []byte(rc+"from f2b@example.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The actions are written for this mail(1): to others -E means something else.
	if err := os.Symlink("/usr/bin/mail.mailutils", filepath.Join(home, "mail")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"whois": whois, "dig": "#!/bin/sh\necho '\"abuse@example.test,noc@example.test\"'\n", "geoiplookup": "#!/bin/sh\necho 'GeoIP: ZZ'\n", "date": "#!/bin/sh\necho 'Tue, 14 Nov 2023 22:13:20 +0000'\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("PATH", home+":"+os.Getenv("PATH"))
	return srv
}

// readAction makes the action that a configuration's action.d has.
func readAction(t *testing.T, dir, name string, options map[string]string, env action.Env) jail.Action {
	t.Helper()
	cfg, err := config.Load(config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(options)) {
		pairs = append(pairs, key+`="`+options[key]+`"`)
	}
	reading, err := cfg.ReadAction(env.Jail.Name(), name+"["+strings.Join(pairs, ", ")+"]")
	if err != nil {
		t.Fatal(err)
	}
	var a jail.Action
	for _, cmd := range reading.Commands {
		if cmd[2] == "addaction" {
			if a, err = action.New(pytext.Str(cmd[3]), cmd[4:], env); err != nil {
				t.Fatal(err)
			}
			continue
		}
		list := []any{cmd[4:]}
		if cmd[0] == "multi-set" {
			list = cmd[4].([]any)
		}
		for _, p := range list {
			pair := p.([]any)
			if err := a.(interface{ Set(string, any) error }).Set(pytext.Str(pair[0]), pair[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a
}

// matchesOf are lines as log files have them.
var mailMatches = []string{
	"Nov 14 22:13:11 pbx sshd[1]: Failed password for `id` $(id) 'x' \"y\" from 192.0.2.1 port 4711 ssh2",
	"Nov 14 22:13:12 pbx sshd[1]: Failed password for root from 192.0.2.1 port 4712 ssh2",
}

func mailTicket() *jail.Ticket {
	t := banTicket("192.0.2.1")
	t.Failures, t.BanCount, t.TimeInt = 5, 1, true
	for _, m := range mailMatches {
		t.Matches = append(t.Matches, jail.Match{Before: m})
	}
	return t
}

// runLife starts an action, bans, unbans and stops.
func runLife(t *testing.T, a jail.Action, ticket *jail.Ticket) {
	t.Helper()
	for _, err := range []error{a.Start(t.Context()), a.Ban(t.Context(), ticket), a.Unban(t.Context(), ticket), a.Stop(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
}

// mailsOf reads mails without what the mail program puts in itself.
func mailsOf(t *testing.T, list []mailtest.Mail) []sentMail {
	t.Helper()
	var out []sentMail
	for _, m := range list {
		if m.Parse(t).Header.Get("Content-Type") == "" {
			m.Data = "Content-Type: text/plain\r\n" + m.Data
		}
		s := read(t, m)
		delete(s.Headers, "Message-Id")
		out = append(out, s)
	}
	return out
}

// TestMailActions_4_5 runs the mail actions of fail2ban's own packages, and
// ours, by Debian's fail2ban and by f2b-go with a real sendmail and mail(1): the
// same mails arrive.
func TestMailActions_4_5(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	srv := sendmail(t)
	log := filepath.Join(t.TempDir(), "auth.log")
	if err := os.WriteFile(log, []byte(strings.Join(mailMatches, "\n")+"\nanother from 192.0.2.10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dirs := map[string][]string{
		debianDir: {"sendmail", "sendmail-whois", "sendmail-whois-lines", "sendmail-whois-matches", "sendmail-whois-ipmatches",
			"sendmail-whois-ipjailmatches", "sendmail-geoip-lines", "sendmail-buffered",
			"mail", "mail-whois", "mail-whois-lines", "mail-buffered", "complain", "xarf-login-attack"},
		filepath.Join(testenv.Root(t), "etc_fail2ban"): {"sendmail", "sendmail-whois", "sendmail-whois-lines"},
	}
	if shared, ok := testenv.Shared(t); ok && os.Getenv("F2B_SOAK") != "" {
		dirs[filepath.Join(shared, "fail2ban-1.1.1", "config")] = dirs[debianDir]
	}
	for dir, list := range dirs {
		for _, name := range list {
			options := map[string]string{"name": "sshd", "dest": "admin@example.test", "sender": "f2b@example.test", "sendername": "Guard",
				"logpath": log, "tmpfile": filepath.Join(t.TempDir(), "buffer"), "lines": "1"}
			input, err := json.Marshal(map[string]any{"dir": dir, "action": name, "options": options, "matches": mailMatches})
			if err != nil {
				t.Fatal(err)
			}
			runPython(t, lib, mailHarness, bytes.NewReader(input))
			want := mailsOf(t, srv.Arrived())
			said := &mailLog{}
			env := action.Env{Jail: &view{name: "sshd"}, Runner: &shell.Runner{Log: slog.New(said)}, Names: names{}, Log: slog.New(said)}
			options["tmpfile"] += "2"
			runLife(t, readAction(t, dir, name, options, env), mailTicket())
			got := mailsOf(t, srv.Arrived())
			if len(want) == 0 {
				t.Errorf("%s %s: fail2ban sends no mail", dir, name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-fail2ban +ours):\n%s\n%v", dir, name, diff, said.take())
			}
		}
	}
}

// TestF2bMailUnderFail2ban_4_5: our action's fallback mails through sendmail.
func TestF2bMailUnderFail2ban_4_5(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	srv := sendmail(t)
	input, err := json.Marshal(map[string]any{"dir": filepath.Join(testenv.Root(t), "etc_fail2ban"), "action": "f2b-mail", "matches": mailMatches,
		"options": map[string]string{"name": "sshd", "dest": "admin@example.test", "sender": "f2b@example.test", "digest": "10m", "tls": "starttls"}})
	if err != nil {
		t.Fatal(err)
	}
	runPython(t, lib, mailHarness, bytes.NewReader(input))
	got := mailsOf(t, srv.Arrived())
	if len(got) != 1 {
		t.Fatalf("%d mails, want that of the ban", len(got))
	}
	if got[0].Headers["Subject"] != "[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test" || got[0].Headers["Auto-Submitted"] != "auto-generated" {
		t.Errorf("headers %v", got[0].Headers)
	}
	for _, text := range append(mailMatches, "inetnum: 192.0.2.0", "fail2ban-client set sshd unbanip 192.0.2.1", "it says \"hi\" `id`", "\r\n.\r\n~! touch X\r\n") {
		if !strings.Contains(got[0].Text, text) {
			t.Errorf("the mail lacks %q:\n%s", text, got[0].Text)
		}
	}
}

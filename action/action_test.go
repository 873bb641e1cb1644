package action_test

import (
	"errors"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// newAction returns an action with these properties, and its recorder.
func newAction(t *testing.T, props map[string]any) (*action.Command, *action.Recorder) {
	t.Helper()
	rec := &action.Recorder{}
	c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Runner: rec, Names: names{}, Clock: fixedClock})
	for name, value := range props {
		if err := c.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return c, rec
}

func TestTimeLimitIsAProperty_4_3_2(t *testing.T) {
	for _, tc := range []struct {
		set, get any
		limit    time.Duration
	}{
		{nil, int64(60), time.Minute},
		{"30", int64(30), 30 * time.Second},
		{"1m30s", int64(90), 90 * time.Second},
		{"0.5", 0.5, 500 * time.Millisecond},
		{"1y 1mo", 34187400.0, 34187400 * time.Second},
		{int64(5), int64(5), 5 * time.Second},
	} {
		c, rec := newAction(t, map[string]any{"actionban": "true"})
		if tc.set != nil {
			if err := c.Set("timeout", tc.set); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := c.Get("timeout"); got != tc.get {
			t.Errorf("timeout %v reads back as %v (%[2]T), want %v (%[3]T)", tc.set, got, tc.get)
		}
		if err := c.Ban(t.Context(), banTicket(bad4)); err != nil {
			t.Fatal(err)
		}
		if got := rec.Take()[0].Timeout; got != tc.limit {
			t.Errorf("timeout %v gives a limit of %v, want %v", tc.set, got, tc.limit)
		}
	}
	c, _ := newAction(t, nil)
	if err := c.Set("timeout", "soon"); err == nil {
		t.Error("a timeout of no length was taken")
	}
}

// TestBantimeIsTheTickets_4_1: a property of that name is not kept.
func TestBantimeIsTheTickets_4_1(t *testing.T) {
	c, rec := newAction(t, map[string]any{"actionban": "x <bantime>", "bantime": "3600"})
	if err := c.Ban(t.Context(), banTicket(bad4)); err != nil {
		t.Fatal(err)
	}
	if got := rec.Take()[0].Script; got != "x 600" {
		t.Errorf("ran %q, want the ticket's ban time", got)
	}
	if _, ok := c.Get("bantime"); ok {
		t.Error("bantime can be read back as a property")
	}
}

func TestNamesForTheClient_5_3(t *testing.T) {
	c, _ := newAction(t, map[string]any{"port": "ssh", "_hidden": "x"})
	if lib, ok := testenv.Fail2ban(t); ok {
		script := `
from fail2ban.server.action import CommandAction
a = CommandAction(None, "act"); a.port = "ssh"; a._hidden = "x"
names = [k for k in dir(a) if not k.startswith("_")]
print(" ".join(k for k in names if not callable(getattr(a, k))))
print(" ".join(k for k in names if callable(getattr(a, k))))`
		want := strings.Split(strings.TrimSpace(string(runPython(t, lib, script, nil))), "\n")
		if diff := cmp.Diff(want, []string{strings.Join(c.Properties(), " "), strings.Join(c.Methods(), " ")}); diff != "" {
			t.Errorf("properties and methods (-fail2ban +ours):\n%s", diff)
		}
	}
	if !slices.IsSorted(c.Properties()) || !slices.Contains(c.Properties(), "port") {
		t.Errorf("properties %v", c.Properties())
	}
}

// TestErrorsTellTheTicket_7_3: fail2ban's log line has the values that were used.
func TestErrorsTellTheTicket_7_3(t *testing.T) {
	c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Names: names{}, Clock: fixedClock,
		Runner: &scripted{outcome: []bool{false, false}}})
	if err := c.Set("actionban", "x <bantime> <F-USER>"); err != nil {
		t.Fatal(err)
	}
	ticket := banTicket(bad4)
	ticket.Fields = pytext.Dict{{Key: "user", Value: "o'b"}}
	err := c.Ban(t.Context(), ticket)
	var failed *action.Error
	if !errors.As(err, &failed) || err.Error() != "Error banning 192.0.2.1" {
		t.Fatalf("error %v", err)
	}
	want := `ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', 'fid': '192.0.2.1', 'bantime': 600, ` +
		`'F-*': {'matches': [], 'failures': 0, 'user': "o'b"}, ` +
		`'raw-ticket': 'BanTicket: ip=192.0.2.1 time=1700000000.0 bantime=600 bancount=0 #attempts=0 matches=[]'})`
	if got := failed.ActionInfo(); got != want {
		t.Errorf("info %s\nwant %s", got, want)
	}
}

// TestReload_3_8_5: an action that lives through a reload has the fresh
// properties and knows what it has started and banned.
func TestReload_3_8_5(t *testing.T) {
	ctx := t.Context()
	old, rec := newAction(t, map[string]any{"actionstart": "start", "actionban": "old <ip>", "actionunban": "un <ip>", "stale": "x"})
	if err := old.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := old.Ban(ctx, banTicket(bad4)); err != nil {
		t.Fatal(err)
	}
	fresh, _ := newAction(t, map[string]any{"actionban": "new <ip>", "actionunban": "new un <ip>", "actionreload": "reload", "actionstop": "stop"})
	if !old.Adopt(fresh) {
		t.Fatal("the action did not take the fresh one's place")
	}
	rec.Take()
	for _, step := range []func() error{
		func() error { return old.Reload(ctx) },
		func() error { return old.Unban(ctx, banTicket(bad4)) },
		func() error { return old.Ban(ctx, banTicket(good4)) },
		func() error { return old.Stop(ctx) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]string{{"reload"}, {"new un 192.0.2.1"}, {"new 192.0.2.2"}, {"stop"}}
	if diff := cmp.Diff(want, words(rec.Take())); diff != "" {
		t.Errorf("after the reload (-want +got):\n%s", diff)
	}
	if _, ok := old.Get("stale"); ok {
		t.Error("a parameter that is gone from the configuration is still set")
	}
	if old.Adopt(other{}) {
		t.Error("took over an action of another kind")
	}
}

// other is an action that is no Command.
type other struct{ jail.Action }

// TestManyVariables_4_2: a shell reads $10 as $1 followed by 0.
func TestManyVariables_4_2(t *testing.T) {
	runner := &shell.Runner{}
	out := &capture{Runner: runner}
	c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Runner: out, Names: names{}})
	ticket := banTicket(bad4)
	var text []string
	for _, name := range strings.Fields("a b c d e f g h i j k l m") {
		ticket.Fields = append(ticket.Fields, pytext.Item{Key: name, Value: "$" + name})
		text = append(text, `"<F-`+strings.ToUpper(name)+`>"`)
	}
	if err := c.Set("actionban", "printf '%s ' "+strings.Join(text, " ")); err != nil {
		t.Fatal(err)
	}
	if err := c.Ban(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.stdout), "$a $b $c $d $e $f $g $h $i $j $k $l $m "; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// TestHangingCommand_4_3_2: a command that hangs ends with its time limit, and
// the ban has failed.
func TestHangingCommand_4_3_2(t *testing.T) {
	c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Runner: &shell.Runner{}, Names: names{}})
	for name, value := range map[string]any{"actionban": "sleep 600 & wait", "timeout": "0.1"} {
		if err := c.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if err := c.Ban(t.Context(), banTicket(bad4)); err == nil || err.Error() != "Error banning 192.0.2.1" {
		t.Errorf("error %v", err)
	}
	// Without actioncheck the command is tried twice (3.5.3).
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if err := c.Unban(t.Context(), banTicket(bad4)); err != nil {
		t.Errorf("an unban without a ban ran: %v", err)
	}
}

// TestOneFileOneGroup: two jails' actions of one file do not run at the same
// time, since they may edit the same file; other actions do not wait for them.
func TestOneFileOneGroup(t *testing.T) {
	group := func(jailName, actname, name string) string {
		rec := &action.Recorder{}
		c := action.NewCommand(actname, action.Env{Jail: &view{name: jailName}, Runner: rec, Names: names{}})
		for k, v := range map[string]any{"actionban": "true", "actname": actname, "name": name} {
			if err := c.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Ban(t.Context(), banTicket(bad4)); err != nil {
			t.Fatal(err)
		}
		return rec.Take()[0].Group
	}
	for _, c := range [][3]string{{"sshd", "hostsdeny", "sshd"}, {"www", "hostsdeny", "www"}, {"www", "hostsdeny-x", "www-x"}, {"www", "hostsdeny-other", "other"}} {
		if got := group(c[0], c[1], c[2]); got != "hostsdeny" {
			t.Errorf("jail %s, action %s, name %s: group %q", c[0], c[1], c[2], got)
		}
	}
	if got := group("sshd", "iptables", "sshd"); got != "iptables" {
		t.Errorf("another action's group is %q", got)
	}
}

// TestOwnNames asks the system for its names as fail2ban's Python does.
func TestOwnNames(t *testing.T) {
	h := action.NewHost(nil)
	short, err := exec.Command("uname", "-n").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Short(), strings.TrimSpace(string(short)); got != want {
		t.Errorf("short name %q, want %q", got, want)
	}
	if lib, ok := testenv.Fail2ban(t); ok {
		want := strings.TrimSpace(string(runPython(t, lib, "from fail2ban.server.ipdns import DNSUtils\nprint(DNSUtils.getHostname())", nil)))
		if got := h.FQDN(); got != want {
			t.Errorf("full name %q, fail2ban has %q", got, want)
		}
	}
	if got := h.Reverse(t.Context(), ipaddr.Parse("bob")); got != "" {
		t.Errorf("a name for an ID that is no address: %q", got)
	}
}

// TestSecretsStayOutOfTheLog: a failed command is told without its password.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := action.NewCommand("act", action.Env{Jail: &view{name: "j"}, Runner: &shell.Runner{Log: logger}, Names: names{}, Log: logger})
	for name, value := range map[string]any{"actionban": `echo "<cftoken>" "<matches>"; exit 1`, "cftoken": "s3cr3t-key", "_bypass_if_restored": "echo"} {
		if err := c.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	ticket := banTicket(bad4)
	ticket.Matches = []jail.Match{{Before: "it's"}}
	if err := c.Ban(t.Context(), ticket); err == nil {
		t.Fatal("the command did not fail")
	}
	if strings.Contains(log.String(), "s3cr3t") {
		t.Errorf("the log tells the secret:\n%s", log.String())
	}
	if n := strings.Count(log.String(), "***"); n < 5 {
		t.Errorf("%d places are hidden in the log, want the property, two commands and two outputs:\n%s", n, log.String())
	}
}

// TestIgnoreCommand_2_10_6 fills an ignorecommand as fail2ban does: what a log
// line controls goes over as variables.
func TestIgnoreCommand_2_10_6(t *testing.T) {
	e := action.NewExpander(action.Env{Jail: &view{name: "j"}, Names: names{}, Clock: fixedClock})
	ticket := banTicket(bad4)
	ticket.Fields = pytext.Dict{{Key: "user", Value: "$(id)"}}
	script, args := e.Expand("check <ip> <fid> <family> '<F-NONE>' \"<F-USER>\" <nosuch> <br><fq-hostname>", ticket)
	if want := "f2bV_F_user=$0 \ncheck 192.0.2.1 192.0.2.1 inet4 '' \"$f2bV_F_user\" <nosuch> \npbx.example.test"; script != want {
		t.Errorf("script %q, want %q", script, want)
	}
	if diff := cmp.Diff([]string{"$(id)"}, args); diff != "" {
		t.Errorf("arguments:\n%s", diff)
	}
}

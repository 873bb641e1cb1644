package action_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/testenv"
)

// makeLives has Debian's fail2ban read stock actions with the options given, and
// live each through a list of steps with random tickets.
const makeLives = harness0 + `
from fail2ban.client.actionreader import ActionReader
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
action_module.allowed_ipv6 = lambda: True
for line in sys.stdin:
	s = json.loads(line)
	r = ActionReader(s["action"], s["jail"], s["options"], basedir=s["dir"])
	assert r.read()
	r.getOptions(s["jailoptions"])
	jail = FakeJail(s["jail"])
	try: out = {"stream": r.convert(), "steps": []}
	except ValueError:
		print("{}", flush=True); continue # options that refer to themselves
	a = CommandAction(jail, r.getName()); failed = ""
	for c in out["stream"][1:]:
		for k, val in c[4] if c[0] == "multi-set" else [c[4:]]:
			try: setattr(a, k, val)
			except Exception as e: failed = "set " + k
	for op, arg in s["ops"]:
		step = {"op": op, "err": ""}; out["steps"].append(step); ran.clear()
		cache = a._CommandAction__substCache
		try:
			if failed: raise ValueError(failed)
			if op in ("ban", "unban", "reban", "prolong"):
				if op == "prolong" and not a._prolongable: continue
				getattr(a, op)(jail.actions._getActionInfo(ticket(s["tickets"][arg])))
			else:
				cache.pop(("__eOpCmd", "<action%s>" % op), None)
				getattr(a, op)()
		except Exception as e: step["err"] = str(e)
		step["ran"] = list(ran)
	print(json.dumps(out), flush=True)
`

// life is a stock action with options of a jail's, and what it goes through.
type life struct {
	Dir         string            `json:"dir"`
	Action      string            `json:"action"`
	Jail        string            `json:"jail"`
	Options     map[string]string `json:"options"`
	JailOptions map[string]string `json:"jailoptions"`
	Ops         [][2]any          `json:"ops"`
	Tickets     []scenarioTicket  `json:"tickets"`
}

// options are what actions out there are given, and what nobody would, by common
// names and the names in the action's own file.
func (g generator) options(own []string) map[string]string {
	values := []string{"ssh", "22,2222", "5060:5061", "0:65535", "tcp", "udp", "tcp,udp", "all", "INPUT", "FORWARD", "INPUT FORWARD", "DROP", "REJECT --reject-with icmp-port-unreachable",
		"<blocktype>", "<returntype>", "<port>", "<name>", "<iptables> -w", "a <b> c", "x<nosuch>y", "$(id)", "`id`", "it's", `say "hi"`, "", "0", "-1", "1h", "10.0.0.0/8",
		"<ip>", "<F-USER>", "<matches>", "<ip-rev>", "<family>", "<restored>", "drop", "inet", "f2b-x", "allports", "multiport", "custom", "ö", "a\\b", "me@example.test", "/tmp/x y", "<sp>", "<br>"}
	names := []string{"name", "port", "protocol", "chain", "blocktype", "returntype", "type", "actname", "bantime", "default-timeout", "timeout", "dest", "sender", "sendername", "iptables", "lockingopt",
		"blocktype?family=inet6", "port?family=inet4", "name?family=inet6", "table", "chain_type", "chain_priority", "addr_type", "table_family", "ipmset", "ipsettype", "familyopt", "logpath", "grepopts",
		"grepmax", "norestored", "actionstart_on_demand", "actionflush", "actionprolong", "actioncheck", "kill-mode", "insertpos", "add", "application", "comment", "block", "cfuser", "cftoken", "_ip",
		"matches", "ipmatches", "file", "tmpfile", "ignoreregex", "abuseipdb_apikey", "service", "mailcmd", "init", "nothing", "rule_stat", "addr_options", "maxelem", "conn-limit", "blackholetype"}
	o := map[string]string{}
	for range g.IntN(5) {
		name := names[g.IntN(len(names))]
		if len(own) > 0 && g.IntN(2) == 0 {
			name = own[g.IntN(len(own))]
		}
		o[name] = values[g.IntN(len(values))]
	}
	if o["timeout"] == "all" { // a function of Python's, which is a time to fail2ban
		delete(o, "timeout")
	}
	return o
}

// optionName finds the options that an action file sets.
var optionName = regexp.MustCompile(`(?m)^([\w.-]+)\s*=`)

func (g generator) life(t *testing.T, file string) life {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, m := range optionName.FindAllSubmatch(text, -1) {
		own = append(own, string(m[1]))
	}
	name := strings.TrimSuffix(filepath.Base(file), ".conf")
	l := life{Dir: filepath.Dir(filepath.Dir(file)), Action: name, Jail: g.pick("j", "sshd", "a jail", "j-"+name, "ü.1", "x'y"),
		Options: g.options(own), JailOptions: map[string]string{}}
	if g.IntN(2) == 0 {
		l.JailOptions = map[string]string{"port": "ssh", "bantime": "10m", "maxretry": "5", "logpath": "/var/log/auth.log", "findtime": "600"}
	}
	for range 5 {
		t := g.ticket()
		t.ID = g.pick("192.0.2.1", "192.0.2.7", "2001:db8::1", "2001:db8:0:0:1::f", "bob", "10.0.0.0/8", "2001:db8::/32", "$(x)", "-rf", "a b", "fe80::1%eth0", "01.2.3.4")
		for range g.IntN(2) {
			t.Matches = append(t.Matches, g.pick("\x01\x7f", "<F-USER> <ip> <matches>", "a\nb\rc", "$0 ${1} $f2bV_matches", strings.Repeat("x", 3000), "100% %s %(x)s", "日本語 \U0001F600"))
		}
		for _, f := range []string{"alt_x", "mlfid", "rhost", "proto"} {
			if g.IntN(4) == 0 {
				t.Fields = append(t.Fields, [2]any{f, g.pick("v", "<ip>", "; rm", "\u2028", "#", "a\tb")})
			}
		}
		l.Tickets = append(l.Tickets, t)
	}
	l.Ops = [][2]any{{"start", 0}}
	for range 3 + g.IntN(8) {
		op := g.pick("ban", "ban", "ban", "unban", "unban", "reban", "prolong", "flush", "reload")
		l.Ops = append(l.Ops, [2]any{op, g.IntN(len(l.Tickets))})
	}
	l.Ops = append(l.Ops, [2]any{"stop", 0})
	return l
}

// live has our action live the same from the stream that fail2ban made of the
// options: reading them is config's.
func (l life) live(t *testing.T, v vector) []stepOutcome {
	t.Helper()
	runner := &scripted{}
	c := action.NewCommand(v.nameOf(t), action.Env{Jail: &view{name: l.Jail, counts: fakeCounts}, Runner: runner, Names: names{}, Clock: fixedClock})
	var failed error
	for _, p := range v.properties(t) {
		if err := c.Set(p[0].(string), p[1]); err != nil {
			failed = fmt.Errorf("set %s", p[0])
		}
	}
	s := scenario{Tickets: l.Tickets}
	var out []stepOutcome
	for _, op := range l.Ops {
		st := stepOutcome{Op: op[0].(string)}
		runner.ran = [][]string{}
		switch {
		case failed != nil:
			st.Err = failed.Error()
		case op[0] == "prolong" && !c.Prolongs():
			out = append(out, st)
			continue
		default:
			if err := s.step(t, c, op); err != nil {
				st.Err = err.Error()
			}
		}
		st.Ran = runner.ran
		out = append(out, st)
	}
	return out
}

// TestRandomParameters_4 lives every stock action with random options and random
// tickets under Debian's fail2ban and here. F2B_SOAK makes it longer.
func TestRandomParameters_4(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	rounds, seed := 2, uint64(4)
	if n, err := strconv.Atoi(os.Getenv("F2B_SOAK")); err == nil {
		rounds, seed = 100*n, rand.Uint64()
	}
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	dirs := []string{debianDir}
	if shared, ok := testenv.Shared(t); ok {
		dirs = append(dirs, filepath.Join(shared, "fail2ban-1.1.1", "config"))
	}
	var lives []life
	var input bytes.Buffer
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "action.d", "*.conf"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no actions in %s: %v", dir, err)
		}
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "-common.conf") })
		for range rounds {
			for _, f := range files {
				l := g.life(t, f)
				line, err := json.Marshal(l)
				if err != nil {
					t.Fatal(err)
				}
				lives = append(lives, l)
				input.Write(append(line, '\n'))
			}
		}
	}
	commands, bad := 0, 0
	for i, line := range bytes.Split(bytes.TrimSpace(runPython(t, lib, makeLives, &input)), []byte("\n")) {
		var want struct {
			vector
			Steps []stepOutcome
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if want.Stream == nil {
			continue
		}
		got := lives[i].live(t, want.vector)
		if diff := cmp.Diff(want.Steps, got); diff != "" {
			t.Errorf("%s %s %q %q (-fail2ban +ours):\n%s", lives[i].Dir, lives[i].Action, lives[i].Jail, lives[i].Options, diff)
			if bad++; bad == 5 {
				t.FailNow()
			}
		}
		for _, s := range want.Steps {
			commands += len(s.Ran)
		}
	}
	t.Logf("%d lives of stock actions, %d commands: no difference", len(lives), commands)
}

package action_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/testenv"
)

// debianDir is where Debian's package puts its configuration.
const debianDir = "/etc/fail2ban"

// parameters are option lists that a jail may give to an action.
var parameters = []map[string]string{
	{},
	{"name": "sshd-x", "port": "ssh,2222", "protocol": "udp", "chain": "FORWARD", "blocktype": "DROP"},
	{"name": "other", "actname": "mine", "bantime": "-1", "timeout": "30s", "dest": "a b", "sender": "x@y", "blocktype": "<returntype>", "type": "allports"},
}

// makeVectors renders actions with Debian's own reader and CommandAction, in the
// form of actions-1.1.1.json.
const makeVectors = fakeJail + `
from fail2ban.client.actionreader import ActionReader
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
action_module.allowed_ipv6 = lambda: True
def ticket(ip):
	m = ["Nov 14 22:13:1%d pbx sshd[1]: Failed password for ` + "`id`" + ` $(id) 'x' \"y\" \\ from %s port 4711 ssh2" % (n, ip) for n in (1, 2)]
	b = BanTicket(ip, 1699999990, matches=m, data={"user": "root` + "`id`" + `", "failures": 5})
	b.setBanTime(600); b.setBanCount(2)
	return b
def info(ip): return jail.actions._getActionInfo(ticket(ip))
def step(name, f, *args):
	ran.clear(); f(*args); v["steps"].append([name, list(ran)])
for line in sys.stdin:
	base, name, opts = json.loads(line)
	jail = FakeJail("j-" + name)
	r = ActionReader(name, jail.name, opts, basedir=base)
	if not r.read(): continue
	r.getOptions({})
	v = {"action": name, "steps": [], "stream": r.convert()}
	a = CommandAction(jail, r.getName())
	for c in v["stream"][1:]:
		for k, val in c[4] if c[0] == "multi-set" else [c[4:]]: setattr(a, k, val)
	a4, a6 = "192.0.2.1", "2001:db8::1"
	step("start", a.start); step("ban4", a.ban, info(a4)); step("ban4again", a.ban, info(a4)); step("ban6", a.ban, info(a6))
	if a._prolongable: step("prolong4", a.prolong, info(a4))
	step("unban4", a.unban, info(a4)); step("unban6", a.unban, info(a6)); step("flush", a.flush); step("stop", a.stop)
	print(json.dumps(v), flush=True)
`

// debianVectors renders every action.d file of a configuration with each set of
// parameters.
func debianVectors(t *testing.T, dir string, params []map[string]string) []vector {
	t.Helper()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "action.d", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no actions in %s: %v", dir, err)
	}
	var input bytes.Buffer
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".conf")
		if strings.HasSuffix(name, "-common") {
			continue
		}
		for _, p := range params {
			line, err := json.Marshal([]any{dir, name, p})
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(line, '\n'))
		}
	}
	var list []vector
	for _, line := range bytes.Split(bytes.TrimSpace(runPython(t, lib, makeVectors, &input)), []byte("\n")) {
		list = append(list, decode[vector](t, line))
	}
	return list
}

// TestDebiansActions_4_5 renders Debian's actions of 1.0.2, and 1.1.1's where
// they are at hand, with several parameters by fail2ban's Python and by ours.
func TestDebiansActions_4_5(t *testing.T) {
	dirs := []string{debianDir}
	if shared, ok := testenv.Shared(t); ok {
		dirs = append(dirs, filepath.Join(shared, "fail2ban-1.1.1", "config"), filepath.Join(shared, "fail2ban-1.1.0", "config"))
	}
	for _, dir := range dirs {
		vectors := debianVectors(t, dir, parameters)
		t.Logf("%s: %d actions with parameters", dir, len(vectors))
		for _, v := range vectors {
			v.compare(t)
		}
	}
}

// compare runs a vector's steps and holds the commands against it.
func (v vector) compare(t *testing.T) {
	t.Helper()
	rec := &action.Recorder{}
	c := v.command(t, action.Env{Jail: &view{name: "j-" + v.Action}, Runner: rec, Names: names{}, Clock: fixedClock})
	for _, want := range v.steps(t) {
		if err := runStep(t.Context(), c, want.name); err != nil {
			t.Errorf("%s: %s: %v", v.Action, want.name, err)
			return
		}
		if diff := cmp.Diff(want.commands, words(rec.Take())); diff != "" {
			t.Errorf("%s: %s (-fail2ban +ours):\n%s", v.Action, want.name, diff)
		}
	}
}

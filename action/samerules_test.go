package action_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
)

// dump prints all firewall state of a namespace.
const dump = "iptables-save; ip6tables-save; ipset -sorted save; nft -s list ruleset; cut -d' ' -f1 /proc/net/xt_recent/* 2>/dev/null"

// noise is what differs between two dumps of the same rules.
var noise = regexp.MustCompile(`(?m)^#.*\n| initval 0x[0-9a-f]+`)

// realLife runs an action's steps for real with Debian's CommandAction, and dumps
// the rules after each.
const realLife = fakeJail + `
import importlib, subprocess
import fail2ban.server.action
importlib.reload(fail2ban.server.action)
from fail2ban.server.action import CommandAction
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
fail2ban.server.action.allowed_ipv6 = lambda: True
v = json.load(sys.stdin)
jail = FakeJail("net")
a = CommandAction(jail, v["action"])
for c in v["stream"][1:]:
	for k, val in c[4] if c[0] == "multi-set" else [c[4:]]: setattr(a, k, val)
def info(ip):
	t = BanTicket(ip, 1700000000.0); t.setBanTime(600)
	return jail.actions._getActionInfo(t)
out = []
for name, ip in v["life"]:
	err = ""
	try: getattr(a, name)(*([info(ip)] if ip else []))
	except Exception as e: err = str(e)
	out.append([name, err, subprocess.run(["sh", "-c", v["dump"]], capture_output=True, text=True).stdout])
print(json.dumps(out))
`

// ruleSteps are the steps after which rules are compared.
var ruleSteps = [][2]string{{"start", ""}, {"ban", bad4}, {"ban", good4}, {"ban", bad6}, {"unban", bad4}, {"ban", bad4}, {"flush", ""},
	{"ban", good6}, {"unban", good6}, {"ban", bad4}, {"stop", ""}}

// TestSameRulesAsFail2ban_4_5 lives each firewall action through the same steps
// under Debian's fail2ban and under ours, in two namespaces: same errors, same
// iptables-save, ipset save and nft list ruleset after each.
func TestSameRulesAsFail2ban_4_5(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	dirs := map[string]string{"1.0.2": debianDir}
	if shared, ok := testenv.Shared(t); ok {
		dirs["1.1.1"] = filepath.Join(shared, "fail2ban-1.1.1", "config")
	}
	for version, dir := range dirs {
		for _, v := range debianVectors(t, dir, []map[string]string{{"name": "net", "port": "22,5060", "chain": "INPUT"}}) {
			if !slices.Contains(kernelActions, v.Action) && v.Action != setsOnly {
				continue
			}
			t.Run(version+"/"+v.Action, func(t *testing.T) {
				t.Parallel()
				want, got := fail2banRules(t, lib, v), ourRules(t, v)
				for i := range want {
					if diff := cmp.Diff(want[i], got[i]); diff != "" {
						t.Errorf("after step %d, %v (-fail2ban +ours):\n%s", i, ruleSteps[i], diff)
					}
				}
			})
		}
	}
}

func fail2banRules(t *testing.T, lib string, v vector) [][3]string {
	t.Helper()
	n := netnstest.New(t)
	input, err := json.Marshal(map[string]any{"action": v.Action, "stream": v.Stream, "life": ruleSteps, "dump": dump})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", n.Name(), testenv.Python, "-c", realLife)
	cmd.Env = append(cmd.Environ(), "PYTHONPATH="+lib)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("fail2ban's Python: %v\n%s", err, stderr.Bytes())
	}
	rules := decode[[][3]string](t, text)
	for i := range rules {
		rules[i][2] = noise.ReplaceAllString(rules[i][2], "")
	}
	return rules
}

func ourRules(t *testing.T, v vector) [][3]string {
	t.Helper()
	n := &network{Net: netnstest.New(t), t: t}
	n.action = v.command(t, action.Env{Jail: &view{name: "net"}, Runner: &shell.Runner{}, Names: names{}})
	var rules [][3]string
	for _, s := range ruleSteps {
		text := ""
		err := n.Do(func() error { return n.step(s[0], s[1]) })
		if err != nil {
			text = err.Error()
		}
		state, _ := n.Exec("sh", "-c", dump+"; true")
		rules = append(rules, [3]string{s[0], text, noise.ReplaceAllString(state, "")})
	}
	return rules
}

func (n *network) step(name, ip string) error {
	switch name {
	case "start":
		return n.action.Start(n.t.Context())
	case "ban":
		return n.action.Ban(n.t.Context(), banTicket(ip))
	case "unban":
		return n.action.Unban(n.t.Context(), banTicket(ip))
	case "flush":
		_, err := n.action.Flush(n.t.Context())
		return err
	}
	return n.action.Stop(n.t.Context())
}

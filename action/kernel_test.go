package action_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/action"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
)

const (
	bad4, bad6   = "192.0.2.1", "2001:db8::1"
	good4, good6 = "192.0.2.2", "2001:db8::2"
)

// callsKernel finds the programs that make rules in a command.
var callsKernel = regexp.MustCompile(`(^|[\s;{|(])(iptables|ip6tables|ipset|nft|firewall-cmd|shorewall6?) `)

// onlyIPv4 names the actions that know no IPv6.
var onlyIPv4 = map[string]bool{"iptables-ipset-proto4": true, "shorewall-ipset-proto6": true}

// flushesChains names an action whose actionflush empties more than the bans, so
// that later ones do nothing; fail2ban has the same.
const flushesChains = "iptables-multiport-log"

// oldSyntax names an action whose actionstart today's ipset refuses: 1.1.1 puts
// a set's maxelem before its type, as ipset 4 wanted it.
const oldSyntax = "1.1.1/iptables-ipset-proto4"

// leftBehind finds what no action may leave.
var leftBehind = regexp.MustCompile("f2b-net|addr6?-set")

// dump prints all firewall state of a namespace.
const dump = "iptables-save; ip6tables-save; ipset -sorted save; nft -s list ruleset; cut -d' ' -f1 /proc/net/xt_recent/f2b* 2>/dev/null; true"

// noise is what differs between two dumps of the same rules: comments, counters,
// random names.
var noise = regexp.MustCompile(`(?m)^#.*\n| initval 0x[0-9a-f]+| \[[0-9]+:[0-9]+\]|sha-[lr]h-[0-9a-f]+`)

// TestRealBansBesideFail2ban_4_5 lives every stock action that makes rules in the
// kernel through one life under Debian's fail2ban and under ours, in two
// namespaces. Real packets of the banned stop and others pass, and both have the
// same errors, iptables-save, ipset save and nft list ruleset after each step.
func TestRealBansBesideFail2ban_4_5(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	vectors := map[string]vector{}
	for _, v := range kernelVectors(t, debianDir) {
		vectors["1.0.2/"+v.Action] = v
	}
	if shared, ok := testenv.Shared(t); ok {
		for _, v := range kernelVectors(t, filepath.Join(shared, "fail2ban-1.1.1", "config")) {
			if old, ok := vectors["1.0.2/"+v.Action]; ok && sameSteps(t, old, v) {
				t.Logf("1.1.1's %s runs the same commands as 1.0.2's", v.Action)
				continue
			}
			vectors["1.1.1/"+v.Action] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vectors)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			version, _, _ := strings.Cut(name, "/")
			vectors[name].liveBeside(t, version)
		})
	}
}

// kernelVectors renders the actions of a configuration that make rules in the
// kernel; those of firewalld keep the chain that it has for them.
func kernelVectors(t *testing.T, dir string) (list []vector) {
	t.Helper()
	for _, options := range []map[string]string{
		{"name": "net", "port": "22"}, {"name": "net", "port": "22", "chain": "INPUT"},
	} {
		for _, v := range debianVectors(t, dir, []map[string]string{options}) {
			if v.makesRules(t) && v.asksFirewalld() == (options["chain"] == "") {
				list = append(list, v)
			}
		}
	}
	return list
}

func (v vector) makesRules(t *testing.T) bool {
	return slices.ContainsFunc(v.steps(t), func(s step) bool {
		return slices.ContainsFunc(s.commands, func(c []string) bool { return callsKernel.MatchString(c[0]) })
	})
}

func sameSteps(t *testing.T, a, b vector) bool {
	return cmp.Equal(a.steps(t), b.steps(t), cmp.AllowUnexported(step{}))
}

// moment is what a step of a life leaves behind.
type moment struct {
	Step   [2]string
	Err    string
	Rules  string
	Passes map[string]bool
}

// liveBeside compares both programs' lives.
func (v vector) liveBeside(t *testing.T, version string) {
	want, got := v.life(v.newBox(t, version), true), v.life(v.newBox(t, version), false)
	for i := range want {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Errorf("after step %d (-fail2ban +ours):\n%s", i, diff)
		}
	}
}

// life takes the action through all steps and judges by packets who is banned.
func (v vector) life(b *box, fail2ban bool) (moments []moment) {
	b.t.Helper()
	peer := v.live(b, fail2ban)
	banned, bans := map[string]bool{}, true
	for _, s := range v.lifeSteps(b.t) {
		m := moment{Step: s}
		peer.Ask(s, &m.Err)
		m.Rules = noise.ReplaceAllString(b.run("sh", "-c", dump), "")
		switch ip := s[1]; {
		case ip != "":
			banned[ip] = s[0] == "ban" && bans && (strings.Contains(ip, ".") || !onlyIPv4[v.Action])
		case s[0] == "flush":
			clear(banned)
			bans = v.Action != flushesChains
		case s[0] == "stop":
			clear(banned)
			if leftBehind.MatchString(m.Rules) && !v.asksShorewall() {
				b.t.Errorf("fail2ban %v: left behind:\n%s", fail2ban, m.Rules)
			}
		}
		var err error
		if m.Passes, err = b.TCPFrom(22, bad4, bad6, good4, good6); err != nil {
			b.t.Fatal(err)
		}
		for ip, passes := range m.Passes {
			if passes == banned[ip] {
				b.t.Errorf("fail2ban %v, after %v: a connection from %s gets through: %v\n%s\n%s", fail2ban, s, ip, passes, m.Err, m.Rules)
			}
		}
		moments = append(moments, m)
	}
	return moments
}

// lifeSteps are steps as a jail takes them: one whose action has no actionflush
// unbans one by one.
func (v vector) lifeSteps(t *testing.T) [][2]string {
	t.Helper()
	flushes := slices.ContainsFunc(v.properties(t), func(p [2]any) bool { return p[0] == "actionflush" && p[1] != "" })
	unbanAll := func(ips ...string) (steps [][2]string) {
		if flushes {
			return [][2]string{{"flush", ""}}
		}
		for _, ip := range ips {
			steps = append(steps, [2]string{"unban", ip})
		}
		return steps
	}
	steps := slices.Concat([][2]string{{"start", ""}, {"ban", bad4}, {"ban", bad6}, {"unban", bad4}}, unbanAll(bad6), [][2]string{{"ban", bad4}})
	if !v.asksFirewalld() { // which takes a quarter of a second for each command
		steps = slices.Concat(steps, [][2]string{{"ban", good4}, {"ban", good6}, {"unban", good6}}, unbanAll(bad4, good4),
			[][2]string{{"ban", good4}, {"ban", bad6}, {"unban", good4}, {"unban", bad6}, {"ban", bad4}})
	}
	return slices.Concat(steps, unbanAll(bad4), [][2]string{{"stop", ""}})
}

// asksFirewalld is true for the actions whose rules firewalld makes.
func (v vector) asksFirewalld() bool { return strings.HasPrefix(v.Action, "firewallcmd-") }

// asksShorewall is true for the actions beside which Shorewall has rules, and a
// set, of its own.
func (v vector) asksShorewall() bool { return strings.HasPrefix(v.Action, "shorewall") }

// network is a namespace with an action in it.
type network struct {
	*netnstest.Net
	t      *testing.T
	action *action.Command
}

// do runs a step of the action inside the namespace.
func (n *network) do(what string, step func() error) {
	n.t.Helper()
	if err := n.Do(step); err != nil {
		n.t.Errorf("%s: %v", what, err)
	}
}

func (n *network) ban(ip string) {
	n.t.Helper()
	n.do("ban "+ip, func() error { return n.action.Ban(n.t.Context(), banTicket(ip)) })
}

// passes sends real packets and holds which get through against what is wanted.
func (n *network) passes(when string, want map[string]bool) {
	n.t.Helper()
	for ip, ok := range want {
		got, err := n.TCP(ip, 22)
		if err != nil {
			n.t.Fatal(err)
		}
		if got != ok {
			rules, _ := n.Exec("sh", "-c", dump)
			n.t.Errorf("%s: a connection from %s gets through: %v, want %v\n%s", when, ip, got, ok, rules)
		}
	}
}

// TestRepair_3_5_5: rules that someone removed come back with the next ban, and
// the ban epoch tells that earlier bans are lost.
func TestRepair_3_5_5(t *testing.T) {
	for _, v := range debianVectors(t, debianDir, []map[string]string{{"name": "net", "port": "22", "protocol": "tcp", "chain": "INPUT"}}) {
		lose := map[string]string{
			"iptables-multiport": "iptables -F && iptables -X", "iptables-ipset-proto6": "iptables -F && ipset destroy",
			"nftables-multiport": "nft flush ruleset",
		}[v.Action]
		if lose == "" {
			continue
		}
		t.Run(v.Action, func(t *testing.T) {
			t.Parallel()
			jailView := &view{name: "net"}
			n := &network{Net: netnstest.New(t), t: t}
			n.action = v.command(t, action.Env{Jail: jailView, Runner: &shell.Runner{}, Names: names{}})
			n.ban(bad4)
			n.passes("after a ban", map[string]bool{bad4: false})
			if _, err := n.Exec("sh", "-c", lose); err != nil {
				t.Fatal(err)
			}
			n.passes("after the loss of all rules", map[string]bool{bad4: true})
			n.ban(good4)
			n.passes("after the next ban", map[string]bool{bad4: true, good4: false})
			if jailView.epoch != 1 || n.action.Epoch() != 1 {
				t.Errorf("epoch of the jail %d, of the action %d, want 1", jailView.epoch, n.action.Epoch())
			}
			n.do("reban", func() error { return n.action.Reban(t.Context(), banTicket(bad4)) })
			n.passes("after the reban", map[string]bool{bad4: false, good4: false})
		})
	}
}

package action_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

const (
	bad4, bad6   = "192.0.2.1", "2001:db8::1"
	good4, good6 = "192.0.2.2", "2001:db8::2"
)

// kernelActions are the stock actions that use iptables, ip6tables, ipset or nft.
var kernelActions = []string{"iptables", "iptables-multiport", "iptables-allports", "iptables-new", "iptables-ipset",
	"iptables-ipset-proto4", "iptables-ipset-proto6", "iptables-ipset-proto6-allports", "iptables-multiport-log",
	"iptables-xt_recent-echo", "symbiosis-blacklist-allports", "nftables", "nftables-multiport", "nftables-allports"}

// kernelOptions are what they are given where packets are sent; symbiosis has a
// chain of its own else.
var kernelOptions = map[string]string{"name": "net", "port": "22", "protocol": "tcp", "chain": "INPUT"}

// setsOnly names the one whose rules another program makes for its set.
const setsOnly = "shorewall-ipset-proto6"

// needDaemons are those that hand their rules to a daemon, which has no place in
// a network namespace.
var needDaemons = map[string]string{"firewallcmd-ipset": "firewalld"}

// callsKernel finds the programs in a command.
var callsKernel = regexp.MustCompile(`(^|[\s;{|(])(iptables|ip6tables|ipset|nft) `)

// TestKernelActionsAreAll_4_5: no action that calls one of the programs is left
// out of the tests of real rules.
func TestKernelActionsAreAll_4_5(t *testing.T) {
	dirs := []string{debianDir}
	if shared, ok := testenv.Shared(t); ok {
		dirs = append(dirs, filepath.Join(shared, "fail2ban-1.1.1", "config"))
	}
	for _, dir := range dirs {
		n := 0
		for _, v := range debianVectors(t, dir, []map[string]string{{}}) {
			calls := slices.ContainsFunc(v.steps(t), func(s step) bool {
				return slices.ContainsFunc(s.commands, func(c []string) bool { return callsKernel.MatchString(c[0]) })
			})
			if !calls {
				continue
			}
			n++
			if !slices.Contains(kernelActions, v.Action) && v.Action != setsOnly && needDaemons[v.Action] == "" {
				t.Errorf("%s: %s makes rules, and no test looks at them", dir, v.Action)
			}
		}
		t.Logf("%s: %d actions call iptables, ip6tables, ipset or nft; %d of these need a daemon", dir, n, len(needDaemons))
	}
}

// onlyIPv4 names those that know no IPv6.
var onlyIPv4 = map[string]bool{"iptables-ipset-proto4": true, "iptables-multiport-log": true}

// flushesChains names an action whose actionflush empties more than the bans, so
// that later ones do nothing; fail2ban has the same.
const flushesChains = "iptables-multiport-log"

// brokenFile names an action of 1.1.1 whose actionstart today's ipset refuses,
// under fail2ban too (TestSameRulesAsFail2ban_4_5).
const brokenFile = "1.1.1/iptables-ipset-proto4"

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

func (n *network) unban(ip string) {
	n.t.Helper()
	n.do("unban "+ip, func() error { return n.action.Unban(n.t.Context(), banTicket(ip)) })
}

func banTicket(ip string) *jail.Ticket {
	t := &jail.Ticket{ID: ipaddr.Parse(ip), Time: 1700000000}
	t.SetBanTime(jail.Int(600))
	return t
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
			rules, _ := n.Exec("sh", "-c", "iptables-save; ip6tables-save; nft list ruleset; ipset save")
			n.t.Errorf("%s: a connection from %s gets through: %v, want %v\n%s", when, ip, got, ok, rules)
		}
	}
}

// TestRealBans_4_5 bans and unbans with every stock firewall action and judges by
// packets: those of a banned address stop, others pass, and both families are
// apart.
func TestRealBans_4_5(t *testing.T) {
	dirs := map[string]string{"1.0.2": debianDir}
	if shared, ok := testenv.Shared(t); ok {
		dirs["1.1.1"] = filepath.Join(shared, "fail2ban-1.1.1", "config")
	}
	for version, dir := range dirs {
		for _, v := range debianVectors(t, dir, []map[string]string{kernelOptions}) {
			if !slices.Contains(kernelActions, v.Action) || version+"/"+v.Action == brokenFile {
				continue
			}
			t.Run(version+"/"+v.Action, func(t *testing.T) {
				t.Parallel()
				n := &network{Net: netnstest.New(t), t: t}
				n.action = v.command(t, action.Env{Jail: &view{name: "net"}, Runner: &shell.Runner{}, Names: names{}})
				n.life(!onlyIPv4[v.Action])
			})
		}
	}
}

// life is one action's whole life.
func (n *network) life(ipv6 bool) {
	n.t.Helper()
	everyone := map[string]bool{bad4: true, bad6: true, good4: true, good6: true}
	n.passes("before", everyone)
	n.do("start", func() error { return n.action.Start(n.t.Context()) })
	n.passes("after the start", everyone)
	n.ban(bad4)
	n.passes("after an IPv4 ban", map[string]bool{bad4: false, bad6: true, good4: true, good6: true})
	if ipv6 {
		n.ban(bad6)
		n.passes("after an IPv6 ban", map[string]bool{bad4: false, bad6: false, good4: true, good6: true})
	}
	n.unban(bad4)
	n.passes("after the IPv4 unban", map[string]bool{bad4: true, bad6: !ipv6, good4: true, good6: true})
	if ipv6 {
		n.unban(bad6)
	}
	n.passes("after all unbans", everyone)
	n.ban(bad4)
	n.passes("after a second ban", map[string]bool{bad4: false})
	if n.action.Flushes() {
		n.do("flush", func() error {
			if ok, err := n.action.Flush(n.t.Context()); !ok || err != nil {
				return fmt.Errorf("handled %v, %w", ok, err)
			}
			return nil
		})
		n.passes("after the flush", everyone)
		n.ban(good4)
		n.passes("after a ban behind the flush", map[string]bool{bad4: true, good4: n.action.Name() == flushesChains})
	} else {
		n.unban(bad4) // as a jail does before it stops an action
	}
	n.do("stop", func() error { return n.action.Stop(n.t.Context()) })
	n.passes("after the stop", everyone)
	n.clean()
}

// clean fails where an action left a rule, a chain, a set or a table behind.
func (n *network) clean() {
	n.t.Helper()
	rules, err := n.Exec("sh", "-c", "iptables-save && ip6tables-save && ipset save && nft list ruleset")
	if err != nil {
		n.t.Fatal(err)
	}
	if strings.Contains(rules, "f2b-net") || strings.Contains(rules, "addr-set") {
		n.t.Errorf("left behind:\n%s", rules)
	}
}

// TestRepair_3_5_5: rules that someone removed come back with the next ban, and
// the ban epoch tells that earlier bans are lost.
func TestRepair_3_5_5(t *testing.T) {
	for _, v := range debianVectors(t, debianDir, []map[string]string{kernelOptions}) {
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

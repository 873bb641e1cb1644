package firewall

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Names of what the firewall makes in the kernel. All begin with f2b-fw-, which
// no jail's chain does, but for the two whose names users know.
const (
	ChainInput   = "f2b-fw-input"
	ChainForward = "f2b-fw-forward" // for phone servers in containers
	ChainICMP    = "f2b-fw-icmp"
	ChainSIP     = "f2b-fw-sip"
	ChainStream  = "f2b-fw-stream" // requests within TCP connections
	ChainAttack  = "f2b-sipAttack"
	ChainDrop    = "f2b-fw-drop"

	SetAllow      = "f2b-fw-allow" // of IPv4; that of IPv6 has a 6 at its end, as with all sets
	SetBlock      = "f2b-fw-block"
	SetRegistered = "f2b-registered"

	// PrefixAttack and PrefixDropped begin the log lines of the two kinds of drops.
	PrefixAttack  = "SIP: "
	PrefixDropped = "DROPPED: "
)

// chains are all that the firewall may have made, in any version of it.
var chains = []string{ChainInput, ChainForward, ChainICMP, ChainSIP, ChainStream, ChainAttack, ChainDrop}

// sets are all that the firewall may have made, of both families.
var sets = []string{SetAllow, SetBlock, SetRegistered, SetAllow + "6", SetBlock + "6", SetRegistered + "6"}

// registeredTimeout is how long a registered phone stays in its set if who adds
// it says nothing else.
const registeredTimeout = time.Hour

// Rules are what is to be loaded, in this order.
type Rules struct {
	// Sets is for ipset -exist restore: it makes the sets and swaps in new content
	// for the lists; registered phones stay.
	Sets   string `json:"sets"`
	V4, V6 Table
}

// Table is what one family's filter table is to hold of ours.
type Table struct {
	Chains []Chain `json:"chains"`
	// Jumps are the rules of others' chains that lead to ours. They are no part of
	// the transaction, which would add them again each time.
	Jumps []Jump `json:"jumps"`
}

// Chain is a chain with its rules, each as iptables takes it after -A and the
// chain's name.
type Chain struct {
	Name  string   `json:"name"`
	Rules []string `json:"rules"`
}

// Jump is a rule of a chain that is not ours.
type Jump struct {
	Chain string   `json:"chain"`
	Rule  []string `json:"rule"`
}

// Text is for iptables-restore --noflush: it fills the chains anew in one
// transaction and touches nothing else.
func (t Table) Text() string { return t.transaction(nil) }

// transaction is Text that also removes chains.
func (t Table) transaction(remove []string) string {
	var b strings.Builder
	b.WriteString("*filter\n")
	for _, c := range t.Chains {
		fmt.Fprintf(&b, ":%s - [0:0]\n", c.Name)
	}
	for _, name := range remove {
		fmt.Fprintf(&b, ":%s - [0:0]\n", name)
	}
	for _, c := range t.Chains {
		for _, rule := range c.Rules {
			fmt.Fprintf(&b, "-A %s %s\n", c.Name, rule)
		}
	}
	for _, name := range remove {
		fmt.Fprintf(&b, "-X %s\n", name)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// Plan decides which chains, rules and sets make the firewall. The order of the
// rules in ChainInput is what measurements demand:
//
//   - allowed sites first, since a limiter whose table is full drops newcomers;
//   - what IPv6 and path discovery need to work at all, even from blocked sites;
//   - blocked sites, registered phones under their own ceiling;
//   - the limiter before established flows: a server that answers makes a flood
//     an established flow, and 600 of 600 packets pass instead of 49;
//   - then established flows, open services, and drop.
func Plan(c Config, l Lists) (Rules, error) {
	if err := c.check(); err != nil {
		return Rules{}, fmt.Errorf("planning the firewall: %w", err)
	}
	sets, err := planSets(l)
	if err != nil {
		return Rules{}, fmt.Errorf("planning the firewall: %w", err)
	}
	return Rules{Sets: sets, V4: (&table{c: c}).plan(), V6: (&table{c: c, v6: true}).plan()}, nil
}

// table plans the chains of one family.
type table struct {
	c      Config
	v6     bool
	chains []Chain
}

func (t *table) plan() Table {
	t.input()
	t.forward()
	t.icmp()
	t.sip()
	t.stream()
	t.drop(ChainAttack, PrefixAttack, "a")
	t.drop(ChainDrop, PrefixDropped, "d")
	return Table{Chains: t.chains, Jumps: t.jumps()}
}

func (t *table) jumps() []Jump {
	var list []Jump
	for _, hook := range []struct{ from, to string }{{"INPUT", ChainInput}, {t.either(t.c.Forward, t.c.Forward6), ChainForward}} {
		switch {
		case hook.from == "":
		case len(t.c.Interfaces) == 0:
			list = append(list, Jump{hook.from, []string{"-j", hook.to}})
		default:
			for _, name := range t.c.Interfaces {
				list = append(list, Jump{hook.from, []string{"-i", name, "-j", hook.to}})
			}
		}
	}
	return list
}

// chain begins a chain; add appends a rule to it, and empty parts are left out.
func (t *table) chain(name string) { t.chains = append(t.chains, Chain{Name: name}) }

func (t *table) add(parts ...string) {
	c := &t.chains[len(t.chains)-1]
	c.Rules = append(c.Rules, strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " "))
}

// either picks the form of the table's family.
func (t *table) either(v4, v6 string) string {
	if t.v6 {
		return v6
	}
	return v4
}

// set gives the match of a source in a set.
func (t *table) set(name string) string {
	return "-m set --match-set " + name + t.either("", "6") + " src"
}

func (t *table) input() {
	t.chain(ChainInput)
	t.add("-i lo -j ACCEPT")
	t.add(t.set(SetAllow), "-j ACCEPT")
	t.add("-p", t.either("icmp", "ipv6-icmp"), "-j", ChainICMP)
	t.add(t.set(SetBlock), "-j", ChainDrop)
	t.signalling("ACCEPT", func(protocol string) (to []string) {
		for _, ports := range t.c.ports(protocol, true) {
			to = append(to, "-m multiport --dports "+ports)
		}
		return to
	})
	t.add("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
	t.add(t.either("-p udp -m udp --sport 67 --dport 68", "-s fe80::/10 -p udp -m udp --sport 547 --dport 546"), "-j ACCEPT")
	if t.c.Ping {
		t.add(t.either("-p icmp -m icmp --icmp-type echo-request", "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request"),
			t.limit("ping", t.c.Echo, "upto"), "-j ACCEPT")
	}
	for _, protocol := range []string{"udp", "tcp"} {
		for _, ports := range t.c.ports(protocol, false) {
			t.add("-p", protocol, "-m multiport --dports", ports, "-j ACCEPT")
		}
	}
	t.add("-j", ChainDrop)
}

// signalling sends what comes to limited services, which a function matches by
// their ports, through the limits, and lets what they leave go to a target.
func (t *table) signalling(target string, services func(protocol string) []string) {
	for _, protocol := range []string{"udp", "tcp"} {
		for _, match := range services(protocol) {
			to := "-p " + protocol + " " + match
			t.add(to, t.set(SetRegistered), t.limit("regd", t.c.Registered, "upto"), "-j", target)
			if protocol == "udp" {
				t.add(to, "-j", ChainSIP)
				t.add(to, "-j", target)
				continue
			}
			opening := "-p tcp -m tcp --syn " + match
			t.add(opening, "-j", ChainSIP)
			t.add(opening, "-j", target)
			t.add(to, "-j", ChainStream)
		}
	}
}

// forward limits what is passed on to a phone server in a container. It accepts
// nothing: who may pass is the business of whoever publishes the container. Ports
// are those that the sender wrote to, whatever they are inside.
func (t *table) forward() {
	if t.either(t.c.Forward, t.c.Forward6) == "" {
		return
	}
	t.chain(ChainForward)
	t.add("-m conntrack --ctdir REPLY -j RETURN")
	t.add("-m conntrack ! --ctstate DNAT -j RETURN")
	t.add(t.set(SetAllow), "-j RETURN")
	t.add(t.set(SetBlock), "-j", ChainDrop)
	t.signalling("RETURN", func(protocol string) (to []string) {
		for _, s := range t.c.Services {
			for _, p := range s.Ports {
				if s.Limited && s.Protocol == protocol {
					to = append(to, "-m conntrack --ctorigdstport "+p.String())
				}
			}
		}
		return to
	})
}

// icmp accepts what a network can't do without, from anybody: errors, and in
// IPv6 the neighbours' and routers' messages (RFC 4890).
func (t *table) icmp() {
	t.chain(ChainICMP)
	if !t.v6 {
		for _, kind := range []string{"destination-unreachable", "time-exceeded", "parameter-problem"} {
			t.add("-p icmp -m icmp --icmp-type", kind, "-j ACCEPT")
		}
		return
	}
	for _, kind := range []string{"destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem"} {
		t.add("-p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-j ACCEPT")
	}
	for _, kind := range []string{"router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement"} {
		t.add("-p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-m hl --hl-eq 255 -j ACCEPT")
	}
	for _, kind := range []string{"130", "131", "132", "143"} {
		t.add("-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-j ACCEPT")
	}
}

// drop logs each source as often as LogEvery says and drops. Its last two rules
// are those that log and that drop, whose counters tell how much. What the
// ceiling of all sources together keeps from the log, the first rule counts.
func (t *table) drop(chain, prefix, name string) {
	t.chain(chain)
	t.add(t.limit(name+"cnt", t.c.LogEvery, "upto"))
	ceiling := fmt.Sprintf("-m limit --limit %s --limit-burst %d", t.c.LogCeiling, t.c.LogCeiling.Burst)
	if t.c.LogGroup > 0 {
		t.add(t.limit(name+"nfl", t.c.LogEvery, "upto"), ceiling,
			fmt.Sprintf(`-j NFLOG --nflog-prefix "%s" --nflog-group %d --nflog-size %d`, prefix, t.c.LogGroup, logBytes))
	}
	if t.c.LogKernel {
		t.add(t.limit(name+"log", t.c.LogEvery, "upto"), ceiling, fmt.Sprintf(`-j LOG --log-prefix "%s"`, prefix))
	}
	t.add("-j DROP")
}

// logBytes is how much of a packet an NFLOG event holds: enough for the request
// line and the headers that tell who sends it.
const logBytes = 1024

// limit gives the match of a source's rate; kind is "above" or "upto". The
// table's name holds the parameters, since the kernel goes on with the old ones
// under the old name. A source is forgotten only when its burst would be full
// again, or waiting would be a way round the limit.
func (t *table) limit(name string, r Rate, kind string) string {
	return fmt.Sprintf("-m hashlimit --hashlimit-%s %s --hashlimit-burst %d %s --hashlimit-name %s",
		kind, r, r.Burst, t.params(r), t.tableName(name, r))
}

func (t *table) params(r Rate) string {
	expire := max(time.Minute, r.refill()).Milliseconds()
	return fmt.Sprintf("--hashlimit-mode srcip --hashlimit-srcmask %s --hashlimit-htable-size %d --hashlimit-htable-max %d --hashlimit-htable-expire %d",
		t.either("32", "64"), t.c.TableSize, t.c.TableSize, expire)
}

// tableName is the name of a limit's table in the kernel.
func (t *table) tableName(name string, r Rate) string {
	h := fnv.New32a()
	fmt.Fprint(h, r, r.Burst, t.params(r))
	return fmt.Sprintf("%s%s-%06x", limitPrefix, name, h.Sum32()&0xffffff)
}

// limitPrefix begins the name of every table of a limit.
const limitPrefix = "f2b-"

// ports returns the ports of the services of a kind in lists that a multiport
// match takes: fifteen ports at most, of which a range counts for two.
func (c Config) ports(protocol string, limited bool) []string {
	var lists []string
	var words []string
	used := 0
	for _, s := range c.Services {
		if s.Protocol != protocol || s.Limited != limited {
			continue
		}
		for _, p := range s.Ports {
			need := 1
			if p.First != p.Last {
				need = 2
			}
			if used+need > 15 {
				lists, words, used = append(lists, strings.Join(words, ",")), nil, 0
			}
			words, used = append(words, p.String()), used+need
		}
	}
	if len(words) > 0 {
		lists = append(lists, strings.Join(words, ","))
	}
	return lists
}

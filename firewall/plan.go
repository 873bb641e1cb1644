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
	ChainInput  = "f2b-fw-input"
	ChainICMP   = "f2b-fw-icmp"
	ChainSIP    = "f2b-fw-sip"
	ChainAttack = "f2b-sipAttack"
	ChainDrop   = "f2b-fw-drop"

	SetAllow      = "f2b-fw-allow" // of IPv4; that of IPv6 has a 6 at its end, as with all sets
	SetBlock      = "f2b-fw-block"
	SetRegistered = "f2b-registered"

	// PrefixAttack and PrefixDropped begin the log lines of the two kinds of drops.
	PrefixAttack  = "SIP: "
	PrefixDropped = "DROPPED: "
)

// registeredTimeout is how long a registered phone stays in its set if who adds
// it says nothing else.
const registeredTimeout = time.Hour

// logEvery is how often one source is logged: once a minute.
var logEvery = Rate{Count: 1, Per: "min", Burst: 1}

// Rules are what is to be loaded, in this order.
type Rules struct {
	// Sets is for ipset -exist restore: it makes the sets and swaps in new content
	// for the lists; registered phones stay.
	Sets string
	// V4 and V6 are for iptables-restore --noflush and ip6tables-restore --noflush:
	// they fill the chains anew in one transaction and touch nothing else.
	V4, V6 string
	// Jumps are the rules of INPUT that lead there, in both families. They are not
	// part of the transaction, which would add them again each time.
	Jumps [][]string
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
	return Rules{
		Sets:  sets,
		V4:    (&table{c: c}).text(),
		V6:    (&table{c: c, v6: true}).text(),
		Jumps: c.jumps(),
	}, nil
}

func (c Config) jumps() [][]string {
	if len(c.Interfaces) == 0 {
		return [][]string{{"-j", ChainInput}}
	}
	var list [][]string
	for _, name := range c.Interfaces {
		list = append(list, []string{"-i", name, "-j", ChainInput})
	}
	return list
}

// table writes the chains of one family.
type table struct {
	c     Config
	v6    bool
	lines []string
}

func (t *table) text() string {
	t.input()
	t.icmp()
	t.sip()
	t.drop(ChainAttack, PrefixAttack, "alog")
	t.drop(ChainDrop, PrefixDropped, "dlog")
	var b strings.Builder
	b.WriteString("*filter\n")
	for _, chain := range []string{ChainInput, ChainICMP, ChainSIP, ChainAttack, ChainDrop} {
		fmt.Fprintf(&b, ":%s - [0:0]\n", chain)
	}
	for _, line := range t.lines {
		b.WriteString(line + "\n")
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// add appends a rule; empty parts are left out.
func (t *table) add(chain string, parts ...string) {
	words := append([]string{"-A", chain}, slices.DeleteFunc(parts, func(p string) bool { return p == "" })...)
	t.lines = append(t.lines, strings.Join(words, " "))
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
	in := ChainInput
	t.add(in, "-i lo -j ACCEPT")
	t.add(in, t.set(SetAllow), "-j ACCEPT")
	t.add(in, "-p", t.either("icmp", "ipv6-icmp"), "-j", ChainICMP)
	t.add(in, t.set(SetBlock), "-j", ChainDrop)
	for _, ports := range t.c.ports("udp", true) {
		t.add(in, "-p udp -m multiport --dports", ports, t.set(SetRegistered), t.limit("regd", t.c.Registered, "upto"), "-j ACCEPT")
		t.add(in, "-p udp -m multiport --dports", ports, "-j", ChainSIP)
	}
	for _, ports := range t.c.ports("tcp", true) {
		t.add(in, "-p tcp -m tcp --syn -m multiport --dports", ports, "-j", ChainSIP)
	}
	t.add(in, "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
	t.add(in, t.either("-p udp -m udp --sport 67 --dport 68", "-s fe80::/10 -p udp -m udp --sport 547 --dport 546"), "-j ACCEPT")
	if t.c.Ping {
		t.add(in, t.either("-p icmp -m icmp --icmp-type echo-request", "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request"),
			t.limit("ping", Rate{Count: 5, Per: "sec", Burst: 10}, "upto"), "-j ACCEPT")
	}
	for _, protocol := range []string{"udp", "tcp"} {
		for _, ports := range t.c.ports(protocol, false) {
			t.add(in, "-p", protocol, "-m multiport --dports", ports, "-j ACCEPT")
		}
	}
	t.add(in, "-j", ChainDrop)
}

// icmp accepts what a network can't do without, from anybody: errors, and in
// IPv6 the neighbours' and routers' messages (RFC 4890).
func (t *table) icmp() {
	if !t.v6 {
		for _, kind := range []string{"destination-unreachable", "time-exceeded", "parameter-problem"} {
			t.add(ChainICMP, "-p icmp -m icmp --icmp-type", kind, "-j ACCEPT")
		}
		return
	}
	for _, kind := range []string{"destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem"} {
		t.add(ChainICMP, "-p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-j ACCEPT")
	}
	for _, kind := range []string{"router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement"} {
		t.add(ChainICMP, "-p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-m hl --hl-eq 255 -j ACCEPT")
	}
	for _, kind := range []string{"130", "131", "132", "143"} {
		t.add(ChainICMP, "-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type", kind, "-j ACCEPT")
	}
}

// method is a SIP request that has a limit of its own: its first four bytes and
// what follows them, shifted as u32 wants it.
type method struct {
	limit, first, second, shift string
}

// methods are the requests that attackers send most.
var methods = []method{
	{"reg", "0x52454749", "0x53544552", ""}, // REGI STER
	{"inv", "0x494e5649", "0x5445", ">>16"}, // INVI TE
	{"opt", "0x4f505449", "0x4f4e5320", ""}, // OPTI ONS and a blank
}

// sip counts what a source sends. A request that is over its own limit is not
// counted for the total, which it would use up for the source's calls.
func (t *table) sip() {
	rates := map[string]Rate{"reg": t.c.Register, "inv": t.c.Invite, "opt": t.c.Options}
	// The payload of UDP begins 8 bytes after the IP header, which has its length
	// in words in IPv4 and 40 bytes in IPv6.
	from := t.either("0>>22&0x3c@", "")
	at := []string{t.either("8", "48"), t.either("12", "52")}
	for _, m := range methods {
		if !t.c.Methods {
			break
		}
		match := fmt.Sprintf(`-m u32 --u32 "%s%s=%s&&%s%s%s=%s"`, from, at[0], m.first, from, at[1], m.shift, m.second)
		t.add(ChainSIP, "-p udp", match, t.limit(m.limit, rates[m.limit], "above"), "-j", ChainAttack)
	}
	t.add(ChainSIP, t.limit("all", t.c.Total, "above"), "-j", ChainAttack)
	t.add(ChainSIP, "-j ACCEPT")
}

// drop logs each source once a minute and drops.
func (t *table) drop(chain, prefix, name string) {
	target := fmt.Sprintf(`-j LOG --log-prefix "%s"`, prefix)
	if t.c.LogGroup > 0 {
		target = fmt.Sprintf(`-j NFLOG --nflog-group %d --nflog-prefix "%s"`, t.c.LogGroup, prefix)
	}
	t.add(chain, t.limit(name, logEvery, "upto"), target)
	t.add(chain, "-j DROP")
}

// limit gives the match of a source's rate; kind is "above" or "upto". The
// table's name holds the parameters, since the kernel goes on with the old ones
// under the old name. A source is forgotten only when its burst would be full
// again, or waiting would be a way round the limit.
func (t *table) limit(name string, r Rate, kind string) string {
	expire := max(time.Minute, r.refill()).Milliseconds()
	params := fmt.Sprintf("--hashlimit-mode srcip --hashlimit-srcmask %s --hashlimit-htable-size %d --hashlimit-htable-max %d --hashlimit-htable-expire %d",
		t.either("32", "64"), t.c.TableSize, t.c.TableSize, expire)
	h := fnv.New32a()
	fmt.Fprint(h, r, r.Burst, params)
	return fmt.Sprintf("-m hashlimit --hashlimit-%s %s --hashlimit-burst %d %s --hashlimit-name f2b-%s-%06x",
		kind, r, r.Burst, params, name, h.Sum32()&0xffffff)
}

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

package firewall

import (
	"fmt"
	"strings"
)

// method is a kind of SIP request that has a limit of its own. words are what
// its first two times four bytes are, each with the mask that makes letters
// upper case, since some servers read them in any case.
type method struct {
	limit string
	words [2]word
}

// word is four bytes of a packet: masked, shifted, and one of the values.
type word struct{ mask, shift, values string }

// methods are the requests that attackers send most, and last those others that
// a server answers by asking for a password: SUBSCRIBE, PUBLISH, MESSAGE, NOTIFY
// and REFER.
var methods = []method{
	{"reg", [2]word{{"0xdfdfdfdf", "", "0x52454749"}, {"0xdfdfdfdf", "", "0x53544552"}}}, // REGI STER
	{"inv", [2]word{{"0xdfdfdfdf", "", "0x494e5649"}, {"0xdfdf", ">>16", "0x5445"}}},     // INVI TE
	{"opt", [2]word{{"0xdfdfdfdf", "", "0x4f505449"}, {"0xdfdfdf", ">>8", "0x4f4e53"}}},  // OPTI ONS
	{"oth", [2]word{{"0xdfdfdfdf", "", "0x53554253,0x5055424c,0x4d455353,0x4e4f5449,0x52454645"}}},
}

// rate is the limit of a method.
func (c Config) rate(limit string) Rate {
	switch limit {
	case "reg":
		return c.Register
	case "inv":
		return c.Invite
	case "opt":
		return c.Options
	}
	return c.Other
}

// u32 joins tests of 32-bit words for the u32 match (iptables-extensions(8)).
func u32(tests ...string) string { return `-m u32 --u32 "` + strings.Join(tests, "&&") + `"` }

// payload is where a packet's payload begins, as u32 moves there, and how far
// from that place its first byte is.
func (t *table) payload(protocol string) (move string, first int) {
	switch {
	case protocol == "udp" && t.v6:
		return "", 48
	case protocol == "udp":
		return "0>>22&0x3c@", 8 // the IP header's length in words
	case t.v6:
		return "52>>26&0x3c@", 40 // the TCP header's length in words
	}
	return "0>>22&0x3c@12>>26&0x3c@", 0
}

// request matches a method at the beginning of the payload.
func (t *table) request(protocol string, m method) string {
	move, first := t.payload(protocol)
	var tests []string
	for i, w := range m.words {
		if w.values != "" {
			tests = append(tests, fmt.Sprintf("%s%d%s&%s=%s", move, first+4*i, w.shift, w.mask, w.values))
		}
	}
	return u32(tests...)
}

// odd match what would be a way round the methods: a request behind blanks,
// which some servers skip, and IPv6 with headers of extension, behind which no
// method is found. They count as the most tightly limited request.
func (t *table) odd() []string {
	move, first := t.payload("udp")
	blank := u32(fmt.Sprintf("%s%d>>16=13:65535", move, first-4), fmt.Sprintf("%s%d>>24=1:32", move, first))
	if !t.v6 {
		return []string{blank}
	}
	return []string{blank, u32("4>>8&0xff=0:16,18:255")}
}

// sip counts what a source sends in packets. A request that is over its own
// limit is not counted for the total, which it would use up for the source's
// calls.
func (t *table) sip() {
	t.chain(ChainSIP)
	for _, name := range t.c.Scanners {
		t.add(`-p udp -m string --algo bm --icase --string "User-Agent: ` + escape(name) + `" -j ` + ChainAttack)
	}
	if t.c.Methods {
		for _, match := range t.odd() {
			t.add("-p udp", match, t.limit("reg", t.c.Register, "above"), "-j", ChainAttack)
		}
		t.requests("udp")
	}
	t.add(t.limit("all", t.c.Total, "above"), "-j", ChainAttack)
}

// stream counts requests within connections, which would otherwise be a way
// round the limits: one connection may carry thousands of them.
func (t *table) stream() {
	t.chain(ChainStream)
	if t.c.Methods {
		t.requests("tcp")
	}
}

func (t *table) requests(protocol string) {
	for _, m := range methods {
		t.add("-p", protocol, t.request(protocol, m), t.limit(m.limit, t.c.rate(m.limit), "above"), "-j", ChainAttack)
	}
}

// escape writes a text between quotes for iptables-restore.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}

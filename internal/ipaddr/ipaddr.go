// Package ipaddr hides how fail2ban reads an ID: what text counts as an
// address, as a network or as plain text, which spellings are the same ID,
// and how an ID is printed.
//
// The facts are those of fail2ban 1.1.1's server/ipdns.py (class IPAddr) and
// of the C library's inet_pton and inet_ntop, which it relies on.
package ipaddr

import (
	"math/bits"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Family tells what kind of ID an Addr is.
type Family int8

// The families. Raw is every ID that is no address: user names, host names,
// text that only looks like an address (999.1.1.1).
const (
	Raw Family = iota
	Inet4
	Inet6
)

// maxPrefix is what prefix lengths beyond any address are cut to.
const maxPrefix = 1 << 20

// Addr is an ID: one address, a network or plain text. It is comparable, and
// two spellings of one address are equal. The zero Addr is the empty text.
type Addr struct {
	ip    netip.Addr
	text  string
	plen  int32
	fam   Family
	tuple bool
}

// withMask is the form "address/prefix" or "address/mask" that fail2ban takes
// for a network; the look-behind of its IPv6 part is always true here.
var withMask = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(` + shape4 + `|` + shape6 + `)/(?:(\p{Nd}+)|(` + shape4 + `|` + shape6 + `))\n?$`)
})

const (
	shape4 = `(?:\p{Nd}{1,3}\.){3}\p{Nd}{1,3}`
	shape6 = `(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:)`
)

// Parse reads an ID as fail2ban reads one from a command or an ignore list:
// an address (in square brackets or not), an address with a prefix length or
// a mask (host bits are cleared), or else the text itself. An IPv4 address
// mapped into IPv6 becomes IPv4. A mask that is none leaves the text as it is.
func Parse(text string) Addr {
	bare := text
	if len(bare) > 2 && bare[0] == '[' && bare[len(bare)-1] == ']' {
		bare = bare[1 : len(bare)-1]
	}
	if strings.IndexByte(bare, '/') < 0 {
		return parse(bare, Raw, -1)
	}
	m := withMask().FindStringSubmatch(bare)
	if m == nil {
		return Addr{text: bare}
	}
	if m[3] == "" {
		return parse(m[1], Raw, Prefix(m[2]))
	}
	n := maskBits(parse(m[3], Raw, -1))
	if n < 0 {
		return Addr{text: bare}
	}
	return parse(m[1], Raw, n)
}

// ParseAs reads text as the group of a failregex that is known to hold an
// address of a family: with cidr -1 only that family is tried (Raw: neither,
// the text is the ID); with a prefix length of 0 or more either family is, and
// the result is the network.
func ParseAs(text string, fam Family, cidr int) Addr {
	if fam == Raw && cidr < 0 {
		return Addr{text: text}
	}
	if cidr >= 0 {
		fam = Raw
	}
	return parse(text, fam, cidr)
}

// ParseBytes is ParseAs for text that is not a string yet, without a prefix
// length.
func ParseBytes(text []byte, fam Family) Addr {
	if fam == Inet4 {
		if ip, ok := dotted(text); ok {
			return Addr{ip: ip, plen: 32, fam: Inet4}
		}
	}
	return ParseAs(string(text), fam, -1)
}

// Text returns the ID that is exactly this text, whatever it looks like.
func Text(text string) Addr { return Addr{text: text} }

// TupleText returns the ID of a failregex with F-TUPLE_ parts; text is how
// Python prints that tuple.
func TupleText(text string) Addr { return Addr{text: text, tuple: true} }

// FromIP returns the ID of one address; mapped IPv4 becomes IPv4 and a zone is
// dropped. An invalid address gives the zero Addr.
func FromIP(ip netip.Addr) Addr {
	if !ip.IsValid() {
		return Addr{}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return Addr{ip: ip, plen: 32, fam: Inet4}
	}
	return Addr{ip: ip, plen: 128, fam: Inet6}
}

// Prefix reads a prefix length as Python's int does (any Unicode digits),
// cut to a large limit; text must be digits.
func Prefix(text string) int {
	n := 0
	for _, r := range text {
		n = n*10 + digit(r)
		if n > maxPrefix {
			return maxPrefix
		}
	}
	return n
}

// digit is the value of a decimal digit of any script: each script's digits
// stand in a run of ten in Unicode's tables.
func digit(r rune) int {
	if r < unicode.MaxASCII {
		return int(r - '0')
	}
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	return 0
}

// parse is inet_pton for the family (Raw: IPv4, then IPv6) with the host bits
// cleared when cidr is 0 or more.
func parse(text string, fam Family, cidr int) Addr {
	if cidr < 0 && fam != Inet6 {
		if ip, ok := dotted(text); ok {
			return Addr{ip: ip, plen: 32, fam: Inet4}
		}
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || strings.IndexByte(text, '%') >= 0 ||
		(fam == Inet4 && !ip.Is4()) || (fam == Inet6 && ip.Is4()) {
		return Addr{text: text}
	}
	if cidr < 0 {
		return FromIP(ip)
	}
	a := Addr{ip: ip, plen: int32(min(cidr, maxPrefix)), fam: Inet6}
	if ip.Is4() {
		a.fam = Inet4
	}
	if p, err := ip.Prefix(min(cidr, ip.BitLen())); err == nil {
		a.ip = p.Addr()
	}
	return a
}

// maxDotted is the length of the longest dotted address.
const maxDotted = len("255.255.255.255")

// dotted reads the usual spelling of an IPv4 address: four numbers up to 255
// without leading zeros.
func dotted[T string | []byte](text T) (ip netip.Addr, ok bool) {
	if len(text) > maxDotted {
		return ip, false
	}
	var chars [maxDotted + 4]byte // the rest is no digit
	copy(chars[:], text)
	var b [4]byte
	at := 0
	for i := range b {
		n, digits := number(chars[at], chars[at+1], chars[at+2])
		if digits == 0 || n > 255 || digits > 1 && chars[at] == '0' {
			return ip, false
		}
		b[i] = byte(n)
		if at += digits; i < 3 && chars[at] != '.' {
			return ip, false
		}
		at++
	}
	return netip.AddrFrom4(b), at == len(text)+1
}

// number reads the digits that three characters begin with. How many there are
// is anyone's guess, so it does not branch.
func number(x, y, z byte) (n, digits int) {
	a, b, c := int(x-'0'), int(y-'0'), int(z-'0')
	first := below10(a)
	second := first & below10(b)
	third := second & below10(c)
	n = a + second*(9*a+b)
	return n + third*(9*n+c), first + second + third
}

// below10 is 1 for the numbers from 0 to 9 among those of a byte, else 0.
func below10(n int) int { return int(uint(n-10) >> (bits.UintSize - 1)) }

// maskBits is the prefix length that a mask stands for, or -1.
func maskBits(mask Addr) int {
	if mask.fam == Raw || mask.IsNet() {
		return -1
	}
	ones, ended := 0, false
	for _, b := range mask.ip.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			switch one := b>>bit&1 == 1; {
			case one && ended:
				return -1
			case one:
				ones++
			default:
				ended = true
			}
		}
	}
	return ones
}

// String is the ID as fail2ban prints it. A network prints as address/prefix,
// except that prefix 0 and prefixes of the full length or beyond are left out.
func (a Addr) String() string {
	if a.fam == Raw {
		return a.text
	}
	s := a.addrText()
	if a.plen > 0 && int(a.plen) < a.ip.BitLen() {
		s += "/" + strconv.Itoa(int(a.plen))
	}
	return s
}

// AppendTo appends the ID as String prints it.
func (a Addr) AppendTo(b []byte) []byte {
	if a.fam == Inet4 && a.plen == 32 {
		return a.ip.AppendTo(b)
	}
	return append(b, a.String()...)
}

// addrText is inet_ntop: Go's form but for IPv4 in the last 32 bits.
func (a Addr) addrText() string {
	if a.fam == Inet6 {
		b := a.ip.As16()
		if head, ok := embeds4(b); ok {
			return head + netip.AddrFrom4([4]byte(b[12:])).String()
		}
	}
	return a.ip.String()
}

// embeds4 says whether the C library prints the last four bytes as IPv4.
func embeds4(b [16]byte) (head string, ok bool) {
	for _, x := range b[:10] {
		if x != 0 {
			return "", false
		}
	}
	switch {
	case b[10] == 0xff && b[11] == 0xff:
		return "::ffff:", true
	case b[10] == 0 && b[11] == 0 && (b[12] != 0 || b[13] != 0):
		return "::", true
	}
	return "", false
}

// Family is the family of the ID.
func (a Addr) Family() Family { return a.fam }

// FamilyName is "inet4", "inet6" or, for plain text, "".
func (a Addr) FamilyName() string {
	switch a.fam {
	case Inet4:
		return "inet4"
	case Inet6:
		return "inet6"
	}
	return ""
}

// IsIP says whether the ID is one single address.
func (a Addr) IsIP() bool { return a.fam != Raw && int(a.plen) == a.ip.BitLen() }

// IsNet says whether the ID is an address with a prefix length of its own.
func (a Addr) IsNet() bool { return a.fam != Raw && int(a.plen) != a.ip.BitLen() }

// IsTuple says whether the ID is the text of a Python tuple.
func (a Addr) IsTuple() bool { return a.tuple }

// IsZero says whether the Addr is the empty text.
func (a Addr) IsZero() bool { return a == Addr{} }

// Prefix is the ID as a network (a single address has the full length); the
// zero Prefix for plain text.
func (a Addr) Prefix() netip.Prefix {
	if a.fam == Raw {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a.ip, min(int(a.plen), a.ip.BitLen()))
}

// Contains says whether b is the same ID or an address or network inside of
// this one. Plain text contains only itself.
func (a Addr) Contains(b Addr) bool {
	if a == b {
		return true
	}
	return a.fam != Raw && a.fam == b.fam && a.Prefix().Contains(b.ip)
}

// Reverse is the name under which the address stands in reverse DNS without
// its zone: labels in reverse order, each followed by a dot; "" for text.
func (a Addr) Reverse() string {
	var labels []string
	switch a.fam {
	case Inet4:
		labels = strings.Split(a.String(), ".")
	case Inet6:
		const hex = "0123456789abcdef"
		for _, b := range a.ip.As16() {
			labels = append(labels, hex[b>>4:b>>4+1], hex[b&15:b&15+1])
		}
	default:
		return ""
	}
	var sb strings.Builder
	for i := len(labels) - 1; i >= 0; i-- {
		sb.WriteString(labels[i])
		sb.WriteByte('.')
	}
	return sb.String()
}

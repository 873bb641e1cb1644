package firewall

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"f2b-go/internal/timetext"
)

// maxTTL is the longest time to live; ipset keeps no longer one (ipset(8)).
const maxTTL = 2147483 * time.Second

// line reads one line of a list.
func (run *siteRun) line(text string, at place) {
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 || !utf8.ValidString(text) {
		run.report(at.problem(ErrSyntax, "the line holds bytes that are no text", "write the list as plain text"))
		return
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	if strings.EqualFold(words[0], "include") {
		target := strings.TrimSpace(strings.TrimSpace(text)[len("include"):])
		if target == "" {
			run.report(at.problem(ErrSyntax, "Include names no list", "write: Include PATH"))
			return
		}
		run.include(target, at)
		return
	}
	site, problem := readSite(words[0])
	if problem != nil {
		run.report(at.problem(ErrSyntax, problem.Text, problem.Remedy))
		if !problem.Warning {
			return
		}
		run.problems[len(run.problems)-1].Warning, run.problems[len(run.problems)-1].Left = true, false
	}
	for _, word := range words[1:] {
		if p := run.option(&site, word); p != nil {
			run.report(at.problem(ErrSyntax, p.Text, p.Remedy))
			return
		}
	}
	run.add(site, at)
}

// option reads what may follow an address.
func (run *siteRun) option(s *Site, word string) *Problem {
	key, value, ok := strings.Cut(word, "=")
	switch {
	case ok && strings.EqualFold(key, "ttl"):
		seconds, _, err := timetext.Seconds(value)
		if err != nil || seconds < 1 || seconds > maxTTL.Seconds() {
			return &Problem{Text: fmt.Sprintf("ttl=%s is no time to live", value),
				Remedy: "write seconds or a span such as ttl=2h, at most 24d"}
		}
		s.TTL = time.Duration(seconds) * time.Second
	case ok && strings.EqualFold(key, "until"):
		until, err := readUntil(value, run.reader.Local)
		if err != nil {
			return &Problem{Text: fmt.Sprintf("until=%s is no date", value),
				Remedy: "write until=2026-12-24, until=2026-12-24T18:00 or with a zone until=2026-12-24T18:00:00+01:00"}
		}
		s.Until = until
	default:
		return &Problem{Text: fmt.Sprintf("%q after the address is not understood", word),
			Remedy: "write one entry a line, and # before a comment"}
	}
	return nil
}

// readUntil reads a moment; a day means its end.
func readUntil(text string, local *time.Location) (time.Time, error) {
	if day, err := time.ParseInLocation("2006-01-02", text, local); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, local); err == nil {
			return t, nil
		}
	}
	return time.Parse(time.RFC3339, text)
}

// readSite reads an address, a network, a range or a name. A problem that is a
// warning comes with a site that holds.
func readSite(word string) (Site, *Problem) {
	if addr, length, ok := strings.Cut(word, "/"); ok {
		return readNetwork(word, addr, length)
	}
	if from, to, ok := strings.Cut(word, "-"); ok {
		if first, err := netip.ParseAddr(from); err == nil {
			return readRange(word, first, to)
		}
	}
	if addr, err := netip.ParseAddr(word); err == nil {
		if addr.Zone() != "" {
			return Site{}, &Problem{Text: fmt.Sprintf("%s names an interface", word), Remedy: "write the address without %" + addr.Zone()}
		}
		addr = addr.Unmap()
		return Site{From: addr, To: addr}, nil
	}
	return readName(word)
}

func readNetwork(word, addr, length string) (Site, *Problem) {
	base, err := netip.ParseAddr(addr)
	if err != nil || base.Zone() != "" {
		return Site{}, notAnAddress(word, addr)
	}
	width, err := strconv.Atoi(length)
	if mask, isMask := readMask(length); isMask && base.Is4() {
		width, err = mask, nil
	}
	if err != nil || width < 0 || width > base.BitLen() || length[0] == '+' {
		return Site{}, &Problem{Text: fmt.Sprintf("/%s is no length of a network of %s", length, addr),
			Remedy: fmt.Sprintf("write a number from 0 to %d after the slash", base.BitLen())}
	}
	if base.Is4In6() && width >= 96 {
		base, width = base.Unmap(), width-96
	}
	net := netip.PrefixFrom(base, width)
	site := Site{From: net.Masked().Addr(), To: lastOf(net)}
	switch {
	case width == 0:
		return site, &Problem{Warning: true, Text: fmt.Sprintf("%s means every address", word),
			Remedy: "make sure that this is meant"}
	case net.Masked().Addr() != base:
		return site, &Problem{Warning: true, Text: fmt.Sprintf("%s is taken as %s", word, net.Masked()),
			Remedy: fmt.Sprintf("write %s, or %s for the one address", net.Masked(), base)}
	}
	return site, nil
}

// readMask reads a mask such as 255.255.255.0 as the length that it stands for.
func readMask(text string) (width int, ok bool) {
	mask, err := netip.ParseAddr(text)
	if err != nil || !mask.Is4() {
		return 0, false
	}
	b := mask.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	width = bits.LeadingZeros32(^n)
	return width, n<<width == 0
}

func readRange(word string, first netip.Addr, to string) (Site, *Problem) {
	last, err := netip.ParseAddr(to)
	if n, short := strconv.ParseUint(to, 10, 8); short == nil && first.Is4() {
		b := first.As4()
		b[3] = byte(n)
		last, err = netip.AddrFrom4(b), nil
	}
	if err != nil || first.Zone() != "" || last.Zone() != "" {
		return Site{}, notAnAddress(word, to)
	}
	first, last = first.Unmap(), last.Unmap()
	if first.Is4() != last.Is4() || last.Less(first) {
		return Site{}, &Problem{Text: fmt.Sprintf("%s ends before it begins", word), Remedy: "write the lower address first, both of one family"}
	}
	return Site{From: first, To: last}, nil
}

// readName reads a DNS name (RFC 1123, with the underscore that is in use).
func readName(word string) (Site, *Problem) {
	name := strings.ToLower(strings.TrimSuffix(word, "."))
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.ContainsAny(name, ":[]%") {
		return Site{}, notAnAddress(word, word)
	}
	if strings.IndexFunc(name, func(r rune) bool { return r > 0x7e }) >= 0 {
		return Site{}, &Problem{Text: fmt.Sprintf("%q is no DNS name", word), Remedy: "write its form for DNS, which begins with xn--"}
	}
	for _, label := range labels {
		odd := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != ""
		if label == "" || len(label) > 63 || odd || label[0] == '-' || label[len(label)-1] == '-' || len(name) > 253 {
			return Site{}, &Problem{Text: fmt.Sprintf("%q is neither an address nor a DNS name", word),
				Remedy: "write an address, ADDRESS/LENGTH, FIRST-LAST or a name"}
		}
	}
	return Site{Name: name}, nil
}

// notAnAddress says what is wrong with something that looks like an address.
func notAnAddress(word, part string) *Problem {
	p := &Problem{Text: fmt.Sprintf("%s is no address", word), Remedy: "write it like 192.0.2.1 or 2001:db8::1"}
	switch {
	case strings.HasPrefix(part, "["):
		p.Remedy = "write it without brackets"
	case strings.Contains(part, "%"):
		p.Remedy = "write it without % and what follows"
	case strings.Count(part, ".") == 3 && strings.Trim(part, "0123456789.") == "":
		p.Remedy = "each of the four numbers is 0 to 255, without leading zeros"
	case strings.Count(part, ":") == 1:
		p.Remedy = "write it without a port"
	}
	return p
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

package filter

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// UseDNS says what a filter does with host names.
type UseDNS string

// The values of usedns.
const (
	Yes  UseDNS = "yes"
	Warn UseDNS = "warn"
	No   UseDNS = "no"
	Raw  UseDNS = "raw"
)

// ParseUseDNS reads a value of usedns in any case; ok is false for an unknown
// one, which means no.
func ParseUseDNS(text string) (u UseDNS, ok bool) {
	switch u = UseDNS(strings.ToLower(text)); u {
	case Yes, Warn, No, Raw:
		return u, true
	}
	return No, false
}

// The regexes that tags stand for; they show in `get JAIL failregex`
// (COMPAT 2.1.1).
const (
	reIP4    = `(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})`
	reIP6    = `(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))`
	reDNS    = `(?P<dns>[\w\-.^_]*\w)`
	reCIDR   = `(?P<cidr>\d+)`
	reAddr   = `\[?(?:` + reIP4 + `|` + reIP6 + `)\]?`
	reHost   = `(?:` + reAddr + `|` + reDNS + `)`
	reSubnet = `\[?(?:` + reIP4 + `|` + reIP6 + `)(?:/` + reCIDR + `)?\]?`
	reID     = `(?P<fid>\S+)`
	rePort   = `(?P<fport>\w+)`
)

var fixedTags = map[string]string{
	"IP4": reIP4, "F-IP4/": reIP4,
	"IP6": reIP6, "F-IP6/": reIP6,
	"ADDR": reAddr, "F-ADDR/": reAddr,
	"CIDR": reCIDR, "F-CIDR/": reCIDR,
	"SUBNET": reSubnet, "F-SUBNET/": reSubnet,
	"DNS": reDNS, "F-DNS/": reDNS,
	"F-ID/": reID, "F-PORT/": rePort,
}

var (
	anyTag   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`</?[\w\-]+/?>`) })
	groupTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^</?F-([A-Z0-9_\-]+)>$`) })
)

// groupName is the name of the group that <F-TAG> opens.
func groupName(tag string) string {
	switch name := strings.ToLower(tag); name {
	case "id":
		return "fid"
	case "port":
		return "fport"
	default:
		return name
	}
}

// ExpandTags replaces the tags of a filter's regex by what they stand for
// (COMPAT 2.1). A tag that is none stays as it is.
func ExpandTags(pattern string, useDNS UseDNS) string {
	opened := map[string]bool{}
	skipped := 0
	return anyTag().ReplaceAllStringFunc(pattern, func(tag string) string {
		switch name := tag[1 : len(tag)-1]; {
		case name == "HOST" && useDNS == No:
			return reAddr
		case name == "HOST":
			return reHost
		case name == "SKIPLINES":
			skipped++
			return `\n(?P<skiplines` + strconv.Itoa(skipped-1) + `>(?:(?:.*\n)*?))`
		case fixedTags[name] != "":
			return fixedTags[name]
		}
		m := groupTag().FindStringSubmatch(tag)
		switch {
		case m == nil, tag[1] == '/' && !opened[m[1]]:
			return tag
		case tag[1] == '/':
			return ")"
		}
		opened[m[1]] = true
		return "(?P<" + groupName(m[1]) + ">"
	})
}

// localFlags turns flags that stand first in a group, ((?i)x) or (?:(?i)x),
// into flags of that group, (?i:x): Python refuses them elsewhere than at the
// start (COMPAT 2.1.8).
func localFlags(pattern string) string {
	var sb strings.Builder
	rest := 0
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '(' || (i > 0 && pattern[i-1] == '\\') {
			continue
		}
		at := i + 1
		if strings.HasPrefix(pattern[at:], "?:") {
			at += 2
		}
		if end := flagGroup(pattern, at); end > 0 {
			sb.WriteString(pattern[rest:i])
			sb.WriteString(pattern[at : end-1])
			sb.WriteByte(':')
			rest, i = end, end-1
		}
	}
	sb.WriteString(pattern[rest:])
	return sb.String()
}

// flagGroup is the end of a "(?flags)" that begins at at, or 0.
func flagGroup(pattern string, at int) int {
	if !strings.HasPrefix(pattern[at:], "(?") {
		return 0
	}
	end := at + 2
	for end < len(pattern) && pattern[end] >= 'a' && pattern[end] <= 'z' {
		end++
	}
	if end == at+2 || end == len(pattern) || pattern[end] != ')' {
		return 0
	}
	return end + 1
}

package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// planSets writes the sets of both families for ipset restore.
func planSets(l Lists) (string, error) {
	var b strings.Builder
	for _, v6 := range []bool{false, true} {
		for name, sites := range inOrder(l) {
			elements, err := l.elements(sites, v6)
			if err != nil {
				return "", fmt.Errorf("set %s: %w", name, err)
			}
			writeSet(&b, name, v6, elements)
		}
		fmt.Fprintf(&b, "create %s hash:ip family %s maxelem %d timeout %d\n",
			setName(SetRegistered, v6), inetFamily(v6), 65536, int(registeredTimeout.Seconds()))
	}
	return b.String(), nil
}

// inOrder yields the lists with the names of their sets.
func inOrder(l Lists) func(yield func(string, []Site) bool) {
	return func(yield func(string, []Site) bool) {
		_ = yield(SetAllow, l.Allow) && yield(SetBlock, l.Block)
	}
}

func setName(name string, v6 bool) string {
	if v6 {
		return name + "6"
	}
	return name
}

func inetFamily(v6 bool) string {
	if v6 {
		return "inet6"
	}
	return "inet"
}

// freshSuffix ends the name of a set that is being filled.
const freshSuffix = "-new"

// writeSet makes a set and swaps the elements into it, so that at no moment it
// is without them.
func writeSet(b *strings.Builder, name string, v6 bool, elements []element) {
	name = setName(name, v6)
	fresh := name + freshSuffix
	for _, n := range []string{name, fresh} {
		fmt.Fprintf(b, "create %s hash:net family %s maxelem %d timeout 0\n", n, inetFamily(v6), MaxElements)
	}
	fmt.Fprintf(b, "flush %s\n", fresh)
	for _, e := range elements {
		if e.timeout > 0 {
			fmt.Fprintf(b, "add %s %s timeout %d\n", fresh, e.net, int(e.timeout.Seconds()))
		} else {
			fmt.Fprintf(b, "add %s %s\n", fresh, e.net)
		}
	}
	fmt.Fprintf(b, "swap %s %s\ndestroy %s\n", fresh, name, fresh)
}

// element is a member of a set.
type element struct {
	net     netip.Prefix
	timeout time.Duration // 0 for ever
}

// elements turns sites into networks of one family. Entries that last for ever
// are joined; one that ends counts only where none of those covers it, and where
// several end it is the last to do so.
func (l Lists) elements(sites []Site, v6 bool) ([]element, error) {
	var ever []span
	ending := map[netip.Prefix]time.Duration{}
	for _, s := range sites {
		left, over := l.left(s)
		if over {
			continue
		}
		spans := slices.DeleteFunc(l.spans(s), func(p span) bool { return p.from.Is6() != v6 })
		if left == 0 {
			ever = append(ever, spans...)
			continue
		}
		for _, net := range prefixes(spans) {
			ending[net] = max(ending[net], left)
		}
	}
	ever = merge(ever)
	var list []element
	for _, net := range prefixes(ever) {
		list = append(list, element{net: net})
	}
	for net, left := range ending {
		if !covered(ever, net) {
			list = append(list, element{net, left})
		}
	}
	slices.SortFunc(list, func(a, b element) int { return comparePrefix(a.net, b.net) })
	if len(list) > MaxElements {
		return nil, fmt.Errorf("%d networks are more than %d: %w", len(list), MaxElements, ErrLimit)
	}
	return list, nil
}

// left is how long a site still holds, 0 for ever; over says that it has ended.
func (l Lists) left(s Site) (left time.Duration, over bool) {
	left = s.TTL
	if !s.Until.IsZero() {
		until := s.Until.Sub(l.Now).Truncate(time.Second)
		if until <= 0 {
			return 0, true
		}
		if left == 0 || until < left {
			left = until
		}
	}
	return min(left, maxTTL), false
}

// spans are the addresses of a site.
func (l Lists) spans(s Site) []span {
	if s.Name == "" {
		return []span{{s.From, s.To}}
	}
	var list []span
	for _, addr := range l.Names[s.Name] {
		if len(list) == MaxNameAddrs {
			break
		}
		addr = addr.Unmap().WithZone("")
		list = append(list, span{addr, addr})
	}
	return list
}

// covered says whether a network lies within one of the merged spans.
func covered(merged []span, net netip.Prefix) bool {
	from, to := net.Addr(), lastOf(net)
	n, _ := slices.BinarySearchFunc(merged, from, func(s span, a netip.Addr) int {
		if s.from.Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	return n > 0 && !merged[n-1].to.Less(to)
}

func comparePrefix(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

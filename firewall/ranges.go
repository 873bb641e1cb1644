package firewall

import (
	"net/netip"
	"slices"
)

// span is a range of addresses of one family.
type span struct{ from, to netip.Addr }

// prefixes returns the fewest networks that together are the spans: sorted,
// without overlap, none of length 0, which no set of the kernel can hold.
func prefixes(spans []span) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range merge(spans) {
		for from := s.from; ; {
			p := widest(from, s.to)
			list = append(list, p)
			end := lastOf(p)
			if end == s.to {
				break
			}
			from = end.Next()
		}
	}
	return list
}

// merge sorts spans and joins those that touch or overlap.
func merge(spans []span) []span {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b span) int { return a.from.Compare(b.from) })
	var list []span
	for _, s := range sorted {
		if n := len(list) - 1; n >= 0 && list[n].from.BitLen() == s.from.BitLen() {
			last := &list[n]
			if next := last.to.Next(); !next.IsValid() || !next.Less(s.from) {
				if last.to.Less(s.to) {
					last.to = s.to
				}
				continue
			}
		}
		list = append(list, s)
	}
	return list
}

// widest returns the widest network that begins at from and does not go beyond to.
func widest(from, to netip.Addr) netip.Prefix {
	width := from.BitLen()
	for width > 1 {
		p := netip.PrefixFrom(from, width-1)
		if p.Masked().Addr() != from || to.Less(lastOf(p)) {
			break
		}
		width--
	}
	return netip.PrefixFrom(from, width)
}

// Overlap is an entry of one list that also stands, in part or whole, in another.
type Overlap struct{ Allowed, Blocked Site }

// Overlaps finds the blocked entries that the allow list contradicts; the allow
// list wins. For each blocked entry one allowed one is named.
func Overlaps(allow, block []Site) []Overlap {
	sorted := slices.DeleteFunc(slices.Clone(allow), func(s Site) bool { return s.Name != "" })
	slices.SortFunc(sorted, func(a, b Site) int { return a.From.Compare(b.From) })
	// furthest[i] is the index of the entry among the first i+1 that ends last.
	furthest := make([]int, len(sorted))
	for i := range sorted {
		furthest[i] = i
		if i > 0 && sorted[i].From.BitLen() == sorted[i-1].From.BitLen() && sorted[i].To.Less(sorted[furthest[i-1]].To) {
			furthest[i] = furthest[i-1]
		}
	}
	names := map[string]Site{}
	for _, s := range allow {
		if s.Name != "" {
			names[s.Name] = s
		}
	}
	var list []Overlap
	for _, b := range block {
		if b.Name != "" {
			if a, ok := names[b.Name]; ok {
				list = append(list, Overlap{a, b})
			}
			continue
		}
		n, _ := slices.BinarySearchFunc(sorted, b, func(a, b Site) int {
			if a.From.Compare(b.To) <= 0 {
				return -1
			}
			return 1
		})
		if n == 0 {
			continue
		}
		if a := sorted[furthest[n-1]]; a.From.BitLen() == b.From.BitLen() && !a.To.Less(b.From) {
			list = append(list, Overlap{a, b})
		}
	}
	return list
}

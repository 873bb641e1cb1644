package firewall

import (
	"net/netip"
	"slices"
)

// Overlaps tells whether an address, or any address of a network, is of the list.
func (m Matcher) Overlaps(net netip.Prefix) bool {
	list := m.v4
	if net.Addr().Is6() {
		list = m.v6
	}
	from, to := net.Masked().Addr(), lastOf(net)
	n, _ := slices.BinarySearchFunc(list, from, func(s span, a netip.Addr) int { return s.to.Compare(a) })
	return n < len(list) && !to.Less(list[n].from)
}

// AllowList is the path of the allow list that the configuration at path names.
func AllowList(path string) string {
	s, _, err := ReadSettings(path, true)
	if err != nil {
		return ""
	}
	return s.AllowSites
}

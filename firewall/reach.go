package firewall

import "net/netip"

// Reaches tells whether a plan with these lists lets a new connection or packet
// from an address to a port through, limits aside.
func (c Config) Reaches(l Lists, from netip.Addr, protocol string, port uint16) bool {
	from = from.Unmap().WithZone("")
	switch {
	case from.IsLoopback(), l.has(l.Allow, from):
		return true
	case l.has(l.Block, from):
		return false
	}
	for _, s := range c.Services {
		for _, p := range s.Ports {
			if s.Protocol == protocol && p.First <= port && port <= p.Last {
				return true
			}
		}
	}
	return false
}

// Allows tells whether an address is that of an allowed site.
func (l Lists) Allows(addr netip.Addr) bool { return l.has(l.Allow, addr.Unmap().WithZone("")) }

func (l Lists) has(sites []Site, addr netip.Addr) bool {
	for _, s := range sites {
		if _, over := l.left(s); over {
			continue
		}
		for _, p := range l.spans(s) {
			if p.from.BitLen() == addr.BitLen() && !addr.Less(p.from) && !p.to.Less(addr) {
				return true
			}
		}
	}
	return false
}

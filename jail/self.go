package jail

import (
	"maps"
	"net"
	"os"
	"sync"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// selfTTL is how long the machine's own addresses are believed: interfaces
// come and go.
const selfTTL = 30 * time.Second

// Self knows the machine's own addresses for ignoreself (2.10.5): those of all
// interfaces and those that its names resolve to. One serves all jails.
type Self struct {
	resolver filter.Resolver
	// interfaces lists the addresses of all interfaces.
	interfaces func() ([]net.Addr, error)

	mu     sync.Mutex
	asking bool // somebody resolves the names
	names  map[ipaddr.Addr]bool
	known  map[ipaddr.Addr]bool // names and those of interfaces
	until  time.Time
}

// NewSelf returns a Self that asks the kernel for interfaces and the resolver
// for the machine's names, which may be nil.
func NewSelf(resolver filter.Resolver) *Self {
	return &Self{resolver: resolver, interfaces: net.InterfaceAddrs}
}

// Has says whether an ID is one of the machine's addresses now. While the names
// are being resolved, others go by what was known before: a slow name server
// holds up one jail at most.
func (s *Self) Has(id ipaddr.Addr, now time.Time) bool {
	if id.Family() == ipaddr.Raw {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asking && !now.Before(s.until) {
		ifaces := s.ofInterfaces()
		s.asking, s.known = true, union(ifaces, s.names)
		s.mu.Unlock()
		found := s.ofNames()
		s.mu.Lock()
		s.asking, s.names, s.known, s.until = false, found, union(ifaces, found), now.Add(selfTTL)
	}
	return s.known[id]
}

func union(a, b map[ipaddr.Addr]bool) map[ipaddr.Addr]bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (s *Self) ofInterfaces() map[ipaddr.Addr]bool {
	found := map[ipaddr.Addr]bool{ipaddr.Parse("127.0.0.1"): true, ipaddr.Parse("::1"): true}
	// An error leaves what the names give; the next look may do better.
	list, _ := s.interfaces()
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			found[ipaddr.Parse(n.IP.String())] = true
		}
	}
	return found
}

func (s *Self) ofNames() map[ipaddr.Addr]bool {
	found := map[ipaddr.Addr]bool{}
	if s.resolver == nil {
		return found
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	for _, name := range names {
		for _, a := range s.resolver.Resolve(name) {
			found[a] = true
		}
	}
	return found
}

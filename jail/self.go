package jail

import (
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
	clock    func() time.Time
	resolver filter.Resolver
	// interfaces lists the addresses of all interfaces.
	interfaces func() ([]net.Addr, error)

	mu      sync.Mutex
	asking  bool // somebody resolves the names
	ifaces  map[ipaddr.Addr]bool
	byNames map[ipaddr.Addr]bool
	until   time.Time
}

// NewSelf returns a Self that asks the kernel for interfaces and the resolver
// for the machine's names; either may be nil.
func NewSelf(clock func() time.Time, resolver filter.Resolver) *Self {
	if clock == nil {
		clock = time.Now
	}
	return &Self{clock: clock, resolver: resolver, interfaces: net.InterfaceAddrs}
}

// Has says whether an ID is one of the machine's addresses. While the names are
// being resolved, others go by what was known before: a slow name server holds
// up one jail at most.
func (s *Self) Has(id ipaddr.Addr) bool {
	if id.Family() == ipaddr.Raw {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.clock(); !s.asking && !now.Before(s.until) {
		s.asking, s.ifaces = true, s.ofInterfaces()
		s.mu.Unlock()
		found := s.ofNames()
		s.mu.Lock()
		s.asking, s.byNames, s.until = false, found, now.Add(selfTTL)
	}
	return s.ifaces[id] || s.byNames[id]
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

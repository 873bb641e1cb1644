package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Limits of a plan.
const (
	// MaxElements is how many networks a set holds; also the size that the
	// kernel's sets are made with, which must not change while they are in use.
	MaxElements = 1 << 20
	// MaxNameAddrs is how many addresses of one DNS name count.
	MaxNameAddrs = 64
	// MaxRate and MaxBurst are the most that hashlimit takes (xt_hashlimit.h
	// gives 1 s as 10000 units; bursts are bounded so that no product overflows).
	MaxRate  = 10000
	MaxBurst = 10000
)

// Config says what the firewall lets through. Ports that no service names are
// reached from allowed sites alone.
type Config struct {
	// Interfaces are those that the firewall stands at; none means all.
	Interfaces []string
	// Services are open to everybody.
	Services []Service
	// Total bounds what one source may send to the limited services, and
	// Register, Invite and Options each of these requests over UDP. A source is an
	// IPv4 address or an IPv6 network of 64 bits.
	Total, Register, Invite, Options Rate
	// Methods makes the limits of single requests, which need the kernel's u32 match.
	Methods bool
	// Registered bounds a source in the set of registered phones, which the other
	// limits do not concern.
	Registered Rate
	// TableSize is how many sources each limit can tell apart. The packets of
	// further ones are dropped without a log line.
	TableSize int
	// LogGroup is the NFLOG group that events go to; 0 is the kernel's log.
	LogGroup uint16
	// Ping answers echo requests of everybody.
	Ping bool
}

// Service is something that listens.
type Service struct {
	Name     string
	Protocol string // "udp" or "tcp"
	Ports    []PortRange
	// Limited puts it behind the limits: signalling, not media.
	Limited bool
}

// PortRange is First to Last, both included.
type PortRange struct{ First, Last uint16 }

func (p PortRange) String() string {
	if p.First == p.Last {
		return fmt.Sprint(p.First)
	}
	return fmt.Sprintf("%d:%d", p.First, p.Last)
}

// Rate is how many packets a source may send in a second, minute, hour or day,
// after a burst that is filled up again at that rate.
type Rate struct {
	Count int
	Per   string // "sec", "min", "hour" or "day"
	Burst int
}

// units are the lengths of Rate.Per.
var units = map[string]time.Duration{
	"sec": time.Second, "min": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

func (r Rate) String() string { return fmt.Sprintf("%d/%s", r.Count, r.Per) }

// refill is how long an empty burst takes to be full again.
func (r Rate) refill() time.Duration {
	return units[r.Per] * time.Duration(r.Burst) / time.Duration(r.Count)
}

// Default is the firewall of a phone server: calls from everywhere, but slowly,
// and everything else from allowed sites. A guesser of passwords sustains 40
// tries a minute.
func Default() Config {
	return Config{
		Services: []Service{
			{Name: "sip", Protocol: "udp", Ports: []PortRange{{5060, 5060}, {5160, 5160}}, Limited: true},
			{Name: "sip-tcp", Protocol: "tcp", Ports: []PortRange{{5060, 5060}, {5160, 5160}}, Limited: true},
			{Name: "sip-tls", Protocol: "tcp", Ports: []PortRange{{5061, 5061}, {5161, 5161}}, Limited: true},
			{Name: "iax2", Protocol: "udp", Ports: []PortRange{{4569, 4569}}, Limited: true},
			{Name: "rtp", Protocol: "udp", Ports: []PortRange{{10000, 20000}}},
		},
		Total:      Rate{Count: 10, Per: "sec", Burst: 40},
		Register:   Rate{Count: 40, Per: "min", Burst: 40},
		Invite:     Rate{Count: 2, Per: "sec", Burst: 20},
		Options:    Rate{Count: 2, Per: "sec", Burst: 20},
		Methods:    true,
		Registered: Rate{Count: 100, Per: "sec", Burst: 400},
		TableSize:  65536,
		Ping:       true,
	}
}

// Lists are the sites that a plan lets in or keeps out.
type Lists struct {
	Allow, Block []Site
	// Names are the addresses of the DNS names in the lists, as last resolved. A
	// name without any has no effect.
	Names map[string][]netip.Addr
	// Now decides which entries with an end still hold, and for how long.
	Now time.Time
}

// check tells all that is wrong with a configuration.
func (c Config) check() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, name := range c.Interfaces {
		odd := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\!/`, r) })
		if name == "" || len(name) > 15 || odd || name[0] == '-' {
			add("interface %q is no name of an interface", name)
		}
	}
	for _, s := range c.Services {
		if s.Protocol != "udp" && s.Protocol != "tcp" {
			add("service %s: protocol %q is neither udp nor tcp", s.Name, s.Protocol)
		}
		if len(s.Ports) == 0 {
			add("service %s names no port", s.Name)
		}
		for _, p := range s.Ports {
			if p.First == 0 || p.Last < p.First {
				add("service %s: %s is no range of ports", s.Name, p)
			}
		}
	}
	for _, l := range c.limits() {
		if units[l.rate.Per] == 0 || l.rate.Count < 1 || l.rate.Count > MaxRate || l.rate.Burst < 1 || l.rate.Burst > MaxBurst {
			add("limit %s: %s with burst %d is no rate: write 1 to %d in a sec, min, hour or day and a burst of 1 to %d",
				l.name, l.rate, l.rate.Burst, MaxRate, MaxBurst)
		}
	}
	if c.TableSize < 1 || c.TableSize > 1<<24 {
		add("table size %d is not within 1 to %d", c.TableSize, 1<<24)
	}
	return errors.Join(faults...)
}

// limit is a rate with the name that its table in the kernel begins with.
type limit struct {
	name string
	rate Rate
}

func (c Config) limits() []limit {
	list := []limit{{"all", c.Total}, {"regd", c.Registered}}
	if c.Methods {
		list = append(list, limit{"reg", c.Register}, limit{"inv", c.Invite}, limit{"opt", c.Options})
	}
	return list
}

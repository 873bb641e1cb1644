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

	// The names of scanners must be long enough not to hit everybody, and fit the
	// kernel's pattern of 128 bytes (xt_string.h) with what stands before them.
	minScanner, maxScanner, maxScanners = 3, 100, 64
)

// Config says what the firewall lets through. Ports that no service names are
// reached from allowed sites alone.
type Config struct {
	// Interfaces are those that the firewall stands at; none means all.
	Interfaces []string
	// Services are open to everybody.
	Services []Service
	// Total bounds what one source may send to the limited services, and
	// Register, Invite and Options each of these requests; Other those further
	// ones that a server asks a password for. A source is an IPv4 address or an
	// IPv6 network of 64 bits.
	Total, Register, Invite, Options, Other Rate
	// Methods makes the limits of single requests, which need the kernel's u32 match.
	Methods bool
	// Registered bounds a source in the set of registered phones, which the other
	// limits do not concern.
	Registered Rate
	// Scanners are what the User-Agent of a program that looks for servers begins
	// with; what they send over UDP is dropped as an attack.
	Scanners []string
	// TableSize is how many sources each limit can tell apart. The packets of
	// further ones are dropped without a log line.
	TableSize int
	// LogKernel writes events to the kernel's log, LogGroup to an NFLOG group; 0 is
	// none.
	LogKernel bool
	LogGroup  uint16
	// LogEvery is how often one source is logged, LogCeiling all together.
	LogEvery, LogCeiling Rate
	// Ping answers echo requests of everybody, as many as Echo says.
	Ping bool
	Echo Rate
	// Forward and Forward6 are the chains of IPv4 and IPv6 through which packets to
	// containers pass, "" for none.
	Forward, Forward6 string
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

// valid tells whether the kernel takes a rate. A burst must fill up within a day,
// since hashlimit counts in parts of a day (CREDITS_PER_JIFFY of xt_hashlimit.c).
func (r Rate) valid() bool {
	return units[r.Per] != 0 && r.Count >= 1 && r.Count <= MaxRate && r.Burst >= 1 && r.Burst <= MaxBurst && r.refill() <= 24*time.Hour
}

// refill is how long an empty burst takes to be full again.
func (r Rate) refill() time.Duration {
	return units[r.Per] * time.Duration(r.Burst) / time.Duration(r.Count)
}

// Default is the firewall of a phone server: calls from everywhere, but slowly,
// and everything else from allowed sites. A guesser of passwords sustains 40
// tries a minute.
func Default() Config {
	c := Config{
		Total:      Rate{Count: 10, Per: "sec", Burst: 40},
		Register:   Rate{Count: 40, Per: "min", Burst: 40},
		Invite:     Rate{Count: 40, Per: "min", Burst: 20},
		Options:    Rate{Count: 2, Per: "sec", Burst: 20},
		Other:      Rate{Count: 40, Per: "min", Burst: 60},
		Methods:    true,
		Registered: Rate{Count: 100, Per: "sec", Burst: 400},
		TableSize:  65536,
		LogKernel:  true,
		LogEvery:   Rate{Count: 1, Per: "min", Burst: 1},
		LogCeiling: Rate{Count: 50, Per: "sec", Burst: 500},
		Ping:       true,
		Echo:       Rate{Count: 5, Per: "sec", Burst: 10},
	}
	for _, known := range Known {
		if known.Access != ForAllowed {
			c.Services = append(c.Services, known.services(known.Ports, known.Access)...)
		}
	}
	return c
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
		if !l.rate.valid() {
			add("limit %s: %s with burst %d is no rate: write 1 to %d in a sec, min, hour or day and a burst of 1 to %d, which that rate fills within a day",
				l.name, l.rate, l.rate.Burst, MaxRate, MaxBurst)
		}
	}
	for _, name := range c.Scanners {
		if !scannerName(name) {
			add("scanner %q is not %d to %d letters of ASCII", name, minScanner, maxScanner)
		}
	}
	if len(c.Scanners) > maxScanners {
		add("%d scanners are more than %d", len(c.Scanners), maxScanners)
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
	list := []limit{{"all", c.Total}, {"regd", c.Registered}, {"log", c.LogEvery}, {"log ceiling", c.LogCeiling}}
	if c.Ping {
		list = append(list, limit{"ping", c.Echo})
	}
	if c.Methods {
		list = append(list, limit{"reg", c.Register}, limit{"inv", c.Invite}, limit{"opt", c.Options}, limit{"oth", c.Other})
	}
	return list
}

// tables are the limits by the names that their tables in the kernel begin with.
func (c Config) tables() []limit {
	return []limit{{"all", c.Total}, {"reg", c.Register}, {"inv", c.Invite}, {"opt", c.Options}, {"oth", c.Other},
		{"regd", c.Registered}, {"ping", c.Echo}, {"acnt", c.LogEvery}, {"anfl", c.LogEvery}, {"alog", c.LogEvery},
		{"dcnt", c.LogEvery}, {"dnfl", c.LogEvery}, {"dlog", c.LogEvery}}
}

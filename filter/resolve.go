package filter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"f2b-go/internal/ipaddr"
)

// Resolver turns a host name into addresses; none when it has none.
type Resolver interface {
	Resolve(name string) []ipaddr.Addr
}

// plainIP is text that is an address (or looks like one) in brackets or not.
var plainIP = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:((?:\p{Nd}{1,3}\.){3}\p{Nd}{1,3})|\[?((?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:))\]?)$`)
})

// resolve is the ID of a host name, COMPAT 2.3.5: its addresses, each an ID.
// Where the failregex has a failure ID as well, that is the one ID and the
// first address becomes the field ip.
func (f *Filter) resolve(useDNS UseDNS, fs *Fields) []ipaddr.Addr {
	name := fs.Text("dns")
	ids := f.addressesOf(useDNS, name)
	id, _ := fs.Get("fid")
	if len(ids) == 0 || id.Kind == None || (id.Kind == Text && id.Text == name) {
		return ids
	}
	fs.put(Field{Name: "ip", Kind: IP, Value: ids[0]})
	return []ipaddr.Addr{idOf(id, false)}
}

func (f *Filter) addressesOf(useDNS UseDNS, name string) []ipaddr.Addr {
	if m := plainIP().FindStringSubmatch(name); m != nil {
		if a := ipaddr.Parse(m[1] + m[2]); a.Family() != ipaddr.Raw {
			return []ipaddr.Addr{a}
		}
	}
	if (useDNS != Yes && useDNS != Warn) || f.env.Resolver == nil {
		return nil
	}
	ids := f.env.Resolver.Resolve(name)
	if len(ids) > 0 && useDNS == Warn {
		var list []string
		for _, a := range ids {
			list = append(list, "'"+a.String()+"'")
		}
		f.env.Log.With("logger", dnsLogger).Warn(fmt.Sprintf("Determined IP using DNS Lookup: %s = {%s}", name, strings.Join(list, ", ")))
	}
	return ids
}

// dnsLogger is whose name stands before messages about host names.
const dnsLogger = "fail2ban.ipdns"

// Limits of a NameCache, those of fail2ban, and of one name.
const (
	maxNames     = 1000
	nameSeconds  = 5 * 60
	maxAddresses = 256 // addresses taken of one name
	maxName      = 255
)

// Lookup asks for the addresses of a host name. network is ip4 or ip6.
type Lookup func(ctx context.Context, network, name string) ([]netip.Addr, error)

// SystemLookup asks the system's resolver configuration.
func SystemLookup(ctx context.Context, network, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, name)
}

// NameCache is a Resolver that remembers what it was told, failures too, for
// five minutes: hostile logs may name many hosts that resolve slowly. It is
// safe for concurrent use.
type NameCache struct {
	opt NameOptions
	mu  sync.Mutex
	got map[string]cachedName
	use []string // names, oldest first
}

// NameOptions says how a NameCache looks up names.
type NameOptions struct {
	Lookup  Lookup           // nil: SystemLookup
	IPv6    func() bool      // whether IPv6 addresses are asked for; nil: yes
	Timeout time.Duration    // for one name; 0: 10 s
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: silent
}

type cachedName struct {
	ids     []ipaddr.Addr
	expires time.Time
}

// NewNameCache returns an empty cache.
func NewNameCache(opt NameOptions) *NameCache {
	if opt.Lookup == nil {
		opt.Lookup = SystemLookup
	}
	if opt.IPv6 == nil {
		opt.IPv6 = func() bool { return true }
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Log = opt.Log.With("logger", dnsLogger)
	return &NameCache{opt: opt, got: map[string]cachedName{}}
}

// Clear forgets all names.
func (c *NameCache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.got)
	c.use = nil
}

// Resolve returns the addresses of a name, IPv4 first and in order; a name
// without any is logged once as long as it is remembered. Two callers may look
// up the same name at once; neither waits for the other.
func (c *NameCache) Resolve(name string) []ipaddr.Addr {
	now := c.opt.Clock()
	c.mu.Lock()
	hit, ok := c.got[name]
	c.mu.Unlock()
	if ok && hit.expires.After(now) {
		return hit.ids
	}
	ids, err := c.lookup(name)
	if len(ids) == 0 && err != nil {
		c.opt.Log.Warn(fmt.Sprintf("Unable to find a corresponding IP address for %s: %s", name, resolverWords(err)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.got[name]; !ok {
		c.use = append(c.use, name)
	}
	c.got[name] = cachedName{ids, c.opt.Clock().Add(nameSeconds * time.Second)}
	for len(c.use) > maxNames {
		delete(c.got, c.use[0])
		c.use = c.use[1:]
	}
	return ids
}

// resolverWords is what the C library, and so fail2ban, says of such an error.
func resolverWords(err error) string {
	var e *net.DNSError
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.IsNotFound:
		return "[Errno -2] Name or service not known"
	}
	return "[Errno -3] Temporary failure in name resolution"
}

func (c *NameCache) lookup(name string) ([]ipaddr.Addr, error) {
	if ip, ok := numericHost(name); ok {
		return []ipaddr.Addr{ipaddr.FromIP(ip)}, nil
	}
	if err := askable(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opt.Timeout)
	defer cancel()
	networks := []string{"ip4"}
	if c.opt.IPv6() {
		networks = append(networks, "ip6")
	}
	var ids []ipaddr.Addr
	var last error
	for _, network := range networks {
		ips, err := c.opt.Lookup(ctx, network, name)
		if err != nil {
			last = err
		}
		for _, ip := range ips {
			if a := ipaddr.FromIP(ip); a.IsIP() && !slices.Contains(ids, a) && len(ids) < maxAddresses {
				ids = append(ids, a)
			}
		}
	}
	slices.SortFunc(ids, func(a, b ipaddr.Addr) int {
		return cmp.Or(cmp.Compare(a.Family(), b.Family()), a.Prefix().Addr().Compare(b.Prefix().Addr()))
	})
	return ids, last
}

var (
	errNoHostName = errors.New("not a host name")
	errBadLabel   = errors.New("encoding with 'idna' codec failed (UnicodeError: label empty or too long)") // Python's words
)

// askable says why a name cannot be asked for at all; nil if it can.
func askable(name string) error {
	if name == "" || len(name) > maxName {
		return errNoHostName
	}
	for _, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 {
			return errBadLabel
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r > 0x7e || r <= ' ' }) {
			return errNoHostName
		}
	}
	return nil
}

// numericHost reads the C library's short and numeric forms of an IPv4
// address (inet_aton): 1.2.3 is 1.2.0.3, 0x7f000001 is 127.0.0.1.
func numericHost(name string) (netip.Addr, bool) {
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, p := range parts {
		if p == "" || p[0] < '0' || p[0] > '9' {
			return netip.Addr{}, false
		}
		if strings.ContainsAny(p, "_bBoO") && !strings.HasPrefix(strings.ToLower(p), "0x") {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(p, 0, 32)
		if err != nil || strings.Contains(p, "_") {
			return netip.Addr{}, false
		}
		last := i == len(parts)-1
		bits := 8 * (5 - len(parts)) // the last part fills what is left
		switch {
		case last && n>>bits != 0, !last && n > 255:
			return netip.Addr{}, false
		case last:
			sum = sum<<bits | n
		default:
			sum = sum<<8 | n
		}
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

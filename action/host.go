package action

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"f2b-go/internal/ipaddr"
)

const (
	// lookupTime is the longest that an action waits for a name.
	lookupTime = 5 * time.Second
	// nameAge is how long a name is kept, as in fail2ban's cache.
	nameAge = 5 * time.Minute
	// maxNames bounds the cache.
	maxNames = 1000
)

// Host answers for names out of the system: the host name, and DNS.
type Host struct {
	// LookupAddr finds the names of an address; the system's resolver by default.
	LookupAddr func(ctx context.Context, ip string) ([]string, error)

	now func() time.Time
	mu  sync.Mutex
	own map[bool]string
	ptr map[ipaddr.Addr]pointer
}

type pointer struct {
	name string
	till time.Time
}

// NewHost returns a Host; now may be nil for the system's clock.
func NewHost(now func() time.Time) *Host {
	if now == nil {
		now = time.Now
	}
	return &Host{LookupAddr: net.DefaultResolver.LookupAddr, now: now, own: map[bool]string{}, ptr: map[ipaddr.Addr]pointer{}}
}

// Short is the machine's name as the kernel has it.
func (h *Host) Short() string { return h.ownName(false) }

// FQDN is the machine's name with its domain, if one is found.
func (h *Host) FQDN() string { return h.ownName(true) }

func (h *Host) ownName(full bool) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	name, ok := h.own[full]
	if !ok {
		// Without a name the tag is empty, as in fail2ban.
		name, _ = os.Hostname()
		if full {
			name = qualified(name)
		}
		h.own[full] = name
	}
	return name
}

// qualified is a host name's canonical form in /etc/hosts or DNS, or the name
// itself where there is none.
func qualified(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	full, err := net.DefaultResolver.LookupCNAME(ctx, name)
	if full = strings.TrimSuffix(full, "."); err != nil || full == "" {
		return name
	}
	return full
}

// Reverse asks DNS for an address's name; "" where there is none.
func (h *Host) Reverse(ctx context.Context, ip ipaddr.Addr) string {
	if !ip.IsIP() {
		return ""
	}
	h.mu.Lock()
	known, ok := h.ptr[ip]
	h.mu.Unlock()
	if ok && h.now().Before(known.till) {
		return known.name
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	name := ""
	if names, err := h.LookupAddr(ctx, ip.String()); err == nil && len(names) > 0 {
		name = strings.TrimSuffix(names[0], ".")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ptr) >= maxNames {
		clear(h.ptr)
	}
	h.ptr[ip] = pointer{name, h.now().Add(nameAge)}
	return name
}

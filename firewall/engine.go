package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ErrNotLoaded tells that the firewall is not loaded.
var ErrNotLoaded = errors.New("the firewall is not loaded")

// Matcher tells fast whether an address is of a list.
type Matcher struct{ v4, v6 []span }

// NewMatcher takes the entries of a list that hold now; names count with the
// addresses that l knows of them.
func (l Lists) NewMatcher(sites []Site) Matcher {
	var m Matcher
	for _, s := range sites {
		if _, over := l.left(s); over {
			continue
		}
		for _, p := range l.spans(s) {
			if p.from.Is4() {
				m.v4 = append(m.v4, p)
			} else {
				m.v6 = append(m.v6, p)
			}
		}
	}
	m.v4, m.v6 = merge(m.v4), merge(m.v6)
	return m
}

// Contains tells whether an address is of the list.
func (m Matcher) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return false
	}
	list := m.v4
	if addr.Is6() {
		list = m.v6
	}
	return covered(list, netip.PrefixFrom(addr, addr.BitLen()))
}

// ReadAllowed reads the allow list of the configuration at path, or the usual one
// where that is missing. Names count with the addresses of the last load; nothing
// is asked of the network. Problems tell what is left out.
func ReadAllowed(path string, now time.Time) (Matcher, []Problem, error) {
	s, problems, err := ReadSettings(path, true)
	if err != nil {
		return Matcher{}, problems, err
	}
	sites, faults, err := SiteReader{Local: time.Local}.Read(s.AllowSites)
	problems = append(problems, faults...)
	if err != nil && !notThere(err) {
		return Matcher{}, problems, err
	}
	var known names
	if _, err := readState(namesFile(s.StateDir), &known); err != nil {
		return Matcher{}, problems, err
	}
	var old began
	if _, err := readState(beganFile(s.StateDir), &old); err != nil {
		return Matcher{}, problems, err
	}
	settle(sites, "allow", old, now)
	l := Lists{Allow: sites, Now: now, Names: known.addrs()}
	return l.NewMatcher(sites), problems, nil
}

// Register puts a phone that has registered into the set that only the ceiling
// limits, for a time. It takes milliseconds. The error is ErrNotLoaded where there
// is no such set.
func Register(ctx context.Context, run Runner, phone netip.Addr, hold time.Duration) error {
	phone = phone.Unmap().WithZone("")
	seconds := int(min(max(hold, time.Second), maxTTL).Seconds())
	_, err := run.Run(ctx, "", "ipset", "-exist", "add", setName(SetRegistered, phone.Is6()), phone.String(), "timeout", fmt.Sprint(seconds))
	var failed *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && strings.Contains(err.Error(), "does not exist"):
		return fmt.Errorf("registering %s: %w", phone, ErrNotLoaded)
	}
	return fmt.Errorf("registering %s: %w", phone, err)
}

// Sets are the names of the sets that the firewall keeps, of both families.
func Sets() []string { return slices.Clone(sets) }

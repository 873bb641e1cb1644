package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"f2b-go/firewall"
	"f2b-go/internal/ipaddr"
)

const (
	// sparedLook is how often the files of the allow list are looked at, and
	// sparedRead how often they are read though they seem the same: lists include
	// others, and entries end.
	sparedLook = 2 * time.Second
	sparedRead = time.Minute
	// phoneHold is how long a phone counts as registered: the hour that Asterisk
	// grants at most by default (maxexpiry), and some time to renew it.
	phoneHold = 70 * time.Minute
	// maxPhones bounds the registered phones that are remembered.
	maxPhones = 65536
	// registerLimit is how long the kernel's set may take.
	registerLimit = 5 * time.Second
)

// spared knows the firewall's trusted sites and the phones that have registered.
type spared struct {
	clock    func() time.Time
	log      *slog.Logger
	run      firewall.Runner
	settings string // the firewall's configuration

	mu     sync.Mutex
	sites  firewall.Matcher
	looked time.Time
	read   time.Time
	stamps [2]time.Time // of the settings and the list
	told   string       // what was last wrong with them
	phones map[netip.Addr]time.Time
	sets   chan netip.Addr // phones for the kernel's set
}

func newSpared(clock func() time.Time, log *slog.Logger) *spared {
	return &spared{clock: clock, log: log, run: firewall.Programs{}, settings: firewall.DefaultSettings,
		phones: map[netip.Addr]time.Time{}, sets: make(chan netip.Addr, 1024)}
}

// Allowed says whether an ID is now a trusted site, or a network with one in it.
func (s *spared) Allowed(id ipaddr.Addr, now time.Time) bool {
	p := id.Prefix()
	if !p.IsValid() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh(now)
	return s.sites.Overlaps(p)
}

// Registered says whether a phone has lately registered from an ID.
func (s *spared) Registered(id ipaddr.Addr) bool {
	p := id.Prefix()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.phones) == 0 || !p.IsSingleIP() {
		return false
	}
	return s.clock().Before(s.phones[p.Addr()])
}

// register remembers a phone, and has the firewall's set take it.
func (s *spared) register(id ipaddr.Addr) {
	p := id.Prefix()
	if !p.IsValid() || !p.IsSingleIP() {
		return
	}
	now := s.clock()
	s.mu.Lock()
	known := s.phones[p.Addr()]
	if len(s.phones) >= maxPhones {
		for a, until := range s.phones {
			if !now.Before(until) {
				delete(s.phones, a)
			}
		}
	}
	if len(s.phones) < maxPhones || !known.IsZero() {
		s.phones[p.Addr()] = now.Add(phoneHold)
	}
	s.mu.Unlock()
	if known.Sub(now) > phoneHold/2 {
		return
	}
	select {
	case s.sets <- p.Addr():
	default: // the phone registers again
	}
}

// keep puts phones into the firewall's set until ctx ends.
func (s *spared) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case phone := <-s.sets:
			limited, cancel := context.WithTimeout(ctx, registerLimit)
			err := firewall.Register(limited, s.run, phone, phoneHold)
			cancel()
			if err != nil && !errors.Is(err, firewall.ErrNotLoaded) && ctx.Err() == nil {
				s.log.Warn(err.Error())
			}
		}
	}
}

// refresh reads the lists where they have changed. The caller holds mu.
func (s *spared) refresh(now time.Time) {
	if now.Sub(s.looked) < sparedLook {
		return
	}
	s.looked = now
	stamps := [2]time.Time{changed(s.settings), changed(firewall.AllowList(s.settings))}
	if stamps == s.stamps && now.Sub(s.read) < sparedRead {
		return
	}
	s.stamps, s.read = stamps, now
	sites, problems, err := firewall.ReadAllowed(s.settings, now)
	text := ""
	switch {
	case err != nil:
		text = "reading the firewall's allow list, the last one holds: " + err.Error()
	case len(problems) > 0:
		text = "the firewall's allow list: " + problems[0].Error()
	}
	if err == nil {
		s.sites = sites
	}
	if text != "" && text != s.told {
		s.log.Warn(text)
	}
	s.told = text
}

// changed is when a file was last written; zero where there is none.
func changed(path string) time.Time {
	if fi, err := os.Stat(path); err == nil {
		return fi.ModTime()
	}
	return time.Time{}
}

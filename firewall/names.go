package firewall

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Limits of resolving names.
const (
	// maxNames is how many names the lists may hold in all.
	maxNames = 1000
	// resolveTime is how long all names together may take.
	resolveTime = 5 * time.Second
	// resolveAtOnce is how many are asked for at the same time.
	resolveAtOnce = 16
)

// Resolver finds the addresses of a name: *net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// names are the addresses of names as last resolved, with the time of it.
type names map[string]resolved

type resolved struct {
	Addrs []netip.Addr `json:"addrs"`
	Time  time.Time    `json:"time"`
}

func namesFile(stateDir string) string { return filepath.Join(stateDir, "names.json") }

// resolveNames asks for all names of the lists. One that has no answer keeps the
// addresses that it had last.
func resolveNames(ctx context.Context, r Resolver, l Lists, old names) (names, []Problem) {
	first := map[string]Site{}
	var order []string
	var problems []Problem
	for _, s := range slices.Concat(l.Allow, l.Block) {
		if _, seen := first[s.Name]; s.Name == "" || seen {
			continue
		}
		if len(order) == maxNames {
			problems = append(problems, Problem{File: s.File, Line: s.Line, Class: ErrLimit, Warning: true,
				Text: fmt.Sprintf("more than %d names, the rest has no effect", maxNames), Remedy: "write addresses"})
			break
		}
		first[s.Name] = s
		order = append(order, s.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found := lookup(ctx, r, order)
	fresh := names{}
	for i, name := range order {
		at, had := first[name], old[name]
		switch {
		case len(found[i].Addrs) > 0:
			fresh[name] = resolved{found[i].Addrs, l.Now}
		case len(had.Addrs) > 0:
			fresh[name] = had
			problems = append(problems, Problem{File: at.File, Line: at.Line, Warning: true, Class: ErrName,
				Text:   fmt.Sprintf("%s is not found now (%v): its addresses of %s hold", name, found[i].err, had.Time.Format(time.DateTime)),
				Remedy: "see to it that the name resolves, or write the address"})
		default:
			problems = append(problems, Problem{File: at.File, Line: at.Line, Warning: true, Class: ErrName,
				Text:   fmt.Sprintf("%s is not found (%v) and has no effect", name, found[i].err),
				Remedy: "see to it that the name resolves, or write the address"})
		}
	}
	return fresh, problems
}

type answer struct {
	Addrs []netip.Addr
	err   error
}

// lookup asks for names, several at a time.
func lookup(ctx context.Context, r Resolver, order []string) []answer {
	found := make([]answer, len(order))
	var wait sync.WaitGroup
	slots := make(chan struct{}, resolveAtOnce)
	for i, name := range order {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			addrs, err := r.LookupNetIP(ctx, "ip", name+".")
			for _, a := range addrs {
				if usable(a) && len(found[i].Addrs) < MaxNameAddrs {
					found[i].Addrs = append(found[i].Addrs, a.Unmap().WithZone(""))
				}
			}
			slices.SortFunc(found[i].Addrs, netip.Addr.Compare)
			if found[i].err = err; err == nil && len(found[i].Addrs) == 0 {
				found[i].err = fmt.Errorf("no address of another machine")
			}
		}()
	}
	wait.Wait()
	return found
}

// usable tells whether an address may be another machine's; a name server that
// is not ours may answer anything.
func usable(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// began remembers when entries with a time to live were first loaded.
type began map[string]time.Time

func beganFile(stateDir string) string { return filepath.Join(stateDir, "began.json") }

// settle turns times to live into ends, counted from when the entry was first
// loaded, and returns what to remember.
func settle(sites []Site, list string, old began, now time.Time) (fresh began) {
	fresh = began{}
	for i := range sites {
		s := &sites[i]
		if s.TTL == 0 {
			continue
		}
		key := fmt.Sprintf("%s %s %s-%s %s", list, s.Name, s.From, s.To, s.TTL)
		start, seen := old[key]
		if !seen || start.After(now) {
			start = now
		}
		fresh[key] = start
		if end := start.Add(s.TTL); s.Until.IsZero() || end.Before(s.Until) {
			s.Until = end
		}
		s.TTL = 0
	}
	return fresh
}

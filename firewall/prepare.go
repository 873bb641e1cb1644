package firewall

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// More sentinels for classes of faults.
var (
	// ErrName: a DNS name is not found.
	ErrName = errors.New("not found")
	// ErrUnsafe: others could change what the firewall relies on.
	ErrUnsafe = errors.New("unsafe")
	// ErrNeighbour: another firewall is at work.
	ErrNeighbour = errors.New("another firewall")
	// ErrNobody: no site is allowed, so nobody could log in.
	ErrNobody = errors.New("nobody is allowed")
)

// Env is what a preparation asks about the world.
type Env struct {
	Now      time.Time
	Local    *time.Location
	Resolver Resolver
	// Kernel is asked for what it can do; nil leaves that out.
	Kernel *Kernel
}

// Prepared is a firewall that is read, checked and planned, and not loaded.
type Prepared struct {
	Settings Settings
	Config   Config
	Services []ServiceAccess
	Lists    Lists
	Overlaps []Overlap
	Rules    Rules
	// Problems are all that is wrong, warnings among them.
	Problems []Problem

	names names
	began began
}

// Faults are the problems that are no warnings.
func (p *Prepared) Faults() []Problem {
	return slices.DeleteFunc(slices.Clone(p.Problems), func(q Problem) bool { return q.Warning })
}

// Blocked tells whether a problem keeps the rules from being loaded. A line of a
// list that is wrong does not: the others hold.
func (p *Prepared) Blocked() bool {
	return slices.ContainsFunc(p.Problems, func(q Problem) bool { return !q.Warning && !q.Left })
}

// Prepare reads the configuration at path, the lists and Asterisk's files, and
// plans the rules. Where path is optional and missing all is default. What is
// wrong stands in Problems; the error says that reading did not get that far.
func Prepare(ctx context.Context, path string, optional bool, env Env) (*Prepared, error) {
	settings, problems, err := ReadSettings(path, optional)
	if err != nil {
		return nil, err
	}
	p := &Prepared{Settings: settings, Config: settings.Config, Problems: problems}
	p.unsafe(settings.Path, settings.AllowSites, settings.BlockSites, settings.scanners)
	p.services()
	p.scanners()
	p.interfaces()
	p.lists(ctx, env)
	if env.Kernel != nil {
		if err := p.abilities(ctx, env.Kernel); err != nil {
			return nil, err
		}
	}
	if p.Blocked() {
		return p, nil
	}
	p.Rules, err = Plan(p.Config, p.Lists)
	return p, err
}

func (p *Prepared) report(q Problem) { p.Problems = append(p.Problems, q) }

// file is where to point at for what no line says.
func (p *Prepared) file() string {
	if p.Settings.Path == "" {
		return DefaultSettings
	}
	return p.Settings.Path
}

// unsafe warns of files that others than root may change: whoever can write to
// the allow list can let himself in.
func (p *Prepared) unsafe(paths ...string) {
	for _, path := range paths {
		var st unix.Stat_t
		if path == "" || unix.Stat(path, &st) != nil || st.Mode&0o022 == 0 && (st.Uid == 0 || int(st.Uid) == os.Geteuid()) {
			continue
		}
		p.report(Problem{File: path, Warning: true, Class: ErrUnsafe, Text: "others than root can change this file, and so let themselves in",
			Remedy: "chown root " + path + " && chmod go-w " + path})
	}
}

func (p *Prepared) services() {
	list, problems := p.Settings.Services()
	p.Services = list
	p.Problems = append(p.Problems, problems...)
	p.Config.Services = planServices(list)
	if !p.Settings.logNFLOG {
		p.Config.LogGroup = 0
	}
}

func (p *Prepared) scanners() {
	if p.Settings.scanners == "" {
		return
	}
	names, problems, err := readScanners(p.Settings.scanners)
	if err != nil {
		p.report(Problem{File: p.file(), Text: err.Error(), Class: ErrInclude, Remedy: "write scanners = yes, no or the path of a list"})
	}
	p.Config.Scanners = names
	p.Problems = append(p.Problems, problems...)
}

func (p *Prepared) interfaces() {
	names, err := p.Settings.interfaceNames()
	if err != nil {
		p.report(Problem{File: p.file(), Text: err.Error(), Class: ErrMissing})
	}
	p.Config.Interfaces = names
}

// lists reads the sites, resolves their names and settles how long they hold.
func (p *Prepared) lists(ctx context.Context, env Env) {
	reader := SiteReader{Local: env.Local}
	allow, problems, err := reader.Read(p.Settings.AllowSites)
	p.Problems = append(p.Problems, problems...)
	switch {
	case notThere(err):
		p.report(Problem{File: p.Settings.AllowSites, Text: "the list is not there", Warning: true, Class: ErrInclude, Remedy: "make it, with the addresses that you log in from"})
	case err != nil:
		p.report(Problem{File: p.Settings.AllowSites, Text: err.Error(), Class: ErrInclude, Remedy: "make it a list that root can read"})
	}
	block, problems, err := reader.Read(p.Settings.BlockSites)
	p.Problems = append(p.Problems, problems...)
	switch {
	case notThere(err):
		p.report(Problem{File: p.Settings.BlockSites, Text: "the list is not there, so no site is blocked", Warning: true, Class: ErrInclude, Remedy: "make an empty file"})
	case err != nil:
		p.report(Problem{File: p.Settings.BlockSites, Text: err.Error(), Class: ErrInclude, Remedy: "make it a list that root can read"})
	}
	p.Lists = Lists{Allow: allow, Block: block, Now: env.Now}
	p.times()
	p.resolve(ctx, env)
	if !p.Settings.ConsoleOnly && !p.Lists.anybody() {
		p.report(Problem{File: p.Settings.AllowSites, Class: ErrNobody, Text: "no site is allowed, so nobody could log in from elsewhere",
			Remedy: "write the addresses that you log in from, one a line, or console_only = yes in " + p.file()})
	}
	p.overlaps()
}

func (p *Prepared) times() {
	var old began
	if _, err := readState(beganFile(p.Settings.StateDir), &old); err != nil {
		p.report(Problem{File: beganFile(p.Settings.StateDir), Text: err.Error(), Warning: true, Class: ErrInclude, Remedy: "times to live begin anew"})
	}
	p.began = settle(p.Lists.Allow, "allow", old, p.Lists.Now)
	maps.Copy(p.began, settle(p.Lists.Block, "block", old, p.Lists.Now))
}

func (p *Prepared) resolve(ctx context.Context, env Env) {
	var old names
	if _, err := readState(namesFile(p.Settings.StateDir), &old); err != nil {
		p.report(Problem{File: namesFile(p.Settings.StateDir), Text: err.Error(), Warning: true, Class: ErrInclude, Remedy: "names that are not found have no effect"})
	}
	var problems []Problem
	p.names, problems = resolveNames(ctx, env.Resolver, p.Lists, old)
	p.Problems = append(p.Problems, problems...)
	p.Lists.Names = p.names.addrs()
}

// overlaps tells where the lists contradict each other, the first few places.
func (p *Prepared) overlaps() {
	const told = 20
	p.Overlaps = Overlaps(p.Lists.Allow, p.Lists.Block)
	for i, o := range p.Overlaps {
		if i == told {
			p.report(Problem{File: o.Blocked.File, Line: o.Blocked.Line, Warning: true, Class: ErrSyntax,
				Text: fmt.Sprintf("%d more entries overlap with allowed ones", len(p.Overlaps)-told)})
			return
		}
		p.report(Problem{File: o.Blocked.File, Line: o.Blocked.Line, Warning: true, Class: ErrSyntax,
			Text:   fmt.Sprintf("%s:%d allows some of what this blocks, and allowed sites win", o.Allowed.File, o.Allowed.Line),
			Remedy: "take it out of one of the lists"})
	}
}

// anybody tells whether an allowed site holds that is not this machine itself.
func (l Lists) anybody() bool {
	for _, s := range l.Allow {
		if _, over := l.left(s); over {
			continue
		}
		for _, p := range l.spans(s) {
			if !p.from.IsLoopback() || !p.to.IsLoopback() {
				return true
			}
		}
	}
	return false
}

func (n names) addrs() map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	for name, r := range n {
		all[name] = r.Addrs
	}
	return all
}

// abilities asks the kernel for the matches that the plan would use, and settles
// what the configuration leaves to the machine.
func (p *Prepared) abilities(ctx context.Context, k *Kernel) error {
	if err := k.probe(ctx, "-p udp -m multiport --dports 5060,5061 -m set --match-set "+probeSet()+" src "+
		"-m hashlimit --hashlimit-above 1/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name f2b-probe -m conntrack --ctstate ESTABLISHED"); err != nil {
		return fmt.Errorf("asking the kernel for the matches multiport, set, hashlimit and conntrack: %w: %w; install the package iptables and a kernel with these modules", ErrMissing, err)
	}
	if p.Settings.Methods == Auto || p.Config.Methods {
		err := k.probe(ctx, "-p udp "+u32("4>>8&0xff=17"))
		p.Config.Methods = err == nil && p.Settings.Methods != "no"
		if err != nil {
			p.report(Problem{File: p.file(), Class: ErrMissing, Warning: p.Settings.Methods == Auto,
				Text: "REGISTER, INVITE and OPTIONS can't be told apart, since the match u32 is missing: only the total is limited", Remedy: "load the module xt_u32, or write methods = no in [limits]"})
		}
	}
	if len(p.Config.Scanners) > 0 {
		if err := k.probe(ctx, `-p udp -m string --algo bm --icase --string "x y"`); err != nil {
			p.Config.Scanners = nil
			p.report(Problem{File: p.file(), Class: ErrMissing, Warning: true, Text: "scanners can't be told by their names, since the match string is missing", Remedy: "load the module xt_string, or write scanners = no"})
		}
	}
	return p.hooks(k)
}

// hooks finds the chains through which packets to containers pass.
func (p *Prepared) hooks(k *Kernel) error {
	if p.Settings.Forward == "no" {
		return nil
	}
	for _, f := range k.families {
		present, err := f.tables.ListChains(filterTable)
		if err != nil {
			return fmt.Errorf("reading the chains of %s: %w", f.name(), err)
		}
		hook := ""
		switch {
		case slices.Contains(present, "DOCKER-USER"):
			hook = "DOCKER-USER"
		case p.Settings.Forward == "yes":
			hook = "FORWARD"
		}
		if f.v6 {
			p.Config.Forward6 = hook
		} else {
			p.Config.Forward = hook
		}
	}
	return nil
}

// Save remembers what the next preparation wants to know of this one: when
// entries began and what names were.
func (p *Prepared) Save() error {
	return errors.Join(writeState(namesFile(p.Settings.StateDir), p.names), writeState(beganFile(p.Settings.StateDir), p.began))
}

// Where says in words at which interfaces the firewall stands.
func (c Config) Where() string {
	if len(c.Interfaces) == 0 {
		return "all interfaces"
	}
	return strings.Join(c.Interfaces, ", ")
}

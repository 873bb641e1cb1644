package firewallcmd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"f2b-go/firewall"
)

// announce tells what was loaded, as the script of 2011 did: who may do
// everything, who nothing, and where.
func (l *loading) announce() {
	p := l.prepared
	if l.quiet {
		l.say("The firewall is loaded.")
		return
	}
	l.say("The firewall is loaded at %s (%s).", p.Config.Where(), l.k.Backend)
	l.sites("Allowed", p.Lists.Allow, p.Settings.AllowSites)
	l.sites("Blocked", p.Lists.Block, p.Settings.BlockSites)
	for _, s := range p.Services {
		if s.Access != firewall.ForAllowed && s.Shown != "" {
			l.say("  %-10s %s (%s)", s.Name, s.Shown, s.Access)
		}
	}
	if l.opt.confirm > 0 {
		l.say("Unless you call `f2b-go firewall confirm` within %d seconds, the former rules return.", int(l.opt.confirm/time.Second))
	}
}

// maxShown is how many sites are told one by one.
const maxShown = 20

func (l *loading) sites(what string, list []firewall.Site, path string) {
	l.say("%s sites (%s): %d", what, path, len(list))
	for i, s := range list {
		if i == maxShown {
			l.say("  and %d more", len(list)-maxShown)
			return
		}
		l.say("  %s", s)
	}
}

// reportTries is how often the kernel is asked again.
const reportTries = 3

// status tells what the firewall does.
func (p *program) status(ctx context.Context) int {
	s, _ := p.settings() // its faults are told, and matter to the next load
	if _, err := os.Stat(s.RunDir); err == nil {
		// What is being loaded just now would be told half.
		unlock, err := p.lock()
		if err != nil {
			p.complain(err)
			return exitFaults
		}
		defer unlock()
	}
	state, loaded, k, err := p.openLoaded(s)
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	r, err := k.Report(ctx, state, loaded)
	for range reportTries {
		if err == nil {
			break
		}
		r, err = k.Report(ctx, state, loaded) // somebody changed rules meanwhile
	}
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	if back, ok := p.dirs.LastRollback(); ok {
		r.Warnings = append(r.Warnings, fmt.Sprintf("at %s a load was taken back: %s", back.Time.Local().Format(time.DateTime), back.Why))
	}
	if r.Running && !r.WaitsUntil.IsZero() && !p.guarded() {
		r.Warnings = append(r.Warnings, "the guard that would put the former rules back is gone: call f2b-go firewall confirm or stop")
	}
	if p.opt.asJSON {
		err = p.printJSON(r)
	} else {
		p.report(r)
	}
	switch {
	case err != nil:
		p.complain(err)
		return exitFaults
	case len(r.Drift) > 0:
		return exitFaults
	case !r.Running:
		return exitStopped
	}
	return exitDone
}

// report prints a report for people. Its last two lines are what the limiter has
// told the log and what it has dropped.
func (p *program) report(r firewall.Report) {
	if !r.Running {
		p.say("The firewall is not loaded.")
	} else {
		where := "all interfaces"
		if len(r.Interfaces) > 0 {
			where = strings.Join(r.Interfaces, ", ")
		}
		p.say("The firewall is loaded since %s at %s (%s).", r.Loaded.Local().Format(time.DateTime), where, r.Backend)
	}
	if !r.WaitsUntil.IsZero() {
		p.say("It waits for `f2b-go firewall confirm` until %s.", clock(r.WaitsUntil))
	}
	for _, w := range r.Warnings {
		p.say("warning: %s", w)
	}
	for _, d := range r.Drift {
		p.say("differs from what was loaded: %s", d)
	}
	p.limits(r)
	for _, c := range r.Chains {
		p.say("\nChain %s (%s)\n%10s %12s  rule", c.Name, c.Family, "packets", "bytes")
		for _, rule := range c.Rules {
			p.say("%10d %12d  %s", rule.Packets, rule.Bytes, rule.Rule)
		}
	}
	if r.Attack.Dropped.Rule == "" {
		return
	}
	p.say("\nChain %s, both families (%d events kept from the log by its ceiling)", firewall.ChainAttack, r.Attack.Suppressed)
	p.say("%10d %12d  LOG   SIP attacks, one event for each source and minute", r.Attack.Logged.Packets, r.Attack.Logged.Bytes)
	p.say("%10d %12d  DROP  SIP attacks", r.Attack.Dropped.Packets, r.Attack.Dropped.Bytes)
}

// limits prints sets, limits and who is at their end.
func (p *program) limits(r firewall.Report) {
	if len(r.Sets) > 0 {
		p.say("\nSets%16s %10s", "entries", "most")
	}
	for _, s := range r.Sets {
		p.say("  %-15s %7d %10d", s.Name, s.Entries, s.Most)
	}
	if len(r.Limits) > 0 {
		p.say("\nLimits%29s %8s %10s", "rate", "sources", "most")
	}
	for _, l := range r.Limits {
		p.say("  %-4s %-20s %8s %8d %10d", l.Family, l.Name, l.Rate, l.Sources, l.Most)
	}
	if len(r.Top) > 0 {
		p.say("\nSources that use most of a limit")
	}
	for _, t := range r.Top {
		p.say("  %-39s %-10s %3d%%", t.Addr, t.Limit, t.Used)
	}
}

package firewallcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"f2b-go/firewall"
)

// start loads the firewall.
func (p *program) start(ctx context.Context) int { return p.load(ctx, false) }

// reload loads what has changed of a firewall that is loaded.
func (p *program) reload(ctx context.Context) int { return p.load(ctx, true) }

func (p *program) load(ctx context.Context, reload bool) int {
	s, ok := p.settings()
	if !ok {
		return exitFaults
	}
	state, _, k, err := p.openLoaded(s)
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	if state.Backend != "" && state.Backend != k.Backend {
		p.complain(fmt.Errorf("the firewall is loaded with the iptables of the other kind (%s): call f2b-go firewall stop first", state.Backend))
		return exitFaults
	}
	if !p.opt.dry {
		unlock, err := p.lock()
		if err != nil {
			p.complain(err)
			return exitFaults
		}
		defer unlock()
	}
	l := &loading{program: p, k: k, reload: reload}
	if err := l.run(ctx); err != nil {
		if !errors.Is(err, errTold) {
			p.complain(err)
		}
		return exitFaults
	}
	return exitDone
}

// errTold: what is wrong was told already.
var errTold = errors.New("told")

// loading is one load.
type loading struct {
	*program
	k        *firewall.Kernel
	reload   bool
	prepared *firewall.Prepared
	state    firewall.State // of the load before
	loaded   bool           // there was one
	quiet    bool           // what is loaded is not what was prepared
}

func (l *loading) run(ctx context.Context) error {
	var err error
	if l.state, l.loaded, err = l.dirs.ReadState(); err != nil {
		return err
	}
	if l.reload && !l.loaded {
		return errors.New("the firewall is not loaded: call f2b-go firewall start")
	}
	if l.opt.lists && !l.opt.dry && l.waits() {
		l.say("Nothing is done while rules wait for confirmation.")
		return nil
	}
	if err := l.mayLoad(); err != nil {
		return err
	}
	prepared, ok := l.prepare(ctx, l.k)
	if !ok {
		return errTold
	}
	l.prepared = prepared
	if l.opt.dry {
		l.show()
		return nil
	}
	if err := l.keepsCaller(); err != nil {
		return err
	}
	if l.opt.lists {
		return l.lists(ctx)
	}
	if done, err := l.notTwiceUnconfirmed(ctx); done || err != nil {
		return err
	}
	return l.apply(ctx, prepared.Rules, func(seen firewall.Rules) firewall.State { return prepared.State(l.k, seen) })
}

// mayLoad refuses while another load waits for confirmation.
func (l *loading) mayLoad() error {
	if l.opt.dry || !l.waits() || l.opt.force || l.opt.confirm > 0 {
		return nil
	}
	return fmt.Errorf("the rules that were loaded at %s wait for confirmation until %s: call f2b-go firewall confirm or stop, or try again with --confirm SECONDS",
		clock(l.state.Loaded), clock(l.state.Waits))
}

// waits tells whether the last load waits for confirmation.
func (l *loading) waits() bool { return l.loaded && l.state.Waits.After(l.now()) && l.guarded() }

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// notTwiceUnconfirmed keeps rules that were on trial and never confirmed from
// coming back by themselves, at a boot above all: the last good ones are loaded
// in their place.
func (l *loading) notTwiceUnconfirmed(ctx context.Context) (done bool, err error) {
	mark, ok, err := l.dirs.ReadUnconfirmed()
	if err != nil || !ok || l.opt.force || l.opt.confirm > 0 || mark.Print != l.prepared.Rules.Print() {
		return false, err
	}
	good, ok, err := l.dirs.ReadGood()
	if err != nil {
		return false, err
	}
	why := fmt.Sprintf("these rules were on trial at %s and never confirmed", mark.Since.Local().Format(time.DateTime))
	if !ok {
		return false, fmt.Errorf("%s: call start --confirm SECONDS to try them again, or --force", why)
	}
	l.complain(fmt.Errorf("warning: %s; the last good ones, of %s, are loaded instead: change the configuration, or call start --confirm SECONDS", why, good.State.Loaded.Local().Format(time.DateTime)))
	l.quiet = true
	return true, l.apply(ctx, good.Rules, func(seen firewall.Rules) firewall.State {
		s := good.State
		seen.Sets = ""
		s.Loaded, s.Seen, s.Backend = l.now(), seen, l.k.Backend
		return s
	})
}

// apply loads rules under the eyes of a guard.
func (l *loading) apply(ctx context.Context, rules firewall.Rules, state func(seen firewall.Rules) firewall.State) error {
	g, err := l.startGuard(ctx)
	if err != nil {
		return err
	}
	if l.opt.confirm > 0 {
		if err := l.dirs.WriteUnconfirmed(firewall.Unconfirmed{Print: rules.Print(), Since: l.now()}); err != nil {
			return errors.Join(err, g.dismiss())
		}
	}
	change := l.k.Apply
	if l.reload && l.prepared.Unchanged(l.k, l.state, g.former.Rules) {
		change = l.k.ApplySets // which leaves the counters alone
	}
	if err := change(ctx, rules); err != nil {
		return fmt.Errorf("%w; %s", err, g.goBack(ctx, l.k, "loading failed"))
	}
	seen, err := l.k.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("%w; %s", err, g.goBack(ctx, l.k, "loading failed"))
	}
	s := state(seen)
	if l.opt.confirm > 0 {
		s.Waits = l.now().Add(l.opt.confirm)
	}
	if err := errors.Join(l.dirs.WritePending(rules), l.dirs.WriteState(s)); err != nil {
		return fmt.Errorf("%w; %s", err, g.goBack(ctx, l.k, "loading failed"))
	}
	if err := l.settle(g); err != nil {
		return err
	}
	l.announce()
	return nil
}

// settle ends a load that has done its work: the guard waits for a confirmation,
// or goes. What can't be remembered beyond the next boot is told, and is no reason
// to leave the machine without a firewall.
func (l *loading) settle(g *guardian) error {
	if err := l.prepared.Save(); err != nil {
		l.complain(fmt.Errorf("warning: %w", err))
	}
	if l.opt.confirm > 0 {
		return g.wait(l.opt.confirm)
	}
	if err := g.dismiss(); err != nil {
		return err
	}
	if err := l.dirs.Confirm(); err != nil {
		l.complain(fmt.Errorf("warning: %w", err))
	}
	return nil
}

// lists loads the lists of sites, and leaves rules and counters alone.
func (l *loading) lists(ctx context.Context) error {
	if err := l.k.ApplySets(ctx, l.prepared.Rules); err != nil {
		return err
	}
	l.prepared.Refresh(&l.state)
	if err := errors.Join(l.dirs.WriteState(l.state), l.prepared.Save()); err != nil {
		return err
	}
	r, err := l.k.Report(ctx, l.state, true)
	if err != nil {
		return err
	}
	for _, w := range r.Warnings {
		l.complain(errors.New("warning: " + w))
	}
	return nil
}

// show prints what would be loaded.
func (l *loading) show() {
	r := l.prepared.Rules
	l.say("# ipset -exist restore\n%s\n# iptables-restore --noflush\n%s\n# ip6tables-restore --noflush\n%s", r.Sets, r.V4.Text(), r.V6.Text())
	for _, t := range []struct {
		program string
		jumps   []firewall.Jump
	}{{"iptables", r.V4.Jumps}, {"ip6tables", r.V6.Jumps}} {
		for _, j := range t.jumps {
			l.say("%s -I %s %s", t.program, j.Chain, joined(j.Rule))
		}
	}
}

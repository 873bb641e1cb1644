package firewallcmd

import (
	"context"
	"errors"
	"strings"

	"f2b-go/firewall"
)

// stop removes all that the firewall has made.
func (p *program) stop(ctx context.Context) int {
	// What is wrong with the configuration must not keep anybody from opening the
	// firewall.
	s, _ := p.settings()
	state, _, err := p.dirs.ReadState()
	if err != nil {
		p.complain(err)
	}
	if state.Backend != "" {
		s.Backend = state.Backend
	}
	k, err := p.open(s, state)
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	unlock, err := p.lock()
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	defer unlock()
	if _, err := ask(p.dirs, "cancel"); err != nil {
		p.complain(err)
	}
	if err := errors.Join(k.Apply(ctx, firewall.Rules{}), p.dirs.Forget()); err != nil {
		p.complain(err)
		return exitFaults
	}
	p.say("The firewall is off: nothing is kept out but what bans and other rules keep out.")
	return exitDone
}

// confirm keeps rules that were loaded on trial.
func (p *program) confirm(context.Context) int {
	_, _ = p.settings() // its faults are told, and matter to the next load
	s, loaded, err := p.dirs.ReadState()
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	answered, err := ask(p.dirs, "confirm")
	switch {
	case err != nil:
		p.complain(err)
		return exitFaults
	case answered:
		p.say("Confirmed: the rules of %s stay.", clock(s.Loaded))
		return exitDone
	}
	if r, ok := p.dirs.LastRollback(); ok {
		p.complain(errors.New("nothing waits for confirmation: the former rules are back since " + clock(r.Time) + ", because " + r.Why))
		return exitFaults
	}
	if loaded && !s.Waits.IsZero() {
		// Its guard is gone, so the rules stay as they are.
		if err := p.dirs.Confirm(); err != nil {
			p.complain(err)
			return exitFaults
		}
		p.say("Confirmed: the rules of %s stay.", clock(s.Loaded))
		return exitDone
	}
	p.complain(errors.New("nothing waits for confirmation"))
	return exitFaults
}

func joined(words []string) string { return strings.Join(words, " ") }

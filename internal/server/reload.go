package server

import (
	"context"
	"slices"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// reloading is a reload whose commands arrive: what was said of which jail.
type reloading struct {
	request control.Reload
	// drafted are jails in force with a draft of new settings; kept those that
	// the stream adds again, ready those that it starts.
	drafted map[string]*resident
	kept    map[string]bool
	ready   map[string]bool
	// made are jails that are new, or take the place of one, in order.
	made []*resident
	undo []func()
}

// fresh returns the new jail of that name, or nil.
func (p *reloading) fresh(name string) *resident {
	for _, r := range p.made {
		if r.Name() == name {
			return r
		}
	}
	return nil
}

func (p *reloading) concerns(name string) bool {
	return p.request.Jail == control.AllJails || p.request.Jail == name
}

// start notes that the stream starts a jail.
func (p *reloading) start(e *engine, name string) error {
	if p.fresh(name) == nil && e.find(name) == nil {
		return control.UnknownJail(name)
	}
	p.ready[name] = true
	return nil
}

// BeginReload opens a draft for each jail that the reload is about. Nothing in
// force changes.
func (e *engine) BeginReload(request control.Reload) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending != nil {
		return pickle.Builtin("ValueError", "Reload already in progress")
	}
	if request.Jail == control.AllJails {
		e.say.Info("Reload all jails")
	} else {
		e.say.Info("Reload jail " + request.Jail)
		if e.find(request.Jail) == nil && !request.IfExists {
			return control.UnknownJail(request.Jail)
		}
	}
	p := &reloading{request: request, drafted: map[string]*resident{}, kept: map[string]bool{}, ready: map[string]bool{}}
	for _, r := range e.jails {
		if !p.concerns(r.Name()) || request.Restart {
			continue
		}
		if err := r.BeginReload(); err != nil {
			for _, other := range p.drafted {
				other.AbortReload()
			}
			return err
		}
		p.drafted[r.Name()] = r
	}
	p.undo = append(p.undo, e.settings.keep(e))
	e.pending = p
	e.notify.Reloading()
	return nil
}

// addToReload is `add` in a reload's stream. The caller holds mu.
func (e *engine) addToReload(name, backend string) error {
	p, live := e.pending, e.find(name)
	switch {
	case p.fresh(name) != nil || p.kept[name] || live != nil && !p.concerns(name):
		return control.DuplicateJail(name)
	case p.drafted[name] != nil && live.Backend() == backend:
		p.kept[name] = true
		return nil
	case p.drafted[name] != nil:
		e.say.Info("Restart jail " + pytext.Repr(name) + " (reason: " + pytext.Repr(live.Backend()) + " != " + pytext.Repr(backend) + ")")
		live.AbortReload()
		delete(p.drafted, name)
	}
	r, err := e.newJail(name, backend)
	if err == nil {
		p.made = append(p.made, r)
	}
	return err
}

// AbortReload forgets all that the stream brought.
func (e *engine) AbortReload() {
	defer e.tellReady()
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pending
	if p == nil {
		return
	}
	e.pending = nil
	for _, r := range p.drafted {
		r.AbortReload()
	}
	for _, undo := range slices.Backward(p.undo) {
		undo()
	}
	e.say.Error("Reload failed, nothing was changed: the jails go on with what they had")
}

// EndReload puts the new configuration into force: jails that stay take over
// their drafts, new ones start, those that are gone stop last.
func (e *engine) EndReload(ctx context.Context) {
	e.mu.Lock()
	p := e.pending
	if p == nil {
		e.mu.Unlock()
		return
	}
	e.pending = nil
	var stay, gone []*resident
	for _, r := range e.jails {
		switch {
		case !p.concerns(r.Name()) || p.kept[r.Name()] && p.ready[r.Name()]:
			stay = append(stay, r)
		default:
			gone = append(gone, r)
		}
	}
	old := e.jails
	e.jails = append(slices.Clip(stay), p.made...)
	e.mu.Unlock()

	if p.request.Jail == control.AllJails {
		e.resolver.Clear()
	}
	if p.request.Unban {
		unbanAll(ctx, old, p)
	}
	for _, r := range stay {
		if p.drafted[r.Name()] != nil {
			e.say.Info("Reload jail " + pytext.Repr(r.Name()))
			r.EndReload(ctx)
			r.SetIdle(false)
			e.say.Info("Jail " + pytext.Repr(r.Name()) + " reloaded")
		}
	}
	e.replace(gone, p)
	e.kick()
	e.say.Info("Reload finished.")
	e.tellReady()
}

func unbanAll(ctx context.Context, list []*resident, p *reloading) {
	for _, r := range list {
		if p.concerns(r.Name()) {
			r.UnbanAll(ctx)
		}
	}
}

// replace starts new jails, each after its namesake has stopped, and stops what
// is left over.
func (e *engine) replace(gone []*resident, p *reloading) {
	for _, r := range p.made {
		gone = slices.DeleteFunc(gone, func(old *resident) bool {
			if old.Name() != r.Name() {
				return false
			}
			old.AbortReload()
			old.halt()
			return true
		})
		if p.ready[r.Name()] {
			e.mu.Lock()
			e.start(r)
			e.mu.Unlock()
		}
	}
	for _, r := range gone {
		r.AbortReload()
		r.halt()
	}
}

var _ jail.View = (*jail.Jail)(nil)

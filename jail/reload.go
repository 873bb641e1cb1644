package jail

import (
	"context"
	"slices"
)

// BeginReload opens a draft of the jail's settings with fail2ban's defaults.
// From now on setters and getters mean the draft, while the jail works on with
// what it has: so a reload can fail and change nothing.
func (j *Jail) BeginReload() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.draft != nil {
		return valueError("Reload already in progress")
	}
	j.draft = j.newSettings()
	return nil
}

// editDraft replaces the draft by a changed copy and returns what change does;
// drafting is false where there is none.
func (j *Jail) editDraft(change func(*settings) bool) (drafting, result bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.draft == nil {
		return false, false
	}
	next := *j.draft
	result = change(&next)
	j.draft = &next
	return true, result
}

// AbortReload drops the draft.
func (j *Jail) AbortReload() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.draft = nil
}

// EndReload puts the draft into force: bans, fail counters, sessions and places
// in logs stay; logs that are gone are left, new ones are read; actions of the
// same name take over their new properties; new ones start and get the bans in
// force before those that are gone lift them and stop.
func (j *Jail) EndReload(ctx context.Context) {
	if wishes, ok := j.swap(context.WithoutCancel(ctx)); ok {
		j.changeLogs(wishes)
		j.files.watch()
		j.rereadJournal()
		j.queue.poke()
	}
}

// swap puts the draft into force but for its logs, which it returns; ok is
// false where there is no draft.
func (j *Jail) swap(ctx context.Context) (wishes []logWish, ok bool) {
	j.acting.Lock()
	defer j.acting.Unlock()
	j.mu.Lock()
	if j.draft == nil {
		j.mu.Unlock()
		return nil, false
	}
	old, next := j.live, *j.draft
	wishes = next.logs
	next.logs = nil
	kept, fresh, gone := mergeActions(&next, old.actions)
	old.filter.Adopt(next.filter)
	next.filter = old.filter
	j.live, j.draft = &next, nil
	j.enforce()
	j.mu.Unlock()
	if j.started {
		j.changeActions(ctx, kept, fresh, gone)
	}
	return wishes, true
}

// mergeActions makes the next settings go on with those old actions that can take over
// the properties of their namesake. It returns them, the actions that are new
// and those that are gone.
func mergeActions(next *settings, old []Action) (kept []Reloader, fresh, gone []Action) {
	gone = slices.Clone(old)
	next.actions = slices.Clone(next.actions)
	for i, a := range next.actions {
		k := indexAction(gone, a.Name())
		if k < 0 {
			fresh = append(fresh, a)
			continue
		}
		r, ok := gone[k].(Reloader)
		if !ok || !r.Adopt(a) {
			fresh = append(fresh, a)
			continue
		}
		next.actions[i] = gone[k]
		kept = append(kept, r)
		gone = slices.Delete(gone, k, k+1)
	}
	return kept, fresh, gone
}

// changeActions brings the bans in force to new actions before gone ones lift
// theirs, so that no banned ID gets through. The caller holds acting.
func (j *Jail) changeActions(ctx context.Context, kept []Reloader, fresh, gone []Action) {
	tickets := j.bans.tickets()
	for _, a := range fresh {
		j.startAction(ctx, a)
		if a.SkipsRestored() {
			continue
		}
		for _, t := range tickets {
			again := t.copyOf()
			again.Restored = true
			if err := a.Ban(ctx, again); err != nil {
				j.actionFailed("ban", a, t, err)
			}
		}
	}
	single := j.flushActions(ctx, gone)
	for _, t := range tickets {
		j.lift(ctx, t, single, "")
	}
	j.stopActions(ctx, gone)
	for _, r := range kept {
		if err := r.Reload(ctx); err != nil {
			j.logs.actions.Error(j.say(err.Error()))
		}
	}
}

// changeLogs leaves logs that are not wished for any more and reads new ones.
func (j *Jail) changeLogs(wishes []logWish) {
	for _, path := range j.files.paths() {
		if !slices.ContainsFunc(wishes, func(w logWish) bool { return w.path == path }) {
			j.files.remove(path)
		}
	}
	for _, w := range wishes {
		if j.files.has(w.path) {
			continue
		}
		if err := j.files.add(w); err != nil {
			j.logs.filter.Error(j.say(err.Error()))
		}
	}
}

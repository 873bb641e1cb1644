package jail

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

const (
	// checkEvery is the least time between two consistency checks, in seconds,
	// and how long after a ban its ID must still be at it (3.3.5).
	checkEvery = 3
	// prolongWithin is how long a lengthened ban may wait for actionprolong.
	prolongWithin = 10
	prolongBefore = 5
)

// ban puts a ticket into force and says whether it is a new ban. The list owns
// the ticket afterwards.
func (j *Jail) ban(ctx context.Context, t *Ticket) bool {
	j.acting.Lock()
	defer j.acting.Unlock()
	asked := t.copyOf()
	v, k := j.bans.add(t, j.now())
	if v != banNew {
		j.notNew(asked, v, k)
		return false
	}
	word := "Ban "
	if asked.Restored {
		word = "Restore Ban "
	}
	j.logs.actions.Log(ctx, logfmt.LevelNotice, j.say(word+asked.ID.String()))
	j.settle(ctx, asked)
	now, _ := j.bans.get(asked.ID)
	for _, a := range j.effective().actions {
		if now.skips(a) {
			continue
		}
		if err := a.Ban(ctx, now.copyOf()); err != nil {
			j.actionFailed("ban", a, now, err)
		}
	}
	epoch := int(j.epoch.Load())
	j.bans.update(asked.ID, func(t *Ticket) { t.banned, t.epoch = true, epoch })
	return true
}

// notNew tells of a ticket that is no new ban, and says whether it was none.
func (j *Jail) notNew(t *Ticket, v verdict, k known) bool {
	switch v {
	case banExpired:
		j.logs.actions.Info(j.say("Ignore " + t.ID.String() + ", expired bantime"))
	case banKnown:
		j.alreadyBanned(t, k)
	case banNew:
		return false
	}
	return true
}

// alreadyBanned tells of an ID that fails on although it is banned; the longer
// after the ban, the louder. Actions that may have lost the ban are looked at
// by the worker (3.3.5).
func (j *Jail) alreadyBanned(t *Ticket, k known) {
	after := t.Time - k.ticket.Time
	level := slog.LevelWarn
	switch {
	case after < 3 || !k.ticket.banned:
		level = slog.LevelDebug
	case after < 60:
		level = logfmt.LevelNotice
	}
	j.logs.actions.Log(context.Background(), level, j.say(t.ID.String()+" already banned"))
	if k.longer {
		j.later.prolong(t.ID, j.now()+min(prolongWithin, max(0, k.end-j.now()-prolongBefore)))
		j.queue.poke()
	}
	lost := k.ticket.epoch < int(j.epoch.Load())
	if k.ticket.banned && (lost || after > checkEvery) {
		j.later.check(t.ID)
		j.queue.poke()
	}
}

// actionFailed logs an action's error; the next action goes on. An error that
// knows which of the ticket's values were used tells them.
func (j *Jail) actionFailed(what string, a Action, t *Ticket, err error) {
	var failed interface{ ActionInfo() string }
	info := ""
	if errors.As(err, &failed) {
		info = failed.ActionInfo()
	}
	if info == "" {
		info = "ActionInfo(" + pytext.Repr(pytext.Dict{{Key: "ip", Value: t.IP().String()},
			{Key: "family", Value: t.IP().FamilyName()}, {Key: "fid", Value: t.ID.String()}}) + ")"
	}
	j.logs.actions.Error("Failed to execute " + what + " jail '" + j.name + "' action '" + a.Name() + "' info '" + info + "': " + err.Error())
}

// settle decides how long a new ban lasts and has it remembered, before any
// action hears of it (3.6.6). asked is the ticket as it came to the list.
func (j *Jail) settle(ctx context.Context, asked *Ticket) {
	if asked.Restored || j.env.Store == nil {
		return
	}
	first := asked.EffectiveBanTime(j.bans.jailBanTime())
	last := first
	if first.Value > 0 && !asked.HasBanTime && j.effective().increment.enabled() {
		last = j.lengthen(ctx, asked, first)
	}
	t, _ := j.bans.get(asked.ID)
	end, duration := "infinite", "permanent"
	if last.Value != Permanent {
		if asked.Time+last.Value < j.now() {
			return
		}
		end, duration = j.timeText(asked.Time+last.Value), last.text()
	}
	if last.Value != first.Value {
		j.logs.observer.Log(ctx, logfmt.LevelNotice, j.say("Increase Ban "+t.ID.String()+" ("+itoa(t.BanCount)+" # "+duration+" -> "+end+")"))
	}
	if t.Restored {
		return
	}
	j.record(ctx, func(ctx context.Context) error { return j.env.Store.AddBan(ctx, j.name, t, last) })
	j.histories.forget(t.ID)
}

// lengthen gives the ticket the ban time that its ID's history asks for (3.6).
func (j *Jail) lengthen(ctx context.Context, t *Ticket, first Seconds) Seconds {
	in := j.effective().increment
	h, ok, err := j.env.Store.History(ctx, j.name, t.ID, in.overAllJails())
	if err != nil {
		j.logs.observer.Error(err.Error())
		return first
	}
	if !ok {
		return first
	}
	j.bans.update(t.ID, func(t *Ticket) { t.BanCount = max(t.BanCount, h.Count+1) })
	last := first
	if h.Count > 0 {
		if last, err = in.next(first, h.Count, j.env.Random); err != nil {
			j.logs.observer.Error(err.Error())
			return first
		}
	}
	j.bans.setBanTimeOf(t.ID, last)
	if t.Time <= h.Time {
		// The lines of this ban were judged before: read twice after a restart.
		j.bans.update(t.ID, func(t *Ticket) { t.Restored = true })
		return last
	}
	j.logs.observer.Info(j.say("IP " + t.ID.String() + " is bad: " + itoa(h.Count) + " # last " + j.timeText(h.Time) +
		" - incr " + first.text() + " to " + last.text()))
	return last
}

// later is what the worker owes to bans in force, one debt of a kind for an ID.
type later struct {
	mu       sync.Mutex
	checks   map[ipaddr.Addr]bool
	prolongs map[ipaddr.Addr]float64 // when
}

func (l *later) init() {
	l.checks, l.prolongs = map[ipaddr.Addr]bool{}, map[ipaddr.Addr]float64{}
}

func (l *later) check(id ipaddr.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checks[id] = true
}

func (l *later) prolong(id ipaddr.Addr, at float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if due, ok := l.prolongs[id]; !ok || at < due {
		l.prolongs[id] = at
	}
}

// take returns the debts that are due.
func (l *later) take(now float64) (checks, prolongs []ipaddr.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.checks {
		checks = append(checks, id)
	}
	clear(l.checks)
	for id, at := range l.prolongs {
		if at <= now {
			prolongs = append(prolongs, id)
			delete(l.prolongs, id)
		}
	}
	return checks, prolongs
}

// next returns when the next debt is due, maxTime for never.
func (l *later) next() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.checks) > 0 {
		return 0
	}
	at := float64(maxTime)
	for _, due := range l.prolongs {
		at = min(at, due)
	}
	return at
}

// payDebts checks actions and tells them of lengthened bans.
func (j *Jail) payDebts(ctx context.Context) {
	checks, prolongs := j.later.take(j.now())
	if len(checks) > 0 {
		j.recheck(ctx, checks)
	}
	for _, id := range prolongs {
		j.prolong(ctx, id)
	}
}

// recheck has the actions look whether their bans still stand, and repeats
// those bans that a repaired action has lost.
func (j *Jail) recheck(ctx context.Context, ids []ipaddr.Addr) {
	j.acting.Lock()
	defer j.acting.Unlock()
	actions := j.effective().actions
	if now := j.now(); now > j.lastCheck+checkEvery {
		j.lastCheck = now
		for _, a := range actions {
			if err := a.Check(ctx, false); err != nil {
				j.logs.actions.Error(j.say("action " + pytext.Repr(a.Name()) + ": " + err.Error()))
			}
		}
	}
	for _, id := range ids {
		t, ok := j.bans.get(id)
		if !ok || t.epoch >= int(j.epoch.Load()) {
			continue
		}
		var repaired []Action
		for _, a := range actions {
			if a.Epoch() > t.epoch {
				repaired = append(repaired, a)
			}
		}
		if len(repaired) == 0 {
			repaired = actions
		}
		j.reban(ctx, t, repaired)
	}
}

func (j *Jail) reban(ctx context.Context, t *Ticket, actions []Action) {
	text := "Reban " + t.ID.String()
	if len(actions) == 1 {
		text += ", action " + pytext.Repr(actions[0].Name())
	}
	j.logs.actions.Log(ctx, logfmt.LevelNotice, j.say(text))
	for _, a := range actions {
		if err := a.Reban(ctx, t.copyOf()); err != nil {
			j.actionFailed("reban", a, t, err)
			return
		}
	}
	epoch := int(j.epoch.Load())
	j.bans.update(t.ID, func(t *Ticket) { t.banned, t.epoch = true, epoch })
}

// prolong tells the actions of the later end of a ban (3.6.7).
func (j *Jail) prolong(ctx context.Context, id ipaddr.Addr) {
	j.acting.Lock()
	defer j.acting.Unlock()
	t, ok := j.bans.get(id)
	if !ok {
		return
	}
	for _, a := range j.effective().actions {
		if !a.Prolongs() || t.skips(a) {
			continue
		}
		if err := a.Prolong(ctx, t.copyOf()); err != nil {
			j.actionFailed("ban", a, t, err)
		}
	}
}

package jail

import (
	"context"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// Words of the log line that ends a ban: lifted for good, or by the stop of a
// jail whose bans come back (1.1.1).
const (
	wordUnban  = "Unban "
	wordRepeal = "Repeal Ban "
)

// unbanDue lifts bans that are over, at most limit, and says how many.
func (j *Jail) unbanDue(ctx context.Context, limit int) (n int) {
	for n < limit && j.unbanOne(ctx) {
		n++
	}
	return n
}

// unbanOne takes a ban from the list and lifts it as one step, so that no new
// ban of the ID comes between.
func (j *Jail) unbanOne(ctx context.Context) bool {
	j.acting.Lock()
	defer j.acting.Unlock()
	over := j.bans.due(j.now(), 1)
	for _, t := range over {
		j.lift(ctx, t, j.effective().actions, wordUnban)
	}
	return len(over) > 0
}

// lift has actions end a ban that is no longer in the list.
func (j *Jail) lift(ctx context.Context, t *Ticket, actions []Action, word string) {
	if word != "" {
		j.logs.actions.Log(ctx, logfmt.LevelNotice, j.say(word+t.ID.String()))
	}
	for _, a := range actions {
		if err := a.Unban(ctx, t.copyOf()); err != nil {
			j.actionFailed("unban", a, t, err)
		}
	}
}

// BanIP bans IDs from now on, whatever the ignore rules say, and returns how
// many were not banned before (3.3.7). It returns when all actions have run.
func (j *Jail) BanIP(ctx context.Context, texts []string) int {
	n, now := 0, j.now()
	for _, id := range ids(texts) {
		if j.ban(context.WithoutCancel(ctx), &Ticket{ID: id, Time: now}) {
			n++
		}
	}
	j.queue.poke()
	return n
}

// UnbanIP lifts the bans of IDs, of all that lie in a network, or that a name
// resolves to, and forgets them (3.4.3). It returns how many were banned. With
// reportAbsent an ID that was not is an error, after all others are done.
func (j *Jail) UnbanIP(ctx context.Context, texts []string, reportAbsent bool) (int, error) {
	ctx = context.WithoutCancel(ctx)
	n := 0
	missed := []any{}
	for _, text := range texts {
		k := j.unbanText(ctx, text)
		if k == 0 {
			j.logs.actions.Log(ctx, logfmt.LevelMSG, text+" is not banned")
			missed = append(missed, text)
		}
		n += k
	}
	if reportAbsent && len(missed) > 0 {
		return n, valueError("not banned: " + pytext.Repr(missed))
	}
	return n, nil
}

func (j *Jail) unbanText(ctx context.Context, text string) int {
	id := ipaddr.Parse(text)
	if j.unbanID(ctx, id) {
		return 1
	}
	if id.IsIP() {
		return 0
	}
	n := 0
	for _, t := range j.bans.tickets() {
		inside := id.Contains(t.ID)
		if id.Family() == ipaddr.Raw {
			inside = resolvesTo(j.env.Resolver, text, t.ID)
		}
		if inside && j.unbanID(ctx, t.ID) {
			n++
		}
	}
	return n
}

// unbanID forgets an ID and lifts its ban if there is one.
func (j *Jail) unbanID(ctx context.Context, id ipaddr.Addr) bool {
	j.acting.Lock()
	defer j.acting.Unlock()
	j.forget(ctx, []ipaddr.Addr{id})
	t, ok := j.bans.take(id)
	if ok {
		j.lift(ctx, t, j.effective().actions, wordUnban)
	}
	return ok
}

// forget deletes bans from the store, all where ids is nil.
func (j *Jail) forget(ctx context.Context, ids []ipaddr.Addr) {
	if j.env.Store == nil {
		return
	}
	j.record(ctx, func(ctx context.Context) error { return j.env.Store.DelBans(ctx, j.name, ids) })
	j.histories.forgetAll()
}

// UnbanAll lifts and forgets all bans and returns how many there were (3.4.4).
func (j *Jail) UnbanAll(ctx context.Context) int {
	j.acting.Lock()
	defer j.acting.Unlock()
	return j.flush(context.WithoutCancel(ctx), true, wordUnban)
}

// flush empties the ban list: actions that can do so at once first, the others
// ban by ban (3.4.5).
func (j *Jail) flush(ctx context.Context, forget bool, word string) int {
	tickets := j.bans.flush()
	single := j.flushActions(ctx, j.effective().actions)
	if forget {
		j.forget(ctx, nil)
	}
	for _, t := range tickets {
		j.lift(ctx, t, single, word)
	}
	return len(tickets)
}

// flushActions has actions lift all their bans at once and returns those that
// are left to do it singly.
func (j *Jail) flushActions(ctx context.Context, actions []Action) (single []Action) {
	for _, a := range actions {
		if !a.Flushes() {
			single = append(single, a)
			continue
		}
		j.logs.actions.Log(ctx, logfmt.LevelNotice, j.say("Flush ticket(s) with "+a.Name()))
		handled, err := a.Flush(ctx)
		switch {
		case err != nil:
			j.logs.actions.Error("Failed to flush bans in jail '" + j.name + "' action '" + a.Name() + "': " + err.Error())
			j.logs.actions.Info("No flush occurred, do consistency check")
			if c, ok := a.(Checker); ok && !c.Checks() {
				single = append(single, a)
				continue
			}
			if err := a.Check(ctx, true); err != nil {
				j.logs.actions.Error(j.say("action " + pytext.Repr(a.Name()) + ": " + err.Error()))
			}
		case !handled:
			single = append(single, a)
		}
	}
	return single
}

package jail

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/source"
)

// How long a change may wait for its commit. Whatever is committed is a whole
// state between two lines, so a kill before the commit only means that lines
// are judged again; what waits for a commit are a ticket's actions.
const (
	keepAtOnce = 0
	// keepCounts is for new counts, and keepRest times what the last commit took
	// where that is more: in a flood of addresses most of the time is for judging.
	// keepDone is for actions that have run.
	keepCounts = 250 * time.Millisecond
	keepRest   = 4
	keepDone   = time.Second
	// keepPlaces is for places alone (3.9.11), and for a try after an error.
	keepPlaces = 10 * time.Second
	// tellTrouble is the least time between two lines about a store that fails.
	tellTrouble = time.Minute
)

// toldAt is when trouble with the store was told last.
type toldAt struct{ time.Time }

// due says whether it is to be told again, and takes it for told then.
func (t *toldAt) due() bool {
	now := time.Now()
	if now.Sub(t.Time) < tellTrouble {
		return false
	}
	t.Time = now
	return true
}

// keeper brings what a jail remembers to its store.
type keeper struct {
	off  bool // there is no store
	wake chan struct{}

	committing sync.Mutex   // one commit after the other
	told       toldAt       // of trouble; guarded by committing
	took       atomic.Int64 // how long the last commit took, in nanoseconds

	places  map[string][]source.Position // guarded by Jail.matching, as the next
	journal *source.JournalPlace

	mu          sync.Mutex
	due         time.Time   // of the next commit; zero when there is nothing to commit
	last        int64       // number of the newest ticket
	tickets     []*Ticket   // not committed yet
	done        []int64     // numbers of tickets whose actions have run
	lost        []LogPlaces // of a commit that failed, likewise the next
	lostJournal *source.JournalPlace
	whole       bool // tell all again
	fresh       func() bool
}

func (k *keeper) init(j *Jail) {
	k.off = j.env.Store == nil
	k.wake = make(chan struct{}, 1)
	k.places = map[string][]source.Position{}
	k.fresh = j.counter.fresh
	// No number of an earlier run comes again.
	k.last = j.env.Clock().UnixNano()
	if !k.off {
		j.counter.keep()
		j.queue.hold = true
	}
}

// number returns the number for a new ticket.
func (k *keeper) number() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	return k.last
}

// add takes a copy of a new ticket to commit.
func (k *keeper) add(t *Ticket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tickets = append(k.tickets, t)
}

// finished notes that the actions of a ticket have run.
func (k *keeper) finished(number int64) {
	if number == 0 || k.off {
		return
	}
	k.mu.Lock()
	k.done = append(k.done, number)
	k.mu.Unlock()
	k.want(keepDone)
}

// reached notes how far a log was judged. The caller holds Jail.matching.
func (k *keeper) reached(path string, places []source.Position) {
	if !k.off && len(places) > 0 {
		k.places[path] = places
	}
}

// judged is called after a batch of a log, and has it committed in time. The
// caller holds Jail.matching.
func (k *keeper) judged(path string, places []source.Position) {
	if k.off {
		return
	}
	k.reached(path, places)
	k.soon()
}

// judgedJournal is judged for entries of the journal.
func (k *keeper) judgedJournal(place source.JournalPlace) {
	if k.off {
		return
	}
	k.journal = &place
	k.soon()
}

// soon has what was judged committed in time.
func (k *keeper) soon() {
	k.mu.Lock()
	tickets := len(k.tickets)
	k.mu.Unlock()
	switch {
	case tickets > 0:
		k.want(keepAtOnce)
	case k.fresh():
		k.want(min(max(keepCounts, keepRest*time.Duration(k.took.Load())), keepPlaces))
	default:
		k.want(keepPlaces)
	}
}

// want asks for a commit within some time. Times are whole multiples of that,
// so that jails commit together.
func (k *keeper) want(within time.Duration) {
	now := time.Now()
	at := now
	if within > 0 {
		at = now.Truncate(within).Add(within)
	}
	k.mu.Lock()
	sooner := k.due.IsZero() || at.Before(k.due)
	if sooner {
		k.due = at
	}
	k.mu.Unlock()
	if sooner {
		k.poke()
	}
}

func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// wait returns how long nothing has to be committed. A clock that was set back
// lengthens no wait.
func (k *keeper) wait() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.due.IsZero() {
		return keepPlaces
	}
	return min(keepPlaces, time.Until(k.due))
}

// startKeeping commits in a goroutine of its own until stop is called.
func (j *Jail) startKeeping(ctx context.Context) (stop func()) {
	if j.keeper.off {
		return func() {}
	}
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		timer := time.NewTimer(keepPlaces)
		defer timer.Stop()
		for {
			timer.Reset(j.keeper.wait())
			select {
			case <-ended:
				return
			case <-j.keeper.wake:
				continue
			case <-timer.C:
				j.keepNow(ctx)
			}
		}
	}()
	return func() { close(ended); <-over }
}

// keepNow commits what there is and lets the actions of committed tickets run.
// Where the store fails they run as well: a ban is worth more than its record.
func (j *Jail) keepNow(ctx context.Context) {
	k := &j.keeper
	if k.off {
		return
	}
	k.committing.Lock()
	defer k.committing.Unlock()
	c, serial := j.change()
	works := c.empty() || j.commit(ctx, c)
	j.queue.release(serial)
	if works {
		j.recordOwed(ctx)
	}
}

// commit brings a change to the store and says whether that took it. The caller
// holds committing.
func (j *Jail) commit(ctx context.Context, c *Change) bool {
	k := &j.keeper
	began := time.Now()
	defer func() { k.took.Store(int64(time.Since(began))) }()
	err := j.env.Store.Commit(ctx, c)
	if err == nil {
		return true
	}
	k.failed(c)
	if k.told.due() {
		j.logs.jail.Error(j.say("what the jail remembers would be lost by a restart: " + err.Error()))
	}
	return false
}

// change takes what is to be committed: all of one moment between two lines.
// The serial is that of the newest ticket in it.
func (j *Jail) change() (c *Change, serial uint64) {
	j.matching.Lock()
	defer j.matching.Unlock()
	k := &j.keeper
	c = &Change{Jail: j.name}
	var dropped []int64
	serial, dropped = j.queue.newest()
	k.mu.Lock()
	c.Tickets, c.Done, c.Whole = k.tickets, slices.Concat(k.done, dropped), k.whole
	for _, l := range k.lost {
		if k.places[l.Path] == nil {
			k.places[l.Path] = l.Places
		}
	}
	if k.journal == nil {
		k.journal = k.lostJournal
	}
	k.tickets, k.done, k.lost, k.lostJournal, k.whole, k.due = nil, nil, nil, nil, false, time.Time{}
	k.mu.Unlock()
	c.Counted, c.Forgotten, c.Whole = j.counter.changes(c.Whole)
	c.Filter = j.effective().filter.Changes(c.Whole)
	for path, places := range k.places {
		c.Places = append(c.Places, LogPlaces{Path: path, Places: places})
	}
	clear(k.places)
	c.Journal, k.journal = k.journal, nil
	return c, serial
}

// empty says whether there is nothing to commit. What the filter knows besides
// sessions goes along with the places of its lines.
func (c *Change) empty() bool {
	return !c.Whole && c.Journal == nil && len(c.Places)+len(c.Counted)+len(c.Forgotten)+len(c.Tickets)+len(c.Done) == 0 &&
		len(c.Filter.Sessions)+len(c.Filter.Closed) == 0
}

// failed takes a change back that could not be committed: the next one tells
// everything.
func (k *keeper) failed(c *Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.whole = true
	k.tickets = newest(append(c.Tickets, k.tickets...))
	k.done = newest(append(c.Done, k.done...))
	k.lost, k.lostJournal = c.Places, c.Journal
	k.due = time.Now().Add(keepPlaces)
}

// tellAll makes the next commit tell everything.
func (k *keeper) tellAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.whole = true
}

// newest bounds what waits for a store that fails.
func newest[T any](list []T) []T {
	return slices.Clone(list[max(0, len(list)-2*maxPending):])
}

// recall goes on from what the store knows: counts, sessions, bans in force
// (3.7) and tickets whose actions have not run.
func (j *Jail) recall(ctx context.Context) {
	if j.keeper.off {
		return
	}
	m, err := j.env.Store.Recall(ctx, j.name)
	if err != nil {
		j.logs.jail.Error("Restore bans failed: " + err.Error())
		m = &Memory{}
		j.keeper.tellAll()
	}
	j.matching.Lock()
	defer j.matching.Unlock()
	s := j.effective()
	j.counter.recall(m.Counted)
	s.filter.Recall(m.Filter)
	j.restore(ctx, s, m.Begun)
	at := j.env.Clock()
	for _, t := range m.Tickets {
		t.owed = true
		if s.ignore.ignored(ctx, t, at) || !j.queue.put(t) {
			j.keeper.finished(t.Number)
		}
	}
	serial, _ := j.queue.newest()
	j.queue.release(serial)
}

// restore queues the bans that the store still holds (3.7). begun are those
// whose actions may not have heard of them.
func (j *Jail) restore(ctx context.Context, s *settings, begun map[ipaddr.Addr]int64) {
	q := Query{Jail: j.name, Now: j.now(), MaxBanTime: s.increment.limit(s.banTime), MaxMatches: s.maxMatches}
	if !s.increment.enabled() {
		q.ForBanTime, q.HasForBanTime = s.banTime, true
	}
	tickets, err := j.env.Store.Current(ctx, q)
	if err != nil {
		j.logs.jail.Error("Restore bans failed: " + err.Error())
		return
	}
	at := j.env.Clock()
	for _, t := range tickets {
		if s.ignore.ignored(ctx, t, at) || t.End(s.banTime) <= j.now() {
			continue
		}
		t.Restored = true
		t.Number = begun[t.ID]
		t.owed = t.Number != 0
		delete(begun, t.ID)
		j.queue.put(t)
	}
	for _, number := range begun {
		j.keeper.finished(number)
	}
}

package jail

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"

	"f2b-go/internal/ipaddr"
)

// banList holds the tickets in force (3.3, 3.4). Tickets with a ban time of
// their own and those that follow the jail's stand in two heaps, so that a new
// ban time of the jail moves all ends at once and costs nothing.
type banList struct {
	mu      sync.Mutex
	banTime Seconds
	byID    map[ipaddr.Addr]*banned
	own     banHeap // by end
	jails   banHeap // by start: all last equally long
	over    banHeap // have ended, as of a time, in order of the bans
	asOf    float64
	// alarm is when bans are looked through next. It is lowered by a new ban
	// and raised when it fires, never by a new ban time (3.4.1).
	alarm float64
	total int
	seq   uint64
}

type banned struct {
	ticket *Ticket
	key    float64
	seq    uint64
	at     int // place in its heap
	over   bool
}

func newBanList() *banList {
	return &banList{banTime: Int(defaultBanTime), byID: map[ipaddr.Addr]*banned{}, alarm: maxTime}
}

// verdict is what became of a ticket that asked for a ban.
type verdict int

const (
	banNew     verdict = iota // now in the list
	banExpired                // its time was over already (3.3.2)
	banKnown                  // another ticket of the ID is in the list (3.3.5)
)

// known is what stood in the list when a ticket came.
type known struct {
	ticket *Ticket // a copy
	end    float64 // before the ticket came
	longer bool    // the ticket moved the end
}

// add puts a ticket into the list, or lengthens the ban that stands there.
func (l *banList) add(t *Ticket, now float64) (verdict, known) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, k := l.ask(t, now); v != banNew {
		return v, k
	}
	l.seq++
	b := &banned{ticket: t, seq: l.seq}
	l.byID[t.ID] = b
	l.push(b)
	l.total++
	t.BanCount++
	l.alarm = min(l.alarm, t.End(l.banTime))
	return banNew, known{}
}

// again is add for a ticket that is to be told from a new ban: banNew means
// that it is none of the list's yet, and nothing has changed.
func (l *banList) again(t *Ticket, now float64) (verdict, known) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ask(t, now)
}

func (l *banList) ask(t *Ticket, now float64) (verdict, known) {
	end := t.End(l.banTime)
	if end < now {
		return banExpired, known{}
	}
	b, ok := l.byID[t.ID]
	if !ok {
		return banNew, known{}
	}
	k := known{end: b.ticket.End(l.banTime)}
	k.longer = l.lengthen(b, t, end)
	k.ticket = b.ticket.copyOf()
	return banKnown, k
}

// lengthen gives a ban the later end of a newer ticket.
func (l *banList) lengthen(b *banned, t *Ticket, end float64) bool {
	if end <= b.ticket.End(l.banTime) {
		return false
	}
	bt := t.EffectiveBanTime(l.banTime)
	if bt.Value != Permanent {
		if later := t.Time - b.ticket.Time; later > 0 {
			bt.Value += later
			bt.Float = bt.Float || !t.TimeInt || !b.ticket.TimeInt
		}
	}
	l.setOwn(b, bt)
	return true
}

// setBanTimeOf gives the ticket of an ID a ban time of its own. A shorter one
// does not bring the alarm forward, as in fail2ban (3.4.1).
func (l *banList) setBanTimeOf(id ipaddr.Addr, bt Seconds) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.byID[id]; ok {
		l.setOwn(b, bt)
	}
}

func (l *banList) setOwn(b *banned, bt Seconds) {
	heap.Remove(l.heapOf(b), b.at)
	b.over = false
	b.ticket.SetBanTime(bt)
	l.push(b)
}

func (l *banList) heapOf(b *banned) *banHeap {
	if b.over {
		return &l.over
	}
	if b.ticket.HasBanTime {
		return &l.own
	}
	return &l.jails
}

func (l *banList) push(b *banned) {
	b.key = b.ticket.Time
	if b.ticket.HasBanTime {
		b.key = b.ticket.End(l.banTime)
	}
	heap.Push(l.heapOf(b), b)
}

// get returns a copy of the ticket of an ID.
func (l *banList) get(id ipaddr.Addr) (*Ticket, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.byID[id]
	if !ok {
		return nil, false
	}
	return b.ticket.copyOf(), true
}

// update changes what is known of a ticket in the list, but for its times.
func (l *banList) update(id ipaddr.Addr, change func(*Ticket)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.byID[id]; ok {
		change(b.ticket)
	}
}

// take removes and returns the ticket of an ID.
func (l *banList) take(id ipaddr.Addr) (*Ticket, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.byID[id]
	if !ok {
		return nil, false
	}
	l.remove(b)
	return b.ticket, true
}

func (l *banList) remove(b *banned) {
	heap.Remove(l.heapOf(b), b.at)
	delete(l.byID, b.ticket.ID)
}

// due removes and returns tickets that are over, at most limit, in order of the
// bans; none before the alarm. A ban is over after its end, not at it (3.4.2).
func (l *banList) due(now float64, limit int) []*Ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alarm > now {
		return nil
	}
	l.ripen(now)
	var over []*Ticket
	for len(l.over) > 0 {
		if len(over) == limit {
			return over
		}
		b := l.over[0]
		l.remove(b)
		over = append(over, b.ticket)
	}
	l.alarm = maxTime
	if b := l.soonest(); b != nil {
		l.alarm = b.ticket.End(l.banTime)
	}
	return over
}

// ripen puts bans that are over aside. Those that were so at a later time, since
// the clock was set, go back.
func (l *banList) ripen(now float64) {
	if now < l.asOf {
		l.unripe()
	}
	l.asOf = now
	for b := l.soonest(); b != nil && b.ticket.End(l.banTime) < now; b = l.soonest() {
		heap.Remove(l.heapOf(b), b.at)
		b.over, b.key = true, 0
		heap.Push(&l.over, b)
	}
}

// unripe has bans that are over looked at again.
func (l *banList) unripe() {
	for _, b := range l.over {
		b.over = false
		l.push(b)
	}
	l.over = nil
}

// soonest returns the ticket that ends first, nil when there is none.
func (l *banList) soonest() *banned {
	switch {
	case len(l.own) == 0 && len(l.jails) == 0:
		return nil
	case len(l.own) == 0:
		return l.jails[0]
	case len(l.jails) == 0:
		return l.own[0]
	}
	a, b := l.own[0], l.jails[0]
	ea, eb := a.ticket.End(l.banTime), b.ticket.End(l.banTime)
	if ea < eb || ea == eb && a.seq < b.seq {
		return a
	}
	return b
}

// nextAlarm returns when due has work, maxTime for never.
func (l *banList) nextAlarm() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alarm
}

// flush empties the list and returns what was in it, in order of the bans.
func (l *banList) flush() []*Ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.inOrder()
	clear(l.byID)
	l.own, l.jails, l.over = nil, nil, nil
	return list
}

// tickets returns copies of all tickets in order of the bans.
func (l *banList) tickets() []*Ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.inOrder()
	for i, t := range list {
		list[i] = t.copyOf()
	}
	return list
}

func (l *banList) inOrder() []*Ticket {
	all := make([]*banned, 0, len(l.byID))
	for _, b := range l.byID {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *banned) int { return cmp.Compare(a.seq, b.seq) })
	list := make([]*Ticket, len(all))
	for i, b := range all {
		list[i] = b.ticket
	}
	return list
}

// byEnd returns copies of all tickets in order of their ends, and the ends.
func (l *banList) byEnd() ([]*Ticket, []float64) {
	banTime := l.jailBanTime()
	list := l.tickets()
	slices.SortStableFunc(list, func(a, b *Ticket) int { return cmp.Compare(a.End(banTime), b.End(banTime)) })
	ends := make([]float64, len(list))
	for i, t := range list {
		ends[i] = t.End(banTime)
	}
	return list, ends
}

func (l *banList) jailBanTime() Seconds {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.banTime
}

func (l *banList) setJailBanTime(s Seconds) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unripe()
	l.banTime = s
}

// counts returns the bans in force and those since the start.
func (l *banList) counts() (now, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byID), l.total
}

// banHeap is a container/heap of bans by key, then by age.
type banHeap []*banned

func (h banHeap) Len() int { return len(h) }
func (h banHeap) Less(i, j int) bool {
	if h[i].key != h[j].key {
		return h[i].key < h[j].key
	}
	return h[i].seq < h[j].seq
}
func (h banHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is for container/heap.
func (h *banHeap) Push(x any) {
	b := x.(*banned)
	b.at = len(*h)
	*h = append(*h, b)
}

// Pop is for container/heap.
func (h *banHeap) Pop() any {
	old := *h
	b := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return b
}

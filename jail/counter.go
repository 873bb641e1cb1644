package jail

import (
	"container/list"
	"fmt"
	"strings"
	"sync"

	"f2b-go/internal/ipaddr"
)

const (
	// maxFailIDs bounds the IDs that a jail counts at once.
	maxFailIDs = 100_000
	// maxFailBytes bounds what their tickets keep, in bytes of lines and fields
	// and ticketCost for each; beyond it the IDs not seen for longest go first.
	maxFailBytes = 64 << 20
	ticketCost   = 400
	// cleanEvery is the least time between two clean-ups, in seconds (3.2.6);
	// cleanLate is the most, after which a failure does not find old ones.
	cleanEvery = 5
	cleanLate  = 20
)

// Defaults of a jail that no command has set up.
const (
	defaultMaxRetry   = 3
	defaultMaxMatches = 5
	defaultFindTime   = 600
	defaultBanTime    = 600
)

// counter holds the IDs that have failed but aren't banned yet (3.2).
type counter struct {
	mu         sync.Mutex
	maxRetry   int
	maxMatches int
	findTime   Seconds

	byID      map[ipaddr.Addr]*list.Element // of *counted
	recent    *list.List                    // oldest use first
	bytes     int
	total     int
	evicted   int
	nextClean float64
	maxIDs    int
	maxBytes  int
	news      countNews
}

type counted struct {
	ticket *Ticket
	cost   int  // what the ticket keeps, in bytes, near enough for a bound
	fields int  // of which all but the matches
	fresh  bool // in countNews.changed
	told   bool // a store may know of it
	gone   bool
}

func newCounter() *counter {
	return &counter{
		maxRetry: defaultMaxRetry, maxMatches: defaultMaxMatches, findTime: Int(defaultFindTime),
		byID: map[ipaddr.Addr]*list.Element{}, recent: list.New(),
		maxIDs: maxFailIDs, maxBytes: maxFailBytes,
	}
}

// add counts a failure and returns the attempts of its ID; count is its weight.
// An observed failure was counted before and only adds weight, so it can't
// bring an ID back that has left the list (3.6.8). The counter owns t
// afterwards when it is the first of its ID.
func (c *counter) add(t *Ticket, count int, observed bool) (attempts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, known := c.byID[t.ID]
	switch {
	case known:
		c.extend(el.Value.(*counted).ticket, t, count)
		c.recent.MoveToBack(el)
	case observed:
		return t.Attempts
	default:
		c.first(t, count)
		el = c.recent.PushBack(&counted{ticket: t})
		c.byID[t.ID] = el
	}
	c.weigh(el.Value.(*counted))
	c.news.note(el.Value.(*counted))
	c.total++
	c.evict(el)
	return el.Value.(*counted).ticket.Attempts
}

// maxSummary bounds how many IDs a summary names.
const maxSummary = 1000

// summary is fail2ban's debug line of what is counted.
func (c *counter) summary() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for el := c.recent.Front(); el != nil && len(ids) < maxSummary; el = el.Next() {
		t := el.Value.(*counted).ticket
		ids = append(ids, t.ID.String()+":"+itoa(t.Attempts))
	}
	return fmt.Sprintf("Total # of detected failures: %d. Current failures from %d IPs (IP:count): %s", c.total, len(c.byID), strings.Join(ids, ", "))
}

func (c *counter) first(t *Ticket, count int) {
	t.fill()
	t.counted = true
	t.First = t.Time
	t.Attempts = t.Failures
	if count > t.Failures {
		t.Attempts = count
		if t.Failures == 0 {
			t.Failures = 1
		}
	}
}

// extend adds the failure t to the ticket of its ID.
func (c *counter) extend(old, t *Ticket, count int) {
	failures := 1
	var matches []Match
	if old != t {
		failures = max(t.Failures, 1)
		matches = t.Matches
	}
	c.adjust(old, t)
	old.Attempts += count
	old.Failures += failures
	if c.maxMatches <= 0 {
		old.Matches, old.NoMatches = nil, true
	} else {
		old.Matches = appendMatches(old.Matches, matches, c.maxMatches)
	}
}

// adjust moves the ticket to the time of the newer failure; attempts that lie
// further back than the find time shrink to their rate (3.2.2).
func (c *counter) adjust(old, t *Ticket) {
	if t.Time <= old.Time {
		return
	}
	if begin := t.Time - c.findTime.Value; old.First < begin {
		old.Attempts = roundEven(float64(old.Attempts) / (t.Time - old.First) * c.findTime.Value)
		old.First = begin
	}
	old.Time, old.TimeInt = t.Time, t.TimeInt
}

// appendMatches keeps the last limit matches. The first failure's keep their
// parts until lines are dropped; later ones are whole texts (3.2.4). The slice
// is changed in place: a ticket in the counter is nobody else's.
func appendMatches(list, add []Match, limit int) []Match {
	had := len(list)
	list = append(list, add...)
	whole := list[had:]
	if over := len(list) - limit; over > 0 {
		n := copy(list, list[over:])
		clear(list[n:])
		list = list[:n]
		whole = list
	}
	for i := range whole {
		whole[i].Split = false
	}
	return list
}

func (c *counter) weigh(e *counted) {
	if e.fields == 0 {
		e.fields = e.ticket.sizeOfFields()
	}
	c.bytes -= e.cost
	e.cost = e.fields + e.ticket.sizeOfMatches()
	c.bytes += e.cost
}

// evict drops the IDs not seen for longest while the bounds are broken; the one
// just counted stays.
func (c *counter) evict(keep *list.Element) {
	for len(c.byID) > c.maxIDs || c.bytes > c.maxBytes {
		oldest := c.recent.Front()
		if oldest == keep {
			return
		}
		c.remove(oldest)
		c.evicted++
	}
}

func (c *counter) remove(el *list.Element) *Ticket {
	e := el.Value.(*counted)
	c.recent.Remove(el)
	c.bytes -= e.cost
	c.news.noteGone(e)
	delete(c.byID, e.ticket.ID)
	return e.ticket
}

// take removes and returns the ticket of an ID that has reached maxretry.
func (c *counter) take(id ipaddr.Addr) (*Ticket, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byID[id]
	if !ok || el.Value.(*counted).ticket.Attempts < c.maxRetry {
		return nil, false
	}
	return c.remove(el), true
}

// put gives back a ticket that could not be banned now; its next failure tries
// again.
func (c *counter) put(t *Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.byID[t.ID]; known {
		return
	}
	el := c.recent.PushBack(&counted{ticket: t})
	c.byID[t.ID] = el
	c.weigh(el.Value.(*counted))
	c.news.note(el.Value.(*counted))
	c.evict(el)
}

// clean drops IDs whose last failure is older than the find time, at most
// every few seconds (3.2.6).
func (c *counter) clean(now float64) { c.cleanAfter(cleanEvery, now) }

// cleanAfter drops them if the last clean-up is some seconds ago.
func (c *counter) cleanAfter(age, now float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now < c.nextClean+age-cleanEvery {
		return
	}
	c.nextClean = now + cleanEvery
	for el := c.recent.Front(); el != nil; {
		next := el.Next()
		if el.Value.(*counted).ticket.Time <= now-c.findTime.Value {
			c.remove(el)
		}
		el = next
	}
}

// counts returns the IDs in the list and the failures since the start (3.2.8).
func (c *counter) counts() (now, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byID), c.total
}

// setLimits takes over settings; what has been counted stays.
func (c *counter) setLimits(maxRetry, maxMatches int, findTime Seconds) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.maxRetry, c.maxMatches, c.findTime = maxRetry, maxMatches, findTime
}

// takeEvicted returns how many IDs were dropped for want of room since the
// last call.
func (c *counter) takeEvicted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.evicted
	c.evicted = 0
	return n
}

// sizeOfMatches is what the lines of a ticket take.
func (t *Ticket) sizeOfMatches() (n int) {
	for i := range t.Matches {
		m := &t.Matches[i]
		n += len(m.Before) + len(m.Date) + len(m.After) + 56
	}
	return n
}

// sizeOfFields is what the rest of it takes, which does not change while it is
// counted.
func (t *Ticket) sizeOfFields() int {
	n := ticketCost
	for _, f := range t.Fields {
		n += 64
		if s, ok := f.Value.(string); ok {
			n += len(s)
		}
	}
	return n
}

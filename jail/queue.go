package jail

import (
	"sync"

	"f2b-go/internal/ipaddr"
)

// maxPending bounds the IDs that wait for their ban's actions.
const maxPending = 50_000

// queue holds the tickets on their way to the ban list, oldest first and one
// for each ID: what the same ID does while it waits is kept as its newest
// ticket only, so nobody fills the queue alone.
//
// With hold a ticket can be taken only after a release: once it is committed.
type queue struct {
	mu       sync.Mutex
	byID     map[ipaddr.Addr]*waiting
	order    []*waiting
	head     int
	limit    int
	refused  int
	hold     bool
	last     uint64        // serial of the newest ticket
	released uint64        // up to which serial tickets may be taken
	dropped  []int64       // numbers of tickets that a newer one has replaced
	wake     chan struct{} // holds one token when there is work
}

// waiting is a ticket and the newest one of the same ID that came after it.
type waiting struct {
	ticket, again *Ticket
	serial        uint64
}

func newQueue(limit int) *queue {
	return &queue{byID: map[ipaddr.Addr]*waiting{}, limit: limit, wake: make(chan struct{}, 1)}
}

// put adds a ticket; false means that there is no room. One of before the start
// always finds room: the store bounds these.
func (q *queue) put(t *Ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w, ok := q.byID[t.ID]; ok {
		switch {
		case w.again == nil:
			w.again = t
		case t.Time >= w.again.Time:
			q.drop(w.again)
			w.again = t
		default:
			q.drop(t)
		}
		return true
	}
	if len(q.byID) >= q.limit && !t.Restored && !t.owed {
		q.refused++
		return false
	}
	q.last++
	w := &waiting{ticket: t, serial: q.last}
	q.byID[t.ID] = w
	q.order = append(q.order, w)
	if !q.hold {
		q.released = q.last
		q.poke()
	}
	return true
}

func (q *queue) drop(t *Ticket) {
	if t.Number != 0 {
		q.dropped = append(q.dropped, t.Number)
	}
}

// newest returns the serial of the ticket that came last, and the numbers of
// those that were replaced since the last call.
func (q *queue) newest() (serial uint64, dropped []int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped, q.dropped = q.dropped, nil
	return q.last, dropped
}

// release lets tickets up to a serial be taken.
func (q *queue) release(serial uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if serial > q.released {
		q.released = serial
		q.poke()
	}
}

// poke wakes the jail's worker.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop returns the oldest ticket and what followed it, nil when none waits.
func (q *queue) pop() *waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.order) {
		q.order, q.head = q.order[:0], 0
		return nil
	}
	w := q.order[q.head]
	if w.serial > q.released {
		return nil
	}
	q.order[q.head] = nil
	q.head++
	if q.head > 1024 && q.head*2 > len(q.order) {
		q.order = append(q.order[:0], q.order[q.head:]...)
		q.head = 0
	}
	delete(q.byID, w.ticket.ID)
	return w
}

// takeRefused returns how many tickets found no room since the last call.
func (q *queue) takeRefused() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.refused
	q.refused = 0
	return n
}

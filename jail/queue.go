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
type queue struct {
	mu      sync.Mutex
	byID    map[ipaddr.Addr]*waiting
	order   []*waiting
	head    int
	limit   int
	refused int
	wake    chan struct{} // holds one token when there is work
}

// waiting is a ticket and the newest one of the same ID that came after it.
type waiting struct{ ticket, again *Ticket }

func newQueue(limit int) *queue {
	return &queue{byID: map[ipaddr.Addr]*waiting{}, limit: limit, wake: make(chan struct{}, 1)}
}

// put adds a ticket; false means that there is no room. A restored one always
// finds room: the store bounds these.
func (q *queue) put(t *Ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w, ok := q.byID[t.ID]; ok {
		if w.again == nil || t.Time >= w.again.Time {
			w.again = t
		}
		return true
	}
	if len(q.byID) >= q.limit && !t.Restored {
		q.refused++
		return false
	}
	w := &waiting{ticket: t}
	q.byID[t.ID] = w
	q.order = append(q.order, w)
	q.poke()
	return true
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

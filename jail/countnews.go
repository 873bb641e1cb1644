package jail

import (
	"slices"

	"f2b-go/internal/ipaddr"
)

// countNews is what has happened to a counter since it was last asked.
type countNews struct {
	on      bool
	all     bool // too much has happened to tell it singly
	changed []*counted
	gone    []ipaddr.Addr
}

func (n *countNews) note(e *counted) {
	if !n.on || e.fresh {
		return
	}
	if len(n.changed) >= 2*maxFailIDs {
		n.changed = slices.DeleteFunc(n.changed, func(e *counted) bool { return e.gone })
	}
	e.fresh = true
	n.changed = append(n.changed, e)
}

func (n *countNews) noteGone(e *counted) {
	e.gone = true
	if !n.on || !e.told || n.all {
		return
	}
	if len(n.gone) >= maxFailIDs {
		n.all, n.gone = true, nil
		return
	}
	n.gone = append(n.gone, e.ticket.ID)
}

// keep has the counter note what changes.
func (c *counter) keep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news.on = true
}

// fresh says whether there are changes that changes has not told.
func (c *counter) fresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.news.changed) > 0
}

// changes tells which IDs have new counts and which are counted no more since
// the last call; with all, or where whole comes back true, every ID is told.
func (c *counter) changes(all bool) (tickets []*Ticket, gone []ipaddr.Addr, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.news
	whole = all || n.all
	if whole {
		n.gone = nil
		for el := c.recent.Front(); el != nil; el = el.Next() {
			n.note(el.Value.(*counted))
		}
	}
	for _, e := range n.changed {
		e.fresh = false
		if e.gone {
			continue
		}
		e.told = true
		t := *e.ticket
		t.Matches = slices.Clone(t.Matches)
		tickets = append(tickets, &t)
	}
	gone, n.gone, n.all = n.gone, nil, false
	clear(n.changed)
	n.changed = n.changed[:0]
	return tickets, gone, whole
}

// recall takes over counts of before; an ID that is counted by now stays as it
// is. The counter owns the tickets afterwards.
func (c *counter) recall(tickets []*Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortStableFunc(tickets, func(a, b *Ticket) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return 0
	})
	for _, t := range tickets {
		if _, known := c.byID[t.ID]; known {
			continue
		}
		e := &counted{ticket: t, told: true}
		el := c.recent.PushBack(e)
		c.byID[t.ID] = el
		c.weigh(e)
		c.evict(el)
	}
	c.nextClean = 0
}

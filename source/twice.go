package source

import (
	"slices"
	"sync"
)

// A pattern may name a file twice: a link and what it leads to, or a log and what
// becomes of it at a rotation. Readers of one owner read it once: the first one
// leads, the others wait until it has left the file and then go on where it was.

// reading is a reader's place in a file for which others wait.
type reading struct {
	mu      sync.Mutex
	at      mark
	over    bool
	heir    *reading // whoever went on there
	waiting []*Subscription
}

// reach notes how far the leader is.
func (r *reading) reach(at mark) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = at
}

// end lets those who wait go on.
func (r *reading) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	waiting := r.waiting
	r.over, r.waiting = true, nil
	r.mu.Unlock()
	for _, sub := range waiting {
		sub.wake()
	}
}

func (r *reading) place() (at mark, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.over
}

// inherit returns the reading that goes on where this one ended, and whether it
// is the caller's, who came first.
func (r *reading) inherit() (heir *reading, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heir == nil {
		r.heir, first = &reading{at: r.at}, true
	}
	return r.heir, first
}

// await has sub wake up at the end.
func (r *reading) await(sub *Subscription) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.waiting = append(r.waiting, sub)
	}
	return r
}

// leader finds who reads a file under another path for the same owner, nil if
// nobody does.
func (sub *Subscription) leader(id fileID) *reading {
	if sub.opt.Owner == nil {
		return nil
	}
	for _, s := range sub.s.w.index.streams(id) {
		if s == sub.s {
			continue
		}
		if r := s.leads(sub.opt.Owner, id); r != nil {
			return r.await(sub)
		}
	}
	return nil
}

// leads is the place in a file of a reader of the stream with that owner.
func (s *stream) leads(owner any, id fileID) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub.opt.Owner != owner {
			continue
		}
		for _, c := range sub.cursors {
			switch {
			case c.file.id != id:
			case c.behind != nil:
				return c.behind
			default:
				if c.lead == nil {
					c.lead = &reading{at: c.tail}
					c.lead.at.off = c.off
				}
				return c.lead
			}
		}
	}
	return nil
}

// leaders finds for each reader of the stream who reads a file for it already.
func (s *stream) leaders(id fileID) map[*Subscription]*reading {
	s.mu.Lock()
	subs := slices.Clone(s.subs)
	s.mu.Unlock()
	found := map[*Subscription]*reading{}
	for _, sub := range subs {
		if r := sub.leader(id); r != nil {
			found[sub] = r
		}
	}
	return found
}

// waits says whether another reader has the file still; where it has left, the
// place is taken over, and told to the sink.
func (sub *Subscription) waits(c *cursor) bool {
	s := sub.s
	s.mu.Lock()
	behind, lf, final := c.behind, c.file, c.file.final
	s.mu.Unlock()
	if behind == nil {
		return false
	}
	at, over := behind.place()
	if !over {
		if final {
			sub.abandon(c)
		}
		return true
	}
	next, heir := sub.leader(lf.id), (*reading)(nil)
	if next == nil || next == behind {
		var first bool
		if heir, first = behind.inherit(); first {
			next = nil
		} else {
			next = heir.await(sub)
		}
	}
	switch {
	case next != nil && final:
		sub.abandon(c)
		return true
	case next != nil:
		s.mu.Lock()
		c.behind = next
		s.mu.Unlock()
		return true
	}
	if same, err := at.holds(lf.f); err != nil || !same {
		at = mark{}
	}
	s.mu.Lock()
	c.off, c.tail, c.scan, c.behind, c.lead = at.off, at, 0, nil, heir
	s.mu.Unlock()
	return !sub.deliver(c, &chunk{off: at.off, end: at.off, tail: at})
}

// place is where a reader is, or the one for which it waits.
func (c *cursor) place() int64 {
	if c.behind == nil {
		return c.off
	}
	at, _ := c.behind.place()
	return at.off
}

// fileIndex knows which streams have a file open.
type fileIndex struct {
	mu sync.Mutex
	at map[fileID][]*stream
}

func (x *fileIndex) streams(id fileID) []*stream {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.at[id])
}

func (x *fileIndex) add(id fileID, s *stream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.at[id], s) {
		if x.at == nil {
			x.at = map[fileID][]*stream{}
		}
		x.at[id] = append(x.at[id], s)
	}
}

func (x *fileIndex) remove(id fileID, s *stream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at[id] = slices.DeleteFunc(x.at[id], func(o *stream) bool { return o == s })
	if len(x.at[id]) == 0 {
		delete(x.at, id)
	}
}

// abandon leaves a file that was rotated away here to the reader that has it.
func (sub *Subscription) abandon(c *cursor) {
	sub.s.mu.Lock()
	sub.drop(c)
	sub.s.mu.Unlock()
	sub.s.w.poke(sub.s)
}

package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"f2b-go/internal/pytext"
)

// join gives a new reader its places and counts it among the readers.
func (s *stream) join(opt AddOptions, sink Sink) (*Subscription, error) {
	s.lookMu.Lock()
	defer s.lookMu.Unlock()
	if err := s.ready(opt.Wait); err != nil {
		return nil, err
	}
	sub := &Subscription{s: s, sink: sink, opt: opt}
	sub.cond = sync.NewCond(&sub.mu)
	sub.ctx, sub.cancel = context.WithCancel(s.w.ctx)
	places, at := s.places(opt)
	for _, c := range places {
		c.behind = sub.leader(c.file.id)
	}
	s.mu.Lock()
	sub.cursors = places
	s.subs = append(s.subs, sub)
	s.mu.Unlock()
	s.w.log.Info(fmt.Sprintf("Added logfile: %s (pos = %d, hash = %s)", pytext.Repr(s.path), at.Offset, at.Hash))
	return sub, nil
}

// ready makes sure that the current file is open and what it says is fresh.
func (s *stream) ready(wait bool) error {
	f, _, err := openRegular(s.abs, s.w.opt.StrictLinks)
	switch {
	case err == nil:
		f.Close()
		if s.lookAtPath(s.w.now()) {
			s.wakeAll()
		}
		return nil
	case !wait, errors.Is(err, ErrNotRegular), errors.Is(err, ErrForeignLink):
		return err
	}
	s.missing(err, s.w.now())
	return nil
}

// places finds where a reader begins, and what to tell about it: the place in
// the current file.
func (s *stream) places(opt AddOptions) (list []*cursor, at Position) {
	cur := s.currentFile()
	stored := append(slices.Clone(opt.Positions), Position{Offset: opt.Position, Hash: opt.Hash})
	all := len(stored)
	if cur == nil {
		return s.oldPlaces(stored), at
	}
	at.Hash = s.hashOf(cur)
	if opt.Tail {
		at.Offset = cur.size
		if opt.TailSince != nil {
			if then := toStat(opt.TailSince); then.id == cur.id {
				at.Offset = min(then.size, cur.size)
			}
		}
		return []*cursor{newCursor(cur, at.Offset)}, at
	}
	stored = slices.DeleteFunc(stored, func(p Position) bool {
		if p.Hash != at.Hash || p.Offset > cur.size {
			return false
		}
		at.Offset = max(at.Offset, p.Offset)
		return true
	})
	list = s.oldPlaces(stored)
	if n, m := len(list), len(stored); m == all && n > 0 && list[n-1].file.hash == stored[m-1].Hash {
		// The newest place is in a file that was rotated away.
		list = append(list, s.between(list, cur)...)
	}
	return append(list, newCursor(cur, at.Offset)), at
}

// oldPlaces finds the rotated files that stored places are in.
func (s *stream) oldPlaces(stored []Position) (list []*cursor) {
	at := 0
	for _, p := range stored {
		if p.Hash == "" {
			continue
		}
		lf := s.rotated(p, at)
		at = s.after(lf, at)
		if lf != nil && !slices.ContainsFunc(list, func(c *cursor) bool { return c.file == lf }) {
			list = append(list, newCursor(lf, p.Offset))
		}
	}
	return list
}

// newCursor makes a place; the file proves from now on that it is the same one
// by the bytes before it.
func newCursor(lf *logFile, off int64) *cursor {
	tail, err := markAt(lf.f, off)
	if err != nil {
		tail = mark{off: off}
	}
	return &cursor{file: lf, off: off, tail: tail}
}

// leave takes a reader off the stream; its place can still be asked for.
func (s *stream) leave(sub *Subscription) {
	places := sub.Positions()
	s.mu.Lock()
	sub.last = places
	for _, c := range sub.cursors {
		c.lead.end()
	}
	sub.cursors = nil
	s.subs = slices.DeleteFunc(s.subs, func(o *Subscription) bool { return o == sub })
	s.mu.Unlock()
	s.w.unuse(s)
}

package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"f2b-go/internal/pytext"
)

// Sink takes lines. Calls of one subscription never overlap; several
// subscriptions call at once. A call may block: it holds up its own
// subscription and no other. ctx ends when the subscription is closed or the
// watcher ends. An error ends the subscription at the place before the batch.
type Sink interface {
	Lines(ctx context.Context, b Batch) error
}

// Batch is a piece of a log.
type Batch struct {
	Path string // as it was given to Add
	// Data are whole lines, each ended by a newline (AddOptions.LineEnd). It is
	// shared with other readers: it must not be changed, nor kept after Lines.
	Data []byte
	// End is the position after Data in the file that begins with the line whose
	// SHA-1 is Hash: what to store for resuming. Hash is "" where the first line
	// is longer than MaxLine.
	End  int64
	Hash string
	// AtEnd says that there was nothing more in the file when it was read.
	AtEnd bool
	// Old says that the lines come from a file that has been rotated away.
	Old bool
	// Places are all places that a restart needs once Data has been dealt with,
	// as Subscription.Positions tells them later.
	Places []Position
}

// Position is a place in a file: an offset in bytes and the SHA-1 of the file's
// first line, in hex.
type Position struct {
	Offset int64
	Hash   string
}

// cursor is a reader's place in one file.
type cursor struct {
	file *logFile
	off  int64
	tail mark  // what stood before off when it was read
	scan int64 // no line ends between off and here

	lead   *reading // others wait for this place
	behind *reading // this one waits
}

// Subscription is one reader of a path.
type Subscription struct {
	s      *stream
	sink   Sink
	opt    AddOptions
	ctx    context.Context
	cancel context.CancelFunc

	cursors []*cursor  // under stream.mu, in the order of stream.files
	last    []Position // under stream.mu: where it was when it was closed

	mu      sync.Mutex
	cond    *sync.Cond
	running bool
	again   bool
	ended   bool
	err     error
	sought  bool // only the running pump uses it
}

// wake makes the subscription read what there is.
func (sub *Subscription) wake() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	switch {
	case sub.ended:
	case sub.running:
		sub.again = true
	case sub.s.w.begin():
		sub.running, sub.again = true, true
		go sub.pump()
	}
}

// pump delivers until nothing is left, then ends.
func (sub *Subscription) pump() {
	defer sub.s.w.wg.Done()
	for sub.proceed() {
		for sub.step() {
			// A reader with a backlog lets those go first who have a fresh line.
			runtime.Gosched()
		}
	}
}

// proceed says whether there may be more to do; if not the pump is over.
func (sub *Subscription) proceed() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended || sub.ctx.Err() != nil || !sub.again {
		sub.running = false
		sub.cond.Broadcast()
		return false
	}
	sub.again = false
	return true
}

// step goes through the files from the oldest to the current one. A file is
// left for the next when its end has been reached. It says whether a file had
// more than one chunk.
func (sub *Subscription) step() (more bool) {
	sub.s.mu.Lock()
	list := slices.Clone(sub.cursors)
	sub.s.mu.Unlock()
	ws := workspace{from: &sub.s.w.buffers}
	defer ws.free()
	for _, c := range list {
		if sub.ctx.Err() != nil {
			return false
		}
		if sub.waits(c) {
			continue
		}
		got, from, err := sub.fetch(c, &ws)
		switch {
		case errors.Is(err, errStale):
			return sub.resolve(c, from)
		case err != nil:
			sub.s.unreadable(err)
			return false
		case got == nil:
			continue
		case len(got.data) > 0 && !sub.deliver(c, got):
			return false
		}
		if sub.advance(c, got) {
			return true
		}
	}
	return false
}

// fetch reads the next chunk of a file, nil if the file has been taken away, and
// tells what it read from. The chunk may be part of the workspace.
func (sub *Subscription) fetch(c *cursor, ws *workspace) (*chunk, *os.File, error) {
	s, w := sub.s, sub.s.w
	if !sub.sought {
		sub.sought = true
		sub.seek(ws)
	}
	s.mu.Lock()
	r := request{f: c.file.f, off: c.off, tail: c.tail, proof: c.file.mark, scan: c.scan,
		final: c.file.final, term: sub.opt.lineEnd(), max: w.room()}
	gone := sub.cursorIn(c.file) != c
	shared := len(s.subs) > 1
	left := c.file.size - c.off
	s.mu.Unlock()
	if gone {
		return nil, nil, nil
	}
	r.ws, r.buf, r.lend = ws, ws.fit(left), !shared
	r.max = min(r.max, len(r.buf)-markSize)
	got, err := c.file.take(r, shared)
	return got, r.f, err
}

// deliver hands a chunk to the sink; false ends the subscription.
func (sub *Subscription) deliver(c *cursor, got *chunk) bool {
	s, w := sub.s, sub.s.w
	if !got.exact && len(got.data) > MaxLine {
		s.reportLong()
	}
	hash := s.hashOf(c.file)
	s.mu.Lock()
	old := c.file.old
	places := sub.placesAfter(c, got.end)
	s.mu.Unlock()
	w.held.Add(int64(len(got.data)))
	err := sub.sink.Lines(sub.ctx, Batch{Path: s.path, Data: got.data, End: got.end, Hash: hash, AtEnd: got.atEnd, Old: old, Places: places})
	w.held.Add(-int64(len(got.data)))
	if err != nil {
		sub.mu.Lock()
		sub.ended, sub.err = true, err
		sub.mu.Unlock()
		return false
	}
	return true
}

// advance moves the cursor past a chunk and drops it at the end of a file that
// is over. It says whether the file has more: a chunk that another reader read
// a while ago may have ended where the file ended then.
func (sub *Subscription) advance(c *cursor, got *chunk) (more bool) {
	s := sub.s
	s.mu.Lock()
	c.off, c.tail, c.scan = got.end, got.tail, got.scanned
	c.lead.reach(mark{off: got.end, bytes: got.tail.bytes})
	if got.end > c.file.end.off {
		c.file.end = got.tail
	}
	more = !got.atEnd || len(got.data) > 0 && got.end < c.file.size
	over := c.file.final && len(got.data) == 0 && got.atEnd
	if over {
		sub.drop(c)
	}
	long := got.scanned-got.off >= MaxLine
	s.mu.Unlock()
	if long {
		s.reportLong()
	}
	if over {
		s.w.poke(s)
	}
	return more
}

// drop takes the cursor away. The caller holds stream.mu.
func (sub *Subscription) drop(c *cursor) {
	c.lead.end()
	sub.cursors = slices.DeleteFunc(sub.cursors, func(o *cursor) bool { return o == c })
}

// cursorIn returns the place in a file. The caller holds stream.mu.
func (sub *Subscription) cursorIn(lf *logFile) *cursor {
	for _, c := range sub.cursors {
		if c.file == lf {
			return c
		}
	}
	return nil
}

// resolve finds out why a file does not hold what was read. Most often it was
// truncated, which a look settles. If only a part before the place was changed,
// reading goes on from the place. It says whether to try again.
func (sub *Subscription) resolve(c *cursor, from *os.File) bool {
	s := sub.s
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.cursorIn(c.file) != c || c.file.f != from {
		return true
	}
	if c.file.old {
		sub.drop(c)
		return true
	}
	place := c.off
	if c.file.size < place {
		place = c.file.mark.off
	}
	tail, err := markAt(c.file.f, place)
	if err != nil {
		return false
	}
	c.off, c.tail, c.scan = place, tail, 0
	return true
}

// Close ends the subscription and waits until the sink is no longer called. It
// must not be called by the sink.
func (sub *Subscription) Close() {
	sub.cancel()
	sub.mu.Lock()
	first := sub.err == nil || !errors.Is(sub.err, errClosed)
	sub.ended, sub.err = true, errClosed
	for sub.running {
		sub.cond.Wait()
	}
	sub.mu.Unlock()
	if !first {
		return
	}
	sub.s.leave(sub)
	sub.s.w.log.Info(fmt.Sprintf("Removed logfile: %s", pytext.Repr(sub.s.path)))
}

// errClosed marks a subscription that was closed by its owner.
var errClosed = errors.New("subscription is closed")

// Err says why the subscription has ended, nil while it goes on and after Close.
func (sub *Subscription) Err() error {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if errors.Is(sub.err, errClosed) {
		return nil
	}
	return sub.err
}

// Path returns the path as it was given to Add.
func (sub *Subscription) Path() string { return sub.s.path }

// Position returns the place to resume from: in the oldest file that is not
// read to its end, else in the current one. It works after Close as well.
func (sub *Subscription) Position() (offset int64, hash string) {
	all := sub.Positions()
	if len(all) == 0 {
		return 0, ""
	}
	return all[0].Offset, all[0].Hash
}

// Positions returns all places that a restart needs to lose nothing: those in
// rotated files that somebody may still write to, oldest first, then the one in
// the current file. AddOptions.Positions takes them back.
func (sub *Subscription) Positions() []Position {
	s := sub.s
	s.mu.Lock()
	defer s.mu.Unlock()
	all := sub.placesAfter(nil, 0)
	return append(all, sub.last...)
}

package mail

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// closeLimit is how long the last Close of a box waits for what is due.
	closeLimit = 5 * time.Second
	// moveLimit is how long a Move waits for a mail that is on its way: cut off, it
	// could come twice.
	moveLimit = 2 * time.Second
)

// Office keeps the boxes in which notices wait. Actions with the same settings
// share one, so that a digest tells of all their jails. It may be used from
// several goroutines.
type Office struct {
	opt   Options
	mu    sync.Mutex
	boxes map[string]*box
}

// NewOffice returns an Office without boxes.
func NewOffice(opt Options) *Office {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Dial == nil {
		opt.Dial = (&net.Dialer{}).DialContext
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Log = opt.Log.With("logger", "fail2ban.actions")
	return &Office{opt: opt, boxes: map[string]*box{}}
}

// Post is an action's way into a box.
type Post struct {
	office       *Office
	box          *box
	jail, action string
}

// Open gives a jail's action a way to send notices, and sends those of it that a
// spool still holds. Close ends it.
func (o *Office) Open(jail, action string, s Settings) (*Post, error) {
	return o.open(&Post{office: o, jail: jail, action: action}, s, nil)
}

// open finds or makes the box for the settings; old is the post without its
// box, or with the one that it leaves, and more are notices from there.
func (o *Office) open(old *Post, s Settings, more []*Notice) (*Post, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	b, ok := o.boxes[key]
	if !ok {
		b = newBox(key, s, o.opt)
		o.boxes[key] = b
	}
	b.users++
	b.claim(old, more)
	return &Post{office: o, box: b, jail: old.jail, action: old.action}, nil
}

// Put hands in a notice. It does not wait for anything but the spool's disk.
func (p *Post) Put(n Notice) {
	n.Jail, n.Action = p.jail, p.action
	p.box.put(&n)
}

// Close leaves the box. The last to leave waits a few seconds for mails that are
// due; what is left waits in the spool for the next start.
func (p *Post) Close() {
	if p.leave() {
		p.box.finish(closeLimit, true)
		p.box.tellLost()
	}
}

// Move leaves the box for one with other settings and takes along what waits.
// With an error the post stays as it is.
func (p *Post) Move(s Settings) (*Post, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	key, err := s.key()
	if err != nil || key == p.box.key {
		return p, err
	}
	if p.leave() {
		p.box.finish(moveLimit, false)
	}
	return p.office.open(p, s, p.box.take(p.jail, p.action))
}

// leave tells whether nobody else uses the box.
func (p *Post) leave() bool {
	p.office.mu.Lock()
	defer p.office.mu.Unlock()
	p.box.users--
	if p.box.users > 0 {
		return false
	}
	delete(p.office.boxes, p.box.key)
	return true
}

// finish ends the box's goroutine: when the mail on its way has gone, with drain
// all that is due, or when limit is over.
func (b *box) finish(limit time.Duration, drain bool) {
	b.mu.Lock()
	b.halted = !drain
	b.mu.Unlock()
	timer := time.AfterFunc(limit, b.cancel)
	defer timer.Stop()
	close(b.closing)
	<-b.done
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep()
	b.spool.close()
}

// tellLost says what is lost with the box: notices that no spool holds.
func (b *box) tellLost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := slices.DeleteFunc(slices.Clone(b.waiting), func(n *Notice) bool { return b.spool != nil && n.spooled })
	if len(lost) > 0 {
		b.opt.Log.Error(lost[0].About + ": the server stops, " + count(len(lost), "mail") + " could not be sent")
	}
}

// newBox makes a box and starts its goroutine.
func newBox(key string, s Settings, opt Options) *box {
	b := &box{key: key, settings: s, opt: opt, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	b.composer = s.composer(opt.Clock, func(err error) { opt.Log.Error(err.Error() + "; mails have the usual text") })
	if s.Spool != "" && !opt.InMemory {
		var err error
		if b.spool, err = openSpool(s.Spool); err != nil {
			opt.Log.Error(err.Error() + "; notices that wait do not survive a restart")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go b.run(ctx)
	return b
}

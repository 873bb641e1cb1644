package mail

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// never is a wait without end.
const never = time.Duration(1<<63 - 1)

// box holds the notices that wait to be sent with the same settings. One
// goroutine sends them; it lives from newBox to finish.
type box struct {
	key      string
	settings Settings
	opt      Options
	composer composer
	spool    *spool // nil: in memory only
	users    int    // guarded by the Office

	wake    chan struct{} // holds one token when there is news
	closing chan struct{} // closed when nothing more comes
	done    chan struct{} // closed when the goroutine has ended
	cancel  context.CancelFunc

	mu      sync.Mutex
	waiting []*Notice // oldest first
	sending int       // so many of them are on their way
	dropped int       // notices lost since the last mail
	halted  bool      // no more mails
	pace
	// told is true while a trouble lasts that the log knows of; full, stale and
	// unspooled likewise for a full box, notices too old and a spool that fails.
	told, full, stale, unspooled bool
}

// pace is what decides when the next mail goes.
type pace struct {
	tries   int         // failed deliveries in a row
	retryAt time.Time   // not before, after a failure
	sent    []time.Time // of the mails within the rate's time
	gather  bool        // the rate was reached: what waits goes together
}

// plan says how many of the waiting notices go into the next mail now, or else
// how long to wait. closing hurries what nobody would keep.
func (b *box) plan(now time.Time, closing bool) (n int, wait time.Duration) {
	if len(b.waiting) == 0 {
		b.gather = false
		return 0, never
	}
	if wait := b.retryAt.Sub(now); wait > 0 {
		return 0, wait
	}
	hurry := closing && b.spool == nil
	s := &b.settings
	if wait := b.waiting[0].Queued.Add(s.Digest).Sub(now); wait > 0 && !hurry {
		return 0, wait
	}
	if s.Rate.Count > 0 && !hurry {
		b.sent = slices.DeleteFunc(b.sent, func(t time.Time) bool { return !t.Add(s.Rate.Per).After(now) })
		if len(b.sent) >= s.Rate.Count {
			b.gather = true
			return 0, b.sent[0].Add(s.Rate.Per).Sub(now)
		}
	}
	if s.Stock != nil || s.Digest <= 0 && !b.gather {
		return 1, 0
	}
	return len(b.waiting), 0
}

// run sends what is due until the box closes.
func (b *box) run(ctx context.Context) {
	defer close(b.done)
	timer := time.NewTimer(never)
	defer timer.Stop()
	for ctx.Err() == nil {
		closing := isClosed(b.closing)
		list, dropped, wait := b.next(closing)
		switch {
		case len(list) > 0:
			b.send(ctx, list, dropped)
			continue
		case closing:
			return
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-b.closing:
		case <-b.wake:
		case <-timer.C:
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// next takes the notices for the next mail, which stay in the box until they
// are settled.
func (b *box) next(closing bool) (list []*Notice, dropped int, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted {
		return nil, 0, never
	}
	b.expire()
	b.sending, wait = b.plan(b.opt.Clock(), closing)
	return slices.Clone(b.waiting[:b.sending]), b.dropped, wait
}

// expire drops what has waited for too long.
func (b *box) expire() {
	oldest := b.opt.Clock().Add(-b.settings.Keep)
	n := 0
	for n < len(b.waiting) && b.waiting[n].Queued.Before(oldest) {
		b.spool.remove(b.waiting[n])
		n++
	}
	if n == 0 {
		return
	}
	if !b.stale {
		b.stale = true
		b.opt.Log.Error(b.waiting[0].About + ": " + count(n, "notice") + " given up after " + b.settings.Keep.String() +
			", and from now on all that wait for so long")
	}
	b.waiting = b.waiting[n:]
	b.dropped += n
}

// put takes a notice in.
func (b *box) put(n *Notice) {
	n.complete(b.opt.Clock())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, n)
	b.keep()
	b.bound()
	b.poke()
}

// keep writes down what waits and is not in the spool yet, as after a full disk.
func (b *box) keep() {
	for _, n := range b.waiting {
		if n.spooled {
			continue
		}
		if err := b.spool.put(n); err != nil {
			if !b.unspooled {
				b.opt.Log.Error(err.Error() + "; notices wait in memory")
			}
			b.unspooled = true
			return
		}
		n.spooled = true
	}
	if b.unspooled {
		b.opt.Log.Info("The mail spool " + b.settings.Spool + " takes notices again")
	}
	b.unspooled = false
}

// bound drops the oldest notices that have no room and are not on their way.
func (b *box) bound() {
	for len(b.waiting) > b.settings.Limit && b.sending < len(b.waiting)-1 {
		gone := b.waiting[b.sending]
		b.waiting = slices.Delete(b.waiting, b.sending, b.sending+1)
		b.spool.remove(gone)
		b.dropped++
		if !b.full {
			b.full = true
			b.opt.Log.Error(gone.About + ": " + strconv.Itoa(b.settings.Limit) + " notices wait for the mail server " +
				b.settings.Server.Address() + ", the oldest are dropped from now on")
		}
	}
}

func (b *box) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// claim takes up the notices of a jail's action: those given, and those that the
// spool holds but for what another box, if any, is sending.
func (b *box) claim(p *Post, more []*Notice) {
	list, err := b.spool.load(p.jail, p.action, b.opt.Clock())
	if err != nil {
		b.opt.Log.Error(err.Error())
	}
	if p.box != nil {
		list = slices.DeleteFunc(list, func(n *Notice) bool { return p.box.holds(n.Key) })
	}
	b.add(append(list, more...))
}

func (b *box) holds(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.waiting, func(n *Notice) bool { return n.Key == key })
}

// add takes in notices that are not in the box yet.
func (b *box) add(list []*Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range list {
		if !slices.ContainsFunc(b.waiting, func(old *Notice) bool { return old.Key == n.Key }) {
			b.waiting = append(b.waiting, n)
		}
	}
	rest := b.waiting[b.sending:]
	slices.SortStableFunc(rest, func(x, y *Notice) int { return x.Queued.Compare(y.Queued) })
	b.bound()
	b.poke()
}

// take removes the notices of a jail's action from the box but for those on
// their way, and returns them. They stay in the spool.
func (b *box) take(jail, action string) []*Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken []*Notice
	kept := b.waiting[:b.sending:b.sending]
	for _, n := range b.waiting[b.sending:] {
		if n.Jail == jail && n.Action == action {
			taken = append(taken, n)
		} else {
			kept = append(kept, n)
		}
	}
	b.waiting = kept
	return taken
}

// send makes a mail of the notices and hands it to the server.
func (b *box) send(ctx context.Context, list []*Notice, dropped int) {
	l := b.composer.compose(ctx, list, dropped)
	message, err := l.Bytes()
	var refused []Refusal
	switch {
	case err != nil:
	case b.opt.Preview != nil:
		b.opt.Preview(message)
	default:
		refused, err = b.settings.Server.send(ctx, b.opt.Dial, l.From, l.To, message)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending = 0
	switch {
	case err == nil:
		b.delivered(list, refused, dropped)
	case ctx.Err() != nil:
		// The box closes; the notices stay where they are.
	case permanent(err):
		b.tell(list, err, "the mail is given up")
		b.forget(len(list))
	default:
		wait := b.backOff()
		b.tell(list, err, fmt.Sprintf("%s, next try in %v", count(len(b.waiting), "notice")+" waiting", wait))
	}
}

// delivered settles notices whose mail was taken.
func (b *box) delivered(list []*Notice, refused []Refusal, dropped int) {
	b.sent = append(b.sent, b.opt.Clock())
	b.dropped -= dropped
	b.forget(len(list))
	if len(refused) > 0 {
		b.opt.Log.Warn("Email to '" + b.recipients() + "' failed to following recipients: " + refusals(refused))
	}
	if b.told {
		b.opt.Log.Info("The mail server " + b.settings.Server.Address() + " takes mail again")
	}
	b.told, b.full, b.stale, b.tries, b.retryAt = false, false, false, 0, time.Time{}
}

// recipients are the readers as the configuration has them.
func (b *box) recipients() string {
	if b.settings.Stock != nil {
		return b.settings.Stock.Dest
	}
	return strings.Join(mailboxes(b.settings.To), ", ")
}

// forget removes the oldest n notices.
func (b *box) forget(n int) {
	for _, gone := range b.waiting[:n] {
		b.spool.remove(gone)
	}
	b.waiting = slices.Delete(b.waiting, 0, n)
}

// backOff counts a failure and returns how long to wait after it.
func (b *box) backOff() time.Duration {
	wait := b.settings.Retry << min(b.tries, 20)
	if wait <= 0 || wait > MaxRetry {
		wait = max(MaxRetry, b.settings.Retry)
	}
	b.tries++
	b.retryAt = b.opt.Clock().Add(wait)
	return wait
}

// tell logs a failed delivery, once until one succeeds.
func (b *box) tell(list []*Notice, err error, then string) {
	text := list[0].About + ": " + pythonText(err) + " (mail server " + b.settings.Server.Address() + "; " + then + ")"
	if b.told {
		b.opt.Log.Debug(text)
		return
	}
	b.told = true
	b.opt.Log.Error(text)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

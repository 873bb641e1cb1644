package jail

import (
	"context"
	"errors"
	"slices"
	"time"

	"f2b-go/internal/pytext"
)

const (
	// bansFirst is how many bans go before bans that are over are lifted, and
	// unbansFirst how many of those go before the next bans (3.3.6).
	bansFirst   = 10
	unbansFirst = 20
	// wakeAfter is how far past a ban's end the worker wakes: a ban is over
	// after its end, not at it.
	wakeAfter = time.Millisecond
	// maxSleep bounds a wait for a point in time, since clocks are set.
	maxSleep = 30 * time.Second
)

// ErrRunning says that a jail runs already.
var ErrRunning = errors.New("jail is running")

// Run starts the jail's actions, restores bans, reads the logs and works until
// ctx ends. Then it stops reading, lifts all bans, stops the actions in reverse
// order and returns (3.4.6). A command that runs when ctx ends may finish.
func (j *Jail) Run(ctx context.Context) error {
	if !j.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer j.running.Store(false)
	lasting := context.WithoutCancel(ctx)
	// No line is judged before the jail knows what it knew when it ended.
	j.recalling.set(true)
	if j.Journal() {
		j.journal.start()
	} else {
		j.files.attach()
	}
	j.logs.jail.Info("Jail " + pytext.Repr(j.name) + " started")
	j.recall(lasting)
	j.recalling.set(false)
	j.startActions(lasting)
	stopKeeping := j.startKeeping(lasting)
	j.work(ctx)
	stopKeeping()
	j.stop(lasting)
	return nil
}

func (j *Jail) startActions(ctx context.Context) {
	j.acting.Lock()
	defer j.acting.Unlock()
	j.started = true
	for _, a := range j.effective().actions {
		j.startAction(ctx, a)
	}
}

func (j *Jail) startAction(ctx context.Context, a Action) {
	if err := a.Start(ctx); err != nil {
		j.logs.actions.Error("Failed to start jail '" + j.name + "' action '" + a.Name() + "': " + err.Error())
	}
}

// stopActions stops actions in reverse order. The caller holds acting.
func (j *Jail) stopActions(ctx context.Context, actions []Action) {
	for _, a := range slices.Backward(actions) {
		if err := a.Stop(ctx); err != nil {
			j.logs.actions.Error("Failed to stop jail '" + j.name + "' action '" + a.Name() + "': " + err.Error())
		}
	}
}

// work bans, unbans and waits until ctx ends.
func (j *Jail) work(ctx context.Context) {
	timer := time.NewTimer(maxSleep)
	defer timer.Stop()
	for ctx.Err() == nil {
		var alarm <-chan time.Time
		if !j.idle.idle() {
			j.step(ctx)
			if wait, ok := j.untilDue(); ok {
				timer.Reset(wait)
				alarm = timer.C
			}
		}
		select {
		case <-ctx.Done():
		case <-j.queue.wake:
		case <-alarm:
		}
	}
}

// step does all that is due now.
func (j *Jail) step(ctx context.Context) {
	for ctx.Err() == nil && !j.idle.idle() {
		n := 0
		for w := (*waiting)(nil); n < bansFirst && ctx.Err() == nil; n++ {
			if w = j.queue.pop(); w == nil {
				break
			}
			j.banWaiting(context.WithoutCancel(ctx), w.ticket)
			if w.again != nil {
				j.banWaiting(context.WithoutCancel(ctx), w.again)
			}
		}
		n += j.unbanDue(context.WithoutCancel(ctx), unbansFirst)
		j.payDebts(context.WithoutCancel(ctx))
		if n == 0 {
			return
		}
	}
}

// banWaiting bans a ticket of the queue; its actions have run then.
func (j *Jail) banWaiting(ctx context.Context, t *Ticket) {
	number := t.Number
	j.ban(ctx, t)
	j.keeper.finished(number)
}

// untilDue returns how long the worker may sleep; ok is false for until woken.
func (j *Jail) untilDue() (wait time.Duration, ok bool) {
	next := min(j.bans.nextAlarm(), j.later.next())
	if next >= maxTime {
		return 0, false
	}
	ahead := max(0, next-j.now())
	if ahead > maxSleep.Seconds() {
		return maxSleep, true
	}
	return time.Duration(ahead*float64(time.Second)) + wakeAfter, true
}

// stop undoes what Run did.
func (j *Jail) stop(ctx context.Context) {
	j.journal.halt()
	j.files.detach()
	j.keepNow(ctx)
	j.acting.Lock()
	defer j.acting.Unlock()
	j.flush(ctx, false, wordRepeal)
	j.stopActions(ctx, j.effective().actions)
	j.started = false
	j.logs.jail.Info("Jail " + pytext.Repr(j.name) + " stopped")
}

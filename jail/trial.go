package jail

import (
	"context"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// Outcome is what a jail would make of one failure.
type Outcome struct {
	Ignored     string  // the rule that ignores it: ip, dns, file:PATH or ignoreself rule; "" for none
	TooOld      bool    // a jail that starts now would pass over its line
	BannedSince float64 // its ID was banned then and still is, 0 if it is not
	Attempts    int     // failures of its ID that count now, this one included
	Bans        bool    // this one makes the ban
}

// Trial judges failures as a jail would, and bans nobody. It doesn't run an
// ignorecommand.
type Trial struct {
	jail   *Jail
	asOf   bool
	now    time.Time
	banned map[ipaddr.Addr]*Ticket
}

// maxTrialBans is how many bans a Trial remembers.
const maxTrialBans = 100_000

// NewTrial returns a Trial of a jail with the defaults; Set gives it settings.
// Without asOf each failure is judged as at its own time, as if its line had
// been read when it was written; with it as of env.Clock, as by a jail that
// starts then.
func NewTrial(name string, env Env, asOf bool) (*Trial, error) {
	t := &Trial{asOf: asOf, banned: map[ipaddr.Addr]*Ticket{}}
	if asOf {
		env.fill()
		t.now = env.Clock()
	}
	env.Clock = func() time.Time { return t.now }
	env.Watcher, env.Store, env.Runner = nil, nil, nil
	var err error
	t.jail, err = New(name, "auto", env)
	return t, err
}

// trialWords are the settings that decide about failures.
var trialWords = map[string]bool{
	"maxretry": true, "findtime": true, "bantime": true, "ignoreself": true, "addignoreip": true,
}

// Set does `set JAIL word args…` if the word decides about failures, else
// nothing.
func (t *Trial) Set(word string, args []any) error {
	if !trialWords[word] {
		return nil
	}
	_, err := t.jail.Set(context.Background(), word, args)
	return err
}

// MaxRetry is how many failures make a ban.
func (t *Trial) MaxRetry() int { return t.jail.effective().maxRetry }

// FindTime is within how many seconds failures count together.
func (t *Trial) FindTime() float64 { return t.jail.effective().findTime.Value }

// BanTime is how many seconds a ban lasts, negative for ever.
func (t *Trial) BanTime() float64 { return t.jail.effective().banTime.Value }

// Now is the time as of which the latest failure was judged.
func (t *Trial) Now() time.Time { return t.now }

// Judge counts a failure, which has an ID, and tells what comes of it. One
// without a time counts as of now.
func (t *Trial) Judge(ctx context.Context, f *filter.Failure) Outcome {
	tk := newTicket(f)
	switch {
	case !t.asOf && f.HasTime:
		t.now = time.UnixMicro(int64(f.Time * 1e6))
	case !t.asOf:
		t.now = time.Now()
	}
	now := unix(t.now)
	if !f.HasTime || tk.Time > now {
		tk.Time = now
	}
	s := t.jail.effective()
	var o Outcome
	if tk.Time < now-s.findTime.Value {
		o.TooOld = true
		return o
	}
	if o.Ignored, _ = s.ignore.source(ctx, tk, t.now); o.Ignored != "" {
		return o
	}
	if b := t.banned[tk.ID]; b != nil && b.End(s.banTime) > tk.Time {
		o.BannedSince = b.Time
		return o
	}
	t.jail.counter.clean(tk.Time)
	o.Attempts = t.jail.counter.add(tk, 1, false)
	if b, ok := t.jail.counter.take(f.ID); ok {
		o.Bans = true
		if len(t.banned) >= maxTrialBans {
			clear(t.banned)
		}
		t.banned[b.ID] = b
	}
	return o
}

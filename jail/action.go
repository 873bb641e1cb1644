package jail

import "context"

// Action is what a jail does to an ID besides remembering it: commands of an
// action file, a mail. A jail calls one action at a time, each method from one
// goroutine at a time, and logs the errors that it gets; an error's text is
// what fail2ban raises (`Error banning 192.0.2.1`). A method returns when what
// it started has ended or was killed at its time limit.
type Action interface {
	// Name is the action's name in the jail.
	Name() string
	// Start does what has to be done once; with start on demand nothing (3.5.1).
	Start(ctx context.Context) error
	// Stop undoes Start for all started families (3.5.1).
	Stop(ctx context.Context) error
	// Ban puts the ban into effect; on demand it first starts the family.
	Ban(ctx context.Context, t *Ticket) error
	// Unban lifts it; nothing happens when no ban of the family succeeded (3.4.2).
	Unban(ctx context.Context, t *Ticket) error
	// Reban repeats a ban after the action was repaired (3.3.5).
	Reban(ctx context.Context, t *Ticket) error
	// Prolong tells of a later end (3.6.7). It is called only when Prolongs.
	Prolong(ctx context.Context, t *Ticket) error
	// Prolongs is true when the action has a prolong command that is not blank.
	Prolongs() bool
	// Flushes is true when the action can lift all bans at once; Flush does so
	// (3.4.5). handled false asks for single unbans.
	Flushes() bool
	Flush(ctx context.Context) (handled bool, err error)
	// Check runs the consistency check of the started families and repairs what
	// is broken (3.5.5); a repair takes the jail's next epoch (View.NextEpoch).
	// With flushing it follows a failed flush: no repair unless
	// actionrepair_on_unban, and the words are `Flush is impossible`.
	Check(ctx context.Context, flushing bool) error
	// Epoch is the ban epoch of the last repair, 0 when there was none.
	Epoch() int
	// SkipsRestored is true when restored bans are not for this action (3.3.4).
	SkipsRestored() bool
}

// Reloader is an Action that lives on through a reload: it takes over the
// properties of a fresh one of the same name and keeps what it has started.
// Adopt returns false when it can't (another kind of action); the old one is
// then stopped and the fresh one started. Reload runs the reload command of
// the started families afterwards (3.5.7).
type Reloader interface {
	Adopt(fresh Action) bool
	Reload(ctx context.Context) error
}

// Checker is an Action that may have no consistency check, as a Python action;
// after a failed flush such a one lifts its bans singly.
type Checker interface{ Checks() bool }

// View is what an action may ask of its jail, at any time.
type View interface {
	Name() string
	// BanTime is the jail's ban time, for tickets without one of their own.
	BanTime() Seconds
	// Counts are the numbers for the tags <jail.banned> and so on.
	Counts() Counts
	// NextEpoch raises the jail's ban epoch and returns it (3.5.5).
	NextEpoch() int
	// Merged returns the bans of a ticket's address added up, of this jail or
	// of all jails, for the tags <ipmatches> and so on; without a store, and on
	// its error, the ticket itself.
	Merged(t *Ticket, allJails bool) *Ticket
}

// Counts are a jail's numbers as `status` prints them.
type Counts struct {
	Failed, TotalFailed int
	Banned, TotalBanned int
}

package jail

import (
	"context"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/source"
)

// Store remembers bans across restarts. A jail without one neither restores
// bans nor lengthens them (3.6.1). Its methods may be called from several
// goroutines.
type Store interface {
	// History returns what is known of earlier bans of an ID, in this jail or
	// added up over all jails; ok is false for an ID never banned (8.9).
	History(ctx context.Context, jail string, id ipaddr.Addr, allJails bool) (h History, ok bool, err error)
	// AddBan remembers a ban before its actions run; a ticket with that number
	// is then no longer waiting for its ban.
	AddBan(ctx context.Context, jail string, t *Ticket, banTime Seconds) error
	// DelBans forgets bans and history of the jail's ids, or of all where ids
	// is nil (8.6).
	DelBans(ctx context.Context, jail string, ids []ipaddr.Addr) error
	// Current returns the bans to restore at a start (3.7.1).
	Current(ctx context.Context, q Query) ([]*Ticket, error)
	// Merged returns the bans of an address added up, newest matches last, or
	// nil when there are none (8.10). An empty jail means all jails.
	Merged(ctx context.Context, jail string, id ipaddr.Addr) (*Ticket, error)
	// Positions returns the stored places of a jail in a log, for source.AddOptions;
	// none when unknown (8.8).
	Positions(ctx context.Context, jail, path string) ([]source.Position, error)
	// JournalPlace returns how far a jail has judged the journal; ok is false when
	// unknown (2.9.6).
	JournalPlace(ctx context.Context, jail string) (place source.JournalPlace, ok bool, err error)
	// Commit remembers what has become of a jail's memory, all of it or nothing.
	// Several commits at once may share a transaction.
	Commit(ctx context.Context, c *Change) error
	// Recall returns what all commits of a jail add up to.
	Recall(ctx context.Context, jail string) (*Memory, error)
}

// Change is what has become of a jail's memory since the last commit: at one
// moment between two lines the logs are judged up to Places, and everything
// that these lines have left behind is in what was committed. It holds plain
// values that nobody changes any more.
type Change struct {
	Jail string
	// Whole says that Counted and Filter are all there is, so that what the
	// store has of these goes.
	Whole bool
	// Places are the logs that were judged further, Journal is the place in the
	// journal if that was.
	Places  []LogPlaces
	Journal *source.JournalPlace
	// Counted are IDs whose count has changed, Forgotten those that are counted
	// no more. An ID in both counts anew.
	Counted   []*Ticket
	Forgotten []ipaddr.Addr
	// Tickets are new and on their way to a ban. Done are the numbers of those
	// whose actions have run.
	Tickets []*Ticket
	Done    []int64
	// Filter is what has changed in the filter.
	Filter filter.Memory
}

// LogPlaces is how far a log was judged: places in files that were rotated
// away, oldest first, and the log's own last.
type LogPlaces struct {
	Path   string
	Places []source.Position
}

// Memory is what a jail goes on from at a start.
type Memory struct {
	Counted []*Ticket
	// Tickets have been committed, but AddBan was not called for them.
	Tickets []*Ticket
	// Begun are bans that AddBan has stored but whose actions may not all have
	// run: the numbers of their tickets.
	Begun  map[ipaddr.Addr]int64
	Filter filter.Memory
}

// History is what a store knows of the earlier bans of an ID.
type History struct {
	Count   int     // bans so far
	Time    float64 // start of the last one
	BanTime Seconds
}

// Query asks for the bans to restore.
type Query struct {
	Jail string
	Now  float64
	// ForBanTime is the jail's ban time when it doesn't lengthen bans: older
	// bans than that aren't wanted. HasForBanTime is false with increment.
	ForBanTime    Seconds
	HasForBanTime bool
	// MaxBanTime cuts longer ones (3.7.2); Permanent means no limit.
	MaxBanTime Seconds
	MaxMatches int
}

package jail

import (
	"context"

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
	// AddBan remembers a ban before its actions run.
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
	// SavePositions remembers how far a log was judged.
	SavePositions(ctx context.Context, jail, path string, places []source.Position) error
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

package jail

import (
	"context"
	"sync"
	"time"
)

// records are writes about bans that the store has not taken yet, oldest first:
// somebody else may hold its file for a while, or its disk be full.
type records struct {
	mu   sync.Mutex // held while they are written, so that they keep their order
	owed []func(context.Context) error
	told time.Time
}

// record has a write done, now or as soon as the store takes it, behind those
// that wait already.
func (j *Jail) record(ctx context.Context, write func(context.Context) error) {
	r := &j.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owed = append(r.owed, write); len(r.owed) > maxPending {
		r.owed = r.owed[1:]
	}
	err := r.pay(ctx)
	if err == nil {
		return
	}
	j.keeper.want(keepPlaces)
	if now := time.Now(); now.Sub(r.told) >= tellTrouble {
		r.told = now
		j.logs.observer.Error(j.say("will try again: " + err.Error()))
	}
}

// recordOwed tries once more what waits.
func (j *Jail) recordOwed(ctx context.Context) {
	r := &j.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pay(ctx) != nil {
		j.keeper.want(keepPlaces)
	}
}

func (r *records) pay(ctx context.Context) error {
	for len(r.owed) > 0 {
		if err := r.owed[0](ctx); err != nil {
			return err
		}
		r.owed = r.owed[1:]
	}
	r.owed = nil
	return nil
}

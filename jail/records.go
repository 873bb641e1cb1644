package jail

import (
	"context"
	"sync"
)

// records are writes about bans that the store has not taken yet, oldest first:
// somebody else may hold its file for a while, or its disk be full.
type records struct {
	mu   sync.Mutex // held while they are written, so that they keep their order
	owed []func(context.Context) error
	told toldAt
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
	if err := j.payRecords(ctx); err != nil && r.told.due() {
		j.logs.observer.Error(j.say("will try again: " + err.Error()))
	}
}

// recordOwed tries once more what waits.
func (j *Jail) recordOwed(ctx context.Context) {
	j.records.mu.Lock()
	defer j.records.mu.Unlock()
	_ = j.payRecords(ctx) // told when it was to be written first
}

// payRecords does the writes that are owed, and has them tried again later where
// one fails. The caller holds mu.
func (j *Jail) payRecords(ctx context.Context) error {
	r := &j.records
	for len(r.owed) > 0 {
		if err := r.owed[0](ctx); err != nil {
			j.keeper.want(keepPlaces)
			return err
		}
		r.owed = r.owed[1:]
	}
	r.owed = nil
	return nil
}

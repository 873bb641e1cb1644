package jail

import (
	"context"
	"sync"

	"f2b-go/internal/ipaddr"
)

const (
	// maxHistories bounds the IDs whose earlier bans are kept at hand.
	maxHistories = maxFailIDs
	// historySeconds is how long they are good for: others may change the store.
	historySeconds = 60
)

// histories keeps at hand what the store says of an ID's bans in this jail,
// since every failure asks for it (3.6.8).
type histories struct {
	mu      sync.Mutex
	byID    map[ipaddr.Addr]pastBans
	expires float64
	changes int // counts forget, so that an answer from before it is not kept
}

type pastBans struct {
	h  History
	ok bool
}

// of asks the store unless it was asked just now.
func (m *histories) of(ctx context.Context, j *Jail, id ipaddr.Addr) (History, bool, error) {
	now := j.now()
	m.mu.Lock()
	if m.byID == nil || now >= m.expires || len(m.byID) >= maxHistories {
		m.byID, m.expires = map[ipaddr.Addr]pastBans{}, now+historySeconds
	}
	p, known := m.byID[id]
	changes := m.changes
	m.mu.Unlock()
	if known {
		return p.h, p.ok, nil
	}
	h, ok, err := j.env.Store.History(ctx, j.name, id, false)
	if err != nil {
		return h, ok, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes == changes {
		m.byID[id] = pastBans{h, ok}
	}
	return h, ok, nil
}

// forget is called when bans are added to the store or deleted there.
func (m *histories) forget(id ipaddr.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	delete(m.byID, id)
}

func (m *histories) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	m.byID = nil
}

package server

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
	"f2b-go/store"
)

// purgeEvery is how often old bans are deleted (8.7).
const purgeEvery = time.Hour

// database is the server's memory of bans; without an open file there is none.
type database struct {
	mu        sync.Mutex
	db        *store.DB
	asked     string // the file that was asked for, open or not
	purgeAge  any    // as it was set: an int or a float
	stopPurge func()
}

// jailStore is what jails remember with, nil for nothing.
func (d *database) jailStore() jail.Store {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	return d.db
}

// file is what `get dbfile` replies.
func (d *database) file() any {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	return d.db.Path()
}

// setDBFile opens a database, or closes the one there is for None. Where it
// can't be opened the server goes on without.
func (e *engine) setDBFile(v any) (any, error) {
	name := pytext.Str(v)
	jails := len(e.Jails())
	if name == "" && jails > 0 {
		return nil, pickle.Builtin("RuntimeError", "Cannot change database when there are jails present")
	}
	if strings.EqualFold(name, "none") {
		name = ""
	}
	d := &e.database
	d.mu.Lock()
	defer d.mu.Unlock()
	if name != d.asked || d.db == nil && jails == 0 {
		if jails > 0 {
			return nil, pickle.Builtin("RuntimeError", "Cannot change database when there are jails present")
		}
		d.close(e)
		d.asked = name
		if err := d.open(e, name); err != nil {
			return nil, err
		}
	}
	if d.db == nil {
		return nil, nil
	}
	return d.db.Path(), nil
}

// open opens a file, "" for none. The caller holds mu.
func (d *database) open(e *engine, name string) error {
	if name == "" {
		return nil
	}
	log := e.log.Logger("fail2ban.database")
	db, err := store.Open(context.Background(), name, store.Options{
		Clock: e.clock, Log: log, MaxMatches: store.DefaultMaxMatches, PurgeAge: store.DefaultPurgeAge,
	})
	if err == nil {
		err = db.SetJails(context.Background(), false)
	}
	if err != nil {
		log.Error("Error connecting to fail2ban persistent database " + pytext.Repr(name) + ", bans will not outlive a restart: " + err.Error())
		return pickle.Builtin("RuntimeError", err.Error())
	}
	d.db, d.purgeAge = db, int64(store.DefaultPurgeAge/time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	d.stopPurge = func() { cancel(); <-over }
	go func() {
		defer close(over)
		purge(ctx, e, db)
	}()
	return nil
}

// purge deletes old bans from time to time until ctx ends.
func purge(ctx context.Context, e *engine, db *store.DB) {
	every(ctx, purgeEvery, func() {
		if _, err := db.Purge(ctx); err != nil {
			e.log.Logger("fail2ban.database").Error(err.Error())
		}
	})
}

// every does something at a pace until ctx ends.
func every(ctx context.Context, pace time.Duration, do func()) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// closeDatabase writes everything to the file and closes it; the jails have
// stopped.
func (e *engine) closeDatabase() {
	e.database.mu.Lock()
	defer e.database.mu.Unlock()
	e.database.close(e)
}

// close closes the file if there is one. The caller holds mu.
func (d *database) close(e *engine) {
	if d.db == nil {
		return
	}
	d.stopPurge()
	if err := d.db.Close(); err != nil {
		e.log.Logger("fail2ban.database").Error(err.Error())
	}
	d.db = nil
}

// noteJail marks a jail as running or not (8.5).
func (e *engine) noteJail(name string, running bool) {
	d := &e.database
	d.mu.Lock()
	db := d.db
	d.mu.Unlock()
	if db == nil {
		return
	}
	if err := db.SetJails(context.Background(), running, name); err != nil {
		e.log.Logger("fail2ban.database").Error(err.Error())
	}
}

// keep remembers what a reload may change before it fails, and returns what
// brings it back.
func (d *database) keep() (undo func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return func() {}
	}
	db, matches, age, shown := d.db, d.db.MaxMatches(), d.db.PurgeAge(), d.purgeAge
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		db.SetMaxMatches(matches)
		db.SetPurgeAge(age)
		d.purgeAge = shown
	}
}

// dbMaxMatches and dbPurgeAge mean nothing without a database.
func (e *engine) dbMaxMatches() any {
	e.database.mu.Lock()
	defer e.database.mu.Unlock()
	if e.database.db == nil {
		return nil
	}
	return int64(e.database.db.MaxMatches())
}

func (e *engine) dbPurgeAge() any {
	e.database.mu.Lock()
	defer e.database.mu.Unlock()
	if e.database.db == nil {
		return nil
	}
	return e.database.purgeAge
}

func (e *engine) setDBMaxMatches(v any) (any, error) {
	e.database.mu.Lock()
	defer e.database.mu.Unlock()
	if e.database.db == nil {
		return nil, nil
	}
	n, err := wholeNumber(v)
	if err != nil {
		return nil, err
	}
	e.database.db.SetMaxMatches(int(n))
	return n, nil
}

func (e *engine) setDBPurgeAge(v any) (any, error) {
	age := v
	if text, ok := v.(string); ok {
		seconds, err := timetext.Python(text)
		if err != nil {
			return nil, err
		}
		age = seconds
	}
	length, ok := spanOf(age)
	if !ok {
		return nil, pickle.Builtin("ValueError", "no time: "+pytext.Repr(v))
	}
	e.database.mu.Lock()
	defer e.database.mu.Unlock()
	if e.database.db == nil {
		return nil, nil
	}
	e.database.db.SetPurgeAge(length)
	e.database.purgeAge = age
	return age, nil
}

// spanOf reads a number of seconds, at most some centuries of them.
func spanOf(v any) (time.Duration, bool) {
	var seconds float64
	switch n := v.(type) {
	case int:
		seconds = float64(n)
	case int64:
		seconds = float64(n)
	case float64:
		seconds = n
	default:
		return 0, false
	}
	const most = float64(math.MaxInt64 / time.Second)
	if math.IsNaN(seconds) || math.IsInf(seconds, 0) {
		return 0, false
	}
	return time.Duration(max(-most, min(most, seconds)) * float64(time.Second)), true
}

// Package store keeps bans and positions in fail2ban's SQLite database, schema
// version 4, so that fail2ban reads what this program wrote and the other way
// round. It hides SQL, the shape of the JSON in the data column, upgrades of old
// files, the repair of broken ones, and the purge.
//
// While a file is open here it has a write-ahead log, which survives a killed
// process; closing folds the log into the file and turns it off again, since a
// fail2ban that comes after may run on any SQLite. Tables of our own begin with
// f2b_; fail2ban never looks at them.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Version is the schema's version (8.1).
const Version = 4

// maxReaders is how many queries run at once.
const maxReaders = 2

// busyLimit is how long opening waits for another process's lock, and banLimit
// how long a write does, since bans wait for it.
const (
	busyLimit = 5 * time.Second
	banLimit  = time.Second
)

// ErrFuture is returned for a database that a newer fail2ban made (8.11).
var ErrFuture = errors.New("attempt to travel to future version of database")

// Options say what a store needs besides its file. Zero values are usable.
type Options struct {
	// Clock tells the time for upgrades' backups and for the purge.
	Clock func() time.Time
	// Log gets fail2ban's messages under the name fail2ban.database.
	Log *slog.Logger
	// MaxMatches is how many lines of a ban are kept, newest first to stay; 0
	// keeps none. Set it with SetMaxMatches later.
	MaxMatches int
	// PurgeAge is how long a past ban stays known.
	PurgeAge time.Duration
}

// DefaultMaxMatches and DefaultPurgeAge hold where nothing is configured (1.8).
const (
	DefaultMaxMatches = 10
	DefaultPurgeAge   = 24 * time.Hour
)

// DB is an open database. Its methods may be called from several goroutines.
type DB struct {
	path   string
	db     *sql.DB // both have this one connection, for writers
	writer *writer
	pool   *sql.DB // for readers that need not wait for a writer; nil where there is no write-ahead log
	read   querier // pool, else writer
	log    *slog.Logger
	clock  func() time.Time

	writing sync.Mutex // one transaction at a time
	sync    walSync

	mu         sync.Mutex
	maxMatches int
	purgeAge   time.Duration
	waiting    []*task // writes that the next transaction takes
}

// Open opens or makes the database, upgrades an older schema after a backup, and
// moves a file aside that is no database.
func Open(ctx context.Context, path string, opt Options) (*DB, error) {
	d := &DB{path: path, log: opt.Log, clock: opt.Clock, maxMatches: opt.MaxMatches, purgeAge: opt.PurgeAge}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.log = d.log.With("logger", "fail2ban.database")
	if d.clock == nil {
		d.clock = time.Now
	}
	if d.purgeAge == 0 {
		d.purgeAge = DefaultPurgeAge
	}
	err := d.connect(ctx)
	if isCorrupt(err) {
		err = d.repair(ctx, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the database %s: %w", path, err)
	}
	return d, nil
}

// Path returns the file's name as it was configured.
func (d *DB) Path() string { return d.path }

// MaxMatches and PurgeAge return the settings.
func (d *DB) MaxMatches() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.maxMatches
}

// SetMaxMatches changes how many lines of a ban are kept from now on.
func (d *DB) SetMaxMatches(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.maxMatches = n
}

// PurgeAge returns how long a past ban stays known.
func (d *DB) PurgeAge() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.purgeAge
}

// SetPurgeAge changes how long a past ban stays known.
func (d *DB) SetPurgeAge(age time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.purgeAge = age
}

// connect opens the file and brings its schema up to date.
func (d *DB) connect(ctx context.Context) (err error) {
	if d.db, err = sql.Open("sqlite", dsn(d.path)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.db.Close())
		}
	}()
	// One connection: writers queue here instead of colliding in SQLite.
	d.db.SetMaxOpenConns(1)
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return err
	}
	d.writer = &writer{Conn: conn, byText: map[string]*sql.Stmt{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.writer.close())
		}
	}()
	version, err := d.version(ctx)
	if err != nil {
		return err
	}
	d.log.Info("Connected to fail2ban persistent database '" + d.path + "'")
	switch {
	case version == 0:
		if err := d.create(ctx); err != nil {
			return err
		}
		d.log.Warn(fmt.Sprintf("New database created. Version '%d'", Version))
	case version > Version:
		return fmt.Errorf("%w: version %d, this program knows %d", ErrFuture, version, Version)
	case version < Version:
		if err := d.upgrade(ctx, version); err != nil {
			return err
		}
		d.log.Warn(fmt.Sprintf("Database updated from '%d' to '%d'", version, Version))
	}
	// Only now: the mode stands in the file, and a backup must be what was there.
	var mode string
	if err := d.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	// Missing tables and indexes are made in any case: an interrupted upgrade, or ours.
	if err := d.create(ctx); err != nil {
		return err
	}
	if _, err := d.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", banLimit.Milliseconds())); err != nil {
		return err
	}
	return d.openReaders(mode)
}

// querier is what readers ask.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// openReaders lets readers go on while a transaction is under way.
func (d *DB) openReaders(mode string) (err error) {
	d.read, d.pool = d.writer, nil
	if mode != "wal" {
		return nil
	}
	d.sync.path = d.path + "-wal"
	if d.pool, err = sql.Open("sqlite", dsn(d.path)+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	d.pool.SetMaxOpenConns(maxReaders)
	d.read = d.pool
	return nil
}

// dsn names the file for the driver; pragmas there hold for every connection.
func dsn(path string) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyLimit.Milliseconds()),
		"foreign_keys(1)", "synchronous(NORMAL)", "temp_store(MEMORY)",
	}, "_txlock": {"immediate"}}
	if path == ":memory:" {
		return "file::memory:?" + q.Encode()
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// version is 0 for a file without a schema.
func (d *DB) version(ctx context.Context) (int, error) {
	var n int
	err := d.writer.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='fail2banDb'").Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = d.writer.QueryRowContext(ctx, "SELECT version FROM fail2banDb LIMIT 1").Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// Close writes everything to the one file and closes it.
func (d *DB) Close() error {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.sync.end()
	var err error
	if d.pool != nil {
		err = d.pool.Close()
	}
	_, err2 := d.writer.ExecContext(context.Background(), "PRAGMA journal_mode = DELETE")
	if err = errors.Join(err, err2, d.writer.close(), d.db.Close()); err != nil {
		return fmt.Errorf("closing the database %s: %w", d.path, err)
	}
	d.log.Info("Connection to database closed.")
	return nil
}

// SetJails marks which jails are in use; others are kept while they have bans.
func (d *DB) SetJails(ctx context.Context, enabled bool, names ...string) error {
	return d.write(ctx, "noting jails", func(tx *writer) error {
		if len(names) == 0 {
			_, err := tx.ExecContext(ctx, "UPDATE jails SET enabled = ?", enabled)
			return err
		}
		for _, name := range names {
			if err := setJail(ctx, tx, name, enabled); err != nil {
				return err
			}
		}
		return nil
	})
}

func setJail(ctx context.Context, tx *writer, name string, enabled bool) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO jails(name, enabled) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET enabled = excluded.enabled", name, enabled)
	return err
}

// exists tells whether there is a regular file.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

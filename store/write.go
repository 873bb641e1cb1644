package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// task is one write that is done as a whole or not at all.
type task struct {
	run  func(tx *writer) error
	err  error
	over bool
}

// writer is the one connection for writers, with statements that are compiled
// once.
type writer struct {
	*sql.Conn
	byText map[string]*sql.Stmt
}

// ExecContext runs a statement.
func (w *writer) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if len(args) == 0 {
		return w.Conn.ExecContext(ctx, text) // of the schema or a transaction
	}
	s := w.byText[text]
	if s == nil {
		var err error
		if s, err = w.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		w.byText[text] = s
	}
	return s.ExecContext(ctx, args...)
}

func (w *writer) close() (err error) {
	for _, s := range w.byText {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.Conn.Close())
}

// write runs f in one transaction, which it may share with other writes that
// came while the one before was at work.
func (d *DB) write(ctx context.Context, what string, f func(tx *writer) error) error {
	t := &task{run: f}
	d.mu.Lock()
	d.waiting = append(d.waiting, t)
	d.mu.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	if !t.over {
		d.mu.Lock()
		all := d.waiting
		d.waiting = nil
		d.mu.Unlock()
		d.transact(context.WithoutCancel(ctx), all)
	}
	if t.err != nil {
		return fmt.Errorf("%s in the database %s: %w", what, d.path, t.err)
	}
	return nil
}

// transact runs tasks in one transaction; if one of them fails, each in its own.
func (d *DB) transact(ctx context.Context, all []*task) {
	err := d.try(ctx, all)
	if err != nil && len(all) > 1 {
		for _, t := range all {
			d.transact(ctx, []*task{t})
		}
		return
	}
	for _, t := range all {
		t.err, t.over = err, true
	}
}

func (d *DB) try(ctx context.Context, all []*task) (err error) {
	if _, err := d.writer.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for i := 0; err == nil && i < len(all); i++ {
		err = all[i].run(d.writer)
	}
	if err == nil {
		_, err = d.writer.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// SQLite has rolled back on its own after some errors.
		_, _ = d.writer.ExecContext(ctx, "ROLLBACK")
		return err
	}
	d.sync.soon()
	return nil
}

// syncAfter is the most that a loss of power can take with it.
const syncAfter = time.Second

// walSync brings the write-ahead log to the disk. SQLite itself does so only
// before it copies the log into the database (synchronous = NORMAL), which a
// killed process does not need, but a loss of power would.
type walSync struct {
	path string // "": there is no log

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// soon has what was committed until now synced within syncAfter.
func (s *walSync) soon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" || s.timer != nil || s.stopped {
		return
	}
	s.timer = time.AfterFunc(syncAfter, func() {
		s.mu.Lock()
		s.timer = nil
		stopped := s.stopped
		s.mu.Unlock()
		if stopped {
			return
		}
		// SQLite keeps no lock on this file that closing it here could drop. An
		// error is nothing to act on: the next commit will tell.
		if f, err := os.Open(s.path); err == nil {
			_ = f.Sync()
			_ = f.Close()
		}
	})
}

func (s *walSync) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

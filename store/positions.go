package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"f2b-go/jail"
	"f2b-go/source"
)

// Positions returns how far a jail has judged a log: the places in rotated files
// that were not finished first, the log's own last (8.8). fail2ban's table holds
// only the last; when it was written by fail2ban since, it stands alone.
func (d *DB) Positions(ctx context.Context, name, path string) ([]source.Position, error) {
	var hash sql.NullString
	var offset sql.NullInt64
	err := d.read.QueryRowContext(ctx, "SELECT firstlinemd5, lastfilepos FROM logs WHERE jail = ? AND path = ?", name, path).Scan(&hash, &offset)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the position of %s in the database %s: %w", path, d.path, err)
	}
	last := source.Position{Offset: offset.Int64, Hash: hash.String}
	rows, err := d.read.QueryContext(ctx, "SELECT hash, offset FROM f2b_positions WHERE jail = ? AND path = ? ORDER BY place", name, path)
	if err != nil {
		return nil, fmt.Errorf("reading the positions of %s in the database %s: %w", path, d.path, err)
	}
	defer rows.Close()
	var list []source.Position
	for rows.Next() {
		var p source.Position
		if err := rows.Scan(&p.Hash, &p.Offset); err != nil {
			return nil, fmt.Errorf("reading the positions of %s in the database %s: %w", path, d.path, err)
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the positions of %s in the database %s: %w", path, d.path, err)
	}
	if n := len(list); n == 0 || list[n-1] != last {
		return []source.Position{last}, nil
	}
	return list, nil
}

// savePlaces notes how far a jail has judged a log in fail2ban's table and,
// where there are places in rotated files, in ours.
func savePlaces(ctx context.Context, tx *writer, name string, log jail.LogPlaces) error {
	n := len(log.Places)
	if n == 0 {
		return nil
	}
	last := log.Places[n-1]
	if _, err := tx.ExecContext(ctx, `INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?)
		ON CONFLICT(jail, path) DO UPDATE SET firstlinemd5 = excluded.firstlinemd5, lastfilepos = excluded.lastfilepos`,
		name, log.Path, last.Hash, last.Offset); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_positions WHERE jail = ? AND path = ?", name, log.Path); err != nil {
		return err
	}
	for i := 0; i < n && n > 1; i++ {
		if _, err := tx.ExecContext(ctx, "INSERT INTO f2b_positions(jail, path, place, hash, offset) VALUES(?, ?, ?, ?, ?)",
			name, log.Path, i, log.Places[i].Hash, log.Places[i].Offset); err != nil {
			return err
		}
	}
	return nil
}

// JournalPlace returns how far a jail has judged the journal; ok is false when
// that is unknown. fail2ban knows the time only; the cursor is ours, and of no
// use when fail2ban has read on since.
func (d *DB) JournalPlace(ctx context.Context, name string) (place source.JournalPlace, ok bool, err error) {
	var text, cursor sql.NullString
	var at sql.NullFloat64
	var micros sql.NullInt64
	err = d.read.QueryRowContext(ctx, `SELECT l.firstlinemd5, l.lastfilepos, p.hash, p.offset FROM logs l LEFT JOIN f2b_positions p
		ON p.jail = l.jail AND p.path = l.path WHERE l.jail = ? AND l.path = ?`, name, jail.JournalPath).Scan(&text, &at, &cursor, &micros)
	if errors.Is(err, sql.ErrNoRows) {
		return place, false, nil
	}
	if err != nil {
		return place, false, fmt.Errorf("reading the place in the journal in the database %s: %w", d.path, err)
	}
	place = source.JournalPlace{Time: at.Float64, Text: text.String, Seen: true}
	if micros.Valid && micros.Int64 == toMicros(at.Float64) {
		place.Cursor = cursor.String
	}
	return place, at.Float64 > 0, nil
}

// saveJournal notes the place in the journal in fail2ban's table, and the cursor
// in ours.
func saveJournal(ctx context.Context, tx *writer, name string, place *source.JournalPlace) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?)
		ON CONFLICT(jail, path) DO UPDATE SET firstlinemd5 = excluded.firstlinemd5, lastfilepos = excluded.lastfilepos`,
		name, jail.JournalPath, place.Text, place.Time); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO f2b_positions(jail, path, place, hash, offset) VALUES(?, ?, 0, ?, ?)",
		name, jail.JournalPath, place.Cursor, toMicros(place.Time))
	return err
}

func toMicros(seconds float64) int64 { return int64(math.Round(seconds * 1e6)) }

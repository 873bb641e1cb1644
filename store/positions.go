package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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

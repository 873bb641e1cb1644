package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"f2b-go/source"
)

// Positions returns how far a jail has judged a log: the places in rotated files
// that were not finished first, the log's own last (8.8). fail2ban's table holds
// only the last; when it was written by fail2ban since, it stands alone.
func (d *DB) Positions(ctx context.Context, name, path string) ([]source.Position, error) {
	var hash sql.NullString
	var offset sql.NullInt64
	err := d.db.QueryRowContext(ctx, "SELECT firstlinemd5, lastfilepos FROM logs WHERE jail = ? AND path = ?", name, path).Scan(&hash, &offset)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the position of %s in the database %s: %w", path, d.path, err)
	}
	last := source.Position{Offset: offset.Int64, Hash: hash.String}
	rows, err := d.db.QueryContext(ctx, "SELECT hash, offset FROM f2b_positions WHERE jail = ? AND path = ? ORDER BY place", name, path)
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

// SavePositions remembers how far a jail has judged a log, in fail2ban's table
// and, with the places in rotated files, in ours.
func (d *DB) SavePositions(ctx context.Context, name, path string, places []source.Position) error {
	if len(places) == 0 {
		return nil
	}
	last := places[len(places)-1]
	return d.write(ctx, "saving a position", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)", name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?)
			ON CONFLICT(jail, path) DO UPDATE SET firstlinemd5 = excluded.firstlinemd5, lastfilepos = excluded.lastfilepos`,
			name, path, last.Hash, last.Offset); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_positions WHERE jail = ? AND path = ?", name, path); err != nil {
			return err
		}
		for i, p := range places {
			if _, err := tx.ExecContext(ctx, "INSERT INTO f2b_positions(jail, path, place, hash, offset) VALUES(?, ?, ?, ?, ?)",
				name, path, i, p.Hash, p.Offset); err != nil {
				return err
			}
		}
		return nil
	})
}

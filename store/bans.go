package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// unknownBanTime marks bans of a database from before version 3 (8.11).
const unknownBanTime = -2

// AddBan appends the ban to bans and makes it the ID's latest in bips (8.5).
func (d *DB) AddBan(ctx context.Context, name string, t *jail.Ticket, banTime jail.Seconds) error {
	id := t.ID.String()
	data := encode(d.limited(t.Data()))
	at := int64(math.RoundToEven(t.Time))
	return d.write(ctx, "adding a ban", func(tx *writer) error {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)", name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)",
			name, id, at, banTime.Py(), t.BanCount, data); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)",
			id, name, at, banTime.Py(), t.BanCount, data); err != nil || t.Number == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE f2b_tickets SET begun = 1 WHERE jail = ? AND number = ?", name, t.Number)
		return err
	})
}

// limited keeps the newest matches, at most MaxMatches.
func (d *DB) limited(data pytext.Dict) pytext.Dict {
	limit := d.MaxMatches()
	out := make(pytext.Dict, 0, len(data))
	for _, it := range data {
		if list, ok := it.Value.([]any); ok && it.Key == "matches" {
			if limit <= 0 {
				continue
			}
			it.Value = list[max(0, len(list)-limit):]
		}
		out = append(out, it)
	}
	return out
}

// DelBans forgets bans and history of the ids in a jail, or all of the jail's
// where ids is nil (8.6).
func (d *DB) DelBans(ctx context.Context, name string, ids []ipaddr.Addr) error {
	return d.write(ctx, "deleting bans", func(tx *writer) error {
		for _, table := range []string{"bips", "bans"} {
			if ids == nil {
				if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE jail = ?", name); err != nil {
					return err
				}
			}
			for _, id := range ids {
				if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE jail = ? AND ip = ?", name, id.String()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// History returns the count, last start and ban time of an ID's bans, of one jail
// or summed over all (8.9).
func (d *DB) History(ctx context.Context, name string, id ipaddr.Addr, allJails bool) (jail.History, bool, error) {
	query := "SELECT bancount, timeofban, bantime FROM bips WHERE ip = ? AND jail = ?"
	args := []any{id.String(), name}
	if allJails {
		query, args = "SELECT sum(bancount), max(timeofban), sum(bantime) FROM bips WHERE ip = ? GROUP BY ip", args[:1]
	}
	var h jail.History
	err := d.read.QueryRowContext(ctx, query, args...).Scan(&h.Count, &h.Time, (*secondsColumn)(&h.BanTime))
	if errors.Is(err, sql.ErrNoRows) {
		return jail.History{}, false, nil
	}
	if err != nil {
		return jail.History{}, false, fmt.Errorf("reading the history of %s in the database %s: %w", id, d.path, err)
	}
	return h, true, nil
}

// Current returns the bans that have not ended, one for an ID, in the order of
// their texts, with ban times cut to what the jail allows (3.7.1, 3.7.2).
func (d *DB) Current(ctx context.Context, q jail.Query) ([]*jail.Ticket, error) {
	query := "SELECT ip, timeofban, bantime, bancount, data FROM bips WHERE jail = ? AND (timeofban + bantime > ? OR bantime <= -1)"
	args := []any{q.Jail, q.Now}
	if q.HasForBanTime && q.ForBanTime.Value != jail.Permanent {
		query, args = query+" AND timeofban > ?", append(args, q.Now-q.ForBanTime.Value)
	}
	rows, err := d.read.QueryContext(ctx, query+" ORDER BY ip, timeofban DESC", args...)
	if err != nil {
		return nil, fmt.Errorf("reading bans from the database %s: %w", d.path, err)
	}
	defer rows.Close()
	var list []*jail.Ticket
	for rows.Next() {
		t, banTime, err := scanBan(rows)
		if err != nil {
			d.log.Debug("get current bans: ignore row - " + err.Error())
			continue
		}
		if t = corrected(t, banTime, q); t != nil {
			list = append(list, t)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading bans from the database %s: %w", d.path, err)
	}
	return list, nil
}

// corrected cuts the ban time; nil for a ban that is over by then.
func corrected(t *jail.Ticket, banTime jail.Seconds, q jail.Query) *jail.Ticket {
	switch {
	case banTime.Value == unknownBanTime && q.HasForBanTime:
		banTime = q.ForBanTime
	case banTime.Value == unknownBanTime:
		banTime = q.MaxBanTime
	case q.MaxBanTime.Value >= 0 && (banTime.Value == jail.Permanent || banTime.Value > q.MaxBanTime.Value):
		banTime = q.MaxBanTime
	}
	if banTime.Value != jail.Permanent && t.Time+banTime.Value <= q.Now {
		return nil
	}
	t.SetBanTime(banTime)
	t.Restored = true
	limit := max(0, q.MaxMatches)
	t.Matches, t.NoMatches = t.Matches[max(0, len(t.Matches)-limit):], limit == 0
	return t
}

func scanBan(rows *sql.Rows) (*jail.Ticket, jail.Seconds, error) {
	var id sql.NullString
	var at float64
	var banTime jail.Seconds
	var count int
	var data []byte
	if err := rows.Scan(&id, &at, (*secondsColumn)(&banTime), &count, &data); err != nil {
		return nil, banTime, err
	}
	if id.String == "" {
		return nil, banTime, errors.New("a ban of nobody")
	}
	t := decode(data)
	t.ID, t.Time, t.TimeInt, t.BanCount = ipaddr.Parse(id.String), at, at == math.Trunc(at), count
	return t, banTime, nil
}

// Merged adds up the bans of an ID, newest first, with at most MaxMatches lines,
// older ones in front (8.10).
func (d *DB) Merged(ctx context.Context, name string, id ipaddr.Addr) (*jail.Ticket, error) {
	query, args := "SELECT ip, timeofban, bantime, bancount, data FROM bans WHERE ip = ?", []any{id.String()}
	if name != "" {
		query, args = query+" AND jail = ?", append(args, name)
	}
	rows, err := d.read.QueryContext(ctx, query+" ORDER BY timeofban DESC", args...)
	if err != nil {
		return nil, fmt.Errorf("reading the bans of %s in the database %s: %w", id, d.path, err)
	}
	defer rows.Close()
	limit := d.MaxMatches()
	var merged *jail.Ticket
	for rows.Next() {
		t, _, err := scanBan(rows)
		if err != nil {
			continue
		}
		if merged == nil {
			merged = &jail.Ticket{ID: t.ID}
		}
		if room := limit - len(merged.Matches); room > 0 {
			newest := t.Matches[max(0, len(t.Matches)-room):]
			merged.Matches = append(append([]jail.Match{}, newest...), merged.Matches...)
		}
		merged.Failures += t.Failures
		merged.Time, merged.TimeInt = t.Time, t.TimeInt
		for _, it := range t.Fields {
			merged.Fields.Set(pytext.Str(it.Key), it.Value)
		}
	}
	return merged, rows.Err()
}

// secondsColumn reads a ban time, which old files hold as REAL (8.13).
type secondsColumn jail.Seconds

// Scan implements sql.Scanner.
func (s *secondsColumn) Scan(v any) error {
	switch n := v.(type) {
	case int64:
		*s = secondsColumn{Value: float64(n)}
	case float64:
		*s = secondsColumn{Value: n, Float: true}
	case nil:
		*s = secondsColumn{}
	default:
		return fmt.Errorf("a ban time of type %T", v)
	}
	return nil
}

// Purge deletes what is older than the purge age: bans, history that no longer
// counts, and jails without either (8.7). It returns the number of rows. A file
// that is mostly empty afterwards is made smaller.
func (d *DB) Purge(ctx context.Context) (int64, error) {
	oldest := float64(d.clock().UnixMicro())/1e6 - d.PurgeAge().Seconds()
	var total int64
	err := d.write(ctx, "purging", func(tx *writer) error {
		for _, statement := range []string{
			"DELETE FROM bans WHERE timeofban < ?1",
			"DELETE FROM bips WHERE timeofban < ?1 AND bantime <> -1 AND timeofban + 3 * bantime < ?1",
			"DELETE FROM jails WHERE enabled = 0 AND NOT EXISTS (SELECT 1 FROM bans WHERE jail = name) AND NOT EXISTS (SELECT 1 FROM bips WHERE jail = name)",
		} {
			args := []any{oldest}
			if !strings.Contains(statement, "?1") {
				args = nil
			}
			res, err := tx.ExecContext(ctx, statement, args...)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			total += n
		}
		for _, table := range memoryTables {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE jail NOT IN (SELECT name FROM jails)"); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = d.shrink(ctx)
	}
	return total, err
}

// worthShrinking is how many bytes must be free in the file, besides half of it,
// before it is rewritten.
const worthShrinking = 8 << 20

// shrink gives what is free in the file back to the file system.
func (d *DB) shrink(ctx context.Context) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	var size, pages, free int64
	for name, target := range map[string]*int64{"page_size": &size, "page_count": &pages, "freelist_count": &free} {
		if err := d.writer.QueryRowContext(ctx, "PRAGMA "+name).Scan(target); err != nil {
			return fmt.Errorf("looking at the size of the database %s: %w", d.path, err)
		}
	}
	if free*size < worthShrinking || free*2 < pages {
		return nil
	}
	if _, err := d.writer.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("making the database %s smaller: %w", d.path, err)
	}
	return nil
}

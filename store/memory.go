package store

import (
	"context"
	"encoding/json"
	"fmt"

	"f2b-go/internal/ipaddr"
	"f2b-go/jail"
)

// Commit remembers what has become of a jail's memory, all of it or nothing.
func (d *DB) Commit(ctx context.Context, c *jail.Change) error {
	rows, err := encodeChange(c)
	if err != nil {
		return fmt.Errorf("remembering what jail %s knows: %w", c.Jail, err)
	}
	ctx = context.WithoutCancel(ctx)
	return d.write(ctx, "remembering what a jail knows", func(tx *writer) error { return commit(ctx, tx, c, rows) })
}

// changeRows is a change as it is stored. It is made before the transaction
// begins, so that others need not wait for it.
type changeRows struct {
	counted, tickets, sessions [][]byte
	filter                     []byte
}

func encodeChange(c *jail.Change) (r changeRows, err error) {
	r.counted = make([][]byte, len(c.Counted))
	for i, t := range c.Counted {
		if r.counted[i], err = json.Marshal(toTicketRow(t)); err != nil {
			return r, err
		}
	}
	r.tickets = make([][]byte, len(c.Tickets))
	for i, t := range c.Tickets {
		if r.tickets[i], err = json.Marshal(toTicketRow(t)); err != nil {
			return r, err
		}
	}
	r.sessions = make([][]byte, len(c.Filter.Sessions))
	for i := range c.Filter.Sessions {
		if r.sessions[i], err = json.Marshal(toSessionRow(&c.Filter.Sessions[i])); err != nil {
			return r, err
		}
	}
	r.filter, err = json.Marshal(toFilterRow(&c.Filter))
	return r, err
}

func commit(ctx context.Context, tx *writer, c *jail.Change, rows changeRows) error {
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)", c.Jail); err != nil {
		return err
	}
	for _, log := range c.Places {
		if err := savePlaces(ctx, tx, c.Jail, log); err != nil {
			return err
		}
	}
	if c.Journal != nil {
		if err := saveJournal(ctx, tx, c.Jail, c.Journal); err != nil {
			return err
		}
	}
	if err := commitCounts(ctx, tx, c, rows.counted); err != nil {
		return err
	}
	if err := commitTickets(ctx, tx, c, rows.tickets); err != nil {
		return err
	}
	return commitFilter(ctx, tx, c, rows)
}

func commitCounts(ctx context.Context, tx *writer, c *jail.Change, rows [][]byte) error {
	if c.Whole {
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_counts WHERE jail = ?", c.Jail); err != nil {
			return err
		}
	}
	for _, id := range c.Forgotten {
		text, kind := idRow(id)
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_counts WHERE jail = ? AND id = ? AND kind = ?", c.Jail, text, kind); err != nil {
			return err
		}
	}
	for i, t := range c.Counted {
		text, kind := idRow(t.ID)
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO f2b_counts(jail, id, kind, data) VALUES(?, ?, ?, ?)",
			c.Jail, text, kind, rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func commitTickets(ctx context.Context, tx *writer, c *jail.Change, rows [][]byte) error {
	for i, t := range c.Tickets {
		text, kind := idRow(t.ID)
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO f2b_tickets(jail, number, id, kind, data) VALUES(?, ?, ?, ?, ?)",
			c.Jail, t.Number, text, kind, rows[i]); err != nil {
			return err
		}
	}
	for _, number := range c.Done {
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_tickets WHERE jail = ? AND number = ?", c.Jail, number); err != nil {
			return err
		}
	}
	return nil
}

func commitFilter(ctx context.Context, tx *writer, c *jail.Change, rows changeRows) error {
	if c.Whole {
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_sessions WHERE jail = ?", c.Jail); err != nil {
			return err
		}
	}
	for _, id := range c.Filter.Closed {
		if _, err := tx.ExecContext(ctx, "DELETE FROM f2b_sessions WHERE jail = ? AND id = ?", c.Jail, id); err != nil {
			return err
		}
	}
	for i := range c.Filter.Sessions {
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO f2b_sessions(jail, id, data) VALUES(?, ?, ?)",
			c.Jail, c.Filter.Sessions[i].ID, rows.sessions[i]); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO f2b_filters(jail, data) VALUES(?, ?)", c.Jail, rows.filter)
	return err
}

// Recall returns what all commits of a jail add up to. A row that does not read
// is left out.
func (d *DB) Recall(ctx context.Context, name string) (*jail.Memory, error) {
	m := &jail.Memory{Begun: map[ipaddr.Addr]int64{}}
	err := d.recallTickets(ctx, name, m)
	if err == nil {
		err = d.each(ctx, "SELECT id, kind, 0, 0, data FROM f2b_counts WHERE jail = ?", name, func(r memoryRow) error {
			t, err := r.ticket()
			if err == nil {
				m.Counted = append(m.Counted, t)
			}
			return err
		})
	}
	if err == nil {
		err = d.each(ctx, "SELECT id, 0, 0, 0, data FROM f2b_sessions WHERE jail = ?", name, func(r memoryRow) error {
			var s sessionRow
			err := json.Unmarshal(r.data, &s)
			if err == nil {
				m.Filter.Sessions = append(m.Filter.Sessions, s.session(r.id))
			}
			return err
		})
	}
	if err == nil {
		err = d.each(ctx, "SELECT '', 0, 0, 0, data FROM f2b_filters WHERE jail = ?", name, func(r memoryRow) error {
			var f filterRow
			err := json.Unmarshal(r.data, &f)
			f.restore(&m.Filter)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading what jail %s knew from the database %s: %w", name, d.path, err)
	}
	return m, nil
}

func (d *DB) recallTickets(ctx context.Context, name string, m *jail.Memory) error {
	return d.each(ctx, "SELECT id, kind, number, begun, data FROM f2b_tickets WHERE jail = ? ORDER BY number", name, func(r memoryRow) error {
		t, err := r.ticket()
		switch {
		case err != nil:
		case r.begun:
			m.Begun[t.ID] = r.number
		default:
			t.Number = r.number
			m.Tickets = append(m.Tickets, t)
		}
		return err
	})
}

// memoryRow is a row of one of the tables of memories.
type memoryRow struct {
	id     string
	kind   int
	number int64
	begun  bool
	data   []byte
}

func (r memoryRow) ticket() (*jail.Ticket, error) {
	var row ticketRow
	if err := json.Unmarshal(r.data, &row); err != nil {
		return nil, err
	}
	t := row.ticket()
	t.ID = rowID(r.id, r.kind)
	return t, nil
}

func (d *DB) each(ctx context.Context, query, name string, take func(memoryRow) error) error {
	rows, err := d.read.QueryContext(ctx, query, name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r memoryRow
		if err := rows.Scan(&r.id, &r.kind, &r.number, &r.begun, &r.data); err != nil {
			return err
		}
		if err := take(r); err != nil {
			d.log.Debug("what jail " + name + " knew: ignore row - " + err.Error())
		}
	}
	return rows.Err()
}

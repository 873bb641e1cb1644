package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// table is a table of the schema with its indexes, as statements that do nothing
// where it is there already (8.1, 8.2).
type table struct {
	name       string
	statements []string
}

var tables = []table{
	{"fail2banDb", []string{"CREATE TABLE IF NOT EXISTS fail2banDb(version INTEGER)"}},
	{"jails", []string{
		"CREATE TABLE IF NOT EXISTS jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1)",
		"CREATE INDEX IF NOT EXISTS jails_name ON jails(name)"}},
	{"logs", []string{
		`CREATE TABLE IF NOT EXISTS logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0,
			FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE, UNIQUE(jail, path), UNIQUE(jail, path, firstlinemd5))`,
		"CREATE INDEX IF NOT EXISTS logs_path ON logs(path)",
		"CREATE INDEX IF NOT EXISTS logs_jail_path ON logs(jail, path)"}},
	{"bans", []string{
		`CREATE TABLE IF NOT EXISTS bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
			bancount INTEGER NOT NULL DEFAULT 1, data JSON, FOREIGN KEY(jail) REFERENCES jails(name))`,
		"CREATE INDEX IF NOT EXISTS bans_jail_timeofban_ip ON bans(jail, timeofban)",
		"CREATE INDEX IF NOT EXISTS bans_jail_ip ON bans(jail, ip)",
		"CREATE INDEX IF NOT EXISTS bans_ip ON bans(ip)"}},
	{"bips", []string{
		`CREATE TABLE IF NOT EXISTS bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
			bancount INTEGER NOT NULL DEFAULT 1, data JSON, PRIMARY KEY(ip, jail), FOREIGN KEY(jail) REFERENCES jails(name))`,
		"CREATE INDEX IF NOT EXISTS bips_timeofban ON bips(timeofban)",
		"CREATE INDEX IF NOT EXISTS bips_ip ON bips(ip)"}},
	{"f2b_positions", []string{
		`CREATE TABLE IF NOT EXISTS f2b_positions(jail TEXT NOT NULL, path TEXT NOT NULL, place INTEGER NOT NULL, hash TEXT NOT NULL,
			offset INTEGER NOT NULL, PRIMARY KEY(jail, path, place))`}},
	{"f2b_counts", []string{
		"CREATE TABLE IF NOT EXISTS f2b_counts(jail TEXT NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(jail, id, kind)) WITHOUT ROWID"}},
	{"f2b_tickets", []string{
		`CREATE TABLE IF NOT EXISTS f2b_tickets(jail TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL,
			begun INTEGER NOT NULL DEFAULT 0, data BLOB NOT NULL, PRIMARY KEY(jail, number)) WITHOUT ROWID`}},
	{"f2b_sessions", []string{
		"CREATE TABLE IF NOT EXISTS f2b_sessions(jail TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY(jail, id)) WITHOUT ROWID"}},
	{"f2b_filters", []string{
		"CREATE TABLE IF NOT EXISTS f2b_filters(jail TEXT NOT NULL PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID"}},
}

// memoryTables hold what jails go on from after a start.
var memoryTables = []string{"f2b_positions", "f2b_counts", "f2b_tickets", "f2b_sessions", "f2b_filters"}

func (d *DB) create(ctx context.Context) error {
	return d.write(ctx, "making tables", func(tx *writer) error {
		for _, t := range tables {
			if err := createTable(ctx, tx, t.name); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO fail2banDb(version) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM fail2banDb)", Version)
		return err
	})
}

func createTable(ctx context.Context, tx *writer, name string) error {
	for _, t := range tables {
		if t.name != name {
			continue
		}
		for _, statement := range t.statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
		}
	}
	return nil
}

// upgrade brings an older schema to Version in one transaction, after a backup
// (8.11). A ban of an old database has the ban time -2: unknown.
func (d *DB) upgrade(ctx context.Context, from int) error {
	backup, err := d.backup()
	if err != nil {
		return err
	}
	d.log.Info(fmt.Sprintf("Upgrade database: %s from version '%d'", d.path, from))
	d.log.Info("  Database backup created: " + backup)
	return d.write(ctx, "upgrading tables", func(tx *writer) error {
		steps := []struct {
			below    int
			table    string
			columns  string
			selected string
		}{
			{2, "logs", "jail, path, firstlinemd5, lastfilepos", "jail, path, firstlinemd5, lastfilepos"},
			{3, "bans", "jail, ip, timeofban, bantime, bancount, data", "jail, ip, timeofban, -2, 1, data"},
		}
		for _, s := range steps {
			if from < s.below {
				if err := rebuild(ctx, tx, s.table, s.columns, s.selected); err != nil {
					return err
				}
			}
		}
		if from < 4 {
			if err := fillBips(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE fail2banDb SET version = ?", Version)
		return err
	})
}

// rebuild makes a table anew and copies its rows; a missing table is only made.
func rebuild(ctx context.Context, tx *writer, name, columns, selected string) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name=?", name).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return createTable(ctx, tx, name)
	}
	old := "f2b_old_" + name
	if _, err := tx.ExecContext(ctx, "ALTER TABLE "+name+" RENAME TO "+old); err != nil {
		return err
	}
	indexes, err := names(ctx, tx, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", old)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if _, err := tx.ExecContext(ctx, `DROP INDEX "`+strings.ReplaceAll(index, `"`, `""`)+`"`); err != nil {
			return err
		}
	}
	if err := createTable(ctx, tx, name); err != nil {
		return err
	}
	for _, statement := range []string{
		"INSERT OR REPLACE INTO " + name + "(" + columns + ") SELECT " + selected + " FROM " + old,
		"DROP TABLE " + old,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("copying table %s: %w", name, err)
		}
	}
	return nil
}

func fillBips(ctx context.Context, tx *writer) error {
	for _, name := range []string{"bans", "bips"} {
		if err := createTable(ctx, tx, name); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data)
		SELECT ip, jail, timeofban, bantime, bancount, data FROM bans WHERE ip IS NOT NULL ORDER BY timeofban`)
	return err
}

// names reads a column of texts.
func names(ctx context.Context, tx *writer, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// backupName is what fail2ban would call a copy made now (8.11).
func (d *DB) backupName() string { return d.path + "." + d.clock().UTC().Format("20060102-150405") }

// backup copies the file and returns the copy's name; a copy of the same second
// stays as it is.
func (d *DB) backup() (name string, err error) {
	name = d.backupName()
	if exists(name) {
		return name, nil
	}
	from, err := os.Open(d.path)
	if err != nil {
		return "", fmt.Errorf("copying the old database: %w", err)
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("copying the old database: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return "", fmt.Errorf("copying the old database: %w", err)
	}
	return name, to.Sync()
}

// isCorrupt tells errors of a broken or foreign file from those of a wrong path
// or a lock.
func isCorrupt(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlitelib.SQLITE_CORRUPT || code == sqlitelib.SQLITE_NOTADB
}

// repair moves a broken file aside and copies what can still be read into a new
// one (8.12).
func (d *DB) repair(ctx context.Context, cause error) error {
	d.log.Error(fmt.Sprintf("Error opening fail2ban persistent database '%s': %v", d.path, cause))
	if !exists(d.path) {
		return cause
	}
	d.log.Info("Trying to repair database " + d.path)
	broken := d.backupName()
	for n := 1; exists(broken); n++ {
		broken = fmt.Sprintf("%s-%d", d.backupName(), n)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(d.path+suffix, broken+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("moving the broken file aside: %w", err)
		}
	}
	d.log.Info("  Database backup created: " + broken)
	if err := d.connect(ctx); err != nil {
		return err
	}
	rows := d.rescue(ctx, broken)
	if rows == 0 {
		d.log.Error("  Error repairing of fail2ban database '" + d.path + "': nothing could be read, a new one is in use")
		return nil
	}
	d.log.Info(fmt.Sprintf("  Repair seems to be successful, restored %d row(s).", rows))
	return nil
}

// rescue copies the readable rows of the known tables and returns their number.
func (d *DB) rescue(ctx context.Context, broken string) int64 {
	var total int64
	conn := d.writer
	if _, err := conn.ExecContext(ctx, "ATTACH DATABASE ? AS broken", broken); err != nil {
		return 0
	}
	defer func() { _, _ = conn.ExecContext(ctx, "DETACH DATABASE broken") }()
	for _, c := range []struct{ table, columns string }{
		{"jails", "name, enabled"},
		{"logs", "jail, path, firstlinemd5, lastfilepos"},
		{"bans", "jail, ip, timeofban, bantime, bancount, data"},
		{"bips", "ip, jail, timeofban, bantime, bancount, data"},
	} {
		res, err := conn.ExecContext(ctx, "INSERT OR IGNORE INTO main."+c.table+"("+c.columns+") SELECT "+c.columns+" FROM broken."+c.table)
		if err != nil {
			continue
		}
		if n, err := res.RowsAffected(); err == nil {
			total += n
		}
	}
	return total
}

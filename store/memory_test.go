package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
	"f2b-go/source"
	"f2b-go/store"
)

// plain compares memories; IDs by identity, since 1.2.3.4 as a text is another
// ID than the address.
var plain = cmp.Options{
	cmp.Comparer(func(a, b ipaddr.Addr) bool { return a == b }), cmpopts.IgnoreUnexported(jail.Ticket{}), cmpopts.EquateEmpty(),
	cmpopts.SortSlices(func(a, b *jail.Ticket) bool { return a.Attempts < b.Attempts }),
	cmpopts.SortSlices(func(a, b filter.Session) bool { return a.ID < b.ID }),
}

func commit(t *testing.T, d *store.DB, c *jail.Change) {
	t.Helper()
	c.Jail = "sshd"
	if err := d.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func recall(t *testing.T, d *store.DB) *jail.Memory {
	t.Helper()
	m, err := d.Recall(context.Background(), "sshd")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func counted(id ipaddr.Addr, attempts int) *jail.Ticket {
	return &jail.Ticket{
		ID: id, Time: 1795348799.25, First: 1795348000.125, Attempts: attempts, Failures: 3,
		Matches: []jail.Match{{Before: "\u00e9 <", Date: "Nov 22", After: " & \"\u2028\x01", Split: true}, {Before: "whole"}, {Split: true}},
		Fields: pytext.Dict{
			{Key: "user", Value: "root"}, {Key: "empty", Value: ""}, {Key: "none", Value: nil}, {Key: "n", Value: 7}, {Key: "users", Value: []string{"a", "b"}},
			{Key: "ip", Value: ipaddr.Parse("192.0.2.1")}, {Key: "name", Value: ipaddr.Text("192.0.2.1")}, {Key: "t", Value: pytext.Tuple{"x", nil}},
		},
	}
}

// TestMemoryIsTheSame: what a jail remembers comes back as it was, value by
// value, for every kind of ID.
func TestMemoryIsTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	var want jail.Memory
	for i, id := range []ipaddr.Addr{
		ipaddr.Parse("192.0.2.1"), ipaddr.Parse("2001:db8::1"), ipaddr.Parse("192.0.2.0/24"), ipaddr.Parse("2001:db8::/32"), ipaddr.Parse("0.0.0.0/0"),
		ipaddr.Text("192.0.2.1"), ipaddr.Text("bob"), ipaddr.Text(""), ipaddr.TupleText("('a', 'b')"), ipaddr.Text("('a', 'b')"),
	} {
		want.Counted = append(want.Counted, counted(id, i))
	}
	want.Counted[0].TimeInt = true
	ticket := counted(ipaddr.Parse("192.0.2.7"), 5)
	ticket.Number = 11
	want.Tickets = []*jail.Ticket{ticket}
	want.Begun = map[ipaddr.Addr]int64{}
	lines := []filter.Match{{Before: "a", Date: "b", After: "c"}, {}}
	want.Filter = filter.Memory{LastDateText: "Nov 22", HasLastDate: true, Buffer: lines, Sessions: []filter.Session{
		{ID: "s1", Expires: 1795349000.5, Matches: lines, Fields: filter.Fields{
			{Name: "none"}, {Name: "user", Kind: filter.Text, Text: "x"}, {Name: "mlfpending", Kind: filter.Int, Value: 1}, {Name: "t", Kind: filter.Tuple, Value: pytext.Tuple{nil, "y"}},
			{Name: "users", Kind: filter.Users, Value: []string{"x"}}, {Name: "ip", Kind: filter.IP, Value: ipaddr.Text("host")}, {Name: "nofail-matches", Kind: filter.Lines, Value: lines},
		}},
		{ID: "", Expires: 1},
	}}
	want.Filter.LastDate.Unix, want.Filter.LastDate.Int = 1795348799, true
	commit(t, d, &jail.Change{Counted: want.Counted, Tickets: want.Tickets, Filter: want.Filter})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, path)
	defer d.Close()
	if diff := cmp.Diff(&want, recall(t, d), plain); diff != "" {
		t.Errorf("(-committed +recalled)\n%s", diff)
	}
	if m, err := d.Recall(context.Background(), "other"); err != nil || len(m.Counted)+len(m.Tickets)+len(m.Filter.Sessions) > 0 {
		t.Errorf("another jail: %+v %v", m, err)
	}
}

// TestChangesAddUp: later commits replace, forget and end what earlier ones
// brought.
func TestChangesAddUp(t *testing.T) {
	a, b := ipaddr.Parse("192.0.2.1"), ipaddr.Parse("192.0.2.2")
	numbered := func(id ipaddr.Addr, n int64) *jail.Ticket {
		c := counted(id, 5)
		c.Number = n
		return c
	}
	open1 := filter.Memory{Sessions: []filter.Session{{ID: "1", Expires: 5}, {ID: "2", Expires: 6}}}
	steps := []struct {
		name   string
		change jail.Change
		want   string // counts, tickets, sessions
	}{
		{"new", jail.Change{Counted: []*jail.Ticket{counted(a, 1), counted(b, 1)}, Filter: open1}, "192.0.2.1=1 192.0.2.2=1 | | 1 2"},
		{"more", jail.Change{Counted: []*jail.Ticket{counted(a, 4)}, Forgotten: []ipaddr.Addr{b}, Filter: filter.Memory{Closed: []string{"1"}}}, "192.0.2.1=4 | | 2"},
		{"a ticket", jail.Change{Forgotten: []ipaddr.Addr{a}, Tickets: []*jail.Ticket{numbered(a, 1), numbered(b, 2)}}, "| 192.0.2.1 192.0.2.2 | 2"},
		{"anew", jail.Change{Forgotten: []ipaddr.Addr{a}, Counted: []*jail.Ticket{counted(a, 1)}, Done: []int64{1}}, "192.0.2.1=1 | 192.0.2.2 | 2"},
		{"come and gone", jail.Change{Tickets: []*jail.Ticket{numbered(a, 3)}, Done: []int64{3}}, "192.0.2.1=1 | 192.0.2.2 | 2"},
		{"all of it", jail.Change{Whole: true, Counted: []*jail.Ticket{counted(b, 2)}, Filter: filter.Memory{Sessions: []filter.Session{{ID: "9"}}}}, "192.0.2.2=2 | 192.0.2.2 | 9"},
	}
	d := open(t, filepath.Join(t.TempDir(), "f2b.sqlite3"))
	defer d.Close()
	for _, s := range steps {
		commit(t, d, &s.change)
		m, got := recall(t, d), ""
		for _, k := range m.Counted {
			got += fmt.Sprintf("%s=%d ", k.ID, k.Attempts)
		}
		got += "| "
		for _, k := range m.Tickets {
			got += k.ID.String() + " "
		}
		got += "|"
		for _, o := range m.Filter.Sessions {
			got += " " + o.ID
		}
		if got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
}

// TestTicketBecomesBan: the row of the ban and the end of the ticket's waiting
// are one transaction; the ticket stays until its actions have run.
func TestTicketBecomesBan(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "f2b.sqlite3"))
	defer d.Close()
	k := ticket("192.0.2.1", 1)
	k.Number = 5
	commit(t, d, &jail.Change{Tickets: []*jail.Ticket{k}})
	if m := recall(t, d); len(m.Tickets) != 1 || len(m.Begun) != 0 {
		t.Errorf("committed: %+v", m)
	}
	add(t, d, k, 600)
	if m := recall(t, d); len(m.Tickets) != 0 || m.Begun[k.ID] != 5 {
		t.Errorf("banned: %+v", m)
	}
	commit(t, d, &jail.Change{Done: []int64{5}})
	if m := recall(t, d); len(m.Tickets)+len(m.Begun) != 0 {
		t.Errorf("acted on: %+v", m)
	}
}

// TestManyWriters: commits of many jails share transactions, and one that can't
// be done does not take the others with it.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	defer d.Close()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	// A trigger refuses what jail 7 writes.
	if _, err := raw.Exec("CREATE TRIGGER no BEFORE INSERT ON f2b_counts WHEN NEW.jail = 'j7' BEGIN SELECT RAISE(ABORT, 'no'); END"); err != nil {
		t.Fatal(err)
	}
	const jails, rounds = 20, 20
	var all sync.WaitGroup
	for i := range jails {
		all.Go(func() {
			name := fmt.Sprintf("j%d", i)
			for n := range rounds {
				err := d.Commit(context.Background(), &jail.Change{Jail: name, Counted: []*jail.Ticket{counted(ipaddr.Parse("192.0.2.1"), n)}})
				if (err != nil) != (i == 7) {
					t.Errorf("%s: %v", name, err)
				}
				if _, _, err := d.History(context.Background(), name, ipaddr.Parse("192.0.2.1"), true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for i := range jails {
		m, err := d.Recall(context.Background(), fmt.Sprintf("j%d", i))
		switch {
		case err != nil:
			t.Error(err)
		case i == 7 && len(m.Counted) != 0, i != 7 && (len(m.Counted) != 1 || m.Counted[0].Attempts != rounds-1):
			t.Errorf("jail %d recalls %+v", i, m.Counted)
		}
	}
}

// TestOriginalWorksOnOurFile: between two runs of ours fail2ban 1.0.2 uses the
// file, with our tables in it: bans, positions, its own purge. What it judged
// further counts.
func TestOriginalWorksOnOurFile_8_8(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	place := func(off int64) []jail.LogPlaces {
		return []jail.LogPlaces{{Path: "/l", Places: []source.Position{{Offset: 3, Hash: "old"}, {Offset: off, Hash: "aa"}}}}
	}
	commit(t, d, &jail.Change{Counted: []*jail.Ticket{counted(ipaddr.Parse("192.0.2.3"), 2)}, Places: place(10)})
	if got, err := d.Positions(context.Background(), "sshd", "/l"); err != nil || len(got) != 2 {
		t.Errorf("places %v %v", got, err)
	}
	add(t, d, ticket("192.0.2.1", 5), 600)
	if err := d.SetJails(context.Background(), false, "unused"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if python(t, `
from unittest.mock import Mock
db.purge()
c = Mock(); c.getFileName.return_value = '/l'; c.getPos.return_value = 99; c.getHash.return_value = 'cc'
db.addLog(jail, c); db.updateLog(jail, c)
k = FailTicket('192.0.2.2', MyTime.time(), []); k.setBanTime(600); db.addBan(jail, k)
db.close(); print('1')`, path) == nil {
		return
	}
	d = open(t, path)
	defer d.Close()
	if got, err := d.Positions(context.Background(), "sshd", "/l"); err != nil || len(got) != 1 || got[0].Offset != 99 {
		t.Errorf("places %v %v", got, err)
	}
	if got := current(t, d, jail.Query{MaxBanTime: jail.Int(600), MaxMatches: 1}); len(got) != 2 {
		t.Errorf("bans %v", got)
	}
	if m := recall(t, d); len(m.Counted) != 1 {
		t.Errorf("counts %v", m.Counted)
	}
}

// TestBadRows: a row that somebody spoilt is left out, the others come back.
func TestBadRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	defer d.Close()
	commit(t, d, &jail.Change{Counted: []*jail.Ticket{counted(ipaddr.Parse("192.0.2.1"), 1), counted(ipaddr.Parse("192.0.2.2"), 1)},
		Filter: filter.Memory{Sessions: []filter.Session{{ID: "1"}, {ID: "2"}}}})
	out, err := exec.Command(testenv.Python, "-c", `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update f2b_counts set data = 'x' where id = '192.0.2.1'"); c.execute("update f2b_sessions set data = '[]' where id = '1'")
c.execute("update f2b_filters set data = x'ff'"); c.commit()`, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if m := recall(t, d); len(m.Counted) != 1 || len(m.Filter.Sessions) != 1 {
		t.Errorf("%+v", m)
	}
}

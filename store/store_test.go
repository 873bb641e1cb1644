package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
	"f2b-go/source"
	"f2b-go/store"
)

// now is the clock of these tests: 22 November 2026, 12:00 UTC.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	d, err := store.Open(context.Background(), path, store.Options{Clock: func() time.Time { return now }, MaxMatches: store.DefaultMaxMatches})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// python runs a script of fail2ban's own database class; it prints JSON.
func python(t *testing.T, script string, args ...string) any {
	t.Helper()
	dir, ok := testenv.Fail2ban(t)
	if !ok {
		return nil
	}
	head := `
import sys, json
sys.path.insert(0, sys.argv[1])
from fail2ban.server.database import Fail2BanDb
from fail2ban.server.mytime import MyTime
from fail2ban.server.ticket import FailTicket, BanTicket
MyTime.setTime(1795348800)
class Actions:
	def getBanTime(self): return 600
class Jail:
	def __init__(self, name): self.name = name; self.actions = Actions()
	def getMaxBanTime(self): return -1
db = Fail2BanDb(sys.argv[2]); jail = Jail('sshd')
`
	cmd := exec.Command(testenv.Python, append([]string{"-c", head + script, dir}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, out)
	}
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return v
}

func ticket(id string, age float64) *jail.Ticket {
	return &jail.Ticket{
		ID: ipaddr.Parse(id), Time: float64(now.Unix()) - age, BanCount: 1, Failures: 5,
		Matches: []jail.Match{
			{Before: "", Date: "Nov 22 11:59:01", After: " sshd: caf\u00e9 \"x\" \\ \x01", Split: true},
			{Before: "Nov 22 11:59:02 second"},
		},
		Fields: pytext.Dict{{Key: "user", Value: "root"}, {Key: "users", Value: []string{"root", "bob"}}, {Key: "ip4", Value: id}},
	}
}

func add(t *testing.T, d *store.DB, k *jail.Ticket, banTime int64) {
	t.Helper()
	if err := d.AddBan(context.Background(), "sshd", k, jail.Int(banTime)); err != nil {
		t.Fatal(err)
	}
}

func current(t *testing.T, d *store.DB, q jail.Query) []*jail.Ticket {
	t.Helper()
	q.Jail, q.Now = "sshd", float64(now.Unix())
	list, err := d.Current(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestOriginalReadsOurs_8_4 goes back: what we wrote, fail2ban 1.0.2 reads.
func TestOriginalReadsOurs_8_4(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	add(t, d, ticket("192.0.2.1", 100), 600)
	add(t, d, ticket("2001:db8::1", 50), -1)
	if err := d.Commit(context.Background(), &jail.Change{Jail: "sshd", Places: []jail.LogPlaces{
		{Path: "/var/log/auth.log", Places: []source.Position{{Offset: 7, Hash: "aa"}, {Offset: 42, Hash: "bb"}}}},
		Counted: []*jail.Ticket{ticket("192.0.2.3", 1)}, Tickets: []*jail.Ticket{{ID: ipaddr.Parse("192.0.2.4"), Number: 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); err == nil {
			t.Errorf("%s is left after closing", suffix)
		}
	}
	got := python(t, `
out = [[str(k.getID()), k.getTime(), k.getBanTime(), k.getBanCount(), k.getAttempt(), k.getData()] for k in db.getCurrentBans(jail=jail, fromtime=MyTime.time(), correctBanTime=None)]
print(json.dumps([out, list(db.getLogPaths(jail)), sorted(db.getJailNames(True))]))`, path)
	if got == nil {
		return
	}
	data := func(id string) any {
		return map[string]any{"matches": []any{[]any{"", "Nov 22 11:59:01", " sshd: caf\u00e9 \"x\" \\ \x01"}, "Nov 22 11:59:02 second"},
			"failures": 5.0, "user": "root", "users": []any{"root", "bob"}, "ip4": id}
	}
	want := []any{
		[]any{
			[]any{"192.0.2.1", float64(now.Unix()) - 100, 600.0, 1.0, 5.0, data("192.0.2.1")},
			[]any{"2001:db8::1", float64(now.Unix()) - 50, -1.0, 1.0, 5.0, data("2001:db8::1")},
		},
		[]any{"/var/log/auth.log"}, []any{"sshd"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fail2ban reads something else (-want +got):\n%s", diff)
	}
}

// TestWeReadTheOriginals_8_4 is the swap: what fail2ban wrote, we read.
func TestWeReadTheOriginals_8_4(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	if python(t, `
from unittest.mock import Mock
db.addJail(jail)
for ip, age, bantime, n in (('192.0.2.9', 100, 600, 1), ('192.0.2.8', 700, 600, 1), ('192.0.2.7', 100000, -1, 3), ('bob', 10, 600, 1)):
	k = FailTicket(ip, MyTime.time() - age, [('', 'Nov 22 11:59:01', ' caf\u00e9 '), 'two'], data={'user': 'root', 'users': ['a']})
	k.setAttempt(5); k.setBanTime(bantime); k.setBanCount(n)
	db.addBan(jail, k)
c = Mock(); c.getFileName.return_value = '/l'; c.getPos.return_value = 99; c.getHash.return_value = 'cc'
db.updateLog(jail, c); db.close(); print('1')`, path) == nil {
		return
	}
	d := open(t, path)
	defer d.Close()
	var got []string
	for _, k := range current(t, d, jail.Query{MaxBanTime: jail.Int(jail.Permanent), MaxMatches: 5}) {
		got = append(got, strings.Join([]string{k.ID.String(), pytext.Repr(k.PyTime()), pytext.Repr(k.BanTime.Py()), pytext.Repr(k.BanCount), pytext.Repr(k.Data())}, " "))
	}
	data := " {'matches': [['', 'Nov 22 11:59:01', ' caf\u00e9 '], 'two'], 'failures': 5, 'user': 'root', 'users': ['a']}"
	want := []string{
		"192.0.2.7 1795248800 -1 3" + data,
		"192.0.2.9 1795348700 600 1" + data,
		"bob 1795348790 600 1" + data,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	places, err := d.Positions(context.Background(), "sshd", "/l")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]source.Position{{Offset: 99, Hash: "cc"}}, places); diff != "" {
		t.Errorf("position (-want +got):\n%s", diff)
	}
}

// TestRestoredBanTime_3_7_2 cuts stored ban times to what the jail allows now.
func TestRestoredBanTime_3_7_2(t *testing.T) {
	for _, c := range []struct {
		name            string
		stored, longest int64
		age             float64
		want            int64 // 0: not restored
	}{
		{"shorter stays", 300, 600, 100, 300},
		{"longer is cut", 3600, 600, 100, 600},
		{"cut and over", 3600, 600, 700, 0},
		{"permanent is cut", -1, 600, 100, 600},
		{"permanent stays", -1, -1, 100000, -1},
		{"unknown becomes the jail's", -2, 600, 100, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, filepath.Join(t.TempDir(), "f2b.sqlite3"))
			defer d.Close()
			add(t, d, ticket("192.0.2.1", c.age), c.stored)
			got := current(t, d, jail.Query{MaxBanTime: jail.Int(c.longest), MaxMatches: 1})
			switch {
			case c.want == 0 && len(got) != 0:
				t.Errorf("restored with %v", got[0].BanTime)
			case c.want != 0 && (len(got) != 1 || got[0].BanTime != jail.Int(c.want) || !got[0].Restored || len(got[0].Matches) != 1):
				t.Errorf("got %+v, want ban time %d", got, c.want)
			}
		})
	}
}

// TestUpgrade_8_11 takes over old files, with a backup.
func TestUpgrade_8_11(t *testing.T) {
	dir, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	for _, name := range []string{"database_v1.db", "database_v2.db"} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, "fail2ban", "tests", "files", name))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "f2b.sqlite3")
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			count := "print(json.dumps([db._db.execute('select count(*) from '+x).fetchone()[0] for x in ('jails', 'logs', 'bans', 'bips')]))"
			want := python(t, count, copyOf(t, raw))
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			backup, err := os.ReadFile(path + ".20261122-120000")
			if err != nil || string(backup) != string(raw) {
				t.Errorf("no true backup: %v", err)
			}
			if diff := cmp.Diff(want, python(t, count, path)); diff != "" {
				t.Errorf("rows of jails, logs, bans, bips (-fail2ban's +ours):\n%s", diff)
			}
		})
	}
}

func copyOf(t *testing.T, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.sqlite3")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBadFiles_8_12: a broken file is moved aside and what can be read comes
// back; a newer one and an impossible path are refused.
func TestBadFiles_8_12(t *testing.T) {
	ctx := context.Background()
	opt := store.Options{Clock: func() time.Time { return now }, MaxMatches: 10}

	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := store.Open(ctx, path, opt)
	if err != nil {
		t.Fatalf("a file of text: %v", err)
	}
	add(t, d, ticket("192.0.2.1", 1), 600)
	d.Close()
	if _, err := os.Stat(path + ".20261122-120000"); err != nil {
		t.Errorf("the broken file was not kept: %v", err)
	}

	future := filepath.Join(t.TempDir(), "f2b.sqlite3")
	if python(t, "db._db.execute('update fail2banDb set version = 9'); db._db.commit(); db.close(); print('1')", future) != nil {
		if _, err := store.Open(ctx, future, opt); !errors.Is(err, store.ErrFuture) {
			t.Errorf("a newer database: %v", err)
		}
	}
	if _, err := store.Open(ctx, filepath.Join(t.TempDir(), "no", "such", "dir", "x"), opt); err == nil {
		t.Error("a path in no folder was accepted")
	}
	if _, err := store.Open(ctx, t.TempDir(), opt); err == nil {
		t.Error("a folder was accepted")
	}
}

// TestHistoryAndMerged_8_9_8_10 sums up the bans of an ID.
func TestHistoryAndMerged_8_9_8_10(t *testing.T) {
	ctx := context.Background()
	d := open(t, filepath.Join(t.TempDir(), "f2b.sqlite3"))
	defer d.Close()
	d.SetMaxMatches(3)
	id := ipaddr.Parse("192.0.2.1")
	if _, ok, err := d.History(ctx, "sshd", id, false); ok || err != nil {
		t.Errorf("a history of nobody: %v %v", ok, err)
	}
	add(t, d, ticket("192.0.2.1", 300), 600)
	second := ticket("192.0.2.1", 100)
	second.BanCount = 2
	add(t, d, second, 1200)
	if err := d.AddBan(ctx, "other", ticket("192.0.2.1", 50), jail.Int(60)); err != nil {
		t.Fatal(err)
	}
	h, _, err := d.History(ctx, "sshd", id, false)
	if err != nil || h.Count != 2 || h.Time != float64(now.Unix())-100 || h.BanTime != jail.Int(1200) {
		t.Errorf("history in the jail: %+v %v", h, err)
	}
	h, _, err = d.History(ctx, "sshd", id, true)
	if err != nil || h.Count != 3 || h.Time != float64(now.Unix())-50 || h.BanTime != jail.Int(1260) {
		t.Errorf("history over all jails: %+v %v", h, err)
	}
	byHand := ticket("192.0.2.1", 20)
	byHand.Failures = 0
	add(t, d, byHand, 60)
	m, err := d.Merged(ctx, "sshd", id)
	if err != nil || m.Failures != 10 || len(m.Matches) != 3 {
		t.Errorf("merged: %+v %v", m, err)
	}
	if err := d.DelBans(ctx, "sshd", []ipaddr.Addr{id}); err != nil {
		t.Fatal(err)
	}
	if m, err := d.Merged(ctx, "", id); err != nil || m == nil || m.Failures != 5 {
		t.Errorf("after deleting one jail's bans: %+v %v", m, err)
	}
}

// TestPurge_8_7 drops what is old, and jails that are left with nothing.
func TestPurge_8_7(t *testing.T) {
	ctx := context.Background()
	d := open(t, filepath.Join(t.TempDir(), "f2b.sqlite3"))
	defer d.Close()
	const day = 86400
	add(t, d, ticket("192.0.2.1", 2*day), 600)   // old, over: goes
	add(t, d, ticket("192.0.2.2", 2*day), -1)    // permanent: its history stays
	add(t, d, ticket("192.0.2.3", 2*day), 2*day) // still counts
	add(t, d, ticket("192.0.2.4", 60), 600)
	if err := d.SetJails(ctx, false, "gone"); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Purge(ctx); err != nil || n != 3+1+1 {
		t.Errorf("purged %d rows, %v; want 3 of bans, 1 of bips, 1 jail", n, err)
	}
	var left []string
	for _, k := range current(t, d, jail.Query{MaxBanTime: jail.Int(jail.Permanent)}) {
		left = append(left, k.ID.String())
	}
	if diff := cmp.Diff([]string{"192.0.2.2", "192.0.2.4"}, left); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPurgeShrinks: after a wave of bans has gone the file is small again, and it
// is not rewritten for little.
func TestPurgeShrinks_8_7(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	text := strings.Repeat("a long line of a log ", 200)
	size := func() int64 {
		t.Helper()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		d = open(t, path)
		return info.Size()
	}
	for i := range 1500 {
		k := ticket("192.0.2.1", 3*86400)
		k.ID = ipaddr.Parse(fmt.Sprintf("10.0.%d.%d", i>>8, i&255))
		k.Matches = []jail.Match{{Before: text}, {Before: text}}
		add(t, d, k, 600)
	}
	full := size()
	if _, err := d.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	if left := size(); left > full/10 {
		t.Errorf("%d bytes are left of %d", left, full)
	}
	add(t, d, ticket("192.0.2.1", 1), 600)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestForeignLock: a program that locks the file holds a ban up for no longer
// than banLimit, and what it kept out is written later.
func TestForeignLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	defer d.Close()
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := d.AddBan(context.Background(), "sshd", ticket("192.0.2.1", 1), jail.Int(600)); err == nil {
		t.Error("a ban was written past the lock")
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the ban waited %v", took)
	}
	if _, _, err := d.History(context.Background(), "sshd", ipaddr.Parse("192.0.2.1"), false); err != nil {
		t.Errorf("reading under the lock: %v", err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	add(t, d, ticket("192.0.2.1", 1), 600)
}

// TestOthersReadWhileWeWrite: a dashboard's query sees what was committed.
func TestOthersReadWhileWeWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f2b.sqlite3")
	d := open(t, path)
	defer d.Close()
	add(t, d, ticket("192.0.2.1", 1), 600)
	out, err := exec.Command(testenv.Python, "-c", `
import sqlite3, sys
print(sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("select jail, ip, bantime from bips").fetchall())`, path).CombinedOutput()
	if err != nil || string(out) != "[('sshd', '192.0.2.1', 600)]\n" {
		t.Errorf("%v: %s", err, out)
	}
	add(t, d, ticket("192.0.2.2", 1), 600)
}

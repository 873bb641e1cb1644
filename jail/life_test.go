package jail

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// TestFromLineToUnban is the whole way of an ID (3.2.1, 3.3.3, 3.4.2, 3.4.6).
func TestFromLineToUnban(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.start()
		b.want("INFO jail: Jail 'j' started", "a.start")
		b.line(0, "fail amy 192.0.2.1")
		b.line(0, "fail bob 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00", "INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00")
		b.line(0, "fail eve 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00", "NOTICE actions: [j] Ban 192.0.2.1", "a.ban 192.0.2.1")
		if user, _ := b.banner.tickets[0].Fields.Get("user"); user != "amy" {
			b.Errorf("<F-USER> is %v, want that of the first failure (3.2.5)", user)
		}
		b.pass(600 * time.Second)
		b.want() // over is after the end, not at it
		b.pass(100 * time.Millisecond)
		b.want("NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1")
		b.j.BanIP(b.Context(), []string{"192.0.2.2"})
		b.take()
		b.stop()
		b.want("NOTICE actions: [j] Repeal Ban 192.0.2.2", "a.unban 192.0.2.2", "a.stop", "INFO jail: Jail 'j' stopped")
	})
}

// TestBanCountsFromLogTime_3_3_1 is risk 2.
func TestBanCountsFromLogTime_3_3_1(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.must(b.j.SetBanTime(20))
		b.j.SetMaxRetry(2)
		b.start()
		b.log.inOperation = false
		b.take()
		b.log.Lines(b.Context(), batch("2000-01-01 23:58:20 fail 192.0.2.1\n2000-01-01 23:58:20 fail 192.0.2.1\n"))
		synctest.Wait()
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-01 23:58:20", "INFO filter: [j] Found 192.0.2.1 - 2000-01-01 23:58:20",
			"INFO actions: [j] Ignore 192.0.2.1, expired bantime")
		b.log.inOperation = false
		b.log.Lines(b.Context(), batch("2000-01-01 23:59:50 fail 192.0.2.2\n2000-01-01 23:59:50 fail 192.0.2.2\n"))
		synctest.Wait()
		b.take()
		b.pass(10 * time.Second)
		b.want()
		b.pass(100 * time.Millisecond)
		b.want("NOTICE actions: [j] Unban 192.0.2.2", "a.unban 192.0.2.2")
	})
}

// TestInOperation_2_6_2 is risk 3: the flag belongs to the file and changes at
// its first end.
func TestInOperation_2_6_2(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.log.inOperation = false
		b.start()
		b.take()
		b.line(7200, "fail 192.0.2.1")
		b.want("WARN filter: [j] Ignoring all log entries older than 600s; these are probably messages generated while fail2ban was not running.",
			"WARN filter: [j] Please check a jail for a timing issue. Line with odd timestamp: 2000-01-01 22:00:00 fail 192.0.2.1")
		b.line(7200, "fail 192.0.2.1")
		got := b.take()
		if len(got) == 0 || got[len(got)-1] != "INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00" {
			b.Errorf("second old line: %q", got)
		}
	})
}

// TestNewBanTime_3_4_1 is risk 23: ends move at once, the alarm does not.
func TestNewBanTime_3_4_1(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.must(b.j.SetBanTime("1h"))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.must(b.j.SetBanTime(5))
		b.pass(7 * time.Second)
		b.take()
		if got, want := pytext.Repr(b.j.BanList(true)), `['192.0.2.1 \t2000-01-02 00:00:00 + 5 = 2000-01-02 00:00:05']`; got != want {
			b.Errorf("banip --with-time: %s, want %s", got, want)
		}
		b.j.BanIP(b.Context(), []string{"192.0.2.2"})
		b.take()
		b.pass(5100 * time.Millisecond)
		b.want("NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1", "NOTICE actions: [j] Unban 192.0.2.2", "a.unban 192.0.2.2")
	})
}

// TestPermanent_3_3_8 never ends and shows the last second of 9999.
func TestPermanent_3_3_8(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.must(b.j.SetBanTime("-1"))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.pass(1000 * 24 * time.Hour)
		if got, want := pytext.Repr(b.j.BanList(true)), `['192.0.2.1 \t2000-01-02 00:00:00 + -1 = 9999-12-31 23:59:59']`; got != want {
			b.Errorf("banip --with-time: %s, want %s", got, want)
		}
	})
}

// TestAlreadyBanned_3_3_5 speaks up with the time since the ban, has actions
// checked, and repeats the ban that a repair has lost.
func TestAlreadyBanned_3_3_5(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.j.SetMaxRetry(1)
		b.start()
		b.line(0, "fail 192.0.2.1")
		b.take()
		b.pass(2 * time.Second)
		b.line(0, "fail 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:02")
		b.pass(8 * time.Second)
		b.banner.breaks = true
		b.line(0, "fail 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:10", "NOTICE actions: [j] 192.0.2.1 already banned",
			"a.check flushing=false", "NOTICE actions: [j] Reban 192.0.2.1, action 'a'", "a.reban 192.0.2.1")
		b.pass(60 * time.Second)
		b.line(0, "fail 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:01:10", "WARN actions: [j] 192.0.2.1 already banned", "a.check flushing=false")
		// Each of them has moved the end (3.3.5).
		if got, want := pytext.Repr(b.j.BanList(true)), `['192.0.2.1 \t2000-01-02 00:00:00 + 670 = 2000-01-02 00:11:10']`; got != want {
			b.Errorf("banip --with-time: %s, want %s", got, want)
		}
	})
}

// TestProlong_3_6_7: an action hears of a later end within 10 s, once for many.
func TestProlong_3_6_7(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.banner.prolongs = true
		b.j.SetMaxRetry(1)
		b.start()
		b.line(0, "fail 192.0.2.1")
		for range 5 {
			b.pass(time.Second)
			b.line(0, "fail 192.0.2.1")
		}
		b.take()
		b.pass(10 * time.Second)
		b.want("a.prolong 192.0.2.1 605.0")
	})
}

// TestFailingAction_3_3_3 does not stop the next one, and the ban stands.
func TestFailingAction_3_3_3(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.banner.fails["ban"] = errors.New("Error banning 192.0.2.1")
		b.must(b.j.AddAction(newAction(t, b.recorder, "z")))
		b.start()
		b.take()
		if n := b.j.BanIP(b.Context(), []string{"192.0.2.1"}); n != 1 {
			b.Errorf("%d banned", n)
		}
		b.want("NOTICE actions: [j] Ban 192.0.2.1", "a.ban 192.0.2.1",
			"ERROR actions: Failed to execute ban jail 'j' action 'a' info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', 'fid': '192.0.2.1'})': Error banning 192.0.2.1",
			"z.ban 192.0.2.1")
		if b.j.Banned([]string{"192.0.2.1"}) != 1 {
			b.Error("not in the ban list")
		}
	})
}

// TestBanip_3_3_7 takes any text, past ignoreip, and says how many are new.
func TestBanip_3_3_7(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.j.AddIgnoreIP("192.0.2.1")
		b.start()
		got, err := b.j.Set(b.Context(), "banip", []any{"192.0.2.1", "192.0.2.1", "198.51.100.7/24", "bob", "2001:DB8::1"})
		if err != nil || got != 4 {
			b.Errorf("reply %v, %v", got, err)
		}
		if got, want := pytext.Repr(b.j.BanList(false)), "['192.0.2.1', '198.51.100.0/24', 'bob', '2001:db8::1']"; got != want {
			b.Errorf("banip: %s, want %s", got, want)
		}
		if tk := b.banner.tickets[0]; tk.Failures != 0 || len(tk.Matches) != 0 || tk.TimeInt {
			b.Errorf("ticket %+v", tk)
		}
	})
}

// TestUnbanip_3_4_3 lifts single IDs and all inside a network, and forgets.
func TestUnbanip_3_4_3(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1", "192.0.2.2", "198.51.100.1", "bob"})
		b.take()
		for _, step := range []struct {
			args  []any
			want  any
			class any
			text  string
		}{
			{[]any{"bob"}, 1, nil, ""},
			{[]any{"192.0.2.0/24"}, 2, nil, ""},
			{[]any{"192.0.2.1"}, 0, nil, ""},
			{[]any{"--report-absent", "192.0.2.1", "198.51.100.1", "x"}, nil, "ValueError", "not banned: ['192.0.2.1', 'x']"},
		} {
			got, err := b.j.Set(b.Context(), "unbanip", step.args)
			if got != step.want || errClass(err) != step.class || err != nil && err.Error() != step.text {
				b.Errorf("unbanip %v: %v, %v", step.args, got, err)
			}
		}
		b.want("NOTICE actions: [j] Unban bob", "a.unban bob", "NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1",
			"NOTICE actions: [j] Unban 192.0.2.2", "a.unban 192.0.2.2", "MSG actions: 192.0.2.1 is not banned", "MSG actions: 192.0.2.1 is not banned",
			"NOTICE actions: [j] Unban 198.51.100.1", "a.unban 198.51.100.1", "MSG actions: x is not banned")
		if len(b.store.rows) != 0 {
			b.Errorf("still stored: %v", b.store.rows)
		}
	})
}

// TestFlush_3_4_5 lifts all at once where an action can, singly elsewhere.
func TestFlush_3_4_5(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.banner.flushes = true
		b.must(b.j.AddAction(newAction(t, b.recorder, "z")))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1", "192.0.2.2"})
		b.take()
		if n := b.j.UnbanAll(b.Context()); n != 2 {
			b.Errorf("%d lifted", n)
		}
		b.want("NOTICE actions: [j] Flush ticket(s) with a", "a.flush",
			"NOTICE actions: [j] Unban 192.0.2.1", "z.unban 192.0.2.1", "NOTICE actions: [j] Unban 192.0.2.2", "z.unban 192.0.2.2")
		if c := b.j.Counts(); c.Banned != 0 || c.TotalBanned != 2 || len(b.store.rows) != 0 {
			b.Errorf("%+v, stored %v", c, b.store.rows)
		}
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.banner.flushError = errors.New("Error flushing")
		b.take()
		b.stop()
		b.want("NOTICE actions: [j] Flush ticket(s) with a", "a.flush", "ERROR actions: Failed to flush bans in jail 'j' action 'a': Error flushing",
			"INFO actions: No flush occurred, do consistency check", "a.check flushing=true",
			"NOTICE actions: [j] Repeal Ban 192.0.2.1", "z.unban 192.0.2.1", "z.stop", "a.stop", "INFO jail: Jail 'j' stopped")
	})
}

// TestFlushWithoutCheck_3_4_5: where there is nothing to check, what a failed flush
// has left is lifted singly.
func TestFlushWithoutCheck_3_4_5(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.banner.flushes, b.banner.flushError = true, errors.New("Error flushing")
		b.must(b.j.DelAction("a"))
		b.must(b.j.AddAction(unchecked{b.banner}))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.take()
		b.j.UnbanAll(b.Context())
		b.want("NOTICE actions: [j] Flush ticket(s) with a", "a.flush", "ERROR actions: Failed to flush bans in jail 'j' action 'a': Error flushing",
			"INFO actions: No flush occurred, do consistency check", "NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1")
	})
}

// TestAttempt_3_2_7 counts texts, and an ignored ID not at all.
func TestAttempt_3_2_7(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.j.AddIgnoreIP("192.0.2.9")
		b.j.SetMaxRetry(3)
		b.start()
		b.take()
		for _, step := range []struct {
			args []any
			want int
		}{{[]any{"192.0.2.9"}, 0}, {[]any{"192.0.2.1"}, 1}, {[]any{"192.0.2.1", "m1", "m2"}, 1}} {
			if got, err := b.j.Set(b.Context(), "attempt", step.args); got != step.want || err != nil {
				b.Errorf("attempt %v: %v, %v", step.args, got, err)
			}
		}
		synctest.Wait()
		b.want("INFO filter: [j] Ignore 192.0.2.9 by ip", "INFO filter: [j] Attempt 192.0.2.1 - 2000-01-02 00:00:00",
			"INFO filter: [j] Attempt 192.0.2.1 - 2000-01-02 00:00:00", "NOTICE actions: [j] Ban 192.0.2.1", "a.ban 192.0.2.1")
		if tk := b.banner.tickets[0]; tk.Attempts != 3 || tk.Failures != 2 || tk.JoinedLines() != "m1\nm2" {
			b.Errorf("attempts %d, failures %d, matches %q", tk.Attempts, tk.Failures, tk.JoinedLines())
		}
	})
}

// TestIdle holds everything up and loses nothing.
func TestIdle(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		if got, err := b.j.Set(b.Context(), "idle", []any{"on"}); got != true || err != nil {
			b.Errorf("idle on: %v, %v", got, err)
		}
		b.take()
		go func() { _ = b.log.Lines(b.Context(), batch("2000-01-02 00:00:00 fail 192.0.2.2\n")) }()
		b.pass(700 * time.Second)
		b.want()
		if got, err := b.j.Set(b.Context(), "idle", []any{"off"}); got != false || err != nil {
			b.Errorf("idle off: %v, %v", got, err)
		}
		synctest.Wait()
		if got := b.take(); len(got) < 3 {
			b.Errorf("after idle: %q", got)
		}
		if _, err := b.j.Set(b.Context(), "idle", []any{"maybe"}); errClass(err) != "Exception" {
			b.Errorf("idle maybe: %v", err)
		}
	})
}

// TestSlowActionsHoldUpNobody: the log is read on, one ID's flood takes no
// place, and each ban follows as soon as the last is done.
func TestSlowActionsHoldUpNobody(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.banner.takes = time.Minute
		b.j.SetMaxRetry(1)
		b.must(b.j.SetBanTime("1d"))
		b.start()
		begin := time.Now()
		b.line(0, "fail 192.0.2.1")
		for range 1000 {
			b.line(0, "fail 192.0.2.1")
		}
		b.line(0, "fail 192.0.2.2")
		if time.Since(begin) != 0 {
			b.Errorf("reading took %v", time.Since(begin))
		}
		b.pass(2 * time.Minute)
		if got := b.j.Banned([]string{"192.0.2.1", "192.0.2.2"}); fmt.Sprint(got) != "[1 1]" {
			b.Errorf("banned: %v", got)
		}
		if n := len(b.banner.tickets); n != 2 {
			b.Errorf("%d bans done, want 2", n)
		}
		b.banner.takes = 0
	})
}

// TestRestore_3_7 brings bans back after the start, but for ignored and expired
// ones; they are told from new ones.
func TestRestore_3_7(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		quiet := newAction(t, b.recorder, "mail")
		quiet.noRestored = true
		b.must(b.j.AddAction(quiet))
		b.j.AddIgnoreIP("192.0.2.9")
		now := unix(time.Now())
		for i, id := range []string{"192.0.2.1", "192.0.2.9", "192.0.2.3", "192.0.2.4"} {
			tk := &Ticket{ID: ipaddr.Parse(id), Time: now - 30, TimeInt: true, BanCount: 1}
			tk.SetBanTime([]Seconds{Int(100), Int(100), Int(30), Int(Permanent)}[i])
			b.store.current = append(b.store.current, tk)
		}
		b.start()
		b.want("INFO jail: Jail 'j' started", "INFO filter: [j] Ignore 192.0.2.9 by ip", "a.start", "mail.start",
			"NOTICE actions: [j] Restore Ban 192.0.2.1", "a.ban 192.0.2.1", "NOTICE actions: [j] Restore Ban 192.0.2.4", "a.ban 192.0.2.4")
		if tk := b.banner.tickets[0]; !tk.Restored || tk.BanCount != 2 || pytext.Str(tk.PyTime()) != fmt.Sprint(int64(now)-30) {
			b.Errorf("restored ticket %+v", tk)
		}
		if len(b.store.rows) != 0 {
			b.Errorf("restored bans are stored again: %v", b.store.rows)
		}
		if want := (Query{Jail: "j", Now: now, ForBanTime: Int(600), HasForBanTime: true, MaxBanTime: Int(600), MaxMatches: 5}); b.store.asked != want {
			b.Errorf("asked %+v, want %+v", b.store.asked, want)
		}
		b.pass(71 * time.Second)
		b.want("NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1", "mail.unban 192.0.2.1")
	})
}

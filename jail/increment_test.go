package jail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// TestIncrement_3_6_6 is the flow of bans that grow: settled before the action
// runs, told as Ban, then why, then how long (decision 5).
func TestIncrement_3_6_6(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.must(b.j.SetBanTimeExtra("increment", true))
		b.j.SetMaxRetry(2)
		b.start()
		b.want("INFO jail: Set banTime.increment = True", "INFO filter:   maxRetry: 2", "INFO jail: Jail 'j' started", "a.start")
		b.line(0, "fail 192.0.2.1")
		b.line(0, "fail 192.0.2.1")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00", "INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00",
			"NOTICE actions: [j] Ban 192.0.2.1", "a.ban 192.0.2.1") // 3.6.9: the first is not increased
		b.pass(601 * time.Second)
		b.take()
		b.line(0, "fail 192.0.2.1") // 3.6.8: a known bad ID counts faster
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:10:01",
			"INFO observer: [j] Found 192.0.2.1, bad - 2000-01-02 00:10:01, 1 # -> 2.0, Ban",
			"NOTICE actions: [j] Ban 192.0.2.1",
			"INFO observer: [j] IP 192.0.2.1 is bad: 1 # last 2000-01-02 00:00:00 - incr 10m to 20m",
			"NOTICE observer: [j] Increase Ban 192.0.2.1 (2 # 20m -> 2000-01-02 00:30:01)",
			"a.ban 192.0.2.1")
		tk := b.banner.tickets[1]
		if tk.BanCount != 2 || tk.BanTime != Int(1200) || tk.Failures != 2 {
			b.Errorf("bancount %d, bantime %v, failures %d", tk.BanCount, tk.BanTime, tk.Failures)
		}
		b.pass(1199 * time.Second)
		b.want()
		b.pass(1100 * time.Millisecond)
		b.want("NOTICE actions: [j] Unban 192.0.2.1", "a.unban 192.0.2.1")
	})
}

// TestIncrementOptions_3_6 are what options make of the second ban, and the
// words of the log.
func TestIncrementOptions_3_6(t *testing.T) {
	tests := []struct {
		name string
		opts map[string]any
		want []string
	}{
		{"maxtime makes it permanent", map[string]any{"maxtime": "-1"}, []string{
			"INFO observer: [j] IP 192.0.2.1 is bad: 1 # last 2000-01-02 00:00:00 - incr 10m to -1s",
			"NOTICE observer: [j] Increase Ban 192.0.2.1 (2 # permanent -> infinite)"}},
		{"factor makes a float", map[string]any{"factor": "1.0"}, []string{
			"INFO observer: [j] IP 192.0.2.1 is bad: 1 # last 2000-01-02 00:00:00 - incr 10m to 20.0m",
			"NOTICE observer: [j] Increase Ban 192.0.2.1 (2 # 20.0m -> 2000-01-02 00:30:01)"}},
		{"multipliers may shorten", map[string]any{"multipliers": "1 1", "factor": "0.5"}, []string{
			"INFO observer: [j] IP 192.0.2.1 is bad: 1 # last 2000-01-02 00:00:00 - incr 10m to 5.0m",
			"NOTICE observer: [j] Increase Ban 192.0.2.1 (2 # 5.0m -> 2000-01-02 00:15:01)"}},
		{"formula that divides by zero", map[string]any{"formula": "ban.Time / (ban.Count - 1)"}, []string{
			"ERROR observer: division by zero"}},
		{"nothing more than before", map[string]any{"formula": "ban.Time"}, []string{
			"INFO observer: [j] IP 192.0.2.1 is bad: 1 # last 2000-01-02 00:00:00 - incr 10m to 10m"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, true, func(b *bench) {
				b.must(b.j.SetBanTimeExtra("increment", "true"))
				for _, opt := range []string{"factor", "formula", "maxtime", "multipliers"} {
					if v, ok := tt.opts[opt]; ok {
						b.must(b.j.SetBanTimeExtra(opt, v))
					}
				}
				b.start()
				b.j.BanIP(b.Context(), []string{"192.0.2.1"})
				b.pass(601 * time.Second)
				b.take()
				b.j.BanIP(b.Context(), []string{"192.0.2.1"})
				b.want(append(append([]string{"NOTICE actions: [j] Ban 192.0.2.1"}, tt.want...), "a.ban 192.0.2.1")...)
			})
		})
	}
}

// TestLinesReadTwice_3_6_6: a ban whose lines are older than the last stored
// one is told as new but marked restored, and not stored again.
func TestLinesReadTwice_3_6_6(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.must(b.j.SetBanTimeExtra("increment", true))
		b.j.SetMaxRetry(1)
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.stop()
		b.take()
		again, err := New("j", "auto", b.j.env)
		b.must(err)
		mail := newAction(t, b.recorder, "mail")
		mail.noRestored = true
		b.must(again.AddAction(mail))
		b.must(again.SetBanTimeExtra("increment", true))
		b.take()
		again.ban(b.Context(), failure("192.0.2.1", unix(time.Now())))
		b.want("NOTICE actions: [j] Ban 192.0.2.1", "NOTICE observer: [j] Increase Ban 192.0.2.1 (2 # 20m -> 2000-01-02 00:20:00)")
		for id, rows := range b.store.rows {
			if len(rows) != 1 {
				b.Errorf("%s is stored %d times", id, len(rows))
			}
		}
	})
}

// TestIncrementNeedsStore_3_6_1 says so.
func TestIncrementNeedsStore_3_6_1(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.must(b.j.SetBanTimeExtra("increment", true))
		b.want("INFO jail: Set banTime.increment = True", "WARN jail: ban time increment is not available as long jail database is not set")
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		if got := pytext.Repr(b.j.BanList(true)); got != `['192.0.2.1 \t2000-01-02 00:00:00 + 600 = 2000-01-02 00:10:00']` {
			b.Error(got)
		}
	})
}

// TestKnownBad_3_6_8 is how much one failure of an ID weighs after some bans.
func TestKnownBad_3_6_8(t *testing.T) {
	tests := []struct {
		bans     int
		maxRetry int
		want     string
	}{
		{1, 5, ", bad - 2000-01-02 00:00:00, 1 # -> 2.0"},
		{2, 5, ", bad - 2000-01-02 00:00:00, 2 # -> 3.0"},
		{3, 5, ", bad - 2000-01-02 00:00:00, 3 # -> 5.0, Ban"},
		{4, 5, ", bad - 2000-01-02 00:00:00, 4 # -> 5, Ban"},
		{30, 1000000, ", bad - 2000-01-02 00:00:00, 30 # -> 524289.0"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.bans), func(t *testing.T) {
			inBubble(t, true, func(b *bench) {
				b.must(b.j.SetBanTimeExtra("increment", true))
				b.j.SetMaxRetry(tt.maxRetry)
				id := ipaddr.Parse("192.0.2.1")
				b.store.rows[id] = make([]stored, tt.bans)
				b.start()
				b.take()
				b.line(0, "fail 192.0.2.1")
				got := b.take()
				if len(got) < 2 || got[1] != "INFO observer: [j] Found 192.0.2.1"+tt.want {
					b.Errorf("recorded %q", got)
				}
				if banned := len(got) > 2; banned != strings.HasSuffix(tt.want, "Ban") {
					b.Errorf("recorded %q", got)
				}
				// Lines from before the last ban are no news.
				b.store.rows[id][tt.bans-1].time = unix(time.Now()) + 10
				b.j.histories.forgetAll()
				b.line(0, "fail 192.0.2.1")
				if got := b.take(); len(got) > 1 && strings.Contains(got[1], "bad") {
					b.Errorf("recorded %q", got)
				}
			})
		})
	}
}

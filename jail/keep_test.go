package jail

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/source"
)

// killed is what a killed process leaves behind: the store as it is now.
func (s *memStore) killed() *memStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newStore(s.t)
	c.rows, c.places, c.begun = maps.Clone(s.rows), maps.Clone(s.places), maps.Clone(s.begun)
	c.counted, c.tickets, c.sessions = maps.Clone(s.counted), maps.Clone(s.tickets), maps.Clone(s.sessions)
	c.filter = s.filter
	return c
}

// restart goes on with a jail of the next process.
func (b *bench) restart(store *memStore, setup func(*Jail)) {
	b.Helper()
	b.stop()
	b.take()
	b.store = store
	env := Env{Local: time.UTC, Log: slog.New(logTo{r: b.recorder, least: logfmt.LevelMSG}), Store: store}
	j, err := New("j", "auto", env)
	if err != nil {
		b.Fatal(err)
	}
	b.j, b.banner, b.ended = j, newAction(b.T, b.recorder, "a"), make(chan struct{})
	b.must(j.AddAction(b.banner))
	b.must(j.AddFailRegex(`fail (?:<F-USER>[a-z]+</F-USER> )?<ADDR>$`))
	setup(j)
	b.log = &logFile{j: j, wish: logWish{path: "/log"}, inOperation: true}
	b.start()
	b.take()
}

// TestKillBetweenFailures: four failures before the kill and the fifth after it
// make one ban, at whatever moment the four were committed.
func TestKillBetweenFailures(t *testing.T) {
	const session = `s<F-MLFID>\d+</F-MLFID> (?:<F-NOFAIL>try</F-NOFAIL> <F-USER>\S+</F-USER>|<F-MLFFORGET>end</F-MLFFORGET> <ADDR>)$`
	setup := func(j *Jail) {
		j.SetMaxRetry(5)
		if err := j.AddFailRegex(session); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		before []string
		after  string
	}{
		"lines":                   {[]string{"fail 192.0.2.1", "fail 192.0.2.1", "fail 192.0.2.1", "fail 192.0.2.1"}, "fail 192.0.2.1"},
		"a session on both sides": {[]string{"fail 192.0.2.1", "fail 192.0.2.1", "fail 192.0.2.1", "fail 192.0.2.1", "s7 try root"}, "s7 end 192.0.2.1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, true, func(b *bench) {
				setup(b.j)
				b.start()
				for _, line := range tt.before {
					b.line(1, line)
				}
				b.pass(keepPlaces)
				b.restart(b.store.killed(), setup)
				b.line(0, tt.after)
				if all := strings.Join(b.take(), "\n"); strings.Count(all, "[j] Ban 192.0.2.1") != 1 || strings.Count(all, "a.ban") != 1 {
					b.Errorf("not banned once:\n%s", all)
				}
				if tk := b.banner.tickets[0]; tk.Failures != 5 || len(tk.Matches) != 5 {
					b.Errorf("the ticket has %d failures and %d matches", tk.Failures, len(tk.Matches))
				}
				if c := b.j.Counts(); c.TotalFailed != 1 || c.Failed != 0 {
					b.Errorf("counts %+v", c)
				}
			})
		})
	}
}

// TestKillBeforeActions: a ticket that was committed is banned after the start,
// whether its ban was stored by then or not, and also by actions that are not
// for restored bans: nobody knows that they have run.
func TestKillBeforeActions(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.j.SetMaxRetry(1)
		b.start()
		b.banner.takes = time.Minute
		b.line(0, "fail root 192.0.2.1") // its action is at work at the kill
		b.line(0, "fail bob 192.0.2.2")  // waits
		b.pass(time.Second)
		left := b.store.killed()
		if len(left.tickets) != 2 || len(left.begun) != 1 {
			b.Fatalf("%d tickets, %d begun", len(left.tickets), len(left.begun))
		}
		begun := left.rows
		for id := range begun {
			tk := &Ticket{ID: id, Time: begun[id][0].time, BanCount: 1}
			tk.SetBanTime(Int(600))
			left.current = append(left.current, tk)
		}
		b.stop()
		mail := newAction(t, b.recorder, "mail")
		mail.noRestored = true
		b.restart(left, func(j *Jail) { b.must(j.AddAction(mail)) })
		b.pass(time.Second)
		for _, a := range []*fakeAction{b.banner, mail} {
			if len(a.tickets) != 2 || a.tickets[0].ID.String() != "192.0.2.1" || a.tickets[1].ID.String() != "192.0.2.2" {
				b.Errorf("%s was told of %v", a.name, a.tickets)
				continue
			}
			if first, second := a.tickets[0], a.tickets[1]; !first.Restored || second.Restored || second.Fields[0].Value != "bob" {
				b.Errorf("%s: restored %v and %v, fields %v", a.name, first.Restored, second.Restored, second.Fields)
			}
		}
		b.pass(keepPlaces)
		if len(left.tickets) != 0 {
			b.Errorf("tickets are kept although their actions have run: %v", left.tickets)
		}
		if n := len(left.rows); n != 2 {
			b.Errorf("%d IDs with stored bans, want 2", n)
		}
	})
}

// TestBrokenStore: bans go on while nothing can be stored, which is told once a
// minute, and later everything is stored.
func TestBrokenStore(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.j.SetMaxRetry(2)
		b.start()
		b.line(0, "fail 192.0.2.9")
		b.pass(keepCounts)
		b.store.mu.Lock()
		b.store.broken = errors.New("disk full")
		b.store.mu.Unlock()
		b.line(0, "fail 192.0.2.1")
		b.line(0, "fail 192.0.2.1")
		b.line(0, "fail 192.0.2.3")
		b.pass(40 * time.Second)
		all := strings.Join(b.take(), "\n")
		if strings.Count(all, "a.ban 192.0.2.1") != 1 || strings.Count(all, "disk full") != 2 {
			b.Errorf("recorded\n%s", all)
		}
		b.j.BanIP(b.Context(), []string{"192.0.2.7", "192.0.2.8"})
		b.pass(0)
		if _, err := b.j.UnbanIP(b.Context(), []string{"192.0.2.7"}, true); err != nil {
			b.Error(err)
		}
		b.store.mu.Lock()
		b.store.broken = nil
		b.store.mu.Unlock()
		b.pass(2 * keepPlaces)
		left := b.store.killed()
		if len(left.counted) != 2 || len(left.tickets) != 0 {
			b.Errorf("stored afterwards: counts of %d, %d tickets", len(left.counted), len(left.tickets))
		}
		if rows := left.rows; len(rows) != 2 || len(rows[ipaddr.Parse("192.0.2.1")]) != 1 || len(rows[ipaddr.Parse("192.0.2.8")]) != 1 {
			b.Errorf("bans stored afterwards: %v", rows)
		}
	})
}

// TestCommitsAreFew: lines without failures cost a commit every ten seconds,
// failures at most four a second, and a quiet jail none.
func TestCommitsAreFew_3_9_11(t *testing.T) {
	places := []source.Position{{Offset: 1, Hash: "aa"}}
	inBubble(t, true, func(b *bench) {
		b.start()
		count := func(text string, d time.Duration) int {
			before := b.store.killedCommits()
			for end := time.Now().Add(d); text != "" && time.Now().Before(end); b.pass(20 * time.Millisecond) {
				line := batch(time.Now().UTC().Format(time.DateTime) + " " + text + "\n")
				line.Places = places
				b.must(b.log.Lines(b.Context(), line))
			}
			if text == "" {
				b.pass(d)
			}
			return b.store.killedCommits() - before
		}
		if n := count("nothing", 60*time.Second); n < 5 || n > 7 {
			b.Errorf("%d commits in a minute of lines", n)
		}
		b.pass(keepPlaces)
		if n := count("", time.Hour); n != 0 {
			b.Errorf("%d commits in a quiet hour", n)
		}
		b.j.SetMaxRetry(1_000_000)
		if n := count("fail 192.0.2.1", 10*time.Second); n < 35 || n > 42 {
			b.Errorf("%d commits in 10 s of failures", n)
		}
	})
}

func (s *memStore) killedCommits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// TestInterruptedBatch_3_9_11: a batch that is cut short by the end counts up to
// the line that was judged last, so that no line is judged twice.
func TestInterruptedBatch_3_9_11(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var j *Jail
	j, err := New("j", "auto", Env{Local: time.UTC, Store: newStore(t), Clock: func() time.Time {
		if j != nil && j.counter.total == 2 {
			cancel()
		}
		return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.AddFailRegex("fail <ADDR>$"); err != nil {
		t.Fatal(err)
	}
	l := &logFile{j: j, wish: logWish{path: "/log"}}
	const line = "2026-11-22 11:59:59 fail 192.0.2.1\n"
	b := source.Batch{Path: "/log", Data: []byte(strings.Repeat(line, 9)), End: 1000, Hash: "aa"}
	if err := l.Lines(ctx, b); err == nil {
		t.Error("the source is not told that the batch was cut short")
	}
	judged := int64(j.counter.total * len(line))
	if judged == 0 || judged == int64(len(b.Data)) {
		t.Fatalf("%d bytes of the batch were judged", judged)
	}
	begin := b.End - int64(len(b.Data))
	got := l.cut.apply([]source.Position{{Offset: begin, Hash: "old"}, {Offset: begin, Hash: "aa"}})
	if got[0].Offset != begin || got[1].Offset != begin+judged {
		t.Errorf("places %+v after %d bytes", got, judged)
	}
}

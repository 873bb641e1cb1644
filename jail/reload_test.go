package jail

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"f2b-go/internal/pytext"
	"f2b-go/source"
)

// TestReload_3_8 keeps bans, counters and sessions, takes new settings and
// options that are gone (E.1), and changes nothing when it is given up.
func TestReload_3_8(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.j.AddIgnoreIP("192.0.2.9")
		b.j.SetMaxRetry(2)
		b.must(b.j.SetFindTime("1h"))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.line(0, "fail 192.0.2.2")
		b.must(b.j.BeginReload())
		if err := b.j.BeginReload(); errClass(err) != "ValueError" || err.Error() != "Reload already in progress" {
			b.Errorf("second begin: %v", err)
		}
		if err := b.j.AddFailRegex("("); err == nil {
			b.Error("a bad regex is taken")
		}
		b.j.AbortReload()
		if got, _ := b.j.Get("findtime", nil); got != int64(3600) || len(b.j.FailRegex()) != 1 || len(b.j.Actions()) != 1 {
			b.Errorf("after an abort: findtime %v, %v, %v", got, b.j.FailRegex(), b.j.Actions())
		}
		b.take()

		b.must(b.j.BeginReload())
		b.must(b.j.AddFailRegex("bad <ADDR>"))
		b.j.SetMaxRetry(2)
		fresh := newAction(b.T, b.recorder, "new")
		b.must(b.j.AddAction(fresh))
		b.line(0, "fail 192.0.2.3") // the old rules still hold
		b.j.EndReload(b.Context())
		synctest.Wait()
		b.want("INFO filter:   maxRetry: 2", "INFO filter: [j] Found 192.0.2.3 - 2000-01-02 00:00:00",
			"new.start", "new.ban 192.0.2.1", "a.unban 192.0.2.1", "a.stop")
		b.line(0, "fail 192.0.2.2")
		b.line(0, "bad 192.0.2.9")
		b.line(0, "bad 192.0.2.2")
		b.want("INFO filter: [j] Found 192.0.2.9 - 2000-01-02 00:00:00", "INFO filter: [j] Found 192.0.2.2 - 2000-01-02 00:00:00",
			"NOTICE actions: [j] Ban 192.0.2.2", "new.ban 192.0.2.2")
		if got, _ := b.j.Get("findtime", nil); got != int64(600) {
			b.Errorf("findtime %v: the option is gone from the configuration", got)
		}
	})
}

// TestReloadOfActions_3_8_5: the same action goes on with new properties; one
// that can't is stopped and another started.
func TestReloadOfActions_3_8_5(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		same := &adopter{fakeAction: newAction(b.T, b.recorder, "same")}
		other := &adopter{fakeAction: newAction(b.T, b.recorder, "other"), refuses: true}
		b.must(b.j.DelAction("a"))
		b.must(b.j.AddAction(same))
		b.must(b.j.AddAction(other))
		b.start()
		b.j.BanIP(b.Context(), []string{"192.0.2.1"})
		b.take()
		b.must(b.j.BeginReload())
		next := newAction(b.T, b.recorder, "other")
		b.must(b.j.AddAction(newAction(b.T, b.recorder, "same")))
		b.must(b.j.AddAction(next))
		b.j.EndReload(b.Context())
		b.want("same.adopt", "other.adopt", "other.start", "other.ban 192.0.2.1", "other.unban 192.0.2.1", "other.stop", "same.reload")
		if got, err := b.j.Action("same"); got != Action(same) || err != nil {
			b.Errorf("action same: %v, %v", got, err)
		}
		if got, err := b.j.Action("other"); got != Action(next) || err != nil {
			b.Errorf("action other: %v, %v", got, err)
		}
		if _, err := b.j.Action("none"); errClass(err) != "KeyError" || err.Error() != "Invalid Action name: none" {
			b.Errorf("action none: %v", err)
		}
		if err := b.j.AddAction(next); errClass(err) != "ValueError" || err.Error() != "Action other already exists" {
			b.Errorf("again: %v", err)
		}
	})
}

// TestReloadOfLogs_3_8_4 leaves paths that are gone and takes new ones.
func TestReloadOfLogs_3_8_4(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b, c := path("a"), path("b"), path("c")
	j := plainJail(t)
	for _, p := range []string{a, b} {
		if err := j.AddLogPath(p, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.BeginReload(); err != nil {
		t.Fatal(err)
	}
	if err := j.AddLogPath(filepath.Join(dir, "missing"), false); err == nil {
		t.Error("a missing log is taken")
	}
	j.AbortReload()
	if err := j.BeginReload(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{c, b} {
		if err := j.AddLogPath(p, true); err != nil {
			t.Fatal(err)
		}
	}
	if got := pytext.Repr(pyList(j.LogPaths())); got != "['"+c+"', '"+b+"']" {
		t.Errorf("in the reload: %s", got)
	}
	j.EndReload(t.Context())
	if got := j.LogPaths(); !slices.Equal(got, []string{b, c}) {
		t.Errorf("after the reload: %v", got)
	}
}

// TestReloadKeepsSessions: a line before the reload and one after it are one
// session's.
func TestReloadKeepsSessions(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		set := func() {
			b.must(b.j.AddFailRegex(`^ <F-NOFAIL>connect</F-NOFAIL> <F-MLFID>\d+</F-MLFID> from <ADDR>$`))
			b.must(b.j.AddFailRegex(`^ bad <F-MLFID>\d+</F-MLFID>$`))
		}
		set()
		b.start()
		b.line(0, "connect 7 from 192.0.2.1")
		b.must(b.j.BeginReload())
		set()
		b.j.EndReload(b.Context())
		b.take()
		b.line(0, "bad 7")
		b.want("INFO filter: [j] Found 192.0.2.1 - 2000-01-02 00:00:00")
	})
}

// TestSettersWhileLinesAreJudged is for the race detector.
func TestSettersWhileLinesAreJudged(t *testing.T) {
	j := quietJail(t)
	log := &logFile{j: j, inOperation: true}
	done := make(chan struct{})
	go func() {
		defer close(done)
		data := attack(200, 50)
		for range 10 {
			if err := log.Lines(t.Context(), source.Batch{Data: data}); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range 100 {
		j.SetMaxRetry(2 + i%3)
		j.SetMaxMatches(i % 5)
		j.AddIgnoreIP(fmt.Sprintf("10.0.%d.0/24", i))
		for _, err := range []error{j.SetFindTime(600 + i), j.SetBanTime(60 + i), j.SetBanTimeExtra("factor", "2"), j.AddIgnoreRegex("none"), j.BeginReload(), j.AddFailRegex(`fail \S+ <ADDR>$`)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			j.AbortReload()
		} else {
			j.EndReload(t.Context())
		}
		j.Status("basic")
		j.BanList(true)
	}
	<-done
}

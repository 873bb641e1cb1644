package jail

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"f2b-go/internal/logfmt"
	"f2b-go/source"
)

// fakeJournal is a journal whose entries the test gives. It refuses two readers
// at once.
type fakeJournal struct {
	t     *testing.T
	opt   source.JournalOptions
	from  source.JournalPlace
	sink  source.JournalSink
	ctx   context.Context
	opens int
}

func (f *fakeJournal) Follow(ctx context.Context, opt source.JournalOptions, from source.JournalPlace, sink source.JournalSink) error {
	if f.sink != nil {
		f.t.Error("the journal is read twice at once")
	}
	f.opt, f.from, f.sink, f.ctx = opt, from, sink, ctx
	f.opens++
	<-ctx.Done()
	f.sink = nil
	return nil
}

// entry gives one entry, written some seconds ago.
func (f *fakeJournal) entry(b *bench, ago float64, text string) {
	at := unix(time.Now()) - ago
	place := source.JournalPlace{Cursor: "c" + text, Time: at, Text: timeText(at, time.UTC), Seen: true}
	b.must(f.sink.Entries(f.ctx, []source.JournalEntry{{Place: place, Text: []byte(text)}}))
	synctest.Wait()
}

// onJournal is a bench with a jail on a journal.
func onJournal(t *testing.T, backend string, test func(b *bench, f *fakeJournal)) {
	inBubble(t, true, func(b *bench) {
		f := &fakeJournal{t: t}
		b.useJournal(f, backend)
		test(b, f)
	})
}

func (b *bench) useJournal(f *fakeJournal, backend string) {
	b.Helper()
	j, err := New("j", backend, Env{
		Local: time.UTC, Log: slog.New(logTo{r: b.recorder, least: logfmt.LevelMSG}), Store: b.store, Journal: f,
		ParseOptions: func(text string) (map[string]string, error) {
			opts := map[string]string{}
			for _, part := range strings.Split(text, ";") {
				k, v, _ := strings.Cut(part, "=")
				opts[k] = v
			}
			return opts, nil
		},
	})
	b.must(err)
	b.j, b.banner, b.ended = j, newAction(b.T, b.recorder, "a"), make(chan struct{})
	b.must(j.AddAction(b.banner))
	b.must(j.AddFailRegex(`^h sshd\[\d+\]: fail <ADDR>$`))
}

// TestJournalJail_2_9 is a jail on the journal from its start to a restart.
func TestJournalJail_2_9(t *testing.T) {
	onJournal(t, "systemd[journalflags=4;namespace=mail]", func(b *bench, f *fakeJournal) {
		b.take()
		b.match("_COMM=sshd", "+", "_SYSTEMD_UNIT=ssh.service")
		b.j.SetMaxRetry(2)
		b.take()
		b.start()
		if f.opt.Namespace != "mail" || f.opt.Flags == nil || *f.opt.Flags != 4 || len(f.opt.Matches) != 2 {
			b.Errorf("read with %+v", f.opt)
		}
		if want := unix(time.Now()) - 600; f.from.Time != want || f.from.Seen {
			b.Errorf("read from %+v, want %v", f.from, want)
		}
		b.want("INFO jail: Jail 'j' started", "a.start")
		f.entry(b, 700, "h sshd[1]: fail 192.0.2.9") // older than the find time
		f.entry(b, 300, "h sshd[1]: fail 192.0.2.1")
		f.sink.CaughtUp()
		b.pass(keepPlaces)
		got := b.take()
		for _, want := range []string{"INFO filter: [j] Found 192.0.2.1 - 2000-01-01 23:55:00", "INFO filter: [j] Jail is in operation now (process new journal entries)"} {
			if !slices.Contains(got, want) {
				b.Errorf("not logged: %s in %q", want, got)
			}
		}
		left := b.store.killed()
		left.journal = b.store.journal
		if left.journal.Cursor != "ch sshd[1]: fail 192.0.2.1" {
			b.Errorf("stored place %+v", left.journal)
		}
		b.stop()
		b.take()
		next := &fakeJournal{t: t}
		b.store = left
		b.useJournal(next, "systemd")
		b.j.SetMaxRetry(2)
		b.start()
		if next.from != left.journal {
			b.Errorf("read from %+v", next.from)
		}
		b.take()
		next.entry(b, 0, "h sshd[2]: fail 192.0.2.1")
		if got := b.take(); !slices.Contains(got, "a.ban 192.0.2.1") {
			b.Errorf("not banned: %q", got)
		}
		if tk := b.banner.tickets[0]; tk.Failures != 2 || tk.Matches[1].Text() != "2000-01-02 00:00:10 h sshd[2]: fail 192.0.2.1" {
			b.Errorf("ticket %+v", tk)
		}
	})
}

// TestJournalMatchesChange_3_9_12: new matches are read with at once, from where
// the old ones stopped; a reload that changes none goes on undisturbed.
func TestJournalMatchesChange_3_9_12(t *testing.T) {
	onJournal(t, "systemd", func(b *bench, f *fakeJournal) {
		b.start()
		if got := strings.Join(b.take(), "\n"); !strings.Contains(got, "NOTICE filter: [j] Jail started without 'journalmatch' set.") {
			b.Errorf("not told that all entries are read: %s", got)
		}
		f.entry(b, 5, "h sshd[1]: fail 192.0.2.1")
		b.match("_COMM=sshd")
		synctest.Wait()
		if f.opens != 2 || len(f.opt.Matches) != 1 || f.from.Cursor != "ch sshd[1]: fail 192.0.2.1" {
			b.Errorf("%d readings, %+v from %+v", f.opens, f.opt.Matches, f.from)
		}
		b.must(b.j.BeginReload())
		b.match("_COMM=sshd")
		b.must(b.j.AddFailRegex("fail <ADDR>$"))
		b.j.EndReload(b.Context())
		synctest.Wait()
		if f.opens != 2 {
			b.Errorf("%d readings after a reload that changed nothing", f.opens)
		}
		b.must(b.j.DelJournalMatch([]string{"_COMM=sshd"}))
		synctest.Wait()
		if f.opens != 3 || len(f.opt.Matches) != 0 {
			b.Errorf("%d readings, %+v", f.opens, f.opt.Matches)
		}
	})
}

// TestJournalOptions_2_9_4: what can't be read is told.
func TestJournalOptions_2_9_4(t *testing.T) {
	for backend, want := range map[string]string{
		"systemd[journalflags=x]":                "journalflags \"x\" is no number",
		"systemd[journalfiles=/a,/b /c]":         "",
		"systemd[journalpath=/var/log/journal/]": "",
	} {
		onJournal(t, backend, func(b *bench, f *fakeJournal) {
			b.match("_COMM=sshd")
			b.start()
			all := strings.Join(b.take(), "\n")
			if (want != "") != strings.Contains(all, "the journal is not read: "+want) || want == "" && f.opens != 1 {
				b.Errorf("%s: %d readings\n%s", backend, f.opens, all)
			}
			if strings.Contains(backend, "files") && len(f.opt.Files) != 3 {
				b.Errorf("files %q", f.opt.Files)
			}
		})
	}
	for _, c := range []struct{ backend, variable, want string }{
		{"systemd", "", "-"}, {"systemd", "1", "1"}, {"systemd[rotated=on]", "", "4"}, {"systemd[rotated=off]", "", "-"}, {"systemd[rotated=on]", "0", "0"},
		{"systemd[journalflags=8;rotated=on]", "4", "8"}, {"systemd[journalpath=/j]", "4", "-"}, {"systemd[journalfiles=/a;rotated=on]", "4", "-"},
	} {
		onJournal(t, c.backend, func(b *bench, f *fakeJournal) {
			b.j.env.Getenv = func(name string) string { return map[string]string{"F2B_SYSTEMD_DEFAULT_FLAGS": c.variable}[name] }
			b.match("_COMM=sshd")
			b.start()
			got := "-"
			if f.opt.Flags != nil {
				got = strconv.Itoa(*f.opt.Flags)
			}
			if got != c.want {
				b.Errorf("%s with %q in the environment: flags %s, want %s", c.backend, c.variable, got, c.want)
			}
		})
	}
	onJournal(t, "systemd", func(b *bench, f *fakeJournal) {
		err := b.j.AddJournalMatch([]string{"_COMM=sshd", "+", "/usr/sbin/sshd"})
		if err == nil || err.Error() != "journalmatch '/usr/sbin/sshd' is not of the form FIELD=VALUE" || len(b.j.JournalMatches()) > 0 {
			b.Errorf("%v, matches %q", err, b.j.JournalMatches())
		}
	})
}

// match adds a journalmatch that must be taken.
func (b *bench) match(words ...string) {
	b.Helper()
	if err := b.j.AddJournalMatch(words); err != nil {
		b.Fatal(err)
	}
}

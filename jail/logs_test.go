package jail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"f2b-go/internal/logfmt"
	"f2b-go/internal/testenv"
	"f2b-go/source"
)

// told is an action that tells of each ban on a channel.
type told struct {
	*fakeAction
	bans chan *Ticket
}

func (a *told) Ban(ctx context.Context, t *Ticket) error {
	err := a.fakeAction.Ban(ctx, t)
	a.bans <- t
	return err
}

// liveBench is a watcher on real files with jails on it.
type liveBench struct {
	*testing.T
	*recorder
	w        *source.Watcher
	wg       sync.WaitGroup
	ctx      context.Context
	stop     context.CancelFunc
	stopLogs func()
}

func newLive(t *testing.T) *liveBench { return newLiveWith(t, source.Options{}) }

func newLiveWith(t *testing.T, opt source.Options) *liveBench {
	b := &liveBench{T: t, recorder: &recorder{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	log := slog.New(logTo{r: b.recorder, logger: "filter", least: logfmt.LevelMSG})
	opt.Log = log
	b.w = source.NewWatcher(opt)
	logs, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := b.w.Run(logs); err != nil {
			t.Error(err)
		}
	}()
	b.stopLogs = func() { cancel(); <-over }
	t.Cleanup(b.end)
	return b
}

// end stops the jails, then the watcher.
func (b *liveBench) end() {
	b.stop()
	b.wg.Wait()
	b.stopLogs()
}

// jail runs a jail with a failregex on logs.
func (b *liveBench) jail(name string, store Store, setup func(*Jail)) (*Jail, *told) {
	b.Helper()
	j, err := New(name, "auto", Env{Local: time.UTC, Log: slog.New(logTo{r: b.recorder, least: logfmt.LevelMSG}), Watcher: b.w, Store: store})
	if err != nil {
		b.Fatal(err)
	}
	a := &told{fakeAction: newAction(b.T, b.recorder, name), bans: make(chan *Ticket, 1000)}
	if err := j.AddAction(a); err != nil {
		b.Fatal(err)
	}
	if err := j.AddFailRegex(`fail <ADDR>$`); err != nil {
		b.Fatal(err)
	}
	j.SetMaxRetry(1)
	setup(j)
	b.wg.Go(func() {
		if err := j.Run(b.ctx); err != nil {
			b.Error(err)
		}
	})
	return j, a
}

func (b *liveBench) banned(a *told) string {
	b.Helper()
	select {
	case t := <-a.bans:
		return t.ID.String()
	case <-time.After(testenv.Patience):
		b.Fatalf("no ban; recorded:\n\t%s", strings.Join(b.take(), "\n\t"))
	}
	return ""
}

func (b *liveBench) add(j *Jail, path string, tail bool) {
	b.Helper()
	if err := j.AddLogPath(path, tail); err != nil {
		b.Fatal(err)
	}
}

func appendTo(t *testing.T, path string, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func stamp(ago time.Duration) string { return time.Now().UTC().Add(-ago).Format(time.DateTime) }

// TestLiveLogs: two jails on one file, one of them on a second; a log that is
// added while the jail runs; the end.
func TestLiveLogs(t *testing.T) {
	b := newLive(t)
	dir := t.TempDir()
	one, two, three := filepath.Join(dir, "one"), filepath.Join(dir, "two"), filepath.Join(dir, "three")
	for _, p := range []string{one, two, three} {
		appendTo(t, p, "first line\n")
	}
	x, xa := b.jail("x", nil, func(j *Jail) { b.add(j, one, false); b.add(j, two, false) })
	_, ya := b.jail("y", nil, func(j *Jail) { b.add(j, one, true) })
	appendTo(t, two, stamp(0)+" fail 192.0.2.2\n")
	if got := b.banned(xa); got != "192.0.2.2" {
		t.Errorf("x banned %s", got)
	}
	// y reads new lines only, so write until it reads.
	for i := 1; ; i++ {
		appendTo(t, one, fmt.Sprintf("%s fail 198.51.100.%d\n", stamp(0), i))
		b.banned(xa)
		if len(ya.bans) > 0 {
			break
		}
		if i > 200 {
			t.Fatal("y reads nothing")
		}
	}
	b.add(x, three, false)
	appendTo(t, three, stamp(0)+" fail 192.0.2.3\n")
	if got := b.banned(xa); got != "192.0.2.3" {
		t.Errorf("x banned %s", got)
	}
	x.DelLogPath(three)
	if got := x.LogPaths(); !slices.Equal(got, []string{one, two}) {
		t.Errorf("logs %v", got)
	}
	b.end()
	all := strings.Join(b.take(), "\n")
	for _, want := range []string{"INFO filter: Added logfile: '" + three + "' (pos = 0, hash = ", "INFO filter: Removed logfile: '" + two + "'",
		"INFO jail: Jail 'x' stopped", "NOTICE actions: [x] Repeal Ban 192.0.2.3"} {
		if !strings.Contains(all, want) {
			t.Errorf("not logged: %s\n%s", want, all)
		}
	}
}

// TestTailFromWhenAsked: a log with tail is read from where it ended when it was
// added, not from where it ends when the jail gets to it.
func TestTailFromWhenAsked(t *testing.T) {
	b := newLive(t)
	log := filepath.Join(t.TempDir(), "log")
	appendTo(t, log, stamp(0)+" fail 192.0.2.1\n")
	_, xa := b.jail("x", nil, func(j *Jail) {
		b.add(j, log, true)
		appendTo(t, log, stamp(0)+" fail 192.0.2.2\n")
	})
	if got := b.banned(xa); got != "192.0.2.2" {
		t.Errorf("banned %s", got)
	}
	b.end()
}

// TestNullDevice: a jail whose log is /dev/null reads nothing and bans whom a
// client names.
func TestNullDevice(t *testing.T) {
	b := newLive(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	x, xa := b.jail("x", nil, func(j *Jail) { b.add(j, os.DevNull, false) })
	b.add(x, link, true)
	x.BanIP(t.Context(), []string{"192.0.2.1"})
	if got := b.banned(xa); got != "192.0.2.1" {
		t.Errorf("x banned %s", got)
	}
	if got := x.LogPaths(); !slices.Equal(got, []string{os.DevNull, link}) {
		t.Errorf("logs %v", got)
	}
	if got := x.Lag(); len(got) != 2 || got[0] != (Lag{Source: os.DevNull, Dated: true}) {
		t.Errorf("lag %v", got)
	}
	if err := x.AddLogPath("/dev/zero", false); !errors.Is(err, source.ErrNotRegular) {
		t.Errorf("another device: %v", err)
	}
	b.end()
	all := strings.Join(b.take(), "\n")
	for _, path := range []string{os.DevNull, link} {
		if !strings.Contains(all, "Added logfile: '"+path+"' (pos = 0, hash = )") || !strings.Contains(all, "Removed logfile: '"+path+"'") {
			t.Errorf("%s is not told:\n%s", path, all)
		}
	}
}

// TestOldContent_3_9_6: what is older than the find time is skipped at the first
// read without being judged; the rest is judged as of its date (2.6.2).
func TestOldContent_3_9_6(t *testing.T) {
	b := newLive(t)
	path := filepath.Join(t.TempDir(), "log")
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, "%s fail 198.51.%d.%d\n", stamp(48*time.Hour-time.Duration(i)*time.Second), i>>8, i&255)
	}
	text.WriteString(stamp(5*time.Minute) + " fail 192.0.2.1\n")
	appendTo(t, path, text.String())
	j, a := b.jail("x", nil, func(j *Jail) { b.add(j, path, false) })
	if got := b.banned(a); got != "192.0.2.1" {
		t.Errorf("banned %s", got)
	}
	if c := j.Counts(); c.TotalFailed != 1 {
		t.Errorf("%d failures counted", c.TotalFailed)
	}
	if tk := a.tickets[0]; unix(time.Now())-tk.Time < 290 {
		t.Errorf("the ban counts from %v", tk.Time)
	}
	appendTo(t, path, stamp(5*time.Hour)+" fail 192.0.2.2\n")
	b.banned(a)
	if tk := a.tickets[1]; unix(time.Now())-tk.Time > 60 {
		t.Errorf("in operation a line counts as of now, not of %v", tk.Time)
	}
}

// TestPositions_3_9_6 are stored at the stop and taken up at the next start.
func TestPositions_3_9_6(t *testing.T) {
	store := newStore(t)
	path := filepath.Join(t.TempDir(), "log")
	appendTo(t, path, stamp(0)+" fail 192.0.2.1\n")
	b := newLive(t)
	_, a := b.jail("x", store, func(j *Jail) { b.add(j, path, false) })
	b.banned(a)
	b.end()
	if p := store.places[path]; len(p) != 1 || p[0].Offset == 0 || len(p[0].Hash) != 40 {
		t.Fatalf("stored %+v", p)
	}
	appendTo(t, path, stamp(0)+" fail 192.0.2.2\n")
	b = newLive(t)
	j, a := b.jail("x", store, func(j *Jail) { b.add(j, path, false) })
	if got := b.banned(a); got != "192.0.2.2" {
		t.Errorf("banned %s: lines are judged twice", got)
	}
	if c := j.Counts(); c.TotalFailed != 1 {
		t.Errorf("%d failures counted", c.TotalFailed)
	}
}

// TestLineEnds_2_8_3 is what ends lines in encodings of several bytes.
func TestLineEnds_2_8_3(t *testing.T) {
	for encoding, want := range map[string]string{
		"UTF-8": "", "latin-1": "", "utf-16-le": "\n\x00", "UTF-16LE": "\n\x00", "utf_16_be": "\x00\n", "utf-32": "\n\x00\x00\x00",
	} {
		if got := lineEnd(encoding); got != want {
			t.Errorf("%s: %q, want %q", encoding, got, want)
		}
	}
}

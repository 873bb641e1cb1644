package jail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/source"
)

// errClass is the Python class of a command's error, nil for none.
func errClass(err error) any {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e.Class
	}
	return "not an *Error: " + err.Error()
}

func reprSeconds(s Seconds) string { return pytext.Repr(s.Py()) }

// recorder keeps what is logged and done, in one order.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// take returns what was recorded since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// logTo is a slog.Handler that records `LEVEL logger: message`.
type logTo struct {
	r      *recorder
	logger string
	least  slog.Level
}

func (h logTo) Enabled(_ context.Context, l slog.Level) bool { return l >= h.least }
func (h logTo) WithGroup(string) slog.Handler                { return h }
func (h logTo) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == logfmt.LoggerKey {
			h.logger = strings.TrimPrefix(a.Value.String(), "fail2ban.")
		}
	}
	return h
}

func (h logTo) Handle(_ context.Context, rec slog.Record) error {
	name := map[slog.Level]string{logfmt.LevelNotice: "NOTICE", logfmt.LevelMSG: "MSG"}[rec.Level]
	if name == "" {
		name = rec.Level.String()
	}
	h.r.add(name + " " + h.logger + ": " + rec.Message)
	return nil
}

// fakeAction records its calls. It refuses what a real action could not do:
// two calls at once, a second start, a call after stop, an unban of what it has
// not banned.
type fakeAction struct {
	t    *testing.T
	name string
	r    *recorder

	takes      time.Duration // of each ban and unban
	fails      map[string]error
	flushes    bool
	flushError error
	prolongs   bool
	noRestored bool
	view       View
	breaks     bool // the next check finds the rules gone and repairs them

	busy    sync.Mutex
	state   string
	bans    map[ipaddr.Addr]bool
	epoch   int
	tickets []*Ticket
}

func newAction(t *testing.T, r *recorder, name string) *fakeAction {
	return &fakeAction{t: t, name: name, r: r, bans: map[ipaddr.Addr]bool{}, fails: map[string]error{}}
}

// enter notes a call and holds the action busy until the result is called.
func (a *fakeAction) enter(what string) func() {
	if !a.busy.TryLock() {
		a.t.Errorf("%s of %s while another call is at work", what, a.name)
		return func() {}
	}
	if a.state == "stopped" {
		a.t.Errorf("%s of %s after its stop", what, a.name)
	}
	a.r.add(a.name + "." + what)
	return a.busy.Unlock
}

func (a *fakeAction) Name() string { return a.name }

func (a *fakeAction) Start(context.Context) error {
	defer a.enter("start")()
	if a.state == "started" {
		a.t.Errorf("%s started twice", a.name)
	}
	a.state = "started"
	return a.fails["start"]
}

func (a *fakeAction) Stop(context.Context) error {
	defer a.enter("stop")()
	if len(a.bans) > 0 {
		a.t.Errorf("%s stopped with bans in force: %v", a.name, a.bans)
	}
	a.state = "stopped"
	return a.fails["stop"]
}

func (a *fakeAction) Ban(_ context.Context, t *Ticket) error {
	defer a.enter("ban " + t.ID.String())()
	time.Sleep(a.takes)
	a.tickets = append(a.tickets, t)
	if err := a.fails["ban"]; err != nil {
		return err
	}
	if a.bans[t.ID] {
		a.t.Errorf("%s bans %s twice", a.name, t.ID)
	}
	a.bans[t.ID] = true
	return nil
}

func (a *fakeAction) Reban(_ context.Context, t *Ticket) error {
	defer a.enter("reban " + t.ID.String())()
	if !a.bans[t.ID] {
		a.t.Errorf("%s rebans %s, which it never banned", a.name, t.ID)
	}
	return a.fails["reban"]
}

func (a *fakeAction) Unban(_ context.Context, t *Ticket) error {
	defer a.enter("unban " + t.ID.String())()
	time.Sleep(a.takes)
	if !a.bans[t.ID] && a.fails["ban"] == nil && (!t.Restored || !a.noRestored) {
		a.t.Errorf("%s unbans %s, which it has not banned", a.name, t.ID)
	}
	delete(a.bans, t.ID)
	return a.fails["unban"]
}

func (a *fakeAction) Prolong(_ context.Context, t *Ticket) error {
	defer a.enter("prolong " + t.ID.String() + " " + reprSeconds(t.BanTime))()
	if !a.prolongs || !a.bans[t.ID] {
		a.t.Errorf("%s prolongs %s, which it can't", a.name, t.ID)
	}
	return a.fails["prolong"]
}

func (a *fakeAction) Prolongs() bool      { return a.prolongs }
func (a *fakeAction) Flushes() bool       { return a.flushes }
func (a *fakeAction) SkipsRestored() bool { return a.noRestored }
func (a *fakeAction) Epoch() int          { return a.epoch }

func (a *fakeAction) Flush(context.Context) (bool, error) {
	defer a.enter("flush")()
	if !a.flushes {
		a.t.Errorf("%s can't flush", a.name)
	}
	if a.flushError == nil {
		clear(a.bans)
	}
	return a.flushError == nil, a.flushError
}

func (a *fakeAction) Check(_ context.Context, flushing bool) error {
	defer a.enter(fmt.Sprintf("check flushing=%v", flushing))()
	if flushing {
		clear(a.bans)
	}
	if a.breaks {
		a.breaks = false
		a.epoch = a.view.NextEpoch()
	}
	return nil
}

// unchecked is a fakeAction without a consistency check.
type unchecked struct{ *fakeAction }

func (unchecked) Checks() bool { return false }

// adopter is a fakeAction that lives through reloads.
type adopter struct {
	*fakeAction
	refuses bool
}

func (a *adopter) Adopt(fresh Action) bool {
	a.r.add(a.name + ".adopt")
	return !a.refuses
}

func (a *adopter) Reload(context.Context) error {
	defer a.enter("reload")()
	return nil
}

// memStore is a Store in memory. It refuses a ban without a time.
type memStore struct {
	t       *testing.T
	mu      sync.Mutex
	rows    map[ipaddr.Addr][]stored
	current []*Ticket
	asked   Query
	deleted []string
	places  map[string][]source.Position
	broken  error
	refused bool // it was broken when a ban came

	commits  int
	counted  map[ipaddr.Addr]*Ticket
	tickets  map[int64]*Ticket
	begun    map[int64]bool
	sessions map[string]filter.Session
	filter   filter.Memory
	journal  source.JournalPlace
}

type stored struct {
	time    float64
	banTime Seconds
}

func newStore(t *testing.T) *memStore {
	return &memStore{
		t: t, rows: map[ipaddr.Addr][]stored{}, places: map[string][]source.Position{},
		counted: map[ipaddr.Addr]*Ticket{}, tickets: map[int64]*Ticket{}, begun: map[int64]bool{}, sessions: map[string]filter.Session{},
	}
}

func (s *memStore) History(_ context.Context, _ string, id ipaddr.Addr, _ bool) (History, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.rows[id]
	if len(rows) == 0 {
		return History{}, false, nil
	}
	last := rows[len(rows)-1]
	return History{Count: len(rows), Time: last.time, BanTime: last.banTime}, true, nil
}

func (s *memStore) AddBan(_ context.Context, _ string, t *Ticket, banTime Seconds) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Time == 0 || t.BanCount == 0 {
		s.t.Errorf("a ban without time or count is stored: %+v", t)
	}
	if s.broken != nil {
		s.refused = true
		return s.broken
	}
	if t.Number != 0 && s.tickets[t.Number] == nil && !s.refused {
		s.t.Errorf("a ban of %s without its ticket having been committed", t.ID)
	}
	s.begun[t.Number] = true
	s.rows[t.ID] = append(s.rows[t.ID], stored{t.Time, banTime})
	return nil
}

func (s *memStore) DelBans(_ context.Context, _ string, ids []ipaddr.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if ids == nil {
		clear(s.rows)
		s.deleted = append(s.deleted, "all")
	}
	for _, id := range ids {
		delete(s.rows, id)
		s.deleted = append(s.deleted, id.String())
	}
	return nil
}

func (s *memStore) Current(_ context.Context, q Query) ([]*Ticket, error) {
	s.asked = q
	return s.current, nil
}

func (s *memStore) Merged(context.Context, string, ipaddr.Addr) (*Ticket, error) { return nil, nil }

func (s *memStore) Positions(_ context.Context, _, path string) ([]source.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[path], nil
}

func (s *memStore) JournalPlace(context.Context, string) (source.JournalPlace, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal, s.journal.Seen, nil
}

func (s *memStore) Commit(_ context.Context, c *Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.commits++
	if c.Journal != nil {
		s.journal = *c.Journal
	}
	for _, p := range c.Places {
		s.places[p.Path] = p.Places
	}
	if c.Whole {
		clear(s.counted)
		clear(s.sessions)
	}
	for _, id := range c.Forgotten {
		delete(s.counted, id)
	}
	for _, t := range c.Counted {
		s.counted[t.ID] = t
	}
	for _, t := range c.Tickets {
		s.tickets[t.Number] = t
	}
	for _, n := range c.Done {
		delete(s.tickets, n)
		delete(s.begun, n)
	}
	for _, id := range c.Filter.Closed {
		delete(s.sessions, id)
	}
	for _, o := range c.Filter.Sessions {
		s.sessions[o.ID] = o
	}
	s.filter = c.Filter
	return nil
}

func (s *memStore) Recall(context.Context, string) (*Memory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Memory{Begun: map[ipaddr.Addr]int64{}, Filter: s.filter}
	for _, t := range s.counted {
		c := *t
		c.Matches = slices.Clone(t.Matches)
		m.Counted = append(m.Counted, &c)
	}
	for n, t := range s.tickets {
		if s.begun[n] {
			m.Begun[t.ID] = n
			continue
		}
		m.Tickets = append(m.Tickets, t.copyOf())
	}
	m.Filter.Sessions, m.Filter.Closed = nil, nil
	for _, o := range s.sessions {
		m.Filter.Sessions = append(m.Filter.Sessions, o)
	}
	return m, nil
}

// bench is a jail with its surroundings, in a bubble of synctest.
type bench struct {
	*testing.T
	*recorder
	j      *Jail
	store  *memStore
	log    *logFile
	end    context.CancelFunc
	ended  chan struct{}
	banner *fakeAction
}

// inBubble runs a test, from 2000-01-02 00:00:00 UTC on, with a jail `j` that has one action `a`, one failregex
// `fail <HOST>`, and one log. With store it has one.
func inBubble(t *testing.T, store bool, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour) // a bubble begins where the default date patterns do
		b := &bench{T: t, recorder: &recorder{}, ended: make(chan struct{})}
		env := Env{Local: time.UTC, Log: slog.New(logTo{r: b.recorder, least: logfmt.LevelMSG})}
		if store {
			b.store = newStore(t)
			env.Store = b.store
		}
		var err error
		if b.j, err = New("j", "auto", env); err != nil {
			t.Fatal(err)
		}
		b.banner = newAction(t, b.recorder, "a")
		b.banner.view = b.j
		b.must(b.j.AddAction(b.banner))
		b.must(b.j.AddFailRegex(`fail (?:<F-USER>[a-z]+</F-USER> )?<ADDR>$`))
		b.log = &logFile{j: b.j, wish: logWish{path: "/log"}, inOperation: true}
		b.take()
		test(b)
		b.stop()
	})
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// start runs the jail until the bubble ends.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	b.end = cancel
	go func() {
		defer close(b.ended)
		if err := b.j.Run(ctx); err != nil {
			b.Error(err)
		}
	}()
	synctest.Wait()
}

func (b *bench) stop() {
	if b.end != nil {
		b.end()
		<-b.ended
		b.end = nil
	}
}

// line writes one line to the log, dated some seconds from now.
func (b *bench) line(ago float64, text string) {
	b.Helper()
	at := time.Now().UTC().Add(-time.Duration(ago * float64(time.Second)))
	data := []byte(at.Format(time.DateTime) + " " + text + "\n")
	if err := b.log.Lines(b.Context(), source.Batch{Path: "/log", Data: data, AtEnd: true}); err != nil {
		b.Error(err)
	}
	synctest.Wait()
}

// pass lets time go by.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want compares what was recorded since the last look, times cut to seconds.
func (b *bench) want(lines ...string) {
	b.Helper()
	if got := b.take(); !slices.Equal(got, lines) {
		b.Errorf("recorded\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

func batch(text string) source.Batch {
	return source.Batch{Path: "/log", Data: []byte(text), AtEnd: true}
}

package jail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// lossEvery is the least time between two lines about dropped counters or
// tickets, in seconds.
const lossEvery = 60

// judge has the filter judge one line and counts what it finds.
func (j *Jail) judge(ctx context.Context, s *settings, line filter.Line, inOperation bool) {
	found, verdict := s.filter.Judge(line, j.mode(s, inOperation))
	j.judged(ctx, s, &filter.Judged{At: j.env.Clock(), Raw: line.Text, Failures: found, Verdict: &verdict})
}

// judgeBlock has the filter judge lines of a log and counts what it finds. It
// gives how many bytes were judged: all, unless ctx ended before.
func (j *Jail) judgeBlock(ctx context.Context, s *settings, b filter.Block, inOperation bool) int {
	// A line that is begun is judged to its end: its ignorecommand must not be
	// taken for an answer when it was killed.
	lasting := context.WithoutCancel(ctx)
	done, _ := s.filter.JudgeBlock(b, j.mode(s, inOperation), func(l *filter.Judged) error {
		l.FillMatches()
		j.judged(lasting, s, l)
		return ctx.Err()
	})
	return done.Bytes
}

func (j *Jail) mode(s *settings, inOperation bool) filter.Mode {
	return filter.Mode{Gate: true, FindTime: s.findTime.Value, InOperation: inOperation}
}

// judged counts the failures of a line.
func (j *Jail) judged(ctx context.Context, s *settings, l *filter.Judged) {
	if err := l.Verdict.Err; err != nil {
		j.logs.filter.Error("Failed to process line: " + pytext.Repr(string(bytes.ToValidUTF8(l.Raw, []byte("\uFFFD")))) +
			", caught exception: " + exception(err))
		return
	}
	for i := range l.Failures {
		if f := &l.Failures[i]; f.HasID && f.HasTime {
			j.failed(ctx, s, l, f)
		}
	}
}

// exception is the error as Python's repr shows it.
func exception(err error) string {
	var e *date.LineError
	if errors.As(err, &e) {
		return e.Error()
	}
	return "Exception(" + pytext.Repr(err.Error()) + ")"
}

// failed counts a failure of a line unless it is ignored.
func (j *Jail) failed(ctx context.Context, s *settings, l *filter.Judged, f *filter.Failure) {
	t := j.ticketOf(f)
	t.line, t.failure = l, f
	now := unix(l.At)
	if t.Time > now {
		t.Time, t.TimeInt = now, false
	}
	if s.ignore.ignored(ctx, t, l.At) || j.registered(l, f) {
		return
	}
	if j.logs.filter.Enabled(ctx, slog.LevelInfo) {
		j.logs.filter.Info(j.say("Found " + t.ID.String() + " - " + j.timeText(t.Time)))
	}
	j.counter.cleanAfter(cleanLate, now)
	j.count(ctx, s, t, 1)
}

// newTicket is a failure that has all its data as a ticket.
func newTicket(f *filter.Failure) *Ticket {
	t := new(Ticket).take(f)
	t.failure = f
	return t
}

// ticketOf is newTicket in memory that is used again for the next failure,
// unless the counter has kept the ticket: most failures are of IDs that have one.
func (j *Jail) ticketOf(f *filter.Failure) *Ticket {
	if j.spare == nil || j.spare.counted {
		j.spare = &Ticket{}
	}
	return j.spare.take(f)
}

// take makes the ticket that of a failure.
func (t *Ticket) take(f *filter.Failure) *Ticket {
	matches := t.Matches[:0]
	for _, m := range f.Matches {
		matches = append(matches, Match{Before: m.Before, Date: m.Date, After: m.After, Split: true})
	}
	*t = Ticket{ID: f.ID, Time: f.Time, TimeInt: f.TimeInt, Matches: matches}
	return t
}

// count adds a failure to the counter and sends its ID on when it has failed
// often enough.
func (j *Jail) count(ctx context.Context, s *settings, t *Ticket, weight int) {
	id, at := t.ID, t.Time
	attempts := j.counter.add(t, weight, false)
	if j.logs.counter.Enabled(ctx, slog.LevelDebug) {
		j.logs.counter.Debug(j.counter.summary())
	}
	if attempts >= s.maxRetry {
		j.promote(id)
	}
	if s.increment.enabled() && j.env.Store != nil {
		j.weighBad(ctx, s, t, at)
	}
}

// weighBad counts a failure of an ID with earlier bans more than once (3.6.8).
// t is the ticket that was counted, at its time then.
func (j *Jail) weighBad(ctx context.Context, s *settings, t *Ticket, at float64) {
	id := t.ID
	h, ok, err := j.histories.of(ctx, j, id)
	if err != nil {
		j.logs.observer.Error(err.Error())
		return
	}
	if !ok || at <= h.Time {
		return
	}
	count := max(h.Count, t.BanCount)
	weight := float64(int(1)<<min(max(count, 0), 20))/2 + 1
	text := pytext.FloatRepr(weight)
	if float64(s.maxRetry) < weight {
		weight, text = float64(s.maxRetry), itoa(s.maxRetry)
	}
	if weight <= 1 {
		return
	}
	reached := weight >= float64(s.maxRetry)
	tail := ""
	if reached {
		tail = ", Ban"
	}
	j.logs.observer.Info(j.say("Found " + id.String() + ", bad - " + j.timeText(at) + ", " + itoa(count) + " # -> " + text + tail))
	attempts := j.counter.add(t, int(weight)-1, true)
	// The ticket keeps what it was told, even if the store forgets it. If it is
	// on its way to a ban already, it waits there for the lock that is held here.
	t.BanCount = count
	if attempts >= s.maxRetry {
		j.promote(id)
	}
}

// promote takes an ID that has reached maxretry to its ban. A banned one is
// dealt with here, so that it never takes a place in the queue.
func (j *Jail) promote(id ipaddr.Addr) {
	t, ok := j.counter.take(id)
	if !ok {
		return
	}
	if v, k := j.bans.again(t, j.now()); j.notNew(t, v, k) {
		return
	}
	if j.env.Store == nil {
		if !j.queue.put(t) {
			j.counter.put(t)
		}
		return
	}
	t.Number = j.keeper.number()
	committed := t.copyOf()
	if !j.queue.put(t) {
		t.Number = 0
		j.counter.put(t)
		return
	}
	j.keeper.add(committed)
}

// serve does what is due after a batch: old failures go, losses are told.
// The caller holds matching.
func (j *Jail) serve() {
	now := j.now()
	j.counter.clean(now)
	if now < j.lastLoss+lossEvery {
		return
	}
	evicted, refused := j.counter.takeEvicted(), j.queue.takeRefused()
	if evicted+refused == 0 {
		return
	}
	j.lastLoss = now
	if evicted > 0 {
		j.logs.filter.Warn(j.say("Too many IDs fail at once: forgot the failures of the " + itoa(evicted) + " not seen for longest"))
	}
	if refused > 0 {
		j.logs.filter.Warn(j.say("Actions are too slow: " + itoa(refused) + " bans wait for the next failure of their ID"))
	}
}

// Attempt counts a failure of an ID now, with texts in place of lines, and
// returns 1, or 0 for an ignored ID (3.2.7).
func (j *Jail) Attempt(ctx context.Context, text string, matches []string) int {
	at := j.env.Clock()
	t := &Ticket{ID: ipaddr.Parse(text), Time: unix(at)}
	for _, m := range matches {
		t.Matches = append(t.Matches, Match{Before: m})
	}
	s := j.effective()
	if s.ignore.ignored(ctx, t, at) {
		return 0
	}
	j.logs.filter.Info(j.say("Attempt " + t.ID.String() + " - " + j.timeText(t.Time)))
	j.matching.Lock()
	j.counter.cleanAfter(cleanLate, t.Time)
	j.count(ctx, s, t, max(1, len(matches)))
	j.matching.Unlock()
	j.keepNow(ctx)
	return 1
}

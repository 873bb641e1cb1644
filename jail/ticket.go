package jail

import (
	"math"
	"strings"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// Permanent is the ban time of a ban that never ends.
const Permanent = -1

// maxTime is the end of a permanent ban as fail2ban's Ticket.MAX_TIME has it.
const maxTime = 0x7FFFFFFFFFFF

// Seconds is a length of time as fail2ban keeps it: a Python int or float, which
// texts and replies tell apart (3.6.5).
type Seconds struct {
	Value float64
	Float bool
}

// Int returns whole seconds as Seconds.
func Int(n int64) Seconds { return Seconds{Value: float64(n)} }

// Py returns the value as Python would hold it: int64 or float64.
func (s Seconds) Py() any {
	if s.Float {
		return s.Value
	}
	return int64(s.Value)
}

// Match is one piece of what led to a failure: a log line, or a text given
// with `set J attempt`.
type Match struct {
	// Before, Date and After are the line cut at its date; joined they are the
	// line. A text has Before only.
	Before, Date, After string
	// Split is true where fail2ban stores the three parts instead of the
	// joined text (3.2.4).
	Split bool
}

// Text returns the whole line.
func (m Match) Text() string {
	if m.Date == "" && m.After == "" {
		return m.Before
	}
	return m.Before + m.Date + m.After
}

// Ticket is a failure on its way to a ban, and the ban itself. The ban list
// owns its tickets: an Action and a Store get a copy of their own to read.
type Ticket struct {
	ID ipaddr.Addr
	// Time is the last failure's time in seconds since 1970; the ban counts
	// from it (3.3.1). TimeInt is true where Python holds an int: a date with a
	// zone, or a restored ban (4.1, tag <time>).
	Time    float64
	TimeInt bool
	// BanTime is the ticket's own ban time when HasBanTime; else the jail's
	// current one holds (3.4.1).
	BanTime    Seconds
	HasBanTime bool
	// BanCount counts the bans of the ID, this one included (4.1).
	BanCount int
	// Attempts is what maxretry is compared with, an estimate (3.2.2);
	// Failures is the tag <failures> (3.2.3).
	Attempts int
	Failures int
	// Matches are the newest lines, at most maxmatches (3.2.4). NoMatches is true
	// where fail2ban has no list of them at all, not even an empty one.
	Matches   []Match
	NoMatches bool
	// Fields are the filter's groups of the first failure (3.2.5) in
	// fail2ban's order, without matches and failures: string values, and
	// []string under users.
	Fields pytext.Dict
	// Restored is true for a ban that the store brought back, or whose lines
	// were judged before a restart (3.3.4).
	Restored bool
	// First is the time from which the attempts are counted (3.2.2).
	First float64
	// Number is what the store knows a committed ticket by until its actions
	// have run; 0 for one that was not committed.
	Number int64

	failure *filter.Failure // what Fields will be made of, until somebody asks
	line    *filter.Judged  // the line that must be filled for that, if any
	counted bool            // the counter has kept it
	owed    bool            // of before the start, and perhaps not all actions have heard of it
	banned  bool            // all actions have been asked
	epoch   int             // ban epoch at the last (re)ban
}

// IP returns the address for the tag <ip>: the filter's address when the ID
// is another text, else the ID (2.3.4).
func (t *Ticket) IP() ipaddr.Addr {
	v, ok := t.Fields.Get("ip")
	if !ok {
		return t.ID
	}
	switch ip := v.(type) {
	case ipaddr.Addr:
		return ip
	case string:
		return ipaddr.Parse(ip)
	}
	return t.ID
}

// Lines returns the matches as texts, for the tag <matches>.
func (t *Ticket) Lines() []string {
	lines := make([]string, len(t.Matches))
	for i, m := range t.Matches {
		lines[i] = m.Text()
	}
	return lines
}

// JoinedLines returns the matches joined by newlines.
func (t *Ticket) JoinedLines() string { return strings.Join(t.Lines(), "\n") }

// Data returns everything fail2ban keeps in the ticket's data, in its order:
// matches, failures, then the fields.
func (t *Ticket) Data() pytext.Dict {
	data := make(pytext.Dict, 0, len(t.Fields)+2)
	if !t.NoMatches || len(t.Matches) > 0 {
		list := make([]any, len(t.Matches))
		for i, m := range t.Matches {
			list[i] = m.Text()
			switch parts := []any{m.Before, m.Date, m.After}; {
			case m.Split && t.Restored:
				list[i] = parts // as JSON has brought them back
			case m.Split:
				list[i] = pytext.Tuple(parts)
			}
		}
		data = append(data, pytext.Item{Key: "matches", Value: list})
	}
	data = append(data, pytext.Item{Key: "failures", Value: t.Failures})
	for _, it := range t.Fields {
		if users, ok := it.Value.([]string); ok && !t.Restored {
			it.Value = setOf(users)
		}
		data = append(data, it)
	}
	return data
}

// setOf is what fail2ban has for a session's users until JSON makes it a list.
func setOf(users []string) pytext.Set {
	set := make(pytext.Set, len(users))
	for i, u := range users {
		set[i] = u
	}
	return set
}

// PyTime returns the time as Python holds it: int64 or float64.
func (t *Ticket) PyTime() any {
	if t.TimeInt {
		return int64(t.Time)
	}
	return t.Time
}

// EffectiveBanTime returns the ticket's own ban time or else the jail's.
func (t *Ticket) EffectiveBanTime(jail Seconds) Seconds {
	if t.HasBanTime {
		return t.BanTime
	}
	return jail
}

// End returns when the ban ends, with the jail's ban time for tickets that
// have none of their own; a permanent one ends beyond all times.
func (t *Ticket) End(jail Seconds) float64 {
	bt := t.EffectiveBanTime(jail)
	if bt.Value == Permanent {
		return maxTime
	}
	return t.Time + bt.Value
}

// SetBanTime gives the ticket a ban time of its own.
func (t *Ticket) SetBanTime(s Seconds) { t.BanTime, t.HasBanTime = s, true }

// fill makes Fields of what the filter found. Most failures only add to the
// ticket of their ID and never need it.
func (t *Ticket) fill() {
	if t.failure == nil {
		return
	}
	if t.line != nil {
		t.line.Fill()
	}
	t.Fields = make(pytext.Dict, 0, len(t.failure.Fields))
	for i := range t.failure.Fields {
		f := &t.failure.Fields[i]
		if f.Kind != filter.None && f.Kind != filter.Lines {
			t.Fields = append(t.Fields, pytext.Item{Key: f.Name, Value: f.Python()})
		}
	}
	t.failure, t.line = nil, nil
}

// skips says whether an action is not for this ticket (3.3.4).
func (t *Ticket) skips(a Action) bool { return t.Restored && !t.owed && a.SkipsRestored() }

// copyOf returns a ticket that shares nothing which changes later.
func (t *Ticket) copyOf() *Ticket {
	c := *t
	c.Matches = t.Matches[:len(t.Matches):len(t.Matches)]
	return &c
}

// roundEven is Python's round(x) to a whole number.
func roundEven(x float64) int {
	r := math.RoundToEven(x)
	if r > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(r)
}

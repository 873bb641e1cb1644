package filter

import (
	"cmp"
	"slices"

	"f2b-go/filter/date"
)

// Memory is what the lines so far have left behind in a filter, as plain
// values: a filter with the same settings that recalls it judges the next line
// as this one would.
type Memory struct {
	// LastDate is the time of the last line with a date, for lines without one.
	LastDate     date.Stamp
	LastDateText string
	HasLastDate  bool
	// Buffer are the lines that a filter with maxlines above 1 keeps.
	Buffer []Match
	// Sessions are open sessions, the one opened first in front.
	Sessions []Session
	// Closed are the IDs of sessions that were told of before and are over.
	Closed []string
}

// Session is an open session of lines with one F-MLFID.
type Session struct {
	ID      string
	Expires float64 // Unix seconds
	Fields  Fields
	Matches []Match
}

// news is what has happened to sessions since Changes was called last.
type news struct {
	on   bool
	open map[string]bool // sessions with new lines; some may be closed by now
	over []string
}

func (n *news) changed(id []byte) {
	if !n.on {
		return
	}
	if n.open == nil {
		n.open = map[string]bool{}
	}
	if !n.open[string(id)] {
		n.open[string(id)] = true
	}
}

func (n *news) closed(rec *record) {
	if !n.on {
		return
	}
	id := string(rec.id)
	delete(n.open, id)
	if rec.told {
		n.over = append(n.over, id)
	}
}

// Changes returns what is new since the last call: the last date, the buffered
// lines, the sessions that have changed and the IDs of those that are over.
// With all, and at the first call, it is everything. An ID that is both in
// Closed and in Sessions was opened anew.
func (f *Filter) Changes(all bool) Memory {
	f.work.Lock()
	defer f.work.Unlock()
	s := &f.sessions
	all = all || !s.news.on
	s.news.on = true
	m := Memory{
		LastDate: f.lastDate, LastDateText: string(f.lastText), HasLastDate: f.hasLastDate,
		Buffer: slices.Clone(f.buffer), Closed: s.news.over,
	}
	for rec := s.first; rec != nil; rec = rec.next {
		if all || s.news.open[string(rec.id)] {
			rec.told = true
			rec.fill()
			m.Sessions = append(m.Sessions, Session{
				ID: string(rec.id), Expires: rec.expires, Fields: rec.fields.Clone(), Matches: slices.Clone(rec.matches),
			})
		}
	}
	s.news.over = nil
	clear(s.news.open)
	return m
}

// Recall makes the filter go on from a memory. It is for a filter that has not
// judged a line yet; the memory is the filter's afterwards.
func (f *Filter) Recall(m Memory) {
	f.work.Lock()
	defer f.work.Unlock()
	f.lastDate, f.lastText, f.hasLastDate = m.LastDate, []byte(m.LastDateText), m.HasLastDate
	f.setBuffer(m.Buffer)
	slices.SortStableFunc(m.Sessions, func(a, b Session) int { return cmp.Compare(a.Expires, b.Expires) })
	s := &f.sessions
	*s = sessions{news: news{on: true}}
	for i, open := range m.Sessions {
		if i < len(m.Sessions)-maxSessions {
			s.news.over = append(s.news.over, open.ID)
			continue
		}
		s.add([]byte(open.ID), &record{fields: open.Fields, matches: open.Matches, told: true}, open.Expires)
	}
}

package jail

import (
	"fmt"
	"time"

	"f2b-go/internal/pytext"
	"f2b-go/source"
)

// Lag is how far a jail is behind one of its sources.
type Lag struct {
	Source string // a log's path, or JournalPath
	// Bytes are still to be judged; -1 where that is not known: in the journal.
	Bytes int64
	// Age is how long ago the line was written that is judged next, 0 if there is
	// none; where its time is not known, Dated is false.
	Age   time.Duration
	Dated bool
}

// Lag tells of each source how far behind it the jail is.
func (j *Jail) Lag() []Lag {
	if j.Journal() {
		return j.journal.lag()
	}
	type behind struct {
		path string
		lag  source.Lag
	}
	var list []behind
	j.files.mu.Lock()
	for _, l := range j.files.list {
		b := behind{path: l.wish.path}
		if l.sub != nil {
			b.lag = l.sub.Lag()
		}
		list = append(list, b)
	}
	j.files.mu.Unlock()
	out := make([]Lag, len(list))
	for i, b := range list {
		out[i] = Lag{Source: b.path, Bytes: b.lag.Bytes, Dated: b.lag.Bytes == 0}
		if b.lag.Next == nil {
			continue
		}
		var at float64
		if at, out[i].Dated = j.effective().filter.LineTime(b.lag.Next); out[i].Dated {
			out[i].Age = j.since(at)
		}
	}
	return out
}

// since is how long ago a time was.
func (j *Jail) since(at float64) time.Duration {
	return time.Duration(max(0, j.now()-at) * float64(time.Second))
}

// lag: until what stood there at the start is judged, the last entry tells how
// far the jail is; from then on entries are judged as they come.
func (n *journal) lag() []Lag {
	n.j.matching.Lock()
	place, caughtUp := n.place, n.inOperation
	n.j.matching.Unlock()
	l := Lag{Source: JournalPath, Bytes: -1, Dated: caughtUp || place.Time > 0}
	if !caughtUp && place.Time > 0 {
		l.Age = n.j.since(place.Time)
	}
	return []Lag{l}
}

// lagTexts is a lag as the status shows it.
func lagTexts(list []Lag) []any {
	out := make([]any, len(list))
	for i, l := range list {
		text := l.Source + ":"
		if l.Bytes >= 0 {
			text += fmt.Sprintf(" %d bytes,", l.Bytes)
		}
		if l.Dated {
			text += fmt.Sprintf(" %.1f s", l.Age.Seconds())
		} else {
			text += " ? s"
		}
		if i < len(list)-1 {
			text += ";"
		}
		out[i] = text
	}
	return out
}

// lagList is a lag as `get J lag` replies it: (source, bytes or None, seconds or
// None) each.
func lagList(list []Lag) []any {
	out := make([]any, len(list))
	for i, l := range list {
		row := pytext.Tuple{l.Source, nil, nil}
		if l.Bytes >= 0 {
			row[1] = l.Bytes
		}
		if l.Dated {
			row[2] = l.Age.Seconds()
		}
		out[i] = row
	}
	return out
}

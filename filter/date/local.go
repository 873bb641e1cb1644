package date

import (
	"math"
	"sync/atomic"
	"time"
)

// localTime converts between local and universal time as the C library's
// mktime does when it is not told about daylight saving time.
type localTime struct {
	zone *time.Location
	// last is the offset (seconds east of UTC) of the last conversion in the
	// process, from which mktime begins its search: in the hour that autumn
	// repeats it decides between the two.
	last *atomic.Int64

	// The period around the last conversion in which the offset holds.
	from, to int64
	east     int64
	summer   bool

	// The naive seconds of the year that year was asked for last.
	yearFrom, yearTo int64
	lastYear         int
}

// year returns the year of naive seconds.
func (l *localTime) year(naive int64) int {
	if naive < l.yearFrom || naive >= l.yearTo {
		l.lastYear, _, _ = civilDate(naive)
		l.yearFrom, l.yearTo = naiveSeconds(l.lastYear, 1, 1), naiveSeconds(l.lastYear+1, 1, 1)
	}
	return l.lastYear
}

func newLocalTime(zone *time.Location, last *atomic.Int64) *localTime {
	return &localTime{zone: zone, last: last, from: 1, to: 0}
}

// offset returns the seconds east of UTC at an instant.
func (l *localTime) offset(unix int64) int64 {
	if unix < l.from || unix >= l.to {
		l.learn(unix)
	}
	return l.east
}

func (l *localTime) learn(unix int64) {
	at := time.Unix(unix, 0).In(l.zone)
	_, east := at.Zone()
	start, end := at.ZoneBounds()
	l.from, l.to = math.MinInt64, math.MaxInt64
	if !start.IsZero() {
		l.from = start.Unix()
	}
	if !end.IsZero() {
		l.to = end.Unix()
	}
	l.east, l.summer = int64(east), at.IsDST()
}

// margin is how far from a change of the offset a date is surely unambiguous.
const margin = 2 * daySeconds

// unix returns the instant at which local clocks show the naive seconds. Of two
// such instants it is the one whose offset was in use for the conversion before;
// where there is none (clocks were put forward) it is the one in summer time
// that is the gap's width away (COMPAT 2.5.11).
func (l *localTime) unix(naive int64) int64 {
	if t := naive - l.east; t >= l.from+margin && t < l.to-margin {
		l.remember(l.east)
		return t
	}
	return l.search(naive)
}

// search tries instants as mktime does: from the last offset on, correcting by
// the error, until one fits or it goes back and forth over a gap.
func (l *localTime) search(naive int64) int64 {
	const probes = 6
	t := naive - l.last.Load()
	t1, t2, wasSummer := t, t, false
	for range probes {
		off := naive - (t + l.offset(t))
		if off == 0 {
			break
		}
		if t == t1 && t != t2 && (l.summer || !wasSummer) {
			break
		}
		t1, t2, wasSummer = t2, t, l.summer
		t += off
	}
	l.remember(naive - t)
	return t
}

func (l *localTime) remember(east int64) {
	if l.last.Load() != east {
		l.last.Store(east)
	}
}

package filter

import (
	"errors"
	"fmt"

	"f2b-go/filter/date"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
)

// findDate cuts the date out of the line, m if dated. It is false when the line
// cannot be processed.
func (f *Filter) findDate(j *job, line *Line, m *date.Match, dated bool) bool {
	j.whole = true
	if line.HasTime {
		j.instead = line.Date
		j.stamp, j.hasTime = date.Stamp{Unix: line.Time}, true
		f.setDate(j.stamp, []byte(line.Date))
		return true
	}
	recent := f.recent(j.now)
	if dated && !f.useDate(j, m, recent) {
		return false
	}
	if j.hasTime {
		return true
	}
	j.noDate = true
	switch {
	case recent:
		j.whole, j.instead = true, string(f.lastText)
		j.stamp, j.hasTime = f.lastDate, true
	case j.mode.Gate && j.mode.InOperation:
		j.stamp, j.hasTime = date.Stamp{Unix: j.now}, true
	}
	return true
}

// recent says whether the last date holds for lines without one.
func (f *Filter) recent(now float64) bool {
	return f.hasLastDate && f.lastDate.Unix != 0 && f.lastDate.Unix > now-60
}

// setDate notes the date of a line. text is looked at until keepDate or the next.
func (f *Filter) setDate(stamp date.Stamp, text []byte) {
	f.lastDate, f.hasLastDate, f.lastText = stamp, true, text
}

// keepDate makes the text of the last date last.
func (f *Filter) keepDate() {
	f.scratch.date = append(f.scratch.date[:0], f.lastText...)
	f.lastText = f.scratch.date
}

// useDate takes over the date that the detector found. An empty one means the
// last known date or now; text that is no date is logged and leaves the line
// without a time. It is false when the line cannot be processed.
func (f *Filter) useDate(j *job, m *date.Match, recent bool) bool {
	j.verd.Template = m.Name
	if m.Empty() {
		if recent {
			j.instead, j.stamp = string(f.lastText), f.lastDate
		} else {
			j.whole, j.cut = false, [2]int{m.Start, m.End}
			j.stamp = date.Stamp{Unix: j.now}
		}
		j.hasTime = true
		return true
	}
	j.whole, j.cut = false, [2]int{m.Start, m.End}
	stamp, err := j.s.detector.Time(*m, j.line)
	switch {
	case err == nil:
		j.stamp, j.hasTime = stamp, true
		f.setDate(stamp, j.line[m.Start:m.End])
	case errors.Is(err, date.ErrInvalid):
		f.log.Error("findFailure failed to parse timeText: " + string(j.line[m.Start:m.End]))
	default:
		j.verd.Err = err
		return false
	}
	return true
}

// gate applies COMPAT 2.6.3 and 2.6.4; false drops the line.
func (f *Filter) gate(j *job) bool {
	odd := "Please check a jail for a timing issue. Line with odd timestamp: "
	if !j.mode.InOperation {
		if j.stamp.Unix >= j.now-j.mode.FindTime {
			return true
		}
		f.warnOnce(warnOld, j.now, func() []string {
			return []string{
				"Ignoring all log entries older than " + findTimeText(j.mode.FindTime) + "s; these are probably" +
					" messages generated while fail2ban was not running.",
				odd + string(j.line),
			}
		})
		return false
	}
	if near(j.stamp, j.now) {
		return true
	}
	delta := float64(int64(j.stamp.Unix - j.now))
	f.warnOnce(warnOdd, j.now, func() []string {
		side, problem := "after", "timezone"
		if delta < 0 {
			side = "before"
			if delta >= -3300 {
				problem = "latency"
			}
		}
		return []string{
			fmt.Sprintf("Detected a log entry %s %s the current time in operation mode. "+
				"This looks like a %s problem. Treating such entries as if they just happened.",
				timetext.Text(max(delta, -delta)), side, problem),
			odd + string(j.line),
		}
	})
	j.stamp = date.Stamp{Unix: j.now}
	f.lastDate, f.hasLastDate = j.stamp, true
	return true
}

// near says whether a line in operation is of now.
func near(stamp date.Stamp, now float64) bool {
	delta := int64(stamp.Unix - now)
	return delta >= -60 && delta <= 60
}

// findTimeText is a find time as fail2ban prints it: whole seconds are an int.
func findTimeText(seconds float64) string {
	if seconds == float64(int64(seconds)) {
		return fmt.Sprint(int64(seconds))
	}
	return pytext.FloatRepr(seconds)
}

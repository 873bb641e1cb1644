package filter

import (
	"bytes"
	"errors"
	"fmt"

	"f2b-go/filter/date"
	"f2b-go/filter/pyre"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
)

// Line is one line of a log. A line of a journal comes with its time
// (HasTime) and the text that stands for its date.
type Line struct {
	Text    []byte // raw bytes; the line end may be there or not
	Source  string // path of the log, for messages
	Date    string
	Time    float64 // Unix seconds
	HasTime bool
}

// Mode says how strictly a line is judged.
type Mode struct {
	CheckAll    bool    // try every failregex, and return nofail and pending failures too
	RawHosts    bool    // take host names as they are
	KeepPending bool    // return failures that have no ID yet
	Gate        bool    // apply the find-time gate (COMPAT 2.6)
	FindTime    float64 // seconds, for the gate
	InOperation bool    // the log has been read to its end once, for the gate
	Notes       *Notes  // not nil: Judge writes down here how it went
}

// Failure is one match of a failregex.
type Failure struct {
	ID      ipaddr.Addr
	HasID   bool    // false: pending, a later line of the session brings the ID
	Time    float64 // Unix seconds
	TimeInt bool    // Python would hold an int
	HasTime bool
	Regex   int  // number of the failregex, from 1
	NoFail  bool // the line itself is no failure (only with CheckAll, or without F-MLFID)
	Fields  Fields
	Matches []Match
}

// Verdict tells what happened to a line besides its failures.
type Verdict struct {
	Time        date.Stamp
	HasTime     bool
	Template    string // name of the date template that matched, "" for none
	PrefTried   bool   // the prefregex was tried: an ignoreregex may come before it
	PrefMatched bool   // and it matched
	PrefGroups  Fields // what it captured, with Mode.CheckAll only
	Ignored     []int  // the ignoreregexes that matched, from 0, in order of their hits
	TooOld      bool   // the find-time gate dropped the line
	OverBudget  int    // regexes that gave up on the line
	Err         error  // the line could not be processed
}

// scratch is memory used again for every line.
type scratch struct {
	text []byte // the decoded line
	buf  []byte // what the regexes see
	cont []byte // the same, cut down to F-CONTENT
	caps []int  // of the failregex or prefregex at hand
	side []int  // of the ignoreregex at hand
}

// job is a line on its way.
type job struct {
	s       *settings
	mode    Mode
	now     float64
	line    []byte // decoded, without its line end
	cut     [2]int // where the date stands in line
	instead string // not "": the whole line is text, and this is its date
	whole   bool   // the whole line is text
	stamp   date.Stamp
	hasTime bool
	noDate  bool

	buf   []byte // nil: to be made again from the line buffer
	org   []Match
	pre   Fields
	verd  Verdict
	found []Failure
}

// match is the line as a triple.
func (j *job) match() Match {
	if j.whole {
		return Match{Date: j.instead, After: string(j.line)}
	}
	s := string(j.line)
	return Match{s[:j.cut[0]], s[j.cut[0]:j.cut[1]], s[j.cut[1]:]}
}

// Judge finds the failures of a line. The failures stay valid; Line.Text is
// not kept.
func (f *Filter) Judge(line Line, mode Mode) ([]Failure, Verdict) {
	f.work.Lock()
	defer f.work.Unlock()
	j := &job{s: f.set.Load(), mode: mode, now: f.now()}
	j.line = f.decode(j.s, line)
	dated := f.findDate(j, line)
	mode.Notes.takeDate(j)
	if !dated {
		return nil, j.verd
	}
	j.verd.Time, j.verd.HasTime = j.stamp, j.hasTime
	if mode.Gate && j.hasTime && !f.gate(j) {
		j.verd.TooOld = true
		return nil, j.verd
	}
	f.search(j)
	return j.found, j.verd
}

func (f *Filter) now() float64 {
	return float64(f.env.Clock().UnixNano()) / 1e9
}

// findDate cuts the date out of the line. It is false when the line cannot be
// processed.
func (f *Filter) findDate(j *job, line Line) bool {
	if line.HasTime {
		j.whole, j.instead = true, line.Date
		j.stamp, j.hasTime = date.Stamp{Unix: line.Time}, true
		f.lastDateText, f.lastDate, f.hasLastDate = line.Date, j.stamp, true
		return true
	}
	j.whole = true
	recent := f.hasLastDate && f.lastDate.Unix != 0 && f.lastDate.Unix > j.now-60
	if d := j.s.detector; d != nil {
		if m, ok := d.Find(j.line); ok && !f.useDate(j, d, m, recent) {
			return false
		}
	}
	if j.hasTime {
		return true
	}
	j.noDate = true
	switch {
	case recent:
		j.whole, j.instead = true, f.lastDateText
		j.stamp, j.hasTime = f.lastDate, true
	case j.mode.Gate && j.mode.InOperation:
		j.stamp, j.hasTime = date.Stamp{Unix: j.now}, true
	}
	return true
}

// useDate takes over the date that the detector found. An empty one means the
// last known date or now; text that is no date is logged and leaves the line
// without a time. It is false when the line cannot be processed.
func (f *Filter) useDate(j *job, d *date.Detector, m date.Match, recent bool) bool {
	j.verd.Template = m.Name
	if m.Empty() {
		if recent {
			j.instead, j.stamp = f.lastDateText, f.lastDate
		} else {
			j.whole, j.cut = false, [2]int{m.Start, m.End}
			j.stamp = date.Stamp{Unix: j.now}
		}
		j.hasTime = true
		return true
	}
	j.whole, j.cut = false, [2]int{m.Start, m.End}
	stamp, err := d.Time(m, j.line)
	switch {
	case err == nil:
		j.stamp, j.hasTime = stamp, true
		f.lastDate, f.hasLastDate = stamp, true
		f.lastDateText = string(j.line[m.Start:m.End])
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
	delta := float64(int64(j.stamp.Unix - j.now))
	if delta >= -60 && delta <= 60 {
		return true
	}
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

// findTimeText is a find time as fail2ban prints it: whole seconds are an int.
func findTimeText(seconds float64) string {
	if seconds == float64(int64(seconds)) {
		return fmt.Sprint(int64(seconds))
	}
	return pytext.FloatRepr(seconds)
}

// search runs the regexes over the line, COMPAT 2.2.4 to 2.2.9.
func (f *Filter) search(j *job) {
	f.fillBuffer(j)
	j.mode.Notes.takeText(j)
	if n := len(j.s.ignore); n > 0 && n < len(j.s.fail)-2 && f.ignores(j, j.buf) {
		return
	}
	if j.s.pref != nil && !f.prefilter(j) {
		return
	}
	j.mode.Notes.takeContent(j)
	for i, re := range j.s.fail {
		if j.buf == nil {
			j.buf = joinLines(f.scratch.buf[:0], f.buffer)
		}
		caps, ok := f.searchRegex(j, re, j.buf, &f.scratch.caps)
		if !ok {
			continue
		}
		h := &hit{re: re, number: i + 1, text: string(j.buf), caps: caps}
		h.matched, h.rest = matchedLines(h, j.original())
		if f.judgeHit(j, h) {
			return
		}
	}
}

// fillBuffer sets up what the regexes see: the line without its date, or with
// maxlines above 1 the last lines.
func (f *Filter) fillBuffer(j *job) {
	if j.s.maxLines <= 1 {
		b := f.scratch.buf[:0]
		if j.whole {
			b = append(b, j.line...)
		} else {
			b = append(b, j.line[:j.cut[0]]...)
			b = append(b, j.line[j.cut[1]:]...)
		}
		b = append(b, '\n')
		f.scratch.buf, j.buf = b, b
		return
	}
	f.buffer = append(f.buffer, j.match())
	if over := len(f.buffer) - j.s.maxLines; over > 0 {
		f.buffer = append([]Match(nil), f.buffer[over:]...)
	}
	j.org = f.buffer
	f.scratch.buf = joinLines(f.scratch.buf[:0], f.buffer)
	j.buf = f.scratch.buf
}

func joinLines(b []byte, lines []Match) []byte {
	for i := range lines {
		b = append(b, lines[i].Before...)
		b = append(b, lines[i].After...)
		b = append(b, '\n')
	}
	return b
}

// original returns the lines that the buffer was made from.
func (j *job) original() []Match {
	if j.org == nil {
		j.org = []Match{j.match()}
	}
	return j.org
}

// prefilter tries the prefregex and cuts the buffer down to its content; false
// when the line does not match it.
func (f *Filter) prefilter(j *job) bool {
	j.verd.PrefTried = true
	caps, ok := f.searchRegex(j, j.s.pref, j.buf, &f.scratch.caps)
	if !ok {
		return false
	}
	j.verd.PrefMatched = true
	text := string(j.buf)
	j.pre = j.s.pref.fields(nil, text, caps)
	if j.mode.CheckAll {
		j.verd.PrefGroups = append(Fields(nil), j.pre...)
	}
	content := j.pre.Text("content")
	j.pre.pop("content")
	if content != "" {
		if j.s.maxLines > 1 {
			j.original()
			f.buffer = []Match{{After: content}}
		}
		f.scratch.cont = append(append(f.scratch.cont[:0], content...), '\n')
		j.buf = f.scratch.cont
	}
	return true
}

// searchRegex runs one regex; one that gives up counts as no match and is
// reported once a day.
func (f *Filter) searchRegex(j *job, re *Regex, buf []byte, keep *[]int) ([]int, bool) {
	caps, ok, err := re.re.Search((*keep)[:0], buf, 0, len(buf))
	if caps != nil {
		*keep = caps
	}
	if err == nil {
		return caps, ok
	}
	j.verd.OverBudget++
	if !errors.Is(err, pyre.ErrBudget) {
		j.verd.Err = fmt.Errorf("searching with %q: %w", re.text, err)
	}
	f.warnOnce(warnSlow, j.now, func() []string {
		return []string{fmt.Sprintf("A regular expression was given up on a line of %d bytes: %v; the line counts as not matched by it: %s",
			len(j.line), err, re.text)}
	})
	return nil, false
}

// ignores tries the ignoreregexes on buf.
func (f *Filter) ignores(j *job, buf []byte) bool {
	hit := false
	for i, re := range j.s.ignore {
		if _, ok := f.searchRegex(j, re, buf, &f.scratch.side); !ok {
			continue
		}
		hit = true
		j.verd.Ignored = append(j.verd.Ignored, i)
		if !j.mode.CheckAll {
			break
		}
	}
	return hit
}

type warning int

const (
	warnOld warning = iota
	warnOdd
	warnNoTime
	warnSlow
)

const daySeconds = 24 * 60 * 60

// warnOnce logs a warning at most once a day.
func (f *Filter) warnOnce(w warning, now float64, lines func() []string) {
	if now < f.warned[w] {
		return
	}
	f.warned[w] = now + daySeconds
	for _, line := range lines() {
		f.log.Warn("[" + f.name + "] " + line)
	}
}

// Buffer returns the lines that a filter with maxlines above 1 keeps.
func (f *Filter) Buffer() []Match {
	f.work.Lock()
	defer f.work.Unlock()
	return append([]Match(nil), f.buffer...)
}

// Decode gives the bytes of a line as text without its line end, as Judge sees
// them. The result may be raw itself or buf.
func (f *Filter) Decode(buf, raw []byte) []byte {
	text, _ := f.set.Load().codec.decode(buf[:0], raw)
	return bytes.TrimRight(text, "\r\n")
}

// CutLine cuts the first line off data as the log's encoding ends lines (in
// UTF-16 a byte 0x0A alone is no line feed). ok is false where the line is not
// complete yet; rest then is data.
func (f *Filter) CutLine(data []byte) (line, rest []byte, ok bool) {
	return f.set.Load().codec.cut(data)
}

// LastDate is the time of the last line that had a date; ok is false before
// the first.
func (f *Filter) LastDate() (stamp date.Stamp, ok bool) {
	f.work.Lock()
	defer f.work.Unlock()
	return f.lastDate, f.hasLastDate
}

// decode gives the line as text without its line end.
func (f *Filter) decode(s *settings, line Line) []byte {
	raw := line.Text
	if len(raw) > MaxLine {
		raw = raw[:MaxLine]
	}
	text, ok := s.codec.decode(f.scratch.text[:0], raw)
	if !ok {
		f.warnEncoding(s, line)
	}
	if len(text) > 0 && len(raw) > 0 && &text[0] != &raw[0] {
		f.scratch.text = text[:0]
	}
	return bytes.TrimRight(text, "\r\n")
}

// warnEncoding says once a day for a log that it has bytes which are no text.
func (f *Filter) warnEncoding(s *settings, line Line) {
	now := f.now()
	if now < f.badSources[line.Source] {
		return
	}
	if len(f.badSources) >= maxBadSources {
		clear(f.badSources)
	}
	f.badSources[line.Source] = now + daySeconds
	f.log.Warn(fmt.Sprintf("Error decoding line from '%s' with '%s'.", line.Source, s.encoding))
	f.log.Warn("Consider setting logencoding to appropriate encoding for this jail. " +
		"Continuing to process line ignoring invalid characters: " + pytext.Repr(line.Text))
}

// maxBadSources is for how many logs the encoding warning is remembered.
const maxBadSources = 1000

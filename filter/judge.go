package filter

import (
	"bytes"
	"fmt"
	"time"

	"f2b-go/filter/date"
	"f2b-go/filter/pyre"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
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
	PrefGroups  bool    // tell what the prefregex captured
	Every       bool    // JudgeBlock: tell of every line, not only of failures and errors
	Count       bool    // JudgeBlock: as Every, but of lines that no regex can match, not even the prefregex, tell only how many
	Comments    bool    // JudgeBlock: pass over blank lines and those that begin with #, which count nowhere
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
	PrefGroups  Fields // what it captured, with Mode.PrefGroups only
	Ignored     []int  // the ignoreregexes that matched, from 0, in order of their hits
	TooOld      bool   // the find-time gate dropped the line
	OverBudget  int    // regexes that gave up on the line
	Err         error  // the line could not be processed
	// Before is the lines that were buffered before this one where, with maxlines
	// above 1, a match took any of them or this one; they last.
	Before []Match
}

// scratch is memory used again for every line.
type scratch struct {
	job  job
	text []byte // the decoded line
	date []byte // the text of the last date
	buf  []byte // what the regexes see
	cont []byte // the same, cut down to F-CONTENT
	pref []int  // what the prefregex captured
	caps []int  // of the failregex at hand
	side []int  // of the ignoreregex at hand
	own  Fields // groups of the failregex at hand
	rec  record // of the failure at hand
	hit  hit
	pyre pyre.Scratch
	walk walk
}

// job is a line on its way.
type job struct {
	s       *settings
	plan    *plan  // nil: every regex is to be tried
	bits    uint64 // with plan: the failregexes whose texts are in the line
	mode    Mode
	now     float64
	raw     []byte // the line as it came
	line    []byte // decoded, without its line end
	cut     [2]int // where the date stands in line
	instead string // not "": the whole line is text, and this is its date
	whole   bool   // the whole line is text
	stamp   date.Stamp
	hasTime bool
	noDate  bool
	brief   bool // failures are used up before the next line

	buf   []byte // nil: to be made again from the line buffer
	seen  []byte // with maxlines 1: what buf was before it was cut down to F-CONTENT
	view  view   // of buf, when it is ready
	ready bool
	org   []Match
	one   [1]Match
	caps  []int  // of the prefregex, when it matched
	pre   Fields // its groups, when they cannot be taken from caps
	verd  Verdict
	found []Failure
	recs  []*record // of found
	kept  int       // of found, those that do not share memory with the filter
}

// Judge finds the failures of a line. The failures stay valid; Line.Text is
// not kept.
func (f *Filter) Judge(line Line, mode Mode) ([]Failure, Verdict) {
	f.work.Lock()
	defer f.work.Unlock()
	s := f.set.Load()
	j := f.begin(s, mode, f.tick(s))
	f.judge(j, line)
	f.keepDate()
	v := j.verd
	j.verd = Verdict{}
	if len(j.found) == 0 {
		return nil, v
	}
	found := j.found
	j.found = nil
	return found, v
}

// begin makes a job ready for the first line.
func (f *Filter) begin(s *settings, mode Mode, now float64) *job {
	j := &f.scratch.job
	*j = job{s: s, mode: mode, now: now, found: j.found, recs: j.recs}
	f.next(j)
	return j
}

// next makes the job ready for the next line.
func (f *Filter) next(j *job) {
	f.sessions.nextLine()
	j.cut, j.instead, j.whole, j.hasTime, j.noDate = [2]int{}, "", false, false, false
	j.stamp = date.Stamp{}
	j.buf, j.seen, j.view, j.ready, j.org, j.caps, j.pre = nil, nil, view{}, false, nil, nil, nil
	j.verd = Verdict{}
	j.found, j.recs, j.kept = j.found[:0], j.recs[:0], 0
}

// judge takes a line all the way.
func (f *Filter) judge(j *job, line Line) {
	defer func() { j.fault(recover()) }()
	j.raw, j.line = line.Text, f.decode(j.s, line)
	var m date.Match
	dated := false
	if d := j.s.detector; d != nil && !line.HasTime {
		m, dated = d.Find(j.line)
	}
	f.judgeDated(j, &line, &m, dated)
}

// judgeDated is judge from where the date has been found, or none.
func (f *Filter) judgeDated(j *job, line *Line, m *date.Match, dated bool) {
	ok := f.findDate(j, line, m, dated)
	j.mode.Notes.takeDate(j)
	if !ok {
		return
	}
	j.verd.Time, j.verd.HasTime = j.stamp, j.hasTime
	if j.mode.Gate && j.hasTime && !f.gate(j) {
		j.verd.TooOld = true
		return
	}
	f.search(j)
}

func (f *Filter) now() float64 { return seconds(f.env.Clock()) }

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// tick asks the clock for the line or block at hand, and tells the time.
func (f *Filter) tick(s *settings) float64 {
	at := f.env.Clock()
	s.clock.at = at
	return seconds(at)
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

// LinesEndInByte says whether a line ends where a byte 0x0A stands, as in all
// encodings but those of several bytes a character.
func (f *Filter) LinesEndInByte() bool { return f.set.Load().codec.unit <= 1 }

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
	if !f.env.Told.first(line.Source, f.now()) {
		return
	}
	f.log.Warn(fmt.Sprintf("Error decoding line from '%s' with '%s'.", line.Source, s.encoding))
	f.log.Warn("Consider setting logencoding to appropriate encoding for this jail. " +
		"Continuing to process line ignoring invalid characters: " + pytext.Repr(line.Text))
}

package filter

import (
	"bytes"
	"time"

	"f2b-go/filter/date"
)

// Block is a piece of a log: whole lines with their ends. A last line may lack
// its end.
type Block struct {
	Data   []byte
	Source string // path of the log, for messages
}

// Judged is a line of a block with what came of it. It lasts until the next
// line, and so does all in it but strings; see Failure.Kept. Its failures have
// Fields and Matches once Fill was called, Matches once FillMatches was.
type Judged struct {
	At       time.Time // when it was judged
	Number   int       // in the block, from 1
	Passed   int       // with Mode.Count: lines before it that were passed over
	Raw      []byte    // the line as it came
	Text     []byte    // decoded, without its line end
	Failures []Failure
	Verdict  *Verdict

	job *job
}

// Fill gives the failures of a line of a block their Fields and Matches.
func (l *Judged) Fill() {
	if l.job != nil {
		l.job.fill()
	}
}

// FillMatches gives them their Matches alone.
func (l *Judged) FillMatches() { l.job.fillMatches() }

// Done is how far a block was judged.
type Done struct {
	Bytes, Lines int
	Passed       int // with Mode.Count: lines passed over since the last one told
}

// JudgeBlock judges the lines of a block one after the other, as Judge does,
// and calls each for those that have failures or could not be processed, with
// Mode.Every for all. An error of each ends it after that line and is returned.
// In each the filter may be asked, but no other line may be judged; settings
// that change there hold from the next block on.
//
// It is faster than Judge by far: lines that no regex can match are known by
// the texts that they lack, and of those only the date is read, since dates of
// later lines may depend on it.
func (f *Filter) JudgeBlock(b Block, mode Mode, each func(*Judged) error) (done Done, err error) {
	f.work.Lock()
	defer f.work.Unlock()
	w := f.newWalk(b, mode)
	defer f.keepDate()
	defer w.noteDate()
	for w.at < len(b.Data) {
		if w.at >= w.plainTo {
			w.lookForPlain()
		}
		if w.passRun() {
			continue
		}
		end := w.lineEnd(w.at)
		raw := b.Data[w.at:end]
		w.at = end
		w.told.Number++
		maybe := w.maybe(raw, end)
		if maybe&w.pursued == 0 && w.pass(raw) || !w.line(raw, maybe) {
			continue
		}
		w.noteDate()
		f.work.Unlock()
		err = each(&w.told)
		f.work.Lock()
		w.told.Passed = 0
		if err != nil {
			break
		}
		if mode.Gate {
			w.setTime(f.tick(w.s))
		}
	}
	return Done{w.at, w.told.Number, w.told.Passed}, err
}

// walk is a block on its way.
type walk struct {
	f      *Filter
	s      *settings
	plan   *plan
	job    *job
	mode   Mode
	now    float64
	unix   int64 // the same in whole seconds
	source string
	data   []byte
	at     int // of data so much has been judged
	// The line at hand and those up to plainTo are text as they stand, unless
	// the line is odd.
	plainTo int
	odd     bool
	skips   bool // lines that no regex can match need not be searched
	quick   bool // nor looked at, if their date is like the one before
	every   bool // all others are told of
	told    Judged

	pursued uint64 // the bits for which a line must be looked at closely
	dull    bool   // a line without any of the texts need not be

	find     finding
	foundAt  int // where the next text stands that was looked for
	foundAll uint64
	more     bool
	lastAt   int    // where the one before stands
	knownEnd int    // of the line that ends here it is known
	known    uint64 // which regexes may match it

	dateText []byte // of the last line passed over, nil if it has been noted
	date     date.Stamp
}

func (f *Filter) newWalk(b Block, mode Mode) *walk {
	s := f.set.Load()
	w := &f.scratch.walk
	*w = walk{f: f, s: s, mode: mode, source: b.Source, data: b.Data, plan: f.planFor(s, mode.CheckAll, b.Data), every: mode.Every || mode.Count}
	w.job = f.begin(s, mode, 0)
	w.job.plan, w.job.brief = w.plan, true
	w.told.Verdict, w.told.job = &w.job.verd, w.job
	w.setTime(f.tick(s))
	if w.plan != nil && w.plan.find != nil {
		w.find = finding{finder: w.plan.find, data: b.Data}
		w.foundAt, w.foundAll, w.more = w.find.next()
		w.pursued = w.plan.fail | ignoreBit
		if mode.Count && s.pref != nil {
			w.pursued |= prefBit
		}
		w.skips = !mode.Every && (!mode.Count || mode.CheckAll && (s.pref == nil || w.plan.pref != 0))
		w.quick = w.skips && s.detector != nil
		w.dull = w.plan.maybe(0, nil, 0)&w.pursued == 0
	}
	return w
}

func (w *walk) setTime(now float64) {
	w.now, w.job.now, w.told.At = now, now, w.s.clock.at
	w.unix = w.told.At.Unix()
}

// maybe gives the bits of the regexes that may match a line, all if that is not
// known. end is where it ends.
func (w *walk) maybe(raw []byte, end int) uint64 {
	switch {
	case w.pursued == 0:
		return ^uint64(0)
	case end != w.knownEnd:
		w.knownEnd, w.known = end, 0
		if found := w.foundBefore(end); found|w.plan.always != 0 {
			w.known = w.plan.maybe(found, raw, w.lastAt-(end-len(raw)))
		}
	}
	return w.known
}

// pass passes over a line that no regex can match, if its date is like the one
// before: that is all there is to know of it.
func (w *walk) pass(raw []byte) bool {
	text := trimEnd(raw)
	if !w.quick || w.odd || len(text) == 0 || len(raw) > MaxLine || (text[0] == '#' && w.mode.Comments) {
		return false
	}
	d := w.s.detector
	a, ok := d.Again(text, w.unix)
	if !ok || !w.open(a.Time) || (a.Start > 0 && a.End < len(text) && w.plan.joined(text[a.Start-1], text[a.End])) {
		return false
	}
	d.Repeat(w.unix, 1)
	w.told.Passed++
	w.dateText, w.date = text[a.Start:a.End], a.Time
	return true
}

// passRun passes over lines that have none of the texts that are looked for, and
// a date of the minute that was read last. It reports whether there are any.
func (w *walk) passRun() bool {
	if !w.quick || !w.dull || w.odd || w.knownEnd > w.at && w.known&w.pursued != 0 {
		return false
	}
	d := w.s.detector
	m, ok := d.Minute(w.unix)
	if !ok || !w.open(m.First) || !w.open(m.Last) || m.Before != 0 && w.plan.joined(m.Before, m.After) {
		return false
	}
	rest := w.data[w.at:w.plainTo]
	not := byte(0)
	if w.mode.Comments {
		not = '#'
	}
	size, lines, last := d.Run(rest, not, w.mark(), func(begin, end int) int {
		if w.maybe(rest[begin:end], w.at+end)&w.pursued != 0 {
			return -1
		}
		return w.mark()
	})
	if lines == 0 {
		return false
	}
	d.Repeat(w.unix, lines)
	w.at += size
	w.told.Number += lines
	w.told.Passed += lines
	w.dateText, w.date = rest[last.Start:last.End], last.Time
	return true
}

// lookForPlain finds out whether the next line is text as it stands, and how far
// that goes.
func (w *walk) lookForPlain() {
	end := len(w.data)
	if n := w.s.codec.plain(w.data[w.at:]); w.at+n < end {
		end = w.at + bytes.LastIndexByte(w.data[w.at:w.at+n], '\n') + 1
	}
	w.plainTo, w.odd = end, end == w.at
}

// noteDate takes note of the date of the last line that was passed over.
func (w *walk) noteDate() {
	if w.dateText != nil {
		w.f.setDate(w.date, w.dateText)
		w.dateText = nil
	}
}

// lineEnd is where the line that begins at at ends, with its line end.
func (w *walk) lineEnd(at int) int {
	if w.knownEnd > at {
		return w.knownEnd
	}
	if w.s.codec.unit > 1 {
		line, _, ok := w.s.codec.cut(w.data[at:])
		if !ok {
			return len(w.data)
		}
		return at + len(line)
	}
	n := bytes.IndexByte(w.data[at:], '\n')
	if n < 0 {
		return len(w.data)
	}
	return at + n + 1
}

// mark is how far it is to the next text that was looked for.
func (w *walk) mark() int {
	if w.more {
		return w.foundAt - w.at
	}
	return len(w.data)
}

// foundBefore gives the bits of all texts in the line that ends at end.
func (w *walk) foundBefore(end int) (found uint64) {
	for w.more && w.foundAt < end {
		found |= w.foundAll
		w.lastAt = w.foundAt
		w.foundAt, w.foundAll, w.more = w.find.next()
	}
	return found
}

// line judges a line. It reports whether there is something to tell.
func (w *walk) line(raw []byte, maybe uint64) (tell bool) {
	defer func() {
		if w.job.fault(recover()) {
			w.told.Raw, w.told.Text, w.told.Failures = raw, bytes.ToValidUTF8(trimEnd(raw), []byte("\uFFFD")), nil
			tell = true
		}
	}()
	w.noteDate()
	var text []byte
	if !w.odd && len(raw) <= MaxLine {
		text = trimEnd(raw)
	} else {
		text = w.f.decode(w.s, Line{Text: raw, Source: w.source})
		defer w.f.keepDate()
	}
	if w.mode.Comments && (len(text) == 0 || text[0] == '#') {
		return false
	}
	var m date.Match
	dated := false
	if d := w.s.detector; d != nil {
		m, dated = d.Find(text)
	}
	if dated && w.plan != nil && m.Start > 0 && m.End < len(text) && w.plan.joined(text[m.Start-1], text[m.End]) {
		maybe = ^uint64(0)
	}
	if maybe&w.pursued == 0 && w.skips && (dated && w.usual(text, m) || !dated && w.undated()) {
		w.told.Passed++
		return false
	}
	j := w.job
	w.f.next(j)
	j.bits, j.raw, j.line = maybe, raw, text
	w.f.judgeDated(j, &Line{Text: raw, Source: w.source}, &m, dated)
	if len(j.found) == 0 && j.verd.Err == nil && !w.every {
		return false
	}
	w.told.Raw, w.told.Text, w.told.Failures = raw, text, j.found
	return true
}

// usual takes note of the date of a line, where that is all that its date
// does: it is valid, and the gate is open.
func (w *walk) usual(text []byte, m date.Match) bool {
	if m.Err() != nil || m.Empty() {
		return false
	}
	stamp, err := w.s.detector.Time(m, text)
	if err != nil || !w.open(stamp) {
		return false
	}
	w.f.setDate(stamp, text[m.Start:m.End])
	return true
}

// undated says whether a line without a date is of no interest: the gate is open
// for the date before, which it takes over if that is recent.
func (w *walk) undated() bool { return !w.f.recent(w.now) || w.open(w.f.lastDate) }

// open says whether the gate lets a line of that time pass as it is.
func (w *walk) open(stamp date.Stamp) bool {
	switch {
	case !w.mode.Gate:
		return true
	case !w.mode.InOperation:
		return stamp.Unix >= w.now-w.mode.FindTime
	}
	return near(stamp, w.now)
}

// trimEnd is the line without its end.
func trimEnd(raw []byte) []byte {
	n := len(raw)
	for n > 0 && (raw[n-1] == '\n' || raw[n-1] == '\r') {
		n--
	}
	return raw[:n]
}

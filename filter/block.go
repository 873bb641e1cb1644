package filter

import (
	"bytes"
	"encoding/binary"

	"f2b-go/filter/date"
)

// Block is a piece of a log: whole lines with their ends. A last line may lack
// its end.
type Block struct {
	Data   []byte
	Source string // path of the log, for messages
}

// Judged is a line of a block with what came of it. It lasts until the next
// line, and so does all in it but strings; see Failure.Kept.
type Judged struct {
	Number   int    // in the block, from 1
	Raw      []byte // the line as it came
	Text     []byte // decoded, without its line end
	Failures []Failure
	Verdict  Verdict
}

// JudgeBlock judges the lines of a block one after the other, as Judge does,
// and calls each for those that have failures or could not be processed, with
// Mode.Every for all. An error of each ends it and is returned. In each the
// filter may be asked, but no other line may be judged; settings that change
// there hold from the next block on.
//
// It is faster than Judge by far: lines that no regex can match are known by
// the texts that they lack, and of those only the date is read, since dates of
// later lines may depend on it.
func (f *Filter) JudgeBlock(b Block, mode Mode, each func(*Judged) error) error {
	f.work.Lock()
	defer f.work.Unlock()
	w := f.newWalk(b, mode)
	for at := 0; at < len(b.Data); {
		end := w.lineEnd(at)
		w.told.Number++
		found := w.foundBefore(end)
		if w.line(b.Data[at:end], found) {
			f.work.Unlock()
			err := each(&w.told)
			f.work.Lock()
			if err != nil {
				return err
			}
			if mode.Gate {
				w.now = f.tick(w.s)
			}
		}
		at = end
	}
	return nil
}

// walk is a block on its way.
type walk struct {
	f      *Filter
	s      *settings
	plan   *plan
	mode   Mode
	now    float64
	source string
	data   []byte
	ascii  bool // all of it
	told   Judged

	find     finding
	foundAt  int // where the next text stands that was looked for
	foundAll uint64
	more     bool
}

func (f *Filter) newWalk(b Block, mode Mode) *walk {
	s := f.set.Load()
	w := &f.scratch.walk
	*w = walk{
		f: f, s: s, mode: mode, now: f.tick(s), source: b.Source, data: b.Data,
		plan: f.planFor(s, mode.CheckAll, b.Data), ascii: s.codec.keepsASCII() && isASCII(b.Data),
	}
	if w.plan != nil && w.plan.find != nil {
		w.find = finding{finder: w.plan.find, data: b.Data}
		w.foundAt, w.foundAll, w.more = w.find.next()
	}
	return w
}

// lineEnd is where the line that begins at at ends, with its line end.
func (w *walk) lineEnd(at int) int {
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

// foundBefore gives the bits of all texts in the line that ends at end.
func (w *walk) foundBefore(end int) (found uint64) {
	for w.more && w.foundAt < end {
		found |= w.foundAll
		w.foundAt, w.foundAll, w.more = w.find.next()
	}
	return found
}

// line judges a line. It reports whether there is something to tell.
func (w *walk) line(raw []byte, found uint64) bool {
	var text []byte
	if w.ascii && len(raw) <= MaxLine {
		text = trimEnd(raw)
	} else {
		text = w.f.decode(w.s, Line{Text: raw, Source: w.source})
	}
	if w.mode.Comments && (len(text) == 0 || text[0] == '#') {
		return false
	}
	bits := ^uint64(0)
	if w.plan != nil && w.plan.find != nil {
		bits = w.plan.maybe(found, raw)
	}
	var m date.Match
	dated, usual := false, true
	if d := w.s.detector; d != nil {
		if m, dated = d.Find(text); dated {
			usual = w.usual(text, m)
			if w.plan != nil && m.Start > 0 && m.End < len(text) && w.plan.joined(text[m.Start-1], text[m.End]) {
				bits = ^uint64(0)
			}
		}
	}
	if usual && w.plan != nil && bits&(w.plan.fail|ignoreBit) == 0 && !w.mode.Every {
		return false
	}
	j := w.f.begin(w.s, w.mode, w.now)
	j.plan, j.bits, j.brief = w.plan, bits, true
	j.raw, j.line = raw, text
	w.f.judgeDated(j, Line{Text: raw, Source: w.source}, m, dated)
	if len(j.found) == 0 && j.verd.Err == nil && !w.mode.Every {
		return false
	}
	w.told.Raw, w.told.Text, w.told.Failures, w.told.Verdict = raw, text, j.found, j.verd
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
	f := w.f
	f.lastDate, f.hasLastDate = stamp, true
	f.lastText = append(f.lastText[:0], text[m.Start:m.End]...)
	return true
}

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

// isASCII says whether all bytes are ASCII characters.
func isASCII(data []byte) bool {
	const high = 0x8080808080808080
	for ; len(data) >= 32; data = data[32:] {
		w := data[:32:32]
		if (binary.LittleEndian.Uint64(w)|binary.LittleEndian.Uint64(w[8:])|
			binary.LittleEndian.Uint64(w[16:])|binary.LittleEndian.Uint64(w[24:]))&high != 0 {
			return false
		}
	}
	for _, b := range data {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

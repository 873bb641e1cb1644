package filter

import (
	"errors"
	"fmt"
	"math/bits"

	"f2b-go/filter/pyre"
)

// search runs the regexes over the line, COMPAT 2.2.4 to 2.2.9.
func (f *Filter) search(j *job) {
	f.fillBuffer(j)
	allowed := ^uint64(0)
	if j.s.maxLines > 1 {
		if allowed = f.allowed(j); allowed == 0 {
			return
		}
		f.joinBuffer(j)
	}
	j.mode.Notes.takeText(j)
	if j.s.ignoresFirst() && !(j.mode.CheckAll && j.lacks(ignoreBit)) && f.ignores(j, j.buf) {
		return
	}
	if j.s.pref != nil && !f.prefilter(j) {
		return
	}
	j.mode.Notes.takeContent(j)
	if j.plan == nil {
		for i := range j.s.fail {
			if allowed&regexBit(i) != 0 && f.try(j, i) {
				return
			}
		}
		return
	}
	maybe := j.bits & j.plan.first[j.buf[0]]
	for rest := maybe &^ otherBits; rest != 0; rest &= rest - 1 {
		if f.try(j, bits.TrailingZeros64(rest)) {
			return
		}
	}
	if maybe&lastBit != 0 {
		for i := lastRegex; i < len(j.s.fail); i++ {
			if f.try(j, i) {
				return
			}
		}
	}
}

// ignoresFirst says whether the ignoreregexes come before all others (2.2.5).
func (s *settings) ignoresFirst() bool {
	n := len(s.ignore)
	return n > 0 && n < len(s.fail)-2
}

// lacks says that the line lacks the texts for a regex.
func (j *job) lacks(bit uint64) bool { return j.plan != nil && j.bits&bit == 0 }

// try tries a failregex by its number from 0; true ends the line.
func (f *Filter) try(j *job, i int) bool {
	if j.buf == nil {
		f.joinBuffer(j)
	}
	re := j.s.fail[i]
	caps, ok := f.searchRegex(j, re, j.buf, &f.scratch.caps)
	if !ok {
		return false
	}
	h := &f.scratch.hit
	*h = hit{re: re, number: i + 1, caps: caps}
	if j.s.maxLines > 1 {
		h.text = j.joinedView().all()
		h.matched, h.rest = matchedLines(h, j.original())
	}
	return f.judgeHit(j, h)
}

// fillBuffer sets up what the regexes see: the line without its date, or with
// maxlines above 1 the last lines.
func (f *Filter) fillBuffer(j *job) {
	if j.s.maxLines <= 1 {
		j.buf = f.withoutDate(j)
		j.seen = j.buf
		return
	}
	// Lines that somebody may still look at are never written over.
	f.buffer = append(f.buffer, j.match())
	f.buffer = f.buffer[max(0, len(f.buffer)-j.s.maxLines):]
	j.org = f.buffer
}

// joinBuffer makes one text of the lines in the buffer.
func (f *Filter) joinBuffer(j *job) {
	b := appendLines(f.scratch.buf[:0], f.buffer)
	f.scratch.buf, j.buf, j.ready = b, b, false
}

// appendLines appends the texts of lines, each with its line feed.
func appendLines(b []byte, lines []Match) []byte {
	for i := range lines {
		b = append(lines[i].appendText(b), '\n')
	}
	return b
}

// joinedView is the view of several lines that are one text.
func (j *job) joinedView() *view {
	if !j.ready {
		j.view, j.ready = plainView(string(j.buf)), true
	}
	return &j.view
}

// withoutDate is the line without its date, with a line feed. It is part of
// the line as it came where that is possible.
func (f *Filter) withoutDate(j *job) []byte {
	from := 0
	if !j.whole {
		from = j.cut[1]
	}
	if (j.whole || j.cut[0] == 0) && j.rawIsLine() {
		return j.raw[from:]
	}
	b := f.scratch.buf[:0]
	if !j.whole {
		b = append(b, j.line[:j.cut[0]]...)
	}
	b = append(b, j.line[from:]...)
	b = append(b, '\n')
	f.scratch.buf = b
	return b
}

// original returns the lines that the buffer was made from.
func (j *job) original() []Match {
	if j.org == nil {
		j.one[0] = j.match()
		j.org = j.one[:]
	}
	return j.org
}

// prefilter tries the prefregex and cuts the buffer down to its content; false
// when the line does not match it.
func (f *Filter) prefilter(j *job) bool {
	j.verd.PrefTried = true
	pref := j.s.pref
	if j.plan != nil && j.plan.pref != 0 && j.lacks(prefBit) {
		return false
	}
	caps, ok := f.searchRegex(j, pref, j.buf, &f.scratch.pref)
	if !ok {
		return false
	}
	j.verd.PrefMatched = true
	if j.s.maxLines > 1 || pref.derives() {
		f.prefilterSlowly(j, caps)
		return true
	}
	j.caps = caps
	if j.mode.PrefGroups {
		j.verd.PrefGroups = pref.fields(nil, j.lineView(), caps)
	}
	if g := pref.content; g > 0 && caps[2*g] < caps[2*g+1] {
		from, to := caps[2*g], caps[2*g+1]
		j.view.from, j.view.to = from, to
		if to == len(j.buf)-1 {
			j.buf = j.buf[from:]
		} else {
			f.scratch.cont = append(append(f.scratch.cont[:0], j.buf[from:to]...), '\n')
			j.buf = f.scratch.cont
		}
	}
	return true
}

// prefilterSlowly takes over the groups of the prefregex where they must be put
// together first, or where they are of several lines.
func (f *Filter) prefilterSlowly(j *job, caps []int) {
	v := j.viewed()
	j.pre = j.s.pref.fields(nil, v, caps)
	if j.mode.PrefGroups {
		j.verd.PrefGroups = append(Fields(nil), j.pre...)
	}
	content := j.pre.Text("content")
	j.pre.pop("content")
	if content == "" {
		return
	}
	j.original()
	if j.s.maxLines > 1 {
		f.takeLines(j, []Match{{After: content}})
	}
	f.scratch.cont = append(append(f.scratch.cont[:0], content...), '\n')
	j.buf = f.scratch.cont
	j.view, j.ready = plainView(string(j.buf)), true
}

// searchRegex runs one regex; one that gives up counts as no match and is
// reported once a day.
func (f *Filter) searchRegex(j *job, re *Regex, buf []byte, keep *[]int) ([]int, bool) {
	caps, ok, err := re.re.SearchWith(&f.scratch.pyre, (*keep)[:0], buf, 0, len(buf))
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

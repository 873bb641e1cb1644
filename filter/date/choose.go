package date

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// noChar stands for the empty text that Python gives beyond a line's ends.
const noChar rune = -1

// unusedTime is after how many seconds a template that was not used makes room.
const unusedTime = 300

// fewSlots is how many templates are tried in the time that a line's traits take.
const fewSlots = 2

// lastHit remembers the last winner: its place in the list, the span of its
// match in characters, and the characters at and around the span's ends.
type lastHit struct {
	index      int
	start, end int
	before, at rune // around start
	tail, next rune // around end: the last one in it, the first after it
}

// candidate is a template's match while better ones are looked for.
type candidate struct {
	hit        *hit // nil for none
	index      int  // of the template
	start, end int  // of the whole match, in characters
}

// Find looks for the line's date and updates what the detector remembers. Where
// fail2ban would give up the line, ok is true and the match covers the whole
// line and has an Err. line is valid UTF-8 without its line end.
func (d *Detector) Find(line []byte) (m Match, ok bool) {
	if m, ok = d.repeat(line); ok {
		return m, true
	}
	err := d.needTemplates()
	won, skip := false, far
	if err == nil {
		won, skip, err = d.tryLast(line)
	}
	if err == nil && !won {
		won, err = d.search(line, skip)
	}
	if err != nil {
		m.End, m.err = len(line), err
		return m, true
	}
	if won {
		d.win(line, &m)
	}
	return m, won
}

// tryLast tries the last winner first. A match that is not where the last one
// was has not won, but is the best so far; skip is the place of a template that
// needs no second try, or far.
func (d *Detector) tryLast(line []byte) (won bool, skip int, err error) {
	c, l := &d.best, &d.last
	c.hit, c.start = nil, far
	i := l.index
	if i >= len(d.slots) {
		return false, far, nil
	}
	s, h := d.slots[i], &d.hits[0]
	pos, end := 0, len(line)
	skip = i
	if !s.anchored() {
		from, to := byteOffset(line, l.start), byteOffset(line, l.end)
		if d.bordersFit(line, from, to) {
			pos, end, skip = from, to, far
		}
	}
	ok, err := s.match(line, pos, end, &d.caps, h)
	if err != nil || !ok {
		return false, skip, err
	}
	c.hit, c.index = h, i
	if skip == far && h.start == pos {
		c.start, c.end = l.start, l.start+chars(line[pos:h.end])
	} else {
		c.start, c.end = h.place(line)
	}
	return len(d.slots) == 1 || s.anchored() || c.start == l.start && c.end == l.end, skip, nil
}

// bordersFit reports whether the characters at the ends of the last match's
// span fit: outside the same, or inside the same and no letter or digit. from
// and to are the span in bytes.
func (d *Detector) bordersFit(line []byte, from, to int) bool {
	l := &d.last
	if charBefore(line, from, l.start) != l.before {
		if at := charAt(line, from); at != l.at || alphanumeric(at) {
			return false
		}
	}
	if charAt(line, to) != l.next {
		if tail := charBefore(line, to, l.end); tail != l.tail || alphanumeric(tail) {
			return false
		}
	}
	return true
}

// search tries the templates in order, to find a better match than d.best.
func (d *Detector) search(line []byte, skip int) (won bool, err error) {
	held := ^family(0)
	if len(d.slots) > fewSlots {
		held = familiesOf(line, d.years)
	}
	best, spare := &d.best, &d.hits[1]
	for i, s := range d.slots {
		if i == skip || s.family&^held != 0 {
			continue
		}
		ok, err := s.match(line, 0, len(line), &d.caps, spare)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		start, end := spare.place(line)
		wins := i+1 == len(d.slots) || s.anchored() ||
			start == 0 && s.hits > 0 && !d.slots[i+1].matched.Load() ||
			start <= s.distance && start <= d.last.start
		// Further right than before: possibly a date in the message. It is kept
		// and the leftmost of these wins unless a better one comes.
		if wins || start < best.start {
			*best, spare = candidate{spare, i, start, end}, d.other(spare)
		}
		if wins {
			return true, nil
		}
	}
	return best.hit != nil, nil
}

// other returns the memory that a candidate kept in h leaves free.
func (d *Detector) other(h *hit) *hit {
	if h == &d.hits[0] {
		return &d.hits[1]
	}
	return &d.hits[0]
}

// place returns the span of a match in characters.
func (h *hit) place(line []byte) (start, end int) {
	if h.ascii {
		return h.start, h.end
	}
	start = chars(line[:h.start])
	return start, start + chars(line[h.start:h.end])
}

// chars counts the characters of a text.
func chars(text []byte) int {
	if ascii(text) {
		return len(text)
	}
	return utf8.RuneCount(text)
}

// ascii reports whether a text has ASCII characters only.
func ascii(text []byte) bool {
	const high = 0x8080808080808080
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&high != 0 {
			return false
		}
		text = text[8:]
	}
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// win records d.best as the winner and fills in its match.
func (d *Detector) win(line []byte, m *Match) {
	c, h := &d.best, d.best.hit
	i, s := c.index, d.slots[c.index]
	s.hits++
	if len(d.slots) > 1 {
		s.lastUsed = d.now().Unix()
	}
	s.distance = c.start
	if d.firstUnused == i {
		d.firstUnused++
	}
	if h.start >= len(line) {
		m.End, m.err = len(line), &LineError{"IndexError", "string index out of range"}
		return
	}
	lastIndex := d.last.index
	d.last.start, d.last.end = c.start, c.end
	if !s.anchored() {
		d.last.borders(line, c)
	}
	if i > 0 && i != lastIndex {
		i = d.bubble(i)
	}
	d.last.index = i
	m.Start, m.End, m.Name, m.moment = h.cutStart, h.cutEnd, s.name, h.moment
	d.remember(s, line, h)
}

// borders notes the characters at and around the ends of a match, which matter
// for templates that are not anchored.
func (l *lastHit) borders(line []byte, c *candidate) {
	l.before, l.at = charBefore(line, c.hit.start, c.start), charAt(line, c.hit.start)
	l.tail, l.next = charBefore(line, c.hit.end, c.end), charAt(line, c.hit.end)
	if c.end == 0 {
		// Python's line[-1]: the last character of the line.
		l.tail, _ = utf8.DecodeLastRune(line)
	}
}

// weigh is how much a template's hits count against others'.
func (s *slot) weigh() float64 {
	return float64(s.hits) * s.weight() / float64(max(1, s.distance))
}

// bubble moves the template at place i towards the front if it has grown enough,
// and returns its new place.
func (d *Detector) bubble(i int) int {
	s := d.slots[i]
	weight, since := s.weigh(), s.lastUsed-unusedTime
	movable := func(to int) bool {
		return weight > d.slots[to].weigh() || since > d.slots[to].lastUsed
	}
	to := i / 2
	if d.firstUnused < i {
		to = d.firstUnused
	}
	if !movable(to) {
		if to == i-1 || !movable(i-1) {
			return i
		}
		to = i - 1
	}
	copy(d.slots[to+1:i+1], d.slots[to:i])
	d.slots[to] = s
	for d.firstUnused < len(d.slots) && d.slots[d.firstUnused].hits > 0 {
		d.firstUnused++
	}
	return to
}

// byteOffset returns where the character with this number begins, or the
// line's length.
func byteOffset(line []byte, chars int) int {
	if ascii(line[:min(len(line), chars)]) {
		return min(len(line), chars)
	}
	i := 0
	for n := 0; i < len(line) && n < chars; n++ {
		_, size := utf8.DecodeRune(line[i:])
		i += size
	}
	return i
}

func charAt(line []byte, i int) rune {
	if i >= len(line) {
		return noChar
	}
	if line[i] < utf8.RuneSelf {
		return rune(line[i])
	}
	r, _ := utf8.DecodeRune(line[i:])
	return r
}

// charBefore returns the character whose number is chars-1, which ends at byte
// i unless the line is shorter.
func charBefore(line []byte, i, chars int) rune {
	if chars == 0 || i == 0 || i >= len(line) && utf8.RuneCount(line) < chars {
		return noChar
	}
	if line[i-1] < utf8.RuneSelf {
		return rune(line[i-1])
	}
	r, _ := utf8.DecodeLastRune(line[:i])
	return r
}

// alphanumeric is Python's str.isalnum.
func alphanumeric(r rune) bool {
	return r >= 0 && (unicode.IsLetter(r) || unicode.IsNumber(r))
}

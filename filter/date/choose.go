package date

import (
	"unicode"
	"unicode/utf8"
)

// noChar stands for the empty text that Python gives beyond a line's ends.
const noChar rune = -1

// unusedTime is after how many seconds a template that was not used makes room.
const unusedTime = 300

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
	*hit
	index      int
	start, end int // of the whole match, in characters
	ok         bool
}

// Find looks for the line's date and updates what the detector remembers. Where
// fail2ban would give up the line, ok is true and the match covers the whole
// line and has an Err. line is valid UTF-8 without its line end.
func (d *Detector) Find(line []byte) (m Match, ok bool) {
	if err := d.needTemplates(); err != nil {
		return Match{End: len(line), err: err}, true
	}
	best, skip, err := d.tryLast(line)
	if err == nil && !best.ok {
		best, err = d.search(line, best, skip)
	}
	if err != nil {
		return Match{End: len(line), err: err}, true
	}
	if !best.ok {
		return Match{}, false
	}
	return d.win(line, &best), true
}

// tryLast tries the last winner first. A match that is not where the last one
// was comes back not ok, as the best so far; skip is the place of a template
// that needs no second try, or far.
func (d *Detector) tryLast(line []byte) (c candidate, skip int, err error) {
	none := candidate{start: far, index: far}
	i := d.last.index
	if i >= len(d.slots) {
		return none, far, nil
	}
	s, h := d.slots[i], &d.hits[0]
	pos, end := 0, len(line)
	skip = i
	if !s.anchored() {
		from, to := byteOffset(line, d.last.start), byteOffset(line, d.last.end)
		if d.bordersFit(line, from, to) {
			pos, end, skip = from, to, far
		}
	}
	ok, err := s.match(line, pos, end, &d.caps, h)
	if err != nil || !ok {
		return none, skip, err
	}
	if skip == far && h.start == pos && h.end == end {
		return candidate{hit: h, index: i, start: d.last.start, end: d.last.start + chars(line[pos:end]), ok: true}, skip, nil
	}
	c = place(h, line, i)
	c.ok = len(d.slots) == 1 || s.anchored() || c.start == d.last.start && c.end == d.last.end
	return c, skip, nil
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

// search tries the templates in order. best is what the last winner found.
func (d *Detector) search(line []byte, best candidate, skip int) (candidate, error) {
	held := familiesOf(line, d.years)
	spare := &d.hits[1]
	for i, s := range d.slots {
		if i == skip || s.family&^held != 0 {
			continue
		}
		ok, err := s.match(line, 0, len(line), &d.caps, spare)
		if err != nil {
			return best, err
		}
		if !ok {
			continue
		}
		c := place(spare, line, i)
		c.ok = true
		if i+1 == len(d.slots) || s.anchored() {
			return c, nil
		}
		if c.start == 0 && s.hits > 0 && !d.slots[i+1].matched.Load() {
			return c, nil
		}
		// Further right than before: possibly a date in the message. It is kept
		// and the leftmost of these wins unless a better one comes.
		if c.start > s.distance || c.start > d.last.start {
			if c.start < best.start {
				best, spare = c, d.other(spare)
			}
			continue
		}
		return c, nil
	}
	best.ok = best.start < far
	return best, nil
}

// other returns the memory that a candidate kept in h leaves free.
func (d *Detector) other(h *hit) *hit {
	if h == &d.hits[0] {
		return &d.hits[1]
	}
	return &d.hits[0]
}

// place notes which template matched, and where in characters.
func place(h *hit, line []byte, index int) candidate {
	c := candidate{hit: h, index: index}
	if h.ascii {
		c.start, c.end = h.start, h.end
		return c
	}
	c.start = chars(line[:h.start])
	c.end = c.start + chars(line[h.start:h.end])
	return c
}

// chars counts the characters of a text.
func chars(text []byte) int {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return utf8.RuneCount(text)
		}
	}
	return len(text)
}

// win records the winner and returns its match.
func (d *Detector) win(line []byte, c *candidate) Match {
	i, s := c.index, d.slots[c.index]
	s.hits++
	if len(d.slots) > 1 {
		s.lastUsed = d.now().Unix()
	}
	s.distance = c.start
	if d.firstUnused == i {
		d.firstUnused++
	}
	if c.hit.start >= len(line) {
		return Match{End: len(line), err: &LineError{"IndexError", "string index out of range"}}
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
	return Match{Start: c.cutStart, End: c.cutEnd, Name: s.name, fields: c.fields}
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
	i := 0
	for i < len(line) && i < chars && line[i] < utf8.RuneSelf {
		i++
	}
	for n := i; i < len(line) && n < chars; n++ {
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

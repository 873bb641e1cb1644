package pyre

import (
	"bytes"
	"unicode/utf8"
)

// Entries of a class table, by the first byte of a character.
const (
	notIn  = iota // no character that begins so is in the class
	isIn          // all are, and where the byte is not ASCII, so is all of it
	mayBe         // some are: the character must be looked at
	tables = 256
)

// class is a set of characters made fast for UTF-8.
type class struct {
	tab  [tables]uint8
	set  *runeSet
	stop int  // the only byte that does not belong, or -1
	pure bool // no entry is mayBe: bytes can be taken one by one
	lead ByteSet
}

func newClass(set *runeSet) *class {
	c := &class{set: set, stop: -1, pure: true, lead: leadBytes(set)}
	high := &runeSet{[]runeRange{{utf8.RuneSelf, utf8.MaxRune}}}
	rest := newRuneSet(append([]runeRange{{0, utf8.RuneSelf - 1}}, set.ranges...))
	allHigh := rest.equal(&runeSet{[]runeRange{{0, utf8.MaxRune}}})
	someHigh := set.overlaps(high)
	out := 0
	for b := range tables {
		switch {
		case b < utf8.RuneSelf && set.contains(rune(b)), b >= utf8.RuneSelf && allHigh:
			c.tab[b] = isIn
		case b >= utf8.RuneSelf && someHigh && c.lead.Has(byte(b)):
			c.tab[b] = mayBe
			c.pure = false
		default:
			c.stop = b
			out++
		}
	}
	if out != 1 {
		c.stop = -1
	}
	return c
}

// step returns the width of the character at pos if it belongs to the class,
// else 0. pos lies within text.
func (c *class) step(text []byte, pos int) int {
	b := text[pos]
	switch c.tab[b] {
	case isIn:
		if b < utf8.RuneSelf {
			return 1
		}
		_, n := utf8.DecodeRune(text[pos:])
		return n
	case mayBe:
		if r, n := utf8.DecodeRune(text[pos:]); c.set.contains(r) {
			return n
		}
	}
	return 0
}

// span returns the end of the run of characters of the class from pos on.
func (c *class) span(text []byte, pos int) int {
	if c.stop >= 0 {
		if i := bytes.IndexByte(text[pos:], byte(c.stop)); i >= 0 {
			return pos + i
		}
		return len(text)
	}
	for pos < len(text) {
		switch c.tab[text[pos]] {
		case isIn:
			pos++
			continue
		case mayBe:
			if r, n := utf8.DecodeRune(text[pos:]); c.set.contains(r) {
				pos += n
				continue
			}
		}
		break
	}
	return pos
}

// spanN is span for at most n characters. It also returns how many it took.
func (c *class) spanN(text []byte, pos, n int) (end, taken int) {
	for taken < n && pos < len(text) {
		w := c.step(text, pos)
		if w == 0 {
			break
		}
		pos += w
		taken++
	}
	return pos, taken
}

package pyre

import (
	"bytes"
	"unicode/utf8"
)

// Entries of a class table, by the byte that is next in the text.
const (
	notIn = iota // no character that begins so is in the class
	isIn         // an ASCII character of the class
	mayBe        // the beginning of a longer character that must be looked at
	allIn        // part of a longer character, all of which are in the class

	inRun = isIn & allIn // the bit of those that a run goes over
)

// class is a set of characters made fast for UTF-8.
type class struct {
	tab  [256]uint8
	set  *runeSet
	stop int // the only byte that does not belong, or -1
	lead ByteSet

	stepShift uint8 // a run of 1<<stepShift bytes counts as a step
}

func newClass(set *runeSet) *class {
	c := &class{set: set, stop: -1, lead: leadBytes(set)}
	high := &runeSet{[]runeRange{{utf8.RuneSelf, utf8.MaxRune}}}
	rest := newRuneSet(append([]runeRange{{0, utf8.RuneSelf - 1}}, set.ranges...))
	allHigh := rest.equal(&runeSet{[]runeRange{{0, utf8.MaxRune}}})
	someHigh := set.overlaps(high)
	out := 0
	for b := range c.tab {
		switch {
		case b < utf8.RuneSelf && set.contains(rune(b)):
			c.tab[b] = isIn
		case b >= utf8.RuneSelf && allHigh:
			c.tab[b] = allIn
		case b >= utf8.RuneSelf && someHigh && c.lead.Has(byte(b)):
			c.tab[b] = mayBe
		default:
			c.stop = b
			out++
		}
	}
	if out != 1 {
		c.stop = -1
	}
	c.stepShift = forwardShift
	if c.stop >= 0 {
		c.stepShift = blockShift
	}
	return c
}

// step returns the width of the character at pos if it belongs to the class,
// else 0. pos lies within text.
func (c *class) step(text []byte, pos int) int {
	k := c.tab[text[pos]]
	if k < mayBe {
		return int(k)
	}
	return c.wide(text, pos, k)
}

// wide is step for a character beyond ASCII.
func (c *class) wide(text []byte, pos int, k uint8) int {
	r, n := utf8.DecodeRune(text[pos:])
	if k == allIn || c.set.contains(r) {
		return n
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
	for tab := &c.tab; ; {
		for pos < len(text) && tab[text[pos]]&inRun != 0 {
			pos++
		}
		if pos == len(text) || tab[text[pos]] == notIn {
			return pos
		}
		n := c.wide(text, pos, mayBe)
		if n == 0 {
			return pos
		}
		pos += n
	}
}

// spanN is span for at most n characters. It also returns how many it took.
func (c *class) spanN(text []byte, pos, n int) (end, taken int) {
	if n == 3 && len(text)-pos > 3 {
		// Numbers in addresses. It does not branch, as inBlock.
		x, y, z := c.tab[text[pos]], c.tab[text[pos+1]], c.tab[text[pos+2]]
		if x|y|z < mayBe {
			y &= x
			taken = int(x + y + y&z)
			return pos + taken, taken
		}
	}
	for tab := &c.tab; taken < n && pos < len(text); taken++ {
		k := int(tab[text[pos]])
		if k >= mayBe {
			k = c.wide(text, pos, uint8(k))
		}
		if k == 0 {
			break
		}
		pos += k
	}
	return pos, taken
}

// three returns how many of the next three bytes, up to the first that does not
// belong, are characters of the class, -1 if that is not settled here.
func (c *class) three(text []byte, pos int) int {
	if len(text)-pos <= 3 {
		return -1
	}
	// It does not branch: how many digits a number has is anyone's guess.
	x, y, z := c.tab[text[pos]], c.tab[text[pos+1]], c.tab[text[pos+2]]
	if x|y|z >= mayBe {
		return -1
	}
	y &= x
	return int(x + y + y&z)
}

// run returns the length of the run of characters of the class from pos on, -1
// if one beyond ASCII must be looked at.
func (c *class) run(text []byte, pos int) int {
	from := pos
	for pos < len(text) && c.tab[text[pos]]&inRun != 0 {
		pos++
	}
	if pos < len(text) && c.tab[text[pos]] != notIn {
		return -1
	}
	return pos - from
}

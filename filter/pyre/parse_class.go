package pyre

import (
	"strconv"
	"unicode"
)

// class reads a character set; its opening bracket stands at index start.
func (p *parser) class(start int) *node {
	negate := p.accept('^')
	c := classBuilder{flags: p.flags}
	for n := 0; ; n++ {
		t := p.get()
		if t.r == eof {
			p.failAt("unterminated character set", start)
			return p.node(node{kind: nodeEmpty, pos: start})
		}
		if t.is(']') && n > 0 {
			break
		}
		at := p.tell() - t.width()
		lo := p.classItem(t)
		if !p.accept('-') {
			c.add(lo)
			continue
		}
		u := p.get()
		if u.r == eof {
			p.failAt("unterminated character set", start)
			return p.node(node{kind: nodeEmpty, pos: start})
		}
		if u.is(']') {
			c.add(lo)
			c.add(classItem{lo: '-', hi: '-'})
			break
		}
		hi := p.classItem(u)
		if lo.set != nil || hi.set != nil || hi.lo < lo.lo {
			p.badRange(t, u)
			return p.node(node{kind: nodeEmpty, pos: at})
		}
		c.add(classItem{lo: lo.lo, hi: hi.lo})
	}
	return c.node(start, negate)
}

// badRange reports a range whose ends were the tokens t and u. Python shows
// them as written, but not the digits of an escape.
func (p *parser) badRange(t, u token) {
	p.fail("bad character range "+t.String()+"-"+u.String(), t.width()+1+u.width())
}

// classItem is a character, a range or a class in a character set.
type classItem struct {
	lo, hi rune
	set    *runeSet
}

func (p *parser) classItem(t token) classItem {
	if !t.esc {
		return classItem{lo: t.r, hi: t.r}
	}
	if set := classesFor(p.flags).byLetter(t.r); set != nil {
		return classItem{set: set}
	}
	r := rune('\b')
	if t.r != 'b' {
		r = p.charEscape(t, true)
	}
	return classItem{lo: r, hi: r}
}

// classBuilder gathers a character set.
type classBuilder struct {
	flags  Flags
	ranges []runeRange // characters written out, to which case applies
	sets   []*runeSet  // classes, to which it does not
}

func (c *classBuilder) add(it classItem) {
	if it.set != nil {
		c.sets = append(c.sets, it.set)
		return
	}
	c.ranges = append(c.ranges, runeRange{it.lo, it.hi})
}

func (c *classBuilder) node(start int, negate bool) *node {
	if len(c.ranges) == 1 && len(c.sets) == 0 && !negate && c.ranges[0].lo == c.ranges[0].hi {
		p := parser{flags: c.flags}
		return p.literal(c.ranges[0].lo, start)
	}
	if len(c.ranges) == 0 && len(c.sets) == 1 && !negate {
		return &node{kind: nodeSet, pos: start, set: c.sets[0]}
	}
	ranges := c.ranges
	if c.flags&IgnoreCase != 0 {
		ranges = foldFor(c.flags).close(ranges)
	}
	for _, s := range c.sets {
		ranges = append(ranges, s.ranges...)
	}
	set := newRuneSet(ranges)
	if negate {
		set = set.negate()
	}
	return &node{kind: nodeSet, pos: start, set: set}
}

// escape reads an escape outside of a character set; t is its backslash and
// letter.
func (p *parser) escape(t token, at int) *node {
	if set := classesFor(p.flags).byLetter(t.r); set != nil {
		return p.node(node{kind: nodeSet, pos: at, set: set})
	}
	n := p.node(node{kind: nodeAt, pos: at, ascii: p.flags&ASCII != 0})
	switch t.r {
	case 'A':
		n.place = atTextStart
		return n
	case 'Z':
		n.place = atTextEnd
		return n
	case 'b':
		n.place = atBoundary
		return n
	case 'B':
		n.place = atNoBoundary
		return n
	}
	if t.r >= '1' && t.r <= '9' {
		return p.numberEscape(t, at)
	}
	return p.literal(p.charEscape(t, false), at)
}

// numberEscape reads \N, \NN or \NNN: three octal digits are a character,
// all else refers to a group.
func (p *parser) numberEscape(t token, at int) *node {
	digits := string(t.r)
	if p.next.isDigit() {
		digits += string(p.get().r)
		if t.r <= '7' && digits[1] <= '7' && p.next.isOctal() {
			digits += string(p.get().r)
			return p.literal(p.octal(digits), at)
		}
	}
	gid, _ := strconv.Atoi(digits)
	if gid >= len(p.names) {
		p.fail("invalid group reference "+digits, len(digits))
		return nil
	}
	if !p.closed[gid] {
		p.fail("cannot refer to an open group", len(digits)+1)
	}
	p.checkBehind(gid)
	return p.backref(gid, at)
}

// octal returns the character with an octal number of three digits.
func (p *parser) octal(digits string) rune {
	v, _ := strconv.ParseUint(digits, 8, 32)
	if v > 0o377 {
		p.fail(`octal escape value \`+digits+" outside of range 0-0o377", len(digits)+1)
	}
	return rune(v)
}

// plainEscapes are the letters with one fixed character.
var plainEscapes = map[rune]rune{
	'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\',
}

// charEscape reads an escape that stands for one character.
func (p *parser) charEscape(t token, inClass bool) rune {
	if r, ok := plainEscapes[t.r]; ok {
		return r
	}
	switch t.r {
	case 'x':
		return p.hexEscape(t, 2)
	case 'u':
		return p.hexEscape(t, 4)
	case 'U':
		return p.hexEscape(t, 8)
	case 'N':
		return p.nameEscape()
	}
	if t.r == '0' || inClass && t.r <= '7' && t.r >= '0' {
		digits := string(t.r) + p.getWhile(2, token.isOctal)
		return p.octal(digits)
	}
	if t.r < 0x80 && (unicode.IsLetter(t.r) || unicode.IsDigit(t.r)) {
		p.fail("bad escape "+t.String(), 2)
	}
	return t.r
}

// hexEscape reads exactly n hexadecimal digits.
func (p *parser) hexEscape(t token, n int) rune {
	digits := p.getWhile(n, token.isHex)
	if len(digits) != n {
		p.fail("incomplete escape "+t.String()+digits, len(digits)+2)
		return 0
	}
	v, _ := strconv.ParseUint(digits, 16, 32)
	if v > unicode.MaxRune {
		p.fail("bad escape "+t.String()+digits, len(digits)+2)
		return 0
	}
	return rune(v)
}

// nameEscape reads the {NAME} of \N{NAME}.
func (p *parser) nameEscape() rune {
	if !p.accept('{') {
		p.fail("missing {", 0)
		return 0
	}
	name := p.getUntil('}', "character name")
	if p.err != nil {
		return 0
	}
	r, ok := runeByName(name)
	if !ok {
		p.fail("undefined character name "+quote(name), runeLen(name)+len(`\N{}`))
	}
	return r
}

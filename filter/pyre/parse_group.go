package pyre

import (
	"fmt"
	"strconv"
	"unicode"
)

// group reads what follows an opening bracket at index start. It returns nil
// for a comment and for global flags.
func (p *parser) group(start int, first bool) *node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.failAt("maximum recursion depth exceeded", -1)
		return nil
	}
	if !p.accept('?') {
		return p.capture("", start)
	}
	t := p.get()
	if t.r == eof {
		p.fail("unexpected end of pattern", 0)
		return nil
	}
	switch {
	case t.is('P'):
		return p.pythonGroup(start)
	case t.is(':'):
		return p.plainGroup(nodeGroup, start, p.flags)
	case t.is('#'):
		p.comment(start)
		return nil
	case t.is('='), t.is('!'), t.is('<'):
		return p.look(t, start)
	case t.is('('):
		return p.conditional(start)
	case t.is('>'):
		return p.plainGroup(nodeAtomic, start, p.flags)
	case t.is('-') || !t.esc && flagOf(t.r) != 0:
		return p.flagGroup(t, start, first)
	}
	p.fail("unknown extension ?"+t.String(), t.width()+1)
	return nil
}

// pythonGroup reads what follows (?P.
func (p *parser) pythonGroup(start int) *node {
	switch {
	case p.accept('<'):
		name := p.getUntil('>', "group name")
		p.checkName(name)
		return p.capture(name, start)
	case p.accept('='):
		name := p.getUntil(')', "group name")
		p.checkName(name)
		gid, ok := p.byName[name]
		if !ok {
			p.fail("unknown group name "+quote(name), runeLen(name)+1)
			return nil
		}
		if !p.closed[gid] {
			p.fail("cannot refer to an open group", runeLen(name)+1)
		}
		p.checkBehind(gid)
		return p.backref(gid, start)
	}
	t := p.get()
	if t.r == eof {
		p.fail("unexpected end of pattern", 0)
		return nil
	}
	p.fail("unknown extension ?P"+t.String(), t.width()+2)
	return nil
}

func (p *parser) checkName(name string) {
	if p.err == nil && !isIdentifier(name) {
		p.fail("bad character in group name "+quote(name), runeLen(name)+1)
	}
}

// checkBehind refuses a reference, inside a look-behind, to a group that is
// not complete when the look-behind begins.
func (p *parser) checkBehind(gid int) {
	if p.behindFrom < 0 || p.err != nil {
		return
	}
	if gid >= len(p.names) || !p.closed[gid] {
		p.fail("cannot refer to an open group", 0)
	} else if gid >= p.behindFrom {
		p.fail("cannot refer to group defined in the same lookbehind subpattern", 0)
	}
}

func (p *parser) backref(gid, at int) *node {
	return p.node(node{kind: nodeBackref, pos: at, group: gid,
		icase: p.flags&IgnoreCase != 0, ascii: p.flags&ASCII != 0})
}

// capture reads the body of a capturing group.
func (p *parser) capture(name string, start int) *node {
	gid := len(p.names)
	if old, ok := p.byName[name]; ok && name != "" {
		p.fail(fmt.Sprintf("redefinition of group name %s as group %d; was group %d",
			quote(name), gid, old), runeLen(name)+1)
		return nil
	}
	if name != "" {
		p.byName[name] = gid
	}
	p.names = append(p.names, name)
	p.spans = append(p.spans, span{})
	p.closed = append(p.closed, false)
	n := p.plainGroup(nodeGroup, start, p.flags)
	n.group = gid
	if p.err == nil {
		p.spans[gid] = spanOf(n.subs[0], p.spans)
		p.closed[gid] = true
	}
	return n
}

// plainGroup reads alternatives and the closing bracket, under flags.
func (p *parser) plainGroup(kind nodeKind, start int, flags Flags) *node {
	outer := p.flags
	p.flags = flags
	body := p.alternation(false)
	p.flags = outer
	p.closeBracket(start)
	return p.node(node{kind: kind, pos: start, subs: []*node{body}})
}

func (p *parser) closeBracket(start int) {
	if !p.accept(')') {
		p.failAt("missing ), unterminated subpattern", start)
	}
}

func (p *parser) comment(start int) {
	for {
		switch t := p.next; {
		case t.r == eof:
			p.failAt("missing ), unterminated comment", start)
			return
		case t.is(')'):
			p.advance()
			return
		}
		p.advance()
	}
}

// look reads a look-ahead or look-behind; t is the token after (?.
func (p *parser) look(t token, start int) *node {
	behind := t.is('<')
	outermost := false
	if behind {
		t = p.get()
		if t.r == eof {
			p.fail("unexpected end of pattern", 0)
			return nil
		}
		if !t.is('=') && !t.is('!') {
			p.fail("unknown extension ?<"+t.String(), t.width()+2)
			return nil
		}
		if outermost = p.behindFrom < 0; outermost {
			p.behindFrom = len(p.names)
		}
	}
	outer := p.flags
	body := p.alternation(false)
	p.flags = outer
	if outermost {
		p.behindFrom = -1
	}
	p.closeBracket(start)
	return p.node(node{kind: nodeLook, pos: start, subs: []*node{body}, behind: behind, negate: t.is('!')})
}

// conditional reads what follows (?( .
func (p *parser) conditional(start int) *node {
	name := p.getUntil(')', "group name")
	if p.err != nil {
		return nil
	}
	gid := 0
	if isIdentifier(name) {
		var ok bool
		if gid, ok = p.byName[name]; !ok {
			p.fail("unknown group name "+quote(name), runeLen(name)+1)
		}
	} else {
		gid = p.conditionNumber(name)
	}
	p.checkBehind(gid)
	yes, no := p.sequence(false), (*node)(nil)
	if p.accept('|') {
		no = p.sequence(false)
		if p.next.is('|') {
			p.fail("conditional backref with more than two branches", 0)
		}
	} else {
		no = p.node(node{kind: nodeEmpty, pos: p.tell()})
	}
	p.closeBracket(start)
	return p.node(node{kind: nodeCond, pos: start, group: gid, subs: []*node{yes, no}})
}

// conditionNumber reads a group number as Python's int does.
func (p *parser) conditionNumber(text string) int {
	gid, ok := pythonInt(text)
	switch {
	case !ok || gid < 0:
		p.fail("bad character in group name "+quote(text), runeLen(text)+1)
	case gid == 0:
		p.fail("bad group number", runeLen(text)+1)
	case gid >= maxGroups:
		p.fail("invalid group reference "+strconv.Itoa(gid), runeLen(text)+1)
	default:
		p.condRefs = append(p.condRefs, groupRef{gid, p.tell() - runeLen(text) - 1})
	}
	return gid
}

// maxGroups is Python's MAXGROUPS.
const maxGroups = 1<<30 - 1

// flagLetters are the letters of inline flags.
var flagLetters = map[rune]Flags{
	'i': IgnoreCase, 'm': MultiLine, 's': DotAll, 'x': Verbose,
	'a': ASCII, 'u': Unicode, 'L': locale, 't': template,
}

// locale is (?L), which no pattern on text may have.
const locale Flags = template << 1

func flagOf(r rune) Flags { return flagLetters[r] }

// flagGroup reads (?flags) or (?flags-flags:...); t is the first flag or the
// minus sign.
func (p *parser) flagGroup(t token, start int, first bool) *node {
	add, del, global := p.flagList(t)
	if p.err != nil {
		return nil
	}
	if !global {
		flags := p.flags
		if add&(ASCII|Unicode) != 0 {
			flags &^= ASCII | Unicode
		}
		return p.plainGroup(nodeGroup, start, (flags|add)&^del)
	}
	if !first {
		p.failAt("global flags not at the start of the expression", start)
	}
	p.flags |= add
	return nil
}

func (p *parser) flagList(t token) (add, del Flags, global bool) {
	if !t.is('-') {
		add, t = p.flagsToAdd(t)
	}
	switch {
	case p.err != nil:
		return 0, 0, false
	case t.is(')'):
		return add, 0, true
	case add&template != 0:
		p.fail("bad inline flags: cannot turn on global flag", 1)
	case t.is('-'):
		del = p.flagsToDrop()
	}
	switch {
	case del&template != 0:
		p.fail("bad inline flags: cannot turn off global flag", 1)
	case add&del != 0:
		p.fail("bad inline flags: flag turned on and off", 1)
	}
	return add, del, false
}

// flagsToAdd reads flags from t on. It returns the token that ends them.
func (p *parser) flagsToAdd(t token) (Flags, token) {
	const types = ASCII | Unicode | locale
	var add Flags
	for {
		f := flagOf(t.r)
		if f == locale {
			p.fail("bad inline flags: cannot use 'L' flag with a str pattern", 0)
		}
		add |= f
		if f&types != 0 && add&types != f {
			p.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0)
		}
		t = p.get()
		if t.is(')') || t.is('-') || t.is(':') {
			return add, t
		}
		if !p.checkFlag(t, "missing -, : or )") {
			return add, t
		}
	}
}

// flagsToDrop reads the flags after the minus sign, and the colon.
func (p *parser) flagsToDrop() Flags {
	var del Flags
	t := p.get()
	if !p.checkFlag(t, "missing flag") {
		return 0
	}
	for {
		f := flagOf(t.r)
		if f&(ASCII|Unicode|locale) != 0 {
			p.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", 0)
		}
		del |= f
		t = p.get()
		if t.is(':') || !p.checkFlag(t, "missing :") {
			return del
		}
	}
}

// checkFlag reports whether t is a flag letter, else records why not.
func (p *parser) checkFlag(t token, missing string) bool {
	switch {
	case t.r == eof:
		p.fail(missing, 0)
	case !t.esc && flagOf(t.r) != 0:
		return true
	case !t.esc && unicode.IsLetter(t.r):
		p.fail("unknown flag", t.width())
	default:
		p.fail(missing, t.width())
	}
	return false
}

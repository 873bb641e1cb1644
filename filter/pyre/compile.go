package pyre

import "slices"

// maxInsts is how large a program may become by writing out counted repeats;
// beyond it they are counted while matching.
const maxInsts = 1500

// compiler builds a program from the end to the start, so that each
// instruction knows how the text may go on after it.
type compiler struct {
	prog   *program
	firsts []first // by instruction
	spans  []span  // of groups
	class  map[*runeSet]*class
	tab    [256]uint8 // scratch
}

// compile turns a tree into a program.
func compile(t *tree) *program {
	c := &compiler{
		prog:  &program{slots: 2 * len(t.names)},
		spans: t.spans,
		class: map[*runeSet]*class{},
	}
	root := simplify(t.root)
	room := int(size(root)) + 8
	c.prog.insts, c.firsts = make([]inst, 0, room), make([]first, 0, room)
	match := c.emit(inst{op: opMatch}, anything())
	c.prog.start = c.node(root, match)
	c.prog.first = c.firsts[c.prog.start]
	if c.prog.anchored = anchored(root); c.prog.insts[c.prog.start].op == opTextStart {
		c.prog.start = c.prog.insts[c.prog.start].next // no other place is tried
	}
	prefix := prefixOf(root)
	c.prog.prefix = []byte(prefix)
	c.prog.skip = c.leadingRun(root)
	c.prog.literals = literalSets(root)
	c.prog.required = []byte(requiredText(c.prog.literals, prefix))
	c.prog.insts = slices.Clone(c.prog.insts)
	c.prog.plan()
	return c.prog
}

// emit adds an instruction; f tells how the text may go on where it matches.
func (c *compiler) emit(in inst, f first) int32 {
	in.self = int32(len(c.prog.insts))
	c.prog.insts = append(c.prog.insts, in)
	c.firsts = append(c.firsts, f)
	return in.self
}

// fill completes an instruction emitted before its ways were known.
func (c *compiler) fill(at int32, in inst) {
	in.self = at
	c.prog.insts[at] = in
}

// node compiles n so that it goes on at next, and returns where it begins.
func (c *compiler) node(n *node, next int32) int32 {
	switch n.kind {
	case nodeLiteral, nodeSet:
		return c.char(n, next)
	case nodeCat:
		return c.cat(n.subs, next)
	case nodeAlt:
		return c.alt(n, next)
	case nodeRepeat:
		return c.repeat(n, next)
	case nodeGroup:
		f := c.firsts[next]
		next = c.emit(inst{op: opSave, slot: int32(2*n.group + 1), next: next}, f)
		next = c.node(n.subs[0], next)
		return c.emit(inst{op: opSave, slot: int32(2 * n.group), next: next}, c.firsts[next])
	case nodeAtomic:
		return c.atomic(n.subs[0], next)
	case nodeLook:
		return c.look(n, next)
	case nodeBackref:
		in := inst{op: opBackref, slot: int32(2 * n.group), icase: n.icase, ascii: n.ascii, next: next}
		return c.emit(in, anything())
	case nodeCond:
		yes, no := c.node(n.subs[0], next), c.node(n.subs[1], next)
		in := inst{op: opCond, slot: int32(2 * n.group), next: yes, alt: no}
		return c.emit(in, c.firsts[yes].union(c.firsts[no]))
	case nodeAt:
		return c.at(n, next)
	}
	return next
}

// char compiles one character.
func (c *compiler) char(n *node, next int32) int32 {
	f := first{bytes: leadBytes(charSet(n))}
	if n.kind == nodeSet {
		return c.emit(inst{op: opClass, class: c.classOf(n.set), next: next}, f)
	}
	return c.text(literalText(n.r), next)
}

// text compiles a run of literal characters, "" for one that no text holds.
func (c *compiler) text(lit string, next int32) int32 {
	switch len(lit) {
	case 0:
		return c.emit(inst{op: opFail}, first{})
	case 1:
		f := first{}
		f.bytes.add(lit[0])
		return c.emit(inst{op: opByte, b: lit[0], next: next}, f)
	}
	f := first{}
	f.bytes.add(lit[0])
	return c.emit(inst{op: opString, lit: lit, next: next}, f)
}

// literalText returns r as UTF-8, "" for half of a surrogate pair, which
// UTF-8 does not have.
func literalText(r rune) string {
	if r >= 0xD800 && r <= 0xDFFF {
		return ""
	}
	return string(r)
}

// cat compiles a sequence, taking runs of literals together.
func (c *compiler) cat(subs []*node, next int32) int32 {
	for i := len(subs) - 1; i >= 0; i-- {
		from := i
		switch {
		case isText(subs[i]):
			for from > 0 && isText(subs[from-1]) {
				from--
			}
			next = c.text(textOf(subs[from:i+1]), next)
		case subs[i].fold != 0:
			for from > 0 && joinsFold(subs[from-1]) {
				from--
			}
			next = c.folded(subs[from:i+1], next)
		default:
			next = c.node(subs[i], next)
		}
		i = from
	}
	return next
}

// isText reports whether n is a literal that a text can hold.
func isText(n *node) bool { return n.kind == nodeLiteral && literalText(n.r) != "" }

func textOf(subs []*node) string {
	var lit []byte
	for _, n := range subs {
		lit = append(lit, literalText(n.r)...)
	}
	return string(lit)
}

// joinsFold reports whether n may stand in an opFold.
func joinsFold(n *node) bool {
	return n.fold != 0 || n.kind == nodeLiteral && n.r < 0x80 && !isLetter(byte(n.r))
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// folded compiles a run of ASCII characters whose letters match in either
// case.
func (c *compiler) folded(subs []*node, next int32) int32 {
	if len(subs) == 1 {
		return c.char(subs[0], next)
	}
	lit := make([]byte, len(subs))
	for i, n := range subs {
		if lit[i] = byte(n.r); n.fold != 0 {
			lit[i] = byte(n.fold)
		}
	}
	f := first{bytes: leadBytes(charSet(subs[0]))}
	return c.emit(inst{op: opFold, lit: string(lit), next: next}, f)
}

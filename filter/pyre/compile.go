package pyre

import "slices"

// maxInsts is how large a program may become by writing out counted repeats;
// beyond it they are counted while matching.
const maxInsts = 1500

// compiler builds a program from the end to the start, so that each
// instruction knows how the text may go on after it.
type compiler struct {
	prog    *program
	firsts  []first // by instruction
	spans   []span  // of groups
	class   map[*runeSet]*class
	tracked map[int]groupState // groups that conditions ask for, as far as ways can tell
	tab     [256]uint8         // scratch
}

// compile turns a tree, of which the facts are known, into a program.
func compile(t *tree, f *facts) *program {
	c := &compiler{
		prog:  &program{facts: f, slots: 2 * len(t.names)},
		spans: t.spans,
		class: map[*runeSet]*class{},
	}
	root := t.simple()
	room := int(size(root)) + 8
	c.prog.insts, c.firsts = make([]inst, 0, room), make([]first, 0, room)
	c.tracked = trackable(root)
	match := c.emit(inst{op: opMatch}, anything())
	c.prog.start = c.node(root, 0, always(match))
	if c.prog.insts[c.prog.start].op == opTextStart {
		c.prog.start = c.prog.insts[c.prog.start].next // no other place is tried
	}
	c.prog.skip = c.leadingRun(root)
	c.prog.insts = slices.Clone(c.prog.insts)
	c.addJumps()
	c.prog.plan()
	c.finish()
	return c.prog
}

// finish makes of instructions what matches faster and tells less.
func (c *compiler) finish() {
	join := c.joins()
	for i := range c.prog.insts {
		switch in := &c.prog.insts[i]; {
		case in.max >= 0 || in.lit != "":
		case in.op == opLazy:
			in.slot = c.keepText(c.textAt(in.next))
		case in.op == opStar && in.min <= 1 && c.endsAnywhere(in):
			if in.slot = c.keepText(c.textLater(in, join)); in.slot != 0 {
				in.op = opReach
			}
		}
	}
	for i := range c.prog.insts {
		in := &c.prog.insts[i]
		in.makeWord()
		in.makeRun()
	}
}

// textAt returns the text that stands at pc, "" if there is none.
func (c *compiler) textAt(pc int32) string {
	in := &c.prog.insts[pc]
	for in.op == opSave {
		in = &c.prog.insts[in.next]
	}
	if in.op != opString {
		return ""
	}
	return in.lit
}

// keepText returns the index in texts of a text, 0 for none.
func (c *compiler) keepText(lit string) int32 {
	if lit == "" {
		return 0
	}
	if len(c.prog.texts) == 0 {
		c.prog.texts = append(c.prog.texts, nil)
	}
	i := slices.IndexFunc(c.prog.texts, func(known []byte) bool { return string(known) == lit })
	if i < 0 {
		i = len(c.prog.texts)
		c.prog.texts = append(c.prog.texts, []byte(lit))
	}
	return int32(i)
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

// node compiles n on a way that comes in state s and goes on at k, and
// returns where it begins.
func (c *compiler) node(n *node, s groupState, k cont) int32 {
	switch n.kind {
	case nodeLiteral, nodeSet:
		return c.char(n, k(s))
	case nodeCat:
		return c.cat(n.subs, s, k)
	case nodeAlt:
		return c.alt(n, s, k)
	case nodeRepeat:
		return c.repeat(n, s, k)
	case nodeGroup:
		return c.group(n, s, k)
	case nodeAtomic:
		return c.atomic(n.subs[0], s, k)
	case nodeLook:
		return c.look(n, s, k)
	case nodeBackref:
		in := inst{op: opBackref, slot: int32(2 * n.group), icase: n.icase, ascii: n.ascii, next: k(s)}
		return c.emit(in, anything())
	case nodeCond:
		return c.cond(n, s, k)
	case nodeAt:
		return c.at(n, k(s))
	}
	return k(s)
}

func (c *compiler) group(n *node, s groupState, k cont) int32 {
	end := remember(func(s groupState) int32 {
		next := k(s | c.tracked[n.group])
		return c.emit(inst{op: opSave, slot: int32(2*n.group + 1), next: next}, c.firsts[next])
	})
	body := c.node(n.subs[0], s, end)
	if bit := c.tracked[n.group]; bit != 0 {
		// What a condition asks for later may be nowhere in the text.
		if lit := c.needed(k(s | bit)); lit != "" {
			body = c.emit(inst{op: opNeed, lit: lit, next: body}, c.firsts[body])
		}
	}
	return c.emit(inst{op: opSave, slot: int32(2 * n.group), next: body}, c.firsts[body])
}

// cond compiles a condition: where the way tells whether the group is set,
// there is nothing left to ask.
func (c *compiler) cond(n *node, s groupState, k cont) int32 {
	if bit, ok := c.tracked[n.group]; ok {
		if s&bit != 0 {
			return c.node(n.subs[0], s, k)
		}
		return c.node(n.subs[1], s, k)
	}
	yes, no := c.node(n.subs[0], s, k), c.node(n.subs[1], s, k)
	in := inst{op: opCond, slot: int32(2 * n.group), next: yes, alt: no}
	return c.emit(in, c.firsts[yes].union(c.firsts[no]))
}

// char compiles one character.
func (c *compiler) char(n *node, next int32) int32 {
	if n.kind == nodeSet {
		cl := c.classOf(n.set)
		return c.emit(inst{op: opClass, class: cl, next: next}, first{bytes: cl.lead})
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
func (c *compiler) cat(subs []*node, s groupState, k cont) int32 {
	if len(subs) == 0 {
		return k(s)
	}
	to := 1
	var compileRun func([]*node, int32) int32
	switch {
	case isText(subs[0]) && !c.beginsFold(subs):
		for to < len(subs) && isText(subs[to]) && !c.beginsFold(subs[to:]) {
			to++
		}
		compileRun = func(run []*node, next int32) int32 { return c.text(textOf(run), next) }
	case joinsFold(subs[0]):
		for to < len(subs) && joinsFold(subs[to]) {
			to++
		}
		compileRun = c.folded
	}
	rest := remember(func(s groupState) int32 { return c.cat(subs[to:], s, k) })
	if compileRun == nil {
		return c.node(subs[0], s, rest)
	}
	return compileRun(subs[:to], rest(s))
}

// beginsFold reports whether a run of folded characters begins here, perhaps
// with others that may stand in it.
func (c *compiler) beginsFold(subs []*node) bool {
	for _, n := range subs {
		if n.fold != 0 {
			return true
		}
		if !joinsFold(n) {
			return false
		}
	}
	return false
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

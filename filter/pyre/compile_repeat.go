package pyre

import (
	"strings"
	"unicode/utf8"
)

// repeat compiles a repeat.
func (c *compiler) repeat(n *node, s groupState, k cont) int32 {
	body := n.subs[0]
	if _, guarded := guardedChar(body); guarded || isChar(body) {
		return c.charRepeat(n, k(s))
	}
	switch {
	case n.greed == possessive:
		return c.possessive(n, s, k)
	case n.max == 1:
		// The only repeat in which a tracked group may stand.
		return c.split(c.node(body, s, k), k(s), n)
	}
	nullable := spanOf(body, c.spans).min == 0
	// A round that matches nothing must be told from others, which takes a
	// loop that knows where its round began.
	if nullable || !c.affordable(n) {
		return c.countedLoop(n, s, k(s))
	}
	next := k(s)
	entry := next
	rounds := n.min
	if n.max == maxRepeat {
		loop, round := c.openLoop(n, s, next)
		if entry = loop; n.min > 0 {
			entry = round
			rounds--
		}
	} else {
		// {m,n}: n-m rounds that may be left out, one in the other, after m
		// that may not.
		for range n.max - n.min {
			entry = c.split(c.node(body, s, always(entry)), next, n)
		}
	}
	for range rounds {
		entry = c.node(body, s, always(entry))
	}
	return entry
}

// affordable reports whether the rounds of n can be written out.
func (c *compiler) affordable(n *node) bool {
	rounds := uint64(n.max)
	if n.max == maxRepeat {
		rounds = max(uint64(n.min), 1)
	}
	return rounds == 1 || rounds <= maxInsts && rounds*size(n.subs[0])+uint64(len(c.prog.insts)) <= maxInsts
}

// size estimates how many instructions n takes.
func size(n *node) uint64 {
	s := uint64(1)
	for _, sub := range n.subs {
		s += size(sub)
	}
	switch {
	case n.kind == nodeRepeat && n.max != maxRepeat:
		s *= uint64(n.max)
	case n.kind == nodeRepeat:
		s *= max(uint64(n.min), 1)
	}
	return min(s, maxInsts+1)
}

// split compiles the choice between one more round and going on.
func (c *compiler) split(round, next int32, n *node) int32 {
	in := inst{op: opSplit, next: round, alt: next}
	if n.greed == lazy {
		in.next, in.alt = next, round
	}
	in.tab, in.end = whichTable(c.firsts[in.next], c.firsts[in.alt])
	return c.emit(in, c.firsts[round].union(c.firsts[next]))
}

func bit(set bool, b uint8) uint8 {
	if set {
		return b
	}
	return 0
}

// openLoop compiles a repeat without limit of a body that is never empty:
// a split to which the body returns.
func (c *compiler) openLoop(n *node, s groupState, next int32) (loop, body int32) {
	after := c.firsts[next]
	round := firstOf(n.subs[0], after)
	loop = c.emit(inst{}, round.union(after))
	body = c.node(n.subs[0], s, always(loop))
	in := inst{op: opRound, next: body, alt: next}
	if n.greed == lazy {
		in.next, in.alt = next, body
		in.tab, in.end = whichTable(after, round)
	} else {
		in.tab, in.end = whichTable(round, after)
	}
	c.fill(loop, in)
	return loop, body
}

// countedLoop compiles a repeat that counts its rounds while matching.
func (c *compiler) countedLoop(n *node, s groupState, next int32) int32 {
	id := int32(c.prog.loops)
	c.prog.loops++
	after := c.firsts[next]
	f := firstOf(n.subs[0], after).union(after)
	in := inst{op: opLoop, slot: id, alt: next, min: int32(min(n.min, 1<<31-1)), max: limit(n.max),
		lazy: n.greed == lazy}
	loop := c.emit(in, f)
	in.next = c.node(n.subs[0], s, always(loop))
	c.fill(loop, in)
	return c.emit(inst{op: opLoopInit, slot: id, next: loop}, f)
}

// limit turns a repeat's maximum into an instruction's.
func limit(m uint32) int32 {
	if m >= 1<<31-1 {
		return -1
	}
	return int32(m)
}

// guardedChar recognises (?!text)c, one character unless text begins there.
func guardedChar(n *node) (guard string, ok bool) {
	if n.kind != nodeCat || len(n.subs) != 2 || !isChar(n.subs[1]) {
		return "", false
	}
	look := n.subs[0]
	if look.kind != nodeLook || !look.negate || look.behind {
		return "", false
	}
	subs := look.subs
	if subs[0].kind == nodeCat {
		subs = subs[0].subs
	}
	return textOf(subs), allText(subs)
}

// charRepeat compiles the repeat of one character, perhaps a guarded one.
func (c *compiler) charRepeat(n *node, next int32) int32 {
	body := n.subs[0]
	guard, guarded := guardedChar(body)
	if guarded {
		body = body.subs[1]
	}
	cl := c.classOf(charSet(body))
	after := c.firsts[next]
	f := first{bytes: cl.lead}
	if n.min == 0 {
		f = f.union(after)
	}
	in := inst{op: opStar, class: cl, lit: guard, min: int32(min(n.min, 1<<31-1)), max: limit(n.max), next: next}
	// Where the run goes on, what follows cannot begin: only the whole run
	// can match, in whichever order its ends are tried. That is also so where
	// what follows begins with the guard.
	settled := n.greed == possessive || n.max == n.min || !c.canBegin(next, cl) ||
		guarded && n.max == maxRepeat && c.beginsWith(next, guard)
	switch {
	case settled && n.min == 0 && n.max == 1 && !guarded:
		in.op = opOption
	case settled:
		in.op = opSpan
	case n.greed == lazy:
		in.op = opLazy
	}
	in.tab, in.end = whichTable(after, first{})
	if in.op == opStar || in.op == opLazy {
		c.noteSecond(&in)
	}
	return c.emit(in, f)
}

// maxBegins is how many instructions canBegin looks at.
const maxBegins = 64

// canBegin reports whether what matches from pc on can begin with a character
// of cl, or might.
func (c *compiler) canBegin(pc int32, cl *class) bool {
	f := c.firsts[pc].bytes.intersect(cl.lead)
	left := maxBegins
	return !f.empty() && (f[0]|f[1] != 0 || c.canBeginHigh(pc, cl.set, &left))
}

// canBeginHigh is canBegin for characters beyond ASCII, of which different
// ones begin with the same byte.
func (c *compiler) canBeginHigh(pc int32, set *runeSet, left *int) bool {
	if *left--; *left < 0 {
		return true
	}
	in := &c.prog.insts[pc]
	switch in.op {
	case opByte, opFail, opTextEnd, opFinalBreak, opLineEnd:
		return false
	case opString:
		r, _ := utf8.DecodeRuneInString(in.lit)
		return set.contains(r)
	case opClass, opSpan, opStar, opLazy, opOption:
		return in.class.set.overlaps(set) || in.op != opClass && in.min == 0 && c.canBeginHigh(in.next, set, left)
	case opSave, opNeed:
		return c.canBeginHigh(in.next, set, left)
	case opSplit:
		return c.canBeginHigh(in.next, set, left) || c.canBeginHigh(in.alt, set, left)
	}
	return true
}

// beginsWith reports whether all that matches from pc on begins with lit.
func (c *compiler) beginsWith(pc int32, lit string) bool {
	for in := &c.prog.insts[pc]; ; in = &c.prog.insts[in.next] {
		switch in.op {
		case opSave:
		case opString:
			return strings.HasPrefix(in.lit, lit)
		case opByte:
			return lit == string(rune(in.b))
		default:
			return false
		}
	}
}

// possessive compiles a possessive repeat of a group: each round is atomic,
// and none is given back.
func (c *compiler) possessive(n *node, s groupState, k cont) int32 {
	loop := &node{kind: nodeRepeat, pos: n.pos, min: n.min, max: n.max,
		subs: []*node{{kind: nodeAtomic, pos: n.pos, subs: n.subs}}}
	return c.atomic(loop, s, k)
}

package pyre

// at compiles a place in the text.
func (c *compiler) at(n *node, next int32) int32 {
	in := inst{next: next}
	switch n.place {
	case atTextStart:
		in.op = opTextStart
	case atLineStart:
		in.op = opLineStart
	case atTextEnd:
		in.op = opTextEnd
	case atFinalBreak:
		in.op = opFinalBreak
	case atLineEnd:
		in.op = opLineEnd
	case atBoundary, atNoBoundary:
		in.op = opBoundary
		in.negate = n.place == atNoBoundary
		in.class = c.classOf(unicodeClasses().word)
		if n.ascii {
			in.class = c.classOf(asciiClasses().word)
		}
	}
	return c.emit(in, firstAt(n.place, c.firsts[next]))
}

// look compiles a look-around. Bodies of one character, and texts ahead,
// are compared on the spot.
func (c *compiler) look(n *node, s groupState, k cont) int32 {
	body, next := n.subs[0], k(s)
	f := firstOf(n, c.firsts[next])
	switch {
	case isChar(body) && n.behind:
		return c.emit(inst{op: opBehind, class: c.classOf(charSet(body)), negate: n.negate, next: next}, f)
	case isChar(body):
		return c.emit(inst{op: opAhead, class: c.classOf(charSet(body)), negate: n.negate, next: next}, f)
	case !n.behind && body.kind == nodeCat && allText(body.subs):
		return c.emit(inst{op: opAheadText, lit: textOf(body.subs), negate: n.negate, next: next}, f)
	}
	end := c.emit(inst{op: opEndLook}, anything())
	in := inst{op: opLook, next: c.node(body, s, always(end)), alt: next, negate: n.negate}
	if n.behind {
		in.slot = int32(n.width)
	}
	return c.emit(in, f)
}

func allText(subs []*node) bool {
	for _, n := range subs {
		if !isText(n) {
			return false
		}
	}
	return true
}

// atomic compiles an atomic group.
func (c *compiler) atomic(body *node, s groupState, k cont) int32 {
	next := k(s)
	end := c.emit(inst{op: opEndAtomic}, anything())
	in := inst{op: opAtomic, next: c.node(body, s, always(end)), alt: next}
	return c.emit(in, firstOf(body, c.firsts[next]))
}

// alt compiles alternatives, in groups if there are very many.
func (c *compiler) alt(n *node, s groupState, k cont) int32 {
	subs := n.subs
	tail := int32(-1)
	if len(subs) > maxWays {
		rest := n.with(subs[maxWays-1:]...)
		tail = c.alt(rest, s, k)
		subs = subs[:maxWays-1]
	}
	t := &altTable{ways: make([]int32, 0, len(subs)+1)}
	for _, sub := range subs {
		t.ways = append(t.ways, c.node(sub, s, k))
	}
	if tail >= 0 {
		t.ways = append(t.ways, tail)
	}
	return c.choose(t, n)
}

// choose emits the choice between the ways of t.
func (c *compiler) choose(t *altTable, n *node) int32 {
	var f first
	for _, w := range t.ways {
		f = f.union(c.firsts[w])
	}
	in := inst{op: opSplit}
	if len(t.ways) == 2 {
		in.next, in.alt = t.ways[0], t.ways[1]
		in.tab, in.end = whichTable(c.firsts[in.next], c.firsts[in.alt])
		return c.emit(in, f)
	}
	in.op, in.slot = opAlt, int32(len(c.prog.alts))
	in.tab = c.table(func(b byte) uint8 {
		return t.index(func(w int32) bool { return c.firsts[w].bytes.Has(b) })
	})
	in.end = t.index(func(w int32) bool { return c.firsts[w].end })
	c.prog.alts = append(c.prog.alts, *t)
	return c.emit(in, f)
}

// index returns where in masks the set of those ways is for which can holds.
// There are at most 257 such sets, one of which is shared by all bytes that
// begin no character.
func (t *altTable) index(can func(int32) bool) uint8 {
	var mask uint32
	for i, w := range t.ways {
		if can(w) {
			mask |= 1 << i
		}
	}
	for i, m := range t.masks {
		if m == mask {
			return uint8(i)
		}
	}
	t.masks = append(t.masks, mask)
	return uint8(len(t.masks) - 1)
}

func (c *compiler) classOf(set *runeSet) *class {
	cl := c.class[set]
	if cl == nil {
		cl = shared.class(set)
		c.class[set] = cl
	}
	return cl
}

// table returns the table of f's answers by byte.
func (c *compiler) table(f func(byte) uint8) *[256]uint8 {
	for b := range c.tab {
		c.tab[b] = f(byte(b))
	}
	return shared.table(&c.tab)
}

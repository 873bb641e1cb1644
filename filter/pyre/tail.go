package pyre

// AnyBefore is WildBefore for repeats that take every printable character alone,
// such as .* and not [^"]*, which a quote ends. A pattern with a negative
// look-ahead along the line before that group is held for guarded.
func (re *Regexp) AnyBefore(names ...string) (offset int, found bool) {
	groups := map[int]bool{}
	for _, name := range names {
		if i := re.GroupIndex(name); i > 0 {
			groups[i] = true
		}
	}
	pos, done := -1, false
	var visit func(n *node)
	visit = func(n *node) {
		switch {
		case done:
			return
		case n.kind == nodeGroup && groups[n.group]:
			done = true
			return
		case n.kind == nodeLook:
			done = n.negate && !n.behind && holdsAny(n)
			if done {
				pos = -1
			}
			return
		case pos < 0 && isAny(n):
			pos = n.pos
		}
		for _, sub := range n.subs {
			visit(sub)
		}
	}
	visit(re.syntax().root)
	if pos < 0 || !done {
		return 0, false
	}
	return re.byteOffset(pos), true
}

func holdsAny(n *node) (found bool) {
	walk(n, func(sub *node) { found = found || isAny(sub) })
	return found
}

// isAny reports whether n repeats a class of all printable ASCII.
func isAny(n *node) bool {
	if !isWild(n) {
		return false
	}
	for r := rune(' '); r < 0x7F; r++ {
		if !n.subs[0].set.contains(r) {
			return false
		}
	}
	return true
}

// FixedBehind reports whether what stands behind the last of the named groups
// goes up to the end of the text and holds no unlimited repeat of nearly any
// character (see WildBefore): then that group's place in a line is settled by
// the line's end, whatever a stranger wrote before it.
func (re *Regexp) FixedBehind(names ...string) bool {
	groups := map[int]bool{}
	for _, name := range names {
		if i := re.GroupIndex(name); i > 0 {
			groups[i] = true
		}
	}
	behind, wild := false, false
	var visit func(n *node)
	visit = func(n *node) {
		if behind && isWild(n) {
			wild = true
		}
		for _, sub := range n.subs {
			visit(sub)
		}
		if n.kind == nodeGroup && groups[n.group] {
			behind, wild = true, false
		}
	}
	root := re.syntax().root
	visit(root)
	return behind && !wild && endsText(root)
}

// endsText reports whether n matches at the end of the text only.
func endsText(n *node) bool {
	switch n.kind {
	case nodeAt:
		return n.place == atTextEnd || n.place == atFinalBreak
	case nodeCat:
		return endsText(n.subs[len(n.subs)-1])
	case nodeGroup, nodeAtomic:
		return endsText(n.subs[0])
	case nodeAlt, nodeCond:
		for _, sub := range n.subs {
			if !endsText(sub) {
				return false
			}
		}
		return true
	}
	return false
}

package pyre

// simplify returns a tree that matches and captures the same, in fewer
// nodes: brackets that capture nothing are opened, neighbours joined, and
// alternatives of one character each become a set.
func simplify(n *node) *node {
	switch n.kind {
	case nodeGroup:
		body := simplify(n.subs[0])
		if n.group == 0 {
			return body
		}
		return n.with(body)
	case nodeCat:
		return simplifyCat(n)
	case nodeAlt:
		return simplifyAlt(n)
	case nodeRepeat:
		return simplifyRepeat(n)
	case nodeAtomic, nodeLook, nodeCond:
		subs := make([]*node, len(n.subs))
		for i, sub := range n.subs {
			subs[i] = simplify(sub)
		}
		return n.with(subs...)
	}
	return n
}

// with returns a copy of n that has other subs.
func (n *node) with(subs ...*node) *node {
	m := *n
	m.subs = subs
	return &m
}

func simplifyCat(n *node) *node {
	subs := make([]*node, 0, len(n.subs))
	for _, sub := range n.subs {
		switch sub = simplify(sub); sub.kind {
		case nodeEmpty:
		case nodeCat:
			subs = append(subs, sub.subs...)
		default:
			subs = append(subs, sub)
		}
	}
	switch len(subs) {
	case 0:
		return &node{kind: nodeEmpty, pos: n.pos}
	case 1:
		return subs[0]
	}
	return n.with(subs...)
}

func simplifyAlt(n *node) *node {
	subs := make([]*node, 0, len(n.subs))
	for _, sub := range n.subs {
		sub = simplify(sub)
		alts := []*node{sub}
		if sub.kind == nodeAlt {
			alts = sub.subs
		}
		for _, alt := range alts {
			if last := len(subs) - 1; last >= 0 && isChar(alt) && isChar(subs[last]) {
				both := append(append([]runeRange{}, charSet(subs[last]).ranges...), charSet(alt).ranges...)
				subs[last] = &node{kind: nodeSet, pos: subs[last].pos, set: newRuneSet(both)}
				continue
			}
			subs = append(subs, alt)
		}
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return n.with(subs...)
}

func simplifyRepeat(n *node) *node {
	body := simplify(n.subs[0])
	switch {
	case n.max == 0 || body.kind == nodeEmpty:
		return &node{kind: nodeEmpty, pos: n.pos}
	case n.min == 1 && n.max == 1 && n.greed != possessive:
		return body
	}
	return n.with(body)
}

// isChar reports whether n matches exactly one character and nothing else.
func isChar(n *node) bool { return n.kind == nodeLiteral || n.kind == nodeSet }

// charSet returns the characters that n, a node of one character, matches.
func charSet(n *node) *runeSet {
	if n.kind == nodeLiteral {
		return singleRune(n.r)
	}
	return n.set
}

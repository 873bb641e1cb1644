package pyre

import "unicode/utf8"

// Exponential reports whether a backtracking matcher that keeps no record of
// failures, such as Python's, can take time exponential in the length of a
// text: whether there is a repeat that can take the same text in more than
// one way, each time it comes round. offset says where in the pattern such a
// repeat stands, in bytes. The answer comes from the pattern alone. It takes
// look-around and conditions to hold, so it may name a pattern that only they
// save, but misses none.
//
// Search itself keeps its bounds on such patterns too.
func (re *Regexp) Exponential() (offset int, found bool) {
	worst := -1
	look := func(root *node) {
		if pos, ok := newFlow(root).ambiguous(); ok && (worst < 0 || pos < worst) {
			worst = pos
		}
	}
	root := re.syntax().root
	look(root)
	walk(root, func(n *node) {
		if n.kind == nodeLook {
			look(n.subs[0])
		}
	})
	return re.byteOffset(worst), worst >= 0
}

// WildBefore reports whether an unlimited repeat that takes nearly any
// character, such as .* or [^x]+, stands before the first of the named
// groups, so that whoever writes that part of a line can place a false one
// there. offset says where in the pattern it stands, in bytes.
func (re *Regexp) WildBefore(names ...string) (offset int, found bool) {
	groups := map[int]bool{}
	for _, name := range names {
		if i := re.GroupIndex(name); i > 0 {
			groups[i] = true
		}
	}
	pos := -1
	done := false
	walk(re.syntax().root, func(n *node) {
		switch {
		case done:
		case n.kind == nodeGroup && groups[n.group]:
			done = true
		case pos < 0 && isWild(n):
			pos = n.pos
		}
	})
	return re.byteOffset(pos), done && pos >= 0
}

// isWild reports whether n repeats a class of nearly all printable ASCII.
func isWild(n *node) bool {
	if n.kind != nodeRepeat || n.max != maxRepeat || n.subs[0].kind != nodeSet {
		return false
	}
	set := n.subs[0].set
	const most = 80
	count := 0
	for r := rune(' '); r < 0x7F; r++ {
		if set.contains(r) {
			count++
		}
	}
	return count > most && set.contains(' ')
}

// byteOffset turns a place in the pattern from characters into bytes.
func (re *Regexp) byteOffset(pos int) int {
	offset := 0
	for ; pos > 0 && offset < len(re.pattern); pos-- {
		_, n := utf8.DecodeRuneInString(re.pattern[offset:])
		offset += n
	}
	return offset
}

// ambiguous finds a loop that can take the same text in two ways from one
// state back to it. It returns the place of the loop's first character.
func (f *flow) ambiguous() (pos int, found bool) {
	edges := make([][]edge, len(f.states))
	ends := make([]bool, len(f.states))
	for i := range f.states {
		if f.states[i].set != nil {
			edges[i], ends[i] = f.edges(int32(i))
		}
	}
	for _, comp := range components(len(f.states), func(i int) []int { return targets(edges[i]) }) {
		if f.harmless(comp, ends) {
			continue
		}
		if p := newPairs(f, comp, edges); p.ambiguous() {
			pos = f.states[comp[0]].pos
			for _, s := range comp {
				pos = min(pos, f.states[s].pos)
			}
			return pos, true
		}
	}
	return 0, false
}

// harmless reports whether the pattern can end everywhere in a loop, so that
// nothing in it ever fails, or whether the states are no loop of characters.
func (f *flow) harmless(comp []int, ends []bool) bool {
	safe := true
	for _, s := range comp {
		if f.states[s].set == nil {
			return true
		}
		safe = safe && ends[s]
	}
	return safe
}

func targets(edges []edge) []int {
	out := make([]int, len(edges))
	for i, e := range edges {
		out[i] = int(e.to)
	}
	return out
}

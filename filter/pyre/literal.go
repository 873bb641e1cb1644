package pyre

import (
	"cmp"
	"slices"
	"strings"
)

// Limits of what is gathered about the literals in a pattern.
const (
	maxVariants   = 8  // spellings of one literal, from sets such as [Ff]
	maxAlternates = 64 // literals of which one must be there
	maxLiteral    = 128
)

// needs tells which literals a text must contain for a node to match.
type needs struct {
	exact []string   // all that the node can match; nil if that is not known
	sets  [][]string // of each set, one literal must be in the match, one behind the other
}

func needsOf(n *node) needs {
	switch n.kind {
	case nodeLiteral:
		return needs{exact: []string{literalText(n.r)}}
	case nodeSet:
		return needsOfSet(n.set)
	case nodeEmpty, nodeAt, nodeLook:
		return needs{exact: []string{""}}
	case nodeCat:
		return needsOfCat(n.subs)
	case nodeAlt, nodeCond:
		return needsOfAlt(n.subs)
	case nodeGroup, nodeAtomic:
		return needsOf(n.subs[0])
	case nodeRepeat:
		return needsOfRepeat(n)
	}
	return needs{}
}

func needsOfSet(set *runeSet) needs {
	number := 0
	for _, r := range set.ranges {
		if number += int(r.hi-r.lo) + 1; number > maxVariants {
			return needs{}
		}
	}
	var exact []string
	for _, r := range set.ranges {
		for x := r.lo; x <= r.hi; x++ {
			exact = append(exact, string(x))
		}
	}
	return needs{exact: exact}
}

func needsOfCat(subs []*node) needs {
	run := []string{""}
	whole := true
	var sets [][]string
	flush := func() {
		sets = addSet(sets, run)
		run = []string{""}
	}
	for i := 0; i < len(subs); i++ {
		var n needs
		if text, taken := literals(subs[i:], maxLiteral-len(run[0])); taken > 0 {
			n.exact = []string{text}
			i += taken - 1
		} else {
			n = needsOf(subs[i])
		}
		switch {
		case n.exact == nil:
			flush()
			sets = append(sets, n.sets...)
			whole = false
		case len(n.exact)*len(run) > maxVariants || len(n.exact[0])+len(run[0]) > maxLiteral:
			flush()
			run = n.exact
			whole = false
		default:
			run = product(run, n.exact)
		}
	}
	if whole {
		return needs{exact: run}
	}
	flush()
	return needs{sets: sets}
}

// literals returns the text of the literals that subs begin with, the first or
// so many as have room in it, and how many they are.
func literals(subs []*node, room int) (text string, taken int) {
	var b []byte
	for _, n := range subs {
		if n.kind != nodeLiteral || taken > 0 && len(b)+len(literalText(n.r)) > room {
			break
		}
		b = append(b, literalText(n.r)...)
		taken++
	}
	return string(b), taken
}

func product(a, b []string) []string {
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// addSet adds a set of literals unless one of them is always there.
func addSet(sets [][]string, set []string) [][]string {
	if len(set) == 0 || slices.Contains(set, "") {
		return sets
	}
	return append(sets, set)
}

func needsOfAlt(subs []*node) needs {
	var all []string
	for _, sub := range subs {
		n := needsOf(sub)
		set := n.exact
		if set == nil {
			if len(n.sets) == 0 {
				return needs{}
			}
			sortSets(n.sets)
			set = n.sets[0]
		}
		if all = append(all, set...); len(all) > maxAlternates {
			return needs{}
		}
	}
	return needs{sets: addSet(nil, all)}
}

func needsOfRepeat(n *node) needs {
	body := needsOf(n.subs[0])
	switch {
	case n.min == 0:
		return needs{}
	case body.exact == nil:
		return body
	case n.min == n.max && len(body.exact) == 1 && uint64(n.min)*uint64(len(body.exact[0])) <= maxLiteral:
		return needs{exact: []string{strings.Repeat(body.exact[0], int(n.min))}}
	}
	return needs{sets: addSet(nil, body.exact)}
}

// sortSets puts the most telling sets first: those whose shortest literal is
// longest, and of these the smallest.
func sortSets(sets [][]string) {
	slices.SortStableFunc(sets, func(a, b []string) int {
		return cmp.Or(cmp.Compare(shortest(b), shortest(a)), cmp.Compare(len(a), len(b)))
	})
}

func shortest(set []string) int {
	n := len(set[0])
	for _, s := range set {
		n = min(n, len(s))
	}
	return n
}

// literalSets returns the sets of literals for a whole pattern, in the order in
// which they stand in a match.
func literalSets(root *node) [][]string {
	n := needsOf(root)
	if n.exact != nil {
		return addSet(nil, n.exact)
	}
	return n.sets
}

// requiredText returns the longest text that every match contains, "" if
// prefix, with which every match begins, is as good.
func requiredText(sets [][]string, prefix string) string {
	best := ""
	for _, set := range sets {
		if len(set) == 1 && len(set[0]) > len(best) {
			best = set[0]
		}
	}
	if len(best) < 2 || strings.Contains(prefix, best) {
		return ""
	}
	return best
}

// prefixOf returns a text with which every match of n begins.
func prefixOf(n *node) string {
	text, _ := leading(n)
	return text
}

// leading returns a text with which every match of n begins, and whether
// that is all there is in a match.
func leading(n *node) (text string, all bool) {
	switch n.kind {
	case nodeLiteral:
		return literalText(n.r), literalText(n.r) != ""
	case nodeEmpty, nodeAt, nodeLook:
		return "", true
	case nodeGroup, nodeAtomic:
		return leading(n.subs[0])
	case nodeCat:
		for _, sub := range n.subs {
			more, whole := leading(sub)
			if text += more; !whole {
				return text, false
			}
		}
		return text, true
	case nodeAlt:
		text, _ = leading(n.subs[0])
		for _, sub := range n.subs[1:] {
			other, _ := leading(sub)
			text = commonPrefix(text, other)
		}
	case nodeRepeat:
		if n.min > 0 {
			text, _ = leading(n.subs[0])
		}
	}
	return text, false
}

func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// anchored reports whether n matches at the start of the text only.
func anchored(n *node) bool {
	switch n.kind {
	case nodeAt:
		return n.place == atTextStart
	case nodeCat:
		return slices.ContainsFunc(n.subs, anchored)
	case nodeAlt, nodeCond:
		return !slices.ContainsFunc(n.subs, func(sub *node) bool { return !anchored(sub) })
	case nodeGroup, nodeAtomic:
		return anchored(n.subs[0])
	case nodeRepeat:
		return n.min > 0 && anchored(n.subs[0])
	}
	return false
}

// startsLine reports whether n matches at the start of a line only.
func startsLine(n *node) bool {
	switch n.kind {
	case nodeAt:
		return n.place == atTextStart || n.place == atLineStart
	case nodeCat:
		for _, sub := range n.subs {
			if startsLine(sub) {
				return true
			}
			if sub.kind != nodeAt && sub.kind != nodeLook && sub.kind != nodeEmpty {
				return false
			}
		}
	case nodeAlt:
		return !slices.ContainsFunc(n.subs, func(sub *node) bool { return !startsLine(sub) })
	case nodeGroup, nodeAtomic:
		return startsLine(n.subs[0])
	}
	return false
}

// leadingRun returns the class of the characters with which a match begins,
// if it begins with any number of them and if nothing that follows depends on
// how many: then, where a match fails, it fails within all of their run.
func (c *compiler) leadingRun(root *node) *class {
	free := true
	walk(root, func(n *node) {
		if n.kind == nodeBackref || n.kind == nodeCond {
			free = false
		}
	})
	n := root
	for n.kind == nodeCat || n.kind == nodeGroup {
		n = n.subs[0]
	}
	if free && n.kind == nodeRepeat && isChar(n.subs[0]) && n.max == maxRepeat && n.min < 2 {
		return c.classOf(charSet(n.subs[0]))
	}
	return nil
}

package pyre

import "sync"

// nodeKind says what a node of the syntax tree is.
type nodeKind uint8

const (
	nodeEmpty   nodeKind = iota // matches the empty text
	nodeLiteral                 // one character, r
	nodeSet                     // one character of set
	nodeCat                     // subs one after the other
	nodeAlt                     // one of subs, the first that leads to a match
	nodeRepeat                  // subs[0], min to max times
	nodeGroup                   // subs[0] in brackets; group 0 means not captured
	nodeAtomic                  // subs[0], never entered again once matched
	nodeLook                    // subs[0] ahead or behind
	nodeBackref                 // what group captured
	nodeCond                    // subs[0] if group has matched, else subs[1]
	nodeAt                      // a place in the text
)

// maxRepeat stands for "any number of times", as in Python.
const maxRepeat = 1<<32 - 1

// greed says in which order a repeat tries its counts.
type greed uint8

const (
	greedy greed = iota
	lazy
	possessive
)

// place is the kind of a nodeAt.
type place uint8

const (
	atTextStart  place = iota // \A, and ^ without MultiLine
	atLineStart               // ^ with MultiLine
	atTextEnd                 // \Z
	atFinalBreak              // $ without MultiLine: the end, or before a newline that ends the text
	atLineEnd                 // $ with MultiLine
	atBoundary                // \b
	atNoBoundary              // \B
)

// node is one node of the syntax tree. Flags are resolved while parsing, so
// that a node means the same wherever it stands.
type node struct {
	kind  nodeKind
	pos   int // where it begins in the pattern, in characters
	subs  []*node
	r     rune     // nodeLiteral
	set   *runeSet // nodeSet
	fold  rune     // nodeSet from an ASCII letter under IgnoreCase: that letter in lower case
	min   uint32   // nodeRepeat
	max   uint32   // nodeRepeat
	greed greed    // nodeRepeat
	group int      // nodeGroup, nodeBackref, nodeCond

	behind bool  // nodeLook
	negate bool  // nodeLook
	width  int   // nodeLook behind: characters to step back
	place  place // nodeAt
	ascii  bool  // nodeAt boundary, nodeBackref under IgnoreCase
	icase  bool  // nodeBackref
}

// tree is a parsed pattern.
type tree struct {
	root  *node
	names []string // group number to name, "" without one; names[0] is the whole match
	spans []span   // of each group

	once sync.Once
	less *node // see simple
}

// simple is the root in fewer nodes, which match and capture the same.
func (t *tree) simple() *node {
	t.once.Do(func() { t.less = simplify(t.root) })
	return t.less
}

// span is how many characters a node can match, at least and at most, cut
// off at maxRepeat as Python does.
type span struct{ min, max uint64 }

func (a span) plus(b span) span { return span{a.min + b.min, a.max + b.max}.cut() }

func (a span) times(lo, hi uint32) span {
	return span{a.min * uint64(lo), a.max * uint64(hi)}.cut()
}

func (a span) either(b span) span { return span{min(a.min, b.min), max(a.max, b.max)} }

func (a span) cut() span { return span{min(a.min, maxRepeat-1), min(a.max, maxRepeat)} }

// spanOf returns the span of n. groups holds those of the groups closed so
// far, by number.
func spanOf(n *node, groups []span) span {
	switch n.kind {
	case nodeLiteral, nodeSet:
		return span{1, 1}
	case nodeCat:
		var s span
		for _, sub := range n.subs {
			s = s.plus(spanOf(sub, groups))
		}
		return s
	case nodeAlt:
		s := spanOf(n.subs[0], groups)
		for _, sub := range n.subs[1:] {
			s = s.either(spanOf(sub, groups))
		}
		return s
	case nodeRepeat:
		return spanOf(n.subs[0], groups).times(n.min, n.max)
	case nodeGroup, nodeAtomic:
		return spanOf(n.subs[0], groups)
	case nodeBackref:
		return groups[n.group]
	case nodeCond:
		return spanOf(n.subs[0], groups).either(spanOf(n.subs[1], groups))
	}
	return span{}
}

// walk calls f for n and all nodes below it, parents first.
func walk(n *node, f func(*node)) {
	f(n)
	for _, sub := range n.subs {
		walk(sub, f)
	}
}

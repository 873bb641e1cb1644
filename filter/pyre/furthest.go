package pyre

import "encoding/binary"

// Reach tells how far a text fits a pattern.
type Reach struct {
	Matched bool // the whole pattern is found
	// Start and End are the part of the text, in bytes, that fits the beginning
	// of the pattern; of the ways to fit it, that which most of the pattern does.
	Start, End int
	// Open says that this beginning ends in something like .*, so that the rest
	// was looked for everywhere behind End.
	Open bool
	// Pattern is where in the pattern, in bytes, the first piece stands that does
	// not fit, and PatternEnd where it ends.
	Pattern, PatternEnd int
	// Forbids says that this piece fits but must not: (?!…) or (?<!…).
	Forbids bool
	// Weight is how many characters of the text had to be just so. It compares
	// patterns: the one with most was nearest.
	Weight int
}

// Tracer finds how far texts fit a pattern. It keeps what it compiles for
// that; it is not safe for use by several goroutines.
type Tracer struct {
	re     *Regexp
	tree   *tree
	progs  map[string]*program
	ids    map[*node]uint32
	wholes map[*node]*node
	m      machine
	caps   []int
	blown  int // searches of this Trace that blew their budget
}

// NewTracer returns a Tracer of the pattern.
func (re *Regexp) NewTracer() *Tracer {
	t := &Tracer{
		re: re, tree: re.syntax(), progs: map[string]*program{}, ids: map[*node]uint32{}, wholes: map[*node]*node{},
		caps: make([]int, re.program().slots),
	}
	walk(t.tree.root, func(n *node) { t.ids[n] = uint32(len(t.ids)) })
	return t
}

// maxTraced is how many beginnings of a pattern a Tracer keeps.
const maxTraced = 4096

// tracedRounds is how many of the rounds that a repeat must make are told
// apart.
const tracedRounds = 8

// maxBlown is how many searches of one Trace may blow their budget.
const maxBlown = 20

// Trace looks for the pattern in a text and, if it is not there, for the
// longest beginning of it that is. A beginning that blows Search's budget
// counts as not found.
func (t *Tracer) Trace(text []byte) Reach {
	t.blown = 0
	root := t.tree.root
	if start, end, ok := t.find(text, []*node{root}); ok {
		return Reach{Matched: true, Start: start, End: end, Pattern: len(t.re.pattern), PatternEnd: len(t.re.pattern), Weight: weight(t, []*node{root})}
	}
	w := tracing{Tracer: t, text: text}
	return w.reach(w.into(nil, root))
}

// find looks for nodes one after the other.
func (t *Tracer) find(text []byte, nodes []*node) (start, end int, ok bool) {
	key := make([]byte, 0, 4*len(nodes))
	for _, n := range nodes {
		key = binary.LittleEndian.AppendUint32(key, t.ids[n])
	}
	p := t.progs[string(key)]
	if p == nil {
		if len(t.progs) >= maxTraced {
			clear(t.progs)
		}
		part := tree{root: &node{kind: nodeCat, subs: nodes}, names: t.tree.names, spans: t.tree.spans}
		p = compile(&part, factsOf(&part))
		t.progs[string(key)] = p
	}
	if !p.possible(text, 0) {
		return 0, 0, false
	}
	if t.blown >= maxBlown {
		return 0, 0, false
	}
	found, err := t.m.find(p, t.caps, text, 0)
	if err != nil {
		t.blown++
	}
	if !found || err != nil {
		return 0, 0, false
	}
	return t.caps[0], t.caps[1], true
}

// weight is how many characters nodes need at least.
func weight(t *Tracer, nodes []*node) int {
	var s span
	for _, n := range nodes {
		s = s.plus(spanOf(n, t.tree.spans))
	}
	return int(s.min)
}

// tracing is one Trace.
type tracing struct {
	*Tracer
	text []byte
}

// stop is a piece of the pattern that does not fit behind a beginning that
// does.
type stop struct {
	before []*node
	at     *node
}

// into finds the stop in n, which does not fit behind before.
func (w *tracing) into(before []*node, n *node) stop {
	switch n.kind {
	case nodeCat:
		return w.intoCat(before, n.subs)
	case nodeAlt:
		var best stop
		for _, sub := range n.subs {
			best = w.further(best, w.into(before, sub))
		}
		return best
	case nodeGroup, nodeAtomic:
		return w.into(before, n.subs[0])
	case nodeLook:
		if !n.negate && !n.behind {
			return w.into(before, n.subs[0])
		}
	case nodeRepeat:
		if body := n.subs[0]; n.min > 0 && !isChar(body) {
			for range min(n.min-1, tracedRounds) {
				more := join(before, body)
				if !w.fits(more) {
					break
				}
				before = more
			}
			return w.into(before, body)
		}
	}
	return stop{before, n}
}

// intoCat finds the stop in a sequence. Where what comes before it may be left
// out or repeated, the way through that may have come further.
func (w *tracing) intoCat(before, subs []*node) stop {
	fit, fails := 0, len(subs) // subs[:fit] fits, subs[:fails] does not
	for fit+1 < fails {
		if mid := (fit + fails) / 2; w.fits(join(before, subs[:mid]...)) {
			fit = mid
		} else {
			fails = mid
		}
	}
	best := w.into(join(before, subs[:fit]...), subs[fit])
	for i := fit - 1; i >= 0; i-- {
		n := subs[i]
		for n.kind == nodeGroup {
			n = n.subs[0]
		}
		if n.kind != nodeRepeat || n.max == 0 || isChar(n.subs[0]) {
			break
		}
		if n.max > 1 {
			best = w.further(best, w.round(join(before, append(subs[:i:i], w.whole(n))...), n.subs[0]))
		}
		if n.min > 0 {
			break
		}
		best = w.further(best, w.round(join(before, subs[:i]...), n.subs[0]))
	}
	return best
}

// round is the stop in one more round of a repeat, none if it fits.
func (w *tracing) round(before []*node, body *node) stop {
	if w.fits(join(before, body)) {
		return stop{}
	}
	return w.into(before, body)
}

// whole is a repeat that makes all the rounds it can.
func (t *Tracer) whole(n *node) *node {
	if t.wholes[n] == nil {
		m := *n
		m.greed = possessive
		t.wholes[n] = &m
		t.ids[&m] = uint32(len(t.ids))
	}
	return t.wholes[n]
}

func (w *tracing) fits(nodes []*node) bool {
	_, _, ok := w.find(w.text, nodes)
	return ok
}

// further returns the stop before which more had to fit, or else the one later
// in the text, or a.
func (w *tracing) further(a, b stop) stop {
	switch {
	case b.at == nil:
		return a
	case a.at == nil:
		return b
	}
	wa, wb := weight(w.Tracer, a.before), weight(w.Tracer, b.before)
	if wa == wb {
		_, wa, _ = w.find(w.text, a.before)
		_, wb, _ = w.find(w.text, b.before)
	}
	if wb > wa {
		return b
	}
	return a
}

// reach tells of a stop.
func (w *tracing) reach(s stop) Reach {
	at := s.before
	for len(at) > 0 && isOpen(at[len(at)-1]) {
		at = at[:len(at)-1]
	}
	r := Reach{Open: len(at) < len(s.before), Weight: weight(w.Tracer, s.before), Forbids: s.at.kind == nodeLook && s.at.negate}
	r.Start, r.End, _ = w.find(w.text, at)
	r.Pattern = offsetOf(w.re.pattern, s.at.pos)
	r.PatternEnd = pieceEnd(w.re.pattern, r.Pattern)
	return r
}

// isOpen reports whether n takes any text up to the end of a line.
func isOpen(n *node) bool {
	switch n.kind {
	case nodeGroup, nodeAtomic:
		return isOpen(n.subs[0])
	case nodeRepeat:
		return n.max == maxRepeat && n.min <= 1 && n.subs[0].kind == nodeSet && takesAny(n.subs[0].set)
	}
	return false
}

// takesAny reports whether a class takes all printable ASCII.
func takesAny(set *runeSet) bool {
	for r := rune(' '); r < 0x7F; r++ {
		if !set.contains(r) {
			return false
		}
	}
	return true
}

// join returns a new list of nodes.
func join(before []*node, more ...*node) []*node {
	return append(append(make([]*node, 0, len(before)+len(more)), before...), more...)
}

// offsetOf is where the nth character of a pattern begins, in bytes.
func offsetOf(pattern string, n int) int {
	for i := range pattern {
		if n == 0 {
			return i
		}
		n--
	}
	return len(pattern)
}

package pyre

import (
	"slices"
	"strconv"
)

// maxNesting is how deep brackets may be nested. Python's own limit comes
// from its recursion limit and lies at about half of this.
const maxNesting = 500

// parser reads a pattern into a tree. Its errors are Python's, also in their
// order: what Python notices first is reported.
type parser struct {
	scanner
	flags  Flags // in force at the place reached
	depth  int
	byName map[string]int
	names  []string
	spans  []span // by group, valid where closed
	closed []bool
	items  []*node // of the sequences being read, the innermost last
	free   []node  // memory for nodes

	behindFrom int        // first group of the outermost look-behind being read, -1 outside of one
	condRefs   []groupRef // groups tested by number, perhaps before they exist
}

type groupRef struct{ group, pos int }

// parse reads pattern. The error is an *Error.
func parse(pattern string, flags Flags) (*tree, error) {
	if flags&ASCII != 0 && flags&Unicode != 0 {
		return nil, &Error{Msg: "ASCII and UNICODE flags are incompatible", Pattern: pattern, Pos: -1}
	}
	p := &parser{
		scanner:    *newScanner(pattern),
		flags:      flags,
		byName:     map[string]int{},
		names:      []string{""},
		spans:      []span{{}},
		closed:     []bool{false},
		behindFrom: -1,
	}
	root := p.alternation(true)
	p.finish(root)
	if p.err != nil {
		return nil, p.err
	}
	return &tree{root: root, names: p.names, spans: p.spans}, nil
}

// maxSlab is for how many nodes memory is taken at once.
const maxSlab = 64

// node returns memory of its own for n.
func (p *parser) node(n node) *node {
	if len(p.free) == 0 {
		p.free = make([]node, min(len(p.src)/2+1, maxSlab))
	}
	kept := &p.free[0]
	p.free = p.free[1:]
	*kept = n
	return kept
}

// finish makes the checks that need the whole pattern.
func (p *parser) finish(root *node) {
	if p.flags&ASCII != 0 && p.flags&Unicode != 0 {
		p.failAt("ASCII and UNICODE flags are incompatible", -1)
	}
	if p.next.r != eof {
		p.fail("unbalanced parenthesis", 0)
	}
	for _, ref := range p.condRefs {
		if ref.group >= len(p.names) {
			p.failAt("invalid group reference "+strconv.Itoa(ref.group), ref.pos)
		}
	}
	if p.err != nil {
		return
	}
	walk(root, func(n *node) {
		if n.kind == nodeRepeat && p.flags&template != 0 {
			op := [...]string{greedy: "MAX_REPEAT", lazy: "MIN_REPEAT", possessive: "POSSESSIVE_REPEAT"}[n.greed]
			p.failAt("internal: unsupported template operator "+op, -1)
		}
		if n.kind == nodeLook && n.behind {
			s := spanOf(n.subs[0], p.spans)
			if s.min != s.max {
				p.failAt("look-behind requires fixed-width pattern", -1)
			}
			n.width = int(s.min)
		}
	})
}

// alternation reads alternatives up to a closing bracket or the end. top is
// set for the whole pattern, at whose start alone global flags may stand.
func (p *parser) alternation(top bool) *node {
	start := p.tell()
	alts := []*node{p.sequence(top)}
	for p.accept('|') {
		alts = append(alts, p.sequence(false))
	}
	if len(alts) == 1 {
		return alts[0]
	}
	return p.node(node{kind: nodeAlt, pos: start, subs: alts})
}

// sequence reads one alternative.
func (p *parser) sequence(first bool) *node {
	start, from := p.tell(), len(p.items)
	for p.next.r != eof && !p.next.is('|') && !p.next.is(')') {
		at := p.tell()
		t := p.get()
		switch {
		case p.flags&Verbose != 0 && p.skipVerbose(t):
		case t.esc:
			p.items = append(p.items, p.escape(t, at))
		case t.r == '*' || t.r == '+' || t.r == '?' || t.r == '{':
			p.repeat(from, t, at)
		case t.r == '(':
			if n := p.group(at, first && len(p.items) == from); n != nil {
				p.items = append(p.items, n)
			}
		default:
			p.items = append(p.items, p.single(t.r, at))
		}
	}
	items := p.items[from:]
	p.items = p.items[:from]
	switch len(items) {
	case 0:
		return p.node(node{kind: nodeEmpty, pos: start})
	case 1:
		return items[0]
	}
	return p.node(node{kind: nodeCat, pos: start, subs: slices.Clone(items)})
}

// skipVerbose passes over t if it is white space or begins a comment.
func (p *parser) skipVerbose(t token) bool {
	if t.esc {
		return false
	}
	switch t.r {
	case ' ', '\t', '\n', '\r', '\v', '\f':
		return true
	case '#':
		for p.next.r != eof && !p.next.is('\n') {
			p.advance()
		}
		p.accept('\n')
		return true
	}
	return false
}

// single turns a character that stands for itself, or one of . ^ $ [, into a
// node.
func (p *parser) single(r rune, at int) *node {
	multi := p.flags&MultiLine != 0
	switch {
	case r == '[':
		return p.class(at)
	case r == '.' && p.flags&DotAll != 0:
		return p.node(node{kind: nodeSet, pos: at, set: unicodeClasses().any})
	case r == '.':
		return p.node(node{kind: nodeSet, pos: at, set: unicodeClasses().anyButNewline})
	case r == '^' && multi:
		return p.node(node{kind: nodeAt, pos: at, place: atLineStart})
	case r == '^':
		return p.node(node{kind: nodeAt, pos: at, place: atTextStart})
	case r == '$' && multi:
		return p.node(node{kind: nodeAt, pos: at, place: atLineEnd})
	case r == '$':
		return p.node(node{kind: nodeAt, pos: at, place: atFinalBreak})
	}
	return p.literal(r, at)
}

// literal is one character as the flags want it compared.
func (p *parser) literal(r rune, at int) *node {
	if p.flags&IgnoreCase != 0 {
		if all := foldFor(p.flags).equals[r]; all != nil {
			ranges := make([]runeRange, 0, len(all))
			for _, x := range all {
				ranges = append(ranges, runeRange{x, x})
			}
			n := p.node(node{kind: nodeSet, pos: at, set: newRuneSet(ranges)})
			if lo := lowerRune(r, true); r < 0x80 && (p.flags&ASCII == 0 || foldHigh(byte(lo)) == nil) {
				n.fold = lo
			}
			return n
		}
	}
	return p.node(node{kind: nodeLiteral, pos: at, r: r})
}

// repeat reads a quantifier that began with t and puts it on the last item, if
// there is one after the first so many.
func (p *parser) repeat(from int, t token, at int) {
	lo, hi := uint32(0), uint32(maxRepeat)
	switch t.r {
	case '?':
		hi = 1
	case '+':
		lo = 1
	case '{':
		var ok bool
		if lo, hi, ok = p.counts(); !ok {
			p.items = append(p.items, p.literal('{', at))
			return
		}
	}
	last := len(p.items) - 1
	if last < from || p.items[last].kind == nodeAt {
		p.failAt("nothing to repeat", at)
		return
	}
	item := p.items[last]
	if item.kind == nodeRepeat {
		p.failAt("multiple repeat", at)
		return
	}
	n := p.node(node{kind: nodeRepeat, pos: item.pos, subs: []*node{item}, min: lo, max: hi})
	switch {
	case p.accept('?'):
		n.greed = lazy
	case p.accept('+'):
		n.greed = possessive
	}
	p.items[last] = n
}

// counts reads the rest of {m}, {m,}, {,n} or {m,n}. Anything else makes the
// bracket an ordinary character (ok is false) and nothing is taken.
func (p *parser) counts() (lo, hi uint32, ok bool) {
	here := p.tell()
	if p.next.is('}') {
		return 0, 0, false
	}
	min := p.getWhile(len(p.src), token.isDigit)
	max := min
	if p.accept(',') {
		max = p.getWhile(len(p.src), token.isDigit)
	}
	if !p.accept('}') {
		if p.err == nil {
			p.seek(here)
		}
		return 0, 0, false
	}
	lo, hi = p.count(min, 0), p.count(max, maxRepeat)
	if hi < lo {
		p.fail("min repeat greater than max repeat", p.tell()-here)
	}
	return lo, hi, true
}

func (p *parser) count(digits string, otherwise uint32) uint32 {
	if digits == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n >= maxRepeat {
		p.failAt("the repetition number is too large", -1)
	}
	return uint32(n)
}

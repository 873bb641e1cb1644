package pyre

// flow is a pattern as a graph of characters, for questions about all the
// texts that it can meet. Look-around, places and conditions count as always
// true, which can only add ways through the graph.
type flow struct {
	states []state
	accept int32
	left   int // steps without a character that are still followed
}

// state is one state: it takes a character of set, or nothing where set is
// nil, and goes on at any of next.
type state struct {
	set   *runeSet
	pos   int // in the pattern, in characters
	next  []int32
	loop  bool     // next[0] is another round
	check bool     // may turn out false: a place, look-around or back-reference
	but   *runeSet // whatever follows does not begin with one of these
}

// edge leads from one character state to the next.
type edge struct {
	to   int32
	but  *runeSet // the next character is none of these
	many bool     // in more than one way
}

// maxCopies is how often the body of a counted repeat is written out; more
// rounds make no difference to the questions asked here.
const maxCopies = 6

func newFlow(root *node) *flow {
	f := &flow{left: maxSteps}
	f.accept = f.add(state{})
	f.states = append(f.states, state{next: []int32{f.node(root, f.accept)}})
	return f
}

func (f *flow) add(s state) int32 {
	f.states = append(f.states, s)
	return int32(len(f.states) - 1)
}

func (f *flow) node(n *node, next int32) int32 {
	switch n.kind {
	case nodeLiteral, nodeSet:
		return f.add(state{set: charSet(n), pos: n.pos, next: []int32{next}})
	case nodeCat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = f.node(n.subs[i], next)
		}
		return next
	case nodeAlt, nodeCond:
		s := state{pos: n.pos}
		for _, sub := range n.subs {
			s.next = append(s.next, f.node(sub, next))
		}
		return f.add(s)
	case nodeAtomic:
		if body := n.subs[0]; body.kind == nodeRepeat && body.greed == greedy && isChar(body.subs[0]) {
			whole := *body
			whole.greed = possessive
			return f.repeat(&whole, next)
		}
		return f.node(n.subs[0], next)
	case nodeGroup:
		return f.node(n.subs[0], next)
	case nodeRepeat:
		return f.repeat(n, next)
	case nodeAt, nodeLook:
		return f.add(state{pos: n.pos, next: []int32{next}, check: true})
	case nodeBackref:
		s := f.add(state{set: unicodeClasses().any, pos: n.pos, next: []int32{next}})
		return f.add(state{pos: n.pos, next: []int32{s, next}, check: true})
	}
	return next
}

func (f *flow) repeat(n *node, next int32) int32 {
	body := n.subs[0]
	if n.greed == possessive && isChar(body) {
		next = f.add(state{pos: n.pos, next: []int32{next}, but: charSet(body)})
	}
	least := min(n.min, maxCopies)
	entry := next
	switch {
	case n.max == maxRepeat:
		entry = f.add(state{pos: n.pos, loop: true})
		round := f.node(body, entry)
		f.states[entry].next = []int32{round, next}
	default:
		for range min(n.max-n.min, maxCopies) {
			entry = f.add(state{pos: n.pos, next: []int32{f.node(body, entry), next}})
		}
	}
	for range least {
		entry = f.node(body, entry)
	}
	return entry
}

// maxPaths bounds the ways without a character that are followed from one
// state, and maxSteps all of them: a larger pattern is taken to be fine, as no
// stock pattern comes near.
const maxPaths, maxSteps = 1 << 14, 1 << 21

// edges returns where a state leads with the next character, and whether the
// pattern can end there without a check.
func (f *flow) edges(from int32) (out []edge, ends bool) {
	w := flowWalk{flow: f, rounds: map[int32]bool{}, seen: map[int32]int{}, at: map[int32]int{}, left: min(maxPaths, f.left)}
	for _, next := range f.states[from].next {
		w.visit(next, nil, false)
	}
	f.left -= min(maxPaths, f.left) - max(w.left, 0)
	return w.out, w.ends
}

// flowWalk follows the ways without a character.
type flowWalk struct {
	*flow
	out    []edge
	at     map[int32]int // where in out the edge to a state is
	ends   bool
	rounds map[int32]bool // loops begun anew on the way: again would be an empty round
	seen   map[int32]int
	left   int
}

func (w *flowWalk) visit(at int32, but *runeSet, checked bool) {
	s := &w.states[at]
	w.left--
	if w.left < 0 || w.seen[at] > 2 {
		return
	}
	if at == w.accept {
		w.ends = w.ends || !checked
		return
	}
	if s.set != nil {
		w.reach(edge{to: at, but: but})
		return
	}
	if s.but != nil {
		but = s.but
	}
	w.seen[at]++
	for i, next := range s.next {
		if s.loop && i == 0 {
			if w.rounds[at] {
				continue
			}
			w.rounds[at] = true
		}
		w.visit(next, but, checked || s.check)
		if s.loop && i == 0 {
			delete(w.rounds, at)
		}
	}
	w.seen[at]--
}

func (w *flowWalk) reach(e edge) {
	if i, known := w.at[e.to]; known {
		w.out[i].many = true
		return
	}
	w.at[e.to] = len(w.out)
	w.out = append(w.out, e)
}

package pyre

// pairs is a loop of a flow run twice at once on the same text: pairs of its
// states, and where one character takes them.
type pairs struct {
	flow    *flow
	states  []int
	index   map[int]int // state to place in states
	edges   [][]edge    // by state of the flow
	overlap map[[2]*runeSet]bool
}

// maxPairs bounds the pairs that are looked at: larger loops are taken to be
// fine, as no stock pattern comes near.
const maxPairs = 1 << 18

func newPairs(f *flow, comp []int, edges [][]edge) *pairs {
	p := &pairs{flow: f, states: comp, index: map[int]int{}, edges: edges, overlap: map[[2]*runeSet]bool{}}
	for i, s := range comp {
		p.index[s] = i
	}
	return p
}

// ambiguous reports whether two different runs can start in one state and
// meet in that state again.
func (p *pairs) ambiguous() bool {
	n := len(p.states)
	if n*n > maxPairs {
		return false
	}
	for _, s := range p.states {
		for _, e := range p.edges[s] {
			if _, inside := p.index[int(e.to)]; e.many && inside {
				return true
			}
		}
	}
	for _, comp := range components(n*n, p.follow) {
		same, different := false, false
		for _, pair := range comp {
			if pair/n == pair%n {
				same = true
			} else {
				different = true
			}
		}
		if same && different {
			return true
		}
	}
	return false
}

// follow returns the pairs to which one character can take a pair.
func (p *pairs) follow(pair int) []int {
	n := len(p.states)
	var out []int
	for _, a := range p.edges[p.states[pair/n]] {
		i, ok := p.index[int(a.to)]
		if !ok {
			continue
		}
		for _, b := range p.edges[p.states[pair%n]] {
			if j, ok := p.index[int(b.to)]; ok && p.together(a, b) {
				out = append(out, i*n+j)
			}
		}
	}
	return out
}

// together reports whether one character can take both edges.
func (p *pairs) together(a, b edge) bool {
	x, y := p.flow.states[a.to].set, p.flow.states[b.to].set
	if a.but != nil || b.but != nil {
		return minus(minus(x, a.but), b.but).overlaps(y)
	}
	key := [2]*runeSet{x, y}
	known, ok := p.overlap[key]
	if !ok {
		known = x.overlaps(y)
		p.overlap[key] = known
	}
	return known
}

func minus(a, b *runeSet) *runeSet {
	if b == nil {
		return a
	}
	return newRuneSet(without(a.ranges, b.ranges))
}

// components returns the strongly connected components with a cycle of a
// graph with the given number of nodes (Tarjan, without recursion).
func components(n int, follow func(int) []int) [][]int {
	c := tarjan{low: make([]int, n), order: make([]int, n), follow: follow}
	for i := range n {
		if c.order[i] == 0 {
			c.from(i)
		}
	}
	return c.out
}

type tarjan struct {
	follow  func(int) []int
	order   []int // of the first visit, from 1; -1 once in a component
	low     []int
	visited int
	stack   []int
	out     [][]int
}

// visit is a node whose edges are being followed.
type visit struct {
	node int
	next []int
	self bool // has an edge to itself
}

func (c *tarjan) from(root int) {
	work := []visit{c.open(root)}
	for len(work) > 0 {
		v := &work[len(work)-1]
		if len(v.next) > 0 {
			to := v.next[0]
			v.next = v.next[1:]
			switch {
			case to == v.node:
				v.self = true
			case c.order[to] == 0:
				work = append(work, c.open(to))
			case c.order[to] > 0:
				c.low[v.node] = min(c.low[v.node], c.order[to])
			}
			continue
		}
		done := *v
		work = work[:len(work)-1]
		if len(work) > 0 {
			up := work[len(work)-1].node
			c.low[up] = min(c.low[up], c.low[done.node])
		}
		if c.low[done.node] == c.order[done.node] {
			c.close(done)
		}
	}
}

func (c *tarjan) open(n int) visit {
	c.visited++
	c.order[n], c.low[n] = c.visited, c.visited
	c.stack = append(c.stack, n)
	return visit{node: n, next: c.follow(n)}
}

func (c *tarjan) close(v visit) {
	at := len(c.stack) - 1
	for c.stack[at] != v.node {
		at--
	}
	comp := append([]int(nil), c.stack[at:]...)
	c.stack = c.stack[:at]
	for _, n := range comp {
		c.order[n] = -1
	}
	if len(comp) > 1 || v.self {
		c.out = append(c.out, comp)
	}
}

package pyre

import "bytes"

// A greedy repeat takes what it can and gives back place by place. Where all
// that can follow has a text in it, no place behind the last such text leads
// anywhere. They are many in a pattern such as "GET [^,]* \S+" 404: each blank
// of what a client calls itself.

// lastPlace is where a text that must come later stands for the last time.
type lastPlace struct {
	search uint64 // in which it was looked for
	at     int    // -1 for nowhere
}

// reach runs an opReach: the places behind the last such text are not tried.
func (m *machine) reach(in *inst, pos int) (int32, int) {
	if m.memo.on {
		return m.starUntried(in, pos)
	}
	last := m.lastOf(in.slot)
	if last < pos {
		return -1, pos
	}
	hi := in.class.span(m.text, pos)
	m.steps -= (hi - pos) >> in.class.stepShift
	if hi-pos < int(in.min) {
		return -1, pos
	}
	if in.min > 0 {
		pos += in.class.step(m.text, pos)
	}
	return m.starFrom(in, pos, min(hi, last))
}

// lastOf returns where the text of an index begins for the last time, -1 if
// nowhere. It is looked for once in a search.
func (m *machine) lastOf(index int32) int {
	for int(index) >= len(m.lasts) {
		m.lasts = append(m.lasts, lastPlace{})
	}
	l := &m.lasts[index]
	if l.search != m.searches {
		m.steps -= len(m.text) / blockPerStep
		l.search, l.at = m.searches, lastIndex(m.text, m.prog.texts[index])
	}
	return l.at
}

// lastIndex is bytes.LastIndex, faster where lit is there once or twice.
func lastIndex(text, lit []byte) int {
	last := -1
	for {
		i := bytes.Index(text[last+1:], lit)
		if i < 0 {
			return last
		}
		last += 1 + i
	}
}

// joins returns for each instruction the nearest one that all ways on from it
// pass, -1 if there is none before the end of the pattern, or of the
// look-around or atomic group that it is in.
func (c *compiler) joins() []int32 {
	join := make([]int32, len(c.prog.insts))
	for i := range c.prog.insts {
		in := &c.prog.insts[i]
		switch in.op {
		case opMatch, opFail, opEndLook, opEndAtomic:
			join[i] = -1
		case opLook, opAtomic:
			join[i] = in.alt
		case opSplit, opRound, opCond, opLoop:
			join[i] = meet(join, in.self, in.next, in.alt)
		case opAlt:
			join[i] = meet(join, in.self, c.prog.alts[in.slot].ways...)
		default:
			join[i] = in.next
		}
	}
	return join
}

// meet returns the first instruction that the ways from self have in common.
// Each leads to instructions emitted before it, but for rounds of a loop,
// which come back to it.
func meet(join []int32, self int32, ways ...int32) int32 {
	at := self
	for _, way := range ways {
		switch {
		case way > self:
			continue
		case at == self:
			at = way
		}
		for at != way {
			if at > way {
				at = join[at]
			} else {
				way = join[way]
			}
		}
	}
	return at
}

// endsAnywhere reports whether a repeat runs over blanks and may end at nearly
// any of them, for all that its tables tell.
func (c *compiler) endsAnywhere(in *inst) bool {
	if in.class.tab[' '] == notIn || in.tab[' '] == 0 {
		return false
	}
	for b := 'a'; b <= 'z' && in.alt != 0; b++ {
		if c.prog.seconds[in.alt].tab[b] == 0 {
			return false
		}
	}
	return true
}

// textLater returns the longest text that must come after a repeat and that
// the repeat may run over, "" if there is none.
func (c *compiler) textLater(in *inst, join []int32) string {
	const least = 3
	best := ""
	for pc := in.next; pc >= 0; pc = join[pc] {
		at := &c.prog.insts[pc]
		if at.op == opString && len(at.lit) >= max(least, len(best)+1) && in.class.takesAll(at.lit) {
			best = at.lit
		}
	}
	return best
}

// takesAll reports whether the class has all characters of a text.
func (c *class) takesAll(lit string) bool { return c.span([]byte(lit), 0) == len(lit) }

package pyre

import (
	"slices"
	"strings"
)

// second returns how the text may go on after the first character of what
// matches from pc on, given that this character is ASCII.
func (c *compiler) second(pc int32, depth int) first {
	const deepest = 8
	in := &c.prog.insts[pc]
	if depth > deepest {
		return anything()
	}
	switch in.op {
	case opSave, opBoundary, opAhead, opBehind, opAheadText, opNeed:
		return c.second(in.next, depth+1)
	case opString:
		f := first{}
		f.bytes.add(in.lit[1])
		return f
	case opByte, opClass:
		return c.firsts[in.next]
	case opSplit, opRound:
		return c.second(in.next, depth+1).union(c.second(in.alt, depth+1))
	case opAlt:
		var f first
		for _, way := range c.prog.alts[in.slot].ways {
			f = f.union(c.second(way, depth+1))
		}
		return f
	}
	return anything()
}

// noteSecond gives a repeat the table of what may come second after it, if
// that rules anything out.
func (c *compiler) noteSecond(in *inst) {
	f := c.second(in.next, 0)
	if f == anything() {
		return
	}
	if len(c.prog.seconds) == 0 {
		c.prog.seconds = append(c.prog.seconds, second{}) // index 0 is none
	}
	s := second{end: f.end}
	s.tab, _ = whichTable(f, first{})
	i := slices.Index(c.prog.seconds, s)
	if i < 0 {
		i = len(c.prog.seconds)
		c.prog.seconds = append(c.prog.seconds, s)
	}
	in.alt = int32(i)
}

// needed returns a text that every match from pc on contains and that is not
// among those that the whole pattern must contain anyway, "" if there is none.
func (c *compiler) needed(pc int32) string {
	best := ""
	for i := range c.prog.insts {
		in := &c.prog.insts[i]
		if in.op != opString || len(in.lit) <= len(best) || c.required(in.lit) {
			continue
		}
		if !c.reaches(pc, int32(i)) {
			best = in.lit
		}
	}
	return best
}

// required reports whether every match of the pattern contains lit.
func (c *compiler) required(lit string) bool {
	return slices.ContainsFunc(c.prog.literals, func(set []string) bool {
		return !slices.ContainsFunc(set, func(s string) bool { return !strings.Contains(s, lit) })
	})
}

// reaches reports whether the end of the pattern can be reached from pc
// without passing the instruction at without.
func (c *compiler) reaches(pc, without int32) bool {
	seen := make([]bool, len(c.prog.insts))
	todo := []int32{pc}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] || at == without {
			continue
		}
		seen[at] = true
		in := &c.prog.insts[at]
		switch in.op {
		case opMatch:
			return true
		case opSplit, opRound, opCond, opLoop:
			todo = append(todo, in.next, in.alt)
		case opLook, opAtomic:
			todo = append(todo, in.alt)
		case opAlt:
			todo = append(todo, c.prog.alts[in.slot].ways...)
		case opFail, opEndLook, opEndAtomic:
		default:
			todo = append(todo, in.next)
		}
	}
	return false
}

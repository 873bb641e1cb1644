package pyre

import (
	"slices"
	"unicode/utf8"
)

// target is where an opSplit or opAlt goes on for some of the bytes that may
// be next in the text: at first, and if that fails at second. Choices that the
// byte settles are passed through at once.
type target struct {
	first, second int32 // -1 for none; second is manyWays for more ways than two
	skip1, skip2  uint8 // how many bytes that are settled with it
	end           uint8
	tab           *[256]uint8
	// tab tells by the byte after the next which of the two can match, as the
	// bits 1 and 2; end where the text has ended there; nil where both can.
}

// manyWays as the second place of a target says that there are still others.
const manyWays = -2

// waysTable tells by the next byte which ways of an opSplit or opAlt can match.
type waysTable struct {
	tab *[256]uint8
	end uint8
}

// jumper finds the targets of choices.
type jumper struct {
	*compiler
	kind    [256]uint8 // of bytes: all of one kind are treated alike everywhere
	samples []int      // a byte of each kind
	known   []known    // by instruction, for the byte in question
	both    [][2]first // how the text may go on after two ways of a choice
}

// known is an answer of secondGiven.
type known struct {
	b int // the byte, and 1 more
	f first
}

// targetKey is a target before it has its table.
type targetKey struct {
	to   target
	both int // index of what tells its ways apart, 0 for nothing
}

// choice is an opSplit or opAlt and its targets, some kinds of bytes each.
type choice struct {
	pc   int32
	keys []targetKey
	of   [256]uint8 // by kind of byte
	end  uint8
}

// addJumps gives each choice its targets, and the table that leads to them.
func (c *compiler) addJumps() {
	j := jumper{compiler: c, known: make([]known, len(c.prog.insts)), both: make([][2]first, 1, 8)}
	choices := make([]choice, 0, 32)
	for i := range c.prog.insts {
		if op := c.prog.insts[i].op; op == opSplit || op == opRound || op == opAlt {
			choices = append(choices, choice{pc: int32(i)})
		}
	}
	if len(choices) == 0 {
		return
	}
	j.sortBytes()
	for i := range choices {
		j.note(&choices[i], atEnd)
	}
	for _, b := range j.samples {
		for i := range choices {
			j.note(&choices[i], b)
		}
	}
	for i := range choices {
		j.install(&choices[i])
	}
}

// note finds the target of a choice for one byte.
func (j *jumper) note(ch *choice, b int) {
	k := j.target(&j.prog.insts[ch.pc], b)
	i := slices.Index(ch.keys, k)
	if i < 0 {
		i = len(ch.keys)
		ch.keys = append(ch.keys, k)
	}
	if b == atEnd {
		ch.end = uint8(i)
	} else {
		ch.of[j.kind[b]] = uint8(i)
	}
}

// install makes the tables of a choice.
func (j *jumper) install(ch *choice) {
	p := j.prog
	in := &p.insts[ch.pc]
	in.min, in.max = int32(len(p.targets)), int32(len(p.ways))
	p.ways = append(p.ways, waysTable{in.tab, in.end})
	for _, k := range ch.keys {
		if f := j.both[k.both]; k.both > 0 {
			k.to.tab, k.to.end = whichTable(f[0], f[1])
		}
		p.targets = append(p.targets, k.to)
	}
	for b, kind := range j.kind {
		j.tab[b] = ch.of[kind]
	}
	in.tab, in.end = shared.table(&j.tab), ch.end
}

// sortBytes puts bytes of one kind that no table of the program tells apart,
// and that are ASCII or are not.
func (j *jumper) sortBytes() {
	for b := utf8.RuneSelf; b < len(j.kind); b++ {
		j.kind[b] = 1
	}
	j.samples = append(make([]int, 0, 64), 0, utf8.RuneSelf)
	seen := map[*[256]uint8]bool{nil: true}
	var single ByteSet
	for i := range j.prog.insts {
		in := &j.prog.insts[i]
		switch {
		case in.op == opByte:
			single.add(in.b)
		case in.op == opString:
			single.add(in.lit[0])
		case in.class != nil && !seen[&in.class.tab]:
			seen[&in.class.tab] = true
			j.tell(&in.class.tab)
		}
		if !seen[in.tab] {
			seen[in.tab] = true
			j.tell(in.tab)
		}
	}
	for b := range j.tab {
		j.tab[b] = bit(single.Has(byte(b)), uint8(b)+1) // no text has 0xFF in it
	}
	j.tell(&j.tab)
}

// tell tells the bytes apart that a table does.
func (j *jumper) tell(tab *[256]uint8) {
	type part struct{ kind, entry, now uint8 }
	var parts []part
	old := len(j.samples)
	for b, k := range j.kind {
		entry := tab[b]
		if entry == tab[j.samples[k]] {
			continue
		}
		i := slices.IndexFunc(parts, func(p part) bool { return p.kind == k && p.entry == entry })
		if i < 0 {
			i = len(parts)
			parts = append(parts, part{k, entry, uint8(old + i)})
			j.samples = append(j.samples, b)
		}
		j.kind[b] = parts[i].now
	}
}

// atEnd stands for the end of the text where a byte is asked for.
const atEnd = -1

// target returns where in goes on if b is next.
func (j *jumper) target(in *inst, b int) targetKey {
	k := targetKey{to: target{first: -1, second: -1}}
	if j.none(in, b) {
		return k
	}
	var room [maxWays]int32
	ways := j.waysOf(room[:0], in, b)
	if len(ways) > 2 {
		k.to.second = manyWays
		return k
	}
	if len(ways) > 0 {
		k.to.first, k.to.skip1 = j.settle(ways[0], b)
	}
	if len(ways) > 1 {
		k.to.second, k.to.skip2 = j.settle(ways[1], b)
	}
	if k.to.first < 0 {
		k.to.first, k.to.skip1, k.to.second, k.to.skip2 = k.to.second, k.to.skip2, -1, 0
	}
	if k.to.second >= 0 && b >= 0 && b < utf8.RuneSelf {
		k.both = j.apart([2]first{j.after(k.to.first, k.to.skip1, b), j.after(k.to.second, k.to.skip2, b)})
	}
	return k
}

// apart returns the index in both of how the text may go on after two ways.
func (j *jumper) apart(fs [2]first) int {
	if fs[0] == anything() && fs[1] == anything() {
		return 0
	}
	for i := 1; i < len(j.both); i++ {
		if j.both[i] == fs {
			return i
		}
	}
	j.both = append(j.both, fs)
	return len(j.both) - 1
}

// entry returns what the waysTable of a choice has for b.
func entry(in *inst, b int) uint8 {
	if b < 0 {
		return in.end
	}
	return in.tab[b]
}

// none reports whether no way of a choice can match if b is next.
func (j *jumper) none(in *inst, b int) bool {
	way := entry(in, b)
	return way == 0 && in.op != opAlt || in.op == opAlt && j.prog.alts[in.slot].masks[way] == 0
}

// waysOf appends the ways of a choice that can match if b is next.
func (j *jumper) waysOf(ways []int32, in *inst, b int) []int32 {
	way := entry(in, b)
	if in.op == opAlt {
		t := j.prog.alts[in.slot]
		for i, w := range t.ways {
			if t.masks[way]>>i&1 != 0 {
				ways = append(ways, w)
			}
		}
		return ways
	}
	if way&1 != 0 {
		ways = append(ways, in.next)
	}
	if way&2 != 0 {
		ways = append(ways, in.alt)
	}
	return ways
}

// settle follows the graph from pc on as long as b alone decides the way. It
// returns -1 if b cannot be next, and 1 for skip if b is taken on the way.
func (j *jumper) settle(pc int32, b int) (at int32, skip uint8) {
	for {
		in := &j.prog.insts[pc]
		switch in.op {
		case opSplit, opRound, opAlt:
			var room [maxWays]int32
			ways := j.waysOf(room[:0], in, b)
			if len(ways) == 0 {
				return -1, 0
			}
			if in.op == opRound || len(ways) > 1 {
				return pc, 0
			}
			pc = ways[0]
			continue
		case opByte:
			if b == int(in.b) {
				return in.next, 1
			}
			return -1, 0
		case opClass:
			switch takes(in.class, b) {
			case notIn:
				return -1, 0
			case isIn:
				return in.next, 1
			}
		case opOption, opSpan, opStar, opLazy:
			k := takes(in.class, b)
			if k == isIn && in.op == opOption {
				return in.next, 1
			}
			if k == notIn && in.min > 0 {
				return -1, 0
			}
			if k == notIn {
				pc = in.next
				continue
			}
		case opString:
			if b != int(in.lit[0]) {
				return -1, 0
			}
		}
		return pc, 0
	}
}

// takes is the entry of a class for a byte, or the end of the text.
func takes(c *class, b int) uint8 {
	if b < 0 {
		return notIn
	}
	return c.tab[b]
}

// after returns how the text may go on after the byte b where pc is to match
// from it on, or from the byte after it with skip.
func (j *jumper) after(pc int32, skip uint8, b int) first {
	if skip > 0 {
		return j.firsts[pc]
	}
	return j.secondGiven(pc, b, 0)
}

// secondGiven returns how the text may go on after b, which is ASCII and
// next, in what matches from pc on.
func (j *jumper) secondGiven(pc int32, b, depth int) first {
	const deepest = 12
	if depth > deepest {
		return anything()
	}
	if k := &j.known[pc]; k.b != b+1 {
		*k = known{b + 1, j.second(&j.prog.insts[pc], b, depth)}
	}
	return j.known[pc].f
}

func (j *jumper) second(in *inst, b, depth int) first {
	switch in.op {
	case opSave, opAhead, opBehind, opAheadText, opNeed, opBoundary:
		return j.secondGiven(in.next, b, depth+1)
	case opByte:
		if b == int(in.b) {
			return j.firsts[in.next]
		}
		return first{}
	case opString:
		if b != int(in.lit[0]) {
			return first{}
		}
		f := first{}
		f.bytes.add(in.lit[1])
		return f
	case opClass:
		if takes(in.class, b) == isIn {
			return j.firsts[in.next]
		}
		return first{}
	case opFinalBreak, opLineEnd:
		if b != '\n' {
			return first{}
		}
	case opOption, opSpan, opStar, opLazy:
		return j.secondOfRun(in, b, depth)
	case opSplit, opRound, opAlt:
		var f first
		var room [maxWays]int32
		for _, way := range j.waysOf(room[:0], in, b) {
			f = f.union(j.secondGiven(way, b, depth+1))
		}
		return f
	}
	return anything()
}

// secondOfRun is secondGiven for a repeat of one character.
func (j *jumper) secondOfRun(in *inst, b, depth int) first {
	var f first
	if takes(in.class, b) == isIn && in.max != 0 {
		if in.max != 1 {
			f.bytes = in.class.lead
		}
		if in.min <= 1 {
			f = f.union(j.firsts[in.next])
		}
	}
	if in.min == 0 {
		f = f.union(j.secondGiven(in.next, b, depth+1))
	}
	return f
}

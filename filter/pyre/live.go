package pyre

import "slices"

// fact is one thing beside the position that decides how a search can go on
// from an instruction.
type fact struct {
	kind  factKind
	index int32 // slot, or loop
}

type factKind uint8

const (
	slotValue factKind = iota // a slot that a back-reference reads
	groupSet                  // whether the group is set that a condition asks for
	loopPlace                 // where a loop stands
)

// maxRowFacts is how many yes-or-no facts multiply the rows that the table of
// failures has from the start; with more, rows are added as they come.
const maxRowFacts = 3

// plan decides for each instruction whether and how its failures are kept.
func (p *program) plan() {
	live := p.liveFacts()
	p.memo = make([]int32, len(p.insts))
	for i := range p.insts {
		p.memo[i] = -1
		switch p.insts[i].op {
		case opSplit, opRound, opAlt, opStar, opLazy, opSpan, opLoop:
			r, ok := p.memoRow(live[i])
			if !ok {
				continue
			}
			r.id = int32(len(p.memos))
			p.memo[i] = r.id
			p.memos = append(p.memos, r)
		}
	}
}

// memoRow turns the facts that an instruction depends on into a row. ok is
// false if they are too many.
func (p *program) memoRow(fs []fact) (r memoRow, ok bool) {
	r.base = int32(p.rows)
	if len(fs) == 0 {
		p.rows++
		return r, true
	}
	f := &rowFacts{}
	r.facts = f
	for _, x := range fs {
		switch x.kind {
		case slotValue:
			f.slots = append(f.slots, x.index)
		case groupSet:
			f.conds = append(f.conds, x.index)
		case loopPlace:
			f.begins = append(f.begins, x.index)
			if p.counts(x.index) {
				f.counts = append(f.counts, x.index)
			}
		}
	}
	yesNo, values := len(f.conds)+len(f.begins), len(f.slots)+len(f.counts)
	f.open = values > 0 || yesNo > maxRowFacts
	if f.open {
		return r, values <= maxKey && yesNo < 31
	}
	p.rows += 1 << yesNo
	return r, true
}

// counts reports whether a loop's number of rounds matters.
func (p *program) counts(loop int32) bool {
	for _, in := range p.insts {
		if in.op == opLoop && in.slot == loop {
			return in.min > 0 || in.max >= 0
		}
	}
	return false
}

// liveFacts returns for each instruction the facts that some way on from it
// asks for before setting them anew.
func (p *program) liveFacts() [][]fact {
	live := make([][]fact, len(p.insts))
	if !slices.ContainsFunc(p.insts, asks) {
		return live
	}
	for changed := true; changed; {
		changed = false
		for i := range p.insts {
			for _, f := range p.factsAt(i, live) {
				if !slices.Contains(live[i], f) {
					live[i] = append(live[i], f)
					changed = true
				}
			}
		}
	}
	return live
}

// asks reports whether in asks for a fact.
func asks(in inst) bool { return in.op == opBackref || in.op == opCond || in.op == opLoop }

// factsAt is one step of liveFacts.
func (p *program) factsAt(i int, live [][]fact) []fact {
	in := &p.insts[i]
	var fs []fact
	switch in.op {
	case opMatch, opFail, opEndLook, opEndAtomic:
		return nil
	case opBackref:
		fs = append(fs, fact{slotValue, in.slot}, fact{slotValue, in.slot + 1})
	case opCond:
		fs = append(fs, fact{groupSet, in.slot})
	case opLoop:
		fs = append(fs, fact{loopPlace, in.slot})
	}
	ways := []int32{in.next}
	switch in.op {
	case opSplit, opRound, opCond, opLook, opAtomic, opLoop:
		ways = append(ways, in.alt)
	case opAlt:
		ways = p.alts[in.slot].ways
	}
	for _, w := range ways {
		for _, f := range live[w] {
			if !settles(in, f) {
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// settles reports whether in makes f what it is from then on.
func settles(in *inst, f fact) bool {
	switch f.kind {
	case slotValue:
		return in.op == opSave && in.slot == f.index
	case groupSet:
		return in.op == opSave && in.slot == f.index+1
	}
	return in.op == opLoopInit && in.slot == f.index
}

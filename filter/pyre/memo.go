package pyre

import "math/bits"

// maxMemo is how many bits the table of failures may have (8 MiB).
const maxMemo = 1 << 26

// memo remembers from which instruction and position a search cannot
// succeed, so that no such pair is tried twice: one row of bits for each
// instruction, one bit for each position. What a failure also depends on
// (whether a group is set, what it captured, where a loop stands) chooses
// between several rows; memoRow says how.
type memo struct {
	on    bool
	bits  []uint64
	width int // bits in a row
	rows  int
	added map[memoKey]int // rows added while matching
	last  []lastRow       // by instruction's memoRow
}

// lastRow is the answer to the latest question for an added row.
type lastRow struct {
	key memoKey
	row int
}

// memoRow says in which rows the failures of one instruction are kept: in
// those from base on, one for each combination of the yes-or-no facts that
// they depend on; or, where other values matter too, in rows added for each
// combination met.
type memoRow struct {
	id    int32
	base  int32
	facts *rowFacts // nil for those that depend on none
}

// rowFacts is what the failures of an instruction depend on.
type rowFacts struct {
	conds  []int32 // slots of groups that matter by being set
	begins []int32 // loops that matter by having begun a round right here
	open   bool    // values matter too
	slots  []int32 // slots whose value matters
	counts []int32 // loops whose count matters
}

// stepsPerVisit is what a visit to an instruction whose failures are kept
// counts.
const stepsPerVisit = 2

// maxKey is how many values can choose an added row.
const maxKey = 8

type memoKey struct {
	id     int32 // of the memoRow
	yesNo  int32
	values [maxKey]int32
}

// start makes the table ready for a text; it reports whether there is room.
func (t *memo) start(p *program, length int) bool {
	t.width, t.rows = length+1, p.rows
	if t.rows*t.width > maxMemo {
		return false
	}
	need := (t.rows*t.width + 63) / 64
	if cap(t.bits) < need {
		t.bits = make([]uint64, need)
	}
	t.bits = t.bits[:need]
	clear(t.bits)
	t.added, t.last = nil, make([]lastRow, len(p.memos))
	for i := range t.last {
		t.last[i].key.id = -1
	}
	t.on = true
	return true
}

// stop lets go of what start took, but for a table of modest size.
func (t *memo) stop() {
	t.on = false
	t.added, t.last = nil, nil
	if cap(t.bits) > 1<<13 {
		t.bits = nil
	}
}

// rowOf returns the row for r at pos, -1 if there is no room for it.
func (m *machine) rowOf(r *memoRow, pos int) int {
	if r.facts == nil {
		return int(r.base)
	}
	f := r.facts
	n := int32(0)
	for i, slot := range f.conds {
		if m.isSet(slot) {
			n |= 1 << i
		}
	}
	for i, loop := range f.begins {
		if int(m.loops[loop].begin) == pos {
			n |= 1 << (i + len(f.conds))
		}
	}
	if !f.open {
		return int(r.base + n)
	}
	k := memoKey{id: r.id, yesNo: n}
	for i, slot := range f.slots {
		k.values[i] = int32(m.caps[slot])
	}
	for i, loop := range f.counts {
		k.values[i+len(f.slots)] = m.loops[loop].rounds
	}
	return m.memo.add(k)
}

// rowPast returns the row for r at places after pos that are reached from
// there without a new round of any loop.
func (m *machine) rowPast(r *memoRow) int { return m.rowOf(r, -2) }

// add returns the row for k, which it adds if it is new and there is room.
func (t *memo) add(k memoKey) int {
	last := &t.last[k.id]
	if k == last.key {
		return last.row
	}
	row, ok := t.added[k]
	if !ok {
		if (t.rows+1)*t.width > maxMemo {
			return -1
		}
		if t.added == nil {
			t.added = map[memoKey]int{}
		}
		row = t.rows
		t.added[k] = row
		t.rows++
		if need := (t.rows*t.width + 63) / 64; need > len(t.bits) {
			t.bits = append(t.bits, make([]uint64, need-len(t.bits))...)
		}
	}
	*last = lastRow{k, row}
	return row
}

// rowFor returns where the failures of in are kept, nil if they are not.
func (m *machine) rowFor(in *inst) *memoRow {
	if i := m.prog.memo[in.self]; i >= 0 {
		return &m.prog.memos[i]
	}
	return nil
}

// mark reports false if in is known to fail at pos; else it sees to it that
// this will be known once everything from here has failed.
func (m *machine) mark(in *inst, pos int) bool {
	r := m.rowFor(in)
	if r == nil {
		return true
	}
	if m.memo.has(m.rowOf(r, pos), pos) {
		return false
	}
	m.steps -= stepsPerVisit
	m.stack = append(m.stack, frame{frameFailed, in.self, int32(pos), int32(pos)})
	return true
}

// pushFailed is the second half of mark, for a range of positions.
func (m *machine) pushFailed(in *inst, lo, hi int) {
	if m.rowFor(in) != nil {
		m.steps -= stepsPerVisit
		m.stack = append(m.stack, frame{frameFailed, in.self, int32(lo), int32(hi)})
	}
}

// setFailed records that in fails from position lo to hi.
func (m *machine) setFailed(in *inst, lo, hi int) {
	r := m.rowFor(in)
	m.memo.set(m.rowOf(r, lo), lo, lo)
	if hi > lo {
		m.memo.set(m.rowPast(r), lo+1, hi)
	}
}

// mostUntried returns where the run of characters of an instruction without
// limit ends, or where the first place known to fail stops it (met).
func (m *machine) mostUntried(in *inst, lo int) (hi int, met bool) {
	r := m.rowFor(in)
	if r == nil {
		return m.all(in, lo, len(m.text)), false
	}
	if m.memo.has(m.rowOf(r, lo), lo) {
		return lo - 1, true
	}
	past := m.rowPast(r)
	hi = lo
	for chunk := 64; ; chunk *= 2 {
		limit := min(hi+chunk, len(m.text))
		for limit < len(m.text) && m.text[limit]&0xC0 == 0x80 {
			limit++
		}
		from := hi
		hi = m.all(in, from, limit)
		if x := m.memo.next(past, from+1, hi); x <= hi {
			return x - 1, true
		}
		if hi < limit || limit == len(m.text) {
			return hi, false
		}
	}
}

// lazyExtend adds pos to the places that an opLazy, whose mark is on top of
// the stack, has tried. It reports false if pos is known to fail.
func (m *machine) lazyExtend(in *inst, pos int) bool {
	r := m.rowFor(in)
	if r == nil || in.max >= 0 {
		return true
	}
	if m.memo.has(m.rowPast(r), pos) {
		return false
	}
	m.stack[len(m.stack)-1].b = int32(pos)
	return true
}

func (t *memo) has(row, pos int) bool {
	i := row*t.width + pos
	return row >= 0 && t.bits[i>>6]>>(i&63)&1 != 0
}

// set sets the bits from lo to hi in a row.
func (t *memo) set(row, lo, hi int) {
	if row < 0 {
		return
	}
	for i, end := row*t.width+lo, row*t.width+hi+1; i < end; {
		if i&63 == 0 && end-i >= 64 {
			t.bits[i>>6] = ^uint64(0)
			i += 64
			continue
		}
		t.bits[i>>6] |= 1 << (i & 63)
		i++
	}
}

// next returns the first position from lo to hi whose bit is set, hi+1 if
// there is none.
func (t *memo) next(row, lo, hi int) int {
	if row < 0 {
		return hi + 1
	}
	base := row * t.width
	for i, end := base+lo, base+hi+1; i < end; {
		word := t.bits[i>>6] >> (i & 63)
		if word != 0 {
			return min(i+bits.TrailingZeros64(word), end) - base
		}
		i += 64 - i&63
	}
	return hi + 1
}

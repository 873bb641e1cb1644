package pyre

import "unicode/utf8"

// isSet reports whether the group with its start in slot has matched.
func (m *machine) isSet(slot int32) bool {
	return m.caps[slot] >= 0 && m.caps[slot+1] >= m.caps[slot]
}

// holds reports whether a place in the text is as in asks.
func (m *machine) holds(in *inst, pos int) bool {
	text := m.text
	switch in.op {
	case opTextStart:
		return pos == 0
	case opLineStart:
		return pos == 0 || text[pos-1] == '\n'
	case opTextEnd:
		return pos == len(text)
	case opFinalBreak:
		return pos == len(text) || pos == len(text)-1 && text[pos] == '\n'
	case opLineEnd:
		return pos == len(text) || text[pos] == '\n'
	case opBoundary:
		// Python finds neither \b nor \B in an empty text.
		return len(text) > 0 && (before(in.class, text, pos) != after(in.class, text, pos)) != in.negate
	case opAhead:
		return after(in.class, text, pos) != in.negate
	case opBehind:
		return before(in.class, text, pos) != in.negate
	case opAheadText:
		return hasText(text[pos:], in.lit) != in.negate
	}
	return false
}

// after reports whether the character at pos belongs to c.
func after(c *class, text []byte, pos int) bool {
	return pos < len(text) && c.step(text, pos) > 0
}

// before reports whether the character that ends at pos belongs to c.
func before(c *class, text []byte, pos int) bool {
	if pos == 0 {
		return false
	}
	if b := text[pos-1]; b < utf8.RuneSelf {
		return c.tab[b] == isIn
	}
	r, _ := utf8.DecodeLastRune(text[:pos])
	return c.set.contains(r)
}

// enter begins a look-around or an atomic group.
func (m *machine) enter(in *inst, pos int) (int32, int) {
	begin := stepBack(m.text, pos, int(in.slot))
	m.steps -= int(in.slot) / forwardPerStep
	switch {
	case begin < 0 && in.negate:
		return in.alt, pos
	case begin < 0:
		return -1, pos
	}
	m.stack = append(m.stack, frame{frameBarrier, in.self, int32(pos), m.barrier})
	m.barrier = int32(len(m.stack) - 1)
	return in.next, begin
}

// leaveLook ends the innermost look-around, whose body has matched.
func (m *machine) leaveLook() (int32, int) {
	f := m.stack[m.barrier]
	in := &m.prog.insts[f.pc]
	if in.negate {
		m.undo(int(m.barrier))
		m.barrier = f.b
		return -1, int(f.a)
	}
	m.cut()
	return in.alt, int(f.a)
}

// leaveAtomic ends the innermost atomic group, whose body has matched.
func (m *machine) leaveAtomic(pos int) (int32, int) {
	in := &m.prog.insts[m.stack[m.barrier].pc]
	m.cut()
	return in.alt, pos
}

// cut forgets all choices made since the innermost barrier, and the barrier,
// but not what must be undone when backing up beyond it.
func (m *machine) cut() {
	at := m.barrier
	keep := at
	m.barrier = m.stack[at].b
	for _, f := range m.stack[at+1:] {
		if f.kind == frameUndo || f.kind == frameRounds || f.kind == frameBegin {
			m.stack[keep] = f
			keep++
		}
	}
	m.stack = m.stack[:keep]
}

// undo takes back all that was done since the stack was n frames high.
func (m *machine) undo(n int) {
	for i := len(m.stack) - 1; i >= n; i-- {
		switch f := m.stack[i]; f.kind {
		case frameUndo:
			m.caps[f.pc] = int(f.a)
		case frameRounds:
			m.loops[f.pc].rounds = f.a
		case frameBegin:
			m.loops[f.pc].begin = f.a
		}
	}
	m.stack = m.stack[:n]
}

// backref matches the text of a group once more.
func (m *machine) backref(in *inst, pos int) (int32, int) {
	if !m.isSet(in.slot) {
		return -1, pos
	}
	want, rest := m.text[m.caps[in.slot]:m.caps[in.slot+1]], m.text[pos:]
	if in.icase {
		n, looked := equalFold(want, rest, in.ascii)
		m.steps -= looked
		if n < 0 {
			return -1, pos
		}
		return in.next, pos + n
	}
	n := sameLen(want, rest)
	m.steps -= n / blockPerStep
	if n < len(want) {
		return -1, pos
	}
	return in.next, pos + n
}

// sameLen returns with how many bytes alike a and b begin.
func sameLen(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; n-i >= blockPerStep && string(a[i:i+blockPerStep]) == string(b[i:i+blockPerStep]); i += blockPerStep {
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// equalFold returns how much of rest equals want but for case, -1 if none
// does, and how many characters it looked at.
func equalFold(want, rest []byte, ascii bool) (n, looked int) {
	for ; len(want) > 0; looked++ {
		if n >= len(rest) {
			return -1, looked
		}
		a, aw := utf8.DecodeRune(want)
		b, bw := utf8.DecodeRune(rest[n:])
		if lowerRune(a, ascii) != lowerRune(b, ascii) {
			return -1, looked
		}
		want = want[aw:]
		n += bw
	}
	return n, looked
}

// foldedLen returns the length of the text that equals lit but for the case
// of its letters, which lit has in lower case; -1 if text does not begin so.
func foldedLen(text []byte, lit string) int {
	n := 0
	for i := range len(lit) {
		if n >= len(text) {
			return -1
		}
		l, b := lit[i], text[n]
		switch {
		case b == l || b|0x20 == l && isLetter(l):
			n++
		case b < utf8.RuneSelf:
			return -1
		default:
			r, w := utf8.DecodeRune(text[n:])
			if !isFoldHigh(r, l) {
				return -1
			}
			n += w
		}
	}
	return n
}

func isFoldHigh(r rune, letter byte) bool {
	for _, x := range foldHigh(letter) {
		if x == r {
			return true
		}
	}
	return false
}

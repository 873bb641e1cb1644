package pyre

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// Scanning a run of characters counts as a step for each so many bytes, and
// for each so many where the processor does it in blocks: comparing texts,
// looking for one byte.
const (
	forwardShift, forwardPerStep = 3, 1 << forwardShift
	blockShift, blockPerStep     = 6, 1 << blockShift
	backPerStep                  = 8
)

// round runs an opRound, as run runs an opSplit.
func (m *machine) round(in *inst, pos int) (int32, int) {
	m.steps--
	i := in.end
	if pos < len(m.text) {
		i = in.tab[m.text[pos]]
	}
	t := &m.prog.targets[int(in.min)+int(i)]
	if t.second == -1 && !m.memo.on {
		return t.first, pos + int(t.skip1)
	}
	return m.firstOf(in, t, pos)
}

// firstOf goes on at the first place of a target that has more, and sees to
// it that they are tried later.
func (m *machine) firstOf(in *inst, t *target, pos int) (int32, int) {
	switch {
	case m.memo.on:
		return m.chooseUntried(in, pos)
	case t.second == manyWays:
		return m.nextWay(in, pos, m.mask(in, pos)), pos
	}
	if t.tab != nil {
		way := t.end
		if pos+1 < len(m.text) {
			way = t.tab[m.text[pos+1]]
		}
		switch way {
		case 0:
			return -1, pos
		case 1:
			return t.first, pos + int(t.skip1)
		case 2:
			return t.second, pos + int(t.skip2)
		}
	}
	m.stack = append(m.stack, frame{frameResume, t.second, int32(pos + int(t.skip2)), 0})
	return t.first, pos + int(t.skip1)
}

// chooseUntried runs a choice with the table of failures.
func (m *machine) chooseUntried(in *inst, pos int) (int32, int) {
	if in.op == opAlt {
		if mask := m.mask(in, pos); mask != 0 && m.mark(in, pos) {
			return m.nextWay(in, pos, mask), pos
		}
		return -1, pos
	}
	way := m.way(in, pos)
	if way == 0 || !m.mark(in, pos) {
		return -1, pos
	}
	switch way {
	case 2:
		return in.alt, pos
	case 3:
		m.stack = append(m.stack, frame{frameResume, in.alt, int32(pos), 0})
	}
	return in.next, pos
}

// mask returns which ways of an opAlt can match, one bit for each.
func (m *machine) mask(in *inst, pos int) uint32 {
	return m.prog.alts[in.slot].masks[m.way(in, pos)]
}

// way returns the entry of the waysTable of an opSplit or opAlt.
func (m *machine) way(in *inst, pos int) uint8 {
	w := &m.prog.ways[in.max]
	if pos < len(m.text) {
		return w.tab[m.text[pos]]
	}
	return w.end
}

// nextWay takes the first of the ways in mask.
func (m *machine) nextWay(in *inst, pos int, mask uint32) int32 {
	if rest := mask & (mask - 1); rest != 0 {
		m.stack = append(m.stack, frame{frameAlt, in.self, int32(pos), int32(rest)})
	}
	return m.prog.alts[in.slot].ways[bits.TrailingZeros32(mask)&(maxWays-1)]
}

// step returns the width of the character at pos if a repeat may take it,
// else 0. pos lies within the text.
func (m *machine) step(in *inst, pos int) int {
	n := in.class.step(m.text, pos)
	if in.lit != "" && hasText(m.text[pos:], in.lit) {
		return 0
	}
	return n
}

// all returns the end of all that a repeat may take from pos to limit.
func (m *machine) all(in *inst, pos, limit int) int {
	end := in.class.span(m.text[:limit], pos)
	if in.lit != "" { // which may stand right here
		m.steps -= (end - pos) >> in.class.stepShift
	}
	return m.beforeGuard(in, pos, end)
}

// beforeGuard returns where the first guard of a repeat begins from pos on,
// end if there is none before it.
func (m *machine) beforeGuard(in *inst, pos, end int) int {
	if in.lit != "" {
		near := min(end+len(in.lit)-1, len(m.text))
		if i := indexText(m.text[pos:near], in.lit); i >= 0 {
			return pos + i
		}
	}
	return end
}

// upTo returns the end of at most n characters that a repeat takes from pos
// on, and how many there are.
func (m *machine) upTo(in *inst, pos, n int) (end, taken int) {
	if in.lit == "" {
		return in.class.spanN(m.text, pos, n)
	}
	for taken < n && pos < len(m.text) {
		w := m.step(in, pos)
		if w == 0 {
			break
		}
		pos += w
		taken++
	}
	return pos, taken
}

func hasText(text []byte, lit string) bool {
	return len(text) >= len(lit) && string(text[:len(lit)]) == lit
}

// indexText returns where lit, which is not empty, first stands in text, -1
// if nowhere.
func indexText(text []byte, lit string) int {
	for from := 0; len(text)-from >= len(lit); from++ {
		i := bytes.IndexByte(text[from:], lit[0])
		if i < 0 {
			return -1
		}
		if from += i; hasText(text[from:], lit) {
			return from
		}
	}
	return -1
}

// least returns where the smallest number of characters that the repeat at
// in asks for ends, -1 if they are not there.
func (m *machine) least(in *inst, pos int) int {
	switch in.min {
	case 0:
		return pos
	case 1:
		if pos >= len(m.text) {
			return -1
		}
		n := m.step(in, pos)
		if n == 0 {
			return -1
		}
		return pos + n
	}
	end, n := m.upTo(in, pos, int(in.min))
	m.steps -= (end - pos) / forwardPerStep
	if n < int(in.min) {
		return -1
	}
	return end
}

// most returns where the largest number of characters ends, given where the
// smallest number does. met says that the table of failures stopped it: from
// hi+1 on nothing leads anywhere.
func (m *machine) most(in *inst, lo int) (hi int, met bool) {
	switch {
	case in.max >= 0:
		hi, _ = m.upTo(in, lo, int(in.max-in.min))
	case m.memo.on:
		hi, met = m.mostUntried(in, lo)
	default:
		hi = m.all(in, lo, len(m.text))
	}
	if in.lit != "" {
		m.steps -= (hi - lo) / forwardPerStep
	} else {
		m.steps -= (hi - lo) >> in.class.stepShift
	}
	return hi, met
}

// span runs an opSpan.
func (m *machine) span(in *inst, pos int) (int32, int) {
	switch {
	case m.memo.on || in.lit != "" && (in.max >= 0 || in.min > 1):
		return m.spanUntried(in, pos)
	case in.max < 0 && in.min <= 1:
		hi := in.class.span(m.text, pos)
		if in.lit != "" {
			m.steps -= (hi - pos) / forwardPerStep
			hi = m.beforeGuard(in, pos, hi)
		}
		m.steps -= (hi - pos) >> in.class.stepShift
		if hi-pos < int(in.min) {
			return -1, pos
		}
		return in.next, hi
	}
	hi, n := in.class.spanN(m.text, pos, int(uint32(in.max)))
	m.steps -= (hi - pos) / forwardPerStep
	if n < int(in.min) {
		return -1, pos
	}
	return in.next, hi
}

// spanUntried runs an opSpan with a guard, or with the table of failures.
func (m *machine) spanUntried(in *inst, pos int) (int32, int) {
	lo := m.least(in, pos)
	if lo < 0 {
		return -1, pos
	}
	hi, met := m.most(in, lo)
	if met {
		if hi >= lo {
			m.setFailed(in, lo, hi)
		}
		return -1, pos
	}
	if m.memo.on && in.max < 0 {
		m.pushFailed(in, lo, hi)
	}
	return in.next, hi
}

// star runs an opStar.
func (m *machine) star(in *inst, pos int) (int32, int) {
	if m.memo.on || in.lit != "" || in.max < 0 && in.min > 1 {
		return m.starUntried(in, pos)
	}
	var hi, n int
	if in.max < 0 {
		hi = in.class.span(m.text, pos)
		n = min(hi-pos, 1)
	} else {
		hi, n = in.class.spanN(m.text, pos, int(in.max))
	}
	m.steps -= (hi - pos) >> in.class.stepShift
	if n < int(in.min) {
		return -1, pos
	}
	switch in.min {
	case 0:
	case 1:
		pos += in.class.step(m.text, pos)
	default:
		pos, _ = in.class.spanN(m.text, pos, int(in.min))
	}
	return m.starFrom(in, pos, hi)
}

// starUntried runs an opStar with limits or a guard, or with the table of
// failures.
func (m *machine) starUntried(in *inst, pos int) (int32, int) {
	lo := m.least(in, pos)
	if lo < 0 || m.memo.on && in.max >= 0 && !m.mark(in, lo) {
		return -1, pos
	}
	hi, _ := m.most(in, lo)
	if m.memo.on && in.max < 0 && hi >= lo {
		m.pushFailed(in, lo, hi)
	}
	return m.starFrom(in, lo, hi)
}

// starFrom goes on after an opStar at the last place from lo to hi where what
// follows can begin.
func (m *machine) starFrom(in *inst, lo, hi int) (int32, int) {
	text, tab, cur := m.text, in.tab, hi
	if cur >= len(text) {
		if cur >= lo && in.end != 0 {
			return m.starAt(in, lo, cur)
		}
		cur--
	}
	if in.alt != 0 {
		cur = m.downTo(in, lo, cur)
	} else {
		for cur >= lo && tab[text[cur]] == 0 {
			cur--
		}
	}
	m.steps -= (hi - cur) / backPerStep
	if cur < lo {
		return -1, lo
	}
	return m.starAt(in, lo, cur)
}

// downTo returns the last place from cur down to lo where what follows the
// repeat can begin by its first two bytes, lo-1 if there is none.
func (m *machine) downTo(in *inst, lo, cur int) int {
	text, tab, s := m.text, in.tab, &m.prog.seconds[in.alt]
	for ; cur >= lo; cur-- {
		b := text[cur]
		if tab[b] == 0 {
			continue
		}
		if b >= utf8.RuneSelf || s.allows(text, cur+1) {
			break
		}
	}
	return cur
}

// allows reports whether the text at pos may come second.
func (s *second) allows(text []byte, pos int) bool {
	if pos < len(text) {
		return s.tab[text[pos]] != 0
	}
	return s.end
}

func (m *machine) starAt(in *inst, lo, cur int) (int32, int) {
	if cur > lo {
		m.stack = append(m.stack, frame{frameStar, in.self, int32(lo), int32(cur - 1)})
	}
	return in.next, cur
}

// lazy runs an opLazy.
func (m *machine) lazy(in *inst, pos int) (int32, int) {
	lo := m.least(in, pos)
	if lo < 0 {
		return -1, pos
	}
	left := in.max
	if left >= 0 {
		left -= in.min
	}
	if m.memo.on && !m.mark(in, lo) {
		return -1, pos
	}
	return m.lazyFrom(in, lo, left)
}

// lazyFrom goes on after an opLazy at the first place from pos on, at most
// left characters ahead, where what follows can begin.
func (m *machine) lazyFrom(in *inst, pos int, left int32) (int32, int) {
	if in.slot != 0 && !m.memo.on {
		return m.lazyText(in, pos)
	}
	text := m.text
	for from := pos; ; left-- {
		if pos >= len(text) {
			m.steps -= (pos - from) / backPerStep
			return lazyEnd(in, pos)
		}
		if b := text[pos]; in.tab[b] != 0 && (in.alt == 0 || b >= utf8.RuneSelf || m.prog.seconds[in.alt].allows(text, pos+1)) {
			m.steps -= (pos - from) / backPerStep
			m.stack = append(m.stack, frame{frameLazy, in.self, int32(pos), left})
			return in.next, pos
		}
		n := m.step(in, pos)
		if n == 0 || left == 0 {
			m.steps -= (pos - from) / backPerStep
			return -1, pos
		}
		pos += n
		if m.memo.on && !m.lazyExtend(in, pos) {
			return -1, pos
		}
	}
}

// lazyText is lazyFrom for an opLazy without limit or guard that a text
// follows.
func (m *machine) lazyText(in *inst, pos int) (int32, int) {
	n := bytes.Index(m.text[pos:], m.prog.texts[in.slot])
	if n < 0 {
		m.steps -= (len(m.text) - pos) / forwardPerStep
		return -1, pos
	}
	m.steps -= n / forwardPerStep
	if end := pos + n; in.class.span(m.text[:end], pos) == end {
		m.stack = append(m.stack, frame{frameLazy, in.self, int32(end), -1})
		return in.next, end
	}
	return -1, pos
}

// lazyEnd goes on after an opLazy that has taken all the text.
func lazyEnd(in *inst, pos int) (int32, int) {
	if in.end != 0 {
		return in.next, pos
	}
	return -1, pos
}

// lazyMore lets an opLazy take one more character and what else it must.
func (m *machine) lazyMore(in *inst, pos int, left int32) (int32, int) {
	n := m.step(in, pos)
	if n == 0 || left == 0 {
		return -1, pos
	}
	if m.memo.on && !m.lazyExtend(in, pos+n) {
		return -1, pos
	}
	return m.lazyFrom(in, pos+n, max(left-1, -1))
}

// loop runs an opLoop.
func (m *machine) loop(in *inst, pos int) (int32, int) {
	m.steps--
	if m.steps < 0 && m.tired() || m.memo.on && !m.mark(in, pos) {
		return -1, pos
	}
	st := m.loops[in.slot]
	if st.rounds < in.min {
		m.setRounds(in.slot, st.rounds+1)
		return in.next, pos
	}
	// A round that would begin where the latest one did has matched nothing.
	if in.max >= 0 && st.rounds >= in.max || int(st.begin) == pos {
		return in.alt, pos
	}
	if in.lazy {
		m.stack = append(m.stack, frame{frameMore, in.self, int32(pos), 0})
		return in.alt, pos
	}
	m.stack = append(m.stack, frame{frameResume, in.alt, int32(pos), 0})
	return m.oneMore(in, pos)
}

// oneMore begins an optional round of the loop at pc.
func (m *machine) oneMore(in *inst, pos int) (int32, int) {
	m.setRounds(in.slot, m.loops[in.slot].rounds+1)
	m.setBegin(in.slot, int32(pos))
	return in.next, pos
}

func (m *machine) setRounds(loop, n int32) {
	m.stack = append(m.stack, frame{frameRounds, loop, m.loops[loop].rounds, 0})
	m.loops[loop].rounds = n
}

func (m *machine) setBegin(loop, pos int32) {
	m.stack = append(m.stack, frame{frameBegin, loop, m.loops[loop].begin, 0})
	m.loops[loop].begin = pos
}

// stepBack returns where the n characters before pos begin, -1 if there are
// not so many.
func stepBack(text []byte, pos, n int) int {
	for ; n > 0; n-- {
		if pos == 0 {
			return -1
		}
		_, w := utf8.DecodeLastRune(text[:pos])
		pos -= w
	}
	return pos
}

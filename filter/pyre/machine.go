package pyre

import (
	"bytes"
	"encoding/binary"
)

// Kinds of frames on the machine's stack. Backing up takes them from the top.
const (
	frameResume  uint32 = iota // go on at pc and a
	frameUndo                  // slot pc was a
	frameAlt                   // the ways in b of the opAlt at pc are left, at a
	frameStar                  // the opStar or opReach at pc may end anywhere from a to b
	frameLazy                  // the opLazy at pc ended at a and may take b more (-1 no limit)
	frameBarrier               // the look-around or atomic group at pc began at a; b was the barrier before
	frameRounds                // loop pc was in round a
	frameBegin                 // loop pc's latest optional round began at a
	frameMore                  // the lazy opLoop at pc may take another round at a
	frameFailed                // all that was tried at pc from position a to b has failed
)

// frame is one entry of the stack.
type frame struct {
	kind uint32
	pc   int32
	a, b int32
}

// loopState is what a counted loop remembers.
type loopState struct {
	rounds int32
	begin  int32 // where the latest optional round began, -1 before it
}

// machine runs a program on a text. It holds everything a search needs, so
// that a search allocates nothing once the machine has grown.
type machine struct {
	prog    *program
	text    []byte // ends where the search ends
	caps    []int
	stack   []frame
	barrier int32 // index of the innermost frameBarrier, -1 outside of one
	loops   []loopState
	steps   int // left before asking tired
	more    int // left after that, before giving up
	from    int // where the search began
	spent   bool
	dirty   bool // a slot was set with no frame to undo it
	memo    memo
	lasts   []lastPlace // by index of the program's texts

	searches uint64 // begun so far
}

// run tries to match from pc and pos on. It reports whether it did; then
// slot 1 holds the end. It is long since a call takes as long as an instruction.
func (m *machine) run(pc int32, pos int) bool {
	text, insts, targets := m.text, m.prog.insts, m.prog.targets
	for {
		in := &insts[pc]
		pc = -1
		switch in.op {
		case opByte:
			if pos < len(text) && text[pos] == in.b {
				pos++
				pc = in.next
				continue
			}
		case opWord:
			if len(text)-pos >= wordWidth {
				pc = in.afterWord(binary.LittleEndian.Uint64(text[pos:]))
			} else {
				pc = in.afterText(text[pos:])
			}
			pos += int(in.slot)
		case opString:
			pc = in.afterText(text[pos:])
			pos += len(in.lit)
		case opSplit, opAlt:
			i := in.end
			if pos < len(text) {
				i = in.tab[text[pos]]
			}
			if t := &targets[int(in.min)+int(i)]; t.second == -1 && !m.memo.on {
				pc, pos = t.first, pos+int(t.skip1)
			} else {
				pc, pos = m.firstOf(in, t, pos)
			}
		case opUntil:
			if m.memo.on {
				pc, pos = m.spanUntried(in, pos)
			} else if n := bytes.IndexByte(text[pos:], in.b); n < 0 {
				pc, pos = m.span(in, pos)
			} else if m.steps -= n >> blockShift; n >= int(in.min) {
				pos += n
				pc = in.next
				continue
			}
		case opTriple:
			if m.memo.on {
				pc, pos = m.spanUntried(in, pos)
			} else if n := in.class.three(text, pos); n < 0 {
				pc, pos = m.span(in, pos)
			} else if n >= int(in.min) {
				pos += n
				pc = in.next
				continue
			}
		case opRun:
			if m.memo.on {
				pc, pos = m.spanUntried(in, pos)
			} else if n := in.class.run(text, pos); n < 0 {
				pc, pos = m.span(in, pos)
			} else if m.steps -= n >> forwardShift; n >= int(in.min) {
				pos += n
				pc = in.next
				continue
			}
		case opSpan:
			pc, pos = m.span(in, pos)
		case opStar:
			pc, pos = m.star(in, pos)
		case opSave:
			if len(m.stack) > 0 {
				m.stack = append(m.stack, frame{frameUndo, in.slot, int32(m.caps[in.slot]), 0})
			} else {
				m.dirty = true
			}
			m.caps[in.slot] = pos
			pc = in.next
			continue
		case opOption:
			if pos < len(text) {
				pos += in.class.step(text, pos)
			}
			pc = in.next
			continue
		case opFinalBreak:
			if pos == len(text) || pos == len(text)-1 && text[pos] == '\n' {
				pc = in.next
				continue
			}
		case opMatch:
			m.caps[1] = pos
			return true
		default:
			pc, pos = m.other(in, pos)
		}
		if pc >= 0 {
			continue
		}
		if pc, pos = m.backUp(); pc < 0 {
			return false
		}
	}
}

// wordWidth is how many bytes of text an opWord can have.
const wordWidth = 8

// afterWord returns next if w, the bytes that come, begins with the text of an
// opWord, else -1.
func (in *inst) afterWord(w uint64) int32 {
	if (w^uint64(uint32(in.min))^uint64(uint32(in.max))<<32)<<in.end == 0 {
		return in.next
	}
	return -1
}

// afterText returns next if text begins with lit, else -1.
func (in *inst) afterText(text []byte) int32 {
	if hasText(text, in.lit) {
		return in.next
	}
	return -1
}

// makeWord turns an opString into an opWord if it is short enough.
func (in *inst) makeWord() {
	if in.op != opString || len(in.lit) > wordWidth {
		return
	}
	var b [wordWidth]byte
	copy(b[:], in.lit)
	in.op, in.slot, in.end = opWord, int32(len(in.lit)), uint8(8*(wordWidth-len(in.lit)))
	in.min, in.max = int32(binary.LittleEndian.Uint32(b[:])), int32(binary.LittleEndian.Uint32(b[4:]))
}

// makeRun turns an opSpan into one of its simple kinds if it is one.
func (in *inst) makeRun() {
	switch {
	case in.op != opSpan || in.lit != "":
	case in.max == 3:
		in.op = opTriple
	case in.max >= 0 || in.min > 1:
	case in.class.stop >= 0:
		in.op, in.b = opUntil, byte(in.class.stop)
	default:
		in.op = opRun
	}
}

// backUp goes back to the latest choice and returns where to go on, -1 if
// there is none left.
func (m *machine) backUp() (int32, int) {
	m.steps--
	if m.steps < 0 && m.tired() {
		m.stack = m.stack[:0]
		return -1, 0
	}
	for n := len(m.stack) - 1; n >= 0; n = len(m.stack) - 1 {
		f := &m.stack[n]
		m.stack = m.stack[:n]
		switch f.kind {
		case frameUndo:
			m.caps[f.pc] = int(f.a)
		case frameResume:
			return f.pc, int(f.a)
		case frameRounds:
			m.loops[f.pc].rounds = f.a
		case frameBegin:
			m.loops[f.pc].begin = f.a
		default:
			if pc, pos := m.again(*f); pc >= 0 {
				return pc, pos
			}
		}
	}
	return -1, 0
}

// again goes on from a frame of an instruction that has more ways, -1 if it
// has none after all.
func (m *machine) again(f frame) (int32, int) {
	in, pos := &m.prog.insts[f.pc], int(f.a)
	switch f.kind {
	case frameStar:
		return m.starFrom(in, pos, int(f.b))
	case frameAlt:
		return m.nextWay(in, pos, uint32(f.b)), pos
	case frameLazy:
		return m.lazyMore(in, pos, f.b)
	case frameMore:
		return m.oneMore(in, pos)
	case frameFailed:
		m.setFailed(in, pos, int(f.b))
	case frameBarrier:
		m.barrier = f.b
		if in.negate {
			return in.alt, pos
		}
	}
	return -1, pos
}

// other runs the instructions that run does not.
func (m *machine) other(in *inst, pos int) (int32, int) {
	switch in.op {
	case opRound:
		return m.round(in, pos)
	case opClass:
		if pos < len(m.text) {
			if n := in.class.step(m.text, pos); n > 0 {
				return in.next, pos + n
			}
		}
		return -1, pos
	case opReach:
		return m.reach(in, pos)
	case opLazy:
		return m.lazy(in, pos)
	case opFold:
		if n := foldedLen(m.text[pos:], in.lit); n >= 0 {
			return in.next, pos + n
		}
		return -1, pos
	case opLook, opAtomic:
		return m.enter(in, pos)
	case opEndLook:
		return m.leaveLook()
	case opEndAtomic:
		return m.leaveAtomic(pos)
	case opBackref:
		return m.backref(in, pos)
	case opCond:
		if m.isSet(in.slot) {
			return in.next, pos
		}
		return in.alt, pos
	case opNeed:
		m.steps -= (len(m.text) - pos) / backPerStep
		if indexText(m.text[pos:], in.lit) < 0 {
			return -1, pos
		}
		return in.next, pos
	case opLoopInit:
		m.setRounds(in.slot, 0)
		m.setBegin(in.slot, -1)
		return in.next, pos
	case opLoop:
		return m.loop(in, pos)
	}
	if m.holds(in, pos) {
		return in.next, pos
	}
	return -1, pos
}

package pyre

import "math"

// A search may take so many steps, and so many more for each byte of the
// text, before it goes on with the table of failures, and again with it
// before it is given up. A step takes about 5 ns.
const (
	quickSteps, quickStepsPerByte = 8 << 10, 4
	tableSteps, tableStepsPerByte = 1 << 19, 28
)

// firstSteps is how many steps a search takes before it makes sure that the
// text has in it what every match has: most searches need fewer.
const firstSteps = 32

// maxText is how long a text can be.
const maxText = math.MaxInt32 - 1

// find is Regexp.Search once the text is not ruled out at first sight.
func (m *machine) find(p *program, caps []int, text []byte, pos int) (bool, error) {
	if len(text) > maxText {
		return false, ErrBudget
	}
	m.use(p)
	m.text, m.caps = text, caps
	m.reset()
	found, err := m.search(pos, quickSteps+quickStepsPerByte*len(text))
	m.release()
	return found, err
}

// search finds the first match from pos on, in up to quick steps without the
// table of failures. The error is ErrBudget or nil.
func (m *machine) search(pos, quick int) (bool, error) {
	p, text := m.prog, m.text
	m.memo.on = false
	m.searches++
	m.steps, m.more, m.from = min(quick, firstSteps), max(quick-firstSteps, 0), pos
	for {
		pos = p.candidate(text, pos)
		if pos < 0 {
			return false, nil
		}
		if m.try(pos) {
			return true, nil
		}
		if m.spent {
			if m.more < 0 {
				return false, nil
			}
			if m.memo.on || !m.memo.start(p, len(text)) {
				return false, ErrBudget
			}
			m.steps, m.more = tableSteps+tableStepsPerByte*len(text), 0
			continue
		}
		if p.anchored {
			return false, nil
		}
		if p.skip != nil {
			pos = p.skip.span(text, pos)
		}
		pos++
	}
}

// tired reports whether a search must stop: because it has used up its steps,
// or (more is then hopeless) because nothing will match.
func (m *machine) tired() bool {
	if m.more > 0 {
		m.steps, m.more = m.steps+m.more, 0
		if m.steps >= 0 && m.prog.hasRequired(m.text, m.from) {
			return false
		}
		if m.steps >= 0 {
			m.more = hopeless
		}
	}
	m.spent = true
	return true
}

// hopeless is what machine.more is once no match is possible.
const hopeless = -1

// try looks for a match that begins at pos.
func (m *machine) try(pos int) bool {
	m.stack = m.stack[:0]
	m.barrier = -1
	m.spent = false
	m.caps[0] = pos
	if m.run(m.prog.start, pos) {
		return true
	}
	if m.dirty || m.spent {
		m.reset()
	}
	return false
}

// reset makes all groups unset.
func (m *machine) reset() {
	for i := range m.caps {
		m.caps[i] = -1
	}
	m.dirty = false
}

// maxStack is how many frames a machine keeps for its next search.
const maxStack = 1 << 12

// smallStack is how many frames a machine begins with.
const smallStack = 64

// use makes the machine ready for a program.
func (m *machine) use(p *program) {
	m.prog = p
	if m.stack == nil {
		m.stack = make([]frame, 0, smallStack)
	}
	if len(m.loops) < p.loops {
		m.loops = make([]loopState, p.loops)
	}
}

// release lets go of the text and of memory that an unusual search took.
func (m *machine) release() {
	m.text, m.caps = nil, nil
	if cap(m.stack) > maxStack {
		m.stack = make([]frame, 0, smallStack)
	}
	if m.memo.on {
		m.memo.stop()
	}
}

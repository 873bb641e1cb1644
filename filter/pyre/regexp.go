package pyre

import (
	"bytes"
	"sync"
)

// Regexp is a compiled pattern. It is safe for use by several goroutines.
type Regexp struct {
	pattern string
	tree    *tree
	prog    *program
	pool    sync.Pool // of *machine
}

// Compile reads a pattern of Python's re module (3.11). An error is always an
// *Error with Python's text.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	t, err := parse(pattern, flags)
	if err != nil {
		return nil, err
	}
	re := &Regexp{pattern: pattern, tree: t, prog: compile(t)}
	re.pool.New = func() any { return newMachine(re.prog) }
	return re, nil
}

// Search finds the first match at or after pos, as Python's
// pattern.search(text, pos, end): the text is taken to end at end, while ^,
// \b and look-behind see what lies before pos. pos and end are byte offsets
// into text, which must be valid UTF-8; end is cut to len(text), and pos
// after end finds nothing.
//
// The result holds the byte offsets of the start and end of each group, the
// whole match first, -1 for a group that did not take part. It is stored in
// caps if that is large enough, and means nothing unless a match was found.
// The error is ErrBudget or nil.
func (re *Regexp) Search(caps []int, text []byte, pos, end int) ([]int, bool, error) {
	p := re.prog
	if cap(caps) < p.slots {
		caps = make([]int, p.slots)
	}
	caps = caps[:p.slots]
	pos, end = max(pos, 0), min(end, len(text))
	if pos > end || p.anchored && pos > 0 {
		return caps, false, nil
	}
	if len(p.required) > 0 && !bytes.Contains(text[pos:end], p.required) {
		return caps, false, nil
	}
	if end > maxText {
		return caps, false, ErrBudget
	}
	m := re.pool.Get().(*machine)
	m.text, m.caps = text[:end], caps
	m.reset()
	found, err := m.search(pos, quickSteps+quickStepsPerByte*end)
	m.release()
	re.pool.Put(m)
	return caps, found, err
}

// NumGroups returns how many capturing groups the pattern has.
func (re *Regexp) NumGroups() int { return len(re.tree.names) - 1 }

// GroupNames returns the name of each group by number, "" for those without
// one and for the whole match at index 0. The caller must not change it.
func (re *Regexp) GroupNames() []string { return re.tree.names }

// GroupIndex returns the number of a named group, -1 if there is none.
func (re *Regexp) GroupIndex(name string) int {
	for i, n := range re.tree.names {
		if n == name && i > 0 && name != "" {
			return i
		}
	}
	return -1
}

// String returns the pattern as it was given.
func (re *Regexp) String() string { return re.pattern }

package pyre

import (
	"sync"
	"sync/atomic"
	"weak"
)

// Regexp is a compiled pattern. It is safe for use by several goroutines.
type Regexp struct {
	pattern string
	flags   Flags
	names   []string
	tree    atomic.Pointer[weak.Pointer[tree]]
	facts   atomic.Pointer[facts]   // found out when they are first asked for
	prog    atomic.Pointer[program] // made for the first text that they do not rule out
	pool    sync.Pool               // of *Scratch
}

// Compile reads a pattern of Python's re module (3.11). An error is always an
// *Error with Python's text.
//
// What matching needs is made when it is first needed: a pattern that is only
// kept takes little more memory than its text.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	t, err := parse(pattern, flags)
	if err != nil {
		return nil, err
	}
	re := &Regexp{pattern: pattern, flags: flags, names: t.names}
	re.keep(t)
	re.pool.New = func() any { return new(Scratch) }
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
	caps, text, pos = re.prepare(caps, text, pos, end)
	if pos < 0 {
		return caps, false, nil
	}
	s := re.pool.Get().(*Scratch)
	found, err := s.m.find(re.program(), caps, text, pos)
	re.pool.Put(s)
	return caps, found, err
}

// Scratch is the memory that searches work in. The zero value is ready; one
// Scratch serves any number of patterns, but one search at a time.
type Scratch struct{ m machine }

// SearchWith is Search in memory that the caller keeps, which saves some 15 ns
// where a text is not ruled out at first sight.
func (re *Regexp) SearchWith(s *Scratch, caps []int, text []byte, pos, end int) ([]int, bool, error) {
	caps, text, pos = re.prepare(caps, text, pos, end)
	if pos < 0 {
		return caps, false, nil
	}
	found, err := s.m.find(re.program(), caps, text, pos)
	return caps, found, err
}

// prepare returns caps of the right length, the text up to end, and pos, -1
// if no match is possible.
func (re *Regexp) prepare(caps []int, text []byte, pos, end int) ([]int, []byte, int) {
	slots := 2 * len(re.names)
	if cap(caps) < slots {
		caps = make([]int, slots)
	}
	pos, end = max(pos, 0), min(end, len(text))
	if pos > end || !re.known().possible(text[:end], pos) {
		return caps[:slots], nil, -1
	}
	return caps[:slots], text[:end], pos
}

// Anchored reports whether a match can begin at the start of the text only.
func (re *Regexp) Anchored() bool { return re.known().anchored }

// FirstBytes returns the bytes that can come first in a match, or after it if
// it is empty. atEnd reports whether an empty match at the end of the text is
// possible.
func (re *Regexp) FirstBytes() (set ByteSet, atEnd bool) {
	f := re.known().first
	return f.bytes, f.end
}

// Literals returns sets of texts: for each set, every match contains at least
// one of its texts, byte for byte, and behind it one of each set that follows.
// There may be none. The caller must not change them.
func (re *Regexp) Literals() [][]string { return re.known().literals }

// NumGroups returns how many capturing groups the pattern has.
func (re *Regexp) NumGroups() int { return len(re.names) - 1 }

// GroupNames returns the name of each group by number, "" for those without
// one and for the whole match at index 0. The caller must not change it.
func (re *Regexp) GroupNames() []string { return re.names }

// GroupIndex returns the number of a named group, -1 if there is none.
func (re *Regexp) GroupIndex(name string) int {
	for i, n := range re.names {
		if n == name && i > 0 && name != "" {
			return i
		}
	}
	return -1
}

// known returns the facts about the pattern.
func (re *Regexp) known() *facts {
	f := re.facts.Load()
	if f == nil {
		f = factsOf(re.syntax())
		re.facts.Store(f)
	}
	return f
}

// program returns what matching needs.
func (re *Regexp) program() *program {
	p := re.prog.Load()
	if p == nil {
		p = compile(re.syntax(), re.known())
		re.prog.Store(p)
	}
	return p
}

// syntax returns the tree of the pattern. It is read anew if it is no longer
// in memory, of which it takes more than all the rest: matching does without.
func (re *Regexp) syntax() *tree {
	if t := re.tree.Load().Value(); t != nil {
		return t
	}
	t, err := parse(re.pattern, re.flags)
	if err != nil {
		t = &tree{root: &node{kind: nodeEmpty}, names: []string{""}, spans: []span{{}}}
	}
	re.keep(t)
	return t
}

// keep keeps a tree for as long as memory is not needed.
func (re *Regexp) keep(t *tree) {
	p := weak.Make(t)
	re.tree.Store(&p)
}

// String returns the pattern as it was given.
func (re *Regexp) String() string { return re.pattern }

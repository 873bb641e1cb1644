package pyre

// Regexp is a compiled pattern. It is safe for use by several goroutines.
type Regexp struct {
	pattern string
	tree    *tree
	oracle  *oracle
}

// Compile reads a pattern of Python's re module (3.11). An error is always an
// *Error with Python's text.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	t, err := parse(pattern, flags)
	if err != nil {
		return nil, err
	}
	o, err := newOracle(t)
	if err != nil {
		return nil, &Error{Msg: err.Error(), Pattern: pattern, Pos: -1}
	}
	return &Regexp{pattern: pattern, tree: t, oracle: o}, nil
}

// Search finds the first match at or after pos, as Python's
// pattern.search(text, pos, end): the text is taken to end at end, while ^,
// \b and look-behind see what lies before pos. pos and end are byte offsets
// into text, which must be valid UTF-8; end is cut to len(text), and pos
// after end finds nothing.
//
// The result holds the byte offsets of the start and end of each group, the
// whole match first, -1 for a group that did not take part. It is stored in
// caps if that is large enough. The error is ErrBudget or nil.
func (re *Regexp) Search(caps []int, text []byte, pos, end int) ([]int, bool, error) {
	n := 2 * len(re.tree.names)
	if cap(caps) < n {
		caps = make([]int, n)
	}
	caps = caps[:n]
	pos, end = max(pos, 0), min(end, len(text))
	if pos > end {
		return caps, false, nil
	}
	return re.oracle.search(caps, text, pos, end)
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

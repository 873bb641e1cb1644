package pyre

import "bytes"

// facts are what all matches of a pattern have in common. They are known from
// its tree, and rule out most texts before there is a program.
type facts struct {
	anchored bool       // matches at the start of the text only
	ofLine   bool       // matches at the start of a line only
	first    first      // how a match begins
	prefix   []byte     // text that every match begins with
	literals [][]string // of each set, one is in every match
	required []byte     // text that every match contains, "" if unknown
}

func factsOf(t *tree) *facts {
	root := t.simple()
	prefix := prefixOf(root)
	f := &facts{
		anchored: anchored(root),
		ofLine:   startsLine(root),
		first:    firstOf(root, anything()),
		prefix:   []byte(prefix),
		literals: literalSets(root),
	}
	f.required = []byte(requiredText(f.literals, prefix))
	return f
}

// possible makes the cheap tests that rule out most texts.
func (f *facts) possible(text []byte, pos int) bool {
	switch {
	case !f.anchored:
		return f.hasRequired(text, pos)
	case pos > 0:
		return false
	case len(text) == 0:
		return f.first.end
	}
	return f.first.bytes.Has(text[0])
}

// hasRequired reports whether the text has what every match has in it.
func (f *facts) hasRequired(text []byte, pos int) bool {
	return len(f.required) == 0 || bytes.Contains(text[pos:], f.required)
}

// candidate returns the first place from pos on where a match may begin, -1
// if there is none.
func (f *facts) candidate(text []byte, pos int) int {
	switch {
	case pos > len(text):
		return -1
	case f.anchored:
		if pos > 0 {
			return -1
		}
		return 0
	case f.ofLine:
		return f.lineStart(text, pos)
	case len(f.prefix) > 0:
		i := bytes.Index(text[pos:], f.prefix)
		if i < 0 {
			return -1
		}
		return pos + i
	}
	for ; pos < len(text); pos++ {
		if f.first.bytes.Has(text[pos]) {
			return pos
		}
	}
	if f.first.end {
		return pos
	}
	return -1
}

// lineStart returns the first start of a line from pos on where a match may begin,
// -1 if there is none.
func (f *facts) lineStart(text []byte, pos int) int {
	for {
		if pos == 0 || text[pos-1] == '\n' {
			if pos == len(text) && f.first.end || pos < len(text) && f.first.bytes.Has(text[pos]) {
				return pos
			}
		}
		i := bytes.IndexByte(text[pos:], '\n')
		if i < 0 {
			return -1
		}
		pos += i + 1
	}
}

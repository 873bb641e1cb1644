package pyre

import (
	"slices"
	"testing"
)

// TestSearchEqualsPython compares the table of behaviours with Python.
func TestSearchEqualsPython(t *testing.T) {
	py, ok := newPeer(t)
	if !ok {
		return
	}
	for _, c := range searchCases {
		re, err := Compile(c.pattern, c.flags)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		r := py.search(request{P: c.pattern, Flags: pythonFlags(c.flags), Texts: c.texts})
		for i, text := range c.texts {
			caps, found, err := re.Search(nil, []byte(text), 0, len(text))
			if err != nil {
				t.Errorf("%q on %q: %v", c.pattern, text, err)
			}
			if !found {
				caps = nil
			}
			if !slices.Equal(caps, r.Matches[i]) {
				t.Errorf("%q on %q: %v, Python %v", c.pattern, text, caps, r.Matches[i])
			}
		}
	}
}

var searchCases = []struct {
	pattern string
	flags   Flags
	texts   []string
}{
	{`^(?P<a>\w+) (\d+)(?P<b>x)?$`, 0, []string{"foo 12\n", "é٣ 5x", "foo 12\n\n", ""}},
	{`\bfoo\b|\B-\B`, 0, []string{"a foo", "xfoo", "é-é", "-", " - "}},
	{`\B`, 0, []string{"", "a", " ", "ab"}},
	{`(a|)*b`, 0, []string{"aab", "b", "aa"}},
	{`(?:(a)|b)*(?(1)c|d)`, 0, []string{"abc", "bd", "ad"}},
	{`(?i)straße[k-s]`, 0, []string{"STRAßEK", "straẞeſ", "STRASSEK"}},
	{`(?i)(k)\1`, 0, []string{"kK", "Kk"}},
	{`(?m)^a$`, 0, []string{"b\na\nc", "a"}},
	{`a{,2}b{2,}c{0}`, 0, []string{"aaabbb", "bb"}},
	{`(?<=é)x(?<!ax)`, 0, []string{"éx", "ax"}},
	{`(?>a+)ab|a++c`, 0, []string{"aaab", "aac"}},
	{`.`, DotAll, []string{"\n"}},
	{`[^a]`, IgnoreCase, []string{"aAb", "aA"}},
}

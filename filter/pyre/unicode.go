package pyre

import (
	"slices"
	"sync"
	"unicode"
)

// Python 3.11 knows Unicode 14, Go's unicode package a later one. These
// letters and digits were added since; for Python they are unassigned.
// (unicode.org, DerivedAge.txt; the test compares every character.)
var addedSinceUnicode14 = []runeRange{
	{0x1123F, 0x11240}, {0x11F02, 0x11F02}, {0x11F04, 0x11F10}, {0x11F12, 0x11F33},
	{0x11F50, 0x11F59}, {0x1342F, 0x1342F}, {0x13441, 0x13446}, {0x1B132, 0x1B132},
	{0x1B155, 0x1B155}, {0x1D2C0, 0x1D2D3}, {0x1DF25, 0x1DF2A}, {0x1E030, 0x1E06D},
	{0x1E4D0, 0x1E4EB}, {0x1E4F0, 0x1E4F9}, {0x2B739, 0x2B739}, {0x31350, 0x323AF},
}

// classes are the sets behind \d, \s, \w and their opposites.
type classes struct {
	digit, space, word          *runeSet
	noDigit, noSpace, noWord    *runeSet
	any, anyButNewline, newline *runeSet
}

func newClasses(digit, space, word []runeRange) *classes {
	c := &classes{digit: newRuneSet(digit), space: newRuneSet(space), word: newRuneSet(word)}
	c.noDigit, c.noSpace, c.noWord = c.digit.negate(), c.space.negate(), c.word.negate()
	c.newline = singleRune('\n')
	c.anyButNewline = c.newline.negate()
	c.any = &runeSet{[]runeRange{{0, unicode.MaxRune}}}
	return c
}

// byLetter returns the class of \d, \D, \s, \S, \w or \W, else nil.
func (c *classes) byLetter(r rune) *runeSet {
	switch r {
	case 'd':
		return c.digit
	case 'D':
		return c.noDigit
	case 's':
		return c.space
	case 'S':
		return c.noSpace
	case 'w':
		return c.word
	case 'W':
		return c.noWord
	}
	return nil
}

// asciiClasses are the classes under the flag ASCII.
var asciiClasses = sync.OnceValue(func() *classes {
	return newClasses(
		[]runeRange{{'0', '9'}},
		[]runeRange{{'\t', '\r'}, {' ', ' '}},
		[]runeRange{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
	)
})

// unicodeClasses are Python's: str.isdecimal for \d, str.isspace for \s,
// str.isalnum and the underscore for \w. isspace takes the four separators
// 0x1c to 0x1f too, which Unicode's White_Space lacks.
var unicodeClasses = sync.OnceValue(func() *classes {
	return newClasses(
		without(fromTables(unicode.Nd), addedSinceUnicode14),
		append(fromTables(unicode.White_Space), runeRange{0x1c, 0x1f}),
		without(append(fromTables(unicode.L, unicode.N), runeRange{'_', '_'}), addedSinceUnicode14),
	)
})

func classesFor(f Flags) *classes {
	if f&ASCII != 0 {
		return asciiClasses()
	}
	return unicodeClasses()
}

// without returns the characters of a that are not in b.
func without(a, b []runeRange) []runeRange {
	outside := newRuneSet(a).negate().ranges
	return newRuneSet(append(slices.Clone(outside), b...)).negate().ranges
}

// foldTable tells which characters match which under IgnoreCase.
type foldTable struct {
	cased  []rune          // every character that matches another one, in order
	equals map[rune][]rune // all characters that match it, itself among them
}

// sameFullUpper are lower-case characters whose upper cases are the same text
// of several characters, which the simple mappings do not show.
var sameFullUpper = [][2]rune{{0x0390, 0x1FD3}, {0x03B0, 0x1FE3}, {0xFB05, 0xFB06}}

// unicodeFold follows Python: two characters match if their lower case is
// the same, or if their lower cases have the same upper case. Only simple
// one-to-one mappings count.
var unicodeFold = sync.OnceValue(func() *foldTable {
	byLower := map[rune][]rune{}
	lowersOf := map[rune][]rune{} // upper case to the lower cases that have it
	var lowers []rune
	for _, cr := range unicode.CaseRanges {
		for r := rune(cr.Lo); r <= rune(cr.Hi); r++ {
			lo := unicode.ToLower(r)
			for _, x := range []rune{r, lo} {
				if !slices.Contains(byLower[lo], x) {
					byLower[lo] = append(byLower[lo], x)
				}
			}
			if up := unicode.ToUpper(lo); !slices.Contains(lowersOf[up], lo) {
				lowersOf[up] = append(lowersOf[up], lo)
				lowers = append(lowers, lo)
			}
		}
	}
	for _, pair := range sameFullUpper {
		a, b := unicode.ToUpper(pair[0]), pair[1]
		lowersOf[a] = []rune{pair[0], b}
		lowersOf[b] = lowersOf[a]
		byLower[pair[0]], byLower[b] = []rune{pair[0]}, []rune{b}
		lowers = append(lowers, pair[0], b)
	}
	t := &foldTable{equals: map[rune][]rune{}}
	for _, lo := range lowers {
		var all []rune
		for _, x := range lowersOf[unicode.ToUpper(lo)] {
			all = append(all, byLower[x]...)
		}
		if len(all) < 2 {
			continue
		}
		for _, x := range byLower[lo] {
			t.equals[x] = all
			t.cased = append(t.cased, x)
		}
	}
	slices.Sort(t.cased)
	return t
})

// asciiFold is the table under the flag ASCII.
var asciiFold = sync.OnceValue(func() *foldTable {
	t := &foldTable{equals: map[rune][]rune{}}
	for r := 'A'; r <= 'Z'; r++ {
		pair := []rune{r, r + 'a' - 'A'}
		t.equals[pair[0]], t.equals[pair[1]] = pair, pair
	}
	for r := 'A'; r <= 'z'; r++ {
		if t.equals[r] != nil {
			t.cased = append(t.cased, r)
		}
	}
	return t
})

func foldFor(f Flags) *foldTable {
	if f&ASCII != 0 {
		return asciiFold()
	}
	return unicodeFold()
}

// close adds to the ranges every character that matches one in them.
func (t *foldTable) close(ranges []runeRange) []runeRange {
	out := slices.Clone(ranges)
	for _, rg := range ranges {
		i, _ := slices.BinarySearch(t.cased, rg.lo)
		for ; i < len(t.cased) && t.cased[i] <= rg.hi; i++ {
			for _, x := range t.equals[t.cased[i]] {
				out = append(out, runeRange{x, x})
			}
		}
	}
	return out
}

// lowerRune is how a back-reference under IgnoreCase compares characters.
func lowerRune(r rune, ascii bool) rune {
	if r < 0x80 || ascii {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}

// foldHigh returns the characters beyond ASCII that match an ASCII letter,
// given in lower case, under IgnoreCase: only i, k and s have such.
func foldHigh(letter byte) []rune {
	switch letter {
	case 'i':
		return []rune{0x130, 0x131}
	case 'k':
		return []rune{0x212A}
	case 's':
		return []rune{0x17F}
	}
	return nil
}

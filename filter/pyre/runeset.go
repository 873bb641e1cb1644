package pyre

import (
	"cmp"
	"slices"
	"sort"
	"unicode"
)

// runeRange is the characters from lo to hi, both included.
type runeRange struct{ lo, hi rune }

// runeSet is a set of characters: ranges in order that neither overlap nor
// touch. It is never changed once built.
type runeSet struct{ ranges []runeRange }

func newRuneSet(ranges []runeRange) *runeSet {
	slices.SortFunc(ranges, func(a, b runeRange) int { return cmp.Compare(a.lo, b.lo) })
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return &runeSet{out}
}

func singleRune(r rune) *runeSet { return &runeSet{[]runeRange{{r, r}}} }

func (s *runeSet) contains(r rune) bool {
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].hi >= r })
	return i < len(s.ranges) && s.ranges[i].lo <= r
}

func (s *runeSet) negate() *runeSet {
	var out []runeRange
	next := rune(0)
	for _, r := range s.ranges {
		if r.lo > next {
			out = append(out, runeRange{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, runeRange{next, unicode.MaxRune})
	}
	return &runeSet{out}
}

// overlaps reports whether a and b have a character in common.
func (s *runeSet) overlaps(b *runeSet) bool {
	i, j := 0, 0
	for i < len(s.ranges) && j < len(b.ranges) {
		x, y := s.ranges[i], b.ranges[j]
		switch {
		case x.hi < y.lo:
			i++
		case y.hi < x.lo:
			j++
		default:
			return true
		}
	}
	return false
}

func (s *runeSet) equal(b *runeSet) bool { return slices.Equal(s.ranges, b.ranges) }

// fromTables lists the ranges of Unicode tables.
func fromTables(tables ...*unicode.RangeTable) []runeRange {
	var out []runeRange
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, runeRange{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, runeRange{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out
}

package pyre

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStockPatternsEqualRegexp2 tries every stock pattern with regexp2, which
// gets it written in .NET's syntax from the same tree.
func TestStockPatternsEqualRegexp2(t *testing.T) {
	patterns := stockPatterns(t)
	r := rand.New(rand.NewPCG(*fuzzSeed, 3))
	lines := sampleLines(t)
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	lines = lines[:min(*stockLines/10, len(lines))]
	for _, line := range slices.Clone(lines) {
		lines = append(lines, disturb(r, line))
	}
	for _, p := range patterns {
		re, err := Compile(p.Pattern, p.flags())
		if err != nil {
			t.Fatal(err)
		}
		compareWithRegexp2(t, re, lines)
	}
}

// compareWithRegexp2 compares our answers with regexp2's.
func compareWithRegexp2(t *testing.T, re *Regexp, lines []string) {
	t.Helper()
	o, err := newOracle(re.syntax())
	if err != nil {
		t.Errorf("%q: %v", re, err)
		return
	}
	for _, line := range lines {
		text := []byte(line)
		want, matched, wantErr := o.search(make([]int, re.program().slots), text, 0, len(text))
		got, found, err := re.Search(nil, text, 0, len(text))
		if wantErr != nil || err != nil {
			continue
		}
		if found != matched || found && !slices.Equal(got, want) {
			t.Errorf("%q on %q: %v %v, regexp2 %v %v", re, line, found, got, matched, want)
		}
	}
}

// TestGeneratedEqualsRegexp2 is TestGeneratedEqualsPython with regexp2, which
// is there on machines without Python.
func TestGeneratedEqualsRegexp2(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(*fuzzSeed, 4))}
	for range *fuzzPairs / 10 {
		pattern := possessiveForPython.Replace(g.pattern())
		re, err := Compile(pattern, 0)
		if err != nil {
			continue
		}
		var texts []string
		for range 10 {
			texts = append(texts, g.text())
		}
		compareWithRegexp2(t, re, texts)
	}
}

package pyre

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// evil can take exponential time in a matcher that keeps no record of
// failures; good cannot, though some of them take a power of the length.
var (
	evil = []string{
		`(a+)+$`, `^(a+)+b`, `([a-zA-Z]+)*$`, `(a|aa)+$`, `(a|a)*b`, `(.*a){3}b|(?:x*)*y`, `^(?:a*)*b`, `^(?:a?b?)*c`, `(\w+\s?)*:`, `^(?:\S+\s*)+$`,
		`^Disconnected(?:: (?:[^(]+))* \(`, `^(?:(?:[^\[]+ )*\[)*x`, `(?:a|b|ab)*c`, `(?:[^"]|\\.)*"`, `(?i)(?:k|K)*x`, `((a*)*)*b`, `^(?:.*,)*$`,
		`(?:(?:a|ab)(?:c|bcd)(?:d*))*$`, `(?:é|\w)+:`, `(?:a{1,3}){2,}b`, `(?:x+x+)+y`, `(?=(a+)+b)a`, `(?:(?P<u>\S+ )*)* from`, `(?:a*?)*?b`, `(a?){30}b{30}c*(?:d+)+e`, `^(([a-z])+.)+[A-Z]([a-z])+$`,
	}
	good = []string{
		`a+b`, `^(?:ab)+c`, `^.*a.*b.*c$`, `(?:a|b)*c`, `(?:[^"\\]|\\.)*"`, `^(?:\d{1,3}\.){3}\d{1,3}$`, `^(?:\w+ )*x`, `(?:\[[^\]]*\])*x`, `^\S+ \S+ \S+$`, `(?>a+)+b`, `(?:a++)+b`,
		`(?:(?:[0-9a-f]{1,4}::?|::){1,7}(?:[0-9a-f]{1,4}|:))`, `(?:,\w+="[^"]*")*$`, `a{1,1000}b`, `(a)(b)?\1*c`, `(?:a(?!b))*c`, `.*?.*?.*?x`, `(?:ab|cd)*?e`, ``, `(?:a|b(?:c|d)*)*e`, `(?:é|è)+:`,
	}
)

// TestExponentialNamesEvilPatterns: what check says of a pattern.
func TestExponentialNamesEvilPatterns(t *testing.T) {
	for want, patterns := range map[bool][]string{true: evil, false: good} {
		for _, pattern := range patterns {
			re, err := Compile(pattern, 0)
			if err != nil {
				t.Fatal(err)
			}
			at, got := re.Exponential()
			if got != want {
				t.Errorf("%q: exponential %v, want %v", pattern, got, want)
			}
			if got && (at < 0 || at >= len(pattern)) {
				t.Errorf("%q: place %d", pattern, at)
			}
		}
	}
}

// steps returns how many steps a search takes that keeps no record of
// failures, at most most.
func steps(re *Regexp, text string, most int) int {
	m := new(machine)
	p := re.program()
	m.use(p)
	m.text, m.caps = []byte(text), make([]int, p.slots)
	m.reset()
	m.steps, m.from = most, 0
	for pos := 0; ; pos++ {
		if pos = p.candidate(m.text, pos); pos < 0 || m.try(pos) || m.spent || p.anchored {
			return most - m.steps
		}
	}
}

// growsExponentially reports whether the steps on head, n times pump and tail
// grow by about the same factor for each so many rounds. Those of a power of n
// grow by less and less.
func growsExponentially(re *Regexp, head, pump, tail string) bool {
	const few, by, most = 6, 3, 1 << 19
	before := 1e9
	last := 0.0
	for i := range 4 {
		n := float64(1 + steps(re, head+strings.Repeat(pump, few+by*i)+tail, most))
		if n >= most {
			return i > 0
		}
		if i > 0 {
			if i > 1 && n/last > 3 && n/last > 0.9*before {
				return true
			}
			before = n / last
		}
		last = n
	}
	return false
}

// pumps calls f with what a hostile line for each repeat of a pattern may look
// like, until it says that it is enough.
func pumps(t *tree, r *rand.Rand, f func(head, pump, tail string) (enough bool)) {
	done := false
	walk(t.root, func(n *node) {
		for range 2 {
			if done || n.kind != nodeRepeat || n.max <= 1 {
				return
			}
			a := &attacker{Rand: r, groups: map[int]string{}, pump: n, marked: true}
			s := a.sample(t.root)
			parts := strings.Split(s, pumpMark)
			if len(parts) != 3 {
				continue // empty, or in a repeat that comes more than once
			}
			head, tail := parts[0], parts[2]
			done = f(head, a.fill, tail+"\x01") || f(head, a.fill, "\x01")
		}
	})
}

// TestExponentialMissesNothing measures how the steps grow on patterns that
// Exponential calls harmless: among the stock patterns, or those above, none
// may grow exponentially. (Of those that it names, some are saved by a
// look-around, which it takes to hold.)
func TestExponentialMissesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(*fuzzSeed, 6))
	named, confirmed := 0, 0
	check := func(name string, re *Regexp) {
		_, exponential := re.Exponential()
		grows := false
		pumps(re.syntax(), r, func(head, pump, tail string) bool {
			grows = growsExponentially(re, head, pump, tail)
			if grows && !exponential {
				t.Errorf("%s: %q is exponential on %q, %q, ..., %q, and was not named", name, re, head, pump, tail)
			}
			return grows
		})
		if exponential {
			named++
		}
		if exponential && grows {
			confirmed++
		}
	}
	for _, pattern := range append(evil[:len(evil):len(evil)], good...) {
		re, err := Compile(pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		check("table", re)
	}
	t.Logf("of %d patterns, %d are named and %d measured", len(evil)+len(good), named, confirmed)
	named, confirmed = 0, 0
	tried := 0
	for _, p := range stockPatterns(t) {
		if *attacks > 0 && r.IntN(oneIn(12)) > 0 {
			continue
		}
		re, err := Compile(p.Pattern, p.flags())
		if err != nil {
			t.Fatal(err)
		}
		tried++
		check(p.Name, re)
	}
	t.Logf("of %d stock patterns, %d are named and %d measured", tried, named, confirmed)
}

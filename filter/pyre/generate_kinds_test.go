package pyre

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// next makes a pattern of one of several kinds: of the whole dialect, about
// conditions, about what the first bytes decide, of runs of classes, with texts
// behind such runs, or broken.
func (g *generator) next() string {
	g.groups, g.depth = 0, 0
	switch g.IntN(11) {
	case 10:
		return g.later()
	case 0, 1:
		return g.conditions()
	case 2, 3:
		return g.twins()
	case 4:
		return g.runs()
	case 5, 6:
		return g.broken()
	}
	return g.pattern()
}

// rare are constructs beside those that atom makes. A class under (?a:) does
// not come first: Python's search may then miss a match (see the package
// comment).
var rare = []string{
	`(?<=a|b)`, `(?<=ab|cd|é:)`, `(?<!a|k)`, `(?<!^a)`, `(?<=(?=a)a)`, `(?<!(?:a|b)c)`, `(?<=\b)`, `(?<=[a-cé]{2})`,
	`(?x: a b # c` + "\n" + ` | c )`, `(?x:[ a]\ #)` + "\n)", `(?#no)`, `(?#)`, `\N{EM DASH}`, `\N{LATIN SMALL LETTER A}`, `[\N{LATIN SMALL LETTER A}-c]`,
	`\101`, `\0`, `\07`, `\012`, `[\141-\143]`, `\U0001F600`, `\a`, `\v`, `[\b]`, `[^\n]`, `[\x61-\u00e9]`, `[[a]`, `[a||b]`, `[a-]`, `[-a]`, `[^]-]`, `[\]]`,
	`[^é]??(?a:\w)`, `[^é]??(?a:[k-s])`, `[^é]??(?u:\w)`, `(?i:k)`, `(?i:[ſ-ƀ])`, `(?i:[K-S])`, `(?i:ß)`, `(?i:İ)`, `(?i:[^k])`, `(?i:σ+)`, `(?s:.)`, `(?-s:.)`, `(?i-s:a.)`, `(?m:^a$)`, `(?-i:A)`,
	`a{,2}`, `a{0}`, `a{2,}?`, `a{1,2}+`, `(?>a|ab)`, `(?>a*)`, `(?:a|b|)`, `(|a)`, `(a||b)`, `\Z`, `$`, `{`, `}`, `a{x}`, `a{1`, `]`, `\.`, `\-`, `\é`, `(?:)`,
}

// conditions makes a pattern about groups that may be set, and what asks for
// them: in loops, alternatives and look-around, before and after they are set.
func (g *generator) conditions() string {
	group := func(body string) string {
		g.groups++
		if g.IntN(3) == 0 {
			return fmt.Sprintf("(?P<n%d>%s)", g.groups, body)
		}
		return "(" + body + ")"
	}
	var sequence func(depth int) string
	piece := func(depth int) string {
		switch g.IntN(9) {
		case 0, 1:
			return group(sequence(depth+1)) + g.pick([]string{"", "?", "?", "??", "*", "{,2}", "+?"})
		case 2:
			return "(?:" + sequence(depth+1) + "|" + sequence(depth+1) + ")" + g.pick([]string{"", "?", "*", "+?", "{2}", "*+"})
		case 3, 4:
			if g.groups == 0 {
				return group("a") + "?"
			}
			no := ""
			if g.IntN(3) > 0 {
				no = "|" + sequence(depth+1)
			}
			return fmt.Sprintf("(?(%d)%s%s)", 1+g.IntN(g.groups), sequence(depth+1), no)
		case 5:
			return g.pick([]string{"(?=", "(?!", "(?>"}) + sequence(depth+1) + ")"
		case 6:
			if g.groups > 0 {
				return fmt.Sprintf(`\%d`, 1+g.IntN(g.groups))
			}
		}
		return g.pick([]string{"a", "b", "ab", "a*", ".", "b?", "[ab]*?", "$", "^"})
	}
	sequence = func(depth int) string {
		if depth > 3 {
			return g.pick([]string{"a", "b", ""})
		}
		s := ""
		for range 1 + g.IntN(3) {
			s += piece(depth)
		}
		return s
	}
	s := sequence(0) + sequence(0)
	if strings.Contains(s, ")*+") {
		return strings.ReplaceAll(s, ")*+", ")*") // see possessiveForUs
	}
	return s
}

// twins makes alternatives and options that begin alike, so that only later
// bytes tell them apart.
func (g *generator) twins() string {
	words := []string{"a", "b", "ab", "aa", "aab", "abb", "é", "éa", "aé", "è", "日a", "\n", "a\n", " ", " a", "a b", "[ab]", "[^a]", ".", "a+", "b*", "[éè]", `\s`, `\w`, `\d`, "(?i:ab)", "(?i:k)"}
	var sequence func(depth int) string
	sequence = func(depth int) string {
		s := ""
		for range 1 + g.IntN(3) {
			q := g.pick([]string{"", "", "?", "??", "*", "+", "{1,2}", "*?"})
			if depth > 2 || g.IntN(2) == 0 {
				s += g.pick(words)
				continue
			}
			open := "(?:"
			if g.IntN(3) == 0 {
				open = "("
			}
			alts := []string{sequence(depth + 1)}
			for range g.IntN(4) {
				alts = append(alts, sequence(depth+1))
			}
			s += open + strings.Join(alts, "|") + ")" + q
		}
		return s + g.pick([]string{"", "", "$", `\Z`, `\b`, "^", "(?=a)", "(?!b)"})
	}
	return g.pick([]string{"", "^", "(?m)", "(?s)"}) + sequence(0)
}

// runs makes repeats of classes one after the other, with groups around them
// and texts between them that stop them.
func (g *generator) runs() string {
	classes := []string{".", `\S`, `\s`, `\w`, `\W`, `\d`, "[^a]", "[^é]", "[a-c]", "[éè]", "[^\\s:]", "[ab]", "a", "é", "(?:(?! a).)", "(?:(?!é).)", "(?:(?!ab)[^\\n])", "(?s:.)"}
	s := ""
	for range 1 + g.IntN(5) {
		class, times := g.pick(classes), g.pick([]string{"*", "+", "*?", "+?", "{1,3}", "{,2}?", "{2,}", "?", "*+", "{3}", "{2,}?"})
		part := class + times
		if strings.HasPrefix(class, "(") && strings.HasSuffix(times, "*+") {
			part = class + "*" // see possessiveForUs
		}
		if g.IntN(3) == 0 {
			part = "(" + part + ")"
			if g.IntN(4) == 0 {
				part += g.pick([]string{"?", "*", "+?"})
			}
		}
		s += part + g.pick([]string{"", "", " a", "ab", ":", "é", "a", " ", `\b`, "$"})
	}
	return g.pick([]string{"", "^", "(?m)^", "(?i)"}) + s
}

// laterTexts are what later looks for.
var laterTexts = []string{"aba", "a b", " a ", "ab ab"}

// later makes repeats that may end at any blank, with a text that must come
// behind them: in look-around, atomic groups, loops and alternatives too.
func (g *generator) later() string {
	wrapped := func(s string) string {
		switch around := g.pick([]string{"", "", "", "(", "(?:", "(?=", "(?!", "(?>", "(?<=(?=", "(?<!(?="}); around {
		case "":
			return s
		case "(", "(?:":
			return around + s + ")" + g.pick([]string{"", "", "?", "*", "+", "*?", "{2}"})
		case "(?<=(?=", "(?<!(?=":
			return around + s + ")" + g.pick([]string{"a", " ", ".", "[ab]{2}"}) + ")"
		default:
			return around + s + ")"
		}
	}
	ends := []string{" ", `\s`, " ?", " +", "( |b)", "(?: a|b )*", "(?: |,a| b)", "(?= )", "(?!a)"}
	between := []string{"", "", `\S+`, `\S*?`, "(a|b)", "a?", "(?:a|b )*", ".", ".*", "(?:(?:ab)+ |a)", "(?:ab |ba |,)", `\b`}
	s := g.pick([]string{"", "^", "a", "(?s)"})
	for range 1 + g.IntN(2) {
		run := g.pick([]string{"[^,]", ".", "[^:]", "[^b]", "(?s:.)", `[\sab]`}) + g.pick([]string{"*", "*", "+", "*?", "{2,}"})
		if g.IntN(3) == 0 {
			run = "(" + run + ")"
		}
		s += wrapped(run + g.pick(ends) + g.pick(between) + wrapped(g.pick(laterTexts)) + g.pick(between))
	}
	return s
}

// broken damages a pattern, most of the time so that it is none any more.
func (g *generator) broken() string {
	s := g.pattern()
	if g.IntN(3) == 0 {
		s = g.pick(rare) + s
	}
	runes := []rune(possessiveForPython.Replace(s))
	odd := []rune(`()[]{}*+?|\^$-:!<>=P#,0129aiLmsxuN'&k` + "é\n ")
	for range 1 + g.IntN(3) {
		at := g.IntN(len(runes) + 1)
		switch g.IntN(4) {
		case 0:
			runes = runes[:at]
		case 1:
			if at < len(runes) {
				runes = append(runes[:at:at], runes[at+1:]...)
			}
		case 2:
			hurt := g.pick([]string{"(?P<n1>", "(?P=n1)", "(?P=", "(?(1)", "(?(n1)a|b|c)", "(?i)", "(?i-i:a)", "(?L)", "(?-", "(?z", "(?<", "{2,1}", "**", "{3}{2}", `\8`, `\q`, `\x1`, `\u12`, `\N{`, `\N{NONE}`, `\400`, "[z-a]", `[\d-z]`, "[", "(?<=a*)", "(?<!a|bc)", "(?#", "a{99999999999}", "(?P<1>", "(?P<n-1>a)", "(?P>n)", "(?(99)a)", "(?(x)a)", `\Z*`, "^*"})
			runes = append(runes[:at:at], append([]rune(hurt), runes[at:]...)...)
		default:
			runes = append(runes[:at:at], append([]rune{odd[g.IntN(len(odd))]}, runes[at:]...)...)
		}
	}
	return string(runes)
}

// TestGeneratorReachesTheDialect: patterns of all constructs are made, and are
// valid, or the comparisons with Python would prove little.
func TestGeneratorReachesTheDialect(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(*fuzzSeed, 0))}
	valid, kinds := map[string]int{}, map[string]int{}
	for range 8000 {
		pattern := g.next()
		_, err := Compile(possessiveForUs.Replace(pattern), 0)
		var refused *Error
		if errors.As(err, &refused) {
			kinds[strings.TrimRight(refused.Msg, "0123456789")]++
			continue
		}
		for _, c := range constructs {
			if strings.Contains(pattern, c) {
				valid[c]++
			}
		}
	}
	for _, c := range constructs {
		if valid[c] < 2 {
			t.Errorf("%q is in %d valid patterns only", c, valid[c])
		}
	}
	if len(kinds) < 30 {
		t.Errorf("%d kinds of errors only: %v", len(kinds), kinds)
	}
}

// constructs are pieces of patterns, at least one for each construct.
var constructs = []string{
	"(?=", "(?!", "(?<=", "(?<!", "(?>", "(?:", "(?P<", "(?P=", "(?(1)", "(?(n", `\1`, `\2`, "*?", "+?", "??", "}?", "*+", "++", "?+", "}+",
	"{,2}", "{2,}", "{1,2}", "{2}", "{0}", "^", "$", `\A`, `\Z`, `\b`, `\B`, `\d`, `\D`, `\s`, `\S`, `\w`, `\W`, "||", "(|",
	"(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?i:", "(?-i:", "(?i-s:", "(?s:", "(?m:", "(?x:", "(?a:", "(?u:", "(?#",
	`\N{`, `\101`, `\0`, `\07`, `\x61`, `\u00e9`, `\U0001F600`, `\t`, `\n`, `\a`, `[\b]`, "[^", "[]a]", "[k-s]", "[A-Z]", "[é-ü]", `[\141-`, "[^\\W1]",
	"ſ", "K", "İ", "ß", "σ", "日", "\U0001F600", "a{x}", "a{1", "[[a]",
}

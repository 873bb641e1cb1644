package pyre

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// dotnet writes a tree in the syntax of regexp2, which is .NET's. Character
// classes, case and anchors are spelled out, so that none of .NET's own ideas
// of them count, and every group is given its number.
type dotnet struct{ strings.Builder }

func toDotnet(n *node) string {
	var d dotnet
	d.node(n)
	return d.String()
}

func (d *dotnet) node(n *node) {
	switch n.kind {
	case nodeLiteral:
		d.char(n.r)
	case nodeSet:
		d.set(n.set)
	case nodeCat:
		for _, sub := range n.subs {
			d.node(sub)
		}
	case nodeAlt:
		d.bracket("(?:", n.subs...)
	case nodeRepeat:
		d.repeat(n)
	case nodeGroup:
		open := "(?:"
		if n.group > 0 {
			open = fmt.Sprintf("(?<%d>", n.group)
		}
		d.bracket(open, n.subs...)
	case nodeAtomic:
		d.bracket("(?>", n.subs...)
	case nodeLook:
		d.bracket(lookBracket(n), n.subs...)
	case nodeBackref:
		open := "(?:"
		if n.icase {
			open = "(?i:"
		}
		fmt.Fprintf(d, `%s\k<%d>)`, open, n.group)
	case nodeCond:
		fmt.Fprintf(d, "(?(%d)", n.group)
		d.bracket("(?:", n.subs[0])
		d.WriteByte('|')
		d.bracket("(?:", n.subs[1])
		d.WriteByte(')')
	case nodeAt:
		d.place(n)
	}
}

func lookBracket(n *node) string {
	switch {
	case n.behind && n.negate:
		return "(?<!"
	case n.behind:
		return "(?<="
	case n.negate:
		return "(?!"
	}
	return "(?="
}

func (d *dotnet) bracket(open string, alts ...*node) {
	d.WriteString(open)
	for i, alt := range alts {
		if i > 0 {
			d.WriteByte('|')
		}
		d.node(alt)
	}
	d.WriteByte(')')
}

func (d *dotnet) repeat(n *node) {
	if n.greed == possessive {
		d.WriteString("(?>")
		defer d.WriteByte(')')
	}
	d.bracket("(?:", n.subs[0])
	if n.max == maxRepeat {
		fmt.Fprintf(d, "{%d,}", n.min)
	} else {
		fmt.Fprintf(d, "{%d,%d}", n.min, n.max)
	}
	if n.greed == lazy {
		d.WriteByte('?')
	}
}

func (d *dotnet) place(n *node) {
	switch n.place {
	case atTextStart:
		d.WriteString(`\A`)
	case atLineStart:
		d.WriteString(`(?<![^\n])`)
	case atTextEnd:
		d.WriteString(`\z`)
	case atFinalBreak:
		d.WriteString(`(?=\n?\z)`)
	case atLineEnd:
		d.WriteString(`(?![^\n])`)
	case atBoundary:
		fmt.Fprintf(d, "(?:(?<=%[1]s)(?!%[1]s)|(?<!%[1]s)(?=%[1]s))", d.word(n.ascii))
	case atNoBoundary:
		// Python finds no \B in an empty text.
		fmt.Fprintf(d, `(?:(?<=%[1]s)(?=%[1]s)|(?<!%[1]s)(?!%[1]s))(?:(?=[\s\S])|(?<=[\s\S]))`, d.word(n.ascii))
	}
}

func (d *dotnet) word(ascii bool) string {
	var w dotnet
	if ascii {
		w.set(asciiClasses().word)
	} else {
		w.set(unicodeClasses().word)
	}
	return w.String()
}

func (d *dotnet) set(s *runeSet) {
	switch s {
	case unicodeClasses().word:
		d.wordClass("[", `-[`)
		return
	case unicodeClasses().any:
		d.WriteString(`[\s\S]`)
		return
	}
	if len(s.ranges) == 0 {
		d.WriteString(`(?!)`)
		return
	}
	d.WriteByte('[')
	d.ranges(s.ranges)
	d.WriteByte(']')
}

// wordClass writes \w by Unicode categories, which is shorter than its ranges.
func (d *dotnet) wordClass(open, but string) {
	d.WriteString(open + `\p{L}\p{N}_` + but)
	d.ranges(addedSinceUnicode14)
	d.WriteString("]]")
}

func (d *dotnet) ranges(ranges []runeRange) {
	for _, r := range ranges {
		d.char(r.lo)
		if r.hi > r.lo {
			d.WriteByte('-')
			d.char(r.hi)
		}
	}
}

func (d *dotnet) char(r rune) {
	switch {
	case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
		d.WriteRune(r)
	case r < 0x80:
		fmt.Fprintf(d, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(d, `\u%04x`, r)
	default:
		d.WriteRune(r)
	}
}

// oracle is a pattern compiled by regexp2.
type oracle struct{ re *regexp2.Regexp }

func newOracle(t *tree) (*oracle, error) {
	re, err := regexp2.Compile(toDotnet(t.root))
	if err != nil {
		return nil, fmt.Errorf("pyre: translating for regexp2: %w", err)
	}
	re.MatchTimeout = 250 * time.Millisecond // a pattern may take it exponential time
	return &oracle{re}, nil
}

// search is Regexp.Search by way of regexp2.
func (o *oracle) search(caps []int, text []byte, pos, end int) ([]int, bool, error) {
	runes, offsets := decode(text[:end])
	start := len(runes)
	for start > 0 && offsets[start-1] >= pos {
		start--
	}
	m, err := o.re.FindRunesMatchStartingAt(runes, start)
	if err != nil {
		return caps, false, ErrBudget
	}
	if m == nil {
		return caps, false, nil
	}
	for i := range len(caps) / 2 {
		caps[2*i], caps[2*i+1] = -1, -1
		if g := m.GroupByNumber(i); g != nil && len(g.Captures) > 0 {
			caps[2*i] = offsets[g.RuneIndex]
			caps[2*i+1] = offsets[g.RuneIndex+g.RuneLength]
		}
	}
	return caps, true, nil
}

// decode returns the characters of text and the byte offset of each, with
// the length of text at the end.
func decode(text []byte) ([]rune, []int) {
	runes := make([]rune, 0, len(text))
	offsets := make([]int, 0, len(text)+1)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		runes = append(runes, r)
		offsets = append(offsets, i)
		i += n
	}
	return runes, append(offsets, len(text))
}

package pyre

import (
	"strings"
	"testing"
	"unicode"
)

// TestClassesEqualPython compares \d, \s and \w with Python's on every
// character (COMPAT 0.3).
func TestClassesEqualPython(t *testing.T) {
	py, ok := newPeer(t)
	if !ok {
		return
	}
	for _, c := range []struct {
		class string
		set   *runeSet
	}{
		{`\d`, unicodeClasses().digit}, {`\s`, unicodeClasses().space}, {`\w`, unicodeClasses().word},
		{`(?a)\d`, asciiClasses().digit}, {`(?a)\s`, asciiClasses().space}, {`(?a)\w`, asciiClasses().word},
	} {
		var ranges [][2]rune
		py.eval(`(lambda m: [[a, b - 1] for a, b in zip(*[iter([i for i in range(0x110001) if (i < 0x110000 and bool(m(chr(i)))) != (i > 0 and bool(m(chr(i - 1))))])] * 2)])(re.compile(r"`+c.class+`").match)`, &ranges)
		want := make([]runeRange, 0, len(ranges))
		for _, r := range ranges {
			want = append(want, runeRange{r[0], r[1]})
		}
		if !newRuneSet(want).equal(c.set) {
			extra := newRuneSet(without(c.set.ranges, want))
			missing := newRuneSet(without(want, c.set.ranges))
			t.Errorf("%s: %x too many, %x missing", c.class, extra.ranges, missing.ranges)
		}
	}
}

// TestCaseEqualsPython asks Python which characters match each cased letter
// under IGNORECASE, as a literal and in a set.
func TestCaseEqualsPython(t *testing.T) {
	py, ok := newPeer(t)
	if !ok {
		return
	}
	var all strings.Builder
	var cased []rune
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if (r < 0xD800 || r > 0xDFFF) && (unicode.SimpleFold(r) != r || unicode.ToLower(r) != r || unicode.ToUpper(r) != r || r < 0x80) {
			cased = append(cased, r)
			all.WriteRune(r)
		}
	}
	for _, form := range []string{"re.escape(c)", `"[" + re.escape(c) + "\U0010FFFE]"`} {
		var want map[string]string
		py.eval(`(lambda a: {c: "".join(re.findall(`+form+`, a, re.I)) for c in a})(`+quote(all.String())+`)`, &want)
		for _, r := range cased {
			if r >= 0x10000 && form != "re.escape(c)" {
				continue // Python 3.11 does not find capitals beyond the BMP in a set
			}
			pattern := `[\U0010FFFE` + `\U` + hex8(r) + `]`
			if form == "re.escape(c)" {
				pattern = `\U` + hex8(r)
			}
			var got strings.Builder
			tr, err := parse(pattern, IgnoreCase)
			if err != nil {
				t.Fatal(err)
			}
			set := charSet(tr.root)
			for _, x := range cased {
				if set.contains(x) {
					got.WriteRune(x)
				}
			}
			if got.String() != want[string(r)] {
				t.Errorf("(?i)%s (%c) matches %q, in Python %q", pattern, r, got.String(), want[string(r)])
			}
		}
	}
}

func hex8(r rune) string {
	const digits = "0123456789abcdef"
	b := []byte("00000000")
	for i := 7; r > 0; i-- {
		b[i] = digits[r&15]
		r >>= 4
	}
	return string(b)
}

// TestFoldHigh holds the short table of opFold against the full one.
func TestFoldHigh(t *testing.T) {
	for b := byte('a'); b <= 'z'; b++ {
		var want []rune
		for _, r := range unicodeFold().equals[rune(b)] {
			if r >= 0x80 {
				want = append(want, r)
			}
		}
		for _, r := range want {
			if !isFoldHigh(r, b) {
				t.Errorf("%c does not match %c", b, r)
			}
		}
		if len(want) != len(foldHigh(b)) {
			t.Errorf("%c: %c, want %c", b, foldHigh(b), want)
		}
	}
}

// TestIdentifiersEqualPython compares which characters may stand in a group's
// name.
func TestIdentifiersEqualPython(t *testing.T) {
	py, ok := newPeer(t)
	if !ok {
		return
	}
	var starts, goesOn string
	py.eval(`"".join(chr(i) for i in range(0x110000) if not 0xd800 <= i < 0xe000 and chr(i).isidentifier())`, &starts)
	py.eval(`"".join(chr(i) for i in range(0x110000) if not 0xd800 <= i < 0xe000 and ("a" + chr(i)).isidentifier())`, &goesOn)
	for _, c := range []struct{ before, want string }{{"", starts}, {"a", goesOn}} {
		want := map[rune]bool{}
		for _, r := range c.want {
			want[r] = true
		}
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if r >= 0xD800 && r < 0xE000 {
				continue
			}
			if got := isIdentifier(c.before + string(r)); got != want[r] {
				t.Errorf("%q+%U: %v, Python %v", c.before, r, got, want[r])
			}
		}
	}
}

package pyre

import (
	"strings"
	"testing"
)

// TestTrace marks in the text and in the pattern where they part: [ and ] are
// around what fits of the text, ^ stands before the piece that does not.
func TestTrace(t *testing.T) {
	for _, c := range []struct {
		name, pattern, text string
		inText, inPattern   string
		open, forbids       bool
	}{
		{name: "a letter is wrong", pattern: `^Failed \S+ for .* from \d+`, text: "Failed password for root form 1",
			inText: "[Failed password for root f]orm 1", inPattern: `^Failed \S+ for .* f^rom ^\d+`},
		{name: "nothing fits", pattern: `^Failed`, text: "Invalid", inText: "[]Invalid", inPattern: `^^Failed^`},
		{name: "more text than pattern", pattern: `^from \d+$`, text: "from 12 port 3", inText: "[from 12] port 3", inPattern: `^from \d+^$^`},
		{name: "more pattern than text", pattern: `^from \d+ port`, text: "from 12", inText: "[from 12]", inPattern: `^from \d+^ port^`},
		{name: "nowhere behind anything", pattern: `^sshd.*zzz`, text: "sshd: hello", inText: "[sshd]: hello", inPattern: `^sshd.*^zzz^`, open: true},
		{name: "in the alternative that goes furthest", pattern: `^(?:Failed password|Invalid user|Illegal) for`, text: "Invalid uzer for",
			inText: "[Invalid u]zer for", inPattern: `^(?:Failed password|Invalid u^ser^|Illegal) for`},
		{name: "in what may be left out", pattern: `^from \d+(?: port \d+)?$`, text: "from 12 port x",
			inText: "[from 12 port ]x", inPattern: `^from \d+(?: port ^\d+^)?$`},
		{name: "in a further round", pattern: `^a(?: \w+=\d+)*$`, text: "a b=1 c=x",
			inText: "[a b=1 c=]x", inPattern: `^a(?: \w+=^\d+^)*$`},
		{name: "in a round that must be", pattern: `^(?:\d{1,3}\.){3}\d`, text: "1.2.x.4", inText: "[1.2.]x.4", inPattern: `^(?:^\d{1,3}^\.){3}\d`},
		{name: "what must not follow", pattern: `^a (?!b)\w+`, text: "a bc", inText: "[a ]bc", inPattern: `^a ^(?!b)^\w+`, forbids: true},
		{name: "what must follow", pattern: `^a (?=bcd)`, text: "a bce", inText: "[a bc]e", inPattern: `^a (?=bc^d^)`},
		{name: "a group is used again", pattern: `^(\w+) \1$`, text: "ab cd", inText: "[ab ]cd", inPattern: `^(\w+) ^\1^$`},
		{name: "a pattern without a start", pattern: `user=\w+;`, text: "x user=root, y", inText: "x [user=root], y", inPattern: `user=\w+^;^`},
		{name: "characters of several bytes", pattern: `^é+ü$`, text: "ééö", inText: "[éé]ö", inPattern: `^é+^ü^$`},
		{name: "a class", pattern: `^a[]\]x]{2}b`, text: "a]yb", inText: "[a]]yb", inPattern: `^a^[]\]x]{2}^b`},
	} {
		t.Run(c.name, func(t *testing.T) {
			re, err := Compile(c.pattern, 0)
			if err != nil {
				t.Fatal(err)
			}
			r := re.NewTracer().Trace([]byte(c.text))
			inText := c.text[:r.Start] + "[" + c.text[r.Start:r.End] + "]" + c.text[r.End:]
			inPattern := c.pattern[:r.Pattern] + "^" + c.pattern[r.Pattern:r.PatternEnd] + "^" + c.pattern[r.PatternEnd:]
			if r.Matched || inText != c.inText || inPattern != c.inPattern || r.Open != c.open || r.Forbids != c.forbids {
				t.Errorf("%+v\n%s\n%s\nwant\n%s\n%s", r, inText, inPattern, c.inText, c.inPattern)
			}
		})
	}
}

// FuzzTrace: whatever the pattern and the text, Trace agrees with Search and
// stays within both.
func FuzzTrace(f *testing.F) {
	f.Add(`^(a|b(c|d)*)+?x{2,}(?=y)(?(1)z|w)\1`, "abcdcdxxyz")
	f.Add(`(?:(?:a{2}b?)+c)*d`, strings.Repeat("aab", 5))
	f.Add(`(?>a++)(?<!b)[^]x]`, "aaab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := Compile(pattern, 0)
		if err != nil || len(pattern) > 60 || len(text) > 200 {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		_, found, err := re.Search(nil, []byte(text), 0, len(text))
		r := re.NewTracer().Trace([]byte(text))
		if err == nil && found != r.Matched {
			t.Errorf("matched %v, but Search says %v", r.Matched, found)
		}
		if r.Start < 0 || r.End < r.Start || r.End > len(text) || r.Pattern < 0 || r.PatternEnd < r.Pattern || r.PatternEnd > len(pattern) {
			t.Errorf("%+v is outside of %q, %q", r, pattern, text)
		}
	})
}

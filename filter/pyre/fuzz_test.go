package pyre

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzCompile: no pattern and no text, valid or not, makes Compile or Search
// panic or run away; what Regexp tells about all matches is true of each, and
// the table of failures changes no answer.
func FuzzCompile(f *testing.F) {
	for pattern := range badPatterns {
		f.Add(pattern, "ab1.2.3.4\n", uint8(0))
	}
	for _, c := range documented {
		f.Add(c.pattern, c.text, uint8(c.flags))
	}
	f.Add(`(?:(?:a|b(?!c))*?d{2,})+?(?(1)e|f)`, "abadd\xff\xfe", uint8(1))
	f.Add(strings.Repeat("(", 300)+strings.Repeat(")*", 300), "a", uint8(0))
	f.Add(`(?:(?:a{1000}){1000}){1000}|(?:\w{9,99}){9,99}`, strings.Repeat("a", 300), uint8(0))
	f.Fuzz(func(t *testing.T, pattern, text string, flags uint8) {
		const all = IgnoreCase | MultiLine | DotAll | Verbose | ASCII
		re, err := Compile(pattern, Flags(flags)&all)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Error() == "" || e.Pos > len(pattern) {
				t.Errorf("%q: error %#v", pattern, err)
			}
			return
		}
		re.Exponential()
		caps, _, err := re.Search(nil, []byte(text), 0, len(text))
		if err != nil {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		caps, found, err := re.Search(caps, []byte(text), 0, len(text))
		if err != nil {
			return
		}
		if !found {
			caps = nil
		} else {
			checkFacts(t, re, []byte(text), caps)
		}
		if len(text) < 200 {
			if again := searchWithTable(re, text, 0, len(text)); !slices.Equal(again, caps) && err == nil {
				t.Errorf("%q on %q: %v, with the table of failures %v", pattern, text, caps, again)
			}
		}
	})
}

// TestSearchAllocatesNothing: a line costs no garbage once a pattern has been
// used.
func TestSearchAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector allocates: not counted")
		return
	}
	re, err := Compile(`^(?P<a>\S+)(?:(?=x)|(?>\s+)(?:\w+|[^:]*?):)+ (\d{1,3}\.){3}(?(a)b|c)`, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("svr some words: and more: 1.2.3.b\n")
	caps := make([]int, 2+2*re.NumGroups())
	var s Scratch
	if n := testing.AllocsPerRun(100, func() {
		if _, found, err := re.SearchWith(&s, caps, text, 0, len(text)); !found || err != nil {
			t.Fatalf("%v %v", found, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a search", n)
	}
}

package date

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"f2b-go/filter/pyre"
)

// kind tells how a template's text becomes a time.
type kind uint8

const (
	kindFields kind = iota // strptime-like groups
	kindEpoch              // a number of seconds since 1970
	kindTAI64N             // a label of D. J. Bernstein's libtai
)

// template is one date pattern, ready to match. It is shared by the detectors
// of a process and does not change but for its atomic marks.
type template struct {
	name       string
	pattern    string
	hasPattern bool // fail2ban keeps no pattern for the epoch and TAI64N keywords
	regex      string
	flags      uint8
	kind       kind
	long       bool // epoch in milli- or microseconds too
	epochGroup int

	preferred atomic.Bool // an anchored copy of a default: weight 100
	matched   atomic.Bool // it matched a line of any detector that shares it

	once     sync.Once
	re       *pyre.Regexp
	broken   error
	fieldsOf []byte // group index to field letter, 0 for none
	groupP   int    // index of the group named p, or -1

	fast reader // reads the template's format without its regex, or nil
	// repeating says how its dates are recognized when they repeat, nil if they are not.
	repeating *repetition
	years     yearSpan
	// family is what a line must hold for a match, 0 if anything may match.
	family family
}

// weight is how strongly the template pulls to the front of the list.
func (t *template) weight() float64 {
	if t.preferred.Load() {
		return 100
	}
	return 1
}

func (t *template) anchored() bool { return t.flags&flagAnchored != 0 }

// newTemplate makes the template of one pattern: a keyword (COMPAT 2.4.2) or a
// strptime-like pattern. years are what %ExY accepts.
func newTemplate(pattern string, years yearSpan) (*template, error) {
	t, err := parsePattern(pattern, years)
	if err != nil {
		return nil, err
	}
	t.years, t.family = years, familyOf(pattern)
	t.fast, t.repeating = readerOf(t, pattern)
	return t, nil
}

func parsePattern(pattern string, years yearSpan) (*template, error) {
	key := patternKey(pattern)
	if strings.Contains(key, "EPOCH") {
		if epochTag(pattern) >= 0 {
			return epochPattern(pattern, strings.Contains(key, "LEPOCH")), nil
		}
		switch key {
		case "EPOCH", "LEPOCH":
			return epochKeyword(key == "LEPOCH", false), nil
		case tagLineBegin + "EPOCH", "^EPOCH", tagLineBegin + "LEPOCH", "^LEPOCH":
			return epochKeyword(strings.HasSuffix(key, "LEPOCH"), true), nil
		}
	}
	switch key {
	case "TAI64N":
		return taiKeyword(unbound), nil
	case tagLineBegin + "TAI64N", "^TAI64N":
		return taiKeyword(lineBound), nil
	}
	return fieldPattern(pattern, years.regex())
}

// patternKey is the form in which keywords are recognized: upper case, unless
// directives give letters a meaning.
func patternKey(pattern string) string {
	if strings.Contains(pattern, "%") {
		return pattern
	}
	return strings.ToUpper(pattern)
}

// fieldPattern makes a template of a strptime-like pattern.
func fieldPattern(pattern, years string) (*template, error) {
	t := &template{pattern: pattern, hasPattern: true, kind: kindFields}
	begin, wordEnd := wordBound, true
	if rest, ok := strings.CutPrefix(pattern, tagUnbound); ok {
		pattern, begin, wordEnd = rest, unbound, false
	}
	if begin != unbound {
		if rest, ok := strings.CutPrefix(pattern, tagLineBegin); ok {
			pattern, begin = rest, lineBound
		}
	}
	regex, name, err := expand(pattern, years)
	if err != nil {
		return nil, &PatternError{Class: "TypeError", Pattern: pattern,
			Text: "Failed to set datepattern '" + pattern +
				"' (may be an invalid format or unescaped percent char): " + err.Error()}
	}
	if alphabetic(pattern) {
		regex = `(?iu)` + regex
	}
	t.name = name
	t.bind(regex, begin, wordEnd)
	return t, nil
}

const (
	epochRegex     = `\d{10,11}\b(?:\.\d{3,6})?`
	longEpochRegex = `\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?`
)

func epochNumber(long bool) string {
	if long {
		return longEpochRegex
	}
	return epochRegex
}

// epochKeyword makes the template of EPOCH or LEPOCH (COMPAT 2.4.4).
func epochKeyword(long, lineBegin bool) *template {
	t := &template{kind: kindEpoch, long: long, epochGroup: 1, name: "Epoch"}
	if long {
		t.name = "LongEpoch"
	}
	if lineBegin {
		t.bind(`((?P<square>(?<=^\[))?`+epochNumber(long)+`)(?(square)(?=\]))`, lineBound, true)
		return t
	}
	t.bind(`((?:^|(?P<square>(?<=^\[))|(?P<selinux>(?<=\baudit\()))`+epochNumber(long)+
		`)(?:(?(selinux)(?=:\d+\)))|(?(square)(?=\])))`, unbound, true)
	return t
}

// epochPattern makes the template of a pattern with {EPOCH} or {LEPOCH} in it.
// All of it is cut out, unless it has a group of its own (COMPAT 2.4.9).
func epochPattern(pattern string, long bool) *template {
	t := &template{kind: kindEpoch, long: long, epochGroup: 2, name: pattern}
	var re strings.Builder
	rest := pattern
	for {
		at := epochTag(rest)
		if at < 0 {
			break
		}
		re.WriteString(rest[:at])
		re.WriteString("(" + epochNumber(long) + ")")
		rest = rest[at+strings.IndexByte(rest[at:], '}')+1:]
	}
	re.WriteString(rest)
	regex := re.String()
	if !grouped(pattern) {
		regex = "(" + regex + ")"
	}
	t.bind(regex, wordBound, true)
	return t
}

// epochTag returns where {EPOCH} or {LEPOCH} stands in a pattern, in any case
// and not escaped, or -1.
func epochTag(pattern string) int { return tagAt(pattern, "{EPOCH}", "{LEPOCH}") }

// tagAt returns where one of the tags first stands unescaped, or -1.
func tagAt(pattern string, tags ...string) int {
	for i := range len(pattern) {
		if pattern[i] != '{' || i > 0 && pattern[i-1] == '\\' {
			continue
		}
		for _, tag := range tags {
			if len(pattern)-i >= len(tag) && strings.EqualFold(pattern[i:i+len(tag)], tag) {
				return i
			}
		}
	}
	return -1
}

func taiKeyword(begin boundary) *template {
	t := &template{kind: kindTAI64N, name: "TAI64N"}
	t.bind("@[0-9a-f]{24}", begin, true)
	return t
}

func (t *template) bind(regex string, begin boundary, wordEnd bool) {
	var named bool
	t.regex, t.flags, named = bind(regex, begin, wordEnd)
	if named && !strings.HasPrefix(t.name, tagLineBegin) {
		t.name = tagLineBegin + t.name
	}
}

// compile makes the regex on first need, as fail2ban does: a template that is
// never reached costs nothing, and a broken one fails the lines that reach it.
func (t *template) compile() {
	t.re, t.broken = pyre.Compile(t.regex, 0)
	if t.broken != nil {
		t.broken = &LineError{reError, t.broken.Error()}
		return
	}
	if t.re.NumGroups() < max(1, t.epochGroup) {
		t.broken = &LineError{"IndexError", "no such group"}
		return
	}
	t.fieldsOf = make([]byte, t.re.NumGroups()+1)
	t.groupP = t.re.GroupIndex("p")
	for i, name := range t.re.GroupNames() {
		if t.kind == kindFields && len(name) == 1 && strings.Contains("yYmBbdHIMSAawjUWzZ", name) {
			t.fieldsOf[i] = name[0]
		}
	}
}

// hit is a template's match on a line, in byte offsets.
type hit struct {
	start, end       int  // all of it
	cutStart, cutEnd int  // the date text, group 1
	ascii            bool // line[:end] is known to be ASCII
	moment           moment
	work             fields // memory of a reader
}

// clear returns memory for the fields of a date.
func (h *hit) clear() *fields {
	h.work = fields{}
	return &h.work
}

// match searches line[pos:end] as Python's pattern.search does and stores what
// it finds. caps is kept for reuse between calls.
func (t *template) match(line []byte, pos, end int, caps *[]int, h *hit) (bool, error) {
	if t.fast != nil {
		if v := t.fast(t, line, pos, end, h); v != unsure {
			if v == matched {
				t.markMatched()
			}
			return v == matched, nil
		}
	}
	return t.matchRegex(line, pos, end, caps, h)
}

// matchRegex is match by the regex alone.
func (t *template) matchRegex(line []byte, pos, end int, caps *[]int, h *hit) (bool, error) {
	t.once.Do(t.compile)
	if t.broken != nil {
		return false, t.broken
	}
	got, ok, err := t.re.Search(*caps, line, pos, end)
	if got != nil {
		*caps = got
	}
	// A line too costly for the pattern is a line without a date, which in
	// operation still counts as happening now.
	if errors.Is(err, pyre.ErrBudget) || !ok {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	t.markMatched()
	*h = hit{start: got[0], end: got[1], cutStart: got[2], cutEnd: got[3]}
	if h.cutStart < 0 {
		// Python slices from -1 here: nothing is cut, before the last character.
		_, size := utf8.DecodeLastRune(line)
		h.cutStart, h.cutEnd = len(line)-size, len(line)-size
	}
	f := t.read(line, got)
	h.moment = f.pack()
	return true, nil
}

func (t *template) markMatched() {
	if !t.matched.Load() {
		t.matched.Store(true)
	}
}

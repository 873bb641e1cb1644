package date

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// Which end of a line or word a template is tied to.
const (
	flagWordEnd   = 1
	flagWordBegin = 2
	flagLineEnd   = 4
	flagLineBegin = 8

	flagAnchored = flagLineBegin | flagLineEnd
)

// boundary says how a template's begin is tied.
type boundary int

const (
	unbound boundary = iota
	wordBound
	lineBound
)

const (
	tagUnbound   = "{UNB}"
	tagLineBegin = "{^LN-BEG}"

	wordBeginRegex = `(?=^|\b|\W)`
	wordEndRegex   = `(?=\b|\W|$)`
	lineBeginRegex = `^(?:\W{0,2})?`
)

// These find the parts of a pattern that decide its boundaries (COMPAT 2.4.8).
var (
	reGlobalFlags = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\(\?[a-z]+\)`) })
	reNoWordBegin = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\(*(?:\(\?\w+\))?(?:\^|\(*\*\*|\((?:\?:)?\^)`) })
	reStarsBegin  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\(*(?:\(\?\w+\))?\(*\*\*`) })
	reLeadFlags   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\(\?\w+\)`) })
	reGroupHead   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:\(\?\w+\))?\^?(?:\(\?\w+\))?`) })
)

// bind gives a regex its group and its boundaries. The result's flags tell
// what it is tied to; named reports that the name gets the prefix {^LN-BEG}.
func bind(regex string, begin boundary, wordEnd bool) (bound string, flags uint8, named bool) {
	regex = strip(regex)
	global := ""
	if at := reGlobalFlags().FindStringIndex(regex); at != nil {
		global = regex[at[0]:at[1]]
		regex = regex[:at[0]] + regex[at[1]:]
	}
	bindBegin := begin != unbound && !reNoWordBegin().MatchString(regex)
	bindEnd := wordEnd && !endsUnbound(regex)
	if !grouped(regex) {
		regex = group(regex)
	}
	switch {
	case bindBegin && begin == lineBound:
		flags |= flagLineBegin
		regex = lineBeginRegex + regex
		named = true
	case bindBegin:
		flags |= flagWordBegin
		regex = wordBeginRegex + regex
	}
	if bindEnd {
		flags |= flagWordEnd
		regex += wordEndRegex
	}
	if beginsAtLine(regex) {
		flags |= flagLineBegin
	}
	if endsAtLine(regex) {
		flags |= flagLineEnd
	}
	return global + dropStars(regex), flags, named
}

// strip cuts what Python's str.strip cuts.
func strip(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
	})
}

// grouped reports a capturing group, as fail2ban looks for one: a parenthesis
// without a question mark behind it, neither escaped nor right after "(?".
func grouped(regex string) bool {
	for i := 0; i < len(regex); i++ {
		if regex[i] != '(' || i+1 < len(regex) && regex[i+1] == '?' {
			continue
		}
		if i > 0 && regex[i-1] == '\\' || strings.HasSuffix(regex[:i], "(?") {
			continue
		}
		return true
	}
	return false
}

// group makes the whole regex group 1, but for leading flags and anchors.
func group(regex string) string {
	head := reGroupHead().FindString(regex)
	body, tail := regex[len(head):], ""
	if strings.HasSuffix(body, "$") {
		body, tail = body[:len(body)-1], "$"
	}
	return head + "(" + body + ")" + tail
}

// endsUnbound reports a pattern whose end needs no word boundary.
func endsUnbound(regex string) bool {
	for _, end := range []string{`$`, `$)`, `\b`, `\s`} {
		if head, ok := strings.CutSuffix(regex, end); ok && !strings.HasSuffix(head, `\`) {
			return true
		}
	}
	return starsEnd(regex) >= 0
}

// starsEnd returns where "**", closing parentheses and the end follow, or -1.
func starsEnd(regex string) int {
	head, ok := strings.CutSuffix(strings.TrimRight(regex, ")"), "**")
	if !ok || strings.HasSuffix(head, `\`) {
		return -1
	}
	return len(head)
}

func beginsAtLine(regex string) bool {
	for _, rest := range []string{regex, regex[len(reLeadFlags().FindString(regex)):]} {
		if strings.HasPrefix(rest, "^") {
			return true
		}
		for _, open := range []string{"(^", "(?:^"} {
			if after, ok := strings.CutPrefix(rest, open); ok && !strings.HasPrefix(after, "|") {
				return true
			}
		}
	}
	return false
}

func endsAtLine(regex string) bool {
	for _, end := range []string{`$`, `$)`} {
		if head, ok := strings.CutSuffix(regex, end); ok {
			if head == "" || !strings.ContainsRune(`\|`, rune(head[len(head)-1])) {
				return true
			}
		}
	}
	return false
}

// dropStars removes the "**" that switched a boundary off.
func dropStars(regex string) string {
	head := reStarsBegin().FindString(regex)
	tail := regex[len(head):]
	if at := starsEnd(tail); at >= 0 {
		tail = tail[:at] + tail[at+2:]
	}
	return strings.ReplaceAll(head, "**", "") + tail
}

// unboundPattern takes away what ties a pattern's ends, before it is put in
// place of {DATE}.
func unboundPattern(pattern string) string {
	pattern = strings.TrimPrefix(pattern, tagUnbound)
	pattern = strings.TrimPrefix(pattern, tagLineBegin)
	for _, open := range []string{`(^|\b|\W)`, `(?:^|\b|\W)`} {
		if rest, ok := strings.CutPrefix(pattern, open); ok {
			pattern = rest
			break
		}
	}
	return strings.TrimSuffix(pattern, wordEndRegex)
}

// alphabetic reports a directive of letters (names of days and months, am and
// pm), which makes the template ignore case.
func alphabetic(pattern string) bool {
	for i := 0; i+1 < len(pattern); i++ {
		if pattern[i] == '%' && strings.IndexByte("aAbBpc", pattern[i+1]) >= 0 && (i == 0 || pattern[i-1] != '%') {
			return true
		}
	}
	return false
}

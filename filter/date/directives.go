package date

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"f2b-go/internal/pytext"
)

// directive is one strptime-like field: the regex it stands for and its word
// in template names.
type directive struct{ regex, name string }

const (
	weekdaysShort = `mon|tue|wed|thu|fri|sat|sun`
	// Python lists names for a regex by length, longest first.
	weekdaysLong = `wednesday|thursday|saturday|tuesday|monday|friday|sunday`
	monthsShort  = `jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec`
	monthsLong   = `september|february|november|december|january|october|august|march|april|june|july|may`

	zoneAbbreviation = `[A-Z](?:[A-Z]{2,4})?`
	zoneOffset       = `[+-][01]\d(?::?\d{2})?`

	// clock and calendar of the C locale, for %c, %x and %X.
	timeOfDay = `(?P<H>2[0-3]|[0-1]\d|\d):(?P<M>[0-5]\d|\d):(?P<S>6[0-1]|[0-5]\d|\d)`
	dayStrict = `(?P<d>3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9])`
)

// directives are COMPAT 2.4.5's, with Python's regex for each; %ExY depends on
// the years that are accepted and is made by yearRegex.
var directives = sync.OnceValue(func() map[string]directive {
	return map[string]directive{
		"%": {`%`, "%"},
		"a": {`(?P<a>` + weekdaysShort + `)`, "DAY"},
		"A": {`(?P<A>` + weekdaysLong + `)`, "DAYNAME"},
		"b": {`(?P<b>` + monthsShort + `)`, "MON"},
		"B": {`(?P<B>` + monthsLong + `)`, "MONTH"},
		"c": {`(?P<a>` + weekdaysShort + `)\s+(?P<b>` + monthsShort + `)\s+` + dayStrict + `\s+` + timeOfDay + `\s+(?P<Y>\d\d\d\d)`, "%c"},
		"d": {`(?P<d>[1-2]\d|[0 ]?[1-9]|3[0-1])`, "Day"},
		"f": {`(?P<f>[0-9]{1,6})`, "Microseconds"},
		"G": {`(?P<G>\d\d\d\d)`, "%G"},
		"H": {`(?P<H>[0-1]?\d|2[0-3])`, "24hour"},
		"I": {`(?P<I>1[0-2]|0[1-9]|[1-9])`, "12hour"},
		"j": {`(?P<j>36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9])`, "Yearday"},
		"k": {` ?(?P<H>[0-2]?\d)`, "%k"},
		"l": {` ?(?P<I>1?\d)`, "%l"},
		"m": {`(?P<m>0?[1-9]|1[0-2])`, "Month"},
		"M": {`(?P<M>[0-5]?\d)`, "Minute"},
		"p": {`(?P<p>am|pm)`, "AMPM"},
		"S": {`(?P<S>[0-5]?\d|6[0-1])`, "Second"},
		"u": {`(?P<u>[1-7])`, "%u"},
		"U": {`(?P<U>5[0-3]|[0-4]\d|\d)`, "Yearweek"},
		"V": {`(?P<V>5[0-3]|0[1-9]|[1-4]\d|\d)`, "%V"},
		"w": {`(?P<w>[0-6])`, "Weekday"},
		"W": {`(?P<W>5[0-3]|[0-4]\d|\d)`, "Yearweek"},
		"x": {`(?P<m>1[0-2]|0[1-9]|[1-9])/` + dayStrict + `/(?P<y>\d\d)`, "%x"},
		"X": {timeOfDay, "%X"},
		"y": {`(?P<y>\d\d)`, "Year2"},
		"Y": {`(?P<Y>\d{4})`, "Year"},
		"z": {`(?P<z>Z|UTC|GMT|` + zoneOffset + `)`, "Zone offset"},
		"Z": {`(?P<Z>Z|[A-Z]{3,5})`, "Zone name"},

		"Exd": {`(?P<d>[1-2]\d|0[1-9]|3[0-1])`, "ExDay"},
		"ExH": {`(?P<H>[0-1]\d|2[0-3])`, "Ex24hour"},
		"Exk": {` ?(?P<H>[0-1]?\d|2[0-3])`, "Ex%k"},
		"Exl": {` ?(?P<I>1[0-2]|\d)`, "Ex%l"},
		"Exm": {`(?P<m>0[1-9]|1[0-2])`, "ExMonth"},
		"ExM": {`(?P<M>[0-5]\d)`, "ExMinute"},
		"ExS": {`(?P<S>[0-5]\d|6[0-1])`, "ExSecond"},
		"Exy": {`(?P<y>\d{2})`, "ExYear2"},
		"ExY": {"", "ExYear"},
		"Exz": {`(?P<z>(?:` + zoneAbbreviation + `)?` + zoneOffset + `|` + zoneAbbreviation + `)`, "ExZone offset"},
		"ExZ": {`(?P<Z>` + zoneAbbreviation + `)`, "ExZone name"},
	}
})

// directiveAt returns the key of the directive that starts with the percent
// sign at pattern[i], or "".
func directiveAt(pattern string, i int) string {
	rest := pattern[i+1:]
	if len(rest) >= 3 && rest[:2] == "Ex" {
		if _, ok := directives()[rest[:3]]; ok {
			return rest[:3]
		}
	}
	if rest != "" {
		if _, ok := directives()[rest[:1]]; ok {
			return rest[:1]
		}
	}
	return ""
}

// expand replaces the directives of a pattern by their regexes and, for the
// template's name, by their words. years is the regex of %ExY. A percent sign
// that starts no directive is an error, told as Python's formatting tells it.
func expand(pattern, years string) (regex, name string, err error) {
	var re, nm strings.Builder
	f := formatter{}
	for i := 0; i < len(pattern); {
		if pattern[i] != '%' {
			re.WriteByte(pattern[i])
			nm.WriteByte(pattern[i])
			i++
			continue
		}
		key, size := directiveAt(pattern, i), 0
		if key != "" {
			size = 1 + len(key)
			// Python sees %(key)s here: two parentheses and an s more.
			f.shift += 3
		} else if key, size, err = f.odd(pattern, i); err != nil {
			return "", "", err
		}
		f.keyed = true
		d := directives()[key]
		if key == "ExY" {
			d.regex = years
		}
		re.WriteString(d.regex)
		nm.WriteString(d.name)
		i += size
	}
	return re.String(), nm.String(), nil
}

// formatter retells what Python's % operator says of a format that it cannot
// fill from a dictionary.
type formatter struct {
	shift int  // how much longer Python's format is than the pattern, so far
	keyed bool // a directive was filled before
}

// odd judges a percent sign that starts no directive: %(key)s with a known key
// is one in long form, all else is an error.
func (f *formatter) odd(pattern string, i int) (key string, size int, err error) {
	p := i + 1
	if p < len(pattern) && pattern[p] == '(' {
		end := closing(pattern, p)
		if end < 0 {
			return "", 0, errors.New("incomplete format key")
		}
		key, p = pattern[p+1:end], end+1
		if _, known := directives()[key]; !known {
			return "", 0, errors.New(pytext.Repr(longForm(key)))
		}
	}
	for p < len(pattern) && strings.IndexByte("-+ #0", pattern[p]) >= 0 {
		p++
	}
	if p < len(pattern) && pattern[p] == '*' {
		if key == "" && f.keyed {
			return "", 0, errNoArgument
		}
		return "", 0, errors.New("* wants int")
	}
	for p < len(pattern) && (pattern[p] == '.' || '0' <= pattern[p] && pattern[p] <= '9') {
		p++
	}
	if p < len(pattern) && strings.IndexByte("hlL", pattern[p]) >= 0 {
		p++
	}
	if p >= len(pattern) {
		return "", 0, errors.New("incomplete format")
	}
	return f.conversion(pattern, key, p)
}

// conversion judges the conversion character at pattern[p].
func (f *formatter) conversion(pattern, key string, p int) (string, int, error) {
	if key == "" && f.keyed {
		return "", 0, errNoArgument
	}
	kind := "dict"
	if key != "" {
		kind = "str"
	}
	c, _ := utf8.DecodeRuneInString(pattern[p:])
	switch {
	case key != "" && (c == 's'):
		start := strings.LastIndexByte(pattern[:p], '%')
		return key, p + 1 - start, nil
	case strings.ContainsRune("diu", c):
		return "", 0, fmt.Errorf("%%%c format: a real number is required, not %s", c, kind)
	case strings.ContainsRune("oxX", c):
		return "", 0, fmt.Errorf("%%%c format: an integer is required, not %s", c, kind)
	case strings.ContainsRune("eEfFgG", c):
		return "", 0, fmt.Errorf("must be real number, not %s", kind)
	}
	shown := c
	if c < 31 || c > 126 {
		shown = '?'
	}
	return "", 0, fmt.Errorf("unsupported format character '%c' (0x%x) at index %d",
		shown, c, utf8.RuneCountInString(pattern[:p])+f.shift)
}

var errNoArgument = errors.New("not enough arguments for format string")

// longForm writes each directive of a text as %(key)s.
func longForm(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		if key := directiveAt(text, i); text[i] == '%' && key != "" {
			b.WriteString("%(" + key + ")s")
			i += 1 + len(key)
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// closing returns the index of the parenthesis that closes the one at
// pattern[open], or -1.
func closing(pattern string, open int) int {
	depth := 0
	for i := open; i < len(pattern); i++ {
		switch pattern[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// yearSpan is what %ExY accepts, in decades: 200 to 202 is 2000 to 2029.
type yearSpan struct{ first, last int }

// yearsAround returns the span from 2000, or the caller's wish, to three years
// from now. A simulated clock of the past does not narrow it below the decade in
// which this was written, since fail2ban asks the real clock here.
func yearsAround(from, now int) yearSpan {
	const writtenIn = 2026
	if from == 0 {
		from = 2000
	}
	return yearSpan{from / 10, (max(now, writtenIn) + 3) / 10}
}

// regex returns the regex of %ExY.
func (y yearSpan) regex() string {
	var decades []string
	for d := y.first; d <= y.last; d++ {
		decades = append(decades, strconv.Itoa(d))
	}
	return `(?P<Y>` + alternatives(decades) + `\d)`
}

// alternatives joins texts of one length into a regex, with what they begin
// with drawn to the front as fail2ban does it.
func alternatives(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	first := texts[0]
	for _, cut := range []int{len(first) - 1, 1} {
		if cut > 0 && allBegin(texts, first[:cut]) {
			rest := make([]string, len(texts))
			for i, t := range texts {
				rest[i] = t[cut:]
			}
			return first[:cut] + alternatives(rest)
		}
	}
	if len(first) > 1 {
		return `(?:` + strings.Join(texts, "|") + `)`
	}
	return `[` + strings.Join(texts, "") + `]`
}

func allBegin(texts []string, prefix string) bool {
	for _, t := range texts {
		if !strings.HasPrefix(t, prefix) {
			return false
		}
	}
	return true
}

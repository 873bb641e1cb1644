package date

import (
	"bytes"
	"strings"
)

// family is a set of traits of a line. Each default template has one that every
// line it matches must hold, wherever the date stands, so that one look at a
// line spares most templates. Traits may be held without a date, never missed.
type family uint32

// Traits: bit i is that of default pattern i, and one for any time of day.
const (
	familyISO        family = 1 << 0
	familySyslog     family = 1<<1 | 1<<14 | 1<<15
	familyYearAfter  family = 1 << 2
	familyDayFirst   family = 1 << 3
	familyApache     family = 1 << 4
	familyCPanel     family = 1 << 5
	familyMonthFirst family = 1 << 6
	familyTimeAlone  family = 1 << 8
	familyAngle      family = 1 << 9
	familySixDigits  family = 1 << 10
	familyAMPM       family = 1 << 11
	familyASSP       family = 1 << 12
	familyCompact    family = 1 << 13
	familyTime       family = 1 << 20
)

// familyAnyTime is every trait that comes with a time of day.
const familyAnyTime = familyISO | familySyslog | familyYearAfter | familyDayFirst | familyApache | familyCPanel |
	familyMonthFirst | familyTimeAlone | familyAngle | familySixDigits | familyAMPM | familyASSP | familyTime

// timePattern stands in many patterns; alone it is the ninth default.
const timePattern = `%H:%M:%S`

// familyOf returns the trait that a pattern needs: that of the default that
// stands in it as a part which every match must hold, else 0.
func familyOf(pattern string) family {
	best, length := family(0), 0
	for i, def := range defaultPatterns {
		source := unboundPattern(def)
		if !strings.Contains(source, "%") || len(source) <= length || !holds(pattern, source) {
			continue
		}
		best, length = 1<<i, len(source)
		if source == timePattern && pattern != def {
			best = familyTime
		}
	}
	return best
}

// holds reports whether part stands in a pattern so that every match of the
// pattern holds a match of it. It may say no where the answer is yes.
func holds(pattern, part string) bool {
	at := strings.Index(pattern, part)
	if at < 0 {
		return false
	}
	return plain(pattern[:at], false) && plain(pattern[at+len(part):], true)
}

// plain walks over a part of a pattern and reports whether it has no choice, no
// group of a special kind and, behind the part in question, no repetition of it.
func plain(text string, behind bool) bool {
	const repeats = "?*+{"
	if behind && text != "" && strings.IndexByte(repeats, text[0]) >= 0 {
		return false
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		rest := text[i+1:]
		switch text[i] {
		case '\\':
			if rest == "" {
				return false
			}
			i++
		case '[':
			end := classEnd(rest)
			if end < 0 {
				return false
			}
			i += end + 1
		case '|':
			return false
		case '(':
			if strings.HasPrefix(rest, "?") && !strings.HasPrefix(rest, "?:") && !strings.HasPrefix(rest, "?P") {
				return false
			}
			depth++
		case ')':
			if depth--; depth < 0 && rest != "" && strings.IndexByte(repeats, rest[0]) >= 0 {
				return false
			}
		}
	}
	return true
}

// classEnd returns where the bracket stands that closes a character class, whose
// text after the opening one is given, or -1.
func classEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ']':
			if i > 0 && text[:i] != "^" {
				return i
			}
		}
	}
	return -1
}

// familiesOf returns the traits that a line holds.
func familiesOf(line []byte, years yearSpan) family {
	held := family(0)
	for i := 0; i < len(line); i++ {
		next := bytes.IndexByte(line[i:], ':')
		if next < 0 {
			break
		}
		i += next
		held |= timeAt(line, i)
	}
	if compactIn(line, years) {
		held |= familyCompact
	}
	return held
}

// timeAt returns the traits of a time of day whose first colon stands at i.
func timeAt(line []byte, i int) family {
	if i == 0 || !digitOrHigh(line[i-1]) {
		return 0
	}
	rest := line[i+1:]
	minute := bytes.IndexByte(rest[:min(len(rest), 9)], ':')
	if minute < 1 || minute+1 >= len(rest) || !digitOrHigh(rest[0]) || !digitOrHigh(rest[minute+1]) {
		return 0
	}
	// Digits of other scripts are not looked at any closer.
	if !ascii(line[max(0, i-24) : i+1+minute+2]) {
		return familyAnyTime
	}
	if minute > 2 || minute == 2 && !digit(rest[1]) {
		return 0
	}
	return familyTime | beforeTime(line, i)
}

func digitOrHigh(c byte) bool { return digit(c) || byteKind[c]&highByte != 0 }

// beforeTime returns the traits that the text before a time of day gives, whose
// first colon stands at i.
func beforeTime(line []byte, i int) family {
	held := family(0)
	for k := max(1, i-8); k < i; k++ {
		if (line[k] == '-' || line[k] == '/') && letter(line[k-1]) {
			held |= familyApache
		}
	}
	h := i - 1
	if h > 0 && digit(line[h-1]) {
		h--
	}
	if h <= 2 {
		held |= familyTimeAlone
	}
	if h == 0 {
		return held
	}
	switch line[h-1] {
	case '@':
		held |= familyAngle
	case ':':
		if k := h - 1 - digitsBefore(line, h-1); k == h-5 && byteBefore(line, k) == '/' && digit(byteBefore(line, k-1)) {
			held |= familyCPanel
		}
	case ' ', 'T', 't':
		e := h - 1
		if e > 0 && line[e-1] == ' ' {
			e--
		}
		held |= beforeBlank(line, e)
	}
	return held
}

// beforeBlank returns the traits of the text that ends at e, before the blanks
// before a time of day.
func beforeBlank(line []byte, e int) family {
	run := digitsBefore(line, e)
	k := e - run
	c := byteBefore(line, k)
	held := family(0)
	switch {
	case run >= 6:
		return familySixDigits
	case run == 4:
		switch c {
		case '-':
			return familyDayFirst | familyMonthFirst
		case '/':
			return familyDayFirst
		case ' ':
			return familyYearAfter | familyAMPM
		}
	case run == 1 || run == 2:
		if c == '-' || c == '/' || c == '.' {
			held |= familyISO | familyDayFirst | familyASSP
		}
		if c == ' ' {
			c = byteBefore(line, k-1)
			if c == '-' || c == '/' || c == '.' {
				held |= familyISO
			}
			if c == ' ' {
				c = byteBefore(line, k-2)
			}
			if letter(c) {
				held |= familySyslog
			}
		}
	}
	return held
}

// digitsBefore counts the digits right before e, up to eight.
func digitsBefore(line []byte, e int) int {
	n := 0
	for n < 8 && e-n > 0 && digit(line[e-n-1]) {
		n++
	}
	return n
}

func byteBefore(line []byte, k int) byte {
	if k <= 0 {
		return 0
	}
	return line[k-1]
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// compactIn reports whether a line may hold a date like 20050123T215959: eight
// digits of a year from 2000 to 2099 on, and what comes before the time. One
// byte in eight tells of any run that long.
func compactIn(line []byte, years yearSpan) bool {
	if years.first < 200 || years.last > 209 {
		return true
	}
	const size = 8
	for i := size - 1; i < len(line); i += size {
		if !digitOrHigh(line[i]) {
			continue
		}
		from, to := i, i+1
		for from > 0 && i-from < size-1 && digitOrHigh(line[from-1]) {
			from--
		}
		for to < len(line) && digitOrHigh(line[to]) {
			to++
		}
		i = max(i, to-size)
		run := line[from:to]
		if len(run) < size || to == len(line) {
			continue
		}
		if !ascii(run) {
			return true
		}
		if c := line[to]; (c == '-' || c == ' ' || c|0x20 == 't') && line[to-size] == '2' && line[to-size+1] == '0' {
			return true
		}
	}
	return false
}

package date

import (
	"bytes"
	"strings"
)

// Many filters have a date pattern of their own, and most of these are plain: one
// directive after the other with fixed characters between them, or with all up to
// one ([^/]*/). Such a pattern has one way to match at a place, so a reader is made of it.

// upTo is the letter of a part such as [^/]*/.
const upTo = '^'

// maxUpTo is how far a reader looks for the character at the end of such a part.
const maxUpTo = 64

// part is a directive or a fixed character of a plain pattern.
type part struct {
	letter byte   // of the directive, 0 for a character, upTo for all up to one
	exact  bool   // two digits always
	blank  bool   // one may stand before the number
	chars  string // the characters of which one must stand there
	fold   bool   // in any case

	least, most int16 // of the directive's number
}

// loose says whether the part takes more or fewer digits.
func (p *part) loose() bool {
	return !p.exact && p.letter != 0 && strings.IndexByte("mdHIMSf", p.letter) >= 0
}

// plainDirectives are those that a plain pattern may have, with their letters.
var plainDirectives = map[string]part{
	"Y": {letter: 'Y'}, "ExY": {letter: 'Y', exact: true},
	"y": {letter: 'y', exact: true, most: 99}, "Exy": {letter: 'y', exact: true, most: 99},
	"m": {letter: 'm', least: 1, most: 12}, "Exm": {letter: 'm', exact: true, least: 1, most: 12},
	"d": {letter: 'd', least: 1, most: 31}, "Exd": {letter: 'd', exact: true, least: 1, most: 31},
	"H": {letter: 'H', most: 23}, "ExH": {letter: 'H', exact: true, most: 23},
	"M": {letter: 'M', most: 59}, "ExM": {letter: 'M', exact: true, most: 59},
	"S": {letter: 'S', most: 61}, "ExS": {letter: 'S', exact: true, most: 61},
	"k": {letter: 'H', blank: true, most: 29}, "I": {letter: 'I', least: 1, most: 12}, "p": {letter: 'p'},
	"a": {letter: 'a'}, "b": {letter: 'b'}, "f": {letter: 'f'}, "z": {letter: 'z'},
}

// plainReader returns a reader of a plain pattern, and how its dates are recognized
// when they repeat; nil for any other.
func plainReader(pattern string) (reader, *repetition) {
	rest, atStart := strings.CutPrefix(pattern, "^")
	begin := false
	if !atStart {
		rest, begin = strings.CutPrefix(rest, tagLineBegin)
	}
	all := plainParts(rest)
	switch {
	case len(all) == 0 || all[0].blank || all[0].letter == upTo || strip(pattern) != pattern || strip(rest) != rest:
		return nil, nil
	case atStart:
		return atFirstByte(all.read), all.repetition()
	case begin:
		return atLineBegin(all.read), all.repetition()
	case all[0].letter == 'z':
		return nil, nil
	}
	return anywhere(all.read, all[0].first()), nil
}

// plainParts takes a plain pattern apart; nil for any other.
func plainParts(pattern string) (all parts) {
	seen, fold := "", alphabetic(pattern)
	for i := 0; i < len(pattern); {
		var p part
		size := 1
		switch c := pattern[i]; {
		case c == '%':
			key := directiveAt(pattern, i)
			p, size = plainDirectives[key], 1+len(key)
			hour := p.letter == 'H' || p.letter == 'I'
			if p.letter == 0 || strings.IndexByte(seen, p.letter) >= 0 || hour && strings.ContainsAny(seen, "HI") {
				return nil
			}
			seen += string(p.letter)
		case strings.HasPrefix(pattern[i:], "[^"):
			until := pattern[i+2 : min(i+3, len(pattern))]
			if until == "" || !strings.Contains("/:, ", until) || !strings.HasPrefix(pattern[i+3:], "]*"+until) {
				return nil
			}
			p.letter, p.chars, size = upTo, until, len("[^/]*/")
		case c == '[':
			end := strings.IndexByte(pattern[i:], ']')
			if end < 2 || strings.Trim(pattern[i+1:i+end], " T/:.,") != "" {
				return nil
			}
			p.chars, size = pattern[i+1:i+end], end+1
		case c == '\\':
			if i+1 == len(pattern) || strings.IndexByte(`[](){}.-/|+*?^$"'`, pattern[i+1]) < 0 {
				return nil
			}
			p.chars, size = pattern[i+1:i+2], 2
		case c < ' ' || c > '~' || strings.IndexByte(`](){}.|+*?^$#`, c) >= 0:
			return nil
		default:
			p.chars = pattern[i : i+1]
		}
		p.fold = fold
		all = append(all, p)
		i += size
	}
	for i := range all {
		if !all.oneWay(i) {
			return nil
		}
	}
	return all
}

// parts are those of a plain pattern.
type parts []part

// oneWay says whether what follows a part tells where the part ends.
func (all parts) oneWay(i int) bool {
	if i+1 == len(all) {
		return all[i].letter != upTo
	}
	next := &all[i+1]
	if all[i].letter == 'z' {
		return false
	}
	return !all[i].loose() || strings.IndexByte("abpz", next.letter) >= 0 || next.letter == 0 && !strings.ContainsAny(next.chars, "0123456789")
}

// repetition is that of a pattern that is tied to the begin of the line.
func (all parts) repetition() *repetition {
	how := &repetition{fixed: all[len(all)-1].letter != 'z', whole: true}
	for i := range all[:max(0, len(all)-2)] {
		point := &all[i+1]
		if all[i].letter == 'S' && point.letter == 0 && strings.Trim(point.chars, ".,") == "" && all[i+2].letter == 'f' {
			how.whole = false
		}
	}
	return how
}

// read is the core of a plain pattern's reader.
func (all parts) read(t *template, line []byte, at, end int, f *fields) (int, verdict) {
	f.reset()
	p := at
	half, twelve := byte('a'), false
	for i := range all {
		size, v := all[i].read(t, line, p, end, f)
		if v != matched {
			return 0, v
		}
		switch all[i].letter {
		case 'I':
			twelve = true
		case 'p':
			half = line[p] | 0x20
		}
		p += size
	}
	if twelve {
		f.hour %= 12
		if half == 'p' {
			f.hour += 12
		}
	}
	last := &all[len(all)-1]
	if last.letter == 'z' || last.letter == 0 && byteKind[line[p-1]]&wordByte == 0 {
		return p, matched
	}
	return p, wordEnds(byteAt(line, p, end))
}

// read reads the part from line[p] on and returns its size.
func (p *part) read(t *template, line []byte, at, end int, f *fields) (size int, v verdict) {
	switch p.letter {
	case 0:
		return 1, p.character(byteAt(line, at, end))
	case upTo:
		near := line[at:min(end, at+maxUpTo)]
		switch i := bytes.IndexByte(near, p.chars[0]); {
		case i >= 0:
			return i + 1, matched
		case at+len(near) < end:
			return 0, unsure
		}
		return 0, unmatched
	case 'Y':
		f.year, v = p.year(t, line, at, end)
		return 4, v
	case 'a', 'b':
		number, isMonth, v := readName(line, at, end)
		switch {
		case v == matched && isMonth != (p.letter == 'b'):
			v = unmatched
		case isMonth:
			f.month = number + 1
		default:
			f.weekday = number
		}
		return 3, v
	case 'p':
		return 2, readHalf(byteAt(line, at, end), byteAt(line, at+1, end))
	case 'f':
		for size < 7 && digit(byteAt(line, at+size, end)) {
			size++
		}
		if size == 0 || size > 6 {
			return 0, unmatched
		}
		return size, matched
	case 'z':
		stop, v := readZone(line, at, end, f, p.fold)
		return stop - at, v
	}
	skip := 0
	if p.blank && byteAt(line, at, end) == ' ' {
		skip = 1
	}
	n, size, v := p.number(line, at+skip, end)
	switch p.letter {
	case 'y':
		f.year = 2000 + int32(n)
	case 'm':
		f.month = n
	case 'd':
		f.day = n
	case 'H', 'I':
		f.hour = n
	case 'M':
		f.minute = n
	case 'S':
		f.second = n
	}
	return skip + size, v
}

// readHalf judges the two letters of am or pm, in any case.
func readHalf(a, b byte) verdict {
	switch {
	case (byteKind[a]|byteKind[b])&highByte != 0:
		return unsure
	case (a|0x20 == 'a' || a|0x20 == 'p') && b|0x20 == 'm':
		return matched
	}
	return unmatched
}

// character judges a byte where a fixed character must stand.
func (p *part) character(c byte) verdict {
	for i := range len(p.chars) {
		want := p.chars[i]
		if c == want || p.fold && letter(want) && c|0x20 == want|0x20 {
			return matched
		}
		// Other characters may be the same but for their case.
		if p.fold && letter(want) && byteKind[c]&highByte != 0 {
			return unsure
		}
	}
	return unmatched
}

// year reads four digits.
func (p *part) year(t *template, line []byte, at, end int) (year int32, v verdict) {
	if p.exact {
		return readYear(t, line, at, end)
	}
	for i := range 4 {
		c := byteAt(line, at+i, end)
		if !digit(c) {
			return 0, highUnsure(c)
		}
		year = year*10 + int32(c-'0')
	}
	return year, matched
}

// number reads one digit or two; a blank may stand for the first of a day.
func (p *part) number(line []byte, at, end int) (n int16, size int, v verdict) {
	a, b := byteAt(line, at, end), byteAt(line, at+1, end)
	blank := p.letter == 'd' && !p.exact && a == ' '
	switch {
	case !digit(a) && !blank:
		return 0, 0, highUnsure(a)
	case byteKind[b]&highByte != 0:
		return 0, 0, unsure
	case digit(b) && blank:
		n, size = int16(b-'0'), 2
	case digit(b):
		n, size = int16(a-'0')*10+int16(b-'0'), 2
	case p.exact || blank:
		return 0, 0, unmatched
	default:
		n, size = int16(a-'0'), 1
	}
	if n < p.least || n > p.most {
		return 0, 0, unmatched
	}
	return n, size, matched
}

// first marks the bytes that the part can begin with.
func (p *part) first() *[256]bool {
	switch {
	case p.letter == 'd' && !p.exact:
		return firstDay
	case p.letter == 'a' || p.letter == 'b':
		return firstLetters
	case p.letter == 'p':
		return firstBytes("apAP")
	case p.letter != 0:
		return firstDigits
	case p.fold:
		return firstBytes(strings.ToLower(p.chars) + strings.ToUpper(p.chars))
	}
	return firstBytes(p.chars)
}

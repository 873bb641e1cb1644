package date

// readYear reads the four digits of %ExY.
func readYear(t *template, line []byte, p, end int) (int32, verdict) {
	if p+4 > end || !digit(line[p]) || !digit(line[p+1]) || !digit(line[p+2]) {
		return 0, unmatched
	}
	decade := int(line[p]-'0')*100 + int(line[p+1]-'0')*10 + int(line[p+2]-'0')
	if decade < t.years.first || decade > t.years.last {
		return 0, unmatched
	}
	last := line[p+3]
	if !digit(last) {
		return 0, highUnsure(last)
	}
	return int32(decade*10) + int32(last-'0'), matched
}

// highUnsure is the verdict on a byte that is no ASCII digit: it may belong to
// a digit of another script.
func highUnsure(c byte) verdict {
	if byteKind[c]&highByte != 0 {
		return unsure
	}
	return unmatched
}

// readMonth reads %m: 1 to 12, a single digit with or without zero. What must
// follow tells one digit from two.
func readMonth(line []byte, p, end int) (month int16, size int) {
	a, b := byteAt(line, p, end), byteAt(line, p+1, end)
	switch {
	case a == '0' && '1' <= b && b <= '9':
		return int16(b - '0'), 2
	case a == '1' && '0' <= b && b <= '2':
		return 10 + int16(b-'0'), 2
	case '1' <= a && a <= '9':
		return int16(a - '0'), 1
	}
	return 0, 0
}

// readDay reads %d: 1 to 31, a single digit with or without zero or blank. No
// digit may follow, which tells one digit from two.
func readDay(line []byte, p, end int) (day int16, size int, v verdict) {
	a, b := byteAt(line, p, end), byteAt(line, p+1, end)
	switch {
	case a == ' ' || a == '0':
		if '1' <= b && b <= '9' {
			return int16(b - '0'), 2, matched
		}
	case (a == '1' || a == '2') && byteKind[b]&highByte != 0:
		return 0, 0, unsure
	case (a == '1' || a == '2') && digit(b), a == '3' && (b == '0' || b == '1'):
		return int16(a-'0')*10 + int16(b-'0'), 2, matched
	case '1' <= a && a <= '9':
		return int16(a - '0'), 1, matched
	}
	return 0, 0, unmatched
}

// readClock reads hours, minutes and seconds and returns where they end. Hours
// of two digits go up to maxHour.
func readClock(line []byte, p, end int, maxHour int16, f *fields) (int, verdict) {
	hour, p, v := readTwo(line, p, end, ':')
	if v != matched {
		return 0, v
	}
	minute, p, v := readTwo(line, p, end, ':')
	if v != matched {
		return 0, v
	}
	if hour > maxHour || minute > 59 {
		return 0, unmatched
	}
	a, b := byteAt(line, p, end), byteAt(line, p+1, end)
	if !digit(a) {
		return 0, highUnsure(a)
	}
	if byteKind[b]&highByte != 0 {
		return 0, unsure
	}
	f.hour, f.minute, f.second = hour, minute, int16(a-'0')
	if !digit(b) {
		return p + 1, matched
	}
	f.second = f.second*10 + int16(b-'0')
	if f.second > 61 {
		return 0, unmatched
	}
	return p + 2, matched
}

// readTwo reads one or two digits and the byte that must follow.
func readTwo(line []byte, p, end int, after byte) (number int16, next int, v verdict) {
	a, b := byteAt(line, p, end), byteAt(line, p+1, end)
	if !digit(a) {
		return 0, 0, highUnsure(a)
	}
	if b == after {
		return int16(a - '0'), p + 2, matched
	}
	if !digit(b) {
		return 0, 0, highUnsure(b)
	}
	if byteAt(line, p+2, end) != after {
		return 0, 0, unmatched
	}
	return int16(a-'0')*10 + int16(b-'0'), p + 3, matched
}

// fraction reads a point and one to six digits; with more it does not match.
// A letter after it leaves the point outside the date as well.
func fraction(line []byte, p, end int) (next int, v verdict) {
	q := p + 1
	for q < end && q <= p+7 && digit(line[q]) {
		q++
	}
	if c := byteAt(line, q, end); byteKind[c]&highByte != 0 {
		return 0, unsure
	}
	if q == p+1 || q > p+7 {
		return 0, unmatched
	}
	return q, matched
}

// readZone reads %z: Z, UTC, GMT, or an offset with or without minutes, and
// what must follow it. In a template that ignores case, small letters are left
// to the regex.
func readZone(line []byte, p, end int, f *fields, anyCase bool) (int, verdict) {
	c := byteAt(line, p, end)
	switch {
	case c == '+' || c == '-':
		return readOffset(line, p, end, f)
	case c == 'Z':
		p++
	case c == 'U' && byteAt(line, p+1, end) == 'T' && byteAt(line, p+2, end) == 'C',
		c == 'G' && byteAt(line, p+1, end) == 'M' && byteAt(line, p+2, end) == 'T':
		p += 3
	case anyCase && (c == 'z' || c|0x20 == 'u' || c|0x20 == 'g'):
		return 0, unsure
	default:
		return 0, unmatched
	}
	v := wordEnds(byteAt(line, p, end))
	if v == matched {
		f.zoned, f.zone = true, 0
	}
	return p, v
}

// readOffset reads +hh, +hhmm or +hh:mm, the longest that a word's end follows.
func readOffset(line []byte, p, end int, f *fields) (int, verdict) {
	tens, ones := byteAt(line, p+1, end), byteAt(line, p+2, end)
	if tens != '0' && tens != '1' {
		return 0, unmatched
	}
	if !digit(ones) {
		return 0, highUnsure(ones)
	}
	minutes := (int16(tens-'0')*10 + int16(ones-'0')) * 60
	sign := int16(1)
	if line[p] == '-' {
		sign = -1
	}
	q := p + 3
	if byteAt(line, q, end) == ':' {
		q++
	}
	a, b := byteAt(line, q, end), byteAt(line, q+1, end)
	if byteKind[a]&highByte != 0 || digit(a) && byteKind[b]&highByte != 0 {
		return 0, unsure
	}
	if digit(a) && digit(b) {
		v := wordEnds(byteAt(line, q+2, end))
		if v == matched {
			f.zoned, f.zone = true, sign*(minutes+int16(a-'0')*10+int16(b-'0'))
		}
		if v != unmatched {
			return q + 2, v
		}
	}
	v := wordEnds(byteAt(line, p+3, end))
	if v == matched {
		f.zoned, f.zone = true, sign*minutes
	}
	return p + 3, v
}

// readName reads the three letters of a weekday (0 is Monday) or month (0 is
// January), in any case.
func readName(line []byte, p, end int) (number int16, isMonth bool, v verdict) {
	if p+3 > end {
		return 0, false, unmatched
	}
	a, b, c := line[p], line[p+1], line[p+2]
	if (byteKind[a]|byteKind[b]|byteKind[c])&highByte != 0 {
		return 0, false, unsure
	}
	n, ok := shortName(uint32(a|0x20)<<16 | uint32(b|0x20)<<8 | uint32(c|0x20))
	if !ok {
		return 0, false, unmatched
	}
	return n &^ monthName, n&monthName != 0, matched
}

// monthName marks a name as a month's.
const monthName = 0x10

// shortName returns the number of a day or month by its three small letters.
func shortName(letters uint32) (number int16, ok bool) {
	switch letters {
	case 'm'<<16 | 'o'<<8 | 'n':
		return 0, true
	case 't'<<16 | 'u'<<8 | 'e':
		return 1, true
	case 'w'<<16 | 'e'<<8 | 'd':
		return 2, true
	case 't'<<16 | 'h'<<8 | 'u':
		return 3, true
	case 'f'<<16 | 'r'<<8 | 'i':
		return 4, true
	case 's'<<16 | 'a'<<8 | 't':
		return 5, true
	case 's'<<16 | 'u'<<8 | 'n':
		return 6, true
	case 'j'<<16 | 'a'<<8 | 'n':
		return monthName, true
	case 'f'<<16 | 'e'<<8 | 'b':
		return monthName | 1, true
	case 'm'<<16 | 'a'<<8 | 'r':
		return monthName | 2, true
	case 'a'<<16 | 'p'<<8 | 'r':
		return monthName | 3, true
	case 'm'<<16 | 'a'<<8 | 'y':
		return monthName | 4, true
	case 'j'<<16 | 'u'<<8 | 'n':
		return monthName | 5, true
	case 'j'<<16 | 'u'<<8 | 'l':
		return monthName | 6, true
	case 'a'<<16 | 'u'<<8 | 'g':
		return monthName | 7, true
	case 's'<<16 | 'e'<<8 | 'p':
		return monthName | 8, true
	case 'o'<<16 | 'c'<<8 | 't':
		return monthName | 9, true
	case 'n'<<16 | 'o'<<8 | 'v':
		return monthName | 10, true
	case 'd'<<16 | 'e'<<8 | 'c':
		return monthName | 11, true
	}
	return 0, false
}

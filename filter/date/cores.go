package date

// readISO reads 2005-01-23T21:59:59.98+02:00 and its like.
func readISO(t *template, line []byte, at, end int, f *fields) (int, verdict) {
	return readISODate(t, line, at, end, f, true)
}

// readISONginx reads the same with just one blank or T before the time.
func readISONginx(t *template, line []byte, at, end int, f *fields) (int, verdict) {
	return readISODate(t, line, at, end, f, false)
}

func readISODate(t *template, line []byte, at, end int, f *fields, twoBlanks bool) (int, verdict) {
	year, v := readYear(t, line, at, end)
	if v != matched {
		return 0, v
	}
	p := at + 4
	sep := byteAt(line, p, end)
	if sep != '-' && sep != '/' && sep != '.' {
		return 0, unmatched
	}
	p++
	month, size := readMonth(line, p, end)
	if p += size; size == 0 || byteAt(line, p, end) != sep {
		return 0, unmatched
	}
	p++
	day, size, v := readDay(line, p, end)
	if v != matched {
		return 0, v
	}
	p += size
	switch c := byteAt(line, p, end); {
	case c == ' ' && twoBlanks && byteAt(line, p+1, end) == ' ':
		p += 2
	case c == ' ' || c == 'T':
		p++
	default:
		return 0, unmatched
	}
	f.reset()
	f.year, f.month, f.day = year, month, day
	if p, v = readClock(line, p, end, 23, f); v != matched {
		return 0, v
	}
	return endISO(line, p, end, f)
}

// endISO reads what may follow the seconds: a fraction, a zone.
func endISO(line []byte, p, end int, f *fields) (int, verdict) {
	c := byteAt(line, p, end)
	if c == '.' || c == ',' {
		// With more digits than a fraction may have, or a letter after it, the
		// date ends before the point.
		q, v := fraction(line, p, end)
		if v == matched {
			q, v = endZone(line, q, end, f)
		}
		if v == unmatched {
			return p, matched
		}
		return q, v
	}
	return endZone(line, p, end, f)
}

// readSyslog reads Jan 23 21:59:59, with weekday, fraction and year if given.
func readSyslog(t *template, line []byte, at, end int, f *fields) (int, verdict) {
	p := at
	number, isMonth, v := readName(line, p, end)
	if v != matched {
		return 0, v
	}
	weekday := int16(none)
	if !isMonth {
		weekday = number
		if byteAt(line, p+3, end) != ' ' {
			return 0, unmatched
		}
		p += 4
		if number, isMonth, v = readName(line, p, end); v != matched {
			return 0, v
		}
		if !isMonth {
			return 0, unmatched
		}
	}
	p += 3
	if byteAt(line, p, end) != ' ' {
		return 0, unmatched
	}
	p++
	day, size, v := readDay(line, p, end)
	if v != matched {
		return 0, v
	}
	if p += size; byteAt(line, p, end) != ' ' {
		return 0, unmatched
	}
	if p++; byteAt(line, p, end) == ' ' {
		p++
	}
	f.reset()
	f.weekday, f.month, f.day = weekday, number+1, day
	if p, v = readClock(line, p, end, 29, f); v != matched {
		return 0, v
	}
	return endSyslog(t, line, p, end, f)
}

// endSyslog reads what may follow the seconds: a fraction, a year.
func endSyslog(t *template, line []byte, p, end int, f *fields) (int, verdict) {
	if byteAt(line, p, end) == '.' {
		q, v := fraction(line, p, end)
		if v == matched {
			q, v = endYear(t, line, q, end, f)
		}
		if v == unmatched {
			return p, matched
		}
		return q, v
	}
	return endYear(t, line, p, end, f)
}

// endYear reads an optional year and what must follow the date.
func endYear(t *template, line []byte, p, end int, f *fields) (int, verdict) {
	if byteAt(line, p, end) == ' ' {
		year, v := readYear(t, line, p+1, end)
		if v == matched {
			v = wordEnds(byteAt(line, p+5, end))
		}
		switch v {
		case unsure:
			return 0, unsure
		case matched:
			f.year = year
			return p + 5, matched
		}
		return p, matched
	}
	return p, wordEnds(byteAt(line, p, end))
}

// readApache reads 31/Oct/2006:09:22:55 -0000 and its like.
func readApache(t *template, line []byte, at, end int, f *fields) (int, verdict) {
	// Most digits in a line are far from a slash.
	if a, b := byteAt(line, at+1, end), byteAt(line, at+2, end); !dateSlash(a) && !dateSlash(b) && byteKind[a]&highByte == 0 {
		return 0, unmatched
	}
	day, size, v := readDay(line, at, end)
	if v != matched {
		return 0, v
	}
	p := at + size
	sep := byteAt(line, p, end)
	if !dateSlash(sep) {
		return 0, unmatched
	}
	month, isMonth, v := readName(line, p+1, end)
	if v != matched {
		return 0, v
	}
	if p += 4; !isMonth || byteAt(line, p, end) != sep {
		return 0, unmatched
	}
	year, v := readYear(t, line, p+1, end)
	if v != matched {
		return 0, v
	}
	p += 5
	if c := byteAt(line, p, end); c == ':' || c == ' ' {
		p++
	}
	f.reset()
	f.year, f.month, f.day = year, month+1, day
	if p, v = readClock(line, p, end, 23, f); v != matched {
		return 0, v
	}
	if byteAt(line, p, end) == '.' {
		q, v := fraction(line, p, end)
		if v == matched {
			q, v = endOneBlankZone(line, q, end, f)
		}
		if v == unmatched {
			return p, matched
		}
		return q, v
	}
	return endOneBlankZone(line, p, end, f)
}

func dateSlash(c byte) bool { return c == '-' || c == '/' }

// endOneBlankZone reads an optional zone after exactly one blank.
func endOneBlankZone(line []byte, p, end int, f *fields) (int, verdict) {
	if byteAt(line, p, end) != ' ' {
		return p, wordEnds(byteAt(line, p, end))
	}
	stop, v := readZone(line, p+1, end, f, true)
	if v == unmatched {
		return p, matched
	}
	return stop, v
}

// endZone reads an optional zone, after any white space, and what must follow.
func endZone(line []byte, p, end int, f *fields) (int, verdict) {
	q := p
	for byteKind[byteAt(line, q, end)]&spaceByte != 0 {
		q++
	}
	if byteKind[byteAt(line, q, end)]&highByte != 0 {
		return 0, unsure
	}
	if stop, v := readZone(line, q, end, f, false); v != unmatched {
		return stop, v
	}
	return p, wordEnds(byteAt(line, p, end))
}

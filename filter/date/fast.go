package date

import "bytes"

// Nearly all logs use one of a few formats, and the date is looked for in every
// line. The readers here find those formats without a regex, in one pass and
// without memory of their own. They give exactly the regex's match or say that
// they are unsure, above all at any byte that is not ASCII.

// verdict is what a reader says of a line.
type verdict uint8

const (
	unmatched verdict = iota
	matched
	unsure // only the regex can tell
)

// reader finds a template's match in line[pos:end].
type reader func(t *template, line []byte, pos, end int, h *hit) verdict

// core reads the date itself, from line[at] on, with what must follow it, and
// returns where it ends.
type core func(t *template, line []byte, at, end int, f *fields) (stop int, v verdict)

const (
	isoPattern    = `%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?)%H:%M:%S(?:[.,]%f)?(?:\s*%z)?`
	isoNginx      = `%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\s*%z)?`
	syslogPattern = `(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?`
	apachePattern = `%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?%H:%M:%S(?:\.%f)?(?: %z)?`
	inBrackets    = `^[^\[]*\[(`
)

// readers are the readers by pattern.
var readers = map[string]reader{
	tagLineBegin + isoPattern:        atLineBegin(readISO),
	tagLineBegin + isoNginx:          atLineBegin(readISONginx),
	tagLineBegin + syslogPattern:     atLineBegin(readSyslog),
	tagLineBegin + apachePattern:     atLineBegin(readApache),
	"^" + isoPattern:                 atFirstByte(readISO),
	"^" + syslogPattern:              atFirstByte(readSyslog),
	"^" + apachePattern:              atFirstByte(readApache),
	isoPattern:                       anywhere(readISO, firstDigits),
	syslogPattern:                    anywhere(readSyslog, firstLetters),
	apachePattern:                    anywhere(readApache, firstDay),
	inBrackets + isoPattern + `)`:    afterBracket(readISO),
	inBrackets + syslogPattern + `)`: afterBracket(readSyslog),
	inBrackets + apachePattern + `)`: afterBracket(readApache),

	"EPOCH":                 epochAnywhere,
	tagLineBegin + "Epoch":  atLineBegin(readEpoch),
	"TAI64N":                taiAnywhere,
	tagLineBegin + "TAI64N": atLineBegin(readTAI64N),
}

// readerOf returns the reader of a pattern, and how its dates are recognized when
// they repeat; nil for what there is none of.
func readerOf(t *template, pattern string) (reader, *repetition) {
	if t.kind == kindEpoch && t.long {
		return nil, nil
	}
	if !t.hasPattern {
		// Keywords may be written in any case.
		pattern = t.name
		if pattern == "Epoch" {
			pattern = "EPOCH"
		}
	}
	if read := readers[pattern]; read != nil || t.kind != kindFields {
		return read, repeating[pattern]
	}
	return plainReader(pattern)
}

// What the bytes of a line are to a regex.
const (
	wordByte = 1 << iota
	spaceByte
	highByte // not ASCII: of a character that only the regex judges
)

// byteKind tells word characters and white space of ASCII.
var byteKind = func() (kinds [256]uint8) {
	for c := range kinds {
		switch b := byte(c); {
		case c >= 0x80:
			kinds[c] = highByte
		case b == '_' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z':
			kinds[c] = wordByte
		case b == ' ' || '\t' <= b && b <= '\r' || 0x1c <= b && b <= 0x1f:
			kinds[c] = spaceByte
		}
	}
	return kinds
}()

// firstBytes marks the bytes that a core can begin with.
func firstBytes(bytes string) *[256]bool {
	var first [256]bool
	for i := range len(bytes) {
		first[bytes[i]] = true
	}
	return &first
}

// The first bytes of cores that are looked for anywhere in a line.
var (
	firstDigits  = firstBytes("0123456789")
	firstDay     = firstBytes(" 0123456789")
	firstLetters = firstBytes("adfjmnostwADFJMNOSTW")
)

// byteAt returns the byte at p, or NUL at the end: for all that is asked here
// the two are the same, no part of a date and no word character.
func byteAt(line []byte, p, end int) byte {
	if p < end {
		return line[p]
	}
	return 0
}

func digit(c byte) bool { return c-'0' < 10 }

// wordEnds judges the lookahead that follows a date's last word character.
func wordEnds(c byte) verdict {
	switch {
	case byteKind[c]&highByte != 0:
		return unsure
	case byteKind[c]&wordByte != 0:
		return unmatched
	}
	return matched
}

// atLineBegin reads a core at the begin of a line, after at most two characters
// that belong to no word.
func atLineBegin(read core) reader {
	return func(t *template, line []byte, pos, end int, h *hit) verdict {
		if pos > 0 {
			return unmatched
		}
		skip := 0
		for skip < 2 && skip < end && byteKind[line[skip]]&wordByte == 0 {
			if byteKind[line[skip]]&highByte != 0 {
				return unsure
			}
			skip++
		}
		for ; skip >= 0; skip-- {
			f := h.clear()
			if stop, v := read(t, line, skip, end, f); v != unmatched {
				if v == matched {
					h.moment = f.pack()
				}
				h.start, h.end, h.cutStart, h.cutEnd, h.ascii = 0, stop, skip, stop, true
				return v
			}
		}
		return unmatched
	}
}

// atFirstByte reads a core that begins where the line does.
func atFirstByte(read core) reader {
	return func(t *template, line []byte, pos, end int, h *hit) verdict {
		if pos > 0 {
			return unmatched
		}
		f := h.clear()
		stop, v := read(t, line, 0, end, f)
		if v == matched {
			h.moment = f.pack()
		}
		h.start, h.end, h.cutStart, h.cutEnd, h.ascii = 0, stop, 0, stop, true
		return v
	}
}

// anywhere reads the first core that begins at a word's begin or with a
// character that belongs to no word.
func anywhere(read core, first *[256]bool) reader {
	return func(t *template, line []byte, pos, end int, h *hit) verdict {
		for p := pos; p < end; p++ {
			c := line[p]
			if byteKind[c]&highByte != 0 {
				return unsure
			}
			if !first[c] {
				continue
			}
			if p > 0 && byteKind[c]&wordByte != 0 {
				if before := byteKind[line[p-1]]; before&highByte != 0 {
					return unsure
				} else if before&wordByte != 0 {
					continue
				}
			}
			f := h.clear()
			if stop, v := read(t, line, p, end, f); v != unmatched {
				if v == matched {
					h.moment = f.pack()
				}
				h.start, h.end, h.cutStart, h.cutEnd, h.ascii = p, stop, p, stop, pos == 0
				return v
			}
		}
		return unmatched
	}
}

// afterBracket reads a core right after the line's first opening bracket.
func afterBracket(read core) reader {
	return func(t *template, line []byte, pos, end int, h *hit) verdict {
		if pos > 0 {
			return unmatched
		}
		at := bytes.IndexByte(line[:end], '[')
		if at < 0 {
			return unmatched
		}
		f := h.clear()
		stop, v := read(t, line, at+1, end, f)
		if v == matched {
			h.moment = f.pack()
		}
		h.start, h.end, h.cutStart, h.cutEnd, h.ascii = 0, stop, at+1, stop, false
		return v
	}
}

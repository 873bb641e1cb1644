package date

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// none marks a field that the line does not give.
const none = math.MinInt16

// fields are the parts of a date as they stand in a line. Numbers beyond what a
// field holds are cut to its limits, which no date has either.
type fields struct {
	year, julian         int32 // julian is the day of the year
	month, day           int16
	hour, minute, second int16
	weekday              int16 // 0 is Monday
	week                 int16 // of the year
	zone                 int16 // minutes east of UTC, if zoned
	weekMonday           bool  // weeks begin on Monday (%W), not Sunday (%U)
	zoned                bool
	direct               bool // the number is the time, all else is unused
	isInt                bool // with direct: Python holds an int

	number float64 // with direct: seconds since 1970
	err    error   // why the text is no date
}

// reset makes all fields missing. It leaves alone what the time of day and zoned
// say, which start at zero.
func (f *fields) reset() {
	f.year, f.julian = none, none
	f.month, f.day, f.weekday, f.week = none, none, none, none
}

// read takes the fields from the groups of a regex match.
func (t *template) read(line []byte, caps []int) fields {
	var f fields
	f.reset()
	switch t.kind {
	case kindEpoch:
		f.readEpoch(groupText(line, caps, t.epochGroup), t.long)
	case kindTAI64N:
		f.readTAI64N(groupText(line, caps, 1))
	default:
		for i, letter := range t.fieldsOf {
			if letter == 0 || caps[2*i] < 0 {
				continue
			}
			if letter == 'I' {
				t.readHour12(&f, line, caps, i)
			} else {
				f.set(letter, line[caps[2*i]:caps[2*i+1]])
			}
			if f.err != nil {
				break
			}
		}
	}
	return f
}

// groupText returns the text of a group, nil if it took no part.
func groupText(line []byte, caps []int, i int) []byte {
	if 2*i+1 >= len(caps) || caps[2*i] < 0 {
		return nil
	}
	return line[caps[2*i]:caps[2*i+1]]
}

// set reads one group into its field. Groups come in the order of the pattern,
// and a later one overrides an earlier one of the same field.
func (f *fields) set(letter byte, text []byte) {
	switch letter {
	case 'y':
		// Two digits are always of this century: 99 is 2099 (COMPAT 2.5.3).
		if f.year = f.number32(text); f.year <= 2000 {
			f.year += 2000
		}
	case 'Y':
		f.year = f.number32(text)
	case 'm':
		f.month = f.number16(text)
	case 'b':
		f.month = f.nameIndex(text, monthsShortInOrder) + 1
	case 'B':
		f.month = f.nameIndex(text, monthsLongInOrder) + 1
	case 'd':
		f.day = f.number16(text)
	case 'H':
		f.hour = f.number16(text)
	case 'M':
		f.minute = f.number16(text)
	case 'S':
		f.second = f.number16(text)
	case 'A':
		f.weekday = f.nameIndex(text, weekdaysLongInOrder)
	case 'a':
		f.weekday = f.nameIndex(text, weekdaysShortInOrder)
	case 'w':
		if f.weekday = f.number16(text) - 1; f.weekday < 0 {
			f.weekday = 6
		}
	case 'j':
		f.julian = f.number32(text)
	case 'U', 'W':
		f.week = f.number16(text)
		f.weekMonday = letter == 'W'
	case 'z', 'Z':
		f.setZone(text)
	}
}

// Names by their number, from 0.
var (
	weekdaysShortInOrder = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	weekdaysLongInOrder  = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	monthsShortInOrder   = strings.Split(monthsShort, "|")
	monthsLongInOrder    = []string{"january", "february", "march", "april", "may", "june", "july", "august",
		"september", "october", "november", "december"}
)

// nameIndex finds a name. A regex that ignores case can match letters such as
// the long s, which make no name in lower case: no valid date.
func (f *fields) nameIndex(text []byte, names []string) int16 {
	for i, name := range names {
		if len(text) == len(name) && strings.EqualFold(string(text), name) {
			return int16(i)
		}
	}
	f.err = invalid("%q is no name", text)
	return none
}

// readHour12 reads group i, an hour of the 12-hour clock, which needs group p.
func (t *template) readHour12(f *fields, line []byte, caps []int, i int) {
	f.hour = f.number16(line[caps[2*i]:caps[2*i+1]])
	half := ""
	if t.groupP >= 0 {
		text := groupText(line, caps, t.groupP)
		if text == nil && f.err == nil {
			f.err = &LineError{"AttributeError", "'NoneType' object has no attribute 'lower'"}
		}
		half = strings.ToLower(string(text))
	}
	switch {
	case half == "" || half == "am":
		if f.hour == 12 {
			f.hour = 0
		}
	case half == "pm":
		if f.hour != 12 {
			f.hour += 12
		}
	}
}

func (f *fields) setZone(text []byte) {
	f.zoned = true
	switch string(text) {
	case "Z", "UTC", "GMT":
		f.zone = 0
		return
	}
	minutes, err := zoneMinutes(string(text))
	if err != nil {
		f.err = err
	}
	f.zone = int16(minutes)
}

// number32 reads a group as Python's int does.
func (f *fields) number32(text []byte) int32 {
	n, err := pyInt(text)
	if err != nil && f.err == nil {
		f.err = err
	}
	return n
}

// number16 reads a small number; the smallest stands for a missing one.
func (f *fields) number16(text []byte) int16 {
	return int16(max(none+1, min(f.number32(text), math.MaxInt16)))
}

// maxIntDigits is Python's limit for the text of an int.
const maxIntDigits = 4300

// pyInt reads what Python's int() takes: blanks around, a sign, digits of any
// script, single underscores between them. Beyond 32 bits it is the
// OverflowError that the date would raise.
func pyInt(text []byte) (int32, error) {
	t := bytes.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f })
	negative := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		negative, t = t[0] == '-', t[1:]
	}
	value, digits, afterDigit := int64(0), 0, false
	for i := 0; i < len(t); {
		r, size := utf8.DecodeRune(t[i:])
		i += size
		if r == '_' && afterDigit && i < len(t) {
			afterDigit = false
			continue
		}
		d := digitValue(r)
		if d < 0 {
			digits = 0
			break
		}
		afterDigit = true
		digits++
		value = min(value*10+int64(d), math.MaxInt32+1)
	}
	if digits == 0 || !afterDigit || digits > maxIntDigits {
		return none, invalid("%q is no number", text)
	}
	if value > math.MaxInt32 {
		return none, &LineError{"OverflowError", "signed integer is greater than maximum"}
	}
	if negative {
		value = -value
	}
	return int32(value), nil
}

// digitValue returns the value of a decimal digit of any script, or -1.
func digitValue(r rune) int {
	if '0' <= r && r <= '9' {
		return int(r - '0')
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return -1
	}
	// Unicode keeps the digits of a script together, zero to nine; tables may
	// join several scripts' tens into one range.
	for _, table := range unicode.Nd.R16 {
		if rune(table.Lo) <= r && r <= rune(table.Hi) {
			return int(r-rune(table.Lo)) % 10
		}
	}
	for _, table := range unicode.Nd.R32 {
		if rune(table.Lo) <= r && r <= rune(table.Hi) {
			return int(r-rune(table.Lo)) % 10
		}
	}
	return -1
}

// asciiDigits returns text with digits of other scripts made ASCII; ok is
// false where a character is neither a digit nor ASCII.
func asciiDigits(text []byte) (string, bool) {
	var b strings.Builder
	for _, r := range string(text) {
		if r >= 0x80 {
			d := digitValue(r)
			if d < 0 {
				return "", false
			}
			r = rune('0' + d)
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// readEpoch reads a number of seconds; of a long form, 13 characters and more
// are milliseconds, 16 and more without a point microseconds.
func (f *fields) readEpoch(text []byte, long bool) {
	f.direct = true
	if text == nil {
		f.err = &LineError{"TypeError", "float() argument must be a string or a real number, not 'NoneType'"}
		return
	}
	number, ok := asciiDigits(text)
	if !ok {
		f.err = invalid("%q is no number", text)
		return
	}
	var err error
	if f.number, err = strconv.ParseFloat(strings.TrimSpace(number), 64); err != nil {
		f.err = invalid("%q is no number", text)
		return
	}
	if length := utf8.RuneCount(text); long && length >= 13 {
		if length >= 16 && !bytes.ContainsRune(text, '.') {
			f.number /= 1000000
		} else {
			f.number /= 1000
		}
	}
}

// readTAI64N reads the label's hexadecimal seconds (15 digits after "@4"),
// taken as seconds since 1970 without leap seconds (COMPAT 2.4.2).
func (f *fields) readTAI64N(text []byte) {
	f.direct, f.isInt = true, true
	if len(text) < 17 {
		f.err = invalid("%q is no TAI64N label", text)
		return
	}
	n, err := strconv.ParseInt(string(text[2:17]), 16, 64)
	if err != nil {
		f.err = invalid("%q is no TAI64N label", text)
	}
	f.number = float64(n)
}

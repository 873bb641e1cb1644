package date

import (
	"bytes"
	"encoding/binary"
)

// A log's lines come in the order in which they were written, so most dates
// are the one before but for the second and its fraction. Such a line needs no
// reading: what matched before matches again.

// Limits of what is remembered of a date.
const (
	maxRepeat  = 56 // bytes of the line, from its begin or the bracket on
	repeatWait = 32 // lines between two dates that are remembered in vain

	repeatWords = (maxRepeat + 1 + 7) / 8
)

// maxRunLine is how long a line may be that is passed over in a run.
const maxRunLine = 64 << 10

// ending says what may follow a date that is to be taken for a repeated one.
type ending uint8

const (
	endsAnyhow ending = iota // nothing that follows makes it longer
	endsAtYear               // a blank and a year would
	endsAtZone               // white space and a zone would
)

// repeated is what a line must have in common with the last one of its kind.
type repeated struct {
	slot *slot // the template; nil: nothing is remembered
	repetition
	cut    int // where the date begins in text
	length int // where it ends
	second int // where the two digits of the second stand
	digits int // after them a point and so many digits, 0 for none
	text   [maxRepeat]byte
	want   [repeatWords]uint64 // text and the byte after it, eight bytes a word,
	mask   [repeatWords]uint64 // and which of them must be the same
	words  int
	bits   uint64 // the moment with the second 0

	hits, wait int // lines recognized; lines not remembered while there were none

	known bool // stamp is the time of bits
	stamp Stamp
	asked int64 // at this time, Unix seconds
	zone  *Zone // and with this zone
}

// Again is a line's date that is the one before but for the second.
type Again struct {
	Start, End int // byte offsets of the date text
	Time       Stamp
}

// Again recognizes a line whose date is the last one but for the second: Find
// and Time would give the same. It changes nothing; Repeat does then. now is the
// clock's time in Unix seconds.
func (d *Detector) Again(line []byte, now int64) (a Again, ok bool) {
	r := &d.repeated
	at, ok := d.recognize(line)
	if !ok || !d.timed(now) {
		return a, false
	}
	return r.again(line, at), true
}

// again is the date of a line with the remembered text at at.
func (r *repeated) again(line []byte, at int) Again {
	return Again{at + r.cut, at + r.length, r.at(secondOf(line, at+r.second))}
}

// at is the time of a second of the minute.
func (r *repeated) at(second uint64) Stamp {
	return Stamp{r.stamp.Unix + float64(second), r.stamp.Int}
}

// repeats says whether the remembered date is that of the template that won last.
func (d *Detector) repeats() bool {
	r, i := &d.repeated, d.last.index
	return r.slot != nil && i < len(d.slots) && r.slot == d.slots[i]
}

// timed says whether the time of the remembered date is known, as it is now.
func (d *Detector) timed(now int64) bool {
	r := &d.repeated
	return r.known && r.asked == now && r.zone == d.zone
}

// Minute is what the dates that Again recognizes have in common.
type Minute struct {
	First, Last   Stamp // the first and the last second
	Before, After byte  // what stands around the date's text, Before 0 at the begin of a line
}

// Minute tells of the dates that Again would recognize now and whether it would
// any.
func (d *Detector) Minute(now int64) (m Minute, ok bool) {
	r := &d.repeated
	if !d.repeats() || !d.timed(now) {
		return m, false
	}
	m = Minute{First: r.at(0), Last: r.at(59), After: r.text[r.length]}
	if r.cut > 0 {
		m.Before = r.text[r.cut-1]
	}
	return m, true
}

// Repeat notes lines that Again recognized, as Find would.
func (d *Detector) Repeat(now int64, lines int) {
	d.repeated.hits += lines
	s := d.repeated.slot
	s.hits += lines
	if len(d.slots) > 1 {
		s.lastUsed = now
	}
	s.distance, d.last.start = 0, 0
}

// Run is how many lines there are at the beginning of data that Again would
// recognize in the minute that Minute tells of, and how many bytes they have;
// last is the date of the last one, with offsets into data. All of them end in
// a line feed, and none begins with the byte not. At the line in which the byte
// mark stands beyond is asked with the line's offsets: it gives the next mark, or
// -1 if the line is none to pass over. Like Again Run changes nothing.
func (d *Detector) Run(data []byte, not byte, mark int, beyond func(begin, end int) int) (size, lines int, last Again) {
	r := &d.repeated
	begin, from := 0, -1
	for {
		line := data[size:]
		end := bytes.IndexByte(line[:min(len(line), maxRunLine)], '\n')
		if end <= 0 || line[0] == not {
			break
		}
		next := size + end + 1
		if mark < next {
			if mark = beyond(size, next); mark < 0 {
				break
			}
		}
		at := 0
		if r.bracket {
			at = bytes.IndexByte(line[:end], '[')
		}
		// With more than the line behind it the text is faster to compare.
		if at < 0 || end-at < r.length+2 || line[at+r.length+1] == '\r' || !r.fits(line[at:]) {
			break
		}
		begin, from, size = size, at, next
		lines++
	}
	if lines > 0 {
		last = r.again(data[begin:], from)
		last.Start, last.End = last.Start+begin, last.End+begin
	}
	return size, lines, last
}

// repeat is Find for a line whose date is the last one but for the second.
func (d *Detector) repeat(line []byte) (m Match, ok bool) {
	r := &d.repeated
	at, ok := d.recognize(line)
	if !ok {
		return m, false
	}
	now := int64(0)
	if len(d.slots) > 1 {
		now = d.now().Unix()
	}
	d.Repeat(now, 1)
	m.Start, m.End, m.Name = at+r.cut, at+r.length, r.slot.name
	m.moment = moment{bits: r.bits | secondOf(line, at+r.second)<<zoneBits, kind: packedFields}
	return m, true
}

// recognize reports whether the line's date is the last one but for the second,
// and where the remembered text stands.
func (d *Detector) recognize(line []byte) (at int, ok bool) {
	r := &d.repeated
	if !d.repeats() {
		return 0, false
	}
	if r.bracket {
		if at = bytes.IndexByte(line, '['); at < 0 {
			return 0, false
		}
	}
	return at, len(line)-at >= r.length+2 && r.fits(line[at:])
}

// secondOf reads the two digits at i.
func secondOf(text []byte, i int) uint64 { return uint64(text[i]-'0')*10 + uint64(text[i+1]-'0') }

// fits reports whether text begins as the remembered one but for the second.
// It goes at least two bytes beyond the date.
func (r *repeated) fits(text []byte) bool {
	if len(text) < 8*max(4, r.words) {
		var long [8 * repeatWords]byte
		copy(long[:], text)
		text = long[:]
	}
	w := text[:32:32] // most dates are no longer
	if r.differ(w, 0)|r.differ(w[8:], 1)|r.differ(w[16:], 2)|r.differ(w[24:], 3) != 0 {
		return false
	}
	for i := 4; i < r.words; i++ {
		if r.differ(text[8*i:], i) != 0 {
			return false
		}
	}
	if text[r.second]-'0' > 5 || text[r.second+1]-'0' > 9 {
		return false
	}
	for i := range r.digits {
		if !digit(text[r.second+3+i]) {
			return false
		}
	}
	return r.ending == endsAnyhow || text[r.length] != ' ' || r.ending.certain(text[r.length+1])
}

// differ gives what differs in eight bytes from what must be the same in word i.
func (r *repeated) differ(text []byte, i int) uint64 {
	return (binary.LittleEndian.Uint64(text) ^ r.want[i]) & r.mask[i]
}

// compare prepares fits.
func (r *repeated) compare() {
	var mask [8 * repeatWords]byte
	for i := range r.length + 1 {
		mask[i] = 0xff
	}
	mask[r.second], mask[r.second+1] = 0, 0
	for i := range r.digits {
		mask[r.second+3+i] = 0
	}
	var want [8 * repeatWords]byte
	copy(want[:], r.text[:])
	r.words = (r.length + 1 + 7) / 8
	for i := range r.words {
		r.want[i], r.mask[i] = binary.LittleEndian.Uint64(want[8*i:]), binary.LittleEndian.Uint64(mask[8*i:])
	}
}

// certain reports whether a date followed by a blank and this byte is sure to
// end where the one before did.
func (e ending) certain(second byte) bool {
	kind := byteKind[second]
	switch {
	case kind&highByte != 0:
		return false
	case e == endsAtYear:
		return !digit(second)
	}
	switch second | 0x20 {
	case 'z', 'u', 'g', '+' | 0x20, '-' | 0x20:
		return false
	}
	return kind&spaceByte == 0
}

// remember notes the date with which a template has just won, if its format is
// one that repeats.
func (d *Detector) remember(s *slot, line []byte, h *hit) {
	r := &d.repeated
	how := s.repeating
	if how == nil || !s.anchored() || h.moment.kind != packedFields || h.cutEnd >= len(line) {
		return
	}
	if r.slot != nil && r.hits == 0 && r.wait < repeatWait {
		r.wait++
		return
	}
	*r = repeated{repetition: *how}
	from := 0
	if r.bracket {
		from = bytes.IndexByte(line, '[')
	}
	r.cut, r.length = h.cutStart-from, h.cutEnd-from
	if r.length >= maxRepeat || r.cut < 0 {
		return
	}
	copy(r.text[:], line[from:h.cutEnd+1])
	if !r.findSecond() || !r.plainEnd() {
		return
	}
	const seconds = (1<<secondBits - 1) << zoneBits
	r.bits = h.moment.bits &^ seconds
	if h.moment.bits&seconds == secondOf(r.text[:], r.second)<<zoneBits {
		r.compare()
		r.slot = s
	}
}

// findSecond finds the second and its fraction in the text, and whether a zone
// or a year follows, after which no other can.
func (r *repeated) findSecond() bool {
	text := r.text[:r.length]
	at := 0
	for i := r.cut + 4; i+2 < len(text); i++ {
		if text[i] == ':' && digit(text[i-1]) && digit(text[i-2]) && text[i-3] == ':' {
			at = i + 1
		}
	}
	if at == 0 || !digit(text[at]) || !digit(text[at+1]) || text[at] > '5' {
		return false
	}
	r.second = at
	after := at + 2
	if !r.whole && after < len(text) && (text[after] == '.' || text[after] == ',') {
		for after++; after < len(text) && digit(text[after]); after++ {
			r.digits++
		}
	}
	if after < len(text) {
		r.ending = endsAnyhow
	}
	return after == at+2 || r.digits > 0
}

// plainEnd reports whether the byte after the date is one that never belongs
// to a date, or a blank that certain looks behind. Where the date ends in any case
// it is any byte, but not of a character that only a regex judges.
func (r *repeated) plainEnd() bool {
	next := r.text[r.length]
	return next == ' ' || next == ']' || r.fixed && byteKind[next]&highByte == 0
}

// repeatedTime is the time of a moment that is the remembered one but for the
// second.
func (d *Detector) repeatedTime(m moment) (stamp Stamp, ok bool) {
	const seconds = (1<<secondBits - 1) << zoneBits
	r := &d.repeated
	second := m.bits & seconds >> zoneBits
	if m.kind != packedFields || m.bits&^seconds != r.bits || second > 59 || r.slot == nil {
		return stamp, false
	}
	if now := d.now().Unix(); !d.timed(now) {
		first, err := moment{bits: r.bits, kind: packedFields}.resolve(d.now, d.zone, d.local)
		last, err2 := moment{bits: r.bits | 59<<zoneBits, kind: packedFields}.resolve(d.now, d.zone, d.local)
		// Within the minute the year may be another, or the offset of local time.
		r.known = err == nil && err2 == nil && last.Unix-first.Unix == 59
		if !r.known {
			return stamp, false
		}
		r.stamp, r.asked, r.zone = first, now, d.zone
	}
	return Stamp{Unix: r.stamp.Unix + float64(second), Int: r.stamp.Int}, true
}

// repetition says how the dates of a template are recognized when they repeat.
type repetition struct {
	bracket bool // text begins at the line's first bracket, not at its begin
	ending  ending
	fixed   bool // nothing that follows makes the date longer
	whole   bool // the second has no fraction
}

// repeating are the patterns for which it is known; see plainReader for others.
var repeating = map[string]*repetition{
	tagLineBegin + isoPattern:        {ending: endsAtZone},
	tagLineBegin + isoNginx:          {ending: endsAtZone},
	tagLineBegin + syslogPattern:     {ending: endsAtYear},
	tagLineBegin + apachePattern:     {ending: endsAtZone},
	"^" + isoPattern:                 {ending: endsAtZone},
	"^" + syslogPattern:              {ending: endsAtYear},
	"^" + apachePattern:              {ending: endsAtZone},
	inBrackets + isoPattern + `)`:    {bracket: true, ending: endsAtZone},
	inBrackets + syslogPattern + `)`: {bracket: true, ending: endsAtYear},
	inBrackets + apachePattern + `)`: {bracket: true, ending: endsAtZone},
}

package date

import "math"

// moment is what a match says of the time, small enough to hand around: the
// fields of nearly all dates fit into one number.
type moment struct {
	bits uint64
	rest *fields // with unpacked, all of it
	kind momentKind
}

type momentKind uint8

const (
	unpacked     momentKind = iota
	packedFields            // bits are the fields
	floatSeconds            // bits are a float's, seconds since 1970
	wholeSeconds            // the same, of which Python makes an int
)

// How many bits each packed field takes. A field of 0 is missing, but for the
// time of day; the zone is moved to be positive.
const (
	yearBits, monthBits, dayBits     = 14, 4, 5
	hourBits, minuteBits, secondBits = 5, 6, 6
	zoneBits, zoneMove               = 12, 1 << 11
)

// pack returns the fields as a moment.
func (f *fields) pack() moment {
	if f.direct && f.err == nil {
		kind := floatSeconds
		if f.isInt {
			kind = wholeSeconds
		}
		return moment{bits: math.Float64bits(f.number), kind: kind}
	}
	year, month, day := uint64(f.year), uint64(f.month), uint64(f.day)
	if f.year == none {
		year = 0
	}
	if f.month == none && f.day == none {
		month, day = 0, 0
	}
	if !f.packable() {
		rest := *f
		return moment{rest: &rest}
	}
	bits := year
	bits = bits<<monthBits | month
	bits = bits<<dayBits | day
	bits = bits<<hourBits | uint64(f.hour)
	bits = bits<<minuteBits | uint64(f.minute)
	bits = bits<<secondBits | uint64(f.second)
	bits <<= zoneBits
	if f.zoned {
		bits |= uint64(f.zone + zoneMove)
	}
	return moment{bits: bits, kind: packedFields}
}

// packable reports whether the fields are those of a usual date.
func (f *fields) packable() bool {
	return f.err == nil && f.julian == none && f.week == none &&
		(f.year == none || 1 <= f.year && f.year <= 9999) &&
		(f.month == none && f.day == none || 1 <= f.month && f.month <= 12 && 1 <= f.day && f.day <= 31) &&
		0 <= f.hour && f.hour < 1<<hourBits && 0 <= f.minute && f.minute < 1<<minuteBits && 0 <= f.second && f.second < 1<<secondBits &&
		-zoneMove < f.zone && f.zone < zoneMove
}

// unpack is the inverse of pack.
func (f *fields) unpack(bits uint64) {
	take := func(n uint) uint64 {
		v := bits & (1<<n - 1)
		bits >>= n
		return v
	}
	f.reset()
	if zone := take(zoneBits); zone != 0 {
		f.zoned, f.zone = true, int16(zone)-zoneMove
	}
	f.second, f.minute, f.hour = int16(take(secondBits)), int16(take(minuteBits)), int16(take(hourBits))
	if day := take(dayBits); day != 0 {
		f.day = int16(day)
	}
	if month := take(monthBits); month != 0 {
		f.month = int16(month)
	}
	if year := take(yearBits); year != 0 {
		f.year = int32(year)
	}
}

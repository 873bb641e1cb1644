package date

import (
	"bytes"
	"strconv"
)

// readEpoch reads EPOCH: 10 or 11 digits, 3 to 6 more after a point.
func readEpoch(_ *template, line []byte, at, end int, f *fields) (int, verdict) {
	p := at
	for p < end && p <= at+11 && digit(line[p]) {
		p++
	}
	c := byteAt(line, p, end)
	if v := wordEnds(c); v != matched {
		return 0, v
	}
	if n := p - at; n < 10 || n > 11 {
		return 0, unmatched
	}
	whole := decimal(line[at:p])
	*f = fields{direct: true, number: float64(whole)}
	if c != '.' {
		return p, matched
	}
	q, v := fraction(line, p, end)
	if v == matched && q-p-1 >= 3 {
		v = wordEnds(byteAt(line, q, end))
	}
	if v == unsure {
		return 0, unsure
	}
	if v == unmatched || q-p-1 < 3 {
		return p, matched
	}
	f.number = withFraction(whole, line[p+1:q])
	return q, matched
}

// decimal reads digits that are few enough for 64 bits.
func decimal(digits []byte) (n int64) {
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	return n
}

// powers of ten for the length of a fraction.
var powers = [...]int64{1, 10, 100, 1000, 10000, 100000, 1000000}

// withFraction returns the float nearest to the number with these decimals: one
// division of two whole numbers that a float holds exactly, where it does.
func withFraction(whole int64, decimals []byte) float64 {
	power := powers[len(decimals)]
	n := whole*power + decimal(decimals)
	for n >= 1<<53 && n%10 == 0 && power > 1 {
		n, power = n/10, power/10
	}
	if n < 1<<53 {
		return float64(n) / float64(power)
	}
	var text [32]byte
	b := append(strconv.AppendInt(text[:0], whole, 10), '.')
	f, _ := strconv.ParseFloat(string(append(b, decimals...)), 64) // digits and a point are a float
	return f
}

// epochAnywhere finds EPOCH where fail2ban lets it stand: at the line's begin,
// after a bracket there, or after "audit(".
func epochAnywhere(t *template, line []byte, pos, end int, h *hit) verdict {
	for p := pos; p <= 1 && p < end; p++ {
		if p == 1 && line[0] != '[' {
			break
		}
		if v := epochAt(t, line, p, end, h); v != unmatched {
			return v
		}
	}
	const audit = "audit("
	for from := max(0, pos-len(audit)); ; {
		i := bytes.Index(line[from:end], []byte(audit))
		if i < 0 {
			return unmatched
		}
		i += from
		from = i + 1
		p := i + len(audit)
		if p < pos {
			continue
		}
		if i > 0 {
			if before := byteKind[line[i-1]]; before&highByte != 0 {
				return unsure
			} else if before&wordByte != 0 {
				continue
			}
		}
		if v := epochAt(t, line, p, end, h); v != unmatched {
			return v
		}
	}
}

func epochAt(t *template, line []byte, p, end int, h *hit) verdict {
	var f fields
	stop, v := readEpoch(t, line, p, end, &f)
	if v == matched {
		h.moment = f.pack()
	}
	h.start, h.end, h.cutStart, h.cutEnd, h.ascii = p, stop, p, stop, false
	return v
}

// taiLength is that of a TAI64N label: @ and 24 hexadecimal digits.
const taiLength = 25

// readTAI64N reads a TAI64N label.
func readTAI64N(_ *template, line []byte, at, end int, f *fields) (int, verdict) {
	stop := at + taiLength
	if stop > end || line[at] != '@' {
		return 0, unmatched
	}
	seconds := uint64(0)
	for i, c := range line[at+1 : stop] {
		var d byte
		switch {
		case digit(c):
			d = c - '0'
		case 'a' <= c && c <= 'f':
			d = c - 'a' + 10
		default:
			return 0, unmatched
		}
		if 1 <= i && i < 16 {
			seconds = seconds<<4 | uint64(d)
		}
	}
	*f = fields{direct: true, isInt: true, number: float64(seconds)}
	return stop, wordEnds(byteAt(line, stop, end))
}

// taiAnywhere finds a TAI64N label.
func taiAnywhere(t *template, line []byte, pos, end int, h *hit) verdict {
	for p := pos; p < end; p++ {
		i := bytes.IndexByte(line[p:end], '@')
		if i < 0 {
			break
		}
		p += i
		var f fields
		if stop, v := readTAI64N(t, line, p, end, &f); v != unmatched {
			if v == matched {
				h.moment = f.pack()
			}
			h.start, h.end, h.cutStart, h.cutEnd, h.ascii = p, stop, p, stop, false
			return v
		}
	}
	return unmatched
}

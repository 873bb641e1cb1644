package filter

import (
	"encoding/binary"
	"math/bits"
)

// finder looks for any of some texts in a log. It looks at the log only here
// and there: each text is longer than the step from one look to the next, so
// that one look falls into it, and a table tells whether what is seen there
// stands in any text.
type finder struct {
	step    int    // bytes from look to look: 1, 2, 4 or 8
	mask    uint32 // which of the four bytes at a look count
	table   [1 << finderBits]uint8
	spots   [][]spot // by what the table gives, 0 for nothing
	needles []needle
}

// needle is a text to look for, and what it means when it is found.
type needle struct {
	text string
	bits uint64
}

// spot is a place in a needle.
type spot struct {
	needle, at int
}

const (
	finderBits = 14 // of the table's index
	minNeedle  = 2  // bytes of the shortest text
)

func finderHash(x uint32) uint32 { return x * 0x9e3779b1 >> (32 - finderBits) }

// newFinder returns a finder of texts of at least minNeedle bytes. rarity
// tells, of four bytes of which those in mask count, how often they are seen;
// less is better.
func newFinder(needles []needle, rarity func(x, mask uint32) int) *finder {
	shortest := len(needles[0].text)
	for _, n := range needles {
		shortest = min(shortest, len(n.text))
	}
	seen, step := looks(shortest)
	f := &finder{step: step, mask: uint32(uint64(1)<<(8*seen) - 1), spots: make([][]spot, 1), needles: needles}
	for i, n := range needles {
		f.add(i, n.text, seen, rarity)
	}
	return f
}

// looks tells how many bytes to look at, and how far apart, for texts of a
// length.
func looks(length int) (seen, step int) {
	switch {
	case length >= 11:
		return 4, 8
	case length >= 7:
		return 4, 4
	case length == 6:
		return 3, 4
	case length == 5:
		return 4, 2
	case length == 4:
		return 3, 2
	case length == 3:
		return 2, 2
	}
	return 2, 1
}

// add notes a text by the part of it that is rarest.
func (f *finder) add(i int, text string, seen int, rarity func(x, mask uint32) int) {
	width := f.step + seen - 1
	best, least := 0, -1
	for from := 0; from+width <= len(text); from++ {
		sum := 0
		for at := from; at < from+f.step; at++ {
			sum += rarity(fourBytes(text[at:at+seen]), f.mask)
		}
		if least < 0 || sum < least {
			best, least = from, sum
		}
	}
	for at := best; at < best+f.step; at++ {
		h := finderHash(fourBytes(text[at : at+seen]))
		v := f.table[h]
		if v == 0 {
			if len(f.spots) <= 255 {
				f.spots = append(f.spots, nil)
			}
			v = uint8(len(f.spots) - 1)
			f.table[h] = v
		}
		f.spots[v] = append(f.spots[v], spot{i, at})
	}
}

// fourBytes are the first bytes of text as the finder reads them, 0 where there
// are none.
func fourBytes(text string) uint32 {
	var b [4]byte
	copy(b[:], text)
	return binary.LittleEndian.Uint32(b[:])
}

// finding is a finder on its way through data.
type finding struct {
	*finder
	data []byte
	base int    // where the looks in hits begin
	hits uint64 // what 8 looks gave, one byte for each, those done with 0
	at   int    // where the next looks begin
}

// next finds the next needle, in the order of looks: needles come in the order
// of their lines. at is a place in the needle, bits are those of all needles
// around it.
func (f *finding) next() (at int, bitsFound uint64, ok bool) {
	for {
		for f.hits != 0 {
			k := bits.TrailingZeros64(f.hits) &^ 7
			v := byte(f.hits >> k)
			f.hits &^= 0xff << k
			at = f.base + k>>3*f.step
			if found := f.around(at, v); found != 0 {
				return at, found, true
			}
		}
		if f.at >= len(f.data) {
			return 0, 0, false
		}
		f.look()
	}
}

// around returns the bits of the needles of which a part stands at at.
func (f *finding) around(at int, v byte) (found uint64) {
	for _, s := range f.spots[v] {
		n := &f.needles[s.needle]
		if from := at - s.at; from >= 0 && len(f.data)-from >= len(n.text) && string(f.data[from:from+len(n.text)]) == n.text {
			found |= n.bits
		}
	}
	return found
}

// look goes on to the next 8 looks that give anything.
func (f *finding) look() {
	rest := f.data[f.at:]
	var done int
	switch f.step {
	case 8:
		done, f.hits = f.look8(rest)
	case 4:
		done, f.hits = f.look4(rest)
	case 2:
		done, f.hits = f.look2(rest)
	default:
		done, f.hits = f.look1(rest)
	}
	f.at += done
	if f.hits == 0 {
		f.lookAtEnd()
	}
	f.base = f.at - 8*f.step
}

// lookAtEnd looks 8 times where the data may end.
func (f *finding) lookAtEnd() {
	for k := 0; k < 8 && f.at+k*f.step < len(f.data); k++ {
		var b [4]byte
		copy(b[:], f.data[f.at+k*f.step:])
		f.hits |= uint64(f.table[finderHash(binary.LittleEndian.Uint32(b[:])&f.mask)]) << (8 * k)
	}
	f.at += 8 * f.step
}

// look8 looks at every eighth place until something is seen. done is where it
// stopped, hits what the last 8 looks gave.
func (f *finder) look8(data []byte) (done int, hits uint64) {
	tab, mask := &f.table, f.mask
	for ; len(data)-done >= 64; done += 64 {
		w := data[done : done+64 : done+64]
		hits = uint64(tab[finderHash(binary.LittleEndian.Uint32(w)&mask)]) |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[8:])&mask)])<<8 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[16:])&mask)])<<16 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[24:])&mask)])<<24 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[32:])&mask)])<<32 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[40:])&mask)])<<40 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[48:])&mask)])<<48 |
			uint64(tab[finderHash(binary.LittleEndian.Uint32(w[56:])&mask)])<<56
		if hits != 0 {
			return done + 64, hits
		}
	}
	return done, 0
}

// look4 is look8 for every fourth place.
func (f *finder) look4(data []byte) (done int, hits uint64) {
	tab, mask := &f.table, f.mask
	for ; len(data)-done >= 32; done += 32 {
		w := data[done : done+32 : done+32]
		a, b := binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[8:])
		c, d := binary.LittleEndian.Uint64(w[16:]), binary.LittleEndian.Uint64(w[24:])
		hits = uint64(tab[finderHash(uint32(a)&mask)]) | uint64(tab[finderHash(uint32(a>>32)&mask)])<<8 |
			uint64(tab[finderHash(uint32(b)&mask)])<<16 | uint64(tab[finderHash(uint32(b>>32)&mask)])<<24 |
			uint64(tab[finderHash(uint32(c)&mask)])<<32 | uint64(tab[finderHash(uint32(c>>32)&mask)])<<40 |
			uint64(tab[finderHash(uint32(d)&mask)])<<48 | uint64(tab[finderHash(uint32(d>>32)&mask)])<<56
		if hits != 0 {
			return done + 32, hits
		}
	}
	return done, 0
}

// look2 is look8 for every second place.
func (f *finder) look2(data []byte) (done int, hits uint64) {
	tab, mask := &f.table, f.mask
	for ; len(data)-done >= 18; done += 16 {
		w := data[done : done+18 : done+18]
		a, b := binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[8:])
		c, d := binary.LittleEndian.Uint32(w[6:]), binary.LittleEndian.Uint32(w[14:])
		hits = uint64(tab[finderHash(uint32(a)&mask)]) | uint64(tab[finderHash(uint32(a>>16)&mask)])<<8 |
			uint64(tab[finderHash(uint32(a>>32)&mask)])<<16 | uint64(tab[finderHash(c&mask)])<<24 |
			uint64(tab[finderHash(uint32(b)&mask)])<<32 | uint64(tab[finderHash(uint32(b>>16)&mask)])<<40 |
			uint64(tab[finderHash(uint32(b>>32)&mask)])<<48 | uint64(tab[finderHash(d&mask)])<<56
		if hits != 0 {
			return done + 16, hits
		}
	}
	return done, 0
}

// look1 is look8 for every place, where two bytes count.
func (f *finder) look1(data []byte) (done int, hits uint64) {
	tab, mask := &f.table, f.mask
	for ; len(data)-done >= 9; done += 8 {
		w := data[done : done+9 : done+9]
		a := binary.LittleEndian.Uint64(w)
		hits = uint64(tab[finderHash(uint32(a)&mask)]) | uint64(tab[finderHash(uint32(a>>8)&mask)])<<8 |
			uint64(tab[finderHash(uint32(a>>16)&mask)])<<16 | uint64(tab[finderHash(uint32(a>>24)&mask)])<<24 |
			uint64(tab[finderHash(uint32(a>>32)&mask)])<<32 | uint64(tab[finderHash(uint32(a>>40)&mask)])<<40 |
			uint64(tab[finderHash(uint32(a>>48)&mask)])<<48 | uint64(tab[finderHash(uint32(a>>56)|uint32(w[8])<<8)])<<56
		if hits != 0 {
			return done + 8, hits
		}
	}
	return done, 0
}

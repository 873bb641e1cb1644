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
	pace
	factor  uint32 // of the hash, which takes as many bytes as a look sees
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

// pace is how many bytes a look sees, and how far it is to the next.
type pace struct{ seen, step int }

// width is how many bytes of a text the looks of a pace need.
func (p pace) width() int { return p.seen + p.step - 1 }

// paces are those to choose from.
var paces = []pace{{4, 8}, {4, 4}, {3, 4}, {4, 2}, {3, 2}, {2, 2}, {2, 1}}

const (
	finderBits = 14 // of the hash
	minNeedle  = 2  // bytes of the shortest text
)

// What looks cost, in nanoseconds or so.
const (
	lookCost = 0.5
	stopCost = 25 // to see whether a text stands where a look saw something
)

// wholeFactor is what the hash multiplies by where all four bytes count.
const wholeFactor = 0x9e3779b1

// factor is what the hash multiplies by: what a look does not see falls off at
// the top, and what is left is the golden ratio again.
func (p pace) factor() uint32 {
	unseen := 8 * (4 - p.seen)
	return wholeFactor >> unseen << unseen
}

func finderHash(x, factor uint32) uint32 { return x * factor >> (32 - finderBits) }

// newFinder returns a finder of texts of at least minNeedle bytes with the pace
// that is cheapest for a log.
func newFinder(needles []needle, log *logSample) *finder {
	shortest := len(needles[0].text)
	for _, n := range needles {
		shortest = min(shortest, len(n.text))
	}
	best, least := pace{}, -1.0
	for _, p := range paces {
		if p.width() > shortest {
			continue
		}
		if _, cost := p.plan(needles, log); least < 0 || cost < least {
			best, least = p, cost
		}
	}
	return best.finder(needles, log)
}

// finder returns a finder with that pace.
func (p pace) finder(needles []needle, log *logSample) *finder {
	f := &finder{pace: p, factor: p.factor(), spots: make([][]spot, 1), needles: needles}
	places, _ := p.plan(needles, log)
	for i, from := range places {
		f.add(i, from)
	}
	return f
}

// plan chooses for each text the part of it that is rarest, and estimates what
// looking costs, a byte of the log.
func (p pace) plan(needles []needle, log *logSample) (places []int, cost float64) {
	places = make([]int, len(needles))
	var known [1 << finderBits]bool
	stops := 0
	for i, n := range needles {
		least := -1
		for from := 0; from+p.width() <= len(n.text); from++ {
			sum := 0
			for at := from; at < from+p.step; at++ {
				sum += log.count(n.text[at : at+p.seen])
			}
			if least < 0 || sum < least {
				places[i], least = from, sum
			}
		}
		for at := places[i]; at < places[i]+p.step; at++ {
			text := n.text[at : at+p.seen]
			if h := finderHash(fourBytes(text), wholeFactor); !known[h] {
				known[h] = true
				stops += log.count(text)
			}
		}
	}
	return places, (lookCost + stopCost*float64(stops)/float64(log.bytes)) / float64(p.step)
}

// add notes a text, which is seen by what stands in it from from on.
func (f *finder) add(i, from int) {
	text := f.needles[i].text
	for at := from; at < from+f.step; at++ {
		v := &f.table[finderHash(fourBytes(text[at:at+f.seen]), f.factor)]
		if *v == 0 {
			if len(f.spots) <= 255 {
				f.spots = append(f.spots, nil)
			}
			*v = uint8(len(f.spots) - 1)
		}
		f.spots[*v] = append(f.spots[*v], spot{i, at})
	}
}

// fourBytes are the first bytes of a text as the finder reads them, 0 where there
// are none.
func fourBytes[T string | []byte](text T) uint32 {
	if len(text) >= 4 {
		return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
	}
	var b [4]byte
	copy(b[:], text)
	return binary.LittleEndian.Uint32(b[:])
}

// in says whether any needle is in a line.
func (f *finder) in(line []byte) bool {
	at := 0
	for len(line)-at >= 8*f.step {
		done, hits := f.looks(line[at:])
		at += done
		if hits == 0 {
			break
		}
		if _, found := f.tell(line, at-8*f.step, &hits); found != 0 {
			return true
		}
	}
	for ; at < len(line); at += f.step {
		if v := f.table[finderHash(fourBytes(line[at:]), f.factor)]; v != 0 && f.around(line, at, v) != 0 {
			return true
		}
	}
	return false
}

// all gives the bits of all needles in a line.
func (f *finder) all(line []byte) (found uint64) {
	way := finding{finder: f, data: line}
	for {
		_, bits, ok := way.next()
		if !ok {
			return found
		}
		found |= bits
	}
}

// tell finds the next needle among what 8 looks from base on gave, and takes it
// and those before it away.
func (f *finder) tell(data []byte, base int, hits *uint64) (at int, found uint64) {
	for *hits != 0 {
		k := bits.TrailingZeros64(*hits) &^ 7
		v := byte(*hits >> k)
		*hits &^= 0xff << k
		at = base + k>>3*f.step
		if found = f.around(data, at, v); found != 0 {
			break
		}
	}
	return at, found
}

// around returns the bits of the needles of which a part stands at at.
func (f *finder) around(data []byte, at int, v byte) (found uint64) {
	for _, s := range f.spots[v] {
		n := &f.needles[s.needle]
		if from := at - s.at; from >= 0 && len(data)-from >= len(n.text) && string(data[from:from+len(n.text)]) == n.text {
			found |= n.bits
		}
	}
	return found
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
		if at, bitsFound = f.tell(f.data, f.base, &f.hits); bitsFound != 0 {
			return at, bitsFound, true
		}
		if f.at >= len(f.data) {
			return 0, 0, false
		}
		f.look()
	}
}

// look goes on to the next 8 looks that give anything.
func (f *finding) look() {
	done, hits := f.looks(f.data[f.at:])
	f.at += done
	f.hits = hits
	if hits == 0 {
		f.lookAtEnd()
	}
	f.base = f.at - 8*f.step
}

// lookAtEnd looks 8 times where the data may end.
func (f *finding) lookAtEnd() {
	for k := 0; k < 8 && f.at+k*f.step < len(f.data); k++ {
		f.hits |= uint64(f.table[finderHash(fourBytes(f.data[f.at+k*f.step:]), f.factor)]) << (8 * k)
	}
	f.at += 8 * f.step
}

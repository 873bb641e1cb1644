package filter

import "encoding/binary"

// looks looks at data until something is seen. done is where it stopped, hits
// what the last 8 looks gave, 0 if too little is left for 8.
func (f *finder) looks(data []byte) (done int, hits uint64) {
	switch f.step {
	case 8:
		return f.looks8(data)
	case 4:
		return f.looks4(data)
	case 2:
		return f.looks2(data)
	}
	return f.looks1(data)
}

// see is where the table says what stands at the beginning of b.
func see(b []byte, factor uint32) uint32 { return finderHash(binary.LittleEndian.Uint32(b), factor) }

// looks8 is looks at every eighth place. What they give is told apart only once
// there is something.
func (f *finder) looks8(data []byte) (done int, hits uint64) {
	tab, x := &f.table, f.factor
	for ; len(data)-done >= 60; done += 64 {
		w := data[done : done+60 : done+60]
		if tab[see(w, x)]|tab[see(w[8:], x)]|tab[see(w[16:], x)]|tab[see(w[24:], x)]|
			tab[see(w[32:], x)]|tab[see(w[40:], x)]|tab[see(w[48:], x)]|tab[see(w[56:], x)] != 0 {
			return done + 64, uint64(tab[see(w, x)]) | uint64(tab[see(w[8:], x)])<<8 |
				uint64(tab[see(w[16:], x)])<<16 | uint64(tab[see(w[24:], x)])<<24 |
				uint64(tab[see(w[32:], x)])<<32 | uint64(tab[see(w[40:], x)])<<40 |
				uint64(tab[see(w[48:], x)])<<48 | uint64(tab[see(w[56:], x)])<<56
		}
	}
	return done, 0
}

// looks4 is looks at every fourth place.
func (f *finder) looks4(data []byte) (done int, hits uint64) {
	tab, x := &f.table, f.factor
	for ; len(data)-done >= 32; done += 32 {
		w := data[done : done+32 : done+32]
		if tab[see(w, x)]|tab[see(w[4:], x)]|tab[see(w[8:], x)]|tab[see(w[12:], x)]|
			tab[see(w[16:], x)]|tab[see(w[20:], x)]|tab[see(w[24:], x)]|tab[see(w[28:], x)] != 0 {
			return done + 32, uint64(tab[see(w, x)]) | uint64(tab[see(w[4:], x)])<<8 |
				uint64(tab[see(w[8:], x)])<<16 | uint64(tab[see(w[12:], x)])<<24 |
				uint64(tab[see(w[16:], x)])<<32 | uint64(tab[see(w[20:], x)])<<40 |
				uint64(tab[see(w[24:], x)])<<48 | uint64(tab[see(w[28:], x)])<<56
		}
	}
	return done, 0
}

// looks2 is looks at every second place.
func (f *finder) looks2(data []byte) (done int, hits uint64) {
	tab, x := &f.table, f.factor
	for ; len(data)-done >= 18; done += 16 {
		w := data[done : done+18 : done+18]
		if tab[see(w, x)]|tab[see(w[2:], x)]|tab[see(w[4:], x)]|tab[see(w[6:], x)]|
			tab[see(w[8:], x)]|tab[see(w[10:], x)]|tab[see(w[12:], x)]|tab[see(w[14:], x)] != 0 {
			return done + 16, uint64(tab[see(w, x)]) | uint64(tab[see(w[2:], x)])<<8 |
				uint64(tab[see(w[4:], x)])<<16 | uint64(tab[see(w[6:], x)])<<24 |
				uint64(tab[see(w[8:], x)])<<32 | uint64(tab[see(w[10:], x)])<<40 |
				uint64(tab[see(w[12:], x)])<<48 | uint64(tab[see(w[14:], x)])<<56
		}
	}
	return done, 0
}

// looks1 is looks at every place.
func (f *finder) looks1(data []byte) (done int, hits uint64) {
	tab, x := &f.table, f.factor
	for ; len(data)-done >= 11; done += 8 {
		w := data[done : done+11 : done+11]
		if tab[see(w, x)]|tab[see(w[1:], x)]|tab[see(w[2:], x)]|tab[see(w[3:], x)]|
			tab[see(w[4:], x)]|tab[see(w[5:], x)]|tab[see(w[6:], x)]|tab[see(w[7:], x)] != 0 {
			return done + 8, uint64(tab[see(w, x)]) | uint64(tab[see(w[1:], x)])<<8 |
				uint64(tab[see(w[2:], x)])<<16 | uint64(tab[see(w[3:], x)])<<24 |
				uint64(tab[see(w[4:], x)])<<32 | uint64(tab[see(w[5:], x)])<<40 |
				uint64(tab[see(w[6:], x)])<<48 | uint64(tab[see(w[7:], x)])<<56
		}
	}
	return done, 0
}

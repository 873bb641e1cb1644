package pyre

import "sync"

// maxShared is how many tables of each kind are kept to be shared.
const maxShared = 4096

// sharedTables are tables that patterns have in common: those of a host's
// address, say, stand in nearly all patterns of all filters. All stock patterns
// of three versions, ready to match, take 13 MB with it and 41 MB without. A
// table is never changed once it is here, and none is needed: past maxShared
// each pattern keeps its own.
type sharedTables struct {
	mu      sync.Mutex
	bytes   map[[256]uint8]*[256]uint8
	which   map[[2]ByteSet]*[256]uint8
	classes map[uint64][]*class // by hash of their sets
	known   int                 // of classes
}

var shared = sharedTables{bytes: map[[256]uint8]*[256]uint8{}, which: map[[2]ByteSet]*[256]uint8{}, classes: map[uint64][]*class{}}

// table returns a table equal to t.
func (s *sharedTables) table(t *[256]uint8) *[256]uint8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.bytes[*t]; old != nil {
		return old
	}
	kept := *t
	if len(s.bytes) < maxShared {
		s.bytes[kept] = &kept
	}
	return &kept
}

// whichTable returns the table that tells by the next byte in which of two
// sets it is, as the bits 1 and 2, and the same for the end of the text.
func whichTable(x, y first) (tab *[256]uint8, end uint8) {
	return shared.whichOf([2]ByteSet{x.bytes, y.bytes}), bit(x.end, 1) | bit(y.end, 2)
}

func (s *sharedTables) whichOf(sets [2]ByteSet) *[256]uint8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.which[sets]; old != nil {
		return old
	}
	tab := new([256]uint8)
	for b := range tab {
		tab[b] = bit(sets[0].Has(byte(b)), 1) | bit(sets[1].Has(byte(b)), 2)
	}
	if len(s.which) < maxShared {
		s.which[sets] = tab
	}
	return tab
}

// class returns the class with the characters of set.
func (s *sharedTables) class(set *runeSet) *class {
	h := set.hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.classes[h] {
		if c.set.equal(set) {
			return c
		}
	}
	c := newClass(set)
	if s.known < maxShared {
		s.known++
		s.classes[h] = append(s.classes[h], c)
	}
	return c
}

// hash is FNV-1a over the ends of the ranges.
func (s *runeSet) hash() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, r := range s.ranges {
		h = (h ^ uint64(r.lo)) * prime
		h = (h ^ uint64(r.hi)) * prime
	}
	return h
}

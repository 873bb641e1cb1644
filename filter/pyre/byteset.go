package pyre

import (
	"slices"
	"unicode/utf8"
)

// ByteSet is a set of byte values.
type ByteSet [4]uint64

// Has reports whether b is in the set.
func (s *ByteSet) Has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// Len returns how many bytes are in the set.
func (s *ByteSet) Len() int {
	n := 0
	for b := range 256 {
		if s.Has(byte(b)) {
			n++
		}
	}
	return n
}

func (s *ByteSet) add(b byte) { s[b>>6] |= 1 << (b & 63) }

func (s ByteSet) union(t ByteSet) ByteSet {
	return ByteSet{s[0] | t[0], s[1] | t[1], s[2] | t[2], s[3] | t[3]}
}

func (s ByteSet) intersect(t ByteSet) ByteSet {
	return ByteSet{s[0] & t[0], s[1] & t[1], s[2] & t[2], s[3] & t[3]}
}

func (s ByteSet) empty() bool { return s == ByteSet{} }

// leadBytes returns the bytes with which the characters of s begin. Bytes
// that only go on with a character are in no such set, which keeps a search
// from stopping inside of one.
func leadBytes(s *runeSet) ByteSet {
	var out ByteSet
	for _, r := range s.ranges {
		lo, hi := r.lo, r.hi
		for lo <= hi {
			b, last := leadByte(lo)
			out.add(b)
			lo = last + 1
		}
	}
	return out
}

// leadByte returns the first byte of a character's UTF-8 and the last
// character that shares it.
func leadByte(r rune) (b byte, last rune) {
	switch {
	case r < utf8.RuneSelf:
		return byte(r), r
	case r < 0x800:
		return 0xC0 | byte(r>>6), r | 0x3F
	case r < 0x10000:
		return 0xE0 | byte(r>>12), r | 0xFFF
	}
	return 0xF0 | byte(r>>18), r | 0x3FFFF
}

// first tells how the text may go on where a node is to match and what
// follows it as well: with one of these bytes, or (end) not at all.
type first struct {
	bytes ByteSet
	end   bool
}

// anything is what may follow the pattern: any character or the end.
func anything() first {
	const all = 1<<64 - 1
	return first{bytes: ByteSet{all, all, 0, all}, end: true} // all but 0x80 to 0xBF
}

func (f first) union(g first) first { return first{f.bytes.union(g.bytes), f.end || g.end} }

func (f first) intersect(g first) first { return first{f.bytes.intersect(g.bytes), f.end && g.end} }

// firstOf returns how the text may go on where n begins, if after n it goes
// on as follow says.
func firstOf(n *node, follow first) first {
	switch n.kind {
	case nodeLiteral:
		var f first
		b, _ := leadByte(n.r)
		f.bytes.add(b)
		return f
	case nodeSet:
		return first{bytes: leadBytes(n.set)}
	case nodeCat:
		// What follows the first character makes no difference.
		subs := n.subs
		if i := slices.IndexFunc(subs, isChar); i >= 0 {
			subs = subs[:i+1]
		}
		for _, sub := range slices.Backward(subs) {
			follow = firstOf(sub, follow)
		}
		return follow
	case nodeAlt, nodeCond:
		var f first
		for _, sub := range n.subs {
			f = f.union(firstOf(sub, follow))
		}
		return f
	case nodeRepeat:
		if n.max == 0 {
			return follow
		}
		f := firstOf(n.subs[0], follow)
		if n.min == 0 {
			f = f.union(follow)
		}
		return f
	case nodeGroup, nodeAtomic:
		return firstOf(n.subs[0], follow)
	case nodeLook:
		if n.behind || n.negate {
			return follow
		}
		return follow.intersect(firstOf(n.subs[0], anything()))
	case nodeBackref:
		return anything()
	case nodeAt:
		return firstAt(n.place, follow)
	}
	return follow
}

func firstAt(p place, follow first) first {
	end := first{end: follow.end}
	switch p {
	case atTextEnd:
		return end
	case atFinalBreak, atLineEnd:
		if follow.bytes.Has('\n') {
			end.bytes.add('\n')
		}
		return end
	}
	return follow
}

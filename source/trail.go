package source

import (
	"errors"
	"hash/fnv"
	"io"
)

// trailLength is how many places of a file are remembered.
const trailLength = 16

// trail is a sparse record of what a file held, by which a file that was cut
// short is told from one that was begun anew.
type trail []footprint

type footprint struct {
	off int64
	sum uint64 // of the markSize bytes before off, or of all if there are fewer
}

func footprintOf(m mark) footprint {
	h := fnv.New64a()
	h.Write(m.bytes)
	return footprint{off: m.off, sum: h.Sum64()}
}

// add records a place. When the trail is full every second place goes.
func (t *trail) add(m mark) {
	list := *t
	if len(m.bytes) == 0 || len(list) > 0 && list[len(list)-1].off >= m.off {
		return
	}
	if len(list) == trailLength {
		for i := range trailLength / 2 {
			list[i] = list[2*i+1]
		}
		list = list[:trailLength/2]
	}
	list = append(list, footprintOf(m))
	*t = list
}

// lastIn returns the furthest recorded place that a file of this size still
// holds, the start if there is none.
func (t trail) lastIn(f io.ReaderAt, size int64) mark {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].off > size {
			continue
		}
		m, err := markAt(f, t[i].off)
		if err != nil && !errors.Is(err, io.EOF) {
			break
		}
		if footprintOf(m) == t[i] {
			return m
		}
	}
	return mark{}
}

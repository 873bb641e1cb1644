package filter

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFinder finds random texts in random data and compares with looking at
// every place.
func TestFinder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	letters := "ab\n"
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters)-1)]
		}
		return string(b)
	}
	for n := range 3000 {
		var needles []needle
		least := minNeedle + n%14
		for i := range 1 + r.IntN(4) {
			needles = append(needles, needle{text(least + r.IntN(3)*(i&1)*7), 1 << i})
		}
		data := make([]byte, r.IntN(400))
		for i := range data {
			data[i] = letters[r.IntN(len(letters))]
		}
		for range r.IntN(6) {
			at := r.IntN(len(data) + 1)
			copy(data[at:], needles[r.IntN(len(needles))].text)
		}
		want := wantByLine(needles, data)
		for _, p := range paces {
			if p.width() > least {
				continue
			}
			f := p.finder(needles, newLogSample(data))
			if got := foundByLine(f, data); !slices.Equal(got, want) {
				t.Fatalf("needles %+v, pace %+v, data %q: got %b, want %b", needles, p, data, got, want)
			}
			if f.in(data) != slices.ContainsFunc(want, func(found uint64) bool { return found != 0 }) {
				t.Fatalf("needles %+v, pace %+v, data %q: got the opposite of %b", needles, p, data, want)
			}
		}
	}
}

// foundByLine gives for each line the bits of the needles in it.
func foundByLine(f *finder, data []byte) []uint64 {
	out := make([]uint64, bytes.Count(data, []byte{'\n'})+1)
	find := finding{finder: f, data: data}
	last := 0
	for {
		at, found, ok := find.next()
		if !ok {
			return out
		}
		line := bytes.Count(data[:at], []byte{'\n'})
		if line < last {
			return nil // lines must come in order
		}
		out[line] |= found
		last = line
	}
}

func wantByLine(needles []needle, data []byte) []uint64 {
	var out []uint64
	for _, line := range bytes.Split(data, []byte{'\n'}) {
		found := uint64(0)
		for _, n := range needles {
			if bytes.Contains(line, []byte(n.text)) {
				found |= n.bits
			}
		}
		out = append(out, found)
	}
	return out
}

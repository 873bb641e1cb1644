package source

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad writes a file in two pieces and reads it in small chunks: what comes
// out is what was written, in whole lines, with a line end added to the last
// line once nothing more will come.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), uint8(3), uint8(0), uint16(4))
	f.Add([]byte("a\x00\n\x00\x0a\x0a\n\x00b\x00"), uint8(5), uint8(1), uint16(6))
	f.Add([]byte("\x00\x00\x00x\ny"), uint8(2), uint8(0), uint16(2))
	f.Fuzz(func(t *testing.T, content []byte, cut, wide uint8, size uint16) {
		term := []byte("\n\x00")[:1+wide%2]
		content = content[:len(content)/len(term)*len(term)]
		first := min(int(cut), len(content))
		path := filepath.Join(t.TempDir(), "log")
		write(t, path, "")
		file, err := os.Open(path)
		do(t, err)
		defer file.Close()
		r := request{f: file, term: term, max: 2 + int(size)/2*2, buf: make([]byte, markSize+ChunkSize)}
		var got []byte
		for _, piece := range [][]byte{content[:first], content[first:]} {
			write(t, path, string(piece))
			got = append(got, drain(t, &r)...)
		}
		r.final = true
		got = append(got, drain(t, &r)...)
		want := content
		for len(want) >= len(term) && isHole(want, term) {
			want = want[len(term):] // what a writer that does not append leaves
		}
		if len(want) > 0 && lastLineEnd(want, int64(len(content)-len(want)), term) != len(want) {
			want = append(bytes.Clone(want), term...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q in two pieces of %d came as %q, want %q", content, first, got, want)
		}
	})
}

// drain reads as a subscription does until nothing is left.
func drain(t *testing.T, r *request) (got []byte) {
	t.Helper()
	for {
		c, err := load(*r)
		do(t, err)
		if len(c.data) > 0 && lastLineEnd(c.data, 0, r.term) != len(c.data) && c.exact && c.off%int64(len(r.term)) == 0 {
			t.Fatalf("chunk %q does not end with a line", c.data)
		}
		got = append(got, c.data...)
		r.off, r.tail, r.scan = c.end, c.tail, c.scanned
		if c.atEnd {
			return got
		}
	}
}

package source

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Limits of one reader.
const (
	// ChunkSize is how many bytes of whole lines a sink gets at most in one batch.
	ChunkSize = 128 << 10
	// MaxLine is the longest line that is delivered whole; of a longer one only
	// its first MaxLine bytes are.
	MaxLine = ChunkSize
	// smallChunk is the chunk of a reader when Budget is used up.
	smallChunk = 8 << 10
	// markSize is how many bytes before a place identify it.
	markSize = 64
	// markBlock is how far back from the end a look searches for a newline.
	markBlock = 4 << 10
	// windowChunks is how many chunks of a file are kept for other readers.
	windowChunks = 4
)

// errStale says that a file no longer holds what was read from it before.
var errStale = errors.New("file was truncated or rewritten")

// mark is a place in a file and the bytes before it.
type mark struct {
	off   int64
	bytes []byte
}

// holds says whether f still has the mark's bytes at the mark's place.
func (m mark) holds(f io.ReaderAt) (bool, error) {
	if len(m.bytes) == 0 {
		return true, nil
	}
	buf := make([]byte, len(m.bytes))
	n, err := f.ReadAt(buf, m.off-int64(len(buf)))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == len(buf) && bytes.Equal(buf, m.bytes), nil
}

// logFile is one file that stands or stood under a stream's path. A truncation
// makes two of one inode: the old content, read on from its copy, and the new.
type logFile struct {
	id  fileID
	uid uint32

	// Owned by the stream's look.
	mtime    int64
	trail    trail
	lookedAt time.Time // when mark, mtime and size were taken
	grewAt   time.Time
	wrote    int64     // when it was written to last, where it was found after the fact
	born     time.Time // likewise when it was made; zero if that is not known

	// Under stream.mu, and written by looks alone but for hash and end.
	f     *os.File
	hash  string // SHA-1 of the first line with its newline; "" while that is incomplete
	size  int64
	mark  mark // before the last newline seen
	end   mark // the furthest place that a reader has reached
	old   bool // something else stands under the path
	final bool // nothing more will come: what is left is the last line

	winMu  sync.Mutex
	window []*chunk
}

// chunk is a piece of a file: whole lines and where they end.
type chunk struct {
	off, end int64
	data     []byte
	atEnd    bool  // the read reached the end of the file
	exact    bool  // data are the file's bytes off to end
	tail     mark  // the bytes before end
	scanned  int64 // no line ends between off and here
	term     string
}

// request is what a reader asks of a file.
type request struct {
	f     *os.File
	off   int64
	tail  mark   // what stands before off
	proof mark   // what must stand in the file besides
	term  []byte // what ends a line; its length is the unit that lines are made of
	scan  int64  // no line ends between off and here
	final bool
	max   int
	buf   []byte     // to read into
	ws    *workspace // where there is more
	lend  bool       // the chunk may be part of buf
}

// space returns a buffer of n bytes, at most markSize+ChunkSize.
func (r *request) space(n int) []byte {
	if len(r.buf) < n {
		r.buf = r.ws.whole()
	}
	return r.buf[:n]
}

// take returns the chunk at r.off: from the window where another reader has
// just read it, else from the file. Readers at the front of the file wait for
// each other, so that one reads for all; a reader behind the window does not.
func (lf *logFile) take(r request, shared bool) (*chunk, error) {
	lf.winMu.Lock()
	for _, c := range lf.window {
		if c.term != string(r.term) || r.off < c.off || r.off >= c.end {
			continue
		}
		if r.off == c.off {
			lf.winMu.Unlock()
			return c, nil
		}
		if c.exact {
			lf.winMu.Unlock()
			part := *c
			part.off, part.data = r.off, c.data[r.off-c.off:]
			return &part, nil
		}
	}
	if len(lf.window) > 0 && r.off < lf.window[0].off {
		lf.winMu.Unlock()
		return load(r)
	}
	defer lf.winMu.Unlock()
	c, err := load(r)
	if err == nil && shared && len(c.data) > 0 {
		if len(lf.window) == windowChunks {
			lf.window = append(lf.window[:0], lf.window[1:]...)
		}
		lf.window = append(lf.window, c)
	}
	return c, err
}

// prove makes sure, for a reader with nothing before it to compare, that what
// it read is from the file that looks have seen.
func prove(r request) error {
	same, err := r.proof.holds(r.f)
	if err == nil && !same {
		err = errStale
	}
	return err
}

// forget empties the window: nothing new came for a while, or the bytes changed.
func (lf *logFile) forget() {
	lf.winMu.Lock()
	lf.window = nil
	lf.winMu.Unlock()
}

// load reads a chunk and makes sure that it is what stood there: the bytes
// before it are those read last time, and the bytes at its end are still there
// after the read, so that no truncation fell in between.
func load(r request) (*chunk, error) {
	c, err := readChunk(r)
	if err == nil && r.off == 0 {
		err = prove(r)
	}
	return c, err
}

func readChunk(r request) (*chunk, error) {
	skip := len(r.tail.bytes)
	buf := r.space(skip + r.max)
	n, err := r.f.ReadAt(buf, r.off-int64(skip))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n < skip || !bytes.Equal(buf[:skip], r.tail.bytes) {
		return nil, errStale
	}
	eof := n < len(buf)
	data := buf[skip:n]
	c := &chunk{off: r.off, end: r.off, atEnd: eof, term: string(r.term), tail: r.tail}
	if r.off == 0 && len(data) >= len(r.term) && data[0] == 0 && isHole(data, r.term) {
		return loadPastHole(r, c)
	}
	last := lastLineEnd(data, r.off, r.term)
	switch {
	case last > 0:
		c.data, c.end, c.exact = data[:last], r.off+int64(last), true
		if !r.lend {
			c.data = bytes.Clone(c.data)
		}
		return c, c.seal(r.f)
	case !eof && r.max < ChunkSize:
		r.max = ChunkSize
		return readChunk(r)
	case !eof:
		return loadLong(r, c)
	case r.final && len(data) > 0:
		c.data, c.end = append(bytes.Clone(data), r.term...), r.off+int64(len(data))
		return c, c.seal(r.f)
	}
	c.scanned = r.off + int64(len(data))
	return c, nil
}

// seal notes the bytes before the chunk's end and checks that those just read
// are still there.
func (c *chunk) seal(f *os.File) error {
	size := min(markSize, int(c.end))
	tail := make([]byte, size)
	n, err := f.ReadAt(tail, c.end-int64(size))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n < size {
		return errStale
	}
	if known := min(size, len(c.data)); c.exact && !bytes.Equal(tail[size-known:], c.data[len(c.data)-known:]) {
		return errStale
	}
	c.tail = mark{off: c.end, bytes: tail}
	return nil
}

// loadLong finds the end of a line longer than MaxLine without keeping it. The
// chunk is the line's beginning with a line end added.
func loadLong(r request, c *chunk) (*chunk, error) {
	unit := int64(len(r.term))
	from := max(r.scan, r.off+int64(r.max)/unit*unit)
	buf := r.space(ChunkSize)
	for {
		n, err := r.f.ReadAt(buf, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if i := firstLineEnd(buf[:n], from, r.term); i > 0 {
			c.end = from + int64(i)
			c.atEnd = false
			break
		}
		if n < len(buf) {
			if !r.final {
				c.scanned, c.atEnd = from+int64(n)/unit*unit, true
				return c, nil
			}
			c.end, c.atEnd = from+int64(n), true
			break
		}
		from += int64(n)
	}
	c.data = make([]byte, MaxLine, MaxLine+len(r.term))
	if _, err := io.ReadFull(io.NewSectionReader(r.f, r.off, MaxLine), c.data); err != nil {
		return nil, errStale
	}
	c.data = append(c.data, r.term...)
	return c, c.seal(r.f)
}

// lastLineEnd returns where the last line of data ends, 0 if none does. off is
// data's place in the file: a wide line end counts only at a multiple of its width.
func lastLineEnd(data []byte, off int64, term []byte) int {
	for end := len(data); ; {
		i := bytes.LastIndex(data[:end], term)
		if i < 0 {
			return 0
		}
		if (off+int64(i))%int64(len(term)) == 0 {
			return i + len(term)
		}
		end = i + len(term) - 1
	}
}

// firstLineEnd is lastLineEnd for the first line.
func firstLineEnd(data []byte, off int64, term []byte) int {
	for start := 0; ; {
		i := bytes.Index(data[start:], term)
		if i < 0 {
			return 0
		}
		if (off+int64(start+i))%int64(len(term)) == 0 {
			return start + i + len(term)
		}
		start += i + 1
	}
}

// firstLineHash is fail2ban's fingerprint of a log: SHA-1 in hex of its first
// line with the newline, "" while the file has no complete line (COMPAT 3.9.5),
// and "" where that line is longer than MaxLine.
func firstLineHash(f io.ReaderAt) (string, error) {
	buf := make([]byte, 0, 512)
	for {
		n, err := f.ReadAt(buf[len(buf):cap(buf)], int64(len(buf)))
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		buf = buf[:len(buf)+n]
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			sum := sha1.Sum(buf[:i+1])
			return hex.EncodeToString(sum[:]), nil
		}
		if err != nil || len(buf) >= MaxLine {
			return "", nil
		}
		buf = append(make([]byte, 0, 8*cap(buf)), buf...)
	}
}

// takeMark notes the bytes before the last newline near the end of a file of
// this size; ok is false where there is none.
func takeMark(f io.ReaderAt, size int64) (m mark, ok bool, err error) {
	from := max(0, size-markBlock)
	buf := make([]byte, size-from)
	n, err := f.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return mark{}, false, err
	}
	last := bytes.LastIndexByte(buf[:n], '\n') + 1
	if last == 0 {
		return mark{}, false, nil
	}
	tail := bytes.Clone(buf[max(0, last-markSize):last])
	return mark{off: from + int64(last), bytes: tail}, true, nil
}

// markAt notes the bytes before a place.
func markAt(f io.ReaderAt, off int64) (mark, error) {
	tail := make([]byte, min(markSize, off))
	n, err := f.ReadAt(tail, off-int64(len(tail)))
	if n < len(tail) {
		return mark{}, err
	}
	return mark{off: off, bytes: tail}, nil
}

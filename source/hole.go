package source

import (
	"bytes"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A writer that does not append leaves a hole when its log is truncated: the
// file begins with NUL bytes up to the place where the writer was. They are no
// part of a line.

// isHole says whether data begins with a NUL character of the unit of term.
func isHole(data, term []byte) bool {
	return len(bytes.TrimLeft(data[:len(term)], "\x00")) == 0
}

// loadPastHole makes the chunk that leads over the NUL bytes at the start of the
// file: no lines, and an end that is the first other byte.
func loadPastHole(r request, c *chunk) (*chunk, error) {
	unit := int64(len(r.term))
	buf := r.space(ChunkSize)
	for at := int64(0); ; {
		at = max(at, nextData(r.f, at)/unit*unit)
		n, err := r.f.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if i := bytes.IndexFunc(buf[:n], func(b rune) bool { return b != 0 }); i >= 0 {
			c.end, c.atEnd = at+int64(i)/unit*unit, false
			return c, c.seal(r.f)
		}
		at += int64(n) / unit * unit
		if n < len(buf) {
			c.scanned, c.atEnd = at, true
			return c, nil
		}
	}
}

// nextData returns where the next bytes after from are that are not in a hole,
// 0 where the file system can't tell.
func nextData(f *os.File, from int64) int64 {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	next := int64(0)
	err = conn.Control(func(fd uintptr) {
		if at, err := unix.Seek(int(fd), from, unix.SEEK_DATA); err == nil {
			next = at
		}
	})
	if err != nil {
		return 0
	}
	return next
}

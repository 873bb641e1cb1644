package testfilter

import (
	"errors"
	"io"

	"f2b-go/filter"
)

// lineReader reads a log line by line. Of a line longer than the filter looks
// at the rest is dropped; a last line without its end is not read, since it
// may still be in writing.
type lineReader struct {
	r     io.Reader
	cut   func(data []byte) (line, rest []byte, ok bool)
	buf   []byte // what was read and not yet cut is buf[at:end]
	at    int
	end   int
	ended bool
}

func newLineReader(r io.Reader, cut func([]byte) (line, rest []byte, ok bool)) *lineReader {
	return &lineReader{r: r, cut: cut, buf: make([]byte, 256<<10)}
}

// next returns the next line with its end, valid until the next call; io.EOF
// after the last.
func (l *lineReader) next() ([]byte, error) {
	var long []byte // the kept beginning of a line that is too long
	for {
		line, _, ok := l.cut(l.buf[l.at:l.end])
		switch {
		case ok && long != nil:
			l.at += len(line)
			return long, nil
		case ok:
			l.at += len(line)
			return line, nil
		case l.end-l.at >= filter.MaxLine:
			if long == nil {
				long = append(long, l.buf[l.at:l.end]...)
			}
			l.at = l.end
		}
		if l.ended {
			return nil, io.EOF
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more behind what is left.
func (l *lineReader) fill() error {
	l.end = copy(l.buf, l.buf[l.at:l.end])
	l.at = 0
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if errors.Is(err, io.EOF) {
		l.ended = true
		return nil
	}
	return err
}

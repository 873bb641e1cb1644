package firewall

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lineReader reads lines of bounded length.
type lineReader struct {
	in     *bufio.Reader
	number int
}

func newLineReader(in io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, MaxSiteLine+2)}
}

// next returns a line without its end, and with the first one without a byte
// order mark. long says that it was longer than MaxSiteLine and skipped. With
// the last line comes io.EOF.
func (r *lineReader) next() (text string, long bool, err error) {
	r.number++
	line, err := r.in.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		_, err = r.in.ReadSlice('\n')
	}
	if long {
		return "", true, err
	}
	line = bytes.TrimRight(line, "\r\n")
	if r.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	return string(line), len(line) > MaxSiteLine, err
}

package source

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxInflate is how much of a compressed copy is unpacked at most.
const MaxInflate = 256 << 20

// unpackers read the compressed logs that can be read, by their ending.
var unpackers = map[string]func(io.Reader) (io.Reader, error){
	".gz":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	".bz2": func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil },
}

// inflated unpacks the rest of a compressed log into a nameless temporary file
// in which every byte stands where it stood in the log; what is before from is
// a hole. nil says that its first line, by its hash, is not wanted, or that it
// ends before from.
func inflated(path string, wanted func(hash string) bool, from int64) (*found, error) {
	unpacker := unpackers[filepath.Ext(path)]
	if unpacker == nil {
		return nil, nil
	}
	packed, was, err := openRegular(path, true)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	unpacked, err := unpacker(bufio.NewReader(packed))
	if err != nil {
		return nil, nil
	}
	in := bufio.NewReaderSize(unpacked, MaxLine)
	head, err := in.Peek(MaxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil
	}
	if sum, err := firstLineHash(strings.NewReader(string(head))); err != nil || sum == "" || !wanted(sum) {
		return nil, nil
	}
	if n, err := io.CopyN(io.Discard, in, from); n < from {
		return nil, fmt.Errorf("unpacking %s: %w", path, err)
	}
	out, err := scratchFile()
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(io.NewOffsetWriter(out, from), io.LimitReader(in, MaxInflate))
	if err != nil || n == 0 {
		out.Close()
		return nil, err
	}
	defer out.Close()
	// Opened anew for reading, so that it does not look as if it were written to.
	f, st, err := openRegular(fmt.Sprintf("/proc/self/fd/%d", out.Fd()), false)
	if err != nil {
		return nil, err
	}
	st.mtime = was.mtime
	return &found{f: f, st: st}, nil
}

// scratchFile makes a file that has no name and is gone when it is closed.
func scratchFile() (*os.File, error) {
	f, err := os.OpenFile(os.TempDir(), os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err == nil {
		return f, nil
	}
	f, err = os.CreateTemp("", "f2b-log-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

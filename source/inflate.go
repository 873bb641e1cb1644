package source

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxInflate is how much of a compressed copy is unpacked at most.
const MaxInflate = 256 << 20

// inflated unpacks the rest of a compressed log into a nameless temporary file
// in which every byte stands where it stood in the log; what is before from is
// a hole. nil says that it is no log with that first line, or ends before from.
func inflated(path, hash string, from int64) (*found, error) {
	if !strings.HasSuffix(path, ".gz") || hash == "" {
		return nil, nil
	}
	packed, _, err := openRegular(path, true)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(bufio.NewReader(packed))
	if err != nil {
		return nil, nil
	}
	in := bufio.NewReaderSize(unpacked, MaxLine)
	head, err := in.Peek(MaxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil
	}
	if sum, err := firstLineHash(strings.NewReader(string(head))); err != nil || sum != hash {
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

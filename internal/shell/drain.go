package shell

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// drain reads one output of a command while it runs, keeps the first maxOutput
// bytes and counts the rest.
type drain struct {
	pipe *os.File
	done chan struct{}
	kept []byte
	more int64
}

// newDrain returns a drain and the end that the command writes to.
func newDrain() (*drain, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("making a pipe for a command's output: %w", err)
	}
	return &drain{pipe: r, done: make(chan struct{})}, w, nil
}

// Write keeps or counts what was read.
func (d *drain) Write(p []byte) (int, error) {
	n := min(len(p), maxOutput-len(d.kept))
	d.kept = append(d.kept, p[:n]...)
	d.more += int64(len(p) - n)
	return len(p), nil
}

// read starts reading; finish ends it.
func (d *drain) read() {
	go func() {
		defer close(d.done)
		// An error is the pipe's end or finish's deadline.
		_, _ = io.Copy(struct{ io.Writer }{d}, struct{ io.Reader }{d.pipe})
	}()
}

// finish takes what the ended command left in the pipe and closes it. It does
// not wait for children that the command left behind with the pipe open.
func (d *drain) finish() ([]byte, int64) {
	_ = d.pipe.SetReadDeadline(time.Unix(1, 0))
	<-d.done
	_ = d.pipe.SetReadDeadline(time.Time{})
	if conn, err := d.pipe.SyscallConn(); err == nil {
		// A read error leaves what was read so far, which is all there is.
		_ = conn.Read(d.rest)
	}
	d.discard()
	return d.kept, d.more
}

// rest reads what is in the pipe now, at most what a pipe holds, so that a
// child that goes on writing cannot hold it.
func (d *drain) rest(fd uintptr) bool {
	buf := make([]byte, 64<<10)
	for range maxPipe / len(buf) {
		n, err := unix.Read(int(fd), buf)
		if n <= 0 || err != nil {
			break
		}
		_, _ = d.Write(buf[:n])
	}
	return true
}

// maxPipe is the most that an unprivileged pipe holds (pipe-max-size).
const maxPipe = 1 << 20

func (d *drain) discard() { _ = d.pipe.Close() }

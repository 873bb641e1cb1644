package testfilter

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/nxadm/tail"
)

// lookEvery is how often the follower looks itself whether the log was renamed
// or has lines that it was not told of.
const lookEvery = 200 * time.Millisecond

// follower reads the lines that are written to a log from now on, as tail -F
// does. A tail.Tail reads one file; the follower keeps that file open as well,
// so that lines written around a rotation are not lost.
type follower struct {
	ctx   context.Context
	path  string
	flush func() // called before it waits for lines

	begun  bool
	tail   *tail.Tail // nil: the log is not there
	file   *os.File   // what tail reads
	offset int64      // behind the last line that it gave
	seen   int64      // offset at the last look
	count  int        // lines of file, to there
	old    *leftover  // the file before, which may still be written to
	held   []byte     // a line of file that waits for those of old
	number int        // of the line given out last
}

// next returns the next line with its end; io.EOF when the context has ended.
func (f *follower) next() ([]byte, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if line := f.old.line(); line != nil {
			f.old.count++
			f.number = f.old.count
			return line, nil
		}
		if line := f.held; line != nil {
			f.held = nil
			f.count++
			f.number = f.count
			return line, nil
		}
		if f.ctx.Err() != nil {
			f.close()
			return nil, io.EOF
		}
		if f.tail == nil && !f.open() {
			f.flush()
			select {
			case <-ticker.C:
			case <-f.ctx.Done():
			}
			continue
		}
		if err := f.wait(ticker.C); err != nil {
			f.close()
			return nil, err
		}
	}
}

// wait waits for a line, a rotation, the ticker or the end.
func (f *follower) wait(tick <-chan time.Time) error {
	var line *tail.Line
	more := true
	select {
	case line, more = <-f.tail.Lines:
	default:
		f.flush()
		select {
		case line, more = <-f.tail.Lines:
		case <-tick:
			return f.look()
		case <-f.ctx.Done():
			return nil
		}
	}
	if !more {
		err := f.tail.Wait()
		switch {
		case !f.same():
			f.rotated()
		case err == nil || errors.Is(err, fs.ErrNotExist): // it was told of an earlier rotation
			return f.start()
		default:
			return fmt.Errorf("following %s: %w", f.path, err)
		}
		return nil
	}
	if line.SeekInfo.Offset <= f.offset {
		if err := f.anew(); err != nil {
			return err
		}
	}
	f.offset = line.SeekInfo.Offset
	f.held = append([]byte(line.Text), '\n')
	return line.Err
}

// anew takes note that tail reads from the beginning: the file was cut, or tail
// has found another one of its name.
func (f *follower) anew() error {
	count := f.count
	f.count = 0
	if f.same() {
		return nil
	}
	next, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("opening %s anew: %w", f.path, err)
	}
	f.old.close()
	f.old = newLeftover(f.file, f.offset, count)
	f.file = next
	return nil
}

// open starts to read the log: at first behind its last complete line, later
// from its beginning. It is false where the log is not there.
func (f *follower) open() bool {
	file, err := os.Open(f.path)
	if err != nil {
		f.begun = true // what appears later is new
		return false
	}
	f.file, f.offset, f.count = file, 0, 0
	if !f.begun {
		f.offset, f.count = endOfLines(file)
	}
	f.begun = true
	if f.old != nil && sameFile(file, f.old.file) { // it was renamed back
		f.offset, f.count = f.old.offset, f.old.count
		f.old.close()
		f.old = nil
	}
	return f.start() == nil
}

// start has tail read the file from the offset on.
func (f *follower) start() error {
	f.seen = f.offset
	var err error
	f.tail, err = tail.TailFile(f.path, tail.Config{
		Location: &tail.SeekInfo{Offset: f.offset, Whence: io.SeekStart}, Follow: true, MustExist: true, CompleteLines: true,
		Poll: !canNotify(), Logger: tail.DiscardingLogger,
	})
	switch {
	case err != nil:
		f.tail = nil
		f.rotated()
	case !f.same():
		f.stop()
		f.rotated()
	}
	return err
}

// endOfLines tells where the last complete line of a file ends, and its number.
func endOfLines(file *os.File) (offset int64, number int) {
	buf := make([]byte, 256<<10)
	for at := int64(0); ; {
		n, err := file.ReadAt(buf, at)
		number += bytes.Count(buf[:n], []byte{'\n'})
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			offset = at + int64(i) + 1
		}
		at += int64(n)
		if err != nil {
			return offset, number
		}
	}
}

// canNotify says whether the kernel still has room to tell of changes; else
// the log is polled.
func canNotify() bool {
	w, err := fsnotify.NewWatcher()
	return err == nil && w.Close() == nil
}

// same says whether the log's name still leads to the file that is read.
func (f *follower) same() bool {
	a, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	b, err := f.file.Stat()
	return err == nil && os.SameFile(a, b)
}

func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

// look finds what tail has not noticed: a rotation, a cut, lines that came while
// its watch was set up.
func (f *follower) look() error {
	if !f.same() {
		f.stop()
		f.rotated()
		return nil
	}
	stuck := f.offset == f.seen
	f.seen = f.offset
	info, err := f.file.Stat()
	if err != nil || !stuck || info.Size() == f.offset {
		return err
	}
	if info.Size() < f.offset { // the file was cut
		f.offset, f.count = 0, 0
	}
	f.stop()
	return f.start()
}

// stop ends tail.
func (f *follower) stop() {
	_ = f.tail.Stop()
	f.tail.Cleanup()
	f.tail = nil
}

// rotated makes the file the one before.
func (f *follower) rotated() {
	f.old.close()
	f.old = newLeftover(f.file, f.offset, f.count)
	f.tail, f.file = nil, nil
}

func (f *follower) close() {
	if f.tail != nil {
		f.stop()
	}
	if f.file != nil {
		_ = f.file.Close()
	}
	f.old.close()
	f.old = nil
}

// leftover is what is still to be read of a log that was renamed. A nil one
// has nothing.
type leftover struct {
	file   *os.File
	r      *bufio.Reader
	part   []byte // a line without its end yet
	offset int64  // behind the lines given out
	count  int    // of them
}

// newLeftover reads on from an offset, or from the beginning of a file that has
// become shorter.
func newLeftover(file *os.File, offset int64, count int) *leftover {
	if info, err := file.Stat(); err == nil && info.Size() < offset {
		offset, count = 0, 0
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		_ = file.Close()
		return nil
	}
	return &leftover{file: file, r: bufio.NewReader(file), offset: offset, count: count}
}

// line returns the next complete line, nil if there is none now.
func (l *leftover) line() []byte {
	if l == nil {
		return nil
	}
	more, err := l.r.ReadBytes('\n')
	l.part = append(l.part, more...)
	if err != nil {
		return nil
	}
	line := l.part
	l.part = nil
	l.offset += int64(len(line))
	return line
}

func (l *leftover) close() {
	if l != nil {
		_ = l.file.Close()
	}
}

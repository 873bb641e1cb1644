package testfilter

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// screen is where the output goes.
type screen struct {
	out, errs bool // is a terminal
	outStyle  style
	errColumn int      // columns of the terminal of stderr
	bar       *os.File // stderr if it is a terminal
}

// plainWidth is how wide lines may be that go to no terminal.
const plainWidth = 100

func newScreen(stdout, stderr io.Writer) screen {
	s := screen{outStyle: style{width: plainWidth}}
	if columns, ok := terminal(stdout); ok {
		s.out = true
		s.outStyle = style{colour: os.Getenv("NO_COLOR") == "", width: columns}
	}
	if columns, ok := terminal(stderr); ok {
		s.errs, s.errColumn = true, columns
		s.bar, _ = stderr.(*os.File)
	}
	return s
}

// terminal tells whether a writer is one that can be drawn on, and how wide.
func terminal(w io.Writer) (columns int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || os.Getenv("TERM") == "dumb" {
		return 0, false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, false
	}
	columns = plainWidth
	_ = conn.Control(func(fd uintptr) {
		if _, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		ok = true
		if size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			columns = max(int(size.Col), leastWidth)
		}
	})
	return columns, ok
}

// leastWidth is what is assumed of a terminal narrower than that.
const leastWidth = 40

// Logs smaller than this show no progress, nor does the first moment.
const (
	progressBytes = 4 << 20
	progressAfter = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

// progress is a reader that draws how much of a log has been read.
type progress struct {
	io.Reader
	out    io.Writer
	clock  func() time.Time
	width  int
	total  int64
	done   int64
	begun  time.Time
	next   time.Time
	showed bool
}

// watched is r with a progress bar if there is a terminal for it and nothing
// else to be seen on it until the report.
func (t *tester) watched(r io.Reader, size int64) io.Reader {
	o := &t.opt
	busy := o.out != "" || o.json || o.explain || o.logLevel != "critical"
	if t.screen.bar == nil || size < progressBytes || t.screen.out && busy {
		return r
	}
	t.bar = newProgress(r, t.screen.bar, size, t.screen.errColumn)
	t.errOut = t.bar.above(t.errOut)
	return t.bar
}

func newProgress(r io.Reader, out io.Writer, total int64, width int) *progress {
	return &progress{Reader: r, out: out, clock: time.Now, width: width, total: total}
}

func (p *progress) Read(b []byte) (int, error) {
	now := p.clock()
	switch {
	case p.begun.IsZero():
		p.begun, p.next = now, now.Add(progressAfter)
	case !now.Before(p.next):
		p.next = now.Add(progressEvery)
		p.draw(now)
	}
	n, err := p.Reader.Read(b)
	p.done += int64(n)
	return n, err
}

func (p *progress) draw(now time.Time) {
	p.showed = true
	share := min(float64(p.done)/float64(p.total), 1)
	tail := fmt.Sprintf(" %3.0f %% of %s", share*100, sizeText(p.total))
	if share > 0 {
		left := time.Duration(float64(now.Sub(p.begun)) * (1 - share) / share)
		tail += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	room := min(p.width-len(tail)-3, 50)
	bar := ""
	if room > 5 {
		full := int(share * float64(room))
		bar = "[" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]"
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s%s", bar, tail)
}

// clear takes the bar away; it comes back with the next stroke.
func (p *progress) clear() {
	if p != nil && p.showed {
		p.showed = false
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// above is w, writing above the bar.
func (p *progress) above(w io.Writer) io.Writer { return aboveBar{p, w} }

type aboveBar struct {
	bar *progress
	w   io.Writer
}

func (a aboveBar) Write(b []byte) (int, error) {
	a.bar.clear()
	return a.w.Write(b)
}

func sizeText(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

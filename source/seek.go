package source

import (
	"errors"
	"io"
)

// probeLines is how many lines are asked for their time at one place before the
// search takes it for undated (COMPAT 3.9.6).
const probeLines = 5

// seek moves the first places to the first line that is new enough.
func (sub *Subscription) seek(ws *workspace) {
	if sub.opt.Tail || sub.opt.LineTime == nil || sub.opt.Since == nil {
		return
	}
	since := sub.opt.Since()
	s := sub.s
	s.mu.Lock()
	list := append([]*cursor(nil), sub.cursors...)
	s.mu.Unlock()
	for _, c := range list {
		if c.behind != nil {
			continue // the place is another reader's
		}
		s.mu.Lock()
		f, size, off := c.file.f, c.file.size, c.off
		s.mu.Unlock()
		p := prober{f: f, term: sub.opt.lineEnd(), lineTime: sub.opt.LineTime, buf: ws.fit(size - off)[markSize:]}
		off = p.search(off, size, since)
		tail, err := markAt(f, off)
		if err != nil {
			continue // the first read will say why
		}
		s.mu.Lock()
		c.off, c.tail = off, tail
		s.mu.Unlock()
	}
}

// prober asks lines of a file for their time.
type prober struct {
	f        io.ReaderAt
	term     []byte
	lineTime func(line []byte) (unix float64, ok bool)
	buf      []byte
}

// search returns the start of the first line in lo..hi that is not older than
// since, taking the lines to be in order of time. Where no line near the middle
// has a time it goes on before it: too early a start costs time, too late a
// start loses lines.
func (p *prober) search(lo, hi int64, since float64) int64 {
	if next, older := p.older(lo, since); !older {
		return lo
	} else if next >= hi {
		return next
	}
	for lo < hi {
		mid := lo + (hi-lo)/2
		start := lo
		if mid > lo {
			start = p.lineStart(mid, hi)
		}
		if start >= hi {
			hi = mid
			continue
		}
		if next, older := p.older(start, since); older {
			lo = next
		} else {
			hi = mid
		}
	}
	return lo
}

// older says whether the line at off, or the first dated one after it, was
// written before since, and where the next line begins.
func (p *prober) older(off int64, since float64) (next int64, older bool) {
	n, err := p.f.ReadAt(p.buf, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return off, false
	}
	data := p.buf[:n]
	for range probeLines {
		end := firstLineEnd(data, off, p.term)
		if end == 0 {
			return off, false
		}
		line := data[:end]
		data, off = data[end:], off+int64(end)
		if unix, ok := p.lineTime(line); ok {
			return off, unix < since
		}
	}
	return off, false
}

// lineStart returns the first place from mid on where a line begins, hi if that
// is not before hi.
func (p *prober) lineStart(mid, hi int64) int64 {
	unit := int64(len(p.term))
	for at := (mid - unit) / unit * unit; at < hi; {
		n, err := p.f.ReadAt(p.buf, at)
		if end := firstLineEnd(p.buf[:n], at, p.term); end > 0 {
			return min(hi, at+int64(end))
		}
		if err != nil {
			break
		}
		at += int64(n) / unit * unit
	}
	return hi
}

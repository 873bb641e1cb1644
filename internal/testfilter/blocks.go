package testfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"f2b-go/filter"
)

// blockSize is how much of a log is read at once, so little that it stays in
// the processor's cache until it has been judged.
const blockSize = 128 << 10

// blockReader reads whole lines, as many as fit into a block. Of a line longer
// than the filter looks at the rest is dropped; a last line without its end is
// not read, since it may still be in writing.
type blockReader struct {
	r     io.Reader
	buf   []byte
	end   int  // what was read is buf[:end],
	done  int  // of which the last block took so much
	long  bool // the line at hand is too long: what comes of it is dropped
	ended bool
}

func newBlockReader(r io.Reader) *blockReader {
	return &blockReader{r: r, buf: make([]byte, blockSize)}
}

// next returns the next lines with their ends, valid until the next call;
// io.EOF after the last.
func (b *blockReader) next() ([]byte, error) {
	b.end = copy(b.buf, b.buf[b.done:b.end])
	b.done = 0
	for !b.ended {
		from := b.end
		if err := b.fill(); err != nil {
			return nil, err
		}
		last := bytes.LastIndexByte(b.buf[from:b.end], '\n')
		switch {
		case b.long:
			b.skip(from)
			last = bytes.LastIndexByte(b.buf[:b.end], '\n')
			from = 0
		case last < 0 && b.end >= filter.MaxLine:
			b.long = true
			b.end = filter.MaxLine
		}
		if last >= 0 && !b.long {
			b.done = from + last + 1
			return b.buf[:b.done], nil
		}
	}
	return nil, io.EOF
}

// skip drops what was read from from on, to the end of the line.
func (b *blockReader) skip(from int) {
	end := bytes.IndexByte(b.buf[from:b.end], '\n')
	if end < 0 {
		b.end = from
		return
	}
	b.long = false
	b.end = from + copy(b.buf[from:], b.buf[from+end:b.end])
}

// fill reads more behind what there is.
func (b *blockReader) fill() error {
	if b.end == len(b.buf) {
		b.buf = append(b.buf, make([]byte, len(b.buf))...)
	}
	n, err := b.r.Read(b.buf[b.end:])
	b.end += n
	if errors.Is(err, io.EOF) {
		b.ended = true
		return nil
	}
	return err
}

// judgeBlocks judges all lines of a file.
func (t *tester) judgeBlocks(src *source) error {
	mode := t.mode
	mode.Comments, mode.Every = true, t.opt.out == "" || t.opt.invert
	ids := t.opt.out == "id" || t.opt.out == "fid"
	details := t.opt.json || t.opt.debuggex || t.opt.out != "" && !ids
	lines := 0
	each := func(j *filter.Judged) error {
		if ids && j.Verdict.Err == nil && !t.opt.invert {
			t.printIDs(j.Failures)
			return nil
		}
		if details {
			j.Fill()
		}
		t.countPassed(j.Passed)
		l := &t.judged
		*l = judged{number: lines + j.Number, bytes: j.Text, found: j.Failures, verdict: *j.Verdict, failures: l.failures[:0]}
		return t.settle(l)
	}
	for {
		data, err := src.blocks.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", src.name, err)
		}
		if t.missedByNumber() {
			mode.Count, mode.Every = true, false
		}
		done, err := t.flt.JudgeBlock(filter.Block{Data: data, Source: src.name}, mode, each)
		if err != nil {
			return err
		}
		t.countPassed(done.Passed)
		lines += done.Lines
	}
}

// missedByNumber says whether of further missed lines only their number counts.
func (t *tester) missedByNumber() bool {
	o := &t.opt
	return o.out == "" && !o.json && !o.noCheckAll && (o.noMissed || !o.allMissed && t.lines.missed > t.shown)
}

// countPassed counts lines that the filter passed over.
func (t *tester) countPassed(lines int) {
	if t.opt.out == "" && lines > 0 {
		t.pref.matched = false
		t.lines.missed += lines
		t.lines.tested += lines
	}
}

package tags

import "strings"

// inlining does replaceAll's work in one pass: what is put in is read in its
// turn, before the rest. It gives up where that could differ: where a tag stands
// within another or would be made up of two texts, and where replaceAll ends in
// an error.
type inlining struct {
	*substitution
	name   string
	counts *counter // of earlier passes
	out    []byte
	stack  []piece
	seen   []tally
	uses   int
}

// piece is a text that is still to be read. since is the replacement that put it
// in: one that came later has replaced its own tag in this text already.
type piece struct {
	text  string
	since int
}

// tally tells the last replacement of a tag in this pass and how many there were.
type tally struct {
	tag     string
	last, n int
}

// maxPieces bounds how deep texts may be put into each other.
const maxPieces = 64

// inline replaces the tags of one value. ok is false where replaceAll must do it.
// Its replacements stay in seen until the next call.
func (l *inlining) inline(name, value string, counts *counter) (out string, ok bool, err error) {
	l.name, l.counts, l.uses = name, counts, 0
	l.out, l.seen = l.out[:0], l.seen[:0]
	l.stack = append(l.stack[:0], piece{text: value})
	for len(l.stack) > 0 {
		if ok, err := l.step(); !ok {
			return "", false, err
		}
	}
	if l.uses == 0 {
		return value, true, nil
	}
	return string(l.out), true, nil
}

// tell adds the replacements of this pass to a counter.
func (l *inlining) tell(counts *counter) {
	for _, t := range l.seen {
		counts.add(t.tag, t.n)
	}
}

// step reads up to the next tag that is replaced, or to the end of a text.
func (l *inlining) step() (ok bool, err error) {
	top := &l.stack[len(l.stack)-1]
	for from := 0; ; {
		tag, start, end, ok := Next(top.text, from)
		if !ok {
			l.out = append(l.out, top.text...)
			l.stack = l.stack[:len(l.stack)-1]
			return true, nil
		}
		if l.opt.Ignore[tag] {
			from = end
			continue
		}
		if tag == l.name || l.exhausted(tag) {
			return false, nil
		}
		text, found, err := l.lookup(tag)
		if err != nil {
			return false, err
		}
		if !found {
			from = end
			continue
		}
		if !closed(top.text[:start]) {
			return false, nil // it stands within another tag
		}
		l.out = append(l.out, top.text[:start]...)
		since := l.use(tag, top.since)
		top.text = top.text[end:]
		if top.text == "" {
			l.stack = l.stack[:len(l.stack)-1]
		}
		l.stack = append(l.stack, piece{text, since})
		l.work += len(text)
		fits := len(l.stack) <= maxPieces && len(l.out)+len(text) <= maxValue && l.work <= maxWork
		return fits && closed(text), nil
	}
}

// exhausted tells whether a tag was replaced too often in this value.
func (l *inlining) exhausted(tag string) bool {
	n := l.counts.of(tag)
	for i := range l.seen {
		if l.seen[i].tag == tag {
			n += l.seen[i].n
		}
	}
	return n > MaxRounds
}

// use notes a replacement and returns its number, or that of the earlier one
// which covered this text too.
func (l *inlining) use(tag string, since int) int {
	for i := range l.seen {
		t := &l.seen[i]
		if t.tag != tag {
			continue
		}
		if t.last <= since {
			l.uses++
			t.last = l.uses
			t.n++
		}
		return t.last
	}
	l.uses++
	l.seen = append(l.seen, tally{tag, l.uses, 1})
	return l.uses
}

// closed tells that no tag can begin in a text and end behind it.
func closed(text string) bool {
	i := strings.LastIndexByte(text, '<')
	return i < 0 || strings.ContainsAny(text[i:], " >")
}

package tags

import "strings"

// inlining does replaceAll's work in one pass: what is put in is read in its
// turn, before the rest. It gives up where that could differ: where a tag stands
// within another or would be made up of two texts, and where replaceAll ends in
// an error.
type inlining struct {
	*substitution
	name  string
	count *counter
	out   strings.Builder
	stack []piece
	seen  []lastUse
	uses  int
}

// piece is a text that is still to be read. since is the replacement that put it
// in: one that came later has replaced its own tag in this text already.
type piece struct {
	text  string
	since int
}

// lastUse is the last replacement of a tag.
type lastUse struct {
	tag string
	use int
}

// maxPieces bounds how deep texts may be put into each other.
const maxPieces = 64

// inline replaces the tags of one value. ok is false where replaceAll must do it;
// count may have changed then.
func (s *substitution) inline(name, value string, count *counter) (out string, ok bool, err error) {
	l := &inlining{substitution: s, name: name, count: &counter{}, stack: make([]piece, 1, 8)}
	l.count.tags, l.count.n = append(l.count.tags, count.tags...), append(l.count.n, count.n...)
	l.stack[0].text = value
	for len(l.stack) > 0 {
		if ok, err := l.step(); !ok {
			return "", false, err
		}
	}
	*count = *l.count
	return l.out.String(), true, nil
}

// step reads up to the next tag that is replaced, or to the end of a text.
func (l *inlining) step() (ok bool, err error) {
	top := &l.stack[len(l.stack)-1]
	for from := 0; ; {
		tag, start, end, ok := Next(top.text, from)
		if !ok {
			l.out.WriteString(top.text)
			l.stack = l.stack[:len(l.stack)-1]
			return true, nil
		}
		if l.opt.Ignore[tag] {
			from = end
			continue
		}
		if tag == l.name || l.count.exhausted(tag) {
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
		l.out.WriteString(top.text[:start])
		since := l.use(tag, top.since)
		top.text = top.text[end:]
		l.stack = append(l.stack, piece{text, since})
		l.work += len(text)
		fits := len(l.stack) <= maxPieces && l.out.Len()+len(text) <= maxValue && l.work <= maxWork
		return fits && closed(text), nil
	}
}

// use notes a replacement and returns its number, or that of the earlier one
// which covered this text too.
func (l *inlining) use(tag string, since int) int {
	for i := range l.seen {
		if l.seen[i].tag != tag {
			continue
		}
		if l.seen[i].use > since {
			return l.seen[i].use
		}
		l.uses++
		l.seen[i].use = l.uses
		l.count.add(tag)
		return l.uses
	}
	l.uses++
	l.seen = append(l.seen, lastUse{tag, l.uses})
	l.count.add(tag)
	return l.uses
}

// closed tells that no tag can begin in a text and end behind it.
func closed(text string) bool {
	i := strings.LastIndexByte(text, '<')
	return i < 0 || strings.ContainsAny(text[i:], " >")
}

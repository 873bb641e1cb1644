package tags

import (
	"slices"
	"strings"
)

// inlining does replaceAll's work in one pass: what is put in is read in its
// turn, before the rest. It gives up where that could differ: where a tag would be
// made up of several texts, and where replaceAll ends in an error.
type inlining struct {
	substitution
	name   string
	counts *counter // of earlier passes
	out    []byte
	stack  []piece
	seen   []tally
	formed []string
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
	l.out, l.seen, l.formed = l.out[:0], l.seen[:0], l.formed[:0]
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
		tag, start, end, inner := next(top.text, from)
		if tag == "" {
			l.out = append(l.out, top.text...)
			l.stack = l.stack[:len(l.stack)-1]
			return true, nil
		}
		since := top.since
		if inner && l.covered(tag, since) {
			if tag, start, end, since, err = l.made(top.text, tag, start, end); tag == "" {
				return false, err
			}
			// From here on the text has the tag that is made up.
			l.out = append(l.out, top.text[:start]...)
			top.text = "<" + tag + ">" + top.text[end:]
			start, end, inner = 0, len(tag)+2, false
		}
		if l.ignored(tag) {
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
		if slices.Contains(l.formed, tag) || inner && !l.form(top.text, text, start, end) {
			return false, nil
		}
		return l.put(site{tag, start, end, since}, text), nil
	}
}

// site is a tag in the text on top of the stack.
type site struct {
	tag               string
	start, end, since int
}

// put replaces a tag; ok is false where that would be too much.
func (l *inlining) put(at site, text string) (ok bool) {
	top := &l.stack[len(l.stack)-1]
	l.out = append(l.out, top.text[:at.start]...)
	since := l.use(at.tag, at.since)
	if top.text = top.text[at.end:]; top.text == "" {
		l.stack = l.stack[:len(l.stack)-1]
	}
	l.stack = append(l.stack, piece{text, since})
	l.work += len(text)
	return len(l.stack) <= maxPieces && len(l.out)+len(text) <= maxValue && l.work <= maxWork && closed(text)
}

// made gives the tag around a tag that was replaced everywhere before, as in
// <a-<b>>: that is what replaceAll would find here. It is "" where it is not so simple.
func (l *inlining) made(around, tag string, start, end int) (name string, from, to, since int, err error) {
	text, _, err := l.lookup(tag)
	if err != nil || strings.ContainsAny(text, " <>") {
		return "", 0, 0, 0, err
	}
	open := strings.LastIndexByte(around[:start], '<')
	stop := strings.IndexAny(around[end:], " <>")
	if stop < 0 || around[end+stop] != '>' {
		return "", 0, 0, 0, nil
	}
	for i := range l.seen {
		if l.seen[i].tag == tag {
			since = l.seen[i].last
		}
	}
	return around[open+1:start] + text + around[end:end+stop], open, end + stop + 1, since, nil
}

// covered tells whether a tag was replaced since a text was put in.
func (l *inlining) covered(tag string, since int) bool {
	for i := range l.seen {
		if l.seen[i].tag == tag {
			return l.seen[i].last > since
		}
	}
	return false
}

// form notes the tag that a text makes up together with the open tag around it,
// as in <a-<b>>. The next pass replaces it, but replaceAll would do so in this one
// if it came upon that tag elsewhere. ok is false where it is not so simple.
func (l *inlining) form(around, text string, start, end int) (ok bool) {
	open := strings.LastIndexByte(around[:start], '<')
	stop := strings.IndexAny(around[end:], " <>")
	if strings.ContainsAny(text, " <>") || stop < 0 || around[end+stop] != '>' {
		return false
	}
	l.formed = append(l.formed, around[open+1:start]+text+around[end:end+stop])
	return true
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
		if t.last > since {
			return t.last
		}
		l.uses++
		t.last = l.uses
		t.n++
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

package tags

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"f2b-go/internal/pytext"
)

// IsWord tells whether a character matches Python's \w.
func IsWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// Options say how Substitute and Replace look tags up.
type Options struct {
	// Condition, such as "family=inet4", makes <x> look for "x?family=inet4" first.
	Condition string
	// Ignore names tags that stay, and values that are not looked into.
	Ignore map[string]bool
	// Extra is asked for tags that the set does not hold; nil for none. Its
	// error ends the substitution.
	Extra func(tag string) (text string, ok bool, err error)
	// Scratch, if not nil, is memory that one goroutine uses again and again.
	Scratch *Scratch
}

// Scratch is working memory of Resolve. The zero Scratch is ready.
type Scratch struct {
	quick inlining
	set   Map
}

// NewMap returns an empty Map in place of the last that it returned.
func (s *Scratch) NewMap() *Map {
	clear(s.set.index)
	s.set.names, s.set.texts = s.set.names[:0], s.set.texts[:0]
	return &s.set
}

// Used tells by place which of the last set's texts tags have asked for.
func (s *Scratch) Used() []bool { return slices.Clone(s.quick.used) }

// Substitute returns a copy of set in which the tags within the texts are
// replaced by the set's own texts, again and again until nothing changes. A text
// that contains itself is an *Error. Unknown tags stay.
func Substitute(set *Map, opt Options) (*Map, error) {
	m := set.Clone()
	if err := Resolve(m, opt); err != nil {
		return nil, err
	}
	return m, nil
}

// Resolve is Substitute that changes the set itself; after an error it is half done.
func Resolve(set *Map, opt Options) error {
	scratch := opt.Scratch
	if scratch == nil {
		scratch = &Scratch{}
	}
	quick := &scratch.quick
	quick.start(set, opt)
	for again := true; again; {
		again = false
		for i := range quick.names {
			if quick.done[i] {
				continue
			}
			changed, err := quick.resolve(i, quick)
			if err != nil {
				return err
			}
			again = again || changed
		}
	}
	return nil
}

type substitution struct {
	*Map
	opt    Options
	ignore []string  // opt.Ignore, of which there are few
	counts []counter // by place in the map, as done; empty as long as all are
	done   []bool
	used   []bool  // the texts that tags have asked for
	none   counter // that of values in which nothing was replaced yet
	memo   [32]remembered
	work   int
}

// start prepares for a set and keeps the memory of the last.
func (s *substitution) start(set *Map, opt Options) {
	*s = substitution{Map: set, opt: opt, ignore: s.ignore[:0], counts: s.counts[:0], done: s.done[:0], used: s.used[:0]}
	for name, on := range opt.Ignore {
		if on {
			s.ignore = append(s.ignore, name)
		}
	}
	for i, name := range s.names {
		s.done = append(s.done, s.texts[i].none || !strings.Contains(s.texts[i].string, "<") || opt.Ignore[name])
		s.used = append(s.used, false)
	}
}

func (s *substitution) ignored(tag string) bool { return slices.Contains(s.ignore, tag) }

// counter counts the replacements of each tag within one value.
type counter struct {
	tags []string
	n    []int
}

func (c *counter) place(tag string) int { return slices.Index(c.tags, tag) }

// of tells how often a tag was replaced.
func (c *counter) of(tag string) int {
	if i := c.place(tag); i >= 0 {
		return c.n[i]
	}
	return 0
}

func (c *counter) add(tag string, n int) {
	if i := c.place(tag); i >= 0 {
		c.n[i] += n
		return
	}
	c.tags, c.n = append(c.tags, tag), append(c.n, n)
}

func (c *counter) repr() string {
	d := pytext.Dict{}
	for i, tag := range c.tags {
		d = append(d, pytext.Item{Key: tag, Value: c.n[i]})
	}
	return pytext.Repr(d)
}

// resolve replaces the tags of one value and tells whether it changed and holds
// tags still.
func (s *substitution) resolve(i int, quick *inlining) (again bool, err error) {
	before := s.texts[i].string
	counts := &s.none
	if len(s.counts) > 0 {
		counts = &s.counts[i]
	}
	value, ok, err := quick.inline(s.names[i], before, counts)
	if err == nil && !ok {
		counts = s.own(i)
		value, err = s.replaceAll(s.names[i], before, counts)
	}
	if err != nil {
		return false, err
	}
	s.done[i] = ok && len(quick.formed) == 0 || !strings.Contains(value, "<")
	if value == before {
		return false, nil
	}
	s.texts[i].string = value
	if s.done[i] {
		return false, nil
	}
	if _, _, _, again = Next(value, 0); again && ok {
		quick.tell(s.own(i))
	}
	return again, nil
}

// own gives the counter of a value to be changed.
func (s *substitution) own(i int) *counter {
	if len(s.counts) == 0 {
		s.counts = slices.Grow(s.counts, len(s.done))[:len(s.done)]
		for i := range s.counts {
			s.counts[i] = counter{s.counts[i].tags[:0], s.counts[i].n[:0]}
		}
	}
	return &s.counts[i]
}

// replaceAll is fail2ban's way: each tag that is found is replaced in the whole
// value, and the search goes on at the start of what was put in.
func (s *substitution) replaceAll(name, value string, count *counter) (string, error) {
	from := 0
	for {
		tag, start, end, ok := Next(value, from)
		if !ok {
			return value, nil
		}
		if s.ignored(tag) {
			from = end
			continue
		}
		if tag == name || count.of(tag) > MaxRounds {
			return "", &Error{name, fmt.Sprintf("properties contain self referencing definitions and cannot be resolved, fail tag: %s, found: %s in %s, value: %s",
				name, tag, count.repr(), value)}
		}
		text, found, err := s.lookup(tag)
		if err != nil {
			return "", err
		}
		if !found {
			from = end
			continue
		}
		size := len(value)
		if len(text) > len(tag)+2 {
			size += strings.Count(value, value[start:end]) * (len(text) - len(tag) - 2)
		}
		if s.work += size; size > maxValue || s.work > maxWork {
			return "", &Error{name, fmt.Sprintf("value of %s grows too large while <%s> is replaced", name, tag)}
		}
		value = strings.ReplaceAll(value, value[start:end], text)
		count.add(tag, 1)
		from = start
	}
}

// lookup finds a tag's text. Which tags are known does not change meanwhile, only
// their texts do.
func (s *substitution) lookup(tag string) (string, bool, error) {
	m := &s.memo[(len(tag)+int(tag[0])*5+int(tag[len(tag)-1])*11)%len(s.memo)]
	if m.tag != tag {
		*m = remembered{tag: tag, place: s.place(tag)}
		if m.place < 0 && s.opt.Extra != nil {
			text, ok, err := s.opt.Extra(tag)
			if err != nil {
				m.tag = ""
				return "", false, err
			}
			m.text, m.ok = text, ok
		}
	}
	if m.place >= 0 {
		s.used[m.place] = true
		return s.texts[m.place].string, true, nil
	}
	return m.text, m.ok, nil
}

// remembered is the answer to a lookup: a place in the map, or a text from Extra.
type remembered struct {
	tag   string
	place int
	text  string
	ok    bool
}

// place finds a tag that has a text, that for the condition first; else it is -1.
func (s *substitution) place(tag string) int {
	if s.opt.Condition != "" {
		if i := s.find(tag + "?" + s.opt.Condition); i >= 0 && !s.texts[i].none {
			return i
		}
	}
	if i := s.find(tag); i >= 0 && !s.texts[i].none {
		return i
	}
	return -1
}

// lookup finds the text of a tag, that for the condition first.
func (m *Map) lookup(tag, condition string) (string, bool) {
	if condition != "" {
		if text, ok := m.Get(tag + "?" + condition); ok {
			return text, true
		}
	}
	return m.Get(tag)
}

// Replace puts the texts of an already substituted set into a query, again and
// again until nothing changes; value may change what is put in and gives tags
// that the set lacks. More than MaxRounds rounds are an *Error.
func Replace(query string, set *Map, condition string, value func(tag, text string, known bool) (string, bool)) (string, error) {
	for range MaxRounds + 1 {
		size := len(query)
		next := Expand(query, func(tag string) (string, bool) {
			text, ok := set.lookup(tag, condition)
			if value != nil {
				text, ok = value(tag, text, ok)
			}
			size += len(text)
			return text, ok && size <= maxValue
		})
		if size > maxValue {
			return "", &Error{"", "value grows too large in query: " + query}
		}
		if next == query || !strings.Contains(next, "<") {
			return next, nil
		}
		query = next
	}
	return "", &Error{"", "unexpected too long replacement interpolation, possible self referencing definitions in query: " + query}
}

// Package tags puts values in the place of angle-bracket tags such as <name>,
// as fail2ban does for filters and actions when it reads its configuration and
// again, for actions, when it runs them (COMPAT 1.5 and 4.1.2).
//
// It hides the order of replacement, values that make up tags of others, tags
// that hold by condition (<x> is x?family=inet6 under family=inet6), and the
// guards against definitions that contain themselves or grow without end.
package tags

import (
	"maps"
	"slices"
	"strings"
)

// MaxRounds is how often one tag is replaced within one value.
const MaxRounds = 25

// Limits of one substitution, so that definitions that double each other end in
// an error rather than in all of the memory.
const (
	maxValue = 8 << 20   // bytes of one value
	maxWork  = 128 << 20 // bytes written while replacing
)

// Error tells of definitions that cannot be resolved; Text is fail2ban's.
type Error struct {
	Tag  string // the value in which it happened; "" where it has no name
	Text string
}

func (e *Error) Error() string { return e.Text }

// Map holds named texts in order of insertion. The zero Map is empty and usable;
// it is not safe for concurrent use.
type Map struct {
	names []string
	texts []text
	index map[string]int // empty where the names are few
}

type text struct {
	string
	none bool
}

// linear is up to how many names a Map is searched without its index.
const linear = 8

// Set gives a name its text; a known name keeps its place.
func (m *Map) Set(name, value string) { m.put(name, text{value, false}) }

// SetNone gives a name no text (Python's None): it is listed, but not found.
func (m *Map) SetNone(name string) { m.put(name, text{none: true}) }

func (m *Map) put(name string, value text) {
	if i := m.find(name); i >= 0 {
		m.texts[i] = value
		return
	}
	m.names = append(m.names, name)
	m.texts = append(m.texts, value)
	switch {
	case len(m.index) > 0:
		m.index[name] = len(m.names) - 1
	case len(m.names) > linear:
		m.reindex()
	}
}

func (m *Map) reindex() {
	if m.index == nil {
		m.index = make(map[string]int, 4*len(m.names))
	}
	clear(m.index)
	for i, n := range m.names {
		m.index[n] = i
	}
}

// find returns the place of a name, -1 where it is not listed.
func (m *Map) find(name string) int {
	if len(m.index) > 0 {
		if i, ok := m.index[name]; ok {
			return i
		}
		return -1
	}
	for i, n := range m.names {
		if n == name {
			return i
		}
	}
	return -1
}

// Get returns the text of a name; ok is false where it is unknown or None.
func (m *Map) Get(name string) (value string, ok bool) {
	if i := m.find(name); i >= 0 && !m.texts[i].none {
		return m.texts[i].string, true
	}
	return "", false
}

// At returns the text of the i-th name; ok is false for None.
func (m *Map) At(i int) (value string, ok bool) { return m.texts[i].string, !m.texts[i].none }

// Has tells whether a name is listed, be it with None.
func (m *Map) Has(name string) bool { return m.find(name) >= 0 }

// Names lists the names in order. The caller must not change the list.
func (m *Map) Names() []string { return m.names }

// Len counts the names.
func (m *Map) Len() int { return len(m.names) }

// Delete forgets a name.
func (m *Map) Delete(name string) {
	i := m.find(name)
	if i < 0 {
		return
	}
	m.names = slices.Delete(slices.Clone(m.names), i, i+1)
	m.texts = slices.Delete(m.texts, i, i+1)
	if m.index != nil {
		m.reindex()
	}
}

// Clone returns a copy.
func (m *Map) Clone() *Map {
	return &Map{names: slices.Clip(m.names), texts: slices.Clone(m.texts), index: maps.Clone(m.index)}
}

// Merge sets all of other's entries, new names at the end.
func (m *Map) Merge(other *Map) {
	for i, n := range other.names {
		m.put(n, other.texts[i])
	}
}

// Next finds the first tag in text from the byte position from on: '<', one or
// more characters that are neither blank, '<' nor '>', and '>'. start is the
// position of '<', end the one after '>'.
func Next(text string, from int) (name string, start, end int, ok bool) {
	name, start, end, _ = next(text, from)
	return name, start, end, name != ""
}

// next is Next that tells with inner whether the tag stands within another that
// is still open. name is "" where there is no tag.
func next(text string, from int) (name string, start, end int, inner bool) {
	for from < len(text) {
		open := strings.IndexByte(text[from:], '<')
		if open < 0 {
			break
		}
		inner = inner && open == 0
		open += from
		stop := open + 1
		for stop < len(text) && text[stop] != ' ' && text[stop] != '<' && text[stop] != '>' {
			stop++
		}
		if stop == len(text) {
			break
		}
		if text[stop] == '>' && stop > open+1 {
			return text[open+1 : stop], open, stop + 1, inner
		}
		inner = text[stop] == '<'
		from = stop
	}
	return "", 0, 0, false
}

// Expand replaces the tags of text once, from left to right; what it puts in is
// not looked at again. Tags for which value returns false stay.
func Expand(text string, value func(tag string) (string, bool)) string {
	var b strings.Builder
	done := 0
	for {
		name, start, end, ok := Next(text, done)
		if !ok {
			break
		}
		b.WriteString(text[done:start])
		if v, known := value(name); known {
			b.WriteString(v)
		} else {
			b.WriteString(text[start:end])
		}
		done = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// SplitCondition cuts a name such as "blocktype?family=inet6" into the name
// before the question mark and the condition with it. ok is false where the part
// before it is not made of word characters alone or nothing follows.
func SplitCondition(name string) (plain, condition string, ok bool) {
	i := strings.IndexByte(name, '?')
	if i <= 0 || i == len(name)-1 || name[i+1] == '\n' {
		return name, "", false
	}
	for _, r := range name[:i] {
		if !IsWord(r) {
			return name, "", false
		}
	}
	return name[:i], name[i:], true
}

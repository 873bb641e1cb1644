// Package tags puts values in the place of angle-bracket tags such as <name>,
// as fail2ban does for filters and actions when it reads its configuration and
// again, for actions, when it runs them (COMPAT 1.5 and 4.1.2).
//
// It hides the order of replacement, values that make up tags of others, tags
// that hold by condition (<x> is x?family=inet6 under family=inet6), and the
// guards against definitions that contain themselves or grow without end.
package tags

import "strings"

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
	texts map[string]*string
}

// Set gives a name its text; a known name keeps its place.
func (m *Map) Set(name, text string) { m.put(name, &text) }

// SetNone gives a name no text (Python's None): it is listed, but not found.
func (m *Map) SetNone(name string) { m.put(name, nil) }

func (m *Map) put(name string, text *string) {
	if m.texts == nil {
		m.texts = map[string]*string{}
	}
	if _, ok := m.texts[name]; !ok {
		m.names = append(m.names, name)
	}
	m.texts[name] = text
}

// Get returns the text of a name; ok is false where it is unknown or None.
func (m *Map) Get(name string) (text string, ok bool) {
	if p := m.texts[name]; p != nil {
		return *p, true
	}
	return "", false
}

// Has tells whether a name is listed, be it with None.
func (m *Map) Has(name string) bool {
	_, ok := m.texts[name]
	return ok
}

// Names lists the names in order. The caller must not change the list.
func (m *Map) Names() []string { return m.names }

// Len counts the names.
func (m *Map) Len() int { return len(m.names) }

// Delete forgets a name.
func (m *Map) Delete(name string) {
	if !m.Has(name) {
		return
	}
	delete(m.texts, name)
	for i, n := range m.names {
		if n == name {
			m.names = append(m.names[:i:i], m.names[i+1:]...)
			return
		}
	}
}

// Clone returns a copy.
func (m *Map) Clone() *Map {
	c := &Map{names: append([]string(nil), m.names...), texts: make(map[string]*string, len(m.texts))}
	for n, p := range m.texts {
		c.texts[n] = p
	}
	return c
}

// Merge sets all of other's entries, new names at the end.
func (m *Map) Merge(other *Map) {
	for _, n := range other.names {
		m.put(n, other.texts[n])
	}
}

// Next finds the first tag in text from the byte position from on: '<', one or
// more characters that are neither blank, '<' nor '>', and '>'. start is the
// position of '<', end the one after '>'.
func Next(text string, from int) (name string, start, end int, ok bool) {
	for from < len(text) {
		open := strings.IndexByte(text[from:], '<')
		if open < 0 {
			break
		}
		open += from
		stop := strings.IndexAny(text[open+1:], " <>")
		if stop < 0 {
			break
		}
		stop += open + 1
		if text[stop] == '>' && stop > open+1 {
			return text[open+1 : stop], open, stop + 1, true
		}
		from = stop
		if text[stop] != '<' {
			from++
		}
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

package filter

import (
	"slices"

	"f2b-go/internal/pytext"
)

// Kind says what a Field holds.
type Kind uint8

// The kinds of values in a failure's data.
const (
	None  Kind = iota // a group that took no part in the match
	Text              // a group's text
	Int               // Value is an int
	Tuple             // Value is a pytext.Tuple of strings and nil
	Users             // distinct users, in order of appearance: one in Text, or several in Value, a []string
	IP                // Value is an ipaddr.Addr
	Lines             // Value is a []Match
)

// Field is one value of a failure's data.
type Field struct {
	Name  string
	Kind  Kind
	Text  string // of kind Text, and of Users
	Value any    // of the other kinds
}

// true says whether Python would take the value for true.
func (f *Field) isTrue() bool {
	switch f.Kind {
	case None:
		return false
	case Text:
		return f.Text != ""
	case Int:
		return f.Value != 0
	case Lines:
		return len(f.Value.([]Match)) > 0
	}
	return true
}

// Python is the field's value as a Python value (see pytext): nil, string,
// int, pytext.Tuple, an ipaddr.Addr, []string for users, []any for lines.
func (f *Field) Python() any {
	switch f.Kind {
	case None:
		return nil
	case Text:
		return f.Text
	case Lines:
		list := []any{}
		for _, m := range f.Value.([]Match) {
			list = append(list, m.Tuple())
		}
		return list
	case Users:
		return f.users()
	}
	return f.Value
}

// users are those of kind Users.
func (f *Field) users() []string {
	if list, ok := f.Value.([]string); ok {
		return list
	}
	return []string{f.Text}
}

// Fields is the data of a failure, in the order in which fail2ban keeps it:
// the groups of prefregex and failregex by their names, then what was found
// besides (users, ip). The matched lines are kept apart, in Failure.Matches.
type Fields []Field

func (fs Fields) index(name string) int {
	for i := range fs {
		if fs[i].Name == name {
			return i
		}
	}
	return -1
}

// Get returns the field of that name; ok is false when there is none. A group
// that took no part in the match is there with kind None.
func (fs Fields) Get(name string) (f Field, ok bool) {
	if i := fs.index(name); i >= 0 {
		return fs[i], true
	}
	return Field{}, false
}

// Text is the value of that name as Python's str prints it, "" for none.
func (fs Fields) Text(name string) string {
	i := fs.index(name)
	switch {
	case i < 0 || fs[i].Kind == None:
		return ""
	case fs[i].Kind == Text:
		return fs[i].Text
	}
	return pytext.Str(fs[i].Python())
}

// Dict is the data as a Python dict.
func (fs Fields) Dict() pytext.Dict {
	d := make(pytext.Dict, 0, len(fs))
	for i := range fs {
		d = append(d, pytext.Item{Key: fs[i].Name, Value: fs[i].Python()})
	}
	return d
}

func (fs Fields) has(name string) bool {
	i := fs.index(name)
	return i >= 0 && fs[i].Kind != None
}

func (fs Fields) isTrue(name string) bool {
	i := fs.index(name)
	return i >= 0 && fs[i].isTrue()
}

// put replaces the field of the same name in its place, or appends.
func (fs *Fields) put(f Field) {
	if i := fs.index(f.Name); i >= 0 {
		(*fs)[i] = f
		return
	}
	*fs = append(*fs, f)
}

// pop removes a field and says whether it was true.
func (fs *Fields) pop(name string) (wasTrue bool) {
	i := fs.index(name)
	if i < 0 {
		return false
	}
	wasTrue = (*fs)[i].isTrue()
	*fs = slices.Delete(*fs, i, i+1)
	return wasTrue
}

// update puts the fields of other that have a value.
func (fs *Fields) update(other Fields) {
	for i := range other {
		if other[i].Kind != None {
			fs.put(other[i])
		}
	}
}

// Match is one line of a failure: the text before its date, the date, and the
// text after it.
type Match struct {
	Before, Date, After string
}

// String is the whole line.
func (m Match) String() string { return m.Before + m.Date + m.After }

// text is the line without its date.
func (m Match) text() string { return m.Before + m.After }

// appendText appends the same.
func (m *Match) appendText(b []byte) []byte { return append(append(b, m.Before...), m.After...) }

// Tuple is the line as the three strings that Python keeps.
func (m Match) Tuple() pytext.Tuple { return pytext.Tuple{m.Before, m.Date, m.After} }

package config

import (
	"fmt"
	"slices"
	"strings"

	"f2b-go/internal/pytext"
)

// Limits of interpolation: the depth is ConfigParser's own; the others keep
// values that double each other from taking all time and memory.
const (
	maxInterpolation = 10
	maxValue         = 8 << 20
	maxReferences    = 200_000
	maxWork          = 1 << 30
)

// variables are the values given with a call, under lower-case names and as text
// (nil for None), which come before all sections.
type variables struct{ set *optionSet }

func newVariables(set *optionSet) *variables {
	for i, o := range set.list {
		if l := lower(o.name); l != o.name {
			return &variables{lowered(set, i)}
		}
	}
	return &variables{set}
}

// lowered copies a set under lower-case names; of two that become one the later
// value holds.
func lowered(set *optionSet, from int) *optionSet {
	low := &optionSet{list: append([]option(nil), set.list[:from]...)}
	for _, o := range set.list[from:] {
		low.set(lower(o.name), o.value)
	}
	return low
}

func (v *variables) get(name string) (any, bool) {
	if v == nil {
		return nil, false
	}
	value, ok := v.set.get(name)
	if _, text := value.(string); !text && value != nil {
		value = pytext.Str(value)
	}
	return value, ok
}

// hasAny tells whether one of some names is a variable.
func (v *variables) hasAny(names []string) bool {
	return v != nil && slices.ContainsFunc(names, v.set.has)
}

// lookup is one interpolation: where it looks names up, and what it has cost.
type lookup struct {
	parser  *parser
	name    string
	section *section
	vars    *variables
	asked   *[]string // takes the names that the variables are asked for; nil for nobody

	out  []byte
	refs int
}

// find returns a value by its lower-case name: variables, section, DEFAULT.
func (l *lookup) find(name string) (any, bool) {
	if l.asked != nil {
		*l.asked = append(*l.asked, name)
	}
	return l.parser.look(l.section, name, l.vars)
}

// interpolate replaces the references of a value (1.4).
func (l *lookup) interpolate(option, text string) (string, *Error) {
	if err := l.some(option, text, nil, 1); err != nil {
		return "", err
	}
	return string(l.out), nil
}

// some adds rest to the output with its references replaced. borrowed are the
// values of section/option references that the values on the way here made known.
func (l *lookup) some(option, rest string, borrowed map[string]any, depth int) *Error {
	if depth > maxInterpolation {
		return l.depthError(option, rest)
	}
	borrowed = l.borrow(rest, borrowed)
	whole := rest
	for rest != "" {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			l.out = append(l.out, rest...)
			return nil
		}
		l.out = append(l.out, rest[:i]...)
		rest = rest[i:]
		switch {
		case strings.HasPrefix(rest, "%%"):
			l.out = append(l.out, '%')
			rest = rest[2:]
			continue
		case !strings.HasPrefix(rest, "%("):
			return l.syntaxError(option, "'%' must be followed by '%' or '(', found: "+pytext.Repr(rest))
		}
		name, n, ok := reference(rest)
		if !ok {
			return l.syntaxError(option, "bad interpolation variable reference "+pytext.Repr(rest))
		}
		rest = rest[n:]
		if err := l.refer(option, lower(name), whole, borrowed, depth); err != nil {
			return err
		}
	}
	return nil
}

// reference reads "%(name)s" at the start of a text.
func reference(text string) (name string, size int, ok bool) {
	end := strings.IndexByte(text, ')')
	if end < 3 || !strings.HasPrefix(text[end:], ")s") {
		return "", 0, false
	}
	return text[2:end], end + 2, true
}

// refer adds the value of one reference.
func (l *lookup) refer(option, name, whole string, borrowed map[string]any, depth int) *Error {
	value, ok := any(l.name), name == "__name__"
	if !ok {
		value, ok = borrowed[name]
	}
	if !ok {
		value, ok = l.find(name)
	}
	if !ok {
		rawValue := pytext.Repr(l.raw(option, whole))
		return &Error{Class: "InterpolationMissingOptionError", Section: l.name, Option: option,
			Text: fmt.Sprintf("Bad value substitution: option %s in section %s contains an interpolation key %s which is not a valid option name. Raw value: %s",
				pytext.Repr(option), pytext.Repr(l.name), pytext.Repr(name), rawValue),
			Remedy: "define " + name + ", or write %% for a percent sign"}
	}
	text, ok := value.(string)
	if !ok {
		return &Error{Class: "TypeError", Text: fmt.Sprintf("argument of type '%s' is not iterable", typeName(value))}
	}
	l.refs++
	work := l.parser.config.work.Add(int64(len(text)))
	if l.refs > maxReferences || len(l.out)+len(text) > maxValue || work > maxWork {
		return &Error{Class: "LimitError", Text: fmt.Sprintf("value of option %s in section %s grows too large", pytext.Repr(option), pytext.Repr(l.name)),
			Remedy: "break the chain of values that contain each other"}
	}
	if !strings.Contains(text, "%") {
		l.out = append(l.out, text...)
		return nil
	}
	return l.some(option, text, borrowed, depth+1)
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	}
	return "int"
}

// borrow finds the values of the references to other sections in a text (1.4.3 to
// 1.4.5); they are found under the name as it is written.
func (l *lookup) borrow(text string, known map[string]any) map[string]any {
	if !strings.Contains(text, "/") {
		return known
	}
	out := known
	for {
		i := strings.Index(text, "%(")
		if i < 0 {
			return out
		}
		text = text[i:]
		name, n, ok := reference(text)
		sec, option, cut := strings.Cut(name, "/")
		if !ok || !cut || sec == "" || option == "" || !isSectionWord(sec) {
			text = text[2:]
			continue
		}
		text = text[n:]
		if _, ok := out[name]; ok {
			continue
		}
		if _, ok := l.find(name); ok {
			continue
		}
		value, ok := l.fromSection(sec, option)
		if !ok {
			continue
		}
		grown := make(map[string]any, len(out)+1)
		for k, v := range out {
			grown[k] = v
		}
		grown[name] = value
		out = grown
	}
}

func (l *lookup) fromSection(sec, option string) (any, bool) {
	switch lower(sec) {
	case "default":
	case "known":
		if r, ok := l.parser.rawIn(knownPrefix+l.name, option); ok {
			return r.value, true
		}
	default:
		if !l.parser.hasSection(sec) {
			return nil, false
		}
		if strings.HasPrefix(option, borrowedAs) { // which another jail's filter may have lent
			l.parser.config.uncertain = true
		}
		if r, ok := l.parser.rawIn(sec, option); ok {
			return r.value, true
		}
	}
	r, ok := l.parser.defaults.get(option)
	return r.value, ok
}

func (p *parser) rawIn(sec, option string) (raw, bool) {
	if s := p.sections[sec]; s != nil {
		return s.get(option)
	}
	return raw{}, false
}

// raw is the value as it stands in the files, for messages.
func (l *lookup) raw(option, fallback string) any {
	if r, ok := l.parser.find(l.name, option); ok {
		return r.value
	}
	return fallback
}

func (l *lookup) depthError(option, rest string) *Error {
	return &Error{Class: "InterpolationDepthError", Section: l.name, Option: option,
		Text: fmt.Sprintf("Recursion limit exceeded in value substitution: option %s in section %s contains an interpolation key which cannot be substituted in %d steps. Raw value: %s",
			pytext.Repr(option), pytext.Repr(l.name), maxInterpolation, pytext.Repr(l.raw(option, rest))),
		Remedy: "break the chain of values that contain each other; %(known/x)s remembers one earlier value only"}
}

func (l *lookup) syntaxError(option, text string) *Error {
	return &Error{Class: "InterpolationSyntaxError", Section: l.name, Option: option, Text: text, Remedy: "write %% for a percent sign"}
}

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/ini.v1"
)

// defaultSection is the section whose options hold in all others; it is ini.v1's
// name for it too.
const defaultSection = "DEFAULT"

// perLoad is how many entries go into one load of ini.v1, which looks for names
// by linear search.
const perLoad = 256

// raw is an option as it stands in a file. Values are strings but for those that
// a filter lends to its jail (1.4.7), which may be an int or nil.
type raw struct {
	value any
	pos   Pos
}

// section holds the raw options of a section in order.
type section struct {
	names   []string
	options map[string]raw
	pos     Pos  // of the header that made it
	shared  bool // belongs to a file: to be copied before it is changed
}

func newSection(pos Pos) *section { return &section{options: map[string]raw{}, pos: pos} }

func (s *section) clone() *section {
	return &section{names: slices.Clip(s.names), options: maps.Clone(s.options), pos: s.pos}
}

func (s *section) set(name string, r raw) {
	if _, ok := s.options[name]; !ok {
		s.names = append(s.names, name)
	}
	s.options[name] = r
}

// parsedFile is one file by itself, without its includes.
type parsedFile struct {
	defaults *section
	sections map[string]*section // without DEFAULT
	order    []string
}

func (f *parsedFile) section(name string, pos Pos) *section {
	if name == defaultSection {
		return f.defaults
	}
	s := f.sections[name]
	if s == nil {
		s = newSection(pos)
		s.shared = true
		f.sections[name] = s
		f.order = append(f.order, name)
	}
	return s
}

// dialect makes ini.v1 read what compose writes: one option a line, quotes,
// backslashes and comment signs without a meaning.
var dialect = ini.LoadOptions{
	IgnoreContinuation:      true,
	IgnoreInlineComment:     true,
	PreserveSurroundedQuote: true,
	KeyValueDelimiters:      "=:",
	ChildSectionDelimiter:   "\x00",
}

// parseFile reads one file: scan sorts its lines by ConfigParser's rules, which
// ini.v1 does not have (indentation against the option's own, comments inside of
// values, duplicates, line numbers), and ini.v1 reads sections, names and values
// of the result.
func parseFile(file string, data []byte) (*parsedFile, *Error) {
	text, bad := decodeText(data)
	entries, err := scan(file, text)
	if bad != "" && (err == nil || err.Class == "ParsingError") { // which Python raises at the end of a file
		return nil, &Error{Class: "UnicodeDecodeError", Pos: Pos{file, strings.Count(text, "\n") + 1}, Text: bad, Remedy: "save the file as UTF-8"}
	}
	if err != nil {
		return nil, err
	}
	f := &parsedFile{defaults: newSection(Pos{File: file}), sections: map[string]*section{}}
	f.defaults.shared = true
	current := defaultSection
	for len(entries) > 0 {
		part := entries[:min(perLoad, len(entries))]
		if err := f.load(file, current, part); err != nil {
			return nil, err
		}
		for _, e := range part {
			if e.header {
				current = e.name
			}
		}
		entries = entries[len(part):]
	}
	return f, nil
}

// load hands some entries, which begin inside of a section or with a header, to
// ini.v1 and takes its sections over. ini.v1 keeps the order of names, so that the
// n-th of a section belongs to its n-th entry.
func (f *parsedFile) load(file, current string, entries []entry) *Error {
	data, err := ini.LoadSources(dialect, []byte(compose(current, entries)))
	if err != nil {
		return &Error{Class: "ParsingError", Pos: Pos{file, entries[0].line}, Text: fmt.Sprintf("reading %s: %v", file, err)}
	}
	keys := map[string][]*ini.Key{}
	for _, s := range data.Sections() {
		keys[unescape(s.Name())] = s.Keys()
	}
	sec := f.section(current, Pos{File: file})
	for _, e := range entries {
		if e.header {
			current = e.name
			sec = f.section(current, Pos{file, e.line})
			continue
		}
		if len(keys[current]) == 0 {
			return &Error{Class: "ParsingError", Pos: Pos{file, e.line}, Section: current, Option: e.name,
				Text: fmt.Sprintf("reading %s: option %s is lost", file, e.name)}
		}
		value := keys[current][0].Value()
		keys[current] = keys[current][1:]
		sec.set(e.name, raw{rstrip(strip1(unescape(value))), Pos{file, e.line}})
	}
	return nil
}

// strip1 takes the blanks off the start of a value's first line; an empty first
// line stays.
func strip1(value string) string {
	return strings.TrimLeftFunc(value, func(r rune) bool { return r != '\n' && isSpace(r) })
}

// compose writes entries for ini.v1.
func compose(current string, entries []entry) string {
	var b strings.Builder
	size := len(current)
	for _, e := range entries {
		size += len(e.name) + len(e.text) + len(e.rest) + len(e.rest)/8 + 4
	}
	b.Grow(size)
	if !entries[0].header {
		b.WriteString("[" + escape(current) + "]\n")
	}
	for _, e := range entries {
		if e.header {
			b.WriteString("[" + escape(e.name) + "]\n")
			continue
		}
		b.WriteString(guard(escape(e.text)))
		if len(e.rest) > 0 {
			b.WriteString(escape(string(e.rest)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Characters that mean something to ini.v1 and nothing to ConfigParser are
// written as \x01 and a letter: both quotes that may open names and values, and
// the ends of a value's lines, since ini.v1's own reading of continuations knows
// no indentation and cuts values where its buffer ends.
var (
	escaper = strings.NewReplacer("\x01", "\x01a", "`", "\x01b", `"`, "\x01c", "\n", "\x01n")
	escaped = [256]string{'a': "\x01", 'b': "`", 'c': `"`, 'g': "", 'n': "\n"}
)

func escape(s string) string {
	if !strings.ContainsAny(s, "\x01`\"\n") {
		return s
	}
	return escaper.Replace(s)
}

// guard keeps an option from looking like a header, a comment or ini.v1's "-".
func guard(s string) string {
	if strings.IndexByte("[-#;", s[0]) < 0 {
		return s
	}
	return "\x01g" + s
}

func unescape(s string) string {
	i := strings.IndexByte(s, '\x01')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0 && i+1 < len(s); i = strings.IndexByte(s, '\x01') {
		b.WriteString(s[:i])
		b.WriteString(escaped[s[i+1]])
		s = s[i+2:]
	}
	b.WriteString(s)
	return b.String()
}

package config

import (
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// defaultSection is the section whose options hold in all others; it is ini.v1's
// name for it too.
const defaultSection = "DEFAULT"

// perLoad is how many entries go into one load of ini.v1, which looks for names
// by linear search and moves its whole buffer for each value.
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
	pos     Pos // of the header that made it
}

func newSection(pos Pos) *section { return &section{options: map[string]raw{}, pos: pos} }

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
		f.sections[name] = s
		f.order = append(f.order, name)
	}
	return s
}

// dialect makes ini.v1 read what compose writes: one option a line with its
// continuations indented by a tab, quotes and backslashes without a meaning.
func dialect(size int) ini.LoadOptions {
	return ini.LoadOptions{
		IgnoreContinuation:         true,
		IgnoreInlineComment:        true,
		AllowPythonMultilineValues: true,
		PreserveSurroundedQuote:    true,
		KeyValueDelimiters:         "=:",
		ChildSectionDelimiter:      "\x00",
		ReaderBufferSize:           size, // ini.v1 cuts a value where its buffer ends
	}
}

// parseFile reads one file: scan sorts its lines by ConfigParser's rules, which
// ini.v1 does not have (indentation against the option's own, comments inside of
// values, duplicates, line numbers), and ini.v1 reads sections, names and values
// of the result.
func parseFile(file string, data []byte) (*parsedFile, *Error) {
	lines, bad := decodeLines(data)
	entries, err := scan(file, lines)
	if bad != "" && (err == nil || err.Class == "ParsingError") { // which Python raises at the end of a file
		return nil, &Error{Class: "UnicodeDecodeError", Pos: Pos{file, len(lines) + 1}, Text: bad, Remedy: "save the file as UTF-8"}
	}
	if err != nil {
		return nil, err
	}
	f := &parsedFile{defaults: newSection(Pos{File: file}), sections: map[string]*section{}}
	current := ""
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
// ini.v1 and takes its sections over.
func (f *parsedFile) load(file, current string, entries []entry) *Error {
	text, lines := compose(current, entries)
	data, err := ini.LoadSources(dialect(len(text)+1), []byte(text))
	if err != nil {
		return &Error{Class: "ParsingError", Pos: Pos{file, entries[0].line}, Text: fmt.Sprintf("reading %s: %v", file, err)}
	}
	for _, s := range data.Sections() {
		name := unescape(s.Name())
		sec := f.section(name, Pos{file, lines[name]})
		for _, key := range s.Keys() {
			option := lower(rstrip(unescape(key.Name())))
			value := strings.ReplaceAll(key.Value(), "\n\t", "\n")
			sec.set(option, raw{rstrip(strip1(unescape(value))), Pos{file, lines[name+"\n"+option]}})
		}
	}
	return nil
}

// strip1 takes the blanks off the start of a value's first line; an empty first
// line stays.
func strip1(value string) string {
	return strings.TrimLeftFunc(value, func(r rune) bool { return r != '\n' && isSpace(r) })
}

// compose writes entries for ini.v1 and tells the line of each section and option.
func compose(current string, entries []entry) (string, map[string]int) {
	var b strings.Builder
	lines := map[string]int{}
	if current != "" && !entries[0].header {
		b.WriteString("[" + escape(current) + "]\n")
	}
	for _, e := range entries {
		if e.header {
			current = e.name
			lines[current] = e.line
			b.WriteString("[" + escape(current) + "]\n")
			continue
		}
		lines[current+"\n"+e.name] = e.line
		b.WriteString(guard(escape(e.text[0])) + "\n")
		for _, more := range e.text[1:] {
			b.WriteString("\t" + escape(more) + "\n")
		}
	}
	return b.String(), lines
}

// Characters that mean something to ini.v1 and nothing to ConfigParser are
// written as \x01 and a letter: both quotes that may open names and values, and
// blanks that only Python strips, lest they hide behind those that both do.
var (
	escaper   = strings.NewReplacer("\x01", "\x01a", "`", "\x01b", `"`, "\x01c")
	unescaper = strings.NewReplacer("\x01a", "\x01", "\x01b", "`", "\x01c", `"`, "\x01g", "")
)

func escape(s string) string {
	if !strings.ContainsAny(s, "\x01`\"") {
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
	if !strings.Contains(s, "\x01") {
		return s
	}
	return unescaper.Replace(s)
}

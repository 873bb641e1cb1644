package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
)

// entry is a section header or an option with its continuation lines. Comments
// are gone and blanks around each line too.
type entry struct {
	line   int
	header bool
	name   string // section, or the option's name in lower case
	text   string // an option's first line
	rest   []byte // its continuations, each with the "\n" before it
}

// scanner groups the lines of a file by ConfigParser's rules of comments and
// indentation (1.2), and finds its faults, each with its line.
type scanner struct {
	file    string
	entries []entry
	seen    map[string]map[string]bool // options of the sections so far

	section   string          // "" before the first header
	options   map[string]bool // those of the section so far
	inSection bool
	open      bool // the last entry is an option with a name: it takes continuations
	indent    int  // of the line that began the last entry
	blank     int  // lines since its last; they count if it goes on
	bad       []badLine
}

type badLine struct {
	line int
	repr string
}

// Limits of one file: how many sections and options it may have, and of how many
// lines that are neither is told.
const (
	maxEntries = 50_000
	maxBad     = 1000
)

// scan returns the entries of a file, or the error that ConfigParser raises.
func scan(file, text string) ([]entry, *Error) {
	s := &scanner{file: file, seen: map[string]map[string]bool{}}
	n := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		n++
		if err := s.add(n, line); err != nil {
			return nil, err
		}
	}
	if len(s.bad) > 0 {
		return nil, s.parsingError()
	}
	return s.entries, nil
}

func (s *scanner) add(n int, line string) *Error {
	value, comment := cutComment(line)
	if value == "" {
		if !comment && s.open {
			s.blank++
		}
		return nil
	}
	indent := indentOf(line)
	if s.open && indent > s.indent {
		s.continueWith(value)
		return nil
	}
	s.indent, s.blank = indent, 0
	if len(s.entries) == maxEntries {
		return &Error{Class: "LimitError", Pos: Pos{s.file, n}, Text: fmt.Sprintf("reading %s: more than %d sections and options", s.file, maxEntries)}
	}
	if end := strings.LastIndexByte(value, ']'); value[0] == '[' && end > 1 {
		return s.addHeader(n, value[1:end])
	}
	if !s.inSection {
		return &Error{Class: "MissingSectionHeaderError", Pos: Pos{s.file, n},
			Text:   fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", pytext.Repr(s.file), n, pytext.Repr(line)),
			Remedy: "begin the file with a section such as [Definition], without a byte order mark"}
	}
	return s.addOption(n, line, value)
}

// fault notes a line that is neither a section nor an option.
func (s *scanner) fault(n int, line string) {
	if len(s.bad) < maxBad {
		s.bad = append(s.bad, badLine{n, pytext.Repr(line)})
	}
}

// continueWith adds a line to the last option.
func (s *scanner) continueWith(value string) {
	last := &s.entries[len(s.entries)-1]
	for ; s.blank > 0; s.blank-- {
		last.rest = append(last.rest, '\n')
	}
	last.rest = append(append(last.rest, '\n'), value...)
}

func (s *scanner) addHeader(n int, name string) *Error {
	options := s.seen[name]
	if options != nil && name != defaultSection {
		return &Error{Class: "DuplicateSectionError", Pos: Pos{s.file, n}, Section: name,
			Text:   fmt.Sprintf("While reading from %s [line %2d]: section %s already exists", pytext.Repr(s.file), n, pytext.Repr(name)),
			Remedy: "merge the two sections of this name"}
	}
	if options == nil {
		options = map[string]bool{}
		s.seen[name] = options
	}
	s.section, s.options, s.inSection, s.open = name, options, true, false
	s.entries = append(s.entries, entry{line: n, header: true, name: name})
	return nil
}

func (s *scanner) addOption(n int, line, value string) *Error {
	cut := strings.IndexAny(value, "=:")
	if cut < 0 {
		s.fault(n, line)
		return nil
	}
	name := lower(rstrip(value[:cut]))
	if name == "" {
		s.fault(n, line)
	}
	if s.options[name] {
		return &Error{Class: "DuplicateOptionError", Pos: Pos{s.file, n}, Section: s.section, Option: name,
			Text: fmt.Sprintf("While reading from %s [line %2d]: option %s in section %s already exists",
				pytext.Repr(s.file), n, pytext.Repr(name), pytext.Repr(s.section)),
			Remedy: "keep one of the two lines"}
	}
	s.options[name] = true
	s.open = name != ""
	s.entries = append(s.entries, entry{line: n, name: name, text: value})
	return nil
}

func (s *scanner) parsingError() *Error {
	var text strings.Builder
	text.WriteString("Source contains parsing errors: " + pytext.Repr(s.file))
	for _, b := range s.bad {
		fmt.Fprintf(&text, "\n\t[line %2d]: %s", b.line, b.repr)
	}
	return &Error{Class: "ParsingError", Pos: Pos{s.file, s.bad[0].line}, Section: s.section, Text: text.String(),
		Remedy: "write \"name = value\", or indent the line to continue the value above it"}
}

// cutComment returns a line without comment and the blanks around it. A line
// that begins with # or ; is all comment; else ; begins one at column 0 or after
// a blank.
func cutComment(line string) (value string, comment bool) {
	value = strip(line)
	if value != "" && (value[0] == '#' || value[0] == ';') {
		return "", true
	}
	for from := 0; ; {
		i := strings.IndexByte(line[from:], ';')
		if i < 0 {
			return value, false
		}
		i += from
		if r, _ := utf8.DecodeLastRuneInString(line[:i]); isSpace(r) {
			return strip(line[:i]), true
		}
		from = i + 1
	}
}

// indentOf counts the blanks at the start of a line that is not blank.
func indentOf(line string) int {
	n := 0
	for _, r := range line {
		if !isSpace(r) {
			break
		}
		n++
	}
	return n
}

package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
)

// scanner sorts the lines of a file by ConfigParser's rules of comments and
// indentation (1.2) into sections and options, and finds its faults, each with
// its line.
type scanner struct {
	file string
	into *parsedFile

	section string   // the name of the section so far
	options *section // nil before the first header
	open    bool     // the last entry is an option with a name: it takes continuations
	rest    []byte   // the last option's continuations, each with the "\n" before it
	indent  int      // of the line that began the last entry
	blank   int      // lines since its last; they count if it goes on
	entries int
	bad     []badLine
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

// scan reads the sections and options of a file's text, or gives the error that
// ConfigParser raises.
func (f *parsedFile) scan(file, text string) *Error {
	s := &scanner{file: file, into: f}
	for n := 1; text != ""; n++ {
		end := strings.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		if text[0] != '#' { // which begins a comment, as most lines are
			if err := s.add(n, text[:end]); err != nil {
				return err
			}
		}
		text = text[end:]
	}
	s.settle()
	if len(s.bad) > 0 {
		return s.parsingError()
	}
	return nil
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
		for ; s.blank > 0; s.blank-- {
			s.rest = append(s.rest, '\n')
		}
		s.rest = append(append(s.rest, '\n'), value...)
		return nil
	}
	s.settle()
	s.indent, s.blank = indent, 0
	if s.entries == maxEntries {
		return &Error{Class: "LimitError", Pos: Pos{s.file, n}, Text: fmt.Sprintf("reading %s: more than %d sections and options", s.file, maxEntries)}
	}
	if end := strings.LastIndexByte(value, ']'); value[0] == '[' && end > 1 {
		return s.addHeader(n, value[1:end])
	}
	if s.options == nil {
		return &Error{Class: "MissingSectionHeaderError", Pos: Pos{s.file, n},
			Text:   fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", pytext.Repr(s.file), n, pytext.Repr(line)),
			Remedy: "begin the file with a section such as [Definition], without a byte order mark"}
	}
	return s.addOption(n, line, value)
}

// settle gives the last option its continuations.
func (s *scanner) settle() {
	if len(s.rest) == 0 {
		return
	}
	last := &s.options.list[len(s.options.list)-1]
	last.value = last.value.(string) + string(s.rest)
	s.rest = s.rest[:0]
}

// fault notes a line that is neither a section nor an option.
func (s *scanner) fault(n int, line string) {
	if len(s.bad) < maxBad {
		s.bad = append(s.bad, badLine{n, pytext.Repr(line)})
	}
}

func (s *scanner) addHeader(n int, name string) *Error {
	if s.into.sections[name] != nil && name != defaultSection {
		return &Error{Class: "DuplicateSectionError", Pos: Pos{s.file, n}, Section: name,
			Text:   fmt.Sprintf("While reading from %s [line %2d]: section %s already exists", pytext.Repr(s.file), n, pytext.Repr(name)),
			Remedy: "merge the two sections of this name"}
	}
	s.entries++
	s.section, s.options, s.open = name, s.into.section(name, Pos{s.file, n}), false
	return nil
}

func (s *scanner) addOption(n int, line, value string) *Error {
	cut := strings.IndexFunc(value, func(r rune) bool { return r == '=' || r == ':' })
	if cut < 0 {
		s.fault(n, line)
		return nil
	}
	name := lower(rstrip(value[:cut]))
	if name == "" {
		s.fault(n, line)
	}
	if s.options.place(name) >= 0 {
		return &Error{Class: "DuplicateOptionError", Pos: Pos{s.file, n}, Section: s.section, Option: name,
			Text: fmt.Sprintf("While reading from %s [line %2d]: option %s in section %s already exists",
				pytext.Repr(s.file), n, pytext.Repr(name), pytext.Repr(s.section)),
			Remedy: "keep one of the two lines"}
	}
	s.entries++
	s.open = name != ""
	s.options.add(name, raw{strip(value[cut+1:]), Pos{s.file, n}})
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
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	for _, r := range line[n:] {
		if !isSpace(r) {
			break
		}
		n++
	}
	return n
}

package config

import (
	"maps"
	"slices"
	"strings"
)

// defaultSection is the section whose options hold in all others.
const defaultSection = "DEFAULT"

// raw is an option as it stands in a file. Values are strings but for those that
// a filter lends to its jail (1.4.7), which may be an int or nil.
type raw struct {
	value any
	pos   Pos
}

// section holds the raw options of a section in order.
type section struct {
	list   []namedRaw
	index  map[string]int // places by name, in a section with many options
	pos    Pos            // of the header that made it
	shared bool           // belongs to a file: to be copied before it is changed
}

type namedRaw struct {
	name string
	raw
}

// fewOptions is up to how many options a section is searched without its index.
const fewOptions = 40

func newSection(pos Pos) *section { return &section{pos: pos} }

func (s *section) clone() *section {
	return &section{list: slices.Clone(s.list), index: maps.Clone(s.index), pos: s.pos}
}

// place is where an option stands in the list, -1 for one that does not.
func (s *section) place(name string) int {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range s.list {
		if s.list[i].name == name {
			return i
		}
	}
	return -1
}

func (s *section) get(name string) (raw, bool) {
	if i := s.place(name); i >= 0 {
		return s.list[i].raw, true
	}
	return raw{}, false
}

func (s *section) has(name string) bool { return s.place(name) >= 0 }

func (s *section) set(name string, r raw) {
	if i := s.place(name); i >= 0 {
		s.list[i].raw = r
		return
	}
	s.add(name, r)
}

// add appends an option that the section lacks.
func (s *section) add(name string, r raw) {
	if s.list == nil {
		s.list = make([]namedRaw, 0, 4)
	}
	s.list = append(s.list, namedRaw{name, r})
	if s.index != nil {
		s.index[name] = len(s.list) - 1
		return
	}
	if len(s.list) > fewOptions {
		s.index = make(map[string]int, 2*len(s.list))
		for i := range s.list {
			s.index[s.list[i].name] = i
		}
	}
}

// names lists the options in order.
func (s *section) names() []string {
	out := make([]string, len(s.list))
	for i := range s.list {
		out[i] = s.list[i].name
	}
	return out
}

// parsedFile is one file by itself, without its includes.
type parsedFile struct {
	defaults *section
	sections map[string]*section // without DEFAULT
	order    []string
}

// section returns the section of a name, making it if need be.
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

// parseFile reads one file.
func parseFile(file string, data []byte) (*parsedFile, *Error) {
	text, bad := decodeText(data)
	f := &parsedFile{defaults: newSection(Pos{File: file}), sections: map[string]*section{}}
	f.defaults.shared = true
	err := f.scan(file, text)
	if bad != "" && (err == nil || err.Class == "ParsingError") { // which Python raises at the end of a file
		return nil, &Error{Class: "UnicodeDecodeError", Pos: Pos{file, strings.Count(text, "\n") + 1}, Text: bad, Remedy: "save the file as UTF-8"}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

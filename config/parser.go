package config

import (
	"fmt"
	"os"
	"path"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// knownPrefix begins the names of sections that keep overridden values.
const knownPrefix = "KNOWN/"

// parser holds the merged sections of several files, as ConfigParser does.
type parser struct {
	defaults *section
	sections map[string]*section
	order    []string
	config   *Config
}

func (c *Config) newParser() *parser {
	return &parser{defaults: newSection(Pos{}), sections: map[string]*section{}, config: c}
}

// section returns a section, making it if need be.
func (p *parser) section(name string, pos Pos) *section {
	s := p.sections[name]
	if s == nil {
		s = newSection(pos)
		p.sections[name] = s
		p.order = append(p.order, name)
	}
	return s
}

// add merges a file key by key (1.3). What it replaces is kept as known.
func (p *parser) add(f *parsedFile) {
	for _, name := range f.defaults.names {
		p.defaults.set(name, f.defaults.options[name])
	}
	for _, name := range f.order {
		from := f.sections[name]
		target, cond, _ := tags.SplitCondition(name)
		if old := p.sections[target]; old != nil {
			known := p.section(knownPrefix+target, Pos{})
			for _, opt := range from.names {
				if r, ok := old.options[opt+cond]; ok {
					known.set(opt+cond, r)
				}
			}
		}
		into := p.section(target, from.pos)
		for _, opt := range from.names {
			into.set(opt+cond, from.options[opt])
		}
	}
}

// names lists the sections that may be jails: all but DEFAULT and the known.
func (p *parser) names() []string {
	var out []string
	for _, n := range p.order {
		if !strings.HasPrefix(n, knownPrefix) {
			out = append(out, n)
		}
	}
	return out
}

func (p *parser) hasSection(name string) bool { return p.sections[name] != nil }

// own lists the options of a section without those of DEFAULT.
func (p *parser) own(name string) []string {
	if !p.hasSection(name) {
		return nil
	}
	return p.sections[name].names
}

func (p *parser) hasOwn(name, option string) bool {
	if !p.hasSection(name) {
		return false
	}
	_, ok := p.sections[name].options[option]
	return ok
}

// find returns a raw option of a section or of DEFAULT.
func (p *parser) find(sec, option string) (raw, bool) {
	if s := p.sections[sec]; s != nil {
		if r, ok := s.options[option]; ok {
			return r, true
		}
	}
	r, ok := p.defaults.options[option]
	return r, ok
}

// pos tells where an option stands, or else its section.
func (p *parser) pos(sec, option string) Pos {
	if r, ok := p.find(sec, option); ok {
		return r.pos
	}
	if s := p.sections[sec]; s != nil {
		return s.pos
	}
	return Pos{}
}

func (p *parser) noSection(sec string) *Error {
	return &Error{Class: "NoSectionError", Section: sec, Text: "No section: " + pytext.Repr(sec), Pos: p.anyPos()}
}

// anyPos names the first file of the parser, for faults of things that are nowhere.
func (p *parser) anyPos() Pos {
	for _, name := range p.order {
		if f := p.sections[name].pos.File; f != "" {
			return Pos{File: f}
		}
	}
	return Pos{}
}

// get returns an option of a section, with interpolation: a string, or, where a
// variable or a filter's loan is meant, any other option value.
func (p *parser) get(sec, option string, vars *variables) (any, *Error) {
	s := p.sections[sec]
	if s == nil && sec == defaultSection {
		s = p.defaults
	}
	if s == nil {
		return nil, p.noSection(sec)
	}
	l := &lookup{parser: p, name: sec, section: s, vars: vars}
	option = lower(option)
	value, ok := l.find(option)
	if !ok {
		return nil, &Error{Class: "NoOptionError", Section: sec, Option: option, Pos: s.pos,
			Text: fmt.Sprintf("No option %s in section: %s", pytext.Repr(option), pytext.Repr(sec))}
	}
	text, ok := value.(string)
	if !ok {
		return value, nil
	}
	out, err := l.interpolate(option, text)
	if err != nil {
		return nil, err.at(p.pos(sec, option), sec, option)
	}
	return out, nil
}

// getEx is get for a tag's name: section/option looks into that section, and
// known/option into the remembered values first (1.5.2).
func (p *parser) getEx(sec, option string, vars *variables) (any, *Error) {
	if named, opt, ok := cutSection(option); ok {
		var from []string
		switch lower(named) {
		case "known":
			from = []string{knownPrefix + sec, sec}
		case "default":
			from = []string{defaultSection}
		default:
			from = []string{named}
		}
		for _, s := range from {
			v, err := p.get(s, opt, nil)
			if err == nil || err.Class != "NoSectionError" && err.Class != "NoOptionError" {
				return v, err
			}
		}
	}
	return p.get(sec, option, vars)
}

// cutSection cuts "section/option": the section of word characters and hyphens,
// the option without blanks and '>'.
func cutSection(name string) (sec, option string, ok bool) {
	sec, option, ok = strings.Cut(name, "/")
	if !ok || sec == "" || option == "" || !isSectionWord(sec) {
		return "", "", false
	}
	option = strings.TrimSuffix(option, "\n")
	bad := strings.IndexFunc(option, func(r rune) bool { return r == '>' || isSpace(r) })
	return sec, option, option != "" && bad < 0
}

func isSectionWord(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r != '-' && !tags.IsWord(r) }) < 0
}

// absPath is Python's os.path.abspath.
func absPath(name string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	dir, err := os.Getwd()
	if err != nil {
		return name
	}
	return path.Join(dir, name)
}

package config

import (
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
	file     string // the first that it is made of, but for their includes
}

func (c *Config) newParser() *parser {
	return &parser{defaults: newSection(Pos{}), sections: map[string]*section{}, config: c}
}

// section returns a section that may be changed, making it if need be.
func (p *parser) section(name string, pos Pos) *section {
	s := p.sections[name]
	switch {
	case s == nil:
		s = newSection(pos)
		p.order = append(p.order, name)
	case s.shared:
		s = s.clone()
	default:
		return s
	}
	p.sections[name] = s
	return s
}

// add merges a file key by key (1.3). What it replaces is kept as known.
func (p *parser) add(f *parsedFile) {
	if len(p.defaults.list) == 0 {
		p.defaults = f.defaults
	} else if len(f.defaults.list) > 0 {
		p.ownDefaults().merge(f.defaults, "")
	}
	for _, name := range f.order {
		from := f.sections[name]
		target, cond, conditional := tags.SplitCondition(name)
		old := p.sections[target]
		if old == nil && !conditional {
			p.sections[name] = from
			p.order = append(p.order, name)
			continue
		}
		if old != nil {
			p.section(knownPrefix+target, Pos{}).remember(old, from, cond)
		}
		p.section(target, from.pos).merge(from, cond)
	}
}

// ownDefaults returns DEFAULT to be changed.
func (p *parser) ownDefaults() *section {
	if p.defaults.shared {
		p.defaults = p.defaults.clone()
	}
	return p.defaults
}

// merge sets all options of another section under their names with a condition.
func (s *section) merge(from *section, cond string) {
	for _, o := range from.list {
		s.set(o.name+cond, o.raw)
	}
}

// remember keeps the options of old that from is about to replace.
func (s *section) remember(old, from *section, cond string) {
	for _, o := range from.list {
		if r, ok := old.get(o.name + cond); ok {
			s.set(o.name+cond, r)
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
	return p.sections[name].names()
}

func (p *parser) hasOwn(name, option string) bool {
	if !p.hasSection(name) {
		return false
	}
	return p.sections[name].has(option)
}

// find returns a raw option of a section or of DEFAULT.
func (p *parser) find(sec, option string) (raw, bool) {
	if s := p.sections[sec]; s != nil {
		if r, ok := s.get(option); ok {
			return r, true
		}
	}
	return p.defaults.get(option)
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
	return &Error{Class: "NoSectionError", Section: sec, Text: "No section: " + pytext.Repr(sec), Pos: Pos{File: p.file}}
}

// get returns an option of a section, with interpolation: a string, or, where a
// variable or a filter's loan is meant, any other option value.
func (p *parser) get(sec, option string, vars *variables) (any, *Error) {
	return p.getAsking(sec, option, vars, nil)
}

// getAsking is get that adds to asked the names that the variables were asked for.
func (p *parser) getAsking(sec, option string, vars *variables, asked *[]string) (any, *Error) {
	s := p.sections[sec]
	if s == nil && sec == defaultSection {
		s = p.defaults
	}
	if s == nil {
		return nil, p.noSection(sec)
	}
	value, found, err := p.getFrom(s, sec, lower(option), vars, asked)
	if !found && err == nil {
		err = &Error{Class: "NoOptionError", Section: sec, Option: lower(option), Pos: s.pos,
			Text: "No option " + pytext.Repr(lower(option)) + " in section: " + pytext.Repr(sec)}
	}
	return value, err
}

// getFrom is getAsking for a section that exists and an option in lower case, which
// may not be found.
func (p *parser) getFrom(s *section, sec, option string, vars *variables, asked *[]string) (value any, found bool, err *Error) {
	if asked != nil {
		*asked = append(*asked, option)
	}
	if value, found = p.look(s, option, vars); !found {
		return nil, false, nil
	}
	text, ok := value.(string)
	if !ok || strings.IndexByte(text, '%') < 0 {
		return value, true, nil
	}
	l := &p.config.lookup
	*l = lookup{parser: p, name: sec, section: s, vars: vars, asked: asked, out: l.out[:0]}
	out, err := l.interpolate(option, text)
	if err != nil {
		return nil, true, err.at(p.pos(sec, option), sec, option)
	}
	return out, true, nil
}

// look finds the raw value of an option: variables, section, DEFAULT.
func (p *parser) look(s *section, option string, vars *variables) (any, bool) {
	if v, ok := vars.get(option); ok {
		return v, true
	}
	if r, ok := s.get(option); ok {
		return r.value, true
	}
	r, ok := p.defaults.get(option)
	return r.value, ok
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

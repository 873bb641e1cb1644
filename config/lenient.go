package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// maxSyntaxFaults is after how many faults of syntax a file is given up.
const maxSyntaxFaults = 100

// parse reads one file. While a configuration is inspected it notes what is wrong
// and goes on with the rest.
func (c *Config) parse(name string, data []byte) (*parsedFile, *Error) {
	f, err := parseFile(name, data)
	if c.inspected == nil || err == nil {
		return f, err
	}
	lines, bad := decodeLines(data)
	if bad != "" {
		return f, err
	}
	m := &mender{lines: lines, again: map[string]string{}}
	for range maxSyntaxFaults {
		if !m.mend(err, c.inspected) {
			return nil, err
		}
		if f, err = parseFile(name, []byte(strings.Join(m.lines, ""))); err == nil {
			m.merge(f)
			return f, nil
		}
	}
	return nil, err
}

// mender changes the lines of a file until it can be read, each in its place.
type mender struct {
	lines    []string
	headless bool              // text before the first section was told
	again    map[string]string // sections of the same name by the names that they got
}

// mend notes a fault and takes it away; false if it cannot.
func (m *mender) mend(e *Error, in *Inspection) bool {
	i := e.Line - 1
	if i < 0 || i >= len(m.lines) {
		return false
	}
	text := strings.TrimSpace(m.lines[i])
	told := *e
	switch e.Class {
	case "MissingSectionHeaderError":
		told.Text = fmt.Sprintf("%q stands before the first section", text)
		if m.lines[i] = "\n"; m.headless {
			return true
		}
		m.headless = true
	case "ParsingError":
		m.noEntries(e, in)
		return true
	case "DuplicateSectionError":
		name := fmt.Sprintf("%s\x02%d", e.Section, e.Line)
		m.again[name] = e.Section
		m.lines[i] = "[" + name + "]\n"
		told.Text = "the section [" + e.Section + "] stands twice in this file"
	case "DuplicateOptionError":
		indent := m.lines[i][:len(m.lines[i])-len(strings.TrimLeftFunc(m.lines[i], isSpace))]
		m.lines[i] = fmt.Sprintf("%s%sagain-%d =\n", indent, borrowedAs, e.Line)
		told.Section, _, _ = strings.Cut(e.Section, "\x02")
		told.Text = "the option stands twice in this section"
	default:
		return false
	}
	in.fault(&told)
	return true
}

// badLines finds the numbers of lines in the text of a ParsingError.
var badLines = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\n\t\[line +(\d+)\]: `) })

// noEntries takes away lines that are no entries. Those after the first hundred
// are told as one.
func (m *mender) noEntries(e *Error, in *Inspection) {
	told := 0
	for _, match := range badLines().FindAllStringSubmatch(e.Text, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil || n < 1 || n > len(m.lines) {
			continue
		}
		if told++; told <= maxSyntaxFaults {
			text := fmt.Sprintf("%q is neither a section nor name = value", strings.TrimSpace(m.lines[n-1]))
			if told == maxSyntaxFaults {
				text += ", and so are lines behind it"
			}
			in.fault(&Error{Pos: Pos{e.File, n}, Section: m.sectionAt(n - 1), Text: text, Remedy: e.Remedy})
		}
		m.lines[n-1] = "\n"
	}
}

// sectionAt names the section that a line stands in.
func (m *mender) sectionAt(i int) string {
	for ; i >= 0; i-- {
		line := strings.TrimSpace(m.lines[i])
		if end := strings.LastIndexByte(line, ']'); end > 1 && line[0] == '[' {
			name, _, _ := strings.Cut(line[1:end], "\x02")
			return name
		}
	}
	return ""
}

// merge adds the sections that stood twice to those of the same name.
func (m *mender) merge(f *parsedFile) {
	for again, name := range m.again {
		from, into := f.sections[again], f.sections[name]
		if from == nil || into == nil {
			continue
		}
		for _, o := range from.list {
			into.set(o.name, o.raw)
		}
		delete(f.sections, again)
		for i, n := range f.order {
			if n == again {
				f.order = append(f.order[:i:i], f.order[i+1:]...)
				break
			}
		}
	}
}

// lineOf is the place of one line of an option's value, counted from 0: the first
// is the option's own, and lines of comment are none.
func (c *Config) lineOf(r raw, index int) Pos {
	if index == 0 || r.pos.Line == 0 {
		return r.pos
	}
	if c.texts == nil {
		c.texts = map[string][]string{}
	}
	lines, ok := c.texts[r.pos.File]
	if !ok {
		if data, err := c.tree.read(r.pos.File); err == nil {
			lines, _ = decodeLines(data)
		}
		c.texts[r.pos.File] = lines
	}
	for n := r.pos.Line; n < len(lines); n++ {
		if line := strip(lines[n]); line != "" && (line[0] == '#' || line[0] == ';') {
			continue
		}
		if index--; index == 0 {
			return Pos{r.pos.File, n + 1}
		}
	}
	return r.pos
}

package pytext

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Pretty gives what Python's pprint.pformat(v, width=width, indent=indent)
// prints for lists, tuples, dicts and scalars. A string longer than the width
// is split at blanks into adjacent literals, as pprint does. Dicts print in the
// order of their sorted keys.
func Pretty(v any, width, indent int) string {
	p := &printer{width: width, indent: indent}
	p.format(v, 0, 0, 1)
	return p.b.String()
}

type printer struct {
	b             strings.Builder
	width, indent int
}

// format writes v at a column, leaving room for `allowance` closing brackets.
func (p *printer) format(v any, column, allowance, level int) {
	rep := Repr(sortedDict(v))
	if utf8.RuneCountInString(rep) <= p.width-column-allowance {
		p.b.WriteString(rep)
		return
	}
	switch t := v.(type) {
	case []any:
		p.sequence("[", "]", t, frame{column, allowance, level})
	case Tuple:
		end := ")"
		if len(t) == 1 {
			end = ",)"
		}
		p.sequence("(", end, t, frame{column, allowance, level})
	case Dict:
		p.dict(sortedDict(t).(Dict), frame{column, allowance, level})
	case string:
		p.text(t, rep, frame{column, allowance, level})
	default:
		p.b.WriteString(rep)
	}
}

type frame struct{ column, allowance, level int }

func (p *printer) sequence(open, end string, list []any, at frame) {
	p.b.WriteString(open)
	if p.indent > 1 {
		p.b.WriteString(strings.Repeat(" ", p.indent-1))
	}
	column := at.column + p.indent
	for i, v := range list {
		if i > 0 {
			p.b.WriteString(",\n" + strings.Repeat(" ", column))
		}
		allowance := 1
		if i == len(list)-1 {
			allowance = at.allowance + len(end)
		}
		p.format(v, column, allowance, at.level+1)
	}
	p.b.WriteString(end)
}

func (p *printer) dict(d Dict, at frame) {
	p.b.WriteByte('{')
	if p.indent > 1 {
		p.b.WriteString(strings.Repeat(" ", p.indent-1))
	}
	column := at.column + p.indent
	for i, it := range d {
		if i > 0 {
			p.b.WriteString(",\n" + strings.Repeat(" ", column))
		}
		allowance := 1
		if i == len(d)-1 {
			allowance = at.allowance + 1
		}
		key := Repr(it.Key)
		p.b.WriteString(key + ": ")
		p.format(it.Value, column+utf8.RuneCountInString(key)+2, allowance, at.level+1)
	}
	p.b.WriteByte('}')
}

// text splits a long string into lines and words, each its own literal.
func (p *printer) text(s, rep string, at frame) {
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	column, allowance := at.column, at.allowance
	if at.level == 1 {
		column++
		allowance++
	}
	var chunks []string
	for i, line := range lines {
		room := p.width - column
		r := Repr(line)
		last := i == len(lines)-1
		if last {
			room -= allowance
		}
		if utf8.RuneCountInString(r) <= room {
			chunks = append(chunks, r)
			continue
		}
		chunks = append(chunks, p.words(line, column, allowance, last)...)
	}
	if len(chunks) == 1 {
		p.b.WriteString(rep)
		return
	}
	if at.level == 1 {
		p.b.WriteByte('(')
	}
	p.b.WriteString(strings.Join(chunks, "\n"+strings.Repeat(" ", column)))
	if at.level == 1 {
		p.b.WriteByte(')')
	}
}

func (p *printer) words(line string, column, allowance int, lastLine bool) []string {
	parts := splitWords(line)
	var chunks []string
	current, limit := "", p.width-column
	for j, part := range parts {
		candidate := current + part
		room := limit
		if j == len(parts)-1 && lastLine {
			room -= allowance
		}
		if utf8.RuneCountInString(Repr(candidate)) > room {
			if current != "" {
				chunks = append(chunks, Repr(current))
			}
			current = part
		} else {
			current = candidate
		}
	}
	if current != "" {
		chunks = append(chunks, Repr(current))
	}
	return chunks
}

// splitWords cuts a line into words, each with the blanks that follow it.
func splitWords(line string) []string {
	var parts []string
	start, inBlank := 0, false
	for i, r := range line {
		blank := isSpace(r)
		if inBlank && !blank {
			parts = append(parts, line[start:i])
			start = i
		}
		inBlank = blank
	}
	if start < len(line) {
		parts = append(parts, line[start:])
	}
	return parts
}

func isSpace(r rune) bool {
	return r == ' ' || (r >= 0x09 && r <= 0x0d) || (r >= 0x1c && r <= 0x1f) || r == 0x85 || r == 0xa0 ||
		r == 0x1680 || (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000
}

func sortedDict(v any) any {
	d, ok := v.(Dict)
	if !ok {
		return v
	}
	out := append(Dict(nil), d...)
	sort.SliceStable(out, func(i, j int) bool { return Str(out[i].Key) < Str(out[j].Key) })
	return out
}

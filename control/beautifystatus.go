package control

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
)

// status prints the tree of `status`, `status J` and `status --all` (5.3.1).
func (p *printer) status() (string, bool) {
	if len(p.command) > 1 && p.command[1] != "--all" {
		lines, ok := jailTree(p.reply, "")
		return strings.Join(append([]string{"Status for the jail: " + p.command[1]}, lines...), "\n"), ok
	}
	pairs, ok := p.reply.([]any)
	if !ok {
		return "", false
	}
	var jails pytext.Dict
	if len(p.command) > 1 && len(pairs) > 0 {
		if jails, ok = pairs[len(pairs)-1].(pytext.Dict); !ok {
			return "", false
		}
		pairs = pairs[:len(pairs)-1]
	}
	lines := []string{"Status"}
	total := len(pairs)
	if len(jails) > 0 {
		total++
	}
	for i, v := range pairs {
		name, value, ok := pair(v)
		if !ok {
			return "", false
		}
		lines = append(lines, branch(i, total)+" "+name+":\t"+listText(value))
	}
	if len(jails) > 0 {
		lines = append(lines, "`- Status for the jails:")
	}
	for i, it := range jails {
		lines = append(lines, "   "+branch(i, len(jails))+" Jail: "+pytext.Str(it.Key))
		tree, ok := jailTree(it.Value, "   "+trunk(i, len(jails)))
		if !ok {
			return "", false
		}
		lines = append(lines, tree...)
	}
	return strings.Join(lines, "\n"), true
}

// trunk is what stands below the mark of item i of n.
func trunk(i, n int) string {
	if i == n-1 {
		return "   "
	}
	return "|  "
}

// pair reads a (name, value) tuple.
func pair(v any) (name string, value any, ok bool) {
	t, ok := v.(pytext.Tuple)
	if !ok || len(t) != 2 {
		return "", nil, false
	}
	return pytext.Str(t[0]), t[1], true
}

// listText joins a list by blanks; all else prints as it is.
func listText(v any) string {
	list, ok := v.([]any)
	if !ok {
		return pytext.Str(v)
	}
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = pytext.Str(w)
	}
	return strings.Join(words, " ")
}

// jailTree prints one jail's status below a prefix.
func jailTree(v any, prefix string) ([]string, bool) {
	parts, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var lines []string
	for i, part := range parts {
		name, value, ok := pair(part)
		items, isList := value.([]any)
		if !ok || !isList {
			return nil, false
		}
		lines = append(lines, prefix+branch(i, len(parts))+" "+name)
		for k, item := range items {
			name, value, ok := pair(item)
			if !ok {
				return nil, false
			}
			lines = append(lines, fmt.Sprintf("%s%s%s %s:\t%s",
				prefix, trunk(i, len(parts)), branch(k, len(items)), name, listText(value)))
		}
	}
	return lines, true
}

// strokes draw the table of `stats`; ascii is for terminals without UTF-8.
type strokes struct{ bar, line, left, middle, cross, foot, thin, rule string }

var (
	boxes = strokes{"║", "═", "╟", "╫", "╬", "╩", "│", "─"}
	ascii = strokes{"|", "-", "|", "x", "x", "-", "|", "-"}
)

// statsMinimum are the least widths of the table's columns.
var statsMinimum = [6]int{8, 8, 3, 3, 3, 3}

// stats prints the table of `stats` (5.3.3).
func (p *printer) stats() (string, bool) {
	jails, ok := p.reply.(pytext.Dict)
	if !ok {
		return "", false
	}
	if len(jails) == 0 {
		return "No jails found.", true
	}
	var rows [][6]string
	width := statsMinimum
	for _, it := range jails {
		row, ok := statsRow(it)
		if !ok {
			return "", false
		}
		rows = append(rows, row)
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	s := ascii
	if p.utf8 {
		s = boxes
	}
	return strings.Join(s.table(rows, width), "\n"), true
}

func statsRow(it pytext.Item) (row [6]string, ok bool) {
	values, ok := it.Value.([]any)
	if !ok || len(values) != 3 {
		return row, false
	}
	row[0], row[1] = pytext.Str(it.Key), pytext.Str(values[0])
	for i, v := range values[1:] {
		counts, ok := v.(pytext.Tuple)
		if !ok || len(counts) != 2 {
			return row, false
		}
		row[2+2*i], row[3+2*i] = pytext.Str(counts[0]), pytext.Str(counts[1])
	}
	return row, true
}

func (s strokes) table(rows [][6]string, width [6]int) []string {
	left := func(text string, n int) string { return text + strings.Repeat(" ", n-utf8.RuneCountInString(text)) }
	right := func(text string, n int) string { return strings.Repeat(" ", n-utf8.RuneCountInString(text)) + text }
	filter, actions := width[2]+width[3]+3, width[4]+width[5]+3
	head := func(a, b string) string { return " " + left(a, width[0]) + " " + s.bar + " " + left(b, width[1]) + " " }
	counts := func(row [6]string) string {
		return s.bar + " " + right(row[2], width[2]) + " " + s.thin + " " + right(row[3], width[3]) + " " +
			s.bar + " " + right(row[4], width[4]) + " " + s.thin + " " + right(row[5], width[5])
	}
	border := func(joint string) string {
		return strings.Repeat(s.line, width[0]+2) + joint + strings.Repeat(s.line, width[1]+2) + joint +
			strings.Repeat(s.line, filter+2) + joint + strings.Repeat(s.line, actions+2)
	}
	lines := []string{
		head("", "") + s.bar + " " + left("Filter", filter) + " " + s.bar + " " + left("Actions", actions),
		head("Jail", "Backend") + s.left + strings.Repeat(s.rule, filter+2) + s.middle + strings.Repeat(s.rule, actions+2),
		head("", "") + counts([6]string{"", "", "cur", "tot", "cur", "tot"}),
		border(s.cross),
	}
	for _, row := range rows {
		lines = append(lines, head(row[0], row[1])+counts(row))
	}
	return append(lines, border(s.foot))
}

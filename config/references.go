package config

import (
	"sort"
	"strings"
)

// Limits of what counts as a tag: letters of its name, and tags within it.
const (
	maxTagName  = 256
	maxTagDepth = 16
)

// references are the names that values refer to: %(name)s, <name>, and the parts
// behind a slash of %(section/name)s and <section/name>. A name that is made up
// of others, as in <mdre-<mode>>, is kept as a pattern.
type references struct {
	names    map[string]bool
	patterns map[string]bool // with * for the inner tags
	sections map[string]bool // names before a slash, patterns too
}

func newReferences() *references {
	return &references{names: map[string]bool{}, patterns: map[string]bool{}, sections: map[string]bool{}}
}

// has tells whether some value refers to a name. Options may be written in
// another case than tags.
func (r *references) has(name string) bool {
	if r.names[name] {
		return true
	}
	for p := range r.patterns {
		if fnmatch(p, name) {
			return true
		}
	}
	return false
}

// hasSection tells whether some value refers to an option of a section.
func (r *references) hasSection(name string) bool {
	name = lower(name)
	if r.sections[name] {
		return true
	}
	for p := range r.sections {
		if strings.Contains(p, "*") && fnmatch(p, name) {
			return true
		}
	}
	return false
}

func (r *references) add(name string) {
	name = lower(name)
	if sec, option, ok := strings.Cut(name, "/"); ok {
		r.sections[sec] = true
		name = option
	}
	name, _, _ = strings.Cut(name, "?")
	switch {
	case strings.Trim(name, "*") == "":
	case strings.Contains(name, "*"):
		r.patterns[name] = true
	default:
		r.names[name] = true
	}
}

// percent adds the names of %(name)s in a value.
func (r *references) percent(value string) {
	for {
		i := strings.Index(value, "%(")
		if i < 0 {
			return
		}
		value = value[i:]
		name, n, ok := reference(value)
		if !ok {
			value = value[2:]
			continue
		}
		r.add(name)
		value = value[n:]
	}
}

// tags adds the names of <name> in a value; those of tags within tags too.
func (r *references) tags(value string) {
	var open []string
	for _, c := range value {
		last := len(open) - 1
		switch {
		case c == '<':
			open = append(open, "")
		case isSpace(c) || len(open) > maxTagDepth || last >= 0 && len(open[last]) > maxTagName:
			open = open[:0]
		case c == '>' && last >= 0:
			if open[last] != "" {
				r.add(open[last])
			}
			if open = open[:last]; last > 0 {
				open[last-1] += "*"
			}
		case last >= 0:
			open[last] += string(c)
		}
	}
}

// values calls add with each text of some sections.
func values(sections []*section, add func(string)) {
	for _, s := range sections {
		for _, o := range s.list {
			if text, ok := o.value.(string); ok {
				add(text)
			}
		}
	}
}

// all lists the sections of a file, DEFAULT first.
func (f *parsedFile) all() []*section {
	out := []*section{f.defaults}
	for _, name := range f.order {
		out = append(out, f.sections[name])
	}
	return out
}

// nearest finds the name that somebody who wrote name may have meant; "" for none.
func nearest(name string, among map[string]bool) string {
	list := make([]string, 0, len(among))
	for n := range among {
		list = append(list, n)
	}
	sort.Strings(list)
	best, least := "", 1<<30
	for _, n := range list {
		d, ok := similar(name, n)
		if d = d*100 - commonPrefix(name, n); ok && d < least {
			best, least = n, d
		}
	}
	return best
}

// remedyForMissing tells what to do about a filter or action that cannot be read.
func (c *Config) remedyForMissing(folder, name string) string {
	there := map[string]bool{}
	for file := range c.lists.names(c.tree, joinPath(c.dir, folder)+"/") {
		if stem, ext := splitExt(file); ext == ".conf" || ext == ".local" {
			there[stem] = true
		}
	}
	if like := nearest(name, there); like != "" && !there[name] {
		return "did you mean " + like + "?"
	}
	return "create " + folder + "/" + name + ".conf or correct the name"
}

var punctuation = strings.NewReplacer(".", "", "_", "", "-", "", " ", "")

// similar tells whether two names may be meant to be the same, and how far apart
// they are.
func similar(a, b string) (distance int, ok bool) {
	if a == b {
		return 0, true
	}
	short, long := min(len(a), len(b)), max(len(a), len(b))
	if short < 3 || long > 64 {
		return 0, false
	}
	if plain := punctuation.Replace(lower(a)); plain != "" && plain == punctuation.Replace(lower(b)) {
		return 1, true
	}
	d := edits(a, b)
	if d <= max(1, short/4) {
		return d, true
	}
	common := commonPrefix(a, b)
	return d, common >= 6 && common*10 >= short*8 && long-common <= 4
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// edits counts the letters to insert, drop, change or swap with their neighbour
// to make b of a.
func edits(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		rows = [3][]int{last, row, before}
	}
	return rows[1][len(b)]
}

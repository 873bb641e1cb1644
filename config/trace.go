package config

import (
	"maps"
	"slices"
	"strings"

	"f2b-go/internal/tags"
)

// Where tells where one line of an option's value stands: in the jail's section,
// in DEFAULT, or in its filter, and there perhaps in another option that the
// value refers to.
func (j *InspectedJail) Where(option, line string) Place {
	var best match
	best.look(j.from, []string{j.Name, knownPrefix + j.Name, defaultSection}, option, line)
	if _, own := j.from.find(j.Name, option); j.filter != nil && (!own || best.score == 0) {
		best.look(j.filter.reader, nil, option, line)
	}
	if best.score > 0 {
		return best.Place
	}
	if _, ok := j.from.find(j.Name, option); ok {
		return j.Own(option, line)
	}
	if j.filter != nil && (j.filter.hasOwn(definition, option) || j.filter.hasOwn(initial, option)) {
		return Place{j.filter.where(option), definition, option}
	}
	return Place{j.Pos, j.Name, option}
}

// MadeUp is a tag that was made up of others, as in <mdre-<mode>>, and that the
// filter lacks, so that it stays as text.
type MadeUp struct {
	Place
	Tag  string
	Like string // the option that may have been meant; "" for none
}

// MadeUp lists such tags of a regex.
func (j *InspectedJail) MadeUp(regex string) (out []MadeUp) {
	if j.filter == nil {
		return nil
	}
	for from := 0; ; {
		tag, _, end, ok := tags.Next(regex, from)
		if !ok {
			return out
		}
		if from = end; isOptionName(tag) && !j.writes("<"+tag+">") {
			m := MadeUp{Tag: tag, Like: nearest(lower(tag), wordSet(strings.Join(j.filter.own(definition), " ")))}
			for _, part := range strings.Split(tag, "-") { // one of them is the value of some option
				if p, ok := j.Holding(part); ok {
					m.Place = p
				}
			}
			out = append(out, m)
		}
	}
}

// writes tells whether a value of the jail or its filter holds a text as it stands.
func (j *InspectedJail) writes(text string) bool {
	holds := func(o namedRaw) bool {
		value, ok := o.value.(string)
		return ok && !strings.HasPrefix(o.name, borrowedAs) && strings.Contains(value, text)
	}
	for _, p := range []*parser{j.from.parser, j.filter.parser} {
		for _, s := range append(slices.Collect(maps.Values(p.sections)), p.defaults) {
			if slices.ContainsFunc(s.list, holds) {
				return true
			}
		}
	}
	return false
}

// isOptionName tells whether a tag is a word of letters, digits, "_" and "-".
func isOptionName(tag string) bool { return nameRun(tag) == len(tag) }

// Where tells where a word of a property's text stands: in the action's file, or
// in the jail that gives it as a parameter.
func (a *InspectedAction) Where(property, word string) Place {
	if a.reader == nil {
		return a.Place
	}
	own := Place{a.reader.where(property), definition, property}
	if own.File == "" {
		own = a.Place
	}
	if word == "" {
		return own
	}
	for _, sec := range a.reader.order {
		if p, ok := a.reader.word(sec, property, word); ok {
			return p
		}
	}
	for _, sec := range append([]string{definition, initial}, a.reader.order...) {
		if s := a.reader.sections[sec]; s != nil {
			for _, o := range s.list {
				if p, ok := a.reader.word(sec, o.name, word); ok {
					return p
				}
			}
		}
	}
	if p, ok := a.jail.Holding(word); ok {
		return p
	}
	return own
}

// holding is Holding that looks into one option first.
func (j *InspectedJail) holding(option, text string) (Place, bool) {
	for _, sec := range []string{j.Name, defaultSection} {
		if p, ok := j.from.word(sec, option, text); ok {
			return p, true
		}
	}
	return j.Holding(text)
}

// Holding tells which option of the jail, or of DEFAULT, holds a text. Options
// that the jail's own refer to are meant; others are a guess.
func (j *InspectedJail) Holding(text string) (Place, bool) {
	for _, sec := range []string{j.Name, defaultSection} {
		s := j.from.sections[sec]
		if sec == defaultSection {
			s = j.from.defaults
		}
		for _, o := range s.list {
			if strings.HasPrefix(o.name, borrowedAs) {
				continue
			}
			if p, ok := j.from.word(sec, o.name, text); ok {
				return p, true
			}
		}
	}
	return Place{}, false
}

// word finds the line of an option that holds a word.
func (r *reader) word(sec, option, word string) (Place, bool) {
	s := r.sections[sec]
	if sec == defaultSection {
		s = r.defaults
	}
	if s == nil {
		return Place{}, false
	}
	o, ok := s.get(option)
	text, isText := o.value.(string)
	if !ok || !isText || o.pos.File == "" {
		return Place{}, false
	}
	for i, line := range strings.Split(text, "\n") {
		if holdsWord(line, word) {
			return Place{r.config.lineOf(o, i), strings.TrimPrefix(sec, knownPrefix), option}, true
		}
	}
	return Place{}, false
}

// holdsWord tells whether a word stands in a line with nothing behind and before
// it that would make it another.
func holdsWord(line, word string) bool {
	part := func(c byte) bool {
		return c == '_' || c == '-' || c == '.' || c == '/' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !part(line[i-1]) || !part(word[0])) && (end == len(line) || !part(line[end]) || !part(word[len(word)-1])) {
			return true
		}
		from = i + 1
	}
}

func (r *reader) placeOf(sec, option string, o raw) Place {
	if own, ok := r.rawIn(sec, option); !ok || own != o {
		sec = defaultSection
	}
	return Place{o.pos, sec, option}
}

// match is the line of a file that most of a value comes from.
type match struct {
	Place
	score int // letters of the line that stand in the value as they are
}

// look searches options for lines that become the given one when their
// references are replaced; nil sections mean all. The option itself comes first.
func (f *match) look(r *reader, sections []string, option, line string) {
	if sections == nil {
		sections = append(append([]string{definition, initial}, r.order...), defaultSection)
	}
	for _, pass := range []bool{true, false} {
		for _, name := range sections {
			s := r.sections[name]
			if name == defaultSection {
				s = r.defaults
			}
			if s == nil {
				continue
			}
			for _, o := range s.list {
				if (o.name == option) == pass && !strings.HasPrefix(o.name, borrowedAs) {
					f.lookAt(r, name, o.name, o.raw, line)
				}
			}
		}
	}
}

func (f *match) lookAt(r *reader, sec, option string, o raw, line string) {
	text, ok := o.value.(string)
	if !ok || o.pos.File == "" {
		return
	}
	for i, part := range strings.Split(text, "\n") {
		if score, ok := becomes(part, line); ok && score > f.score {
			f.Place, f.score = Place{r.config.lineOf(o, i), strings.TrimPrefix(sec, knownPrefix), option}, score
		}
	}
}

// becomes tells whether a raw line may have become a value, and how many of its
// letters stand in it. Tags may also have stayed.
func becomes(part, value string) (score int, ok bool) {
	pieces := literals(part)
	pos := 0
	for i, piece := range pieces {
		at := strings.Index(value[pos:], piece)
		if at < 0 || i == 0 && at > 0 {
			return 0, false
		}
		score += len(piece)
		pos += at + len(piece)
	}
	return score, strings.HasSuffix(value, pieces[len(pieces)-1]) && (len(pieces) > 1 || part == value || pos == len(value))
}

// literals are the parts of a raw line between its references, the first at its
// start and the last at its end.
func literals(line string) []string {
	var out []string
	var piece strings.Builder
	cut := func(n int) {
		out = append(out, piece.String())
		piece.Reset()
		line = line[n:]
	}
	for line != "" {
		switch {
		case strings.HasPrefix(line, "%%"):
			piece.WriteByte('%')
			line = line[2:]
			continue
		case strings.HasPrefix(line, "%("):
			if _, n, ok := reference(line); ok {
				cut(n)
				continue
			}
		case line[0] == '<' && len(line) > 1 && (line[1] == '<' || line[1] == '_' || 'a' <= line[1] && line[1] <= 'z'):
			if n := tagEnd(line); n > 0 {
				cut(n)
				continue
			}
		}
		piece.WriteByte(line[0])
		line = line[1:]
	}
	return append(out, piece.String())
}

// tagEnd is the length of the tag, with tags in it, at the start of a line.
func tagEnd(line string) int {
	depth := 0
	for i, c := range line {
		switch {
		case c == '<':
			depth++
		case c == '>':
			if depth--; depth == 0 {
				return i + 1
			}
		case isSpace(c):
			return 0
		}
	}
	return 0
}

// Own tells where one line of an option's value stands in the option itself, be
// it as a reference to another. The jail must have the option, or DEFAULT.
func (j *InspectedJail) Own(option, line string) Place {
	o, _ := j.from.find(j.Name, option)
	at := j.from.placeOf(j.Name, option, o)
	text, _ := o.value.(string)
	best := -1
	for i, part := range strings.Split(text, "\n") {
		if score, ok := becomes(part, line); ok && score > best {
			at.Pos, best = j.from.config.lineOf(o, i), score
		}
	}
	return at
}

// WhereGeneral tells where an option of fail2ban.conf stands.
func (in *Inspection) WhereGeneral(option string) Place {
	r := in.readers["fail2ban"]
	if r == nil {
		return Place{}
	}
	if o, ok := r.find(definition, option); ok {
		return r.placeOf(definition, option, o)
	}
	return Place{Section: definition, Option: option, Pos: Pos{File: r.file}}
}

// IsJailFile tells whether a file belongs to jail.conf, by its name or as an include.
func (in *Inspection) IsJailFile(file string) bool {
	files, _ := in.expand(in.candidates("jail"), nil)
	return contains(files, file)
}

// LineWith tells on which line of an option's value a text stands; the option's
// own line if on none.
func (in *Inspection) LineWith(o RawOption, text string) Place {
	at := o.Place
	for i, line := range strings.Split(o.Value, "\n") {
		if text != "" && strings.Contains(line, text) {
			at.Pos = in.lineOf(raw{value: o.Value, pos: o.Pos}, i)
			break
		}
	}
	return at
}

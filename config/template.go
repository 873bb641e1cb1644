package config

import (
	"slices"
	"strings"

	"f2b-go/internal/tags"
)

// Limits of templates: how many a file may have, how often one is made, of how many
// values that differ, how long these may be, and how often a text may hold them.
const (
	maxTemplates = 8
	maxMade      = 8
	maxVarying   = 64
	maxVariant   = 1024
	maxHoles     = 1000
)

// template is what a file's options come to when their tags are replaced, with
// holes for the values that differ from jail to jail: one action serves many
// jails that differ in name and port. A hole stands within no tag and is filled
// with a text without brackets, so that filling it in is all that replacing the
// tags again would do.
type template struct {
	before  []option // what it was made of
	varying []bool   // the holes
	fixed   []bool   // what is no hole: it stands within a tag
	after   []option // the result; where it has holes, holed tells
	holed   [][]part // by place; nil for none
	asked   []asked  // tags that were looked up beside the options
	free    []string // names that their texts are made of, where no variable was among them
	made    int      // how often it was made
}

// part is a text and the place of the value behind it, -1 for none.
type part struct {
	text string
	hole int
}

type asked struct {
	tag string
	found
	steady bool // only a variable among the free names could change it
}

// template finds the template that fits a set of options; nil for none.
func (d *definitionReader) template(all []option) *template {
	for _, t := range d.templates {
		if t.fits(d, all) {
			return t
		}
	}
	return nil
}

// fits tells whether a set of options differs in the holes alone.
func (t *template) fits(d *definitionReader, all []option) bool {
	if t.after == nil || !t.sameNames(all) {
		return false
	}
	for i := range all {
		if t.varying[i] {
			if !variant(all[i].value) {
				return false
			}
		} else if all[i].value != t.before[i].value {
			return false
		}
	}
	steady := !d.vars.hasAny(t.free)
	for _, a := range t.asked {
		if steady && a.steady {
			continue
		}
		if text, ok, err := d.tag(a.tag); err != nil || ok != a.ok || text != a.text {
			return false
		}
	}
	return true
}

func (t *template) sameNames(all []option) bool {
	if len(all) != len(t.before) {
		return false
	}
	for i := range all {
		if all[i].name != t.before[i].name {
			return false
		}
	}
	return true
}

// variant tells whether a value may be put into a hole.
func variant(value any) bool {
	text, ok := value.(string)
	return ok && len(text) <= maxVariant && !strings.ContainsAny(text, "<>\x00")
}

// fill puts the values of a set that fits into the holes, with b as its working memory.
func (t *template) fill(all []option, b []byte) []byte {
	for i, parts := range t.holed {
		switch {
		case parts != nil: // which is no hole itself
			b = b[:0]
			for _, p := range parts {
				b = append(b, p.text...)
				if p.hole >= 0 {
					b = append(b, all[p.hole].value.(string)...)
				}
			}
			all[i].value = string(b)
		case !t.varying[i]:
			all[i].value = t.after[i].value
		}
	}
	return b
}

// learn makes a template of options. The jail's parameters are its holes at first;
// what else differs the next time becomes one then.
func (d *definitionReader) learn(all []option, opt tags.Options) {
	t := d.templateFor(all)
	if t == nil || t.made == maxMade {
		return
	}
	t.after = nil
	count := 0
	for i := range all {
		differs := all[i].value != t.before[i].value
		if t.varying[i] = !t.fixed[i] && (t.varying[i] || differs); t.varying[i] {
			if count++; count > maxVarying || !variant(all[i].value) {
				return
			}
		}
	}
	t.before = all
	for again := true; again && t.made < maxMade; t.made++ {
		again = t.make(d, opt)
	}
}

// templateFor gives the template that may be made to fit a set of options, a new one
// if need be; nil if there are too many.
func (d *definitionReader) templateFor(all []option) *template {
	for _, t := range d.templates {
		if t.sameNames(all) && t.sameFixed(all) {
			return t
		}
	}
	if len(d.templates) == maxTemplates {
		return nil
	}
	t := d.newTemplate(all)
	d.templates = append(d.templates, t)
	return t
}

// newTemplate prepares a template with holes for the jail's parameters.
func (d *definitionReader) newTemplate(all []option) *template {
	t := &template{before: all, varying: make([]bool, len(all)), fixed: make([]bool, len(all))}
	for i, o := range all {
		given := slices.ContainsFunc(d.init.list[:d.params], func(p option) bool { return p.name == o.name })
		t.varying[i] = given && variant(o.value)
	}
	return t
}

// sameFixed tells whether a set has the template's values within tags.
func (t *template) sameFixed(all []option) bool {
	for i := range all {
		if t.fixed[i] && all[i].value != t.before[i].value {
			return false
		}
	}
	return true
}

// make replaces the tags of a set in which signs stand for what varies. again asks
// for another attempt: a hole turned out to stand within a tag.
func (t *template) make(d *definitionReader, opt tags.Options) (again bool) {
	signs, texts := 0, opt.Scratch.NewMap()
	var holes []int
	for i, o := range t.before {
		text, ok := o.value.(string)
		switch {
		case t.varying[i]:
			text, holes = sign(signs), append(holes, i)
			signs++
		case ok && strings.IndexByte(text, 0) >= 0:
			return false
		}
		setText(texts, o.name, o.value, text)
	}
	t.asked, t.free = nil, nil
	opt.Extra = func(tag string) (string, bool, error) {
		if i := strings.IndexByte(tag, 0); i >= 0 {
			hole := holes[tag[i+1]-0x80]
			t.varying[hole], t.fixed[hole], again = false, true, true
			return "", false, nil
		}
		text, ok, err := d.tag(tag)
		names := d.askedFor(tag)
		if a := (asked{tag, found{text, ok}, names != nil}); !slices.Contains(t.asked, a) {
			t.asked, t.free = append(t.asked, a), append(t.free, names...)
		}
		return text, ok && strings.IndexByte(text, 0) < 0, err
	}
	if tags.Resolve(texts, opt) != nil || again {
		return again
	}
	after, holed := make([]option, len(t.before)), make([][]part, len(t.before))
	copy(after, t.before)
	for i := range after {
		text, ok := texts.At(i)
		if !ok || t.varying[i] {
			continue
		}
		if strings.IndexByte(text, 0) < 0 {
			setIfChanged(&after[i], text)
		} else if holed[i] = parts(text, holes); holed[i] == nil {
			return false
		}
	}
	t.after, t.holed = after, holed
	return false
}

// askedFor lists the names that a tag's text is made of, if no variable is among
// them; nil where that is not known.
func (d *definitionReader) askedFor(tag string) []string {
	if strings.Contains(tag, "/") {
		return nil
	}
	if known, ok := d.values.get(lower(tag)); ok && !d.vars.hasAny(known.asked) {
		return known.asked
	}
	return nil
}

// sign is the n-th text that stands for a value that varies.
func sign(n int) string { return string([]byte{0, byte(0x80 + n), 0}) }

// parts cuts a text at its signs; nil where one stands within a tag, or there are
// too many.
func parts(text string, holes []int) []part {
	var out []part
	from := 0
	for {
		i := strings.IndexByte(text[from:], 0)
		if i < 0 {
			return append(out, part{text[from:], -1})
		}
		i += from
		if open := strings.LastIndexAny(text[:i], "<> "); open >= 0 && text[open] == '<' || len(out) == maxHoles {
			return nil
		}
		out = append(out, part{text[from:i], holes[text[i+1]-0x80]})
		from = i + 3
	}
}

package config

import (
	"slices"
	"strings"

	"f2b-go/internal/tags"
)

// Limits of templates: how often one is made for a file, of how many values that
// differ, how long these may be, and how often a text may hold them.
const (
	maxTemplates = 8
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
	varying []bool
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

// fits tells whether a set of options differs in the holes alone.
func (t *template) fits(d *definitionReader, all []option) bool {
	if t == nil || t.after == nil || !t.sameNames(all) {
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

// fill puts the values of a set that fits into the holes.
func (t *template) fill(all []option) {
	var b []byte
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
}

// learn makes a template of options that were read before under other values, as
// soon as there are two sets of them.
func (d *definitionReader) learn(all []option, opt tags.Options) {
	t := d.template
	if t == nil || !t.sameNames(all) {
		if t == nil || t.made == 0 {
			d.template = &template{before: all, varying: make([]bool, len(all))}
		}
		return
	}
	if t.made++; t.made > maxTemplates {
		return
	}
	t.after = nil
	count := 0
	for i := range all {
		if t.varying[i] = t.varying[i] || all[i].value != t.before[i].value; t.varying[i] {
			if count++; !variant(all[i].value) {
				return
			}
		}
	}
	if count > maxVarying {
		return
	}
	t.before = all
	t.make(d, opt)
}

// make replaces the tags of a set in which signs stand for what varies.
func (t *template) make(d *definitionReader, opt tags.Options) {
	signs, texts := 0, tags.NewMap(len(t.before))
	var holes []int
	for i, o := range t.before {
		text, ok := o.value.(string)
		switch {
		case t.varying[i]:
			text, holes = sign(signs), append(holes, i)
			signs++
		case ok && strings.IndexByte(text, 0) >= 0:
			return
		}
		setText(texts, o.name, o.value, text)
	}
	t.asked, t.free = nil, nil
	opt.Extra = func(tag string) (string, bool, error) {
		text, ok, err := d.tag(tag)
		names := d.askedFor(tag)
		if a := (asked{tag, found{text, ok}, names != nil}); !slices.Contains(t.asked, a) {
			t.asked, t.free = append(t.asked, a), append(t.free, names...)
		}
		return text, ok && strings.IndexByte(text, 0) < 0, err
	}
	if tags.Resolve(texts, opt) != nil {
		return
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
			return
		}
	}
	t.after, t.holed = after, holed
}

// askedFor lists the names that a tag's text is made of, if no variable is among
// them; nil where that is not known.
func (d *definitionReader) askedFor(tag string) []string {
	if strings.Contains(tag, "/") {
		return nil
	}
	if d.lacks(definition, tag, d.vars) {
		return []string{lower(tag)}
	}
	if known, ok := d.values.get(tag); ok && !d.vars.hasAny(known.asked) {
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

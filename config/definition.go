package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

const (
	definition = "Definition"
	initial    = "Init"
	borrowedAs = "known/"
)

// definitionReader reads a filter or an action for one jail: the options of its
// file under the parameters that the jail gives.
type definitionReader struct {
	*reader
	specs  []spec
	jail   string
	init   *optionSet // parameters, then what [Init] adds (1.6.3)
	params int        // how many of init are parameters
	many   bool       // the file serves many jails: see steady
	opts   *optionSet // options of [Definition] that are not given
	vars   *variables
	cache  table[found] // tags that were looked up in the file
	last   resolved
	log    func(Message)
}

// found is a tag's text, if it has one.
type found struct {
	text string
	ok   bool
}

func (c *Config) newDefinition(folder, name, jail string, specs []spec, params *optionSet) (*definitionReader, *Error) {
	if strings.HasPrefix(name, "./") {
		name = absPath(name)
	}
	r, err := c.read(joinPath(folder, name))
	if err != nil {
		return nil, err
	}
	return newDefinition(r, jail, specs, params), nil
}

func newDefinition(r *reader, jail string, specs []spec, params *optionSet) *definitionReader {
	init := &optionSet{list: append(r.config.pool.take(len(params.list)+2*len(r.initOptions())+fewParameters), params.list...)}
	return &definitionReader{reader: r, specs: specs, jail: jail, init: init, params: len(params.list), opts: &optionSet{}, log: r.config.log}
}

// load reads the options of the file. given are the jail's; a parameter has
// precedence over them (1.6.4). With all, free variables of [Definition] are read too.
func (d *definitionReader) load(given *optionSet, all bool) *Error {
	merged := d.init
	if given != nil {
		merged = given.merged(d.init, d.config.pool)
	} else {
		merged = merged.merged(nil, d.config.pool)
	}
	d.vars = newVariables(merged)
	opts, err := d.options(definition, asks{specs: d.specs, given: merged, vars: d.vars, steady: d.many})
	if err != nil {
		return err
	}
	d.opts = opts
	if err := d.loadInit(merged); err != nil {
		return err
	}
	if !all {
		return nil
	}
	from := d.sections[definition]
	if from == nil {
		return nil
	}
	for _, o := range from.list {
		if o.name == "__name__" || d.opts.has(o.name) {
			continue
		}
		value, err := d.get(definition, o.name, nil)
		if err != nil {
			return err
		}
		d.opts.set(o.name, value)
	}
	return nil
}

// initOption is an option of [Init] with its value, which is the same for all jails.
type initOption struct {
	name, known string // known is the name for references to it; "" for one that is such
	plain       string // the name without condition; "" without
	value       any
	err         *Error
}

// initOptions reads [Init] once.
func (r *reader) initOptions() []initOption {
	if r.init != nil {
		return r.init
	}
	names := r.own(initial)
	r.init = make([]initOption, 0, len(names))
	for _, name := range names {
		if name == "__name__" {
			continue
		}
		o := initOption{name: name}
		if !strings.HasPrefix(name, borrowedAs) {
			o.known = borrowedAs + name
		}
		if plain, _, ok := tags.SplitCondition(name); ok {
			o.plain = plain
		}
		o.value, o.err = r.get(initial, name, nil)
		r.init = append(r.init, o)
	}
	return r.init
}

// loadInit adds the options of [Init] that are not given. A given x takes the
// place of x?family=… as well (1.6.5).
func (d *definitionReader) loadInit(given *optionSet) *Error {
	for _, o := range d.initOptions() {
		if o.known != "" {
			if o.err != nil {
				return o.err
			}
			d.init.set(o.known, o.value)
		}
		if d.init.has(o.name) {
			continue
		}
		value, err := o.value, o.err
		if o.plain != "" {
			if v, ok := given.get(o.plain); ok && v != nil {
				value, err = v, nil
			}
		}
		if err != nil {
			return err
		}
		d.init.set(o.name, value)
	}
	return nil
}

// tag looks a tag up in the file as an option of [Definition] (1.5.2). What it came
// to is kept, as fail2ban does, even where the filter is read again for its jail
// with more variables.
func (d *definitionReader) tag(name string) (string, bool, error) {
	if f, ok := d.cache.get(name); ok {
		return f.text, f.ok, nil
	}
	f := found{}
	value, ok, err := d.tagValue(name)
	switch {
	case err == nil && ok && value != nil:
		f = found{pytext.Str(value), true}
	case err != nil && err.Class != "NoSectionError" && err.Class != "NoOptionError" && err.Class != "ValueError":
		return "", false, err
	}
	d.cache.add(name, f)
	return f.text, f.ok, nil
}

func (d *definitionReader) tagValue(name string) (value any, found bool, err *Error) {
	if _, _, named := cutSection(name); !named { // for which getEx is get
		return d.ask(d.sections[definition], definition, lower(name), d.vars, d.many)
	}
	value, err = d.getEx(definition, name, d.vars)
	return value, err == nil, err
}

// resolved are options with their tags replaced, beside what they were before and
// whether tags of others asked for them.
type resolved struct {
	before, after []option
	used          []bool
}

// again gives the result for options that were resolved before, all or but for some
// that tags find in the file just so: a filter is read twice for its jail, and tags
// that were looked up do not change.
func (d *definitionReader) again(all []option) bool {
	if d.last.before == nil {
		return false
	}
	n := 0
	for i, o := range d.last.before {
		switch {
		case n < len(all) && o.name == all[n].name:
			if o.value != all[n].value {
				return false
			}
			n++
		case strings.Contains(o.name, "?") || d.last.used[i] && !d.plainTag(o):
			return false
		}
	}
	if n < len(all) {
		return false
	}
	n = 0
	for i, o := range d.last.before {
		if n < len(all) && o.name == all[n].name {
			all[n].value = d.last.after[i].value
			n++
		}
	}
	return true
}

// plainTag tells whether a tag finds an option's value in the file, one without tags.
func (d *definitionReader) plainTag(o option) bool {
	text, ok, err := d.tag(o.name)
	return err == nil && ok && text == o.value && !strings.Contains(text, "<")
}

// combined gives all options with their tags replaced but those to ignore, and
// those that hold by condition (1.5.4).
func (d *definitionReader) combined(ignore ...string) (*optionSet, *Error) {
	all := d.opts.merged(d.init, d.config.pool)
	if len(all.list) == 0 {
		return all, nil
	}
	if !d.combinedBefore(all.list, ignore) {
		if err := d.replaceTags(all.list, ignore); err != nil {
			return nil, d.tagError(err)
		}
	}
	d.convertAll(all)
	return all, nil
}

// combinedBefore replaces the tags of options as those of others were.
func (d *definitionReader) combinedBefore(all []option, ignore []string) bool {
	if len(ignore) == 0 {
		return d.again(all)
	}
	t := d.template(all)
	if t != nil {
		d.config.filling = t.fill(all, d.config.filling)
	}
	return t != nil
}

// replaceTags replaces the tags of options, and remembers how.
func (d *definitionReader) replaceTags(all []option, ignore []string) error {
	skip := map[string]bool{}
	for _, name := range ignore {
		skip[name] = true
	}
	for _, o := range all {
		if plain, _, ok := tags.SplitCondition(o.name); ok {
			skip[plain] = true
		}
	}
	opt := tags.Options{Ignore: skip, Extra: d.tag, Scratch: &d.config.scratch}
	if len(ignore) > 0 {
		if d.learn(slices.Clone(all), opt); d.combinedBefore(all, ignore) {
			return nil
		}
	}
	texts := opt.Scratch.NewMap()
	for _, o := range all {
		setText(texts, o.name, o.value, "")
	}
	if err := tags.Resolve(texts, opt); err != nil {
		return err
	}
	if len(ignore) == 0 {
		d.last.before, d.last.used = append(d.config.pool.take(len(all)), all...), d.config.scratch.Used()
	}
	for i := range all {
		if text, ok := texts.At(i); ok {
			setIfChanged(&all[i], text)
		}
	}
	if len(ignore) == 0 {
		d.last.after = append(d.config.pool.take(len(all)), all...)
	}
	return nil
}

// setText adds an option to the texts in which tags are replaced; a text given
// beside it takes the value's place.
func setText(texts *tags.Map, name string, value any, text string) {
	switch {
	case text != "":
		texts.Set(name, text)
	case value == nil:
		texts.SetNone(name)
	default:
		texts.Set(name, pytext.Str(value))
	}
}

// setIfChanged gives an option its text with the tags replaced; one in which there
// were none keeps its type.
func setIfChanged(o *option, text string) {
	if before, _ := o.value.(string); text != before && pytext.Str(o.value) != text {
		o.value = text
	}
}

func (d *definitionReader) tagError(err error) *Error {
	var known *Error
	var tag *tags.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tag):
		return (&Error{Class: "ValueError", Text: tag.Text, Remedy: "break the circle of <tags>"}).at(d.where(tag.Tag), definition, tag.Tag)
	}
	return valueError("%v", err)
}

// where tells where an option of the file stands.
func (d *definitionReader) where(name string) Pos {
	for _, sec := range []string{definition, initial} {
		if s := d.sections[sec]; s != nil {
			if r, ok := s.get(name); ok {
				return r.pos
			}
		}
	}
	return d.pos(definition, name)
}

// convertAll turns texts into the types of the known options.
func (d *definitionReader) convertAll(opts *optionSet) {
	for _, s := range d.specs {
		value, _ := opts.get(s.name)
		if s.kind == kindText || value == nil {
			continue
		}
		v, ok := convert(s.kind, value)
		if !ok {
			d.log(Message{Pos: d.where(s.name), Severity: Warning, Logger: readerLogger, Section: definition, Option: s.name,
				Text:   fmt.Sprintf("Wrong %s value %s for %s. Using default one: %s", kindName(s.kind), pytext.Repr(value), pytext.Repr(s.name), pytext.Repr(s.def)),
				Remedy: "write a whole number"})
			v = s.def
		}
		opts.set(s.name, v)
	}
}

func kindName(k kind) string {
	switch k {
	case kindBool:
		return "bool"
	case kindInt:
		return "int"
	}
	return "string"
}

package config

import (
	"strings"

	"f2b-go/internal/pytext"
)

// actionReader reads an action for a jail; name is what the jail calls it.
type actionReader struct {
	*definitionReader
	name string
}

// runTimeTags stay in an action's texts until it runs (1.5.4).
var runTimeTags = []string{"matches", "ipmatches", "ipjailmatches", "timeout", "bantime"}

func (c *Config) newAction(file, jail string, params *optionSet) (*actionReader, *Error) {
	name, _ := params.text("name")
	if !params.has("name") {
		name = jail
		params.set("name", jail)
	}
	act, _ := params.text("actname")
	if !params.has("actname") {
		act = file
		if name != jail {
			if rest, ok := strings.CutPrefix(name, jail); ok {
				act += rest
			} else {
				act += "-" + name
			}
		}
		params.set("actname", act)
	}
	d, err := c.newDefinition("action.d", file, jail, actionSpecs, params)
	if err != nil {
		return nil, err
	}
	d.many = true
	return &actionReader{d, act}, nil
}

// stream gives the commands that set the action up: first those of its file's
// options, then its parameters and the rest of [Init]. brief is for being printed at once.
func (a *actionReader) stream(brief bool) ([][]any, *Error) {
	opts, err := a.combined(runTimeTags...)
	if err != nil {
		return nil, err
	}
	var pool *optionPool
	if brief {
		pool = a.config.pool
	}
	set := assignments(pool.take(len(opts.list)))
	for _, o := range opts.list {
		if actionOptions[o.name] {
			set = append(set, o)
		}
	}
	for _, o := range a.init.list {
		if !strings.HasPrefix(o.name, borrowedAs) && !actionOptions[o.name] {
			set = append(set, o)
		}
	}
	stream := append(make([][]any, 0, 2), []any{"set", a.jail, "addaction", a.name})
	switch {
	case len(set) == 0:
		return stream, nil
	case len(set) == 1:
		return append(stream, []any{"set", a.jail, "action", a.name, set[0].name, set[0].value}), nil
	case brief:
		return append(stream, []any{"multi-set", a.jail, "action", a.name, set}), nil
	}
	return append(stream, []any{"multi-set", a.jail, "action", a.name, set.list()}), nil
}

// assignments are options in place of a list of [name, value] lists.
type assignments []option

func (a assignments) list() []any {
	out := make([]any, len(a))
	for i, o := range a {
		out[i] = []any{o.name, o.value}
	}
	return out
}

// AppendRepr appends the repr of that list.
func (a assignments) AppendRepr(dst []byte) []byte {
	dst = append(dst, '[')
	for i, o := range a {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(pytext.AppendString(append(dst, '['), o.name), ", "...)
		dst = append(pytext.AppendRepr(dst, o.value), ']')
	}
	return append(dst, ']')
}

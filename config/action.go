package config

import "strings"

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
	return &actionReader{d, act}, nil
}

// stream gives the commands that set the action up: first those of its file's
// options, then its parameters and the rest of [Init].
func (a *actionReader) stream() ([][]any, *Error) {
	opts, err := a.combined(runTimeTags...)
	if err != nil {
		return nil, err
	}
	stream := [][]any{{"set", a.jail, "addaction", a.name}}
	n := 0
	for _, o := range opts.list {
		if actionOptions[o.name] || !strings.HasPrefix(o.name, borrowedAs) {
			n++
		}
	}
	multi, pairs := make([]any, 0, n), make([]any, 0, 2*n) // all pairs in one piece of memory
	add := func(o option) {
		pairs = append(pairs, o.name, o.value)
		multi = append(multi, pairs[len(pairs)-2:len(pairs):len(pairs)])
	}
	for _, o := range opts.list {
		if actionOptions[o.name] {
			add(o)
		}
	}
	for _, o := range a.init.list {
		if !actionOptions[o.name] && !strings.HasPrefix(o.name, borrowedAs) {
			add(o)
		}
	}
	switch len(multi) {
	case 0:
		return stream, nil
	case 1:
		return append(stream, append([]any{"set", a.jail, "action", a.name}, multi[0].([]any)...)), nil
	}
	return append(stream, []any{"multi-set", a.jail, "action", a.name, multi}), nil
}

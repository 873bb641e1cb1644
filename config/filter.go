package config

import (
	"slices"
	"strings"
)

// filterReader reads a filter for a jail.
type filterReader struct{ *definitionReader }

func (c *Config) newFilter(name, jail string, params *optionSet) (filterReader, *Error) {
	d, err := c.newDefinition("filter.d", name, jail, filterSpecs, params)
	return filterReader{d}, err
}

// setLogType gives the filter its logtype by the jail's backend, where neither
// the jail nor the filter names one (1.6.6).
func (f filterReader) setLogType(backend string) {
	if t, _ := f.init.text("logtype"); t != "" || f.hasOwn(definition, "logtype") {
		return
	}
	if strings.HasPrefix(backend, "systemd") {
		f.init.set("logtype", "journal")
		return
	}
	f.init.set("logtype", "file")
}

// stream gives the commands that set the filter up.
func (f filterReader) stream() ([][]any, *Error) {
	opts, err := f.combined()
	if err != nil {
		return nil, err
	}
	return fillStream(nil, opts, f.jail)
}

// fillStream adds the commands for the filter options of a set (1.8.5): usedns
// comes first of all, prefregex and maxlines right behind it.
func fillStream(stream [][]any, opts *optionSet, jail string) ([][]any, *Error) {
	front := 0
	for _, o := range opts.list {
		if o.value == nil {
			continue
		}
		switch o.name {
		case "failregex", "ignoreregex":
			stream = append(stream, regexCommand(o, jail)...)
		case "usedns", "maxlines", "prefregex":
			at := front
			if o.name == "usedns" {
				at = 0
			}
			stream = append(stream, nil)
			copy(stream[at+1:], stream[at:])
			stream[at] = []any{"set", jail, o.name, o.value}
			front++
		case "datepattern":
			stream = append(stream, []any{"set", jail, o.name, o.value})
		case "journalmatch":
			matches, err := journalCommands(o, jail)
			if err != nil {
				return nil, err
			}
			stream = append(stream, matches...)
		}
	}
	return stream, nil
}

func regexCommand(o option, jail string) [][]any {
	regexes := lines(o.value)
	list := make([]any, len(regexes))
	for i, regex := range regexes {
		list[i] = regex
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return [][]any{{"set", jail, "add" + o.name, list[0]}}
	}
	return [][]any{{"multi-set", jail, "add" + o.name, list}}
}

func journalCommands(o option, jail string) ([][]any, *Error) {
	var out [][]any
	for _, match := range lines(o.value) {
		words, err := shellSplit(match)
		if err != nil {
			err.Section, err.Option, err.Remedy = jail, o.name, "close the quote or remove the backslash at the end"
			return nil, err
		}
		cmd := []any{"set", jail, "addjournalmatch"}
		for _, w := range words {
			cmd = append(cmd, w)
		}
		out = append(out, cmd)
	}
	return out, nil
}

// lines cuts a text at newlines and drops empty lines.
func lines(value any) []string {
	text, _ := value.(string)
	if text == "" {
		return nil
	}
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}

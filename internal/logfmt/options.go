package logfmt

import (
	"errors"
	"fmt"
	"strings"
)

// ErrOptions says that a target's options cannot be read.
var ErrOptions = errors.New("unexpected option syntax")

// splitOptions reads `name[key=value, key="va,lue"][key='x']`.
func splitOptions(spec string) (name string, opts map[string]string, err error) {
	name, rest, found := strings.Cut(strings.TrimRight(spec, " \t\n"), "[")
	opts = map[string]string{}
	switch {
	case name == "":
		return "", nil, ErrOptions
	case !found:
		return name, opts, nil
	case !strings.HasSuffix(rest, "]"):
		return "", nil, ErrOptions
	}
	rest = rest[:len(rest)-1]
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,][") {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return "", nil, fmt.Errorf("expected option, got %q in %q", rest, spec)
		}
		value, tail := optionValue(after)
		opts[strings.TrimSpace(key)] = strings.TrimSpace(value)
		rest = tail
	}
	return name, opts, nil
}

// optionValue takes a quoted value, or one up to a comma or bracket.
func optionValue(text string) (value, rest string) {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return text[1 : 1+end], text[end+2:]
		}
	}
	if end := strings.IndexAny(text, ",]"); end >= 0 {
		return text[:end], text[end:]
	}
	return text, ""
}

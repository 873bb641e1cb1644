package config

import (
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
)

// value warns of a value that is taken otherwise than it looks, in jails that are
// not enabled as well: such a value may be the reason.
func (l *linted) value(place Place, o raw) {
	text, ok := o.value.(string)
	if !ok {
		return
	}
	if i, name := l.swallowed(text); i > 0 {
		place.Pos = l.config.lineOf(o, i)
		l.warn(place, strconv.Quote(name)+" begins with a blank, which makes the line a part of "+place.Option, "let the line begin with "+name)
		return
	}
	if l.switches[place.Option] && text != "" && !strings.Contains(text, "%(") && !isBool(text) {
		l.warn(place, strconv.Quote(text)+" is neither yes nor no and counts as no", "write true or false, and nothing else on the line")
	}
}

// swallowed finds a line of a value that is an option by its looks: its number in
// the value, and the option's name. Parameters of an action may stand on lines of
// their own as well, between the brackets.
func (l *linted) swallowed(text string) (line int, name string) {
	open := 0
	for i, part := range strings.Split(text, "\n") {
		name, _, assigns := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); i > 0 && assigns && open <= 0 && l.heads[name] {
			return i, name
		}
		open += strings.Count(part, "[") - strings.Count(part, "]")
	}
	return 0, ""
}

// isBool tells whether a word is one that fail2ban takes for yes, or one that means
// no; it takes all others for no, too.
func isBool(text string) bool {
	switch lower(text) {
	case "0", "off", "false", "no":
		return true
	}
	return asBool(text)
}

// switches are the options that are yes or no.
func switches(specs []spec) map[string]bool {
	set := map[string]bool{}
	for _, s := range specs {
		if s.kind == kindBool {
			set[s.name] = true
		}
	}
	return set
}

// warning is one about what stands there.
func (p Place) warning(text, remedy string) Message {
	return Message{Pos: p.Pos, Severity: Warning, Logger: readerLogger, Section: p.Section, Option: p.Option, Text: text, Remedy: remedy}
}

// commaMissing finds the name of the next parameter in a value without quotes.
func commaMissing(spec string, p option) string {
	value := pytext.Str(p.value)
	words := strings.Fields(value)
	if len(words) < 2 || !strings.Contains(spec, p.name+"="+value) {
		return ""
	}
	for _, w := range words[1:] {
		if n := optionName(w); n > 0 {
			return w[:n]
		}
	}
	return ""
}

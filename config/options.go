package config

import (
	"fmt"

	"f2b-go/internal/pytext"
)

// kind is the type of an option's value.
type kind int8

const (
	kindText kind = iota
	kindBool
	kindInt
)

// spec describes an option that is read: its default is what stands where the
// section lacks it, nil for nothing.
type spec struct {
	kind kind
	name string
	def  any
}

// filterSpecs are the options of a filter's [Definition] (1.6.1).
var filterSpecs = []spec{
	{kindText, "usedns", nil},
	{kindText, "prefregex", nil},
	{kindText, "ignoreregex", nil},
	{kindText, "failregex", nil},
	{kindInt, "maxlines", nil},
	{kindText, "datepattern", nil},
	{kindText, "journalmatch", nil},
}

// actionSpecs are the options of an action's [Definition] (1.6.2).
var actionSpecs = []spec{
	{kindText, "actionstart", nil},
	{kindBool, "actionstart_on_demand", nil},
	{kindText, "actionstop", nil},
	{kindText, "actionflush", nil},
	{kindText, "actionreload", nil},
	{kindText, "actioncheck", nil},
	{kindText, "actionrepair", nil},
	{kindBool, "actionrepair_on_unban", nil},
	{kindText, "actionban", nil},
	{kindText, "actionprolong", nil},
	{kindText, "actionreban", nil},
	{kindText, "actionunban", nil},
	{kindBool, "norestored", nil},
}

// firstSpecs are the options that are read of every jail (1.4.1).
var firstSpecs = []spec{
	{kindBool, "enabled", false},
	{kindText, "backend", "auto"},
	{kindText, "filter", ""},
}

// jailSpecs are the options of a jail in the order of its commands (1.8).
var jailSpecs = append([]spec{
	{kindBool, "enabled", false},
	{kindText, "backend", "auto"},
	{kindInt, "maxretry", nil},
	{kindInt, "maxmatches", nil},
	{kindText, "findtime", nil},
	{kindText, "bantime", nil},
	{kindBool, "bantime.increment", nil},
	{kindText, "bantime.factor", nil},
	{kindText, "bantime.formula", nil},
	{kindText, "bantime.multipliers", nil},
	{kindText, "bantime.maxtime", nil},
	{kindText, "bantime.rndtime", nil},
	{kindBool, "bantime.overalljails", nil},
	{kindText, "ignorecommand", nil},
	{kindBool, "ignoreself", nil},
	{kindText, "ignoreip", nil},
	{kindText, "ignorecache", nil},
	{kindText, "filter", ""},
	{kindText, "logtimezone", nil},
	{kindText, "logencoding", nil},
	{kindText, "logpath", nil},
	{kindBool, "skip_if_nologs", false},
	{kindBool, "systemd_if_nologs", true},
	{kindText, "action", ""},
}, filterSpecs...)

// notSent are the options of a jail that do not become a command of their own name.
var notSent = names(filterSpecs, "action", "filter", "enabled", "backend", "skip_if_nologs", "systemd_if_nologs")

// actionOptions are the names of actionSpecs.
var actionOptions = names(actionSpecs)

func names(specs []spec, more ...string) map[string]bool {
	set := map[string]bool{}
	for _, s := range specs {
		set[s.name] = true
	}
	for _, n := range more {
		set[n] = true
	}
	return set
}

// asks says how a set of options is read.
type asks struct {
	specs   []spec
	given   *optionSet // options that are not read, and the variables of %()
	vars    *variables // given as variables; made from given if nil
	strict  bool       // a missing section is an error
	convert bool       // turn texts into the options' types
	steady  bool       // the files do not change any more: see steady
}

// options reads the asked options of a section. Missing ones get their default;
// those without default stay out.
func (r *reader) options(sec string, a asks) (*optionSet, *Error) {
	out := &optionSet{list: r.config.pool.take(len(a.specs) + 1)}
	vars := a.vars
	if vars == nil && a.given != nil {
		vars = newVariables(a.given)
	}
	from := r.sections[sec]
	for _, s := range a.specs {
		if a.given != nil && a.given.has(s.name) {
			continue
		}
		value, found, err := r.ask(from, sec, s.name, vars, a.steady)
		if !found && err == nil {
			r.useDefault(out, sec, s)
			continue
		}
		switch {
		case err == nil:
			if a.convert && value != nil {
				value = r.converted(sec, s, value)
			}
			out.set(s.name, value)
		case err.Class == "NoSectionError" && !a.strict:
			r.config.log(Message{Pos: err.Pos, Severity: Fault, Logger: readerLogger, Section: sec, Option: s.name, Text: err.Text,
				Remedy: "add the section [" + sec + "]"})
			out.set(s.name, s.def)
		default:
			return nil, err
		}
	}
	return out, nil
}

// steadyValue is a value that no variable has a part in, as long as none of the
// names that were asked for is one.
type steadyValue struct {
	value any
	found bool
	asked []string
}

// ask reads an option of a section, nil for one that does not exist.
func (r *reader) ask(from *section, sec, option string, vars *variables, steady bool) (value any, found bool, err *Error) {
	switch {
	case from == nil:
		return nil, false, r.noSection(sec)
	case steady:
		return r.steady(from, sec, option, vars)
	}
	return r.getFrom(from, sec, option, vars, nil)
}

// steady is getFrom for a section of which one value is asked again and again, for
// one jail after the other.
func (r *reader) steady(from *section, sec, option string, vars *variables) (value any, found bool, err *Error) {
	if known, ok := r.values.get(option); ok && !vars.hasAny(known.asked) {
		return known.value, known.found, nil
	}
	var asked []string
	value, found, err = r.getFrom(from, sec, option, vars, &asked)
	if err == nil && !vars.hasAny(asked) {
		r.values.add(option, steadyValue{value, found, asked})
	}
	return value, found, err
}

// useDefault gives an option that a section lacks its default, if it has one.
func (r *reader) useDefault(out *optionSet, sec string, s spec) {
	if s.def == nil {
		return
	}
	if r.config.tells(Debug) {
		r.config.log(Message{Pos: r.pos(sec, ""), Severity: Debug, Logger: readerLogger, Section: sec, Option: s.name,
			Text: "'" + s.name + "' not defined in '" + sec + "'. Using default one: " + pytext.Repr(s.def)})
	}
	out.set(s.name, s.def)
}

func (r *reader) converted(sec string, s spec, value any) any {
	v, ok := convert(s.kind, value)
	if ok {
		return v
	}
	r.config.log(Message{Pos: r.pos(sec, s.name), Severity: Warning, Logger: readerLogger, Section: sec, Option: s.name,
		Text:   fmt.Sprintf("Wrong value for '%s' in '%s'. Using default one: '%s'", s.name, sec, pytext.Repr(s.def)),
		Remedy: "write a whole number"})
	return s.def
}

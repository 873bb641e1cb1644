package config

import (
	"fmt"
	"slices"
	"strings"

	"f2b-go/internal/pytext"
)

const (
	jailLogger  = "fail2ban.jailreader"
	jailsLogger = "fail2ban.jailsreader"
)

// jailReader reads one jail: its section of jail.conf, its filter, its actions.
type jailReader struct {
	config  *Config
	from    *reader // jail.conf and all that belongs to it
	name    string
	forced  bool // counts as enabled
	given   bool // the action is a command line's and stands in no file
	opts    *optionSet
	filter  *filterReader
	actions []jailAction
	fault   string // why the jail is skipped; "" for a good one

	places   places
	broken   bool // a fault of its own, see load
	commands [][]any
	brief    bool   // the commands are printed at once
	text     []byte // what -d prints of the commands, where that was made already
	failed   *Error
	noLogs   bool      // skipped for want of log files
	notes    []Message // what was logged while the commands were made
	later    []string  // patterns of logs that may come later
}

// places tell where options of a jail stand.
type places struct{ filter, action, logPath, journalMatch Pos }

// settle prepares the jail for being turned into commands, which looks at
// jail.conf no more and logs to notes.
func (j *jailReader) settle() {
	j.places = places{j.pos("filter"), j.pos("action"), j.pos("logpath"), j.pos("journalmatch")}
	keep := func(m Message) { j.notes = append(j.notes, m) }
	if j.filter != nil {
		j.filter.log = keep
	}
	for _, a := range j.actions {
		if a.reader != nil {
			a.reader.log = keep
		}
	}
}

// note logs something about the jail's log files while its commands are made.
func (j *jailReader) note(m Message) {
	m.Pos, m.Logger, m.Section, m.Option = j.places.logPath, jailLogger, j.name, "logpath"
	j.notes = append(j.notes, m)
}

// jailAction is an action of action.d, or the command that adds a Python one.
type jailAction struct {
	reader  *actionReader
	command []any
}

// enabled tells whether the jail is to run.
func (j *jailReader) enabled() bool {
	on, _ := j.opts.get("enabled")
	return j.forced || on == true
}

// load reads the jail. ok is false for a jail with a fault of its own, which
// others survive; an error ends the reading of all. added are options that come
// before those of the section, for a jail that only lends its filter.
func (j *jailReader) load(added *optionSet) (ok bool, err *Error) {
	j.lendDefaults()
	j.opts, err = j.from.options(j.name, asks{specs: firstSpecs, strict: true, convert: true})
	if err != nil {
		return false, err
	}
	if added != nil {
		j.opts = j.opts.merged(added, nil)
	}
	if !j.enabled() {
		return true, nil
	}
	if ok, err := j.loadFilter(added); !ok {
		return false, err
	}
	j.opts, err = j.from.options(j.name, asks{specs: jailSpecs, convert: true})
	if err != nil {
		return false, err
	}
	if j.filter != nil {
		if err := j.filter.load(j.opts, false); err != nil {
			return false, err
		}
	}
	return j.loadActions()
}

// lendDefaults adds what is always there in jail files (1.4.8).
func (j *jailReader) lendDefaults() {
	defaults := j.from.ownDefaults()
	defaults.set("fail2ban_version", raw{value: j.config.version})
	defaults.set("fail2ban_confpath", raw{value: j.config.dir})
}

// pos tells where an option stands.
func (j *jailReader) pos(option string) Pos {
	if j.given && option == "action" {
		return Pos{}
	}
	return j.from.pos(j.name, option)
}

// bad marks the jail as faulty.
func (j *jailReader) bad(option, remedy, format string, args ...any) {
	j.fault = fmt.Sprintf(format, args...)
	j.config.log(Message{Pos: j.pos(option), Severity: Fault, Logger: jailLogger, Section: j.name, Option: option,
		Text: j.fault, Remedy: remedy})
}

func (j *jailReader) warn(option, remedy, text string) {
	j.config.log(Message{Pos: j.pos(option), Severity: Warning, Logger: jailLogger, Section: j.name, Option: option, Text: text, Remedy: remedy})
}

// loadFilter reads the jail's filter and lends all of its options to the jail as
// known/… (1.4.7).
func (j *jailReader) loadFilter(added *optionSet) (bool, *Error) {
	spec, _ := j.opts.text("filter")
	if spec == "" {
		j.warn("filter", "name a filter, or remove the jail", "No filter set for jail "+j.name)
		return true, nil
	}
	name, params, err := parseOptions(spec)
	if err != nil {
		j.bad("filter", err.Remedy, "Invalid filter definition %s: %s", pytext.Repr(spec), err.Text)
		return false, nil
	}
	if added != nil {
		params = params.merged(added, nil)
	}
	filter, err := j.config.newFilter(name, j.name, params)
	if err != nil {
		return false, err
	}
	if !filter.ok {
		j.bad("filter", j.config.remedyForMissing("filter.d", name), "Unable to read the filter %s", pytext.Repr(name))
		return false, nil
	}
	backend, _ := j.opts.get("backend")
	filter.setLogType(pytext.Str(backend))
	if err := filter.load(j.opts, true); err != nil {
		return false, err
	}
	combined, err := filter.combined()
	if err != nil {
		return false, err
	}
	section := j.from.section(j.name, Pos{})
	section.list = slices.Grow(section.list, len(combined.list))
	for _, o := range combined.list {
		if !strings.HasPrefix(o.name, borrowedAs) && o.name != "__name__" {
			section.set(borrowedAs+o.name, raw{o.value, filter.where(o.name)})
		}
	}
	j.filter = &filter
	return true, nil
}

func (j *jailReader) loadActions() (bool, *Error) {
	text, _ := j.opts.text("action")
	list, err := splitActions(text)
	if err != nil {
		return false, err.at(j.pos("action"), j.name, "action")
	}
	for _, spec := range list {
		ok, err := j.loadAction(spec)
		if err != nil {
			return false, valueError("Error in action definition %s: %s", pytext.Repr(spec), err.repr()).at(j.pos("action"), j.name, "action")
		}
		if !ok {
			return false, nil
		}
	}
	if len(j.actions) == 0 {
		j.warn("action", "name an action such as %(action_)s", "No actions were defined for "+j.name)
	}
	return true, nil
}

func (j *jailReader) loadAction(spec string) (bool, *Error) {
	name, params, err := parseOptions(spec)
	if err != nil {
		j.bad("action", err.Remedy, "Invalid action definition %s: %s", pytext.Repr(spec), err.Text)
		return false, nil
	}
	if strings.HasSuffix(name, ".py") {
		j.actions = append(j.actions, jailAction{command: j.pythonAction(name, params)})
		return true, nil
	}
	action, err := j.config.newAction(name, j.name, params)
	if err != nil {
		return false, err
	}
	if !action.ok {
		j.bad("action", j.config.remedyForMissing("action.d", name), "Unable to read action %s", pytext.Repr(name))
		return false, nil
	}
	if err := action.load(j.opts, false); err != nil {
		return false, err
	}
	j.actions = append(j.actions, jailAction{reader: action})
	return true, nil
}

// pythonAction is the command for an action that is a Python program (1.7.7).
func (j *jailReader) pythonAction(file string, params *optionSet) []any {
	name, _ := splitExt(file)
	rest := pytext.Dict{}
	for _, o := range params.list {
		if o.name == "actname" {
			name, _ = o.value.(string)
			continue
		}
		rest = append(rest, pytext.Item{Key: o.name, Value: o.value})
	}
	return []any{"set", j.name, "addaction", name, joinPath(joinPath(j.config.dir, "action.d"), file), jsonText(rest)}
}

package config

import (
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// maxRepairs bounds how many faults of values are passed over in one jail, and
// how often reading starts anew for that.
const maxRepairs = 200

// Inspection is a configuration that was read for its faults: reading went on
// after each of them as far as that has a meaning.
type Inspection struct {
	*Config
	// Faults are what reading found, warnings and errors, as they came.
	Faults []Message
	// General are the commands of fail2ban.conf.
	General [][]any
	// Jails are those that are enabled, in order, faulty ones too.
	Jails []*InspectedJail

	lost map[[2]string]bool // options that were passed over, by section and name
}

// InspectedJail is an enabled jail as far as it could be read.
type InspectedJail struct {
	Place
	Name     string
	Commands [][]any // add and set commands, without those of its logs and actions
	Filter   string  // the filter's name below filter.d, "" for none that could be read
	Journal  bool    // the jail reads the journal and no files
	NoLogs   bool    // there is no log file, and that keeps the server from starting
	Skipped  bool    // there is no log file, and so the jail is left out
	Logs     []InspectedLog
	Actions  []*InspectedAction

	from   *reader
	filter *filterReader
}

// InspectedLog is one line of logpath.
type InspectedLog struct {
	Place
	Line     string // as it stands: the pattern and perhaps head or tail
	Pattern  string
	Files    []string // what it gives, without links that lead nowhere
	Dangling []string // links that lead nowhere
}

// InspectedAction is one action of a jail.
type InspectedAction struct {
	Place
	Name       string      // what the jail calls it
	File       string      // its name below action.d, or for a Python action its path
	Python     bool        // File is a Python program and Properties are its parameters
	Arguments  []any       // what the command addaction gives a Python action: file and JSON
	Properties pytext.Dict // with the tags replaced that are settled when it is read

	reader *actionReader
	jail   *InspectedJail
}

// Place is where something stands in the configuration. Option may be empty.
type Place struct {
	Pos
	Section string
	Option  string
}

// Inspect reads all that a start would read: fail2ban.conf, jail.conf and, for
// each enabled jail, its filter and actions.
func Inspect(opt Options) *Inspection {
	in := &Inspection{Config: New(opt), lost: map[[2]string]bool{}}
	in.inspected = in
	log := opt.Log
	in.opt.Log = func(m Message) {
		if log != nil {
			log(m)
		}
		if m.Severity >= Warning && !toldBetter(m) {
			in.Faults = append(in.Faults, m)
		}
	}
	in.inspectGeneral()
	in.inspectJails()
	return in
}

// toldBetter tells of messages about log files, which InspectedLog tells better,
// and about filters and actions that are missing, which the jail tells.
func toldBetter(m Message) bool {
	return m.Option == "logpath" && m.Logger == jailLogger ||
		strings.HasPrefix(m.Text, "Found no accessible config files for 'filter.d/") ||
		strings.HasPrefix(m.Text, "Found no accessible config files for 'action.d/")
}

// Lost tells whether an option had a fault and counts as missing since.
func (in *Inspection) Lost(section, option string) bool { return in.lost[[2]string{section, option}] }

// fault notes an error.
func (in *Inspection) fault(e *Error) {
	m := Message{Pos: e.Pos, Severity: Fault, Section: e.Section, Option: e.Option, Text: e.Text, Remedy: e.Remedy}
	for _, old := range in.Faults {
		if old.Pos == m.Pos && old.Section == m.Section && old.Option == m.Option && old.Text == m.Text {
			return
		}
	}
	in.Faults = append(in.Faults, m)
}

// passOver notes an error and takes the option with the fault away, so that
// reading can start anew. ok is false where there is no such option.
func (in *Inspection) passOver(e *Error) (ok bool) {
	if !in.follows(e) {
		in.fault(e)
	}
	for _, r := range in.readers {
		for _, name := range []string{e.Section, defaultSection} {
			s := r.sections[name]
			if name == defaultSection {
				s = r.defaults
			}
			if s == nil {
				continue
			}
			old, has := s.get(e.Option)
			if !has || old.pos != e.Pos {
				continue
			}
			in.lost[[2]string{e.Section, e.Option}] = true
			if rest := s.without(e.Option); name == defaultSection {
				r.defaults = rest
			} else {
				r.sections[name] = rest
			}
			r.values, r.templates = table[steadyValue]{}, nil
			return true
		}
	}
	return false
}

// follows tells whether an error comes of an option that was passed over.
func (in *Inspection) follows(e *Error) bool {
	if e.Class != "InterpolationMissingOptionError" {
		return false
	}
	for lost := range in.lost {
		if strings.Contains(e.Text, "interpolation key "+pytext.Repr(lost[1])+" ") {
			return true
		}
	}
	return false
}

// without copies a section but for one option.
func (s *section) without(name string) *section {
	out := newSection(s.pos)
	for _, o := range s.list {
		if o.name != name {
			out.add(o.name, o.raw)
		}
	}
	return out
}

// trying calls read until it gives no error that can be passed over.
func (in *Inspection) trying(read func() *Error) (ok bool) {
	for range maxRepairs {
		err := read()
		if err == nil {
			return true
		}
		if !in.passOver(err) {
			return false
		}
	}
	return false
}

func (in *Inspection) inspectGeneral() {
	r, err := in.read("fail2ban")
	if err != nil {
		in.fault(err)
		return
	}
	if !r.ok && len(r.order) == 0 {
		return // which a message told
	}
	in.trying(func() (err *Error) {
		in.General, err = in.generalStream(nil)
		if err != nil {
			err = err.at(r.pos(definition, err.Option), err.Section, err.Option)
		}
		return err
	})
}

func (in *Inspection) inspectJails() {
	from, err := in.read("jail")
	if err != nil {
		in.fault(err)
		return
	}
	for _, name := range from.names() {
		if name == includeSection {
			continue
		}
		in.trying(func() *Error {
			j := &jailReader{config: in.Config, from: from, name: name}
			return in.inspectJail(j)
		})
	}
}

// inspectJail reads one jail; what a missing filter or action leaves is read all
// the same.
func (in *Inspection) inspectJail(j *jailReader) (err *Error) {
	told := len(in.Faults)
	defer func() {
		if err != nil { // all is told again when reading starts anew
			in.Faults = in.Faults[:told]
		}
	}()
	j.lendDefaults()
	if j.opts, err = j.from.options(j.name, asks{specs: firstSpecs, strict: true, convert: true}); err != nil || !j.enabled() {
		return err
	}
	out := &InspectedJail{Place: j.place("enabled"), Name: j.name, from: j.from}
	ok, err := j.loadFilter(nil)
	switch {
	case err != nil:
		return err
	case !ok:
		in.placeMissing(j, "filter")
	}
	if j.opts, err = j.from.options(j.name, asks{specs: jailSpecs, convert: true}); err != nil {
		return err
	}
	if j.filter != nil {
		if err := j.filter.load(j.opts, false); err != nil {
			return err
		}
	}
	if err := in.inspectActions(j, out); err != nil {
		return err
	}
	if out.filter = j.filter; j.filter != nil {
		out.Filter = j.filter.name
	}
	if err := in.inspectStream(j, out); err != nil {
		return err
	}
	in.Jails = append(in.Jails, out)
	return nil
}

func (j *jailReader) place(option string) Place {
	return Place{j.pos(option), j.name, option}
}

func (in *Inspection) inspectActions(j *jailReader, out *InspectedJail) *Error {
	text, _ := j.opts.text("action")
	list, err := splitActions(text)
	if err != nil {
		return err.at(j.pos("action"), j.name, "action")
	}
	if len(list) == 0 {
		j.warn("action", "name an action such as action = %(action_)s", "the jail has no action: it finds failures and bans nobody")
	}
	for _, spec := range list {
		before := len(j.actions)
		if _, err := j.loadAction(spec); err != nil {
			return err.at(j.pos("action"), j.name, "action")
		}
		if len(j.actions) == before {
			in.placeMissing(j, "action")
			continue
		}
		a, err := in.inspectAction(j, j.actions[before], spec)
		if err != nil {
			return err
		}
		a.jail = out
		out.Actions = append(out.Actions, a)
	}
	j.actions = nil // their commands are not asked for
	return nil
}

// placeMissing moves what was told last, of a filter or an action that cannot be read,
// to where its name stands.
func (in *Inspection) placeMissing(j *jailReader, option string) {
	last := len(in.Faults) - 1
	if last < 0 || in.Faults[last].Text != j.fault {
		return
	}
	m := &in.Faults[last]
	_, name, _ := strings.Cut(strings.TrimSuffix(j.fault, "'"), "'")
	r, _ := j.from.find(j.name, option)
	text, _ := r.value.(string)
	if p, ok := (&InspectedJail{Name: j.name, from: j.from}).holding(option, name); ok {
		m.Pos, m.Section, m.Option = p.Pos, p.Section, p.Option
	} else if name == j.name && strings.Contains(text, "%(__name__)s") {
		m.Pos, m.Option = j.from.sections[j.name].pos, ""
	}
}

func (in *Inspection) inspectAction(j *jailReader, a jailAction, spec string) (*InspectedAction, *Error) {
	name, params, err := parseOptions(spec)
	if err != nil {
		return nil, err
	}
	out := &InspectedAction{Place: j.place("action"), reader: a.reader}
	if p, ok := (&InspectedJail{Name: j.name, from: j.from}).holding("action", name); ok {
		out.Place = p
	}
	if a.reader == nil {
		out.Python, out.File, out.Name = true, pytext.Str(a.command[4]), pytext.Str(a.command[3])
		out.Properties, out.Arguments = params.dict(), a.command[4:]
		return out, nil
	}
	out.File, out.Name = name, a.reader.name
	opts, err := a.reader.combined(runTimeTags...)
	if err != nil {
		return nil, err
	}
	all := opts.merged(nil, nil)
	for _, o := range a.reader.init.list {
		if !all.has(o.name) {
			all.set(o.name, o.value)
		}
	}
	out.Properties = all.dict()
	return out, nil
}

// inspectStream makes the jail's commands and looks at its logs.
func (in *Inspection) inspectStream(j *jailReader, out *InspectedJail) *Error {
	j.fault = ""
	j.settle()
	_, err := j.stream(false)
	if err != nil && err.Option != "logpath" {
		return err
	}
	out.NoLogs, out.Skipped = err != nil, j.noLogs
	j.noLogs, j.notes = false, nil
	j.opts.set("skip_if_nologs", false)
	stream, err := j.stream(true)
	if err != nil {
		return err
	}
	for _, m := range j.notes {
		in.log(m)
	}
	for _, cmd := range stream {
		if len(cmd) < 3 || cmd[2] == "addlogpath" {
			continue
		}
		if cmd[0] == "add" {
			backend := pytext.Str(cmd[2])
			out.Journal = strings.HasPrefix(backend, "systemd") || readsKernel(backend)
		}
		out.Commands = append(out.Commands, cmd)
	}
	text, has := j.opts.text("logpath")
	if out.Journal || !has {
		return nil
	}
	for _, line := range strings.Split(text, "\n") {
		log := InspectedLog{Line: line, Pattern: line}
		if i := strings.LastIndexByte(line, ' '); i >= 0 {
			log.Pattern = line[:i]
		}
		log.Place = out.Own("logpath", line)
		for _, p := range glob(osTree{}, log.Pattern) {
			if (osTree{}).exists(p) {
				log.Files = append(log.Files, p)
			} else {
				log.Dangling = append(log.Dangling, p)
			}
		}
		out.Logs = append(out.Logs, log)
	}
	return nil
}

// Files lists the files that were read, sorted.
func (in *Inspection) Files() []string { return in.files.names() }

// RawOption is an option as it stands in a file.
type RawOption struct {
	Place
	Value string
	// Holds tells that no later file gives the option another value.
	Holds bool
}

// Raw lists the options of all files that were read.
func (in *Inspection) Raw() []RawOption {
	holds := map[Place]bool{}
	for _, r := range in.readers {
		for name, s := range r.sections {
			for _, o := range s.list {
				holds[Place{o.pos, name, o.name}] = !strings.HasPrefix(name, knownPrefix)
			}
		}
		for _, o := range r.defaults.list {
			holds[Place{o.pos, defaultSection, o.name}] = true
		}
	}
	var out []RawOption
	for _, file := range in.Files() {
		f := in.files.at(file)
		names := append([]string{defaultSection}, f.order...)
		for i, s := range f.all() {
			for _, o := range s.list {
				text, _ := o.value.(string)
				target, cond, _ := tags.SplitCondition(names[i])
				out = append(out, RawOption{Place{o.pos, names[i], o.name}, text, holds[Place{o.pos, target, o.name + cond}]})
			}
		}
	}
	return out
}

package config

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// StreamOptions say which commands are asked for.
type StreamOptions struct {
	// Jail limits the stream to one jail; empty for all.
	Jail string
	// Given are the values from the command line that come before those of
	// fail2ban.conf: socket, pidfile, loglevel, logtarget, syslogsocket.
	Given map[string]string
	// Strict makes one faulty jail spoil the result, as -t does; else it needs one
	// good jail if any is faulty.
	Strict bool
	// MissingLogs lets a jail without any log file pass with a warning, as -d does.
	MissingLogs bool
	// LeaveOut lets the others go on without a jail whose commands cannot be made,
	// where there is another: it gets the error, of type *Error, and its words
	// become the config-error command in place of the jail's. Nil for fail2ban's
	// way: the first such error is the stream's.
	LeaveOut func(jail string, err error) (words string)
	// Later gets the commands of our own by which jails take up logs that come
	// later; fail2ban's server does not know them, so they are no part of the
	// stream. Nil if they are not wanted.
	Later func(command []any)

	dump bool // make what -d prints of the jails as well
}

// Stream gives the commands that set the server up, as Python values (1.8.5).
// good tells whether fail2ban would start with them. The error, of type *Error,
// is one that keeps fail2ban from starting.
func (c *Config) Stream(o StreamOptions) (stream [][]any, good bool, err error) {
	stream, good, e := c.stream(o)
	if e != nil {
		return nil, false, e
	}
	return stream, good, nil
}

func (c *Config) stream(o StreamOptions) ([][]any, bool, *Error) {
	parts, good, err := c.streamParts(o)
	if err != nil {
		return nil, false, err
	}
	var stream [][]any
	for _, p := range parts {
		stream = append(stream, p.commands...)
	}
	return stream, good, nil
}

// streamPart is a piece of a stream, perhaps with what -d prints of it.
type streamPart struct {
	commands [][]any
	text     []byte
}

// streamParts gives the stream piece by piece: what is general, jail by jail, and
// their starts.
func (c *Config) streamParts(o StreamOptions) ([]streamPart, bool, *Error) {
	go c.lists.lookAhead(c.tree, joinPath(c.dir, "filter.d/"), joinPath(c.dir, "action.d/"))
	if err := c.readBoth(); err != nil {
		return nil, false, err
	}
	general, err := c.generalStream(o.Given)
	if err != nil {
		return nil, false, err
	}
	jails, good, err := c.loadJails(o)
	if err != nil {
		return nil, false, err
	}
	parts := append(make([]streamPart, 0, len(jails)+2), streamPart{commands: general})
	mayLeave := o.LeaveOut != nil && slices.ContainsFunc(jails, (*jailReader).starts)
	for _, j := range jails {
		for _, m := range j.notes {
			c.log(m)
		}
		switch {
		case j.failed == nil:
			parts = append(parts, streamPart{j.commands, j.text})
		case mayLeave:
			parts = append(parts, streamPart{commands: [][]any{{"config-error", o.LeaveOut(j.name, j.failed)}}})
		default:
			return nil, false, j.failed
		}
	}
	var starts [][]any
	for _, j := range jails {
		if j.starts() {
			starts = append(starts, []any{"start", j.name})
			if o.Later != nil {
				j.tellLater(o.Later)
			}
		}
	}
	return append(parts, streamPart{commands: starts}), good, nil
}

// starts tells whether the jail's commands end with its start.
func (j *jailReader) starts() bool { return j.fault == "" && !j.noLogs && j.failed == nil }

func (c *Config) readBoth() *Error {
	if err := c.readGeneral(); err != nil {
		return err
	}
	return c.readJails()
}

// stream gives the commands of one jail.
func (j *jailReader) stream(missingLogs bool) ([][]any, *Error) {
	if j.fault != "" {
		return [][]any{{"config-error", fmt.Sprintf("Jail '%s' skipped, because of wrong configuration: %s", j.name, j.fault)}}, nil
	}
	var stream [][]any
	var err *Error
	if j.filter != nil {
		if stream, err = j.filter.stream(); err != nil {
			return nil, err.at(j.places.filter, j.name, "filter")
		}
	}
	if stream, err = fillStream(stream, j.opts, j.name); err != nil {
		return nil, err.at(j.places.journalMatch, j.name, "journalmatch")
	}
	backend, _ := j.opts.text("backend")
	name := any(j.name) // boxed once
	var logs [][]any
	for _, o := range j.opts.list {
		switch {
		case o.name == "logpath":
			logs, backend, err = j.logs(o.value, backend, missingLogs)
			if err != nil {
				return nil, err
			}
			if j.noLogs {
				return logs, nil
			}
		case o.name == "ignoreip":
			cmd := []any{"set", j.name, "addignoreip"}
			for _, w := range splitWords(o.value.(string)) {
				cmd = append(cmd, w)
			}
			stream = append(stream, cmd)
		case !notSent[o.name]:
			stream = append(stream, []any{"set", name, o.name, o.value})
		}
	}
	stream = append(stream, logs...)
	for _, a := range j.actions {
		part := [][]any{a.command}
		if a.reader != nil {
			if part, err = a.reader.stream(j.brief); err != nil {
				return nil, err.at(j.places.action, j.name, "action")
			}
		}
		stream = append(stream, part...)
	}
	return append([][]any{{"add", j.name, backend}}, stream...), nil
}

// logs gives the commands for the jail's log files. Without any, the jail may
// turn to the journal or be skipped (3.9.3).
func (j *jailReader) logs(value any, backend string, missing bool) ([][]any, string, *Error) {
	if strings.HasPrefix(backend, "systemd") || readsKernel(backend) {
		return nil, backend, nil
	}
	var out [][]any
	text, _ := value.(string)
	for _, line := range strings.Split(text, "\n") {
		path, tail := line, "head"
		if i := strings.LastIndexByte(line, ' '); i >= 0 {
			path, tail = line[:i], line[i+1:]
		}
		found := j.logFiles(path)
		if path != "" && (len(found) == 0 || hasMagic(path)) {
			j.later = append(j.later, path)
		}
		if len(found) == 0 {
			j.note(Message{Severity: Notice, Text: "No file(s) found for glob " + path})
		}
		for _, p := range found {
			out = append(out, []any{"set", j.name, "addlogpath", p, tail})
		}
	}
	if len(out) > 0 {
		return out, backend, nil
	}
	return j.withoutLogs(backend, missing)
}

// readsKernel says whether a jail hears of packets from the kernel itself and
// needs no log file: backends beyond fail2ban's.
func readsKernel(backend string) bool {
	name, _, _ := strings.Cut(backend, "[")
	return name == "nflog" || name == "kmsg"
}

// tellLater gives the commands for the logs that may come later.
func (j *jailReader) tellLater(tell func(command []any)) {
	for _, pattern := range j.later {
		tell([]any{"set", j.name, "addlogglob", pattern})
	}
}

// logFiles lists the files of a pattern without dangling links. Logs are the
// machine's files, also where the configuration is not.
func (j *jailReader) logFiles(pattern string) []string {
	if !hasMagic(pattern) && strings.IndexByte(pattern, 0) < 0 && !strings.HasSuffix(pattern, "/") && (osTree{}).exists(pattern) {
		return []string{pattern}
	}
	var out []string
	for _, p := range glob(osTree{}, pattern) {
		if (osTree{}).exists(p) {
			out = append(out, p)
			continue
		}
		j.note(Message{Severity: Warning, Remedy: "remove the link or create its target",
			Text: fmt.Sprintf("File %s is a dangling link, thus cannot be monitored", p)})
	}
	return out
}

func (j *jailReader) withoutLogs(backend string, missing bool) ([][]any, string, *Error) {
	text := fmt.Sprintf("Have not found any log file for '%s' jail.", j.name)
	skip, _ := j.opts.get("skip_if_nologs")
	remedy := "correct logpath"
	if skip != true {
		remedy += ", or set skip_if_nologs = true"
	}
	journal, _ := j.opts.get("systemd_if_nologs")
	if strings.HasPrefix(backend, "auto") && journal == true && j.opts.has("journalmatch") {
		j.note(Message{Severity: Warning, Remedy: remedy, Text: text + " Jail will monitor systemd journal."})
		return nil, "systemd", nil
	}
	if !missing && skip != true {
		return nil, "", (&Error{Class: "ValueError", Text: text, Remedy: remedy}).at(j.places.logPath, j.name, "logpath")
	}
	j.note(Message{Severity: Warning, Remedy: remedy, Text: text})
	if skip != true {
		return nil, backend, nil
	}
	text = fmt.Sprintf("Jail '%s' skipped, because of missing log files.", j.name)
	j.note(Message{Severity: Warning, Remedy: remedy, Text: text})
	j.noLogs = true
	return [][]any{{"config-error", text}}, backend, nil
}

// Jails lists the sections of jail.conf that may be jails, in order, enabled or not.
func (c *Config) Jails() []string {
	r := c.readers["jail"]
	if r == nil {
		return nil
	}
	var out []string
	for _, n := range r.names() {
		if n != includeSection {
			out = append(out, n)
		}
	}
	return out
}

// order in which the general commands are sent.
var generalOrder = map[string]int{"thread": 0, "syslogsocket": 11, "loglevel": 12, "logtarget": 13,
	"allowipv6": 14, "dbfile": 50, "dbmaxmatches": 51, "dbpurgeage": 51}

func sortGeneral(opts *optionSet) [][]any {
	var list []option
	for _, o := range opts.list {
		if _, ok := generalOrder[o.name]; ok {
			list = append(list, o)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := generalOrder[list[i].name], generalOrder[list[j].name]
		return a < b || a == b && list[i].name < list[j].name
	})
	var out [][]any
	for _, o := range list {
		out = append(out, []any{"set", o.name, o.value})
	}
	return out
}

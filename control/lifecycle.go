package control

import (
	"context"
	"strings"
	"time"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// maxSleep bounds the command sleep.
const maxSleep = 24 * time.Hour

func (t *Table) sleep(c call) (any, error) {
	seconds, ok := pytext.ParseFloat(c.text(0))
	switch {
	case !ok && isNaN(c.text(0)):
		return nil, pickle.Builtin("ValueError", "Invalid value NaN (not a number)")
	case !ok:
		return nil, pickle.Builtin("ValueError", "could not convert string to float: "+pytext.Repr(c.args[0]))
	case seconds < 0:
		return nil, pickle.Builtin("ValueError", "sleep length must be non-negative")
	}
	timer := time.NewTimer(time.Duration(min(seconds, maxSleep.Seconds()) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
	return nil, nil
}

// isNaN says whether Python's float() reads the text as not a number.
func isNaN(text string) bool {
	return strings.EqualFold(strings.TrimLeft(strings.TrimSpace(text), "+-"), "nan")
}

func (t *Table) configError(c call) (any, error) {
	t.log.Error(c.text(0))
	return nil, nil
}

func (t *Table) add(c call) (any, error) {
	name, backend := c.text(0), "auto"
	if len(c.args) > 1 {
		backend = c.text(1)
	}
	if name == AllJails {
		return nil, plainError("Reserved name " + pytext.Repr(name))
	}
	if err := unencodable(name); err != nil {
		return nil, err
	}
	return name, t.engine.AddJail(name, backend)
}

func (t *Table) start(c call) (any, error) { return nil, t.engine.StartJail(c.text(0)) }

func (t *Table) stop(c call) (any, error) {
	switch {
	case len(c.args) == 0:
		t.ended.Store(true)
		t.engine.Quit(context.WithoutCancel(c.ctx))
	case c.text(0) == AllJails:
		t.engine.StopAll(c.ctx)
	default:
		return nil, t.engine.StopJail(c.ctx, c.text(0))
	}
	return nil, nil
}

// Quit does what `stop` does, for a signal.
func (t *Table) Quit(ctx context.Context) {
	t.alone.Lock()
	defer t.alone.Unlock()
	if !t.ended.Swap(true) {
		t.engine.Quit(ctx)
	}
}

// reload is `reload JAIL|--all OPTIONS STREAM [LATER]`: all or nothing. Of LATER
// fail2ban's server takes no notice.
func (t *Table) reload(c call) (any, error) {
	r := Reload{Jail: c.text(0)}
	options, err := itemsOf(c.args[1])
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		switch o {
		case "--restart":
			r.Restart = true
		case "--unban":
			r.Unban = true
		case "--if-exists":
			r.IfExists = true
		}
	}
	stream, err := itemsOf(c.args[2])
	if err != nil {
		return nil, err
	}
	later, err := laterOf(c, 3)
	if err != nil {
		return nil, err
	}
	if err := t.prepare(c.ctx, r, append(stream[:len(stream):len(stream)], later...)); err != nil {
		return nil, err
	}
	t.engine.EndReload(context.WithoutCancel(c.ctx))
	return "OK", nil
}

// prepare does all of a reload that can fail.
func (t *Table) prepare(ctx context.Context, r Reload, stream []any) error {
	t.view.Lock()
	defer t.view.Unlock()
	if err := t.engine.BeginReload(r); err != nil {
		return err
	}
	for _, request := range stream {
		err := t.inside(ctx, request)
		if err == nil {
			err = t.wouldEnd(request)
		}
		if err != nil {
			t.failed(request, err)
			t.engine.AbortReload()
			return err
		}
	}
	return nil
}

// wouldEnd refuses a reload whose client has left out a jail that runs, since it
// could not read its filter or an action: without it the jail would end.
func (t *Table) wouldEnd(request any) error {
	words, err := wordsOf(request)
	if err != nil || len(words) != 2 || words[0] != "config-error" {
		return nil
	}
	for _, j := range t.engine.Jails() {
		head := "Jail " + pytext.Repr(j.Name()) + " skipped, because of wrong configuration"
		if why, found := strings.CutPrefix(pytext.Str(words[1]), head); found {
			return plainError("Jail " + pytext.Repr(j.Name()) + " would end, because of wrong configuration" + why)
		}
	}
	return nil
}

// itemsOf reads a list argument.
func itemsOf(v any) ([]any, error) {
	switch l := v.(type) {
	case []any:
		return l, nil
	case pytext.Tuple:
		return l, nil
	case nil:
		return nil, nil
	}
	return nil, pickle.Builtin("TypeError", "a list was expected, not "+pytext.Repr(v))
}

// laterOf reads a further list of commands that may be missing: those that only
// our client sends.
func laterOf(c call, i int) ([]any, error) {
	if len(c.args) <= i {
		return nil, nil
	}
	return itemsOf(c.args[i])
}

// stream is `server-stream COMMANDS [LATER]`, the start. A jail with a bad command is
// left out, the others start (E.6); the first failure is the reply.
func (t *Table) stream(c call) (any, error) {
	requests, err := itemsOf(c.args[0])
	if err != nil {
		return nil, err
	}
	later, err := laterOf(c, 1)
	if err != nil {
		return nil, err
	}
	failures := t.each(c.ctx, append(requests[:len(requests):len(requests)], later...))
	if len(failures) > 0 {
		return nil, failures[0].Err
	}
	return nil, nil
}

// Failure is a command of a stream that failed.
type Failure struct {
	Request any
	Err     error
}

// each does the commands of a stream; of a jail with a failure it does no more.
func (t *Table) each(ctx context.Context, requests []any) []Failure {
	var failures []Failure
	bad := map[string]bool{}
	for _, request := range requests {
		name := jailOf(request)
		if name != "" && bad[name] {
			continue
		}
		if err := t.inside(ctx, request); err != nil {
			t.failed(request, err)
			failures = append(failures, Failure{request, err})
			if name != "" {
				bad[name] = true
				t.engine.DropJail(name)
			}
		}
		if t.ended.Load() {
			break
		}
	}
	return failures
}

// Rehearse does the commands of a stream that set jails up, without starting
// any, and returns what fails: one failure for each jail. Lists of regexes are
// taken apart, so that the failure names the one. The engine must be a spare one.
func (t *Table) Rehearse(ctx context.Context, requests []any) []Failure {
	var jails []any
	for _, request := range requests {
		words, err := wordsOf(request)
		if err != nil || jailOf(request) == "" || words[0] == "start" {
			continue
		}
		list, isList := words[len(words)-1].([]any)
		if words[0] != "multi-set" || len(words) != 4 || !isList {
			jails = append(jails, request)
			continue
		}
		for _, pattern := range list {
			jails = append(jails, []any{"set", words[1], words[2], pattern})
		}
	}
	return t.each(ctx, jails)
}

// jailOf names the jail that a command of a stream sets up, "" for none.
func jailOf(request any) string {
	words, err := wordsOf(request)
	if err != nil || len(words) < 2 {
		return ""
	}
	name, _ := words[1].(string)
	switch words[0] {
	case "add", "start":
		return name
	case "set", "multi-set":
		if len(words) > 3 {
			return name
		}
	}
	return ""
}

package control

import (
	"context"
	"errors"
	"strings"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// get is `get SETTING` and `get JAIL OPTION …`.
func (t *Table) get(c call) (any, error) {
	if v, err := t.engine.Get(c.text(0)); !errors.Is(err, ErrNoSetting) {
		return v, err
	}
	if len(c.args) < 2 {
		return nil, indexError()
	}
	word := c.text(1)
	do, isAction := getActions[word]
	if !isAction && !jail.CanGet(word) {
		return nil, plainError("Invalid command (no get action or not yet implemented)")
	}
	if isAction && len(c.args) < 2+do.min {
		return nil, indexError()
	}
	j, err := t.jail(c.args[0])
	if err != nil {
		return nil, err
	}
	if isAction {
		return do.run(c.from(2), j)
	}
	return j.Get(word, c.rest(2))
}

// set is `set SETTING VALUE` and `set JAIL OPTION …`.
func (t *Table) set(c call) (any, error) {
	if v, err := t.engine.Set(c.text(0), c.rest(1)); !errors.Is(err, ErrNoSetting) {
		return v, err
	}
	if len(c.args) < 2 {
		return nil, indexError()
	}
	word := c.text(1)
	if do, ok := setActions[word]; ok {
		// A Python action has a file and its arguments.
		if len(c.args) < 2+do.min || word == "addaction" && len(c.args) == 4 {
			return nil, indexError()
		}
		j, err := t.jail(c.args[0])
		if err != nil {
			return nil, err
		}
		return do.run(t, j, c.from(2))
	}
	if !jail.CanSet(word) {
		return nil, noSetAction(word)
	}
	if err := jail.CheckSet(word, c.rest(2)); err != nil {
		return nil, err
	}
	j, ok := t.engine.Jail(c.text(0))
	if !ok {
		return nil, t.unknown(c)
	}
	if word == "attempt" && len(c.args) < 3 {
		return nil, pickle.Builtin("TypeError", "Filter.addAttempt() missing 1 required positional argument: 'ip'")
	}
	if err := checkIDs(word, c.rest(2)); err != nil {
		return nil, err
	}
	switch word {
	case "banip", "unbanip", "attempt":
		c.begin()
	}
	// What was begun is done, even when its client goes away.
	return j.Set(context.WithoutCancel(c.ctx), word, c.rest(2))
}

// checkIDs refuses what no ID can be: bytes that are no UTF-8 would be read by
// nobody in the database.
func checkIDs(word string, args []any) error {
	switch word {
	case "attempt":
		args = args[:1]
	case "banip", "addignoreip":
	default:
		return nil
	}
	for _, v := range args {
		text := pytext.Str(v)
		if err := unencodable(text); err != nil {
			return err
		}
		if strings.Contains(text, "\x00") {
			return pickle.Builtin("ValueError", "embedded null character")
		}
	}
	return nil
}

// unknown refuses a set whose jail does not exist; fail2ban looks for the
// value first, where it is one.
func (t *Table) unknown(c call) error {
	switch c.text(1) {
	case "banip", "attempt", "addignoreip", "addjournalmatch", "deljournalmatch":
		return UnknownJail(c.text(0))
	}
	if len(c.args) < 3 {
		return indexError()
	}
	return UnknownJail(c.text(0))
}

func noSetAction(word string) error {
	return plainError("Invalid command " + pytext.Repr(word) + " (no set action or not yet implemented)")
}

// multiSet is `multi-set JAIL addfailregex [..]`, `addignoreregex [..]` and
// `action NAME [[property, value], …]`.
func (t *Table) multiSet(c call) (any, error) {
	if len(c.args) < 3 {
		return nil, indexError()
	}
	j, err := t.jail(c.args[0])
	if err != nil {
		return nil, err
	}
	switch word := c.text(1); word {
	case "addfailregex", "addignoreregex":
		list, err := itemsOf(c.args[2])
		if err != nil {
			return nil, err
		}
		for _, pattern := range list {
			if _, err := j.Set(c.ctx, word, []any{pattern}); err != nil {
				return nil, err
			}
		}
		return true, nil
	case "action":
		return setProperties(j, c)
	}
	return t.set(c)
}

func setProperties(j *jail.Jail, c call) (any, error) {
	if len(c.args) < 4 {
		return nil, indexError()
	}
	o, err := objectOf(&c, j, c.args[2])
	if err != nil {
		return nil, err
	}
	list, err := itemsOf(c.args[3])
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		pair, err := itemsOf(v)
		if err != nil || len(pair) == 0 {
			return nil, indexError()
		}
		if _, _, err := o.Do(c.ctx, pytext.Str(pair[0]), pair[1:]); err != nil {
			return nil, err
		}
	}
	return true, nil
}

// valueError is the class of a property's bad value that has none of its own.
func valueError(err error) error {
	if e := Exception(err); e.Class != "Exception" {
		return e
	}
	return pickle.Builtin("ValueError", err.Error())
}

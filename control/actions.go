package control

import (
	"context"
	"encoding/json"

	"f2b-go/control/pickle"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// getAction is a row of `get JAIL WORD …` about actions.
type getAction struct {
	min int
	run func(j *jail.Jail, args []any) (any, error)
}

var getActions = map[string]getAction{
	"actions": {0, func(j *jail.Jail, _ []any) (any, error) {
		names := []any{}
		for _, a := range j.Actions() {
			names = append(names, a.Name())
		}
		return names, nil
	}},
	"action": {2, func(j *jail.Jail, args []any) (any, error) {
		_, p, err := properties(j, args[0])
		if err != nil {
			return nil, err
		}
		return property(p, pytext.Str(args[1]))
	}},
	"actionproperties": {1, func(j *jail.Jail, args []any) (any, error) {
		_, p, err := properties(j, args[0])
		if err != nil {
			return nil, err
		}
		return list(p.Properties()), nil
	}},
	"actionmethods": {1, func(j *jail.Jail, args []any) (any, error) {
		_, p, err := properties(j, args[0])
		if err != nil {
			return nil, err
		}
		return list(p.Methods()), nil
	}},
}

func list(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// setAction is a row of `set JAIL WORD …` about actions.
type setAction struct {
	min int
	run func(t *Table, j *jail.Jail, c call) (any, error)
}

var setActions = map[string]setAction{
	"addaction": {1, (*Table).addAction},
	"delaction": {1, func(_ *Table, j *jail.Jail, c call) (any, error) { return nil, j.DelAction(c.text(0)) }},
	"action":    {1, (*Table).setAction},
}

func (t *Table) addAction(j *jail.Jail, c call) (any, error) {
	name := c.text(0)
	a, err := t.engine.NewAction(j, name, c.rest(1))
	if err != nil {
		return nil, err
	}
	return name, j.AddAction(a)
}

// setAction is `set JAIL action NAME PROPERTY VALUE` or `… METHOD [JSON]`.
func (t *Table) setAction(j *jail.Jail, c call) (any, error) {
	a, p, err := properties(j, c.args[0])
	if err != nil {
		return nil, err
	}
	if len(c.args) < 2 {
		return nil, indexError()
	}
	name := c.text(1)
	if method, ok := methods[name]; ok {
		c.ctx = context.WithoutCancel(c.ctx)
		c.begin()
		c = c.from(2)
		c.verb = name
		return method(c, a)
	}
	if len(c.args) < 3 {
		return nil, indexError()
	}
	if err := p.Set(name, c.args[2]); err != nil {
		return nil, valueError(err)
	}
	return property(p, name)
}

func properties(j *jail.Jail, name any) (jail.Action, Properties, error) {
	a, err := j.Action(pytext.Str(name))
	if err != nil {
		return nil, nil, err
	}
	if p, ok := a.(Properties); ok {
		return a, p, nil
	}
	return nil, nil, pickle.Builtin("AttributeError", "the action has no properties")
}

func property(p Properties, name string) (any, error) {
	v, ok := p.Get(name)
	if !ok {
		return nil, pickle.Builtin("AttributeError", "'CommandAction' object has no attribute "+pytext.Repr(name))
	}
	return v, nil
}

// methods are what `set JAIL action NAME METHOD [JSON]` may call.
var methods = map[string]func(c call, a jail.Action) (any, error){
	"start": whether(func(c call, a jail.Action) error { return a.Start(c.ctx) }),
	"stop":  whether(func(c call, a jail.Action) error { return a.Stop(c.ctx) }),
	"flush": func(c call, a jail.Action) (any, error) { return a.Flush(c.ctx) },
	"reload": func(c call, a jail.Action) (any, error) {
		if r, ok := a.(jail.Reloader); ok {
			return true, r.Reload(c.ctx)
		}
		return true, nil
	},
	"consistencyCheck": func(c call, a jail.Action) (any, error) {
		err := a.Check(c.ctx, false)
		return err == nil, err
	},
	"ban":     onTicket(jail.Action.Ban),
	"unban":   onTicket(jail.Action.Unban),
	"reban":   onTicket(jail.Action.Reban),
	"prolong": onTicket(jail.Action.Prolong),
}

// whether makes a method that replies True when it is done.
func whether(do func(call, jail.Action) error) func(call, jail.Action) (any, error) {
	return func(c call, a jail.Action) (any, error) {
		if err := do(c, a); err != nil {
			return nil, err
		}
		return true, nil
	}
}

// onTicket makes a method that takes {"aInfo": {"ip": …}}.
func onTicket(do func(jail.Action, context.Context, *jail.Ticket) error) func(call, jail.Action) (any, error) {
	return func(c call, a jail.Action) (any, error) {
		t, err := ticketOf(c)
		if err != nil {
			return nil, err
		}
		return nil, do(a, c.ctx, t)
	}
}

// ticketOf makes a ticket from the JSON arguments of the method c.verb.
func ticketOf(c call) (*jail.Ticket, error) {
	var in struct {
		Info map[string]any `json:"aInfo"`
	}
	if len(c.args) > 0 {
		if err := json.Unmarshal([]byte(c.text(0)), &in); err != nil {
			return nil, pickle.Builtin("ValueError", "reading the arguments: "+err.Error())
		}
	}
	ip, ok := in.Info["ip"].(string)
	if !ok {
		return nil, pickle.Builtin("TypeError", "CommandAction."+c.verb+"() missing 1 required positional argument: 'aInfo'")
	}
	t := &jail.Ticket{ID: ipaddr.Parse(ip), Time: float64(c.now.UnixMilli()) / 1000}
	if v, ok := in.Info["time"].(float64); ok {
		t.Time = v
	}
	if v, ok := in.Info["matches"].(string); ok {
		t.Matches = []jail.Match{{Before: v}}
	}
	return t, nil
}

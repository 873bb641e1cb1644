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
	run func(c call, j *jail.Jail) (any, error)
}

var getActions = map[string]getAction{
	"actions": {0, func(_ call, j *jail.Jail) (any, error) {
		names := []any{}
		for _, a := range j.Actions() {
			names = append(names, a.Name())
		}
		return names, nil
	}},
	"action":           {2, onObject(func(c call, o Object) (any, error) { return o.Attribute(c.ctx, c.text(1)) })},
	"actionproperties": {1, onObject(func(c call, o Object) (any, error) { return o.List(c.ctx, false) })},
	"actionmethods":    {1, onObject(func(c call, o Object) (any, error) { return o.List(c.ctx, true) })},
}

// onObject makes a row about the action that the first argument names.
func onObject(do func(c call, o Object) (any, error)) func(call, *jail.Jail) (any, error) {
	return func(c call, j *jail.Jail) (any, error) {
		o, err := objectOf(&c, j, c.args[0])
		if err != nil {
			return nil, err
		}
		return do(c, o)
	}
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

// addAction is `set JAIL addaction NAME [FILE JSON]`. What a client asks for by
// hand may run a program first; meanwhile the view is free.
func (t *Table) addAction(j *jail.Jail, c call) (any, error) {
	name := c.text(0)
	if c.release == nil {
		a, err := t.engine.NewAction(j, name, c.rest(1))
		if err != nil {
			return nil, err
		}
		return name, j.AddAction(a)
	}
	if _, err := j.Action(name); err == nil {
		return nil, pickle.Builtin("ValueError", "Action "+name+" already exists")
	}
	c.begin()
	a, err := t.engine.AskedAction(context.WithoutCancel(c.ctx), j, name, c.rest(1))
	if err != nil {
		return nil, err
	}
	t.view.RLock()
	defer t.view.RUnlock()
	if now, ok := t.engine.Jail(j.Name()); !ok || now != j {
		return nil, UnknownJail(j.Name())
	}
	return name, j.AddAction(a)
}

// setAction is `set JAIL action NAME PROPERTY VALUE` or `… METHOD [JSON]`.
func (t *Table) setAction(j *jail.Jail, c call) (any, error) {
	o, err := objectOf(&c, j, c.args[0])
	if err != nil {
		return nil, err
	}
	if len(c.args) < 2 {
		return nil, indexError()
	}
	value, set, err := o.Do(c.ctx, c.text(1), c.rest(2))
	if err == nil && set {
		value, err = o.Attribute(c.ctx, c.text(1))
	}
	return value, err
}

// objectOf finds an action. What a call about a Python object takes is not
// known, so that it gives the view back.
func objectOf(c *call, j *jail.Jail, name any) (Object, error) {
	a, err := j.Action(pytext.Str(name))
	if err != nil {
		return nil, err
	}
	c.ctx = context.WithoutCancel(c.ctx)
	switch o := a.(type) {
	case Object:
		c.begin()
		return o, nil
	case Properties:
		return &native{call: *c, action: a, Properties: o}, nil
	}
	return nil, pickle.Builtin("AttributeError", "the action has no properties")
}

// native is an action of ours as fail2ban's object would be to a client.
type native struct {
	call   call
	action jail.Action
	Properties
}

// Attribute reads a property.
func (n *native) Attribute(_ context.Context, name string) (any, error) {
	v, ok := n.Get(name)
	if !ok {
		return nil, pickle.Builtin("AttributeError", "'CommandAction' object has no attribute "+pytext.Repr(name))
	}
	return v, nil
}

// List names the methods or the properties.
func (n *native) List(_ context.Context, ofMethods bool) (any, error) {
	if ofMethods {
		return list(n.Methods()), nil
	}
	return list(n.Properties.Properties()), nil
}

// Do runs a method or sets a property.
func (n *native) Do(ctx context.Context, name string, args []any) (value any, set bool, err error) {
	if method, ok := methods[name]; ok {
		n.call.begin()
		value, err = method(call{ctx: ctx, verb: name, args: args, now: n.call.now}, n.action)
		return value, false, err
	}
	if len(args) == 0 {
		return nil, false, indexError()
	}
	if err := n.Set(name, args[0]); err != nil {
		return nil, false, valueError(err)
	}
	return nil, true, nil
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

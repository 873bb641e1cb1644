package action

import (
	"context"
	"maps"
	"time"

	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/jail"
)

// operation is a step that concerns a family, not a ticket: its property.
type operation string

const (
	starting  operation = "actionstart"
	stopping  operation = "actionstop"
	flushing  operation = "actionflush"
	reloading operation = "actionreload"
)

// doing are the words for operations in errors.
var doing = map[operation]string{starting: "starting", stopping: "stopping", flushing: "flushing", reloading: "reloading"}

// Start runs actionstart for the action's families, unless it starts on demand.
func (c *Command) Start(ctx context.Context) error {
	if c.onDemand() {
		return nil
	}
	return c.start(ctx, nil)
}

// start runs actionstart for the families given, or for the action's own.
func (c *Command) start(ctx context.Context, list []family) error {
	if list == nil {
		c.mu.Lock()
		for _, f := range c.props.families(c.env.IPv6) {
			list = append(list, family(f))
		}
		c.mu.Unlock()
	}
	return c.operate(ctx, starting, list, func(f family, ok bool) {
		if ok {
			c.unrecord(stopping, f)
			c.started.set(state{family: f, up: true})
		}
	})
}

// startFamily starts what a ban of the family needs. An ID that is no address
// has no family of its own: it needs all.
func (c *Command) startFamily(ctx context.Context, f family) error {
	if f == rawFamily {
		return c.start(ctx, nil)
	}
	return c.start(ctx, []family{f})
}

// Stop runs actionstop for all started families.
func (c *Command) Stop(ctx context.Context) error {
	list := c.started.families(func(s state) bool { return s.up })
	c.started = nil
	if len(list) == 0 {
		return nil
	}
	return c.operate(ctx, stopping, list, c.stopped)
}

func (c *Command) stopped(f family, ok bool) {
	if ok {
		c.unrecord(starting, f)
	}
}

// stopFamily stops one family before it is started afresh.
func (c *Command) stopFamily(ctx context.Context, f family) error {
	if f == rawFamily {
		return c.Stop(ctx)
	}
	if !c.started.has(f) {
		return nil
	}
	c.started.set(state{family: f})
	return c.operate(ctx, stopping, []family{f}, c.stopped)
}

// Reload runs actionreload for the started families (COMPAT 3.5.7).
func (c *Command) Reload(ctx context.Context) error {
	c.unrecordAll(reloading)
	up := c.started.families(func(s state) bool { return s.up })
	return c.operate(ctx, reloading, up, func(family, bool) {})
}

// Flush runs actionflush once for each started family that holds bans
// (COMPAT 3.4.5).
func (c *Command) Flush(ctx context.Context) (handled bool, err error) {
	c.unrecordAll(flushing)
	list := c.started.families(func(s state) bool { return s.up && s.items })
	err = c.operate(ctx, flushing, list, func(f family, ok bool) {
		if s := c.started.get(f); ok && s.up {
			s.items = false
			c.started.set(s)
		}
	})
	return err == nil, err
}

// operate runs an operation's command for each family and tells after how each
// went. Families with the same command run it once (COMPAT 3.5.2).
func (c *Command) operate(ctx context.Context, op operation, list []family, after func(family, bool)) error {
	var failure string
	for _, f := range list {
		text, err := c.operationText(string(op), f)
		if err != nil {
			failure = "ValueError(" + pytext.Repr(err.Error()) + ")"
			continue
		}
		ok := true
		if text != "" && !c.recorded(op, f, text) {
			in := c.operationInfo(ctx, f)
			ok = c.run(ctx, dynamic(text, in.values()))
		}
		if !ok && failure == "" {
			failure = "'Script error'"
		}
		after(f, ok)
		if ok && text != "" {
			c.record(op, f, text)
		} else {
			c.unrecord(op, f)
		}
	}
	if failure == "" {
		return nil
	}
	return &Error{text: "Error " + doing[op] + " action Jail(" + pytext.Repr(c.env.Jail.Name()) + ")/" + c.name + ": " + failure}
}

// operationText is a step's command without a ticket: properties, and the
// family where there is one (COMPAT 4.1.4).
func (c *Command) operationText(property string, f family) (string, error) {
	text, err := c.render("<"+property+">", f)
	if err != nil || !f.known() {
		return text, err
	}
	value := func(tag string) (any, bool) {
		return string(f), tag == "family"
	}
	return dynamic(text, values{value: value, data: func() pytext.Dict { return nil }}).Script, nil
}

// operationInfo is the dynamic tags of an empty ticket of now.
func (c *Command) operationInfo(ctx context.Context, f family) *info {
	now := c.env.Clock()
	in := newInfo(ctx, &c.env, &jail.Ticket{Time: unix(now)})
	in.got["family"] = f.python()
	return in
}

// unix is a time as fail2ban holds it: seconds with a fraction.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// recorded tells whether an operation ran this command for another family.
func (c *Command) recorded(op operation, f family, text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, ran := range c.executed[op] {
		if other != f && ran == text {
			return true
		}
	}
	return false
}

// record keeps the command that an operation ran for a family.
func (c *Command) record(op operation, f family, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.executed == nil {
		c.executed = map[operation]map[family]string{}
	}
	if c.executed[op] == nil {
		c.executed[op] = map[family]string{}
	}
	c.executed[op][f] = text
}

// unrecord forgets a family's command, and other families' that are the same.
func (c *Command) unrecord(op operation, f family) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, ok := c.executed[op][f]
	if !ok {
		return
	}
	maps.DeleteFunc(c.executed[op], func(other family, ran string) bool { return other == f || ran == text })
}

// unrecordAll forgets what an operation ran. fail2ban keeps the commands of the
// last flush, and leaves out a later one where both families share it.
func (c *Command) unrecordAll(op operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.executed, op)
}

var _ Runner = (*shell.Runner)(nil)

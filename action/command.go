package action

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/jail"
)

// Command is an action made of shell commands; it is a jail.Action and a
// jail.Reloader. A jail calls those methods one after the other; Set, Get and
// the lists of names may be called at any time.
type Command struct {
	name string
	env  Env

	mu    sync.Mutex // guards all of these but started
	props *properties
	// executed holds the commands that operations ran, by operation and family,
	// so that two families with the same command run it once.
	executed map[operation]map[family]string
	epoch    int

	started started
}

var (
	_ jail.Action   = (*Command)(nil)
	_ jail.Reloader = (*Command)(nil)
)

// Error is a failed step of an action; its text is what fail2ban raises.
type Error struct {
	text string
	info *info
}

func (e *Error) Error() string { return e.text }

// ActionInfo is the ticket's part in fail2ban's log line for the error:
// `ActionInfo({…})`; empty where no ticket was involved.
func (e *Error) ActionInfo() string {
	if e.info == nil {
		return ""
	}
	return e.info.String()
}

// NewCommand returns the action of this name in a jail, with empty commands.
func NewCommand(name string, env Env) *Command {
	return &Command{name: name, env: env.withDefaults(), props: newProperties()}
}

// Name is the action's name in the jail.
func (c *Command) Name() string { return c.name }

// Set gives a property its value: a string, bool or number, as the command
// stream has it. An error is about a time that cannot be read.
func (c *Command) Set(name string, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.props.set(name, value); err != nil {
		return err
	}
	if name == "bantime" {
		return nil
	}
	c.executed = nil
	shown := c.props.values[name]
	if isSecret(name) {
		shown = "***"
	}
	c.env.Log.Debug("  Set " + name + " = " + pytext.Repr(shown))
	return nil
}

// Get returns a property's value: string, bool, int64 or float64.
func (c *Command) Get(name string) (value any, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == "banEpoch" {
		return int64(c.epoch), true
	}
	v, ok := c.props.values[name]
	return v, ok
}

// Properties lists the names of all properties, sorted as fail2ban's Python
// does. Three come from its class.
func (c *Command) Properties() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := append(slices.Collect(maps.Keys(c.props.values)), "ESCAPE_CRE", "ESCAPE_VN_CRE", "banEpoch")
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "_") })
	slices.Sort(names)
	return names
}

// Methods lists the names of the methods of fail2ban's class.
func (c *Command) Methods() []string {
	return []string{"ban", "clearAllParams", "consistencyCheck", "escapeTag", "executeCmd", "flush", "invalidateBanEpoch",
		"prolong", "reban", "reload", "replaceDynamicTags", "replaceTag", "start", "stop", "unban"}
}

// property reads a property as text.
func (c *Command) property(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.props.text(name)
}

func (c *Command) truth(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.props.truth(name)
}

func (c *Command) onDemand() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.props.onDemand()
}

// render replaces the tags of a step's text by properties.
func (c *Command) render(text string, f family) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.props.render(text, f.condition(), c.env.constant)
}

// Prolongs is true when actionprolong is not blank.
func (c *Command) Prolongs() bool { return strings.TrimSpace(c.property("actionprolong")) != "" }

// Flushes is true when the action has actionflush.
func (c *Command) Flushes() bool { return c.property("actionflush") != "" }

// SkipsRestored is true when norestored is set.
func (c *Command) SkipsRestored() bool { return c.truth("norestored") }

// Epoch is the ban epoch of the last repair.
func (c *Command) Epoch() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// run runs a command with the action's time limit.
func (c *Command) run(ctx context.Context, cmd shell.Command) bool {
	c.mu.Lock()
	cmd.Timeout = c.props.timeout()
	cmd.Group = c.group()
	cmd.Secrets = c.props.secretTexts()
	c.mu.Unlock()
	return c.env.Runner.Run(ctx, cmd).OK
}

// group names the action file, so that commands that edit one file in several
// jails do not meet: it is the action's name without what COMPAT 1.7.6 adds.
func (c *Command) group() string {
	base := c.props.text("actname")
	if base == "" {
		base = c.name
	}
	name, jailName := c.props.text("name"), c.env.Jail.Name()
	if rest, ok := strings.CutPrefix(name, jailName); ok {
		return strings.TrimSuffix(base, rest)
	}
	return strings.TrimSuffix(base, "-"+name)
}

// Adopt takes over the properties of a fresh action of the same name and keeps
// what is started (COMPAT 3.8.5).
func (c *Command) Adopt(fresh jail.Action) bool {
	other, ok := fresh.(*Command)
	if !ok {
		return false
	}
	other.mu.Lock()
	values := maps.Clone(other.props.values)
	other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.props = &properties{values: values}
	c.executed = nil
	return true
}

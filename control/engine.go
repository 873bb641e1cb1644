package control

import (
	"context"

	"f2b-go/jail"
)

// Engine is the running server that commands act on. Its methods may be called
// from several goroutines; those that change which jails there are, one at a
// time.
type Engine interface {
	Lifecycle
	Reloading
	// Jail returns a jail by its name; during a reload's stream that is the
	// jail as it will be.
	Jail(name string) (*jail.Jail, bool)
	// Jails lists the jails in force in order of their creation.
	Jails() []*jail.Jail
	// NewAction makes an action for a jail from `addaction NAME [ARGS…]` in the
	// stream of a configuration, AskedAction from a client's own command, which
	// may run what no configuration of ours may: Python.
	NewAction(j *jail.Jail, name string, args []any) (jail.Action, error)
	AskedAction(ctx context.Context, j *jail.Jail, name string, args []any) (jail.Action, error)
	// Set and Get are the server's own settings: `set WORD …`, `get WORD`. A
	// word that is none gives ErrNoSetting, too few arguments ErrArguments.
	Set(word string, args []any) (any, error)
	Get(word string) (any, error)
	// FlushLogs reopens the log and says what was done: "rolled over", "flushed".
	FlushLogs() string
	// Version is what `version` replies.
	Version() string
}

// Lifecycle starts and stops.
type Lifecycle interface {
	AddJail(name, backend string) error
	StartJail(name string) error
	// StopJail stops a jail and forgets it.
	StopJail(ctx context.Context, name string) error
	StopAll(ctx context.Context)
	// DropJail forgets a jail that was never started.
	DropJail(name string)
	// Quit stops everything and then the server; later requests are refused.
	Quit(ctx context.Context)
}

// Reloading replaces the configuration. After BeginReload the commands of the
// new configuration arrive; AbortReload forgets them, EndReload puts them into
// force. Until then nothing live changes.
type Reloading interface {
	BeginReload(r Reload) error
	AbortReload()
	EndReload(ctx context.Context)
}

// Reload says what a reload is about.
type Reload struct {
	Jail     string // a jail's name, or AllJails
	Restart  bool   // stop and start instead of taking over bans
	Unban    bool   // lift and forget all bans first
	IfExists bool   // a jail that does not run is no error
}

// AllJails stands for every jail.
const AllJails = "--all"

// Object is an action that answers for itself to `get/set JAIL action NAME …`,
// as a Python object does, and may take long for it.
type Object interface {
	// Attribute reads an attribute.
	Attribute(ctx context.Context, name string) (any, error)
	// Do calls a method with its arguments in JSON, if there are any, and returns
	// its value, or sets an attribute.
	Do(ctx context.Context, name string, args []any) (value any, set bool, err error)
	// List names the methods, or the other attributes.
	List(ctx context.Context, methods bool) (any, error)
}

// Properties are what `get/set JAIL action NAME PROPERTY` sees of an action; an
// action may have none.
type Properties interface {
	Set(name string, value any) error
	Get(name string) (value any, ok bool)
	Properties() []string
	Methods() []string
}

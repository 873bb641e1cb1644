package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"f2b-go/action"
	"f2b-go/action/mail"
	"f2b-go/config"
	"f2b-go/control"
	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/systemd"
	"f2b-go/jail"
	"f2b-go/source"
)

// Reported is the version of fail2ban that we are compatible with and report
// unless the configuration's report_version says otherwise.
const Reported = "1.1.1"

// engine is the running server behind the command table; it implements
// control.Engine.
type engine struct {
	clock   func() time.Time
	log     *logfmt.Log
	say     *slog.Logger // fail2ban.server
	version string

	watcher  *source.Watcher
	runner   *shell.Runner
	names    *action.Host
	mail     *mail.Office
	resolver *filter.NameCache
	dates    *date.Shared
	told     *filter.Told
	self     *jail.Self
	spared   *spared
	ipv6     *ipv6Policy

	settings settings
	database database
	notify   *systemd.Notifier
	changed  chan struct{} // jails have started or changed
	quit     func()        // begins the server's end once all jails have stopped

	mu      sync.Mutex
	jails   []*resident // in force, in order of creation
	pending *reloading  // nil when no reload is under way
}

var _ control.Engine = (*engine)(nil)

// resident is a jail of the engine; stop is nil until it is started.
type resident struct {
	*jail.Jail
	stop context.CancelFunc
	done chan struct{}
}

func (r *resident) started() bool { return r.stop != nil }

func (e *engine) newJail(name, backend string) (*resident, error) {
	root := slog.New(e.log.Handler())
	tags := &expander{}
	j, err := jail.New(name, backend, jail.Env{
		Clock: e.clock, Log: root, Watcher: e.watcher, Resolver: e.resolver, Self: e.self, Spared: e.spared,
		Store: e.database.jailStore(), Expander: tags, Runner: e.runner, ParseOptions: config.ParseOptionList,
		NewFilter: func(jailName string) *filter.Filter {
			return filter.New(jailName, filter.Env{Clock: e.clock, Resolver: e.resolver, Log: root, Dates: e.dates, Told: e.told, Getenv: getenv, Registered: e.spared.register})
		},
	})
	if err != nil {
		return nil, err
	}
	tags.to = action.NewExpander(e.actionEnv(j))
	return &resident{Jail: j}, nil
}

// Jail finds a jail by its name; during a reload's stream, as it will be.
func (e *engine) Jail(name string) (*jail.Jail, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending != nil {
		if r := e.pending.fresh(name); r != nil {
			return r.Jail, true
		}
	}
	if r := e.find(name); r != nil {
		return r.Jail, true
	}
	return nil, false
}

// find returns the jail in force of that name, or nil. The caller holds mu.
func (e *engine) find(name string) *resident {
	for _, r := range e.jails {
		if r.Name() == name {
			return r
		}
	}
	return nil
}

// Jails lists the jails in force.
func (e *engine) Jails() []*jail.Jail {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]*jail.Jail, len(e.jails))
	for i, r := range e.jails {
		list[i] = r.Jail
	}
	return list
}

// AddJail makes a jail, or in a reload's stream says that it stays.
func (e *engine) AddJail(name, backend string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending != nil {
		return e.addToReload(name, backend)
	}
	if e.find(name) != nil {
		return control.DuplicateJail(name)
	}
	r, err := e.newJail(name, backend)
	if err == nil {
		e.jails = append(e.jails, r)
	}
	return err
}

// StartJail runs a jail; one that runs leaves its idleness.
func (e *engine) StartJail(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending != nil {
		return e.pending.start(e, name)
	}
	r := e.find(name)
	if r == nil {
		return control.UnknownJail(name)
	}
	e.start(r)
	return nil
}

// start runs a jail in a goroutine of its own; halt ends it.
func (e *engine) start(r *resident) {
	if r.started() {
		r.SetIdle(false)
		return
	}
	defer e.kick()
	ctx, cancel := context.WithCancel(context.Background())
	r.stop, r.done = cancel, make(chan struct{})
	go func() {
		defer close(r.done)
		e.noteJail(r.Name(), true)
		defer e.noteJail(r.Name(), false)
		// A jail ends when its context does; it has no other error.
		if err := r.Run(ctx); err != nil {
			e.say.Error(fmt.Sprintf("Jail %s: %v", pytext.Repr(r.Name()), err))
		}
	}()
}

// halt stops a jail and waits for it.
func (r *resident) halt() {
	if r.started() {
		r.stop()
		<-r.done
	}
}

// StopJail stops a jail and forgets it.
func (e *engine) StopJail(_ context.Context, name string) error {
	e.mu.Lock()
	r := e.find(name)
	if r != nil {
		e.forget(r)
	}
	e.mu.Unlock()
	if r == nil {
		return control.UnknownJail(name)
	}
	r.halt()
	return nil
}

// forget takes a jail off the list. The caller holds mu.
func (e *engine) forget(r *resident) {
	for i, other := range e.jails {
		if other == r {
			e.jails = append(e.jails[:i:i], e.jails[i+1:]...)
			return
		}
	}
}

// StopAll stops all jails at once and waits for all.
func (e *engine) StopAll(context.Context) {
	e.say.Info("Stopping all jails")
	e.mu.Lock()
	list := e.jails
	e.jails = nil
	e.mu.Unlock()
	for _, r := range list {
		if r.started() {
			r.stop()
		}
	}
	for _, r := range list {
		r.halt()
	}
}

// DropJail forgets a jail that was never started, because its configuration is
// bad.
func (e *engine) DropJail(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.find(name); r != nil && !r.started() {
		e.forget(r)
	}
}

// Quit stops all jails and then lets the server end. The observer's lines are
// fail2ban's (7.3); its work is done by the jails here.
func (e *engine) Quit(ctx context.Context) {
	e.notify.Stopping()
	e.say.Info("Shutdown in progress...")
	observer := e.log.Logger("fail2ban.observer")
	observer.Info("Observer stop ... try to end queue 5 seconds")
	observer.Info("Observer stopped, 0 events remaining.")
	e.StopAll(ctx)
	e.closeDatabase()
	e.quit()
}

// tellReady tells systemd that what was begun is done.
func (e *engine) tellReady() {
	running := 0
	e.mu.Lock()
	for _, r := range e.jails {
		if r.started() {
			running++
		}
	}
	e.mu.Unlock()
	e.notify.Ready(fmt.Sprintf("%d jails", running))
}

// NewAction makes an action of the configuration; of Python actions only
// smtp.py, which is native.
func (e *engine) NewAction(j *jail.Jail, name string, args []any) (jail.Action, error) {
	return action.New(name, args, e.actionEnv(j))
}

// AskedAction makes the action that a client adds; it may be a Python action.
func (e *engine) AskedAction(ctx context.Context, j *jail.Jail, name string, args []any) (jail.Action, error) {
	return action.NewAsked(ctx, name, args, e.actionEnv(j))
}

func (e *engine) actionEnv(j *jail.Jail) action.Env {
	return action.Env{
		Jail: j, Runner: e.runner, Names: e.names, IPv6: e.ipv6.allowed, Clock: e.clock, Mail: e.mail, Log: slog.New(e.log.Handler()),
	}
}

// expander fills tags for a jail; it is made before the jail that it serves.
type expander struct{ to *action.Expander }

func (x *expander) Expand(text string, t *jail.Ticket) (string, []string) {
	return x.to.Expand(text, t)
}

// Version is what `version` replies.
func (e *engine) Version() string { return e.version }

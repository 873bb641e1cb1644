package action

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// callLimit is how long a call of a Python action may take, as long as a
// command by default.
const callLimit = defaultTimeout * time.Second

// python is an action that is a Python object (COMPAT 4.4.1). It lives in a
// process of its own; one that was lost is made again at the next call.
type python struct {
	name  string
	env   Env
	limit time.Duration
	load  []any         // the operation that makes the object
	turn  chan struct{} // held by who talks to the process

	// The holder of turn has these.
	child   *child
	sets    [][]any // attributes that clients have set, each as the last operation that did
	started bool

	mu     sync.Mutex
	traits traits
}

// traits are what the last answer told of the object.
type traits struct {
	Flush      bool `json:"flush"`
	Check      bool `json:"check"`
	Prolong    bool `json:"prolong"`
	NoRestored bool `json:"norestored"`
}

var _ jail.Action = (*python)(nil)

// newPython makes the action of a file and its parameters in JSON. An error is
// what Python raised, or that there is no Python.
func newPython(ctx context.Context, name string, args []any, env Env) (jail.Action, error) {
	options := any("{}")
	if len(args) > 1 {
		options = args[1]
	}
	p := &python{
		name: name, env: env, limit: callLimit, turn: make(chan struct{}, 1),
		load: []any{"load", args[0], env.Jail.Name(), name, options},
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if err := p.revive(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// revive starts a process where none runs, and makes of it what the last one was.
func (p *python) revive(ctx context.Context) error {
	if p.child.runs() {
		return nil
	}
	c, err := startChild(&p.env, p.name)
	if err != nil {
		return err
	}
	again := append([][]any{p.load}, p.sets...)
	if p.started {
		again = append(again, []any{"call", "start"})
	}
	for _, op := range again {
		if _, err := p.ask(ctx, c, nil, op); err != nil {
			c.kill()
			return err
		}
	}
	p.child = c
	// An action that is dropped without being stopped takes its process along.
	runtime.AddCleanup(p, func(c *child) { c.hangUp() }, c)
	return nil
}

// ask has a process do an operation.
func (p *python) ask(ctx context.Context, c *child, in *info, op []any) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, &tookTooLong{p.name, p.limit})
	defer cancel()
	got, err := c.ask(ctx, p.env.Jail.BanTime().Py(), in, op)
	if got.N > 0 {
		p.mu.Lock()
		p.traits = got.traits
		p.mu.Unlock()
	}
	return got, err
}

// call does an operation when it is its turn.
func (p *python) call(ctx context.Context, in *info, op ...any) (answer, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if err := p.revive(ctx); err != nil {
		return answer{}, err
	}
	got, err := p.ask(ctx, p.child, in, op)
	switch {
	case err != nil:
	case got.Set:
		p.sets = append(slices.DeleteFunc(p.sets, func(earlier []any) bool { return earlier[1] == op[1] }), op)
	case op[0] != "get" && op[1] == "start":
		p.started = true
	}
	return got, err
}

// step does an operation with a ticket.
func (p *python) step(ctx context.Context, method string, t *jail.Ticket) error {
	in := newInfo(ctx, &p.env, t)
	names, known := in.shared()
	if _, err := p.call(ctx, in, "step", method, names, known); err != nil {
		return &Error{text: err.Error(), info: in}
	}
	return nil
}

// shared lists the names of a ticket's values, and those that cost nothing.
func (i *info) shared() (names []any, known pytext.Dict) {
	cheap := newInfo(i.ctx, i.env, i.ticket)
	for _, t := range infoTags {
		names = append(names, t.name)
		if !costly[t.name] {
			v, _ := cheap.value(t.name)
			known = append(known, pytext.Item{Key: t.name, Value: v})
		}
	}
	return names, known
}

// costly are the values that are fetched when a Python action asks for them:
// from DNS, from the database, and what repeats the log's lines.
var costly = map[string]bool{
	"ip-host": true, "F-*": true, "ipmatches": true, "ipjailmatches": true, "ipfailures": true, "ipjailfailures": true,
	"raw-ticket": true,
}

func (p *python) now() traits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.traits
}

// Name is the action's name in the jail.
func (p *python) Name() string { return p.name }

// Start calls start().
func (p *python) Start(ctx context.Context) error {
	_, err := p.call(ctx, nil, "call", "start")
	return err
}

// Stop calls stop() and ends the process.
func (p *python) Stop(ctx context.Context) error {
	_, err := p.call(ctx, nil, "call", "stop")
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.child.end()
	p.child, p.started = nil, false
	return err
}

// Ban calls ban().
func (p *python) Ban(ctx context.Context, t *jail.Ticket) error { return p.step(ctx, "ban", t) }

// Reban calls reban().
func (p *python) Reban(ctx context.Context, t *jail.Ticket) error { return p.step(ctx, "reban", t) }

// Unban calls unban().
func (p *python) Unban(ctx context.Context, t *jail.Ticket) error { return p.step(ctx, "unban", t) }

// Prolong calls prolong().
func (p *python) Prolong(ctx context.Context, t *jail.Ticket) error { return p.step(ctx, "prolong", t) }

// Prolongs is true where the object says that it is prolongable.
func (p *python) Prolongs() bool { return p.now().Prolong }

// Flushes is true where the object has a method flush.
func (p *python) Flushes() bool { return p.now().Flush }

// Flush calls flush(); what it returns tells whether single unbans are spared.
func (p *python) Flush(ctx context.Context) (handled bool, err error) {
	got, err := p.call(ctx, nil, "call", "flush")
	return err == nil && pytext.Truth(got.value), err
}

// Checks is true where there is a method consistencyCheck.
func (p *python) Checks() bool { return p.now().Check }

// Check calls consistencyCheck() where there is one.
func (p *python) Check(ctx context.Context, flushing bool) error {
	_, err := p.call(ctx, nil, "check", flushing)
	return err
}

// Epoch is 0: an object repairs itself, if anybody does.
func (p *python) Epoch() int { return 0 }

// SkipsRestored is true where the object's norestored is.
func (p *python) SkipsRestored() bool { return p.now().NoRestored }

// Attribute reads an attribute of the object.
func (p *python) Attribute(ctx context.Context, name string) (any, error) {
	got, err := p.call(ctx, nil, "get", name)
	return got.value, err
}

// Do calls a method with arguments in JSON and returns its value, or sets an
// attribute.
func (p *python) Do(ctx context.Context, name string, args []any) (value any, set bool, err error) {
	got, err := p.call(ctx, nil, "do", name, args)
	return got.value, got.Set, err
}

// List names the object's methods, or its other attributes.
func (p *python) List(ctx context.Context, methods bool) (any, error) {
	got, err := p.call(ctx, nil, "listed", methods)
	return got.value, err
}

package control

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// Table is the table of commands over an engine; its Handle serves requests.
type Table struct {
	engine Engine
	verbs  map[string]command
	log    *slog.Logger // fail2ban.transmitter
	clock  func() time.Time
	ended  atomic.Bool

	// alone is held by commands that change which jails there are.
	alone sync.Mutex
	// view is held for writing while a reload's commands build up what is not
	// in force yet, so that nobody sees or changes a half of it.
	view sync.RWMutex
}

// NewTable returns the table of commands; log gets the failing ones.
func NewTable(engine Engine, log *slog.Logger, clock func() time.Time) *Table {
	return &Table{engine: engine, verbs: verbTable(), log: log.With("logger", "fail2ban.transmitter"), clock: clock}
}

// need is what a command must have for itself.
type need int

const (
	needNothing need = iota
	needView         // no half-done reload
	needAlone        // no other such command
)

// call is one command with the words after its first.
type call struct {
	ctx  context.Context
	verb string
	args []any
	now  time.Time
	// release gives the view back; nil where the call does not hold it.
	release func()
}

// begin gives the view back before what may take long, since it runs commands of
// actions or asks DNS: no reload shall wait for it, and no command for the reload.
func (c call) begin() {
	if c.release != nil {
		c.release()
	}
}

// text returns an argument as text; the caller knows that it is there.
func (c call) text(i int) string { return pytext.Str(c.args[i]) }

// rest returns the arguments from i on.
func (c call) rest(i int) []any {
	if i >= len(c.args) {
		return nil
	}
	return c.args[i:]
}

// from returns the call without its first i arguments.
func (c call) from(i int) call {
	c.args = c.rest(i)
	return c
}

// command is a row of the table: at least min arguments, else it is an
// IndexError.
type command struct {
	min  int
	need need
	run  func(*Table, call) (any, error)
}

// verbTable is the table: the commands by their first word.
func verbTable() map[string]command {
	return map[string]command{
		"ping":          {0, needNothing, func(*Table, call) (any, error) { return "pong", nil }},
		"version":       {0, needNothing, func(t *Table, _ call) (any, error) { return t.engine.Version(), nil }},
		"echo":          {0, needNothing, func(_ *Table, c call) (any, error) { return append([]any{}, c.args...), nil }},
		"sleep":         {1, needNothing, (*Table).sleep},
		"server-status": {0, needNothing, func(*Table, call) (any, error) { return "Server ready", nil }},
		"flushlogs":     {0, needNothing, func(t *Table, _ call) (any, error) { return t.engine.FlushLogs(), nil }},
		"config-error":  {1, needNothing, (*Table).configError},

		"status":     {0, needView, (*Table).status},
		"stats":      {0, needView, (*Table).stats},
		"statistic":  {0, needView, (*Table).stats},
		"statistics": {0, needView, (*Table).stats},
		"banned":     {0, needView, (*Table).banned},
		"unban":      {0, needView, (*Table).unban},
		"get":        {1, needView, (*Table).get},
		"set":        {1, needView, (*Table).set},
		"multi-set":  {1, needView, (*Table).multiSet},

		"add":           {1, needAlone, (*Table).add},
		"start":         {1, needAlone, (*Table).start},
		"stop":          {0, needAlone, (*Table).stop},
		"reload":        {3, needAlone, (*Table).reload},
		"server-stream": {1, needAlone, (*Table).stream},
	}
}

// Handle does one request and gives the reply for the wire: (0, value) or
// (1, exception). It is a Handler.
func (t *Table) Handle(ctx context.Context, request any) any {
	if t.ended.Load() {
		return []any{"SHUTDOWN"}
	}
	value, err := t.Do(ctx, request)
	if err != nil {
		return pytext.Tuple{1, Exception(err)}
	}
	return pytext.Tuple{0, value}
}

// readers are the commands that change nothing.
var readers = map[string]bool{
	"ping": true, "version": true, "echo": true, "server-status": true, "status": true, "stats": true, "statistic": true,
	"statistics": true, "banned": true, "get": true,
}

// HandleReader is Handle for a client that may only read: of other commands, and
// of an action's values, which may be passwords, it hears that it may not.
func (t *Table) HandleReader(ctx context.Context, request any) any {
	words, err := wordsOf(request)
	if err != nil {
		return pytext.Tuple{1, Exception(err)}
	}
	verb, _ := words[0].(string)
	if !readers[verb] || verb == "get" && len(words) > 2 && words[2] == "action" {
		return pytext.Tuple{1, pickle.Builtin("PermissionError", "Permission denied: members of the socket's group may only read")}
	}
	return t.Handle(ctx, request)
}

// Do does one request, waiting for others where it must, and logs its failure.
func (t *Table) Do(ctx context.Context, request any) (any, error) {
	words, err := wordsOf(request)
	if err == nil {
		c, row, found := t.find(ctx, words)
		if !found {
			err = plainError("Invalid command")
		} else {
			var value any
			if value, err = t.guarded(c, row); err == nil {
				return value, nil
			}
		}
	}
	t.failed(request, err)
	return nil, err
}

func (t *Table) failed(request any, err error) {
	t.log.Error("Command " + pytext.Repr(shown(request)) + " has failed. Received " + Exception(err).Repr())
}

// shown is a request for the log: a stream's commands are told one by one where
// they fail, and an action's values may be passwords.
func shown(request any) any {
	words, err := wordsOf(request)
	if err != nil {
		return request
	}
	hide := len(words)
	switch words[0] {
	case "server-stream":
		hide = 1
	case "reload":
		hide = 3
	case "set", "multi-set":
		if len(words) > 5 && words[2] == "addaction" {
			hide = 5
		}
		if len(words) > 4 && words[2] == "action" {
			hide = 4
			if words[0] == "set" {
				hide = 5
			}
		}
	}
	out := append([]any{}, words...)
	for i := max(1, hide); i < len(out); i++ {
		out[i] = "..."
	}
	return out
}

// wordsOf reads a request as a list of words.
func wordsOf(request any) ([]any, error) {
	switch r := request.(type) {
	case []any:
		if len(r) > 0 {
			return r, nil
		}
		return nil, indexError()
	case pytext.Tuple:
		if len(r) > 0 {
			return r, nil
		}
		return nil, pickle.Builtin("IndexError", "tuple index out of range")
	case string:
		return nil, plainError("Invalid command")
	}
	return nil, pickle.Builtin("TypeError", "a command is a list of words")
}

func (t *Table) find(ctx context.Context, words []any) (call, command, bool) {
	verb, _ := words[0].(string)
	row, ok := t.verbs[verb]
	return call{ctx: ctx, verb: verb, args: words[1:], now: t.clock()}, row, ok
}

func (t *Table) guarded(c call, row command) (any, error) {
	switch row.need {
	case needAlone:
		t.alone.Lock()
		defer t.alone.Unlock()
		if t.ended.Load() {
			return nil, pickle.Builtin("RuntimeError", "the server is shutting down")
		}
	case needView:
		t.view.RLock()
		c.release = sync.OnceFunc(t.view.RUnlock)
		defer c.release()
	}
	return run(t, c, row)
}

// run does the row's command. A fault of ours in it is that command's failure:
// it must not end the server, and the bans with it.
func run(t *Table, c call, row command) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			t.log.Error(fmt.Sprintf("Caught unhandled exception: %v %s", r, debug.Stack()))
			value, err = nil, pickle.Builtin("RuntimeError", fmt.Sprint(r))
		}
	}()
	if len(c.args) < row.min {
		return nil, indexError()
	}
	return row.run(t, c)
}

// inside does a command of a stream, under the locks that the stream holds.
func (t *Table) inside(ctx context.Context, request any) error {
	words, err := wordsOf(request)
	if err != nil {
		return err
	}
	c, row, ok := t.find(ctx, words)
	if !ok || c.verb == "reload" || c.verb == "server-stream" {
		return plainError("Invalid command")
	}
	_, err = run(t, c, row)
	return err
}

// Package shell runs the commands of actions and ignore lists.
//
// It hides how a command becomes a process: one `/bin/sh -c` with its
// arguments in a session of its own, output read while it runs and kept up to
// a limit, the whole process group ended at the time limit. It also hides how
// fail2ban tells the outcome in its log (COMPAT 4.3).
package shell

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/internal/pytext"
)

const (
	// maxOutput bounds what is kept of each of a command's two outputs, in bytes;
	// the rest is read and counted, so that the command never blocks on it.
	maxOutput = 16 << 10
	// killGrace is the time between TERM and KILL for a process group.
	killGrace = 200 * time.Millisecond
	// reapGrace is the time that a killed process gets to vanish.
	reapGrace = 2 * time.Second
)

const (
	// MaxArg is the longest script or argument that Linux hands to a program,
	// in bytes without the closing NUL (MAX_ARG_STRLEN in binfmts.h).
	MaxArg = 128<<10 - 1
	// MaxArgs bounds a command's script and arguments together, in bytes; the
	// kernel's own limit (a quarter of the stack, 2 MiB) counts the environment too.
	MaxArgs = 1 << 20
)

// Command is a shell script with positional arguments.
type Command struct {
	// Script is the text for `sh -c`; the empty script does nothing and succeeds.
	Script string
	// Args are $0, $1, … of the script.
	Args []string
	// Timeout ends the command's process group; 0 means no limit.
	Timeout time.Duration
	// Group names commands that must not overlap, such as those that edit one
	// file; the empty group has no such rule.
	Group string
	// Secrets are texts that the log must not show.
	Secrets []string
	// Success lists the exit codes that mean success; none means 0 alone.
	Success []int
}

// String is the command as fail2ban logs it: the script, or a Python list of
// the script and its arguments.
func (c Command) String() string {
	if len(c.Args) == 0 {
		return c.Script
	}
	return pytext.Repr(c.Words())
}

// Words are the script and its arguments in one list.
func (c Command) Words() []string { return append([]string{c.Script}, c.Args...) }

func (c Command) succeeded(code int) bool {
	if len(c.Success) == 0 {
		return code == 0
	}
	return slices.Contains(c.Success, code)
}

// Result tells how a command ended.
type Result struct {
	// OK is true where the exit code means success.
	OK bool
	// Code is the exit code, or minus the number of the signal that ended it.
	// It means nothing where Err is set or Unkillable is true.
	Code int
	// TimedOut is true where the time limit ended the command.
	TimedOut bool
	// Unkillable is true where the process outlived KILL.
	Unkillable bool
	// PID is the process that ran, 0 if none did.
	PID int
	// Stdout and Stderr hold the first 16 KiB of each output.
	Stdout, Stderr []byte
	// MoreStdout and MoreStderr count the bytes that were read beyond.
	MoreStdout, MoreStderr int64
	// Err says why the command could not be started or was given up.
	Err error
}

// Runner runs commands. The zero value works, logs nothing and uses /bin/sh.
// It may be used from several goroutines.
type Runner struct {
	// Shell is the shell program; empty means /bin/sh.
	Shell string
	// Log takes the outcome of commands (logger fail2ban.utils); nil for none.
	Log *slog.Logger

	runs   atomic.Int64
	mu     sync.Mutex
	groups map[string]chan struct{}
}

// Run runs a command to its end, its time limit, or the context's end, and
// logs the outcome. It never returns an error besides: a failed command is a
// result.
func (r *Runner) Run(ctx context.Context, c Command) Result {
	if c.Script == "" {
		return Result{OK: true}
	}
	if err := r.enter(ctx, c.Group); err != nil {
		return Result{Err: err}
	}
	defer r.leave(c.Group)
	res := r.execute(ctx, c)
	res.OK = res.Err == nil && !res.Unkillable && c.succeeded(res.Code)
	r.report(c, res)
	return res
}

// enter waits for the command group's turn.
func (r *Runner) enter(ctx context.Context, group string) error {
	if group == "" {
		return ctx.Err()
	}
	r.mu.Lock()
	if r.groups == nil {
		r.groups = map[string]chan struct{}{}
	}
	turn, ok := r.groups[group]
	if !ok {
		turn = make(chan struct{}, 1)
		r.groups[group] = turn
	}
	r.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Runner) leave(group string) {
	if group == "" {
		return
	}
	r.mu.Lock()
	turn := r.groups[group]
	r.mu.Unlock()
	<-turn
}

// execute starts the command and waits; a command that needs no shell is run
// without one, where that can be known.
func (r *Runner) execute(ctx context.Context, c Command) Result {
	if path, words, ok := direct(c); ok {
		if p, err := start(path, words); err == nil {
			res := p.wait(ctx, c.Timeout)
			if res.Code < 0 && !res.TimedOut && res.Err == nil {
				// A shell tells its child's signal so.
				res.Code = 128 - res.Code
			}
			return res
		}
	}
	sh := r.Shell
	if sh == "" {
		sh = "/bin/sh"
	}
	p, err := start(sh, append([]string{sh, "-c"}, c.Words()...))
	if err != nil {
		return Result{Err: err}
	}
	return p.wait(ctx, c.Timeout)
}

// environ is the environment that commands inherit.
func environ() []string { return os.Environ() }

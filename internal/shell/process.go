package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a started command with the readers of its two outputs.
type process struct {
	cmd      *exec.Cmd
	out, err *drain
}

// start runs a program with the given argument vector, argv[0] included, in a
// session of its own with nothing to read on its standard input.
func start(path string, argv []string) (*process, error) {
	out, outW, err := newDrain()
	if err != nil {
		return nil, err
	}
	errs, errW, err := newDrain()
	if err != nil {
		out.discard()
		return nil, errors.Join(err, outW.Close())
	}
	cmd := &exec.Cmd{
		Path: path, Args: argv, Env: environ(), Stdout: outW, Stderr: errW,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = cmd.Start()
	// The child holds its own copies; ours would keep the pipes open for ever.
	err = errors.Join(err, outW.Close(), errW.Close())
	if err != nil {
		out.discard()
		errs.discard()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	out.read()
	errs.read()
	return &process{cmd: cmd, out: out, err: errs}, nil
}

// wait returns the process's outcome: at its end, or after the time limit or
// the context's end once its group was killed.
func (p *process) wait(ctx context.Context, limit time.Duration) Result {
	res := Result{PID: p.cmd.Process.Pid}
	ended := make(chan struct{})
	go func() {
		// The exit state says more than Wait's error does.
		_ = p.cmd.Wait()
		close(ended)
	}()
	var timeUp <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		timeUp = timer.C
	}
	select {
	case <-ended:
	case <-timeUp:
		res.TimedOut = true
		res.Unkillable = !p.kill(ended)
	case <-ctx.Done():
		res.Err = context.Cause(ctx)
		res.Unkillable = !p.kill(ended)
	}
	if !res.Unkillable {
		res.Code = exitCode(p.cmd.ProcessState)
	}
	res.Stdout, res.MoreStdout = p.out.finish()
	res.Stderr, res.MoreStderr = p.err.finish()
	return res
}

// kill ends the process group: TERM, a moment, then KILL for whoever is left.
// It reports whether the command's own process is gone.
func (p *process) kill(ended <-chan struct{}) bool {
	group := -p.cmd.Process.Pid
	// Errors mean that nobody is left in the group, which is the aim.
	_ = unix.Kill(group, unix.SIGTERM)
	grace := time.NewTimer(killGrace)
	defer grace.Stop()
	<-grace.C
	_ = unix.Kill(group, unix.SIGKILL)
	reap := time.NewTimer(reapGrace)
	defer reap.Stop()
	select {
	case <-ended:
		return true
	case <-reap.C:
		return false
	}
}

// exitCode is the exit code, or minus the signal's number, as Python tells it.
func exitCode(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return state.ExitCode()
}

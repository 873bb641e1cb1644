package firewall

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Limits of a program that is run.
const (
	// runTimeout is how long a program may take; a set of a million entries loads
	// in a few seconds.
	runTimeout = time.Minute
	// maxOutput is how much of a program's output is read: the list of a million
	// sites.
	maxOutput = 128 << 20
)

// Runner runs programs, which is all that the firewall does to a machine.
type Runner interface {
	// Run gives a program its input and returns what it wrote to its standard
	// output. The error tells what it wrote to the other, and holds an
	// *exec.ExitError if the program ran.
	Run(ctx context.Context, input, program string, args ...string) (string, error)
}

// Programs runs the programs of this machine.
type Programs struct{}

// Run runs a program for at most a minute.
func (Programs) Run(ctx context.Context, input, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	// What a dead load has begun must not go on behind the guard's back.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdin = strings.NewReader(input)
	out, errs := &bounded{most: maxOutput}, &bounded{most: 1 << 16}
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Run(); err != nil {
		line := strings.Join(append([]string{filepath.Base(program)}, args...), " ")
		return "", fmt.Errorf("running %s: %w: %s", line, err, strings.TrimSpace(errs.buf.String()))
	}
	return out.buf.String(), nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	buf  bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.buf.Len(); len(p) > room {
		b.buf.Write(p[:room])
	} else {
		b.buf.Write(p)
	}
	return len(p), nil
}

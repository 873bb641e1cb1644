// Package demo is the newcomer's first command: the real server on the embedded
// configuration, a live attack on it, the ban, and the unban, told step by step.
//
// It hides the stage. As root, with iproute2 and nft or iptables, server and
// attacker each live in a network namespace without a name, joined by a veth
// pair: real packets pass or are dropped, the machine's own rules are never
// touched, and all of it is gone when the processes are. Otherwise stand-ins for
// nft and iptables write down what they were called with, and nothing else
// changes. Everything written lies in one scratch folder that is removed.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit ends the demo whatever happens; it takes about eight seconds.
const limit = 28 * time.Second

// The words behind `demo` by which the program calls itself for its stage.
const (
	insideWord   = "in-namespace"
	attackerWord = "attacker"
)

// Main runs the verb and returns its exit code: 0 when every step was seen, 1
// when one was not, 2 on bad use.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := dispatch(ctx, args, stdin, stdout)
	switch {
	case errors.Is(err, errUse):
		fmt.Fprintln(stderr, "usage: f2b-go demo")
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}

var errUse = errors.New("bad use")

func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == attackerWord:
		return attack(ctx, stdin, stdout)
	case len(args) == 1 && args[0] == insideWord:
		return play(ctx, stdout, true)
	case len(args) != 0:
		return errUse
	}
	why := whyShown()
	if why == "" {
		return enterNamespace(ctx, stdout)
	}
	fmt.Fprintf(stdout, "The commands are shown, not run: %s.\n\n", why)
	return play(ctx, stdout, false)
}

// whyShown says what is missing for bans in a kernel; empty when nothing is.
func whyShown() string {
	if os.Geteuid() != 0 {
		return "bans in the kernel take root (sudo make demo)"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "no ip program (apt install iproute2)"
	}
	if firewallProgram() == "" {
		return "neither nft nor iptables (apt install nftables)"
	}
	if err := self(context.Background(), true, "version").Run(); err != nil {
		return fmt.Sprintf("no network namespace to be had here (%v)", err)
	}
	return ""
}

// firewallProgram is the one that bans: nft, or iptables, or none.
func firewallProgram() string {
	for _, name := range []string{"nft", "iptables"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return ""
}

// self prepares this program as a child, in a network namespace of its own when
// asked for. The child dies with its parent.
func self(ctx context.Context, ownNet bool, words ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", words...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if ownNet {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second
	return cmd
}

func enterNamespace(ctx context.Context, stdout io.Writer) error {
	cmd := self(ctx, true, "demo", insideWord)
	cmd.Stdout = stdout
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the demo in its namespace: %w", err)
	}
	return nil
}

// play sets the stage, tells the story on it, and clears up.
func play(ctx context.Context, stdout io.Writer, inKernel bool) (err error) {
	dir, err := os.MkdirTemp("", "f2b-go-demo")
	if err != nil {
		return fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &story{out: stdout, begin: time.Now(), dir: dir, log: filepath.Join(dir, "auth.log"), real: inKernel}
	if err := s.writeConfiguration(); err != nil {
		return err
	}
	if inKernel {
		s.target, err = buildNetwork(ctx)
		if err != nil {
			return err
		}
		defer s.target.close()
	}
	return s.tell(ctx)
}

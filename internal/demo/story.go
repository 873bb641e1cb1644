package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// failures is maxretry of the embedded configuration.
const failures = 5

// story tells what happens, with the seconds since it began.
type story struct {
	out    io.Writer
	begin  time.Time
	dir    string // scratch folder: etc, auth.log, f2b.sock, server.log
	log    string
	real   bool
	target *network // nil unless real
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%6.2f s  %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// show prints the lines of a text, set in.
func (s *story) show(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		fmt.Fprintf(s.out, "            %s\n", strings.TrimRight(line, "\n"))
	}
}

// tell plays the whole story; an error names the step that was not seen.
func (s *story) tell(ctx context.Context) (err error) {
	server, err := s.startServer(ctx)
	if err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, s.stopServer(server))
		}
	}()
	for _, step := range []func(context.Context) error{s.before, s.attackLog, s.banned, s.unbanned} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%w\nthe server's log says:\n%s", err, s.serverLog())
		}
	}
	stopped = true
	if err := s.stopServer(server); err != nil {
		return err
	}
	if rules := s.rules(ctx); strings.Contains(rules, "f2b-") && s.real {
		return fmt.Errorf("rules are left behind:\n%s", rules)
	}
	s.say("The server has stopped, its rules are gone, and so is everything it wrote. That was the demo.")
	return nil
}

func (s *story) startServer(ctx context.Context) (*exec.Cmd, error) {
	s.say("Starting the server on the embedded configuration, jail sshd, watching %s", s.log)
	cmd := self(ctx, false, s.words("server", "-f", "start")...)
	cmd.Env = append(os.Environ(), "PATH="+s.path())
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	begin := time.Now()
	if err := s.wait(ctx, "the server's answer", func() bool {
		text, err := s.client(ctx, "status", "sshd")
		return err == nil && strings.Contains(text, s.log)
	}); err != nil {
		_ = s.stopServer(cmd)
		return nil, fmt.Errorf("%w\n%s%s", err, output.String(), s.serverLog())
	}
	s.say("It answers fail2ban-client after %s.", round(time.Since(begin)))
	return cmd, nil
}

func (s *story) before(context.Context) error {
	if s.target == nil {
		return nil
	}
	through, err := s.target.knock()
	if err != nil {
		return err
	}
	if !through {
		return errors.New("the attacker's packets do not pass before the attack")
	}
	s.say("The attacker, %s, connects to the ssh port of %s: his packets get through.", attackerAddress, serverAddress)
	return nil
}

func (s *story) attackLog(ctx context.Context) error {
	f, err := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening the live log: %w", err)
	}
	defer f.Close()
	s.say("He guesses passwords; sshd writes %d lines to its log:", failures)
	var last string
	for i := range failures {
		last = fmt.Sprintf("%s demo sshd[%d]: Failed password for root from %s port %d ssh2\n",
			time.Now().Format(time.Stamp), 100+i, attackerAddress, 4711+i)
		if _, err := f.WriteString(last); err != nil {
			return fmt.Errorf("writing the live log: %w", err)
		}
	}
	written := time.Now()
	s.show(last)
	if err := s.wait(ctx, "the ban", func() bool { return strings.Contains(s.rules(ctx), attackerAddress) }); err != nil {
		return err
	}
	took := time.Since(written)
	if s.real {
		s.say("%s after the last line the kernel holds the ban:", round(took))
	} else {
		s.say("%s after the last line the server would run:", round(took))
	}
	s.show(s.banLines(ctx))
	return nil
}

func (s *story) banned(ctx context.Context) error {
	text, err := s.client(ctx, "status", "sshd")
	if err != nil {
		return fmt.Errorf("asking for the status: %w", err)
	}
	s.say("fail2ban-client status sshd:")
	s.show(text)
	if s.target == nil {
		return nil
	}
	through, err := s.target.knock()
	if err != nil {
		return err
	}
	if through {
		return errors.New("the attacker's packets still pass after the ban")
	}
	s.say("The attacker tries again: his packets are stopped.")
	return nil
}

func (s *story) unbanned(ctx context.Context) error {
	s.say("The ban lasts %s here, counted from the last line's time; waiting for its end.", banTime)
	if err := s.wait(ctx, "the unban", func() bool {
		if s.real {
			return !strings.Contains(s.rules(ctx), attackerAddress)
		}
		return strings.Contains(s.rules(ctx), "delete element") || strings.Contains(s.rules(ctx), " -D f2b-sshd ")
	}); err != nil {
		return err
	}
	s.say("The ban is lifted.")
	if s.target == nil {
		return nil
	}
	through, err := s.target.knock()
	if err != nil {
		return err
	}
	if !through {
		return errors.New("the attacker's packets do not pass after the unban")
	}
	s.say("The attacker connects once more: his packets get through again.")
	return nil
}

// stopServer asks the server to stop and waits for it.
func (s *story) stopServer(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the server's end: %w\n%s", err, s.serverLog())
	}
	return nil
}

// client asks the server as a user would.
func (s *story) client(ctx context.Context, words ...string) (string, error) {
	out, err := self(ctx, false, s.words("client", words...)...).Output()
	return string(out), err
}

// words are a verb's words with the options that keep it to the scratch folder.
func (s *story) words(verb string, words ...string) []string {
	return append([]string{verb, "-c", filepath.Join(s.dir, "etc"), "-s", filepath.Join(s.dir, "f2b.sock"),
		"-p", filepath.Join(s.dir, "f2b.pid")}, words...)
}

func (s *story) serverLog() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return ""
	}
	return string(text)
}

// wait asks every few milliseconds until the answer is yes or time is up.
func (s *story) wait(ctx context.Context, what string, yes func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

package shell

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/internal/pytext"
)

// levelExec is Python's level 9, one below DEBUG, where successful commands
// are told.
const levelExec = slog.LevelDebug - 1

// reporter writes the lines of one command.
type reporter struct {
	log   *slog.Logger
	id    string
	level slog.Level
	mask  *strings.Replacer
}

func (r reporter) say(level slog.Level, text string) {
	r.log.Log(context.Background(), level, r.id+" -- "+r.mask.Replace(text))
}

// masker hides texts, longer ones first, since one may hold another.
func masker(secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) }) {
		if s != "" {
			pairs = append(pairs, s, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// report tells a command's outcome in fail2ban's words (COMPAT 4.3.4). The
// hexadecimal number at the head of its lines joins them; fail2ban prints the
// address of an object there.
func (r *Runner) report(c Command, res Result) {
	log := r.Log
	if log == nil || (res.OK && !res.TimedOut && !log.Enabled(context.Background(), slog.LevelDebug)) {
		return
	}
	id := fmt.Sprintf("%x", 0x7f0000000000+r.runs.Add(1)<<4)
	lines := reporter{log: log, id: id, level: slog.LevelError, mask: masker(c.Secrets)}
	lines.tell(c, res)
}

// tell writes the lines in fail2ban's order.
func (r reporter) tell(c Command, res Result) {
	execLevel := slog.LevelError
	if res.OK {
		r.level = slog.LevelDebug
		if !res.TimedOut {
			execLevel = levelExec
		}
	}
	r.say(execLevel, "exec: "+c.String())
	if res.TimedOut {
		r.say(slog.LevelError, "timed out after "+seconds(c.Timeout)+" seconds.")
	}
	if res.Err != nil {
		r.log.Error(r.mask.Replace(fmt.Sprintf("%s -- failed with %v", c, res.Err)))
	}
	if r.log.Enabled(context.Background(), r.level) {
		r.output("stdout", res.Stdout, res.MoreStdout)
		r.output("stderr", res.Stderr, res.MoreStderr)
	}
	if res.PID > 0 {
		r.ending(c, res)
	}
}

// output tells each line of one output.
func (r reporter) output(name string, text []byte, more int64) {
	for _, line := range splitLines(text) {
		r.say(r.level, name+": "+pytext.Repr(string([]rune(string(line)))))
	}
	if more > 0 {
		r.say(r.level, fmt.Sprintf("%s: %d more bytes, not kept", name, more))
	}
}

func (r reporter) ending(c Command, res Result) {
	switch {
	case res.Unkillable:
		r.say(slog.LevelError, fmt.Sprintf("unable to kill PID %d", res.PID))
	case res.OK:
		r.say(slog.LevelDebug, fmt.Sprintf("returned successfully %d", res.Code))
	case res.Code < 0:
		r.say(slog.LevelError, fmt.Sprintf("killed with %s (return code: %d)", signalName(-res.Code), res.Code))
	case res.Code > 128:
		r.say(slog.LevelError, fmt.Sprintf("killed with %s (return code: %d)", signalName(res.Code-128), res.Code))
	default:
		r.say(slog.LevelError, fmt.Sprintf("returned %d", res.Code))
		if res.Code == 127 {
			r.log.Info(r.mask.Replace(`HINT on 127: "Command not found". Make sure that all commands in ` + quoted(c) +
				" are in the PATH of the fail2ban-server process."))
		}
	}
}

// quoted is Python's repr of the command, whichever of its two forms it has.
func quoted(c Command) string {
	if len(c.Args) == 0 {
		return pytext.Repr(c.Script)
	}
	return c.String()
}

// signalName is the signal's name, or its number for one that has none.
func signalName(n int) string {
	if name := unix.SignalName(unix.Signal(n)); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", n)
}

// seconds writes a time limit: 60, or 0.5.
func seconds(d time.Duration) string {
	return strings.TrimSuffix(pytext.FloatRepr(d.Seconds()), ".0")
}

// splitLines splits as Python's bytes.splitlines does: at \n, \r and \r\n, with
// no empty line at the end.
func splitLines(text []byte) [][]byte {
	var lines [][]byte
	for len(text) > 0 {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:i])
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		text = text[i+1:]
	}
	return lines
}

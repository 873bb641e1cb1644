// Package testaction is the verb `f2b-go test-action`: it shows, or runs, the
// commands that an action would run for a ban. It hides how a jail's actions are
// read from the configuration and set up, and the forms of its output.
package testaction

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	"f2b-go/config"
	"f2b-go/internal/getopt"
)

// Exit codes of f2b-go's own verbs.
const (
	exitDone   = 0
	exitFault  = 1
	exitBadUse = 2
)

const usage = `Usage: f2b-go test-action [options] ['NAME[opt="value",...]']

Prints the commands that an action would run, or runs them; of an action whose
mails are delivered natively, the mails. NAME is a file of action.d with its
parameters; without it the actions of --jail are taken.

  -c, --config DIR   the configuration directory (/etc/fail2ban)
  --jail JAIL        the jail; one that is configured lends its settings (test)
  --ip ADDRESS       what is banned; may be repeated (192.0.2.1)
  --failures N       how often it failed (the number of --match lines, or 1)
  --bancount N       how often it was banned, this time included (1)
  --bantime TIME     for how long: seconds, 1h30m, or -1 for ever (the jail's)
  --time TIME        when it failed: seconds since 1970 or ISO 8601 (now)
  --match LINE       a log line that matched; may be repeated
  --field NAME=V     a group of the filter, such as user=root; may be repeated
  --hostname FQDN    this machine's full name (asked of the system)
  --check            list the check commands too
  --json             print one JSON object for each action
  --run              run the commands instead of only printing them
  -h, --help         print this text
`

// Main runs the verb with the words behind it and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	opt, err := parse(args)
	var misuse *getopt.Error
	switch {
	case errors.As(err, &misuse):
		fmt.Fprintf(stderr, "f2b-go test-action: %s\n%s", misuse.Msg, usage)
		return exitBadUse
	case err != nil:
		fmt.Fprintf(stderr, "f2b-go test-action: %v\n", err)
		return exitBadUse
	case opt.help:
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	c := config.New(config.Options{Dir: opt.config, Log: func(m config.Message) {
		if m.Severity >= config.Warning {
			fmt.Fprintf(stderr, "%s %s\n", m.Severity, located(m.Pos, m.Text, m.Remedy))
		}
	}})
	log := &lineHandler{w: stderr}
	list, err := readActions(c, opt, slog.New(log))
	if err != nil {
		fmt.Fprintf(stderr, "f2b-go test-action: %v\n", err)
		return exitFault
	}
	code := exitDone
	for _, a := range list {
		steps, err := a.live(context.Background(), opt)
		if err != nil {
			fmt.Fprintf(stderr, "action %s: %v\n", a.name, err)
			code = exitFault
		}
		if err := show(stdout, a, steps, opt.json); err != nil {
			fmt.Fprintf(stderr, "f2b-go test-action: %v\n", err)
			return exitFault
		}
	}
	if len(list) == 0 || log.faults.Load() {
		return exitFault
	}
	return code
}

// located puts the place of a fault before its text and the remedy behind it.
func located(pos config.Pos, text, remedy string) string {
	var b strings.Builder
	if pos.File != "" {
		b.WriteString(pos.File)
		if pos.Line > 0 {
			fmt.Fprintf(&b, ":%d", pos.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(text)
	if remedy != "" {
		b.WriteString(" (" + remedy + ")")
	}
	return b.String()
}

// lineHandler writes a log's lines with level and text alone.
type lineHandler struct {
	w      io.Writer
	faults atomic.Bool // an ERROR was among them
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *lineHandler) WithGroup(string) slog.Handler                { return h }
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		h.faults.Store(true)
	}
	_, err := fmt.Fprintf(h.w, "%s %s\n", r.Level, r.Message)
	return err
}

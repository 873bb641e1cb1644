package testfilter

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"f2b-go/internal/logfmt"
)

// newLog prints the engine's messages from a level on, in fail2ban-regex's
// layout, which is another one when it is asked to be verbose.
func newLog(out io.Writer, level string, verbose int) (*slog.Logger, error) {
	n, err := logfmt.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	return slog.New(&logHandler{out: &lockedWriter{w: out}, least: n, verbose: verbose > 1}), nil
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) line(s string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.WriteString(l.w, s)
	return err
}

type logHandler struct {
	out     *lockedWriter
	least   int // fail2ban's number of the lowest level to print
	verbose bool
	logger  string
}

// levelNumbers are fail2ban's numbers of the levels, loudest first.
var levelNumbers = []struct {
	level  slog.Level
	number int
	name   string
}{
	{logfmt.LevelCritical, 50, "CRITICAL"},
	{slog.LevelError, 40, "ERROR"},
	{slog.LevelWarn, 30, "WARNING"},
	{logfmt.LevelNotice, 25, "NOTICE"},
	{slog.LevelInfo, 20, "INFO"},
	{logfmt.LevelMSG, 18, "MSG"},
	{slog.LevelDebug, 10, "DEBUG"},
	{logfmt.LevelTrace, 7, "TRACE"},
	{logfmt.LevelHeavy, 5, "HEAVY"},
}

func levelOf(l slog.Level) (number int, name string) {
	for _, row := range levelNumbers {
		if l >= row.level {
			return row.number, row.name
		}
	}
	return 0, "NOTSET"
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool {
	n, _ := levelOf(l)
	return n >= h.least
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	_, name := levelOf(r.Level)
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	stamp := at.Format("2006-01-02 15:04:05,000")
	if h.verbose {
		return h.out.line(fmt.Sprintf(" %-15s %X %-5.5s %s\n", stamp, os.Getpid(), name, r.Message))
	}
	return h.out.line(fmt.Sprintf("%s %-24s[%d]: %-7s%-1.1s: %s\n", stamp, h.logger, os.Getpid(), name, name, r.Message))
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == "logger" {
			c.logger = a.Value.String()
		}
	}
	return &c
}

func (h *logHandler) WithGroup(string) slog.Handler { return h }

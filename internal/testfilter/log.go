package testfilter

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"f2b-go/internal/logfmt"
)

// newLog prints the engine's messages as the options say, in fail2ban-regex's
// layouts: each step of being verbose has its own.
func newLog(out io.Writer, o *options) (*slog.Logger, error) {
	n, err := logfmt.ParseLevel(o.logLevel)
	if err != nil {
		return nil, err
	}
	h := &logHandler{out: &lockedWriter{w: out}, least: n, verbose: o.verbose, begun: time.Now()}
	if o.traceback {
		h.place = placeOf
		if o.fullTrace {
			h.place = fullPlaceOf
		}
	}
	return slog.New(h), nil
}

// placeOf tells the file and line of the program that a message comes from.
func placeOf(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf(" %s:%d", strings.TrimSuffix(filepath.Base(f.File), ".go"), f.Line)
}

// fullPlaceOf tells the function as well.
func fullPlaceOf(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf(" %s:%d:%s", filepath.Base(f.File), f.Line, filepath.Base(f.Function))
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
	verbose int
	begun   time.Time
	logger  string
	place   func(pc uintptr) string // nil: not told
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
	n, name := levelOf(r.Level)
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	stamp := at.Format("2006-01-02 15:04:05,000")
	place := ""
	if h.place != nil {
		place = h.place(r.PC)
	}
	var head string
	switch {
	case h.verbose <= 1:
		head = fmt.Sprintf("%s %-24s[%d]: %-7s%s%-1.1s:", stamp, h.logger, os.Getpid(), name, place, name)
	case h.verbose == 2:
		head = fmt.Sprintf(" %-15s %X %-5.5s%s", stamp, os.Getpid(), name, place)
	default:
		head = fmt.Sprintf(" +%5d %X %-25.25s %-5.5s", at.Sub(h.begun).Milliseconds(), os.Getpid(), h.logger, name)
		if h.verbose > 3 {
			f, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
			head += fmt.Sprintf(" | %15.15s-%-2d: %-20.20s |", path.Ext("." + h.logger)[1:], n, strings.TrimPrefix(path.Ext(f.Function), "."))
		}
		head += place
	}
	return h.out.line(head + " " + r.Message + "\n")
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

package logfmt

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// LoggerKey is the attribute that names the part of the program that speaks,
// "fail2ban.actions" say.
const LoggerKey = "logger"

// maxMessage bounds one line, so that a hostile log line of megabytes does not
// come back out of every debug message.
const maxMessage = 64 << 10

// Log is the program's log: one level and one target that may change while
// loggers hold it. Its methods may be called from several goroutines.
type Log struct {
	threshold atomic.Int64
	now       func() time.Time
	begun     time.Time
	pid       int
	verbosity int

	mu            sync.Mutex
	out           target
	layout        layout
	level         string
	name          string // the target as it was set, without options; "" before the first
	syslogSocket  string
	journalSocket string
	std           Streams
}

// Logger returns a logger that speaks as name ("fail2ban.server").
func (l *Log) Logger(name string) *slog.Logger {
	return slog.New(&handler{log: l, logger: name})
}

// Handler returns the log as a slog.Handler; the attribute LoggerKey names the
// speaker, who is "fail2ban" without it.
func (l *Log) Handler() slog.Handler { return &handler{log: l, logger: "fail2ban"} }

type handler struct {
	log    *Log
	logger string
	extra  string
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return int64(levels[rank(level)].number) >= h.log.threshold.Load()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	for _, a := range attrs {
		next.add(a)
	}
	return &next
}

// WithGroup keeps no groups: fail2ban's lines have none.
func (h *handler) WithGroup(string) slog.Handler { return h }

func (h *handler) add(a slog.Attr) {
	if a.Key == LoggerKey {
		h.logger = a.Value.String()
		return
	}
	h.extra += fmt.Sprintf(" %s=%v", a.Key, a.Value)
}

// Handle writes one record in one write.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	speaker := *h
	r.Attrs(func(a slog.Attr) bool {
		speaker.add(a)
		return true
	})
	now := h.log.now()
	return h.log.write(entry{
		when:    now,
		since:   now.Sub(h.log.begun),
		level:   r.Level,
		logger:  speaker.logger,
		pid:     h.log.pid,
		message: tame(r.Message + speaker.extra),
	})
}

func (l *Log) write(e entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return nil
	}
	return l.out.write(l.layout.append(make([]byte, 0, 160+len(e.message)), e), e)
}

// tame keeps a message on its line: control characters that could end the line
// or steer a terminal are written as \n, \r or \xNN.
func tame(msg string) string {
	if len(msg) > maxMessage {
		msg = msg[:maxMessage] + "..."
	}
	clean := true
	for i := 0; i < len(msg); i++ {
		if c := msg[i]; c < ' ' && c != '\t' || c == 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return msg
	}
	var b strings.Builder
	for i := 0; i < len(msg); i++ {
		switch c := msg[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' && c != '\t' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

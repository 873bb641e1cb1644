package action_test

import (
	"context"
	"log/slog"
	"sync"
)

// mailLog is a log that tests read, without what is only for debugging.
type mailLog struct {
	mu   sync.Mutex
	list []string
}

func (l *mailLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *mailLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *mailLog) WithGroup(string) slog.Handler            { return l }
func (l *mailLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Level > slog.LevelDebug {
		l.list = append(l.list, r.Level.String()+" "+r.Message)
	}
	return nil
}

// take returns the lines since the last call.
func (l *mailLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

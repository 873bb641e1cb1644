package logfmt

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
)

// fail2ban's levels in slog's scale. slog's own Debug, Info, Warn and Error
// stand for DEBUG, INFO, WARNING and ERROR.
const (
	LevelHeavy    slog.Level = -12 // HEAVYDEBUG, 5
	LevelTrace    slog.Level = -8  // TRACEDEBUG, 7
	LevelMSG      slog.Level = -2  // MSG, 18
	LevelNotice   slog.Level = 2   // NOTICE, 25
	LevelCritical slog.Level = 12  // CRITICAL, 50
)

// levels is the scale from loud to quiet: slog's level, fail2ban's number, the
// name in a log line, the syslog priority and journald's.
var levels = []struct {
	level            slog.Level
	number           int
	name             string
	syslog, journald int
}{
	{LevelCritical, 50, "CRITICAL", 2, 2},
	{slog.LevelError, 40, "ERROR", 3, 3},
	{slog.LevelWarn, 30, "WARNING", 4, 4},
	{LevelNotice, 25, "NOTICE", 5, 4},
	{slog.LevelInfo, 20, "INFO", 6, 6},
	{LevelMSG, 18, "MSG", 4, 6},
	{slog.LevelDebug, 10, "DEBUG", 7, 7},
	{LevelTrace, 7, "TRACE", 4, 7},
	{LevelHeavy, 5, "HEAVY", 4, 7},
}

// names are the words that a loglevel setting may say.
var names = map[string]int{
	"CRITICAL": 50, "FATAL": 50, "ERROR": 40, "WARNING": 30, "WARN": 30, "NOTICE": 25, "INFO": 20,
	"MSG": 18, "DEBUG": 10, "TRACEDEBUG": 7, "HEAVYDEBUG": 5, "NOTSET": 0,
}

// rank gives the row of levels that a record of this level belongs to.
func rank(l slog.Level) int {
	for i, row := range levels {
		if l >= row.level {
			return i
		}
	}
	return len(levels) - 1
}

// ParseLevel reads a loglevel setting: a word in any case or a number. The
// number is fail2ban's, and records of a smaller one are not logged.
func ParseLevel(text string) (number int, err error) {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return n, nil
	}
	if n, ok := names[strings.ToUpper(text)]; ok {
		return n, nil
	}
	return 0, fmt.Errorf("Invalid log level %s", pytext.Repr(text)) //nolint:staticcheck // fail2ban's words
}

// LevelName gives the name of a numeric level as fail2ban prints it in
// "Current logging level is".
func LevelName(number int) string {
	for _, row := range levels {
		if row.number == number {
			return row.name
		}
	}
	if number < 50 {
		return fmt.Sprintf("#%02d-Lev.", number)
	}
	return fmt.Sprintf("Level %d", number)
}

// FromNumber gives slog's level for one of Python's: that of the row which a
// record of this number belongs to.
func FromNumber(number int) slog.Level {
	for _, row := range levels {
		if number >= row.number {
			return row.level
		}
	}
	return LevelHeavy
}

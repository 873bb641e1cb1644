// Package date finds the time of a log line: which of many date templates fits
// it, which part of the line is the date, and what instant that means.
//
// It hides fail2ban's date patterns (strptime-like directives, keywords, word
// boundaries), the way in which a detector settles on the template of a log and
// leaves it again, the hand-written readers for the formats that nearly all logs
// use, and Python's rules for dates that leave out year, day or zone.
//
// Facts are fail2ban's: datedetector, datetemplate, strptime and mytime of its
// server, in the version 1.1.1.
package date

import (
	"errors"
	"fmt"
	"time"

	"f2b-go/internal/pytext"
)

// ErrInvalid says that the matched text is no valid date (February 30th, a
// 61st second, an unknown zone in lower case). The line counts as one without
// a date.
var ErrInvalid = errors.New("not a valid date")

// LineError is a fault that makes fail2ban give up the line: what Python would
// raise there.
type LineError struct {
	Class string // Python's class, such as KeyError
	Text  string // Python's text, without quotes
}

// Error returns the exception as Python's repr shows it: KeyError('XYZ').
func (e *LineError) Error() string { return e.Class + "(" + pytext.Repr(e.Text) + ")" }

// OfPattern says that it is the pattern that is no regular expression: all other
// lines that reach it will fail, too.
func (e *LineError) OfPattern() bool { return e.Class == reError }

// reError is Python's class of the errors of regular expressions.
const reError = "error"

// PatternError says why a date pattern was refused, in fail2ban's words.
type PatternError struct {
	Class   string // Python's class: TypeError or ValueError
	Pattern string // the one pattern (line) that was refused
	Text    string // fail2ban's message
}

// Error returns fail2ban's message.
func (e *PatternError) Error() string { return e.Text }

// Stamp is a moment as fail2ban keeps it.
type Stamp struct {
	Unix float64 // seconds since 1970 UTC
	Int  bool    // a zone was known: Python holds an int and prints no ".0"
}

// Options says what a detector works with.
type Options struct {
	// Clock tells the server's time; nil means time.Now. It decides the year
	// of dates without one and is asked once for a line that has a date.
	Clock func() time.Time
	// Local is the zone of dates without one; nil means time.Local.
	Local *time.Location
	// YearsFrom is the first year that %ExY accepts (a decade is accepted or
	// refused as a whole); 0 means 2000, as the server does.
	YearsFrom int
	// Shared is what the detectors of one process have in common; nil means
	// that this detector shares nothing.
	Shared *Shared
}

// Match is the date of one line as a detector found it.
type Match struct {
	// Start and End are byte offsets of the date text, which is cut out of
	// the line. They are equal where the pattern allows a line without date.
	Start, End int
	// Name is the template's name, as fail2ban-regex lists it.
	Name string

	moment moment
	err    error
}

// Empty reports a match without date text ({NONE}, or an optional date): the
// line's time is then the last known one or now.
func (m Match) Empty() bool { return m.Start == m.End && m.err == nil }

// Err returns the error for which fail2ban gives up the whole line before it
// even looks at the date: a pattern that is no regular expression, or one that
// matches nothing at the end of a line. Time returns it too.
func (m Match) Err() error { return m.err }

// invalid wraps ErrInvalid with the reason.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

package pyre

import (
	"errors"
	"fmt"
	"strings"
)

// Flags are the options of Python's re.compile that change what a pattern
// means. Patterns are Unicode unless ASCII is given, as Python's str patterns.
type Flags uint

// The flags, with Python's names in brackets.
const (
	IgnoreCase Flags = 1 << iota // compare letters without regard to case (re.I)
	MultiLine                    // ^ and $ match at every line (re.M)
	DotAll                       // . matches a newline as well (re.S)
	Verbose                      // white space and # comments are skipped (re.X)
	ASCII                        // \w \d \s \b and case know ASCII only (re.A)
	Unicode                      // the default; an error together with ASCII (re.U)

	template // (?t), which Python still reads and then refuses at the first repeat
)

// ErrBudget says that a search was given up because it took more steps than
// the budget of Search allows. The text neither matched nor failed.
var ErrBudget = errors.New("pyre: too many steps for this pattern and text")

// Error is what Python's re module raises for a pattern that it does not
// accept (re.error, and OverflowError or ValueError in a few cases).
type Error struct {
	Msg     string // Python's words, without the position
	Pattern string // the whole pattern
	Pos     int    // where in the pattern, in characters; -1 if Python names no place
}

// Error returns the text that Python prints for the exception.
func (e *Error) Error() string {
	if e.Pos < 0 {
		return e.Msg
	}
	msg := fmt.Sprintf("%s at position %d", e.Msg, e.Pos)
	if strings.Contains(e.Pattern, "\n") {
		line, col := e.LineColumn()
		msg += fmt.Sprintf(" (line %d, column %d)", line, col)
	}
	return msg
}

// LineColumn returns the place of the error in a pattern of several lines,
// both counted from 1, the column in characters. It is 0, 0 without a place.
func (e *Error) LineColumn() (line, column int) {
	if e.Pos < 0 {
		return 0, 0
	}
	line, column = 1, 1
	for i, r := range []rune(e.Pattern) {
		if i >= e.Pos {
			break
		}
		column++
		if r == '\n' {
			line++
			column = 1
		}
	}
	return line, column
}

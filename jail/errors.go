package jail

import (
	"errors"

	"f2b-go/internal/timetext"
)

// Error refuses a command in the words and with the class that fail2ban's
// exception has, so that a client of either server understands it (5.5).
type Error struct {
	// Class is the Python class: ValueError, KeyError, FileNotFoundError, …
	Class string
	// Text is the exception's one argument.
	Text string
}

func (e *Error) Error() string { return e.Text }

func valueError(text string) *Error { return &Error{Class: "ValueError", Text: text} }

func keyError(key string) *Error { return &Error{Class: "KeyError", Text: key} }

func plainError(text string) *Error { return &Error{Class: "Exception", Text: text} }

// fromTimetext keeps the class of an expression's error.
func fromTimetext(err error) error {
	var e *timetext.Error
	if errors.As(err, &e) {
		return &Error{Class: e.Class, Text: e.Text}
	}
	return err
}

// ErrNoOption says that a word is no option of a jail.
var ErrNoOption = errors.New("no option of a jail")

func indexError() *Error { return &Error{Class: "IndexError", Text: "list index out of range"} }

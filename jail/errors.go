package jail

// Error refuses a command in the words and with the class that fail2ban's
// exception has, so that a client of either server understands it (5.5).
type Error struct {
	// Class is the Python class: ValueError, KeyError, FileNotFoundError, …
	Class string
	// Text is the exception's text.
	Text string
}

func (e *Error) Error() string { return e.Text }

func valueError(text string) *Error { return &Error{Class: "ValueError", Text: text} }

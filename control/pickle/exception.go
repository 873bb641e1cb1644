package pickle

import (
	"fmt"
	"strings"

	"f2b-go/internal/pytext"
)

// Exception is a Python exception as data: what a reply (1, exception) carries.
type Exception struct {
	Module string // "builtins", "fail2ban.exceptions", …
	Class  string // "IndexError", "UnknownJailException", …
	Args   pytext.Tuple
}

// Builtin makes an exception of Python's own module.
func Builtin(class string, args ...any) *Exception {
	return &Exception{Module: "builtins", Class: class, Args: args}
}

// Error gives Python's str(exception).
func (e *Exception) Error() string {
	switch {
	case len(e.Args) == 0:
		return ""
	case len(e.Args) >= 2 && e.isOSError():
		return e.osError()
	case e.Class == "SyntaxError" && len(e.Args) == 2:
		return e.syntaxError()
	case len(e.Args) > 1:
		return pytext.Repr(e.Args)
	case e.Class == "KeyError" || e.Class == "UnknownJailException":
		return pytext.Repr(e.Args[0])
	}
	return pytext.Str(e.Args[0])
}

// syntaxError adds the place, which stands in a tuple of its own.
func (e *Exception) syntaxError() string {
	text := pytext.Str(e.Args[0])
	if place, ok := e.Args[1].(pytext.Tuple); ok && len(place) >= 2 {
		text += " (" + pytext.Str(place[0]) + ", line " + pytext.Str(place[1]) + ")"
	}
	return text
}

// isOSError tells the classes that print an error number.
func (e *Exception) isOSError() bool {
	switch e.Class {
	case "OSError", "IOError", "FileNotFoundError", "FileExistsError", "PermissionError", "IsADirectoryError",
		"NotADirectoryError", "BlockingIOError", "ConnectionError", "BrokenPipeError":
		return e.Module == "builtins"
	}
	return false
}

func (e *Exception) osError() string {
	text := fmt.Sprintf("[Errno %s] %s", pytext.Str(e.Args[0]), pytext.Str(e.Args[1]))
	if len(e.Args) > 2 {
		text += ": " + pytext.Repr(e.Args[2])
	}
	return text
}

// Repr gives Python's repr(exception), as the server's log shows it.
func (e *Exception) Repr() string {
	args := e.PyArgs()
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = pytext.Repr(a)
	}
	return e.Class + "(" + strings.Join(parts, ", ") + ")"
}

// PyArgs gives Python's exception.args: an OSError keeps its file name out of
// them.
func (e *Exception) PyArgs() pytext.Tuple {
	if e.isOSError() && len(e.Args) > 2 {
		return e.Args[:2]
	}
	return e.Args
}

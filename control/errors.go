package control

import (
	"errors"
	"io/fs"
	"syscall"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

// ErrNoSetting says that a word is no setting of the server.
var ErrNoSetting = errors.New("no setting of the server")

// ErrArguments says that a command needs more words.
var ErrArguments error = indexError()

// UnknownJail refuses a name that no jail has.
func UnknownJail(name string) error {
	return &pickle.Exception{Module: "fail2ban.exceptions", Class: "UnknownJailException", Args: pytext.Tuple{name}}
}

// DuplicateJail refuses a name that a jail has already (5.3.5).
func DuplicateJail(name string) error {
	return &pickle.Exception{Module: "fail2ban.exceptions", Class: "DuplicateJailException", Args: pytext.Tuple{name}}
}

func indexError() error { return pickle.Builtin("IndexError", "list index out of range") }

func plainError(text string) error { return pickle.Builtin("Exception", text) }

// osClasses are Python's classes for error numbers.
var osClasses = map[syscall.Errno]string{
	syscall.ENOENT: "FileNotFoundError", syscall.EACCES: "PermissionError", syscall.EPERM: "PermissionError",
	syscall.EEXIST: "FileExistsError", syscall.EISDIR: "IsADirectoryError", syscall.ENOTDIR: "NotADirectoryError",
	syscall.EPIPE: "BrokenPipeError",
}

// Exception gives the Python exception that an error is on the wire (5.5.1).
func Exception(err error) *pickle.Exception {
	var e *pickle.Exception
	var refused *jail.Error
	var span *timetext.Error
	var number syscall.Errno
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &refused):
		return fromJail(refused)
	case errors.As(err, &span):
		return pickle.Builtin(span.Class, span.Text)
	case errors.As(err, &number):
		return fromErrno(err, number)
	}
	return pickle.Builtin("Exception", err.Error())
}

func fromJail(err *jail.Error) *pickle.Exception {
	e := pickle.Builtin(err.Class, err.Text)
	if err.Class == "RegexException" {
		e.Module = "fail2ban.server.failregex"
	}
	return e
}

func fromErrno(err error, number syscall.Errno) *pickle.Exception {
	class, ok := osClasses[number]
	if !ok {
		class = "OSError"
	}
	e := pickle.Builtin(class, int(number), ErrnoText(number))
	var path *fs.PathError
	if errors.As(err, &path) {
		e.Args = append(e.Args, path.Path)
	}
	return e
}

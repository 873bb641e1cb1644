package control

import (
	"errors"
	"io/fs"
	"syscall"
	"unicode/utf8"

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

// unencodable is Python's refusal of a text with bytes that are no UTF-8, which it
// holds as lone surrogates; nil for any other text.
func unencodable(text string) error {
	from, to := -1, 0
	for at, i := 0, 0; at < len(text); i++ {
		r, size := utf8.DecodeRuneInString(text[at:])
		bad := r == utf8.RuneError && size == 1
		switch {
		case bad && from < 0:
			from, to = i, i+1
		case bad && to == i:
			to++
		}
		at += size
	}
	if from < 0 {
		return nil
	}
	return pickle.Builtin("UnicodeEncodeError", "utf-8", text, from, to, "surrogates not allowed")
}

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
	var raised interface {
		Exception() (module, class string, args pytext.Tuple)
	}
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &refused):
		return fromJail(refused)
	case errors.As(err, &raised):
		module, class, args := raised.Exception()
		return &pickle.Exception{Module: module, Class: class, Args: args}
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

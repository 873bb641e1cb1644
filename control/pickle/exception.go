package pickle

import (
	"fmt"
	"strings"
	"unicode/utf8"

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
	case e.Class == "UnicodeEncodeError" && len(e.Args) == 5:
		return e.encodeError()
	case e.Class == "JSONDecodeError" && len(e.Args) == 3:
		return e.jsonError()
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

// jsonError adds the place to what is wrong with a document.
func (e *Exception) jsonError() string {
	document, ok := e.Args[1].(string)
	at, isNumber := whole(e.Args[2])
	runes := []rune(document)
	if !ok || !isNumber || at < 0 || at > int64(len(runes)) {
		return pytext.Repr(e.Args)
	}
	before := string(runes[:at])
	line, column := strings.Count(before, "\n")+1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1
	return fmt.Sprintf("%s: line %d column %d (char %d)", pytext.Str(e.Args[0]), line, column, at)
}

// encodeError names the character, or the span, that has no bytes.
func (e *Exception) encodeError() string {
	text, ok1 := e.Args[1].(string)
	from, ok2 := whole(e.Args[2])
	to, ok3 := whole(e.Args[3])
	runes := []rune(text)
	if !ok1 || !ok2 || !ok3 || from < 0 || to <= from || to > int64(len(runes)) {
		return pytext.Repr(e.Args)
	}
	head := "'" + pytext.Str(e.Args[0]) + "' codec can't encode character"
	where := fmt.Sprintf("s in position %d-%d", from, to-1)
	if to == from+1 {
		where = fmt.Sprintf(" %s in position %d", pytext.Repr(part(text, from)), from)
	}
	return head + where + ": " + pytext.Str(e.Args[4])
}

// whole takes an int, as it was made here or came over the wire.
func whole(v any) (int64, bool) {
	if n, ok := v.(int); ok {
		return int64(n), true
	}
	n, ok := v.(int64)
	return n, ok
}

// part is the text's character of that index; a byte that is none counts as one.
func part(text string, index int64) string {
	for text != "" {
		_, size := utf8.DecodeRuneInString(text)
		if index == 0 {
			return text[:size]
		}
		text = text[size:]
		index--
	}
	return ""
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
// them, a JSONDecodeError its document.
func (e *Exception) PyArgs() pytext.Tuple {
	switch {
	case e.isOSError() && len(e.Args) > 2:
		return e.Args[:2]
	case e.Class == "JSONDecodeError" && len(e.Args) == 3:
		return pytext.Tuple{e.jsonError()}
	}
	return e.Args
}

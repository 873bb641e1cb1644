// Package getopt reads command lines the way Python's getopt module does, since
// fail2ban's programs are called so by units, scripts and people: options stand
// before the first word that is none, short flags may be joined, and a long name
// may be cut as long as it stays unique. It hides those rules and their messages.
package getopt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Option is one option as it was found: its full name with the dashes ("-c",
// "--conf") and its value ("" for a flag).
type Option struct{ Name, Value string }

// Error is a bad command line; Msg is the text of Python's GetoptError and Opt
// the option's name without dashes.
type Error struct{ Msg, Opt string }

func (e *Error) Error() string { return e.Msg }

// Parse splits args (without the program's name) into options and the words
// after them. short lists the letters, one that takes a value is followed by a
// colon; a long name that takes a value ends in "=". "--" ends the options.
func Parse(args []string, short string, long []string) ([]Option, []string, error) {
	var opts []Option
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		var err error
		if strings.HasPrefix(arg, "--") {
			opts, args, err = longOption(opts, arg[2:], args, long)
		} else {
			opts, args, err = shortOptions(opts, arg[1:], args, short)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return opts, args, nil
}

func longOption(opts []Option, text string, rest, long []string) ([]Option, []string, error) {
	given, value, hasValue := strings.Cut(text, "=")
	name, takes, err := longName(given, long)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case takes && !hasValue && len(rest) == 0:
		return nil, nil, &Error{fmt.Sprintf("option --%s requires argument", name), name}
	case takes && !hasValue:
		value, rest = rest[0], rest[1:]
	case !takes && hasValue:
		return nil, nil, &Error{fmt.Sprintf("option --%s must not have an argument", name), name}
	}
	return append(opts, Option{"--" + name, value}), rest, nil
}

// longName completes a cut name; an exact name wins over longer ones.
func longName(given string, long []string) (name string, takes bool, err error) {
	var found []string
	for _, l := range long {
		if l == given {
			return given, false, nil
		}
		if l == given+"=" {
			return given, true, nil
		}
		if strings.HasPrefix(l, given) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		return "", false, &Error{fmt.Sprintf("option --%s not recognized", given), given}
	case 1:
		name, takes = strings.CutSuffix(found[0], "=")
		return name, takes, nil
	}
	return "", false, &Error{fmt.Sprintf("option --%s not a unique prefix", given), given}
}

func shortOptions(opts []Option, letters string, rest []string, short string) ([]Option, []string, error) {
	for letters != "" {
		_, size := utf8.DecodeRuneInString(letters)
		letter := letters[:size]
		letters = letters[size:]
		at := strings.Index(short, letter)
		if at < 0 || letter == ":" {
			return nil, nil, &Error{fmt.Sprintf("option -%s not recognized", letter), letter}
		}
		value := ""
		if at+1 < len(short) && short[at+1] == ':' {
			if letters == "" && len(rest) == 0 {
				return nil, nil, &Error{fmt.Sprintf("option -%s requires argument", letter), letter}
			}
			if letters == "" {
				letters, rest = rest[0], rest[1:]
			}
			value, letters = letters, ""
		}
		opts = append(opts, Option{"-" + letter, value})
	}
	return opts, rest, nil
}

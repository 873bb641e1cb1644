package config

import (
	"fmt"

	"f2b-go/internal/pytext"
)

// Severity is a level of fail2ban's log.
type Severity int8

// Severities in rising order.
const (
	Debug Severity = iota
	Info
	Notice
	Warning
	Fault // ERROR
)

// String gives the level's name in fail2ban's log.
func (s Severity) String() string {
	return [...]string{"DEBUG", "INFO", "NOTICE", "WARNING", "ERROR"}[s]
}

// Pos is a place in a file; Line counts from 1, 0 where the whole file is meant.
type Pos struct {
	File string
	Line int
}

// Message is a line that fail2ban logs while it reads, and where its cause
// stands. Pos, Section, Option and Remedy may be empty.
type Message struct {
	Pos
	Severity Severity
	Logger   string // fail2ban's name of the speaker: "fail2ban.jailreader"
	Section  string
	Option   string
	Text     string // fail2ban's words
	Remedy   string
}

// Error ends the reading of a configuration. Text is what fail2ban says; Class
// is the Python class of the exception.
type Error struct {
	Pos
	Class   string
	Section string
	Option  string
	Text    string
	Remedy  string
}

// Error gives the text alone, as fail2ban prints it.
func (e *Error) Error() string { return e.Text }

// repr is Python's repr of the exception: those of configparser print their
// message alone.
func (e *Error) repr() string {
	switch e.Class {
	case "ValueError", "TypeError", "LookupError", "RecursionError":
		return e.Class + "(" + pytext.Repr(e.Text) + ")"
	}
	return e.Text
}

// Message turns the error into the message that fail2ban logs for it.
func (e *Error) Message() Message {
	return Message{Pos: e.Pos, Severity: Fault, Logger: "fail2ban", Section: e.Section, Option: e.Option,
		Text: "Failed during configuration: " + e.Text, Remedy: e.Remedy}
}

func valueError(format string, args ...any) *Error {
	return &Error{Class: "ValueError", Text: fmt.Sprintf(format, args...)}
}

// at adds where an error came from, unless it knows already.
func (e *Error) at(pos Pos, section, option string) *Error {
	if e.File == "" {
		e.Pos = pos
	}
	if e.Section == "" {
		e.Section, e.Option = section, option
	}
	return e
}

// Package action turns tickets into commands: the actions of action.d.
//
// A Command holds an action's properties and does what fail2ban's CommandAction
// does with them (COMPAT 3.5, 4.1 to 4.3): it puts values in the place of tags,
// hands over to the shell what a log line controls as variables instead of
// text, starts itself on demand for each address family, checks and repairs
// what it finds broken. The package hides all of that behind jail.Action.
//
// Making a command's text is apart from running it: a Runner runs, and a
// Recorder only writes down.
package action

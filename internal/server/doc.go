// Package server is fail2ban-server and fail2ban-client as programs: their
// command lines, reading the configuration, starting in the foreground or the
// background, the running server with its jails, reload, signals and the end.
//
// It wires the other packages together and hides in which order things come up
// and go down. Item numbers in comments are those of the compatibility list.
package server

// Package logfmt is fail2ban's log: its line format, its levels and its targets
// behind log/slog. Callers log complete texts through a *slog.Logger that names
// its part in the attribute "logger"; the package hides padding, clock, process
// id, what a target is and how it is reopened, and it keeps hostile text in a
// message from forging a line of its own.
package logfmt

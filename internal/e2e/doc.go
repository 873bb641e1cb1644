// Package e2e holds the tests that run the shipped binary as users do: beside
// Debian's own fail2ban, on whole configurations, with bans in a kernel's rules.
// It has no code of its own.
package e2e

// Package etc_fail2ban is the project's own configuration, embedded.
//
// It hides where the files stand: a server without an /etc/fail2ban, and the
// demo, read them from here; the original fail2ban reads the same files from
// the folder.
package etc_fail2ban //nolint:revive // the folder's name is what users copy

import "embed"

// FS holds fail2ban.conf, jail.conf, jail.local.example, filter.d and action.d.
//
//go:embed fail2ban.conf jail.conf jail.local.example filter.d action.d
var FS embed.FS

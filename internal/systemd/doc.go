// Package systemd is what systemd hands to a service and what it wants to be
// told: sockets that it opened (sd_listen_fds), and messages of the service's
// state (sd_notify).
//
// It hides the environment's variables, the descriptors behind them and the
// datagrams. Without systemd everything here does nothing.
package systemd

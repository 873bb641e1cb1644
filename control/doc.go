// Package control is how a running server is spoken to: the unix socket, the
// table of commands with their replies, and the client's side with its texts.
//
// It hides fail2ban's wire protocol (a pickle and an end marker each way, many
// on one connection), what each command may be given and answers, and how a
// client prints an answer. What the commands act on is an Engine, which the
// server implements on top of its jails.
//
// Item numbers in comments are those of the compatibility list.
package control

// Package mail composes notices of bans and gets them to a mail server.
//
// It hides everything between a ban and a mailbox: an Office keeps a box for
// each way to send, a box gathers notices into digests, keeps to a rate, tries
// again while the server is away and keeps what waits in a spool; a composer
// turns notices into a letter; go-mail speaks with the server. Whoever hands in
// a notice never waits for any of that.
//
// What stands in a notice comes from log lines and whois: it is data, and can
// become neither a header nor a command.
package mail

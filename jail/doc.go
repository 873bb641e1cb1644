// Package jail is the domain: from the lines of a log to the start and the end
// of a ban.
//
// It hides how failures are counted, which of them are ignored, when a ban
// begins, how long it lasts and in which order actions hear of it. What reads
// logs (source), what judges a line (filter), what runs commands (action) and
// what remembers across restarts (store) are reached through small interfaces.
//
// A Jail is set up by its setters, run by Run, and answers commands at any
// time. Every method is safe for concurrent use. Item numbers in comments are
// those of the compatibility list.
package jail

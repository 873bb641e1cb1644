// Package source turns log files into endless lines. It hides rotation,
// truncation, files that come and go, when to look and how far each reader is.
//
// There is one stream for a path, however many jails read it. A stream knows
// the files that stand or stood under the path: the current one, and old ones
// that are kept open until they have been quiet and nobody writes to them any
// more. A file is known by device, inode and the bytes before its last newline,
// never by its name alone: after a rename the old file is read to its end and
// on, after a truncation the unread rest is taken from the copy that holds the
// same bytes, and only then does reading begin at the new file's start.
//
// A subscription is one jail's place in a stream: an offset in each of those
// files. It pulls: while there is something to read, a goroutine of its own
// reads a chunk of whole lines and hands it to the sink, and ends when it has
// caught up. Readers at the same place share what was read, because the last
// chunks of a file stay in a small window while somebody still has to read
// them; a reader that is behind the window (a subscriber that starts earlier,
// a sink that is slow) reads from the file on its own and joins the others when
// it reaches them. So a slow sink holds up nobody, and memory is bounded by
// Budget and by ChunkSize for each active reader.
//
// When to look is separate from what to read. Events of the parent directories
// (inotify) or a timer wake a stream; what it then does is the same. A lost
// event costs time and never a line, since every file is looked at from time to
// time anyway.
//
// Nothing blocks on opening: what is no regular file is refused, before and
// after the open.
package source

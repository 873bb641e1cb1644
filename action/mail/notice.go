package mail

import (
	"crypto/rand"
	"strings"
	"time"
)

const (
	// maxLines and maxLineBytes bound what a notice keeps of log lines.
	maxLines     = 200
	maxLineBytes = 64 << 10
	// maxText bounds any other text in a notice, in bytes.
	maxText = 1 << 10
	// maxAbout bounds what the log says of a notice that cannot be sent.
	maxAbout = 8 << 10
	// maxFields bounds the filter's values in a notice.
	maxFields = 50
)

// Kind is what a notice tells of.
type Kind string

// What a notice tells of: a ban, or a jail's start or stop.
const (
	Banned  Kind = "ban"
	Started Kind = "start"
	Stopped Kind = "stop"
)

// Notice are the facts that a mail tells. Texts may come from a log line: they
// are data.
type Notice struct {
	Kind         Kind
	Jail, Action string
	// IP is the address; ID what is banned, which may be another text. Single is
	// true where IP is one address, so that whois may be asked.
	IP, ID string
	Single bool
	// Time is when the ban began: the last failure. BanTime is its length in
	// seconds, -1 for ever.
	Time     time.Time
	BanTime  float64
	Failures int
	BanCount int
	// Lines are the log lines of the ban, or what else was asked for.
	Lines []string
	// Fields are the filter's values by name, such as user.
	Fields map[string]string
	// About begins the log's line if the mail cannot be sent: what failed.
	About string
	// Queued is when the notice was handed in; the Office fills it in, and ID.
	Queued time.Time
	// Key names the notice in the spool and is part of its mail's Message-ID.
	Key string

	spooled bool // the spool holds it
}

// complete bounds what the notice holds and gives it its key and time.
func (n *Notice) complete(now time.Time) {
	n.IP, n.ID = cut(n.IP, maxText), cut(n.ID, maxText)
	n.About = cut(n.About, maxAbout)
	n.Lines = lastLines(n.Lines)
	for name, value := range n.Fields {
		if n.Fields[name] = cut(value, maxText); len(n.Fields) > maxFields {
			delete(n.Fields, name)
		}
	}
	n.Queued = now
	n.Key = now.UTC().Format("20060102T150405.000000000") + "-" + strings.ToLower(rand.Text()[:16])
}

// lastLines keeps the newest lines that have room.
func lastLines(lines []string) []string {
	room := maxLineBytes
	for i := len(lines) - 1; i >= 0; i-- {
		room -= len(lines[i]) + 1
		if room < 0 || len(lines)-i > maxLines {
			if i == len(lines)-1 {
				return []string{cut(lines[i], maxLineBytes)}
			}
			return lines[i+1:]
		}
	}
	return lines
}

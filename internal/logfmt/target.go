package logfmt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"f2b-go/internal/pytext"
)

// DefaultSyslogSocket is where "auto" finds the system log on Linux.
const DefaultSyslogSocket = "/dev/log"

// DefaultJournalSocket is journald's native socket.
const DefaultJournalSocket = "/run/systemd/journal/socket"

// socketWait bounds how long a line waits for a logger that takes none: after it
// the line is lost, and the program goes on.
const socketWait = 200 * time.Millisecond

// ErrTarget classes the errors of SetTarget: the log stays where it was.
var ErrTarget = errors.New("log target")

// Streams are the process's own outputs.
type Streams struct{ Out, Err io.Writer }

// Options set up a Log.
type Options struct {
	Clock        func() time.Time // nil: time.Now
	PID          int              // the process id in each line
	Streams      Streams          // what STDOUT, SYSOUT and STDERR mean
	SyslogSocket string           // "auto" or a path; "" is "auto"
	// JournalSocket is where SYSTEMD-JOURNAL goes; "" is DefaultJournalSocket.
	JournalSocket string
	// Verbosity is how many -v were given: from two on the lines are other ones,
	// for who looks for a fault.
	Verbosity int
}

// New returns a log at level INFO without a target; it is silent until SetTarget.
func New(o Options) *Log {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.SyslogSocket == "" {
		o.SyslogSocket = "auto"
	}
	if o.JournalSocket == "" {
		o.JournalSocket = DefaultJournalSocket
	}
	l := &Log{
		now: o.Clock, begun: o.Clock(), pid: o.PID, verbosity: o.Verbosity, std: o.Streams,
		syslogSocket: o.SyslogSocket, journalSocket: o.JournalSocket, level: "INFO",
	}
	l.threshold.Store(20)
	return l
}

// target takes finished lines.
type target interface {
	write(line []byte, e entry) error
	// reopen follows a rotation; done is false where nothing needs reopening.
	reopen() (done bool, err error)
	close() error
}

// SetLevel takes a loglevel setting (ParseLevel).
func (l *Log) SetLevel(text string) error {
	number, err := ParseLevel(text)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level = strings.ToUpper(text)
	l.threshold.Store(int64(number))
	return nil
}

// Level returns the setting in capitals, as `get loglevel` does.
func (l *Log) Level() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level
}

// Target returns the current target without its options; "" before the first.
func (l *Log) Target() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name
}

// SyslogSocket returns the syslogsocket setting, resolved once SYSLOG used it.
func (l *Log) SyslogSocket() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.syslogSocket
}

// SetSyslogSocket changes the socket and, where SYSLOG is the target, moves the
// log there at once.
func (l *Log) SetSyslogSocket(path string) error {
	l.mu.Lock()
	old, name := l.syslogSocket, l.name
	l.syslogSocket = path
	l.mu.Unlock()
	if old == path || name != "SYSLOG" {
		return nil
	}
	_, err := l.setTarget(name, true)
	return err
}

// SetTarget sends the log elsewhere: STDOUT, STDERR, SYSOUT, SYSLOG,
// SYSTEMD-JOURNAL, INHERITED or a file, with options in brackets (COMPAT 7.2).
// changed is false when it is there already. On an error, which wraps ErrTarget,
// the log stays where it was.
func (l *Log) SetTarget(spec string) (changed bool, err error) { return l.setTarget(spec, false) }

func (l *Log) setTarget(spec string, force bool) (bool, error) {
	name, opts, err := splitOptions(spec)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	if f, given := opts["facility"]; given && strings.EqualFold(name, "SYSLOG") && !knownFacility(f) {
		l.Logger("fail2ban.server").Error("Unable to set facility " + pytext.Repr(f) + ", using 'DAEMON'")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name == name && !force {
		return false, nil
	}
	if strings.EqualFold(name, "INHERITED") {
		l.name = name
		return false, nil
	}
	form, err := l.formatOf(name, opts)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	out, err := l.open(name, opts)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	if l.out != nil {
		// Its last lines are written; a close that goes wrong loses nothing.
		_ = l.out.close()
	}
	l.out, l.layout, l.name = out, form, name
	return true, nil
}

// formatOf settles the line format from the target and its options.
func (l *Log) formatOf(name string, opts map[string]string) (layout, error) {
	upper := strings.ToUpper(name)
	padding, withTime := upper != "SYSLOG", upper != "SYSLOG" && upper != "SYSOUT"
	if v, ok := opts["padding"]; ok {
		padding = isTrue(v)
	}
	if v, ok := opts["datetime"]; ok {
		withTime = isTrue(v)
	}
	if strings.EqualFold(opts["format"], "json") {
		return layout{{field: fieldJSON, max: -1}}, nil
	}
	if f := opts["format"]; f != "" {
		return compileLayout(f, true)
	}
	if upper == "SYSTEMD-JOURNAL" {
		return compileLayout("%(message)s", true)
	}
	f, timed := defaultLayout, "%(asctime)s "
	switch {
	case l.verbosity > 2:
		f = timedLayout
	case l.verbosity == 2:
		f, timed = verboseLayout, " %(asctime)-15s"
	}
	if !withTime {
		f = strings.TrimPrefix(f, timed)
	}
	return compileLayout(f, padding)
}

func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

func (l *Log) open(name string, opts map[string]string) (target, error) {
	switch strings.ToUpper(name) {
	case "STDOUT", "SYSOUT":
		return stream{l.std.Out}, nil
	case "STDERR":
		return stream{l.std.Err}, nil
	case "SYSLOG":
		if l.syslogSocket == "auto" {
			l.syslogSocket = DefaultSyslogSocket
		}
		return dialSyslog(l.syslogSocket, opts["facility"])
	case "SYSTEMD-JOURNAL":
		return dialJournal(l.journalSocket)
	}
	return openFile(name)
}

// Flush reopens a log file that was rotated, or flushes any other target. what
// is "rolled over" or "flushed", the reply of `flushlogs`; rolled tells whether
// a file was reopened.
func (l *Log) Flush() (what string, rolled bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what = "rolled over"
	switch l.name {
	case "STDERR", "STDOUT", "SYSLOG", "SYSTEMD-JOURNAL":
		what = "flushed"
	}
	if l.out == nil {
		return what, false, nil
	}
	rolled, err = l.out.reopen()
	return what, rolled, err
}

// Close ends the log; later lines go nowhere.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return nil
	}
	out := l.out
	l.out = nil
	return out.close()
}

// stream is STDOUT, SYSOUT or STDERR.
type stream struct{ w io.Writer }

func (s stream) write(line []byte, _ entry) error {
	_, err := s.w.Write(append(line, '\n'))
	return err
}
func (stream) reopen() (bool, error) { return false, nil }
func (stream) close() error          { return nil }

// file is a log file, reopened by name.
type file struct {
	path string
	f    *os.File
}

func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{path, f}, nil
}

func (t *file) write(line []byte, _ entry) error {
	_, err := t.f.Write(append(line, '\n'))
	return err
}

func (t *file) reopen() (bool, error) {
	f, err := os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return false, err
	}
	old := t.f
	t.f = f
	return true, old.Close()
}

func (t *file) close() error { return t.f.Close() }

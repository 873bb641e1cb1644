package logfmt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
)

// facilities are the syslog facilities by the names that logtarget takes.
var facilities = map[string]int{
	"KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7, "UUCP": 8,
	"CRON": 9, "AUTHPRIV": 10, "FTP": 11, "LOCAL0": 16, "LOCAL1": 17, "LOCAL2": 18, "LOCAL3": 19,
	"LOCAL4": 20, "LOCAL5": 21, "LOCAL6": 22, "LOCAL7": 23,
}

// syslogTarget writes datagrams as fail2ban does: priority, message, NUL.
type syslogTarget struct {
	path     string
	facility int
	conn     net.Conn
}

func dialSyslog(path, facility string) (*syslogTarget, error) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("Syslog socket file: %s does not exists or is not a socket", path) //nolint:staticcheck // fail2ban's words
	}
	number, known := facilities[strings.ToUpper(facility)]
	if !known {
		number = facilities["DAEMON"]
	}
	t := &syslogTarget{path: path, facility: number}
	return t, t.dial()
}

func (t *syslogTarget) dial() error {
	conn, err := net.Dial("unixgram", t.path)
	if err != nil {
		conn, err = net.Dial("unix", t.path)
	}
	if err != nil {
		return fmt.Errorf("connecting to the system log: %w", err)
	}
	t.conn = conn
	return nil
}

func (t *syslogTarget) write(line []byte, level slog.Level) error {
	msg := fmt.Appendf(nil, "<%d>%s\x00", t.facility<<3|levels[rank(level)].syslog, line)
	if _, err := t.conn.Write(msg); err == nil {
		return nil
	}
	// The logger was restarted: its socket is a new one.
	_ = t.conn.Close()
	if err := t.dial(); err != nil {
		return err
	}
	_, err := t.conn.Write(msg)
	return err
}

func (t *syslogTarget) reopen() (bool, error) { return false, nil }
func (t *syslogTarget) close() error          { return t.conn.Close() }

// journalTarget speaks journald's native protocol.
type journalTarget struct{ conn net.Conn }

func dialJournal(path string) (*journalTarget, error) {
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return nil, fmt.Errorf("connecting to the journal: %w", err)
	}
	return &journalTarget{conn}, nil
}

func (t *journalTarget) write(line []byte, level slog.Level) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "SYSLOG_IDENTIFIER=fail2ban\nPRIORITY=%d\nMESSAGE\n", levels[rank(level)].journald)
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(line)))
	b.Write(size[:])
	b.Write(line)
	b.WriteByte('\n')
	_, err := t.conn.Write(b.Bytes())
	return err
}

func (t *journalTarget) reopen() (bool, error) { return false, nil }
func (t *journalTarget) close() error          { return t.conn.Close() }

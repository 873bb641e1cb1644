package logfmt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// facilities are the syslog facilities by the names that logtarget takes.
var facilities = map[string]int{
	"KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7, "UUCP": 8,
	"CRON": 9, "AUTHPRIV": 10, "FTP": 11, "LOCAL0": 16, "LOCAL1": 17, "LOCAL2": 18, "LOCAL3": 19,
	"LOCAL4": 20, "LOCAL5": 21, "LOCAL6": 22, "LOCAL7": 23,
}

func knownFacility(name string) bool {
	_, ok := facilities[strings.ToUpper(name)]
	return ok
}

// datagrams is a connection to a logger's socket, made anew when the logger was
// restarted.
type datagrams struct {
	path string
	kind string // of the network, as package net names it
	conn net.Conn
}

// dial connects; a syslog daemon may also listen for a stream.
func dial(path string, kinds ...string) (*datagrams, error) {
	var err error
	for _, kind := range kinds {
		d := &datagrams{path: path, kind: kind}
		if err = d.dial(); err == nil {
			return d, nil
		}
	}
	return nil, err
}

func (d *datagrams) dial() error {
	conn, err := net.Dial(d.kind, d.path)
	if err == nil {
		d.conn = conn
	}
	return err
}

func (d *datagrams) send(msg []byte) error {
	err := d.conn.SetWriteDeadline(time.Now().Add(socketWait))
	if err == nil {
		_, err = d.conn.Write(msg)
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	// The logger was restarted: its socket is a new one.
	_ = d.conn.Close()
	if err := d.dial(); err != nil {
		return err
	}
	_, err = d.conn.Write(msg)
	return err
}

func (*datagrams) reopen() (bool, error) { return false, nil }
func (d *datagrams) close() error        { return d.conn.Close() }

// syslogTarget writes datagrams as fail2ban does: priority, message, NUL.
type syslogTarget struct {
	*datagrams
	facility int
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
	d, err := dial(path, "unixgram", "unix")
	if err != nil {
		return nil, fmt.Errorf("connecting to the system log: %w", err)
	}
	return &syslogTarget{d, number}, nil
}

func (t *syslogTarget) write(line []byte, e entry) error {
	return t.send(fmt.Appendf(nil, "<%d>%s\x00", t.facility<<3|levels[rank(e.level)].syslog, line))
}

// journalTarget speaks journald's native protocol.
type journalTarget struct{ *datagrams }

func dialJournal(path string) (*journalTarget, error) {
	d, err := dial(path, "unixgram")
	if err != nil {
		return nil, fmt.Errorf("connecting to the journal: %w", err)
	}
	return &journalTarget{d}, nil
}

// write sends the fields that fail2ban's journal handler sends and that mean
// something here.
func (t *journalTarget) write(line []byte, e entry) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "SYSLOG_IDENTIFIER=fail2ban\nPRIORITY=%d\nLOGGER=%s\nMESSAGE\n", levels[rank(e.level)].journald, e.logger)
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(line)))
	b.Write(size[:])
	b.Write(line)
	b.WriteByte('\n')
	return t.send(b.Bytes())
}

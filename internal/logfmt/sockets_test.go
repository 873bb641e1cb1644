package logfmt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/logfmt"
)

func listen(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func datagram(t *testing.T, conn *net.UnixConn) []byte {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<17)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// journalFields reads journald's native protocol: NAME=VALUE, or NAME, the
// value's length in 8 bytes and the value.
func journalFields(t *testing.T, msg []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(msg) > 0 {
		line, rest, ok := bytes.Cut(msg, []byte("\n"))
		if !ok {
			t.Fatalf("a field without its end: %q", msg)
		}
		if name, value, ok := bytes.Cut(line, []byte("=")); ok {
			fields[string(name)], msg = string(value), rest
			continue
		}
		n := binary.LittleEndian.Uint64(rest)
		fields[string(line)], msg = string(rest[8:8+n]), rest[8+n+1:]
	}
	return fields
}

// TestJournal_7_1_2 reads what journald would get, over a restart of it.
func TestJournal_7_1_2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	conn := listen(t, path)
	l := logfmt.New(logfmt.Options{Clock: noon, PID: 7, JournalSocket: path})
	t.Cleanup(func() { _ = l.Close() })
	setTarget(t, l, "SYSTEMD-JOURNAL")
	log := l.Logger("fail2ban.actions")
	log.Log(context.Background(), logfmt.LevelNotice, "[j] Ban 192.0.2.1")
	want := map[string]string{"SYSLOG_IDENTIFIER": "fail2ban", "PRIORITY": "4", "LOGGER": "fail2ban.actions", "MESSAGE": "[j] Ban 192.0.2.1"}
	if got := fmt.Sprint(journalFields(t, datagram(t, conn))); got != fmt.Sprint(want) {
		t.Errorf("got %s, want %s", got, fmt.Sprint(want))
	}
	if what, rolled, err := l.Flush(); what != "flushed" || rolled || err != nil {
		t.Errorf("flush: %q %v %v", what, rolled, err)
	}
	for round := range 2 {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		log.Info("while it is down")
		conn = listen(t, path)
		log.Info("after the restart")
		if got := journalFields(t, datagram(t, conn))["MESSAGE"]; got != "after the restart" {
			t.Errorf("restart %d: %q", round, got)
		}
	}
}

// TestStuckLogger: a system logger that takes nothing any more costs lines, not
// the program's time.
func TestStuckLogger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen(t, path)
	l, _ := newLog(t)
	if err := l.SetSyslogSocket(path); err != nil {
		t.Fatal(err)
	}
	setTarget(t, l, "SYSLOG")
	// The kernel keeps a handful of datagrams; then a write would block for ever.
	line := strings.Repeat("x", 60<<10)
	done := make(chan bool)
	go func() {
		for range 12 {
			l.Logger("fail2ban.server").Info(line)
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the program waits for its logger")
	}
}

// TestJSON_target: format=json writes one object a line.
func TestJSON_target(t *testing.T) {
	l, out := newLog(t)
	setTarget(t, l, "STDOUT[format=json]")
	l.Logger("fail2ban.actions").Log(context.Background(), logfmt.LevelNotice, "[ssh-d] Ban 192.0.2.1")
	l.Logger("fail2ban.server").Error(`Unable to log to "<x>"` + "\n\xff\u2028 & more")
	l.Logger("fail2ban.filter").Info("[Definition without an end")
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if object["time"] != "2026-11-22T07:35:59.327Z" || object["pid"] != 13992.0 {
			t.Errorf("%v", object)
		}
		delete(object, "time")
		delete(object, "pid")
		got = append(got, object)
	}
	want := []map[string]any{
		{"level": "NOTICE", "logger": "fail2ban.actions", "jail": "ssh-d", "message": "Ban 192.0.2.1"},
		{"level": "ERROR", "logger": "fail2ban.server", "message": `Unable to log to "<x>"` + `\n` + "\ufffd\u2028 & more"},
		{"level": "INFO", "logger": "fail2ban.filter", "message": "[Definition without an end"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestUnknownFacility is told, and DAEMON taken.
func TestUnknownFacility(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn := listen(t, path)
	l, out := newLog(t)
	setTarget(t, l, "STDERR")
	if err := l.SetSyslogSocket(path); err != nil {
		t.Fatal(err)
	}
	setTarget(t, l, "SYSLOG[facility=nosuch]")
	l.Logger("fail2ban.server").Info("x")
	if got := string(datagram(t, conn)); got != "<30>fail2ban.server[13992]: INFO x\x00" || !strings.Contains(out.String(), "Unable to set facility 'nosuch', using 'DAEMON'") {
		t.Errorf("%q\n%s", got, out)
	}
}

package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Notifier tells systemd of the service's state. Nil tells nobody.
type Notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration
}

// NewNotifier connects to NOTIFY_SOCKET, which children of this process then do
// not see; nil where there is none. An error is about a socket that cannot be
// reached.
func NewNotifier() (*Notifier, error) {
	path := os.Getenv("NOTIFY_SOCKET")
	n := &Notifier{watchdog: watchdogInterval(os.Getenv, os.Getpid())}
	for _, v := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		if err := os.Unsetenv(v); err != nil {
			return nil, err
		}
	}
	if path == "" {
		return nil, nil
	}
	// A leading @ is an abstract name; package net reads it so.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("connecting to NOTIFY_SOCKET: %w", err)
	}
	n.conn = conn
	return n, nil
}

// watchdogInterval is half of the time within which systemd wants a sign of
// life; 0 where it wants none of this process.
func watchdogInterval(getenv func(string) string, pid int) time.Duration {
	if text := getenv("WATCHDOG_PID"); text != "" && text != strconv.Itoa(pid) {
		return 0
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 1 {
		return 0
	}
	return time.Duration(min(usec, int64(time.Hour/time.Microsecond))) * time.Microsecond / 2
}

// Watchdog is how often Alive shall be called; 0 for never.
func (n *Notifier) Watchdog() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// Ready tells that the service, or its reload, is done, and what it does now.
func (n *Notifier) Ready(status string) {
	n.send("READY=1", "MAINPID="+strconv.Itoa(os.Getpid()), "STATUS="+oneLine(status))
}

// Reloading tells that a reload begins; Ready tells its end.
func (n *Notifier) Reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		n.send("RELOADING=1")
		return
	}
	n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000), "STATUS=reloading")
}

// Stopping tells that the service begins to end.
func (n *Notifier) Stopping() { n.send("STOPPING=1", "STATUS=stopping") }

// Alive is the sign of life.
func (n *Notifier) Alive() { n.send("WATCHDOG=1") }

// send drops what systemd does not take: the service matters more.
func (n *Notifier) send(lines ...string) {
	if n == nil || n.conn == nil {
		return
	}
	_, _ = n.conn.Write([]byte(strings.Join(lines, "\n") + "\n"))
}

// Close ends the connection.
func (n *Notifier) Close() {
	if n != nil && n.conn != nil {
		_ = n.conn.Close()
	}
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

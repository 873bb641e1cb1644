package control

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// maxReply bounds a server's answer.
const maxReply = pickle.MaxSize

// Client is a connection to a server, ours or fail2ban's own.
type Client struct {
	conn    net.Conn
	timeout time.Duration // 0: none
}

// Dial connects to the socket at path. timeout bounds the connecting and each
// wait for an answer; 0 waits for ever.
func Dial(path string, timeout time.Duration) (*Client, error) {
	conn, err := net.DialTimeout("unix", path, timeout)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", path, cause(err))
	}
	return &Client{conn: conn, timeout: timeout}, nil
}

// SetTimeout changes the bound of the next waits.
func (c *Client) SetTimeout(d time.Duration) { c.timeout = d }

// Close says goodbye and ends the connection.
func (c *Client) Close() error {
	_ = c.deadline()
	// The server may be gone already; closing matters alone.
	_, _ = c.conn.Write([]byte(closeMark + pickle.Marker))
	return c.conn.Close()
}

func (c *Client) deadline() error {
	if c.timeout == 0 {
		return c.conn.SetDeadline(time.Time{})
	}
	return c.conn.SetDeadline(time.Now().Add(c.timeout))
}

// Send gives one command and returns the server's value. An error is the
// server's *pickle.Exception, or what went wrong on the way.
func (c *Client) Send(command []any) (any, error) {
	data, err := pickle.Encode(command)
	if err != nil {
		return nil, err
	}
	if err := c.deadline(); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(append(data, pickle.Marker...)); err != nil {
		return nil, fmt.Errorf("sending the command: %w", cause(err))
	}
	msg, err := c.receive()
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	reply, err := pickle.DecodeReply(msg)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return Unwrap(reply)
}

// receive reads up to the end marker. An answer comes alone, so the marker
// stands at the end of what was read.
func (c *Client) receive() ([]byte, error) {
	var msg []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := c.conn.Read(buf)
		msg = append(msg, buf[:n]...)
		if data, done := bytes.CutSuffix(msg, []byte(pickle.Marker)); done {
			return data, nil
		}
		switch {
		case err != nil && errors.Is(err, io.EOF):
			return nil, syscall.ECONNRESET
		case err != nil:
			return nil, cause(err)
		case len(msg) > maxReply:
			return nil, fmt.Errorf("%w: an answer of more than %d bytes", pickle.ErrLimit, maxReply)
		}
	}
}

// Unwrap takes a reply apart: (0, value) gives the value, (1, exception) the
// exception as the error.
func Unwrap(reply any) (any, error) {
	pair, ok := reply.(pytext.Tuple)
	if !ok || len(pair) != 2 {
		return nil, fmt.Errorf("the server answers %s", pytext.Repr(reply))
	}
	if code, ok := pair[0].(int64); ok && code == 0 {
		return pair[1], nil
	}
	if e, ok := pair[1].(*pickle.Exception); ok {
		return nil, e
	}
	return nil, fmt.Errorf("the server answers %s", pytext.Repr(reply))
}

// SocketError gives the words for a connection that failed: what to do about it
// depends on whether the socket is there and may be written (5.2). For a ping
// only the cause is told.
func SocketError(path string, err error, ping bool) string {
	if _, statErr := os.Stat(path); statErr != nil {
		return fmt.Sprintf("Failed to access socket path: %s. Is fail2ban running?", path)
	}
	if syscall.Access(path, 2 /* W_OK */) != nil {
		return fmt.Sprintf("Permission denied to socket: %s, (you must be root)", path)
	}
	text := PythonError(err)
	if ping {
		return text
	}
	return fmt.Sprintf("[%s] Unable to contact server. Is it running?", text)
}

// PythonError writes an error of the system as Python does:
// "[Errno 111] Connection refused", "timed out".
func PythonError(err error) string {
	var number syscall.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	case errors.As(err, &number):
		return fmt.Sprintf("[Errno %d] %s", int(number), ErrnoText(number))
	}
	return err.Error()
}

// ErrnoText is the C library's text for an error number.
func ErrnoText(number syscall.Errno) string {
	text := number.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

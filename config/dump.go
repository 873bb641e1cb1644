package config

import (
	"fmt"
	"io"
	"strings"

	"f2b-go/internal/pytext"
)

func upper(s string) string { return strings.ToUpper(s) }

// DumpMode says how -d or --dp prints.
type DumpMode int8

// Modes of Request.Dump.
const (
	NoDump     DumpMode = iota
	PlainDump           // -d
	PrettyDump          // --dp
)

// prettyWidth is the line width of --dp; a shorter command is not broken up.
const (
	prettyWidth = 1000
	prettyShort = 900
)

// Request is what the options -d, --dp and -t of fail2ban-client and -server ask.
type Request struct {
	Dump DumpMode
	Test bool
	// Command tells that words of a command follow the options.
	Command bool
	// Server tells that fail2ban-server asks, which ends without another word where
	// the client logs that its start failed.
	Server bool
	// Given are socket, pidfile, loglevel, logtarget and syslogsocket as far as the
	// command line names them.
	Given map[string]string
}

// Answer does what fail2ban's programs do between reading their options and
// their command: it settles the general values, and prints what -d, --dp and -t
// print. With done the program ends with the exit code; messages went to
// Options.Log.
func (c *Config) Answer(w io.Writer, r Request) (g General, code int, done bool) {
	g, err := c.general(r.Given)
	if err != nil {
		fmt.Fprintf(w, "ERROR: %s\n", err.Text)
		return g, c.refuse(r), true
	}
	code, done = c.DumpAndTest(w, g, r)
	return g, code, done
}

// DumpAndTest is the second half of Answer, for general values that are settled.
func (c *Config) DumpAndTest(w io.Writer, g General, r Request) (code int, done bool) {
	if r.Dump == NoDump && !r.Test {
		return 0, false
	}
	c.forgetJails()
	parts, good, err := c.streamParts(StreamOptions{Given: g.given(), Strict: r.Test, MissingLogs: r.Dump != NoDump, dump: r.Dump == PlainDump})
	if err != nil {
		c.log(err.Message())
	}
	if r.Dump != NoDump {
		if err != nil {
			fmt.Fprintln(w, "ERROR: The configuration stream failed because of the invalid syntax.")
		} else {
			printParts(w, parts, r.Dump == PrettyDump)
		}
		if !r.Test {
			return c.verdict(good, r), true
		}
	}
	if !r.Command {
		if good {
			fmt.Fprintln(w, "OK: configuration test is successful")
			return 0, true
		}
		fmt.Fprintln(w, "ERROR: test configuration failed")
		return 255, true
	}
	if !good {
		c.log(Message{Severity: Fault, Logger: "fail2ban", Text: "ERROR: test configuration failed"})
		return 255, true
	}
	return 0, false
}

// forgetJails makes the jails be read again, as fail2ban does before -d and -t.
func (c *Config) forgetJails() {
	general := c.readers["fail2ban"]
	c.forget()
	if general != nil {
		c.readers["fail2ban"] = general
	}
}

func (c *Config) verdict(good bool, r Request) int {
	if good {
		return 0
	}
	return c.refuse(r)
}

func (c *Config) refuse(r Request) int {
	if !r.Server && (!r.Test || r.Command) {
		c.log(Message{Severity: Fault, Logger: "fail2ban", Text: "Init of command line failed"})
	}
	return 255
}

// Print writes a stream, one Python list a line; pretty breaks long ones up.
func Print(w io.Writer, stream [][]any, pretty bool) {
	printParts(w, []streamPart{{commands: stream}}, pretty)
}

func printParts(w io.Writer, parts []streamPart, pretty bool) {
	buf := make([]byte, 0, printSize+printSize/4)
	for _, p := range parts {
		if p.text != nil {
			buf = flushed(w, append(buf, p.text...))
			continue
		}
		for _, cmd := range p.commands {
			buf = flushed(w, appendCommand(buf, cmd, pretty))
		}
	}
	_, _ = w.Write(buf)
}

// flushed writes out what has become long enough; like fail2ban it minds no broken
// pipe.
func flushed(w io.Writer, buf []byte) []byte {
	if len(buf) < printSize {
		return buf
	}
	_, _ = w.Write(buf)
	return buf[:0]
}

// appendCommand adds a command's line.
func appendCommand(buf []byte, cmd []any, pretty bool) []byte {
	start := len(buf)
	if buf = pytext.AppendList(buf, cmd); pretty && len(buf)-start > prettyShort {
		buf = append(buf[:start], pytext.Pretty(cmd, prettyWidth, 2)...)
	}
	return append(buf, '\n')
}

// printSize is from how many bytes on a stream is written out.
const printSize = 32 << 10

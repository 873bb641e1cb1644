package config

import (
	"fmt"
	"unicode"

	"f2b-go/internal/pytext"
)

// earlySpecs are what a client needs before it reads all (fail2ban.conf).
var earlySpecs = []spec{
	{kindText, "socket", "/var/run/fail2ban/fail2ban.sock"},
	{kindText, "pidfile", "/var/run/fail2ban/fail2ban.pid"},
	{kindText, "loglevel", "INFO"},
	{kindText, "logtarget", "/var/log/fail2ban.log"},
	{kindText, "syslogsocket", "auto"},
}

var generalSpecs = []spec{
	{kindText, "loglevel", "INFO"},
	{kindText, "logtarget", "STDERR"},
	{kindText, "syslogsocket", "auto"},
	{kindText, "allowipv6", "auto"},
	{kindText, "dbfile", "/var/lib/fail2ban/fail2ban.sqlite3"},
	{kindInt, "dbmaxmatches", nil},
	{kindText, "dbpurgeage", "1d"},
}

var threadSpecs = []spec{{kindInt, "stacksize", nil}}

// General is what client and server need to find each other and to log, from
// the command line or else from fail2ban.conf.
type General struct {
	Socket, PidFile, LogLevel, LogTarget, SyslogSocket string
	// ReportVersion is f2b-go's own option report_version; empty where it is not set.
	ReportVersion string
	// SocketGroup is f2b-go's own option socket_group; empty where it is not set.
	SocketGroup string
}

// given are the settled values as if the command line had named them all.
func (g General) given() map[string]string {
	return map[string]string{"socket": g.Socket, "pidfile": g.PidFile, "loglevel": g.LogLevel, "logtarget": g.LogTarget, "syslogsocket": g.SyslogSocket}
}

// General reads what client and server need at first. given are the values of
// the command line under their names (socket, pidfile, loglevel, logtarget,
// syslogsocket); fail2ban.conf is only read if one of them is missing. Errors
// are of type *Error.
func (c *Config) General(given map[string]string) (General, error) {
	g, err := c.general(given)
	if err != nil {
		return g, err
	}
	return g, nil
}

func (c *Config) general(given map[string]string) (General, *Error) {
	found := &optionSet{}
	for _, s := range earlySpecs {
		if _, ok := given[s.name]; ok {
			continue
		}
		if err := c.readGeneral(); err != nil {
			return General{}, err
		}
		opts, err := c.readers["fail2ban"].options(definition, asks{specs: earlySpecs, convert: true})
		if err != nil {
			return General{}, err
		}
		found = opts
		break
	}
	value := func(name string) string {
		if v, ok := given[name]; ok {
			return v
		}
		t, _ := found.text(name)
		return t
	}
	g := General{Socket: value("socket"), PidFile: value("pidfile"), LogLevel: value("loglevel"), LogTarget: value("logtarget"), SyslogSocket: value("syslogsocket")}
	g.ReportVersion, g.SocketGroup = c.own("report_version"), c.own("socket_group")
	return g, checkLevel(g.LogLevel)
}

// Own reads f2b-go's own options only, of a configuration that may be missing: a
// server that its client starts is given all others.
func (c *Config) Own() (reportVersion, socketGroup string) {
	if err := c.readGeneral(); err != nil {
		return "", ""
	}
	return c.own("report_version"), c.own("socket_group")
}

// own reads an option that fail2ban does not have, "" where it is not set or
// the file was not read.
func (c *Config) own(option string) string {
	r := c.readers["fail2ban"]
	if r == nil || !r.hasSection(definition) {
		return ""
	}
	v, err := r.get(definition, option, nil)
	if err != nil {
		return ""
	}
	text, _ := v.(string)
	return text
}

func (c *Config) readGeneral() *Error {
	return c.mustRead("fail2ban", "Read fail2ban configuration failed.")
}

func (c *Config) readJails() *Error {
	return c.mustRead("jail", "Read jails configuration failed.")
}

// mustRead reads a configuration without which fail2ban does not start.
func (c *Config) mustRead(name, failed string) *Error {
	r, err := c.read(name)
	if err == nil && !r.ok {
		err = &Error{Class: "LookupError", Pos: Pos{File: joinPath(c.dir, name) + ".conf"}, Text: failed}
	}
	return err
}

// generalStream gives the commands of fail2ban.conf (1.8.1).
func (c *Config) generalStream(given map[string]string) ([][]any, *Error) {
	early, err := c.general(given)
	if err != nil {
		return nil, err
	}
	r := c.readers["fail2ban"]
	opts, err := r.options(definition, asks{specs: generalSpecs, convert: true})
	if err != nil {
		return nil, err
	}
	opts.set("loglevel", early.LogLevel)
	opts.set("logtarget", early.LogTarget)
	opts.set("syslogsocket", early.SyslogSocket)
	if r.hasSection("Thread") {
		thread, err := r.options("Thread", asks{specs: threadSpecs, convert: true})
		if err != nil {
			return nil, err
		}
		if len(thread.list) > 0 {
			opts.set("thread", thread.dict())
		}
	}
	return sortGeneral(opts), nil
}

// levels are the names that fail2ban takes for a log level.
var levels = map[string]bool{"CRITICAL": true, "FATAL": true, "ERROR": true, "WARNING": true, "WARN": true, "NOTICE": true,
	"INFO": true, "MSG": true, "DEBUG": true, "TRACEDEBUG": true, "HEAVYDEBUG": true, "NOTSET": true}

// checkLevel judges a log level: a known name in any case, or a number.
func checkLevel(level string) *Error {
	if levels[upper(level)] || level != "" && isDigits(level) {
		return nil
	}
	return &Error{Class: "ValueError", Section: definition, Option: "loglevel", Text: fmt.Sprintf("Invalid log level %s", pytext.Repr(level)),
		Remedy: "use CRITICAL, ERROR, WARNING, NOTICE, INFO or DEBUG"}
}

func isDigits(s string) bool {
	for _, r := range s {
		if !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

package server

import (
	"fmt"
	"time"

	"f2b-go/internal/getopt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
)

// The options of both programs (5.1).
const shortOptions = "hc:s:p:xfbdtviqV"

var longOptions = []string{"loglevel=", "logtarget=", "syslogsocket=", "test", "async", "conf=", "pidfile=", "pname=",
	"socket=", "timeout=", "str2sec=", "help", "version", "dp", "dump-pretty", "json"}

// defaultTimeout is how long a client waits for a server to come up.
const defaultTimeout = 30 * time.Second

// options are a command line taken apart. Texts that were not given are "".
type options struct {
	conf         string
	socket       string
	pidfile      string
	pname        string
	loglevel     string
	logtarget    string
	syslogsocket string

	dump, pretty, test   bool
	interactive, force   bool
	foreground, async    bool
	help                 bool
	json                 bool   // replies as JSON
	version, versionOnly bool   // --version, -V
	seconds              string // --str2sec
	toSeconds            bool
	verbose              int // 1 is normal
	timeout              time.Duration

	words []string // the command
}

// parseOptions reads a command line without the program's name.
func parseOptions(args []string) (*options, error) {
	found, words, err := getopt.Parse(args, shortOptions, longOptions)
	if err != nil {
		return nil, err
	}
	o := &options{verbose: 1, timeout: defaultTimeout, words: words}
	for _, f := range found {
		if err := o.take(f.Name, f.Value); err != nil {
			return nil, err
		}
		if o.help || o.version || o.versionOnly || o.toSeconds {
			return o, nil
		}
	}
	return o, nil
}

func (o *options) take(name, value string) error {
	switch name {
	case "-c", "--conf":
		o.conf = value
	case "-s", "--socket":
		o.socket = value
	case "-p", "--pidfile":
		o.pidfile = value
	case "--pname":
		o.pname = value
	case "--loglevel":
		o.loglevel = value
	case "--logtarget":
		o.logtarget = value
	case "--syslogsocket":
		o.syslogsocket = value
	case "--timeout":
		d, err := secondsOf(value)
		if err != nil {
			return &valueError{err.Error()}
		}
		o.timeout = time.Duration(d * float64(time.Second))
	case "--str2sec":
		o.toSeconds, o.seconds = true, value
	default:
		o.flag(name)
	}
	return nil
}

func (o *options) flag(name string) {
	switch name {
	case "-d":
		o.dump, o.pretty = true, false
	case "--dp", "--dump-pretty":
		o.dump, o.pretty = true, true
	case "-t", "--test":
		o.test = true
	case "-v":
		o.verbose++
	case "-q":
		o.verbose--
	case "-x":
		o.force = true
	case "-i":
		o.interactive = true
	case "-b":
		o.foreground = false
	case "-f":
		o.foreground = true
	case "--json":
		o.json = true
	case "--async":
		o.async = true
	case "-h", "--help":
		o.help = true
	case "-V":
		o.versionOnly = true
	case "--version":
		o.version = true
	}
}

// valueError is an option's bad value: fail2ban prints "ERROR: text".
type valueError struct{ text string }

func (e *valueError) Error() string { return e.text }

// secondsOf reads a time such as 1d3h as Python number of seconds.
func secondsOf(text string) (float64, error) {
	v, err := timetext.Python(text)
	if err != nil {
		return 0, err
	}
	switch n := v.(type) {
	case int64:
		return float64(n), nil
	case float64:
		return n, nil
	}
	return 0, fmt.Errorf("%s is no time", pytext.Repr(text))
}

package server

import (
	"errors"
	"net"
	"os"
	"strings"
	"sync"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// getenv is the environment, for a locale's encoding.
func getenv(name string) string { return os.Getenv(name) }

// settings are the server's own, beside those of the log.
type settings struct {
	mu        sync.Mutex
	allowIPv6 any
	stack     int64
}

// setting is a row of `get WORD` and `set WORD VALUE`.
type setting struct {
	get func(e *engine) any
	set func(e *engine, value any) (any, error)
	// memory marks settings that mean nothing without a database.
	memory bool
}

// serverSettings is the table of the server's settings (5.3).
var serverSettings = map[string]setting{
	"loglevel": {get: func(e *engine) any { return e.log.Level() }, set: (*engine).setLogLevel},
	"logtarget": {
		get: func(e *engine) any { return e.log.Target() },
		set: func(e *engine, v any) (any, error) {
			switch err := e.setLogTarget(pytext.Str(v)); {
			case errors.Is(err, logfmt.ErrOptions):
				return nil, pickle.Builtin("ValueError", logfmt.ErrOptions.Error())
			case err != nil:
				return nil, pickle.Builtin("Exception", "Failed to change log target")
			}
			return e.log.Target(), nil
		},
	},
	"syslogsocket": {get: func(e *engine) any { return e.log.SyslogSocket() }, set: (*engine).setSyslogSocket},
	"allowipv6":    {set: (*engine).setAllowIPv6},
	"thread":       {get: (*engine).thread, set: (*engine).setThread},
	"dbfile":       {get: func(e *engine) any { return e.database.file() }, set: (*engine).setDBFile},
	"dbmaxmatches": {get: (*engine).dbMaxMatches, set: (*engine).setDBMaxMatches, memory: true},
	"dbpurgeage":   {get: (*engine).dbPurgeAge, set: (*engine).setDBPurgeAge, memory: true},
}

// Get replies `get WORD`.
func (e *engine) Get(word string) (any, error) {
	s, ok := serverSettings[word]
	if !ok || s.get == nil {
		return nil, control.ErrNoSetting
	}
	return s.get(e), nil
}

// Set replies `set WORD VALUE`.
func (e *engine) Set(word string, args []any) (any, error) {
	s, ok := serverSettings[word]
	switch {
	case !ok:
		return nil, control.ErrNoSetting
	case s.memory && e.database.jailStore() == nil:
		return nil, nil
	case len(args) == 0:
		return nil, control.ErrArguments
	}
	return s.set(e, args[0])
}

// keep remembers the settings that a reload may change before it fails, and
// returns what brings them back.
func (s *settings) keep(e *engine) (undo func()) {
	s.mu.Lock()
	level, target, ipv6, database := e.log.Level(), e.log.Target(), s.allowIPv6, e.database.keep()
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.allowIPv6 = ipv6
		s.mu.Unlock()
		e.ipv6.set(ipv6)
		database()
		// Both held before.
		_ = e.log.SetLevel(level)
		_ = e.setLogTarget(target)
	}
}

func (e *engine) setLogLevel(v any) (any, error) {
	if err := e.log.SetLevel(strings.ToUpper(pytext.Str(v))); err != nil {
		return nil, pickle.Builtin("ValueError", err.Error())
	}
	return e.log.Level(), nil
}

func (e *engine) setLogTarget(spec string) error {
	before := e.log.Target()
	changed, err := e.log.SetTarget(spec)
	if err != nil {
		e.say.Error("Unable to log to " + pytext.Repr(spec) + ": " + err.Error())
		e.say.Info("Logging to previous target " + pytext.Repr(before))
		return err
	}
	if changed && before != "" {
		name := e.log.Target()
		if name == "SYSLOG" {
			name += " (" + e.log.SyslogSocket() + ")"
		}
		e.say.Info("Start Fail2ban v" + e.version)
		e.say.Info("Changed logging target to " + name + " for Fail2ban v" + e.version)
	}
	return nil
}

func (e *engine) setSyslogSocket(v any) (any, error) {
	// Where the log cannot go there it stays, and the setting holds all the same.
	if err := e.log.SetSyslogSocket(pytext.Str(v)); err != nil {
		e.say.Error(err.Error())
	}
	return e.log.SyslogSocket(), nil
}

// FlushLogs reopens the log.
func (e *engine) FlushLogs() string {
	what, rolled, err := e.log.Flush()
	switch {
	case err != nil:
		e.say.Error("Unable to reopen the log: " + err.Error())
	case rolled:
		e.say.Info("rollover performed on " + e.log.Target())
	default:
		e.say.Info("flush performed on " + e.log.Target())
	}
	return what
}

func (e *engine) setAllowIPv6(v any) (any, error) {
	e.settings.mu.Lock()
	e.settings.allowIPv6 = v
	e.settings.mu.Unlock()
	e.ipv6.set(v)
	return v, nil
}

func (e *engine) thread() any {
	e.settings.mu.Lock()
	defer e.settings.mu.Unlock()
	return pytext.Dict{{Key: "stacksize", Value: e.settings.stack}}
}

// setThread keeps the stack size for `get thread`; there are no threads that
// would need one.
func (e *engine) setThread(v any) (any, error) {
	d, ok := v.(pytext.Dict)
	if !ok {
		return nil, pickle.Builtin("AttributeError", "'str' object has no attribute 'items'")
	}
	for _, it := range d {
		if it.Key != "stacksize" {
			return nil, pickle.Builtin("KeyError", "unknown option "+pytext.Repr(it.Key))
		}
		n, err := wholeNumber(it.Value)
		if err != nil {
			return nil, err
		}
		e.settings.mu.Lock()
		e.settings.stack = n
		e.settings.mu.Unlock()
	}
	return nil, nil
}

// wholeNumber is Python's int(value).
func wholeNumber(v any) (int64, error) {
	switch n := v.(type) {
	case int64:
		return n, nil
	case int:
		return int64(n), nil
	case float64:
		return int64(n), nil
	}
	n, ok := pytext.ParseInt(pytext.Str(v))
	if !ok {
		return 0, pickle.Builtin("ValueError", "invalid literal for int() with base 10: "+pytext.Repr(v))
	}
	return n, nil
}

// ipv6Policy answers whether IPv6 is used (2.10.9).
type ipv6Policy struct {
	mu     sync.Mutex
	forced *bool
}

// set takes allowipv6: "auto" or a truth value.
func (p *ipv6Policy) set(v any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forced = nil
	text := strings.ToLower(pytext.Str(v))
	if v == nil || text == "auto" {
		return
	}
	on := text == "1" || text == "on" || text == "true" || text == "yes"
	p.forced = &on
}

// allowed asks the setting, else the kernel, else the interfaces.
func (p *ipv6Policy) allowed() bool {
	p.mu.Lock()
	forced := p.forced
	p.mu.Unlock()
	if forced != nil {
		return *forced
	}
	if data, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/disable_ipv6"); err == nil {
		return strings.TrimSpace(string(data)) == "0"
	}
	addrs, err := net.InterfaceAddrs()
	for _, a := range addrs {
		if strings.Contains(a.String(), ":") {
			return true
		}
	}
	return err != nil
}

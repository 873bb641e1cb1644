package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"f2b-go/config"
	"f2b-go/control"
	"f2b-go/internal/getopt"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
)

// Exit codes of fail2ban's programs.
const (
	exitOK     = 0
	exitFailed = 255
)

// Names of the programs; they stand in usage texts.
const (
	ServerName = "fail2ban-server"
	ClientName = "fail2ban-client"
)

// Program is one call of fail2ban-server or fail2ban-client.
type Program struct {
	Name string   // ServerName or ClientName: which of the two it is
	Args []string // without the program's name
	In   io.Reader
	Out  io.Writer
	Err  io.Writer
	// Fallback is the configuration that is read where there is no -c and no
	// /etc/fail2ban; nil for none (then a missing folder is an error).
	Fallback fs.FS

	opt     *options
	general general
	printed *printed       // Out, for replies
	cfg     *config.Config // what the last readConfig read
	replied bool           // a reply, or the failure, was printed
	later   []any          // commands for a stream's logs that may come later
	leftOut bool           // a start goes on without some jail
	log     *logfmt.Log    // what the client's side says, on Err
	say     *slog.Logger   // as "fail2ban"
	embed   bool           // the fallback is in use
	home    string         // where the configuration is without -c; empty is config.DefaultDir
}

// Main runs the program and returns its exit code (5.1.4).
func Main(p Program) int {
	err := p.run()
	if p.printed.err != nil {
		p.note("printing: " + p.printed.err.Error())
	}
	if err != nil || p.printed.err != nil {
		return exitFailed
	}
	return exitOK
}

// printed remembers the first failure to write what somebody asked for, say onto a
// full disk.
type printed struct {
	w   io.Writer
	err error
}

func (o *printed) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// errTold is a failure that has been told already.
var errTold = errors.New("told")

func (p *Program) run() error {
	p.printed = &printed{w: p.Out}
	opt, err := parseOptions(p.Args)
	var bad *getopt.Error
	var value *valueError
	switch {
	case errors.As(err, &bad):
		return p.badUse()
	case errors.As(err, &value):
		p.print("ERROR: " + value.Error())
		p.note("Init of command line failed")
		return errTold
	case err != nil:
		return err
	}
	p.opt = opt
	if p.home == "" {
		p.home = config.DefaultDir
	}
	if done, err := p.answerAtOnce(); done {
		return err
	}
	p.openLog()
	defer func() { _ = p.log.Close() }()
	if err := p.readGeneral(); err != nil {
		p.print("ERROR: " + err.Error())
		if hint := place(err); hint != "" || p.Name == ClientName {
			p.say.Error("Init of command line failed" + hint)
		}
		return errTold
	}
	done, err := p.dumpAndTest()
	if !done {
		err = p.dispatch()
	}
	code := exitOK
	if err != nil {
		code = exitFailed
	}
	p.say.Debug(fmt.Sprintf("Exit with code %d", code))
	return err
}

// badUse prints the usage.
func (p *Program) badUse() error {
	p.usage()
	if p.Name == ClientName {
		p.note("Init of command line failed")
	}
	return errTold
}

func (p *Program) print(text string) { fmt.Fprintln(p.printed, text) }

// note tells on standard error before the log is set up.
func (p *Program) note(text string) { fmt.Fprintln(p.Err, text) }

// answerAtOnce does the options that ask for one thing.
func (p *Program) answerAtOnce() (done bool, err error) {
	switch {
	case p.opt.help:
		p.usage()
	case p.opt.version:
		p.print("Fail2Ban v" + Reported)
	case p.opt.versionOnly:
		p.print(Reported)
	case p.opt.toSeconds:
		v, err := timetext.Python(p.opt.seconds)
		if err != nil {
			p.print("ERROR: " + err.Error())
			p.note("Init of command line failed")
			return true, errTold
		}
		p.print(pytext.Str(v))
	default:
		return false, nil
	}
	return true, nil
}

// verbosity is the level of the client's messages, by -v and -q.
var verbosity = []string{"ERROR", "WARNING", "INFO", "DEBUG", "HEAVYDEBUG"}

func (p *Program) openLog() {
	p.log = logfmt.New(logfmt.Options{PID: os.Getpid(), Streams: logfmt.Streams{Out: p.Out, Err: p.Err}, Verbosity: p.opt.verbose - 1})
	// Neither can fail with these words.
	_, _ = p.log.SetTarget("STDERR")
	_ = p.log.SetLevel(verbosity[min(max(p.opt.verbose, 0), len(verbosity)-1)])
	p.say = p.log.Logger("fail2ban")
}

// dumpAndTest does -d, --dp and -t.
func (p *Program) dumpAndTest() (done bool, err error) {
	ask := config.Request{Test: p.opt.test, Command: len(p.opt.words) > 0, Server: p.Name == ServerName}
	switch {
	case p.opt.pretty:
		ask.Dump = config.PrettyDump
	case p.opt.dump:
		ask.Dump = config.PlainDump
	}
	if ask.Dump == config.NoDump && !ask.Test {
		return false, nil
	}
	// So little memory is worth no collection, which costs as much as the reading.
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(uncollected)
	g := config.General{Socket: p.general.socket, PidFile: p.general.pidfile, LogLevel: p.general.loglevel,
		LogTarget: p.general.logtarget, SyslogSocket: p.general.syslogsocket}
	code, done := p.cfg.DumpAndTest(p.printed, g, ask)
	if code != exitOK {
		return done, errTold
	}
	if !done {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
	return done, nil
}

// uncollected is how many bytes -d and -t may take before memory is collected.
const uncollected = 64 << 20

// dispatch goes on as server or as client: fail2ban-server with a command other
// than start is a client (5.2.1).
func (p *Program) dispatch() (err error) {
	words := p.opt.words
	onlyStart := len(words) == 1 && words[0] == "start" && !p.opt.interactive
	switch {
	case p.Name == ServerName && p.opt.async && len(words) == 0:
		return p.serveAsync()
	case p.Name == ServerName && (onlyStart || len(words) == 0 && !p.opt.interactive):
		return p.start()
	case p.opt.interactive:
		return p.interact()
	case len(words) == 0:
		p.usage()
		return errTold
	}
	err = p.command(words)
	if err != nil && p.opt.json && !p.replied {
		p.print(control.JSONError(err, "the command failed, standard error says why"))
	}
	return err
}

// absolute makes a file's path independent of the working directory, which a
// server in the background leaves.
func absolute(path string) string {
	if strings.Contains(path, "[") || path == "" {
		return path
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

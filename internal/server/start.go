package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/systemd"
)

// daemonMark in the environment tells a server that it runs in the background
// already, in a session of its own.
const daemonMark = "F2B_GO_BACKGROUND"

// pingLimit is how long a server may take to say that it is there.
const pingLimit = 2 * time.Second

// start starts a server, in the background or here (5.2).
func (p *Program) start() error {
	stream, err := p.prepareStart()
	switch {
	case err != nil && p.Name == ServerName:
		p.say.Error("Async configuration of server failed")
		return err
	case err != nil:
		return err
	case p.opt.foreground:
		return p.startHere(stream)
	}
	return p.startBehind(stream)
}

// prepareStart reads the configuration where a server may start; else it tells
// why none may.
func (p *Program) prepareStart() (stream []any, err error) {
	handed := systemd.Handed()
	if !handed && p.alive(pingLimit) {
		return nil, p.tellRunning()
	}
	if stream, err = p.readConfig(readOptions{jail: allJails, start: true}); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(p.general.socket); err == nil && !p.opt.force && !handed {
		if p.alive(pingLimit) { // it began while the configuration was read
			return nil, p.tellRunning()
		}
		p.say.Error("Fail2ban seems to be in unexpected state (not running but the socket exists)")
		p.say.Debug("the option -x replaces the socket " + p.general.socket)
		return nil, errTold
	}
	return stream, nil
}

// tellRunning says that there is a server.
func (p *Program) tellRunning() error {
	p.say.Error("Server already running")
	return errTold
}

// startHere runs the server in this process until it ends.
func (p *Program) startHere(stream []any) error {
	err := serve(p.serveOptions(false), func(r *running) error {
		if err := p.configure(r, stream); err != nil {
			return err
		}
		p.cfg, p.later, stream = nil, nil, nil // the server runs on without
		p.print("Server ready")
		return nil
	})
	if err != nil {
		p.tellStartError(err)
		return errTold
	}
	return nil
}

// configure runs the configuration's commands. A jail that is refused is told,
// with the place of its fault, and left out; where none is left, the server ends.
func (p *Program) configure(r *running, stream []any) error {
	_, err := r.table.Do(background(), []any{"server-stream", stream, p.later})
	if err == nil {
		return nil
	}
	for _, text := range p.faults(stream, isLeftOut) {
		p.say.Error(text)
		r.engine.say.Error(text)
	}
	if len(r.engine.Jails()) == 0 {
		return err
	}
	return nil
}

// tellStartError says on the terminal why there is no server, where the log is
// not the terminal.
func (p *Program) tellStartError(err error) {
	text := err.Error()
	var refused *pickle.Exception
	if e := control.Exception(err); errors.As(err, &refused) {
		text = "NOK: " + pytext.Repr(e.PyArgs())
	}
	switch strings.ToUpper(p.general.logtarget) {
	case "STDOUT", "STDERR", "SYSOUT":
	default:
		text += " (see " + p.general.logtarget + ")"
	}
	p.say.Error("Could not start server: " + strings.TrimPrefix(text, "Could not start server: "))
}

func (p *Program) serveOptions(daemon bool) serveOptions {
	return serveOptions{
		socket: p.general.socket, pidfile: p.general.pidfile, pname: p.opt.pname,
		loglevel: p.general.loglevel, logtarget: p.general.logtarget, syslogsocket: p.general.syslogsocket,
		socketGroup: p.general.socketGroup, version: p.general.version, verbosity: p.opt.verbose - 1, force: p.opt.force, daemon: daemon,
		streams: logfmt.Streams{Out: p.Out, Err: p.Err},
	}
}

// serveAsync is the server that a client starts: it waits for its configuration
// on the socket.
func (p *Program) serveAsync() error {
	daemon := os.Getenv(daemonMark) != ""
	if !daemon && !p.opt.foreground {
		_, _, err := p.spawn()
		return err
	}
	if err := os.Unsetenv(daemonMark); err != nil {
		return err
	}
	err := serve(p.serveOptions(daemon), func(*running) error { return nil })
	if err != nil {
		p.say.Error("Could not start server: " + err.Error())
		return errTold
	}
	return nil
}

// startBehind starts a server in the background, hands it the configuration and
// tells when it is ready.
func (p *Program) startBehind(stream []any) error {
	pid, died, err := p.spawn()
	if err != nil {
		p.say.Error("Exception while starting server background: " + err.Error())
		return errTold
	}
	err = p.waitFor(true, died)
	if other, pidErr := control.ServerPID(p.general.socket); pidErr == nil && other != pid {
		return p.tellRunning() // another start was quicker
	}
	if err != nil {
		p.say.Error(err.Error())
		p.say.Error("Could not find server, waiting failed: see " + p.general.logtarget)
		return errTold
	}
	failed := p.ask([]any{"server-stream", stream, p.later}, false, 0)
	if err := p.ask([]any{"server-status"}, true, 0); err != nil {
		return err
	}
	if failed != nil {
		p.explain(stream, isLeftOut)
	}
	if failed == nil && p.leftOut {
		return errTold
	}
	return failed
}

// spawn runs this program once more, in a session of its own, as a server that
// waits for its configuration. died tells when it ends before we do.
func (p *Program) spawn() (pid int, died <-chan error, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, nil, fmt.Errorf("finding this program: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	cmd := exec.Command(exe)
	cmd.Args = append([]string{ServerName}, p.daemonArgs()...)
	cmd.Env = append(os.Environ(), daemonMark+"=1")
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, nil, fmt.Errorf("starting the server: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if err == nil {
			err = errors.New("without a word")
		}
		ended <- err
	}()
	return cmd.Process.Pid, ended, nil
}

func (p *Program) daemonArgs() []string {
	g := p.general
	target := g.logtarget
	switch strings.ToUpper(target) {
	case "STDOUT", "STDERR", "SYSOUT", "SYSLOG", "SYSTEMD-JOURNAL", "INHERITED":
	default:
		target = absolute(target)
	}
	args := []string{"--async", "-b", "-s", absolute(g.socket), "-p", absolute(g.pidfile),
		"--loglevel", g.loglevel, "--logtarget", target, "--syslogsocket", g.syslogsocket}
	if p.opt.force {
		args = append(args, "-x")
	}
	if p.opt.pname != "" {
		args = append(args, "--pname", p.opt.pname)
	}
	if p.opt.conf != "" {
		args = append(args, "-c", absolute(p.opt.conf))
	}
	if n := p.opt.verbose - 1; n > 0 {
		args = append(args, "-"+strings.Repeat("v", n))
	}
	return args
}

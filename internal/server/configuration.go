package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"f2b-go/config"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// general is what client and server need to find each other and to log.
type general struct {
	socket, pidfile                   string
	loglevel, logtarget, syslogsocket string
	version                           string // what `version` replies
	socketGroup                       string // whose members may read; "" for nobody
}

// background is the context of work that nobody waits for in vain.
func background() context.Context { return context.Background() }

// configuration opens the configuration of this call.
func (p *Program) configuration() *config.Config {
	opt := config.Options{Dir: p.opt.conf, Log: p.tellMessage, Least: p.leastTold()}
	if opt.Dir == "" {
		opt.Dir = p.home
	}
	if p.embed {
		opt.FS = p.Fallback
		opt.Dir = "(embedded)"
	}
	return config.New(opt)
}

// fallBack decides whether the embedded configuration is read, and says so.
func (p *Program) fallBack() {
	if p.Fallback == nil || p.opt.conf != "" {
		return
	}
	if _, err := os.Stat(p.home); !errors.Is(err, os.ErrNotExist) {
		return
	}
	p.embed = true
	p.note("There is no " + p.home + ": using the configuration embedded in this program")
}

// given are the values of the command line that come before fail2ban.conf's.
func (p *Program) given() map[string]string {
	given := map[string]string{}
	for name, value := range map[string]string{
		"socket": p.opt.socket, "pidfile": p.opt.pidfile, "loglevel": p.opt.loglevel,
		"logtarget": p.opt.logtarget, "syslogsocket": p.opt.syslogsocket,
	} {
		if value != "" {
			given[name] = value
		}
	}
	return given
}

// readGeneral finds the socket and what else is needed at first.
func (p *Program) readGeneral() error {
	p.fallBack()
	p.cfg = p.configuration()
	g, err := p.cfg.General(p.given())
	if err != nil {
		return err
	}
	p.general = general{
		socket: g.Socket, pidfile: g.PidFile, loglevel: g.LogLevel, logtarget: g.LogTarget,
		syslogsocket: g.SyslogSocket, version: g.ReportVersion, socketGroup: g.SocketGroup,
	}
	if p.opt.async {
		p.general.version, p.general.socketGroup = p.cfg.Own()
	}
	if p.general.version == "" {
		p.general.version = Reported
	}
	p.say.Info("Using socket file " + g.Socket)
	p.say.Info("Using pid file " + g.PidFile + ", [" + g.LogLevel + "] logging to " + g.LogTarget)
	return nil
}

// readOptions say what is to be read.
type readOptions struct {
	jail  string // a jail's name or allJails
	start bool   // for a start: a jail that cannot be set up is left out
}

// readConfig turns the configuration into the commands of a start or reload.
// What is wrong is told; the commands come beside an error too.
func (p *Program) readConfig(o readOptions) ([]any, error) {
	so := config.StreamOptions{Given: p.given()}
	if o.jail != allJails {
		so.Jail = o.jail
	}
	if o.start {
		so.LeaveOut = p.leaveOut
	}
	p.later = []any{}
	so.Later = func(command []any) { p.later = append(p.later, command) }
	p.cfg = p.configuration()
	commands, good, err := p.cfg.Stream(so)
	if err != nil {
		p.say.Error("Failed during configuration: " + err.Error() + place(err))
		return nil, errTold
	}
	stream := make([]any, len(commands))
	for i, c := range commands {
		stream[i] = c
	}
	for _, m := range p.cfg.Lint() {
		m.Text = strings.TrimSpace("["+m.Section+"] "+m.Option) + ": " + m.Text
		p.tellMessage(m)
	}
	if !good {
		return stream, errTold
	}
	return stream, nil
}

// leaveOut tells that the start goes on without a jail.
func (p *Program) leaveOut(jail string, err error) string {
	text := err.Error()
	var e *config.Error
	if errors.As(err, &e) && e.Option != "" {
		text = e.Option + ": " + text
	}
	text = "Jail " + pytext.Repr(jail) + " " + isLeftOut + ": " + text + place(err)
	p.say.Error(text)
	p.leftOut = true
	return text
}

// place tells where an error's cause stands and what to do, in parentheses.
func place(err error) string {
	var e *config.Error
	if !errors.As(err, &e) {
		return ""
	}
	return where(e.Pos, e.Remedy)
}

func where(at config.Pos, remedy string) string {
	text := ""
	if at.File != "" {
		text = at.File
		if at.Line > 0 {
			text = fmt.Sprintf("%s:%d", at.File, at.Line)
		}
	}
	if remedy != "" {
		if text != "" {
			text += ": "
		}
		text += remedy
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// severities are the log's levels of the reader's messages.
var severities = map[config.Severity]slog.Level{
	config.Debug: slog.LevelDebug, config.Info: slog.LevelInfo, config.Notice: logfmt.LevelNotice,
	config.Warning: slog.LevelWarn, config.Fault: slog.LevelError,
}

// tellMessage logs what the reader has to say; from warnings on with the place.
func (p *Program) tellMessage(m config.Message) {
	text := m.Text
	if m.Severity >= config.Warning {
		text += where(m.Pos, m.Remedy)
	}
	p.log.Logger(m.Logger).Log(background(), severities[m.Severity], text)
}

// leastTold is the least severity of the reader's messages that the log takes.
func (p *Program) leastTold() config.Severity {
	for s := config.Debug; s < config.Fault; s++ {
		if p.say.Enabled(background(), severities[s]) {
			return s
		}
	}
	return config.Fault
}

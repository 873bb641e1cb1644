package server

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

const allJails = control.AllJails

// command does one command as a client (5.2).
func (p *Program) command(words []string) error {
	switch words[0] {
	case "start":
		if len(words) == 1 {
			return p.start()
		}
	case "restart":
		if len(words) > 1 {
			return p.reload(append([]string{"--restart"}, words[1:]...))
		}
		return p.restart()
	case "reload":
		return p.reload(words[1:])
	case "ping":
		if len(words) > 1 {
			wait, err := pingWait(words[1])
			if err != nil {
				p.say.Error(err.Error())
				return errTold
			}
			return p.ask(anyList(words), true, wait)
		}
	}
	return p.ask(anyList(words), true, 0)
}

// pingWait reads the seconds of `ping T`; -1 waits for ever. The errors are
// Python's.
func pingWait(text string) (time.Duration, error) {
	seconds, ok := pytext.ParseFloat(text)
	switch {
	case !ok && strings.EqualFold(strings.TrimSpace(text), "nan"):
		return 0, errors.New("Invalid value NaN (not a number)") //nolint:staticcheck // Python's words
	case !ok:
		return 0, errors.New("could not convert string to float: " + pytext.Repr(text))
	case seconds == -1:
		return 0, nil
	case seconds < 0:
		return 0, errors.New("Timeout value out of range") //nolint:staticcheck // Python's words
	}
	return time.Duration(min(seconds, 1e9) * float64(time.Second)), nil
}

func anyList(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// ask sends one command and prints what comes back; shown false prints nothing
// but failures.
func (p *Program) ask(command []any, shown bool, timeout time.Duration) error {
	value, err := p.send(command, timeout)
	var refused *pickle.Exception
	beautifier := p.log.Logger("fail2ban.beautifier")
	switch {
	case errors.As(err, &refused):
		p.say.Error("NOK: " + pytext.Repr(refused.PyArgs()))
		if shown {
			beautifier.Debug("Beautify (error) " + refused.Repr() + " with " + pytext.Repr(command))
			text := control.BeautifyError(refused)
			if p.opt.json {
				text = control.JSONError(refused, text)
			}
			p.reply(text)
		}
		return errTold
	case err != nil:
		if shown {
			text := control.SocketError(p.general.socket, err, command[0] == "ping")
			p.say.Error(text)
			if p.opt.json {
				p.reply(control.JSONError(err, text))
			}
		}
		return errTold
	}
	if shown {
		if p.opt.json {
			p.reply(control.JSONReply(value))
		} else {
			p.heavy(beautifier, "Beautify %s with %s", value, command)
			p.reply(p.beautify(command, value))
		}
	}
	return nil
}

// heavy tells what goes over the socket, where -vvv asks for it; the format has a
// %s for each value.
func (p *Program) heavy(log *slog.Logger, format string, values ...any) {
	if !log.Enabled(background(), logfmt.LevelHeavy) {
		return
	}
	for i, v := range values {
		values[i] = pytext.Repr(v)
	}
	log.Log(background(), logfmt.LevelHeavy, fmt.Sprintf(format, values...))
}

// reply prints what came of a command.
func (p *Program) reply(text string) {
	p.print(text)
	p.replied = true
}

func (p *Program) beautify(command []any, value any) string {
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = pytext.Str(w)
	}
	text, ok := control.Beautify(words, value, utf8Terminal(os.Getenv))
	if !ok {
		log := p.log.Logger("fail2ban.beautifier")
		log.Warn("Beautifier error. Please report the error")
		log.Error("Beautify " + pytext.Repr(value) + " with " + pytext.Repr(command) + " failed")
	}
	return text
}

// utf8Terminal says whether the locale writes UTF-8, as Python decides: a
// locale without a name of an encoding in the C locale does.
func utf8Terminal(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		v := strings.ToLower(getenv(name))
		if v == "" {
			continue
		}
		return v == "c" || v == "posix" || strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
	}
	return true
}

func (p *Program) send(command []any, timeout time.Duration) (any, error) {
	c, err := control.Dial(p.general.socket, timeout)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	p.heavy(p.say, "CMD: %s", command)
	value, err := c.Send(command)
	if err == nil {
		p.heavy(p.say, "OK : %s", value)
	}
	return value, err
}

// alive says whether a server answers within the time.
func (p *Program) alive(timeout time.Duration) bool {
	v, err := p.send([]any{"ping"}, timeout)
	return err == nil && v == "pong"
}

// waitFor waits until a server is there, or is gone.
func (p *Program) waitFor(there bool, died <-chan error) error {
	deadline := time.NewTimer(p.opt.timeout)
	defer deadline.Stop()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		_, err := os.Lstat(p.general.socket)
		if (err == nil && p.alive(time.Second)) == there {
			return nil
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case err := <-died:
			again.Stop()
			return fmt.Errorf("the server ended: %w", err)
		case <-deadline.C:
			again.Stop()
			return errors.New("Failed to start server") //nolint:staticcheck // fail2ban's words
		}
	}
}

// stage tells who types commands what is being done.
func (p *Program) stage(what string) {
	if p.opt.interactive {
		p.print("  ## " + what + " ... ")
	}
}

func (p *Program) restart() error {
	p.stage("stop")
	if err := p.ask([]any{"stop"}, true, 0); err != nil {
		p.say.Debug("no server was stopped")
	}
	if err := p.waitFor(false, nil); err != nil {
		p.say.Error("Could not stop server")
		return errTold
	}
	p.stage("load configuration")
	p.stage("start")
	return p.start()
}

// reload is `reload [--restart] [--unban] [--if-exists] [--all | JAIL]`.
func (p *Program) reload(words []string) error {
	opts := []any{}
	for len(words) > 0 {
		switch words[0] {
		case "--restart", "--unban", "--if-exists":
			opts = append(opts, words[0])
			words = words[1:]
			continue
		}
		break
	}
	if len(words) > 1 {
		p.say.Error("Unexpected argument(s) for reload: " + pytext.Repr(words))
		return errTold
	}
	if !p.alive(0) {
		p.say.Error("Could not find server")
		return errTold
	}
	jail := allJails
	if len(words) == 1 {
		jail = words[0]
	}
	stream, err := p.readConfig(readOptions{jail: jail})
	if err != nil {
		return err
	}
	p.stage("reload")
	if err := p.ask([]any{"reload", jail, opts, stream, p.later}, true, 0); err != nil {
		p.explain(stream, stopsReload)
		return err
	}
	return nil
}

// interact takes commands line by line (-i).
func (p *Program) interact() error {
	if len(p.opt.words) > 0 {
		if err := p.command(p.opt.words); err != nil {
			return err
		}
	}
	p.print("Fail2Ban v" + Reported + " (f2b-go) reads logs for failed logins and other attacks")
	p.print("and bans where they come from.")
	p.print("")
	in := bufio.NewScanner(p.In)
	in.Buffer(nil, maxCommandLine)
	for {
		fmt.Fprint(p.Out, "fail2ban> ")
		if !in.Scan() {
			p.print("")
			p.say.Error("EOF when reading a line")
			return errTold
		}
		switch line := strings.TrimSpace(in.Text()); line {
		case "":
		case "exit", "quit":
			return nil
		case "help":
			p.usage()
		default:
			words, err := splitWords(line)
			if err == nil {
				// Its failure was told; the next line may do better.
				_ = p.command(words)
				continue
			}
			p.say.Error(err.Error())
		}
	}
}

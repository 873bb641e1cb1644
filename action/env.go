package action

import (
	"context"
	"log/slog"
	"time"

	"f2b-go/action/mail"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/shell"
	"f2b-go/jail"
)

// Runner runs commands; *shell.Runner does.
type Runner interface {
	Run(ctx context.Context, c shell.Command) shell.Result
}

// Names answers for host names; *Host does.
type Names interface {
	// FQDN and Short are this machine's names, for <fq-hostname> and <sh-hostname>.
	FQDN() string
	Short() string
	// Reverse is the name of an address in DNS, "" where there is none.
	Reverse(ctx context.Context, ip ipaddr.Addr) string
}

// Env is what a Command needs of the world around it. Jail and Runner must be
// set; the others have defaults.
type Env struct {
	Jail   jail.View
	Runner Runner
	// Names defaults to this machine's and the system's resolver.
	Names Names
	// IPv6 tells whether this machine has IPv6 addresses; default yes.
	IPv6 func() bool
	// Clock defaults to time.Now.
	Clock func() time.Time
	// Mail sends notices; default an office of the action's own. Actions that
	// share one share their digests.
	Mail *mail.Office
	// Python is the interpreter's command line for Python actions; default
	// /usr/bin/python3, or else python3 on the path.
	Python []string
	// Log takes the lines of logger fail2ban.CommandAction; default none.
	Log *slog.Logger
}

func (e Env) withDefaults() Env {
	if e.Names == nil {
		e.Names = NewHost(e.Clock)
	}
	if e.IPv6 == nil {
		e.IPv6 = func() bool { return true }
	}
	if e.Clock == nil {
		e.Clock = time.Now
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Mail == nil {
		e.Mail = mail.NewOffice(mail.Options{Clock: e.Clock, Log: e.Log})
	}
	e.Log = e.Log.With("logger", "fail2ban.CommandAction")
	return e
}

// constant gives the tags that depend on no ticket.
func (e *Env) constant(tag string) (string, bool) {
	switch tag {
	case "br":
		return "\n", true
	case "sp":
		return " ", true
	case "fq-hostname":
		return e.Names.FQDN(), true
	case "sh-hostname":
		return e.Names.Short(), true
	}
	return "", false
}

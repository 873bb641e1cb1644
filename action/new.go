package action

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// smtpFile is fail2ban's one Python action, which runs natively.
const smtpFile = "smtp.py"

// New makes the action that `addaction NAME [FILE JSON]` asks for: one of
// commands, which its properties may turn into a mail delivered natively, or
// with a FILE what takes a Python action's place. A Python action that has no
// place here is skipped with an ERROR line. An error is about arguments that
// cannot be read.
func New(name string, args []any, env Env) (jail.Action, error) {
	env = env.withDefaults()
	if len(args) == 0 {
		return &configured{Command: NewCommand(name, env), notes: notifier{name: name, env: env}}, nil
	}
	file := filepath.Base(pytext.Str(args[0]))
	if file == smtpFile {
		return newSMTP(name, args[1:], env)
	}
	why := "the Python action " + pytext.Str(args[0]) + " is not run; the nearest native action is " + nearest(file) + byHand
	return newSkipped(name, why, env), nil
}

// byHand says how a Python action is run all the same.
const byHand = ", and fail2ban-client set JAIL addaction NAME FILE JSON runs it with Python"

// NewAsked makes the action that a client's own addaction asks for, not the
// configuration's: there a Python action runs, in a process of its own. An error
// is about arguments that cannot be read, what Python raised (*Raised), or why it
// does not run.
func NewAsked(ctx context.Context, name string, args []any, env Env) (jail.Action, error) {
	if len(args) == 0 || filepath.Base(pytext.Str(args[0])) == smtpFile {
		return New(name, args, env)
	}
	return newPython(ctx, name, args, env.withDefaults())
}

// neighbours are native actions for what Python actions out there do, by a part
// of their file's name; the first that fits counts.
var neighbours = []struct{ part, action string }{
	{"mail", "f2b-mail"}, {"smtp", "f2b-mail"}, {"badips", "abuseipdb"}, {"abuse", "abuseipdb"}, {"ipset", "iptables-ipset"},
	{"iptables", "iptables"}, {"nft", "nftables"}, {"cloudflare", "cloudflare-token"}, {"telegram", "apprise"}, {"slack", "apprise"},
	{"discord", "apprise"}, {"matrix", "apprise"}, {"push", "apprise"}, {"notify", "apprise"}, {"webhook", "apprise"}, {"sms", "apprise"},
	{"dns", "nsupdate"}, {"route", "route"}, {"nginx", "nginx-block-map"}, {"firewall", "nftables"}, {"blocklist", "blocklist_de"},
}

func nearest(file string) string {
	file = strings.ToLower(file)
	for _, n := range neighbours {
		if strings.Contains(file, n.part) {
			return n.action
		}
	}
	return "dummy, a copy of which can call any program"
}

// tellSkipped logs that an action is skipped; the jail's other actions run.
func tellSkipped(env *Env, name, why string) {
	env.Log.With("logger", "fail2ban.actions").Error(fmt.Sprintf("[%s] action %s is skipped: %s", env.Jail.Name(), pytext.Repr(name), why))
}

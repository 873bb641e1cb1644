package action

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"f2b-go/action/mail"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// smtp is fail2ban's smtp.py, natively (COMPAT 4.4.2): a mail when the jail
// starts, stops and bans. Other than there, nothing waits for the mail server.
type smtp struct {
	notifier

	lock  sync.Mutex
	props map[string]any // by the names of the Python object's attributes
}

var (
	_ jail.Action   = (*smtp)(nil)
	_ jail.Reloader = (*smtp)(nil)
)

// smtpAttributes are smtp.py's parameters, the attributes that they become, and
// their defaults.
var smtpAttributes = []struct {
	parameter, attribute string
	value                any
}{
	{"host", "host", "localhost"}, {"ssl", "ssl", false}, {"user", "user", nil}, {"password", "password", nil},
	{"sendername", "fromname", "Fail2Ban"}, {"sender", "fromaddr", "fail2ban"}, {"dest", "toaddr", "root"}, {"matches", "matches", nil},
}

// newSMTP makes the action of a JSON object with smtp.py's parameters.
func newSMTP(name string, args []any, env Env) (jail.Action, error) {
	given := map[string]any{}
	if len(args) > 0 {
		if err := json.Unmarshal([]byte(pytext.Str(args[0])), &given); err != nil {
			return nil, fmt.Errorf("reading the parameters of action %s: %w", name, err)
		}
	}
	a := &smtp{notifier: notifier{name: name, env: env}, props: map[string]any{"norestored": int64(1)}}
	for _, p := range smtpAttributes {
		a.props[p.attribute] = p.value
		if v, ok := given[p.parameter]; ok {
			a.props[p.attribute] = v
			delete(given, p.parameter)
		}
	}
	for unknown := range given {
		return newSkipped(name, "smtp.py got an unexpected keyword argument "+pytext.Repr(unknown), env), nil
	}
	return a, nil
}

// Get returns an attribute.
func (a *smtp) Get(name string) (value any, ok bool) {
	a.lock.Lock()
	defer a.lock.Unlock()
	value, ok = a.props[name]
	return value, ok
}

// Set changes an attribute from the next mail on.
func (a *smtp) Set(name string, value any) error {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.props[name] = value
	return nil
}

// Properties lists the attributes, as 1.1.1 has them.
func (a *smtp) Properties() []string {
	return []string{"fromaddr", "fromname", "host", "matches", "message_values", "norestored", "password", "ssl", "toaddr", "user"}
}

// Methods lists what the Python object can be told to do.
func (a *smtp) Methods() []string { return []string{"ban", "reban", "start", "stop", "unban"} }

func (a *smtp) text(attribute string) string {
	v, _ := a.Get(attribute)
	if v == nil {
		return ""
	}
	return pytext.Str(v)
}

// settings are the attributes as the mail office takes them.
func (a *smtp) settings() (mail.Settings, error) {
	host, port, err := mail.ParseHost(a.text("host"))
	s := mail.Settings{
		Server: mail.Server{Host: host, Port: port, Security: mail.Plain, ClearLogin: true},
		From:   mail.Address{Name: a.text("fromname"), Mailbox: strings.TrimSpace(a.text("fromaddr"))},
		To:     mail.ParseAddresses(a.text("toaddr")), Host: a.env.Names.Short(),
		Stock: &mail.Stock{Dest: a.text("toaddr"), Matches: a.text("matches")},
	}
	// smtp.py logs in only with both.
	if user, password := a.text("user"), a.text("password"); user != "" && password != "" {
		s.Server.User, s.Server.Password = user, password
	}
	switch strings.ToLower(a.text("ssl")) {
	case "", "0", "no", "false", "off":
	default:
		s.Server.Security = mail.StartTLS
		if port == smtpsPort {
			s.Server.Security = mail.FullTLS
		}
	}
	return s, err
}

// smtpsPort is where TLS comes first (RFC 8314, 3.3).
const smtpsPort = 465

// Name is the action's name in the jail.
func (a *smtp) Name() string { return a.name }

// Start tells of the jail's start.
func (a *smtp) Start(context.Context) error {
	if a.addressMissing() {
		tellSkipped(&a.env, a.name, placeholderLeft)
		return nil
	}
	if err := a.refresh(); err != nil {
		return err
	}
	a.event(mail.Started)
	return nil
}

// addressMissing tells whether an address is the placeholder.
func (a *smtp) addressMissing() bool {
	return hasPlaceholder(a.text("toaddr")) || hasPlaceholder(a.text("fromaddr"))
}

// refresh goes on with the attributes as they are now.
func (a *smtp) refresh() error {
	s, err := a.settings()
	if err == nil {
		err = a.open(s)
	}
	return err
}

// Stop tells of the jail's stop and waits a few seconds for the mail to go.
func (a *smtp) Stop(context.Context) error {
	a.event(mail.Stopped)
	a.close()
	return nil
}

// Ban tells of a ban with the jail's ban time, as smtp.py does.
func (a *smtp) Ban(ctx context.Context, t *jail.Ticket) error {
	if t.Restored || !a.isOpen() {
		return nil
	}
	if err := a.refresh(); err != nil {
		return &Error{text: err.Error(), info: newInfo(ctx, &a.env, t)}
	}
	asJail := *t
	asJail.SetBanTime(a.env.Jail.BanTime())
	a.ban(ctx, &asJail, a.text("matches"))
	return nil
}

// Reban repeats what Ban does, as smtp.py would.
func (a *smtp) Reban(ctx context.Context, t *jail.Ticket) error { return a.Ban(ctx, t) }

// Unban does nothing.
func (a *smtp) Unban(context.Context, *jail.Ticket) error { return nil }

// Prolong does nothing.
func (a *smtp) Prolong(context.Context, *jail.Ticket) error { return nil }

// Prolongs is false.
func (a *smtp) Prolongs() bool { return false }

// Flushes is false.
func (a *smtp) Flushes() bool { return false }

// Flush does nothing.
func (a *smtp) Flush(context.Context) (bool, error) { return true, nil }

// Check does nothing.
func (a *smtp) Check(context.Context, bool) error { return nil }

// Epoch is 0.
func (a *smtp) Epoch() int { return 0 }

// SkipsRestored is true: a restored ban was told of when it was new.
func (a *smtp) SkipsRestored() bool { return true }

// Adopt takes over the attributes of a fresh action. One that was or will be
// skipped starts afresh.
func (a *smtp) Adopt(fresh jail.Action) bool {
	other, ok := fresh.(*smtp)
	if !ok || !a.isOpen() || other.addressMissing() {
		return false
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	a.props = other.props
	return true
}

// Reload goes on with the new attributes.
func (a *smtp) Reload(context.Context) error { return a.refresh() }

package testaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"f2b-go/action"
	"f2b-go/action/mail"
	"f2b-go/config"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

// tested is one action with the commands that it ran and the mails that it sent.
type tested struct {
	name   string
	action jail.Action
	jail   *jailView
	rec    *recorder
	mails  *mails
}

// mails collects previews of mails.
type mails struct {
	mu   sync.Mutex
	list [][]byte
}

func (m *mails) add(message []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, message)
}

// step is one step of an action's life with its commands.
type step struct {
	name     string
	ticket   *jail.Ticket // nil where no address is concerned
	commands []shell.Command
}

// readActions sets up the actions that the command line names.
func readActions(c *config.Config, opt *options, log *slog.Logger) ([]*tested, error) {
	reading, err := c.ReadAction(opt.jail, opt.spec)
	if err != nil {
		return nil, withPlace(err)
	}
	if !reading.Configured && opt.spec == "" {
		return nil, fmt.Errorf("jail %q is not configured in %s: name an action, or another jail", opt.jail, c.Dir())
	}
	view := &jailView{name: opt.jail, banTime: banTime(reading.Settings)}
	var list []*tested
	for _, cmd := range reading.Commands {
		switch {
		case cmd[2] == "addaction":
			t, err := newTested(cmd, view, opt, log)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		case len(list) > 0:
			if err := list[len(list)-1].set(cmd); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// newTested makes the action of `set J addaction NAME [FILE JSON]`. Mails are
// only shown, and wait in no spool that a server may use.
func newTested(cmd []any, view *jailView, opt *options, log *slog.Logger) (*tested, error) {
	t := &tested{name: pytext.Str(cmd[3]), jail: view, rec: &recorder{}, mails: &mails{}}
	post := mail.Options{Log: log, InMemory: true, Preview: t.mails.add}
	if opt.run {
		t.rec.real = &shell.Runner{Log: log}
		post.Preview = nil
	}
	env := action.Env{Jail: view, Runner: t.rec, Mail: mail.NewOffice(post), Log: log}
	if opt.hostname != "" {
		env.Names = fixedNames{action.NewHost(nil), opt.hostname}
	}
	var err error
	t.action, err = action.New(t.name, cmd[4:], env)
	return t, err
}

// set applies a command of the stream: set J action A name value, or several at
// once.
func (t *tested) set(cmd []any) error {
	props, ok := t.action.(interface{ Set(string, any) error })
	if !ok {
		return nil
	}
	pairs := []any{cmd[4:]}
	if cmd[0] == "multi-set" {
		pairs, _ = cmd[4].([]any)
	}
	for _, p := range pairs {
		pair, ok := p.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("setting up action %s: %s is no property", t.name, pytext.Repr(p))
		}
		if err := props.Set(pytext.Str(pair[0]), pair[1]); err != nil {
			return fmt.Errorf("setting up action %s: %s: %w", t.name, pair[0], err)
		}
	}
	return nil
}

// live takes the action through its life. The error joins those of the steps,
// which go on after one.
func (t *tested) live(ctx context.Context, opt *options) ([]step, error) {
	var steps []step
	var failed []error
	do := func(name string, ticket *jail.Ticket, f func() error) {
		if err := f(); err != nil {
			failed = append(failed, err)
		}
		steps = append(steps, step{name, ticket, t.rec.Take()})
	}
	c, tickets := t.action, opt.tickets()
	do("start", nil, func() error { return c.Start(ctx) })
	for _, ticket := range tickets {
		t.jail.banned++
		do("ban", ticket, func() error { return c.Ban(ctx, ticket) })
	}
	if c.Prolongs() {
		do("prolong", tickets[0], func() error { return c.Prolong(ctx, tickets[0]) })
	}
	if opt.check {
		do("check", nil, func() error { return c.Check(ctx, false) })
	}
	for _, ticket := range tickets {
		do("unban", ticket, func() error { return c.Unban(ctx, ticket) })
	}
	do("flush", nil, func() error {
		_, err := c.Flush(ctx)
		return err
	})
	do("stop", nil, func() error { return c.Stop(ctx) })
	return steps, errors.Join(failed...)
}

// withPlace puts file and line before the text of a reading error.
func withPlace(err error) error {
	var e *config.Error
	if errors.As(err, &e) {
		return errors.New(located(e.Pos, e.Text, e.Remedy))
	}
	return err
}

// defaultBanTime is fail2ban's ban time for a jail that sets none, in seconds.
const defaultBanTime = 600

// banTime is the jail's ban time among its settings.
func banTime(settings [][]any) jail.Seconds {
	for _, cmd := range settings {
		if len(cmd) == 4 && cmd[2] == "bantime" {
			if s, isInt, err := timetext.Seconds(pytext.Str(cmd[3])); err == nil {
				return jail.Seconds{Value: s, Float: !isInt}
			}
		}
	}
	return jail.Int(defaultBanTime)
}

// recorder writes commands down and, where real is set, runs them.
type recorder struct {
	action.Recorder
	real *shell.Runner
}

// Run writes the command down and runs it where that is asked for.
func (r *recorder) Run(ctx context.Context, c shell.Command) shell.Result {
	res := r.Recorder.Run(ctx, c)
	if r.real != nil {
		return r.real.Run(ctx, c)
	}
	return res
}

// jailView is the jail as the action sees it.
type jailView struct {
	name    string
	banTime jail.Seconds
	banned  int
	epoch   int
}

func (v *jailView) Name() string          { return v.name }
func (v *jailView) BanTime() jail.Seconds { return v.banTime }
func (v *jailView) NextEpoch() int        { v.epoch++; return v.epoch }
func (v *jailView) Counts() jail.Counts {
	return jail.Counts{Banned: v.banned, TotalBanned: v.banned}
}
func (v *jailView) Merged(t *jail.Ticket, _ bool) *jail.Ticket { return t }

// fixedNames answers with a given name for this machine.
type fixedNames struct {
	system *action.Host
	fqdn   string
}

func (n fixedNames) FQDN() string { return n.fqdn }

// Short is the name without its domain.
func (n fixedNames) Short() string {
	short, _, _ := strings.Cut(n.fqdn, ".")
	return short
}

// Reverse asks DNS.
func (n fixedNames) Reverse(ctx context.Context, ip ipaddr.Addr) string {
	return n.system.Reverse(ctx, ip)
}

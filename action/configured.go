package action

import (
	"context"
	"sync"

	"f2b-go/action/mail"
	"f2b-go/jail"
)

// configured is an action of an action.d/*.conf file. Once its properties are
// set they tell what it does: run its commands, have a mail delivered natively,
// or nothing while its address is a placeholder.
type configured struct {
	*Command
	notes notifier

	mu    sync.Mutex
	known bool // way is what the properties say
	way   way
}

// way is how an action of a file is done.
type way int

const (
	byCommands way = iota
	byMail
	notAtAll
)

var (
	_ jail.Action   = (*configured)(nil)
	_ jail.Reloader = (*configured)(nil)
)

// decide returns the action's way, and logs once that it is skipped.
func (a *configured) decide() way {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known {
		return a.way
	}
	a.known = true
	switch {
	case a.addressMissing():
		a.way = notAtAll
		tellSkipped(&a.env, a.name, placeholderLeft)
	case a.property(mailMarker) == "mail":
		a.way = byMail
	default:
		a.way = byCommands
	}
	return a.way
}

// addressMissing tells whether a command would send to the placeholder.
func (a *configured) addressMissing() bool {
	if a.property(mailMarker) == "mail" {
		return hasPlaceholder(a.property("dest")) || hasPlaceholder(a.property("sender"))
	}
	for _, name := range append(commandNames, "actionprolong") {
		if text, err := a.render("<"+name+">", unconditional); err == nil && hasPlaceholder(text) {
			return true
		}
	}
	return false
}

// Set gives a property its value, which may change the action's way.
func (a *configured) Set(name string, value any) error {
	err := a.Command.Set(name, value)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = false
	return err
}

// Start starts the commands, or opens the way to the mail server.
func (a *configured) Start(ctx context.Context) error {
	switch a.decide() {
	case byCommands:
		return a.Command.Start(ctx)
	case byMail:
		return a.startMail()
	}
	return nil
}

// startMail opens a post for the settings as they are.
func (a *configured) startMail() error {
	opt, err := a.mailOptions()
	if err == nil {
		err = a.notes.open(opt.settings)
	}
	if err == nil && opt.startStop {
		a.notes.event(mail.Started)
	}
	if err != nil {
		return &Error{text: err.Error()}
	}
	return nil
}

// Stop stops the commands, or closes the way to the mail server.
func (a *configured) Stop(ctx context.Context) error {
	switch a.decide() {
	case byCommands:
		return a.Command.Stop(ctx)
	case byMail:
		if opt, err := a.mailOptions(); err == nil && opt.startStop {
			a.notes.event(mail.Stopped)
		}
	}
	a.notes.close()
	return nil
}

// Ban runs actionban or hands in a notice. A restored ban was told of when it
// was new.
func (a *configured) Ban(ctx context.Context, t *jail.Ticket) error {
	switch a.decide() {
	case byCommands:
		return a.Command.Ban(ctx, t)
	case byMail:
		if t.Restored || !a.notes.isOpen() {
			return nil
		}
		opt, err := a.mailOptions()
		if err == nil {
			err = a.notes.open(opt.settings)
		}
		if err != nil {
			return &Error{text: err.Error(), info: newInfo(ctx, &a.env, t)}
		}
		a.notes.ban(ctx, t, opt.matches)
	}
	return nil
}

// commands tells whether the action is done by commands.
func (a *configured) commands() bool { return a.decide() == byCommands }

// Unban runs actionunban; no mail tells of it.
func (a *configured) Unban(ctx context.Context, t *jail.Ticket) error {
	if a.commands() {
		return a.Command.Unban(ctx, t)
	}
	return nil
}

// Reban runs actionreban; a mail went with the ban.
func (a *configured) Reban(ctx context.Context, t *jail.Ticket) error {
	if a.commands() {
		return a.Command.Reban(ctx, t)
	}
	return nil
}

// Prolong runs actionprolong.
func (a *configured) Prolong(ctx context.Context, t *jail.Ticket) error {
	if a.commands() {
		return a.Command.Prolong(ctx, t)
	}
	return nil
}

// Prolongs is true for commands with an actionprolong.
func (a *configured) Prolongs() bool { return a.commands() && a.Command.Prolongs() }

// Flushes is true for commands with an actionflush.
func (a *configured) Flushes() bool { return a.commands() && a.Command.Flushes() }

// Check runs actioncheck of commands.
func (a *configured) Check(ctx context.Context, flushing bool) error {
	if a.commands() {
		return a.Command.Check(ctx, flushing)
	}
	return nil
}

// SkipsRestored is true when norestored is set, and for mails.
func (a *configured) SkipsRestored() bool { return !a.commands() || a.Command.SkipsRestored() }

// Adopt takes over the properties of a fresh action of a file that is done in
// the same way.
func (a *configured) Adopt(fresh jail.Action) bool {
	other, ok := fresh.(*configured)
	if !ok || a.decide() != other.decide() {
		return false
	}
	if !a.Command.Adopt(other.Command) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.way = true, other.way
	return true
}

// Reload runs actionreload, or goes on with the new settings for mail.
func (a *configured) Reload(ctx context.Context) error {
	switch a.decide() {
	case byCommands:
		return a.Command.Reload(ctx)
	case byMail:
		opt, err := a.mailOptions()
		if err == nil {
			err = a.notes.open(opt.settings)
		}
		return err
	}
	return nil
}

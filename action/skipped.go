package action

import (
	"context"
	"errors"

	"f2b-go/jail"
)

// skipped stands for an action that is not run. It does nothing, so that the
// jail's other actions go on. It is listed as it is configured, and a client that
// asks for its one property reads why it does nothing.
type skipped struct{ name, why string }

// newSkipped logs why.
func newSkipped(name, why string, env Env) jail.Action {
	tellSkipped(&env, name, why)
	return &skipped{name, why}
}

var (
	_ jail.Action   = (*skipped)(nil)
	_ jail.Reloader = (*skipped)(nil)
)

func (s *skipped) Name() string                                { return s.name }
func (s *skipped) Start(context.Context) error                 { return nil }
func (s *skipped) Stop(context.Context) error                  { return nil }
func (s *skipped) Ban(context.Context, *jail.Ticket) error     { return nil }
func (s *skipped) Unban(context.Context, *jail.Ticket) error   { return nil }
func (s *skipped) Reban(context.Context, *jail.Ticket) error   { return nil }
func (s *skipped) Prolong(context.Context, *jail.Ticket) error { return nil }
func (s *skipped) Prolongs() bool                              { return false }
func (s *skipped) Flushes() bool                               { return false }
func (s *skipped) Flush(context.Context) (bool, error)         { return true, nil }
func (s *skipped) Check(context.Context, bool) error           { return nil }
func (s *skipped) Epoch() int                                  { return 0 }
func (s *skipped) SkipsRestored() bool                         { return true }
func (s *skipped) Reload(context.Context) error                { return nil }

// Adopt takes the place of another action that is skipped.
func (s *skipped) Adopt(fresh jail.Action) bool {
	_, ok := fresh.(*skipped)
	return ok
}

// Get returns the property that tells why.
func (s *skipped) Get(name string) (value any, ok bool) {
	if name != whySkipped {
		return nil, false
	}
	return s.why, true
}

// whySkipped is that property.
const whySkipped = "skipped"

// Set is refused.
func (s *skipped) Set(string, any) error { return errors.New("the action is skipped: " + s.why) }

// Properties lists the property.
func (s *skipped) Properties() []string { return []string{whySkipped} }

// Methods is empty.
func (s *skipped) Methods() []string { return nil }

package action

import (
	"context"

	"f2b-go/jail"
)

// skipped stands for an action that is not run. It does nothing, so that the
// jail's other actions go on.
type skipped struct{ name string }

// newSkipped logs why.
func newSkipped(name, why string, env Env) jail.Action {
	tellSkipped(&env, name, why)
	return &skipped{name}
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

package action

import (
	"context"

	"f2b-go/internal/shell"
)

// Recorder is a Runner that runs nothing: it writes commands down, and each
// succeeds.
type Recorder struct{ commands []shell.Command }

// Run writes the command down.
func (r *Recorder) Run(_ context.Context, c shell.Command) shell.Result {
	r.commands = append(r.commands, c)
	return shell.Result{OK: true}
}

// Take returns what was written down since the last call.
func (r *Recorder) Take() []shell.Command {
	list := r.commands
	r.commands = nil
	return list
}

package action

import (
	"context"

	"f2b-go/jail"
)

// Expander fills the dynamic tags of texts that are no actions: ignorecommand
// and the key of ignorecache (COMPAT 2.10.6). It is a jail.Expander.
type Expander struct{ env Env }

// NewExpander returns an Expander for a jail; env needs no Runner.
func NewExpander(env Env) *Expander { return &Expander{env.withDefaults()} }

// Expand returns the script and its arguments, as an action's command has them.
func (e *Expander) Expand(text string, t *jail.Ticket) (script string, args []string) {
	in := &info{ctx: context.Background(), env: &e.env, ticket: t, got: map[string]any{}}
	c := dynamic(text, in.value, in.data)
	return c.Script, c.Args
}

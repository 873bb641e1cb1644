package action

import (
	"context"

	"f2b-go/jail"
)

// Expander fills dynamic tags into a jail's ignorecommand and ignorecache
// (COMPAT 2.10.6, 2.10.7); it is a jail.Expander.
type Expander struct{ env Env }

// NewExpander returns one for the jail of env; Runner is not used.
func NewExpander(env Env) *Expander { return &Expander{env.withDefaults()} }

// Expand puts a ticket's values into text: as they are, or as variables that
// the script in front of it sets from args where a shell could misread them.
func (e *Expander) Expand(text string, t *jail.Ticket) (script string, args []string) {
	c := dynamic(text, newInfo(context.Background(), &e.env, t).values())
	return c.Script, c.Args
}

var _ jail.Expander = (*Expander)(nil)

package action

import (
	"context"

	"f2b-go/jail"
)

// Ban runs actionban, after actionstart on demand for a new family
// (COMPAT 3.5.1, 3.5.3).
func (c *Command) Ban(ctx context.Context, t *jail.Ticket) error {
	return c.ban(ctx, t, "actionban")
}

// Reban runs actionreban, or actionban where there is none.
func (c *Command) Reban(ctx context.Context, t *jail.Ticket) error {
	if c.property("actionreban") != "" {
		return c.ban(ctx, t, "actionreban")
	}
	return c.ban(ctx, t, "actionban")
}

func (c *Command) ban(ctx context.Context, t *jail.Ticket, property string) error {
	in := newInfo(ctx, &c.env, t)
	in.value("family")
	f := familyOf(t)
	if c.onDemand() && !c.started.get(f).up {
		if err := c.startFamily(ctx, f); err != nil {
			return &Error{text: err.Error(), info: in}
		}
	}
	if err := c.ticketStep(ctx, property, "banning", in); err != nil {
		return err
	}
	c.started.set(state{family: f, up: true, items: true})
	return nil
}

// Unban runs actionunban, if any ban of the family succeeded (COMPAT 3.4.2).
func (c *Command) Unban(ctx context.Context, t *jail.Ticket) error {
	if !c.started.get(familyOf(t)).items {
		return nil
	}
	return c.ticketStep(ctx, "actionunban", "unbanning", newInfo(ctx, &c.env, t))
}

// Prolong runs actionprolong (COMPAT 3.6.7).
func (c *Command) Prolong(ctx context.Context, t *jail.Ticket) error {
	return c.ticketStep(ctx, "actionprolong", "prolonging", newInfo(ctx, &c.env, t))
}

// ticketStep runs a ticket's command; one that failed once more if the check
// passes or the environment could be repaired (COMPAT 3.5.3).
func (c *Command) ticketStep(ctx context.Context, property, doing string, in *info) error {
	f := familyOf(in.ticket)
	in.value("ip")
	in.value("family")
	failed := func(text string) error { return &Error{text: text, info: in} }
	for again := false; ; again = true {
		if again && c.property("actioncheck") != "" {
			ok, err := c.recovered(ctx, f, property == "actionunban")
			if err != nil {
				return failed(err.Error())
			}
			if !ok {
				break
			}
		}
		text, err := c.render("<"+property+">", f)
		if err != nil {
			return failed(err.Error())
		}
		if c.run(ctx, dynamic(text, in.values())) {
			return nil
		}
		if again {
			break
		}
	}
	return failed("Error " + doing + " " + in.ticket.IP().String())
}

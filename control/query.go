package control

import (
	"context"
	"slices"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// jail finds a jail by its name.
func (t *Table) jail(name any) (*jail.Jail, error) {
	text := pytext.Str(name)
	if j, ok := t.engine.Jail(text); ok {
		return j, nil
	}
	return nil, UnknownJail(text)
}

// sorted lists the jails by name.
func (t *Table) sorted() []*jail.Jail {
	list := slices.Clone(t.engine.Jails())
	slices.SortFunc(list, func(a, b *jail.Jail) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func (t *Table) status(c call) (any, error) {
	flavour := jail.FlavourBasic
	if len(c.args) > 1 {
		flavour = c.text(1)
	}
	switch {
	case len(c.args) > 2:
		return nil, plainError("Invalid command (no status)")
	case len(c.args) > 0 && c.args[0] != AllJails:
		j, err := t.jail(c.args[0])
		if err != nil {
			return nil, err
		}
		if flavour == jail.FlavourCymru {
			c.begin()
		}
		return j.Status(flavour), nil
	}
	var names []string
	all := pytext.Dict{}
	jails := t.sorted()
	if flavour == jail.FlavourCymru {
		c.begin()
	}
	for _, j := range jails {
		names = append(names, j.Name())
		if len(c.args) > 0 {
			all = append(all, pytext.Item{Key: j.Name(), Value: j.Status(flavour)})
		}
	}
	if len(c.args) > 0 && flavour == jail.FlavourStats {
		return all, nil
	}
	reply := []any{pytext.Tuple{"Number of jail", len(names)}, pytext.Tuple{"Jail list", strings.Join(names, ", ")}}
	if len(c.args) > 0 {
		reply = append(reply, all)
	}
	return reply, nil
}

func (t *Table) stats(c call) (any, error) {
	c.args = []any{AllJails, jail.FlavourStats}
	return t.status(c)
}

// banned lists the banned of each jail, or for each ID the jails.
func (t *Table) banned(c call) (any, error) {
	out := []any{}
	if len(c.args) == 0 {
		for _, j := range t.engine.Jails() {
			out = append(out, pytext.Dict{{Key: j.Name(), Value: j.Banned(nil)}})
		}
		return out, nil
	}
	for _, id := range c.args {
		in := []any{}
		for _, j := range t.engine.Jails() {
			if j.Banned([]string{pytext.Str(id)}) == 1 {
				in = append(in, j.Name())
			}
		}
		out = append(out, in)
	}
	return out, nil
}

func (t *Table) unban(c call) (any, error) {
	if len(c.args) == 0 {
		return nil, plainError("Invalid command")
	}
	// A client that goes away must not leave half of the bans.
	ctx := context.WithoutCancel(c.ctx)
	n, jails := 0, t.engine.Jails()
	c.begin()
	for _, j := range jails {
		if len(c.args) == 1 && c.args[0] == AllJails {
			n += j.UnbanAll(ctx)
			continue
		}
		v, err := j.Set(ctx, "unbanip", c.args)
		if err != nil {
			return nil, err
		}
		if k, ok := v.(int); ok {
			n += k
		}
	}
	return n, nil
}

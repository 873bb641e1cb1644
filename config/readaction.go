package config

// ActionReading is what a jail would make of its actions.
type ActionReading struct {
	Jail       string
	Configured bool // jail.conf has a section of this name
	// Settings are the jail's own commands: set J bantime … and so on, with those
	// of DEFAULT for a jail without a section.
	Settings [][]any
	// Commands add the actions and set them up.
	Commands [][]any
}

// ReadAction reads the actions of a jail: those that spec names, such as
// iptables[port="ssh"], or the jail's own if spec is empty. A jail that is not
// configured has the options of DEFAULT. Errors are of type *Error.
func (c *Config) ReadAction(jail, spec string) (*ActionReading, error) {
	out, err := c.readAction(jail, spec)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *Config) readAction(jail, spec string) (*ActionReading, *Error) {
	from, err := c.read("jail")
	if err != nil {
		return nil, err
	}
	j := &jailReader{config: c, from: from, name: jail, forced: true}
	out := &ActionReading{Jail: jail, Configured: from.hasSection(jail) && jail != includeSection}
	if !out.Configured {
		from.section(jail, Pos{})
		defer from.drop(jail)
	}
	if err := j.loadForActions(out.Configured); err != nil {
		return nil, err
	}
	if spec != "" {
		j.opts.set("action", spec)
		j.given = true
	}
	ok, err := j.loadActions()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, (&Error{Class: "ValueError", Text: j.fault}).at(j.pos("action"), jail, "action")
	}
	for _, o := range j.opts.list {
		if !notSent[o.name] && o.name != "logpath" && o.name != "ignoreip" {
			out.Settings = append(out.Settings, []any{"set", jail, o.name, o.value})
		}
	}
	for _, a := range j.actions {
		part := [][]any{a.command}
		if a.reader != nil {
			if part, err = a.reader.stream(false); err != nil {
				return nil, err
			}
		}
		out.Commands = append(out.Commands, part...)
	}
	return out, nil
}

// loadForActions reads the jail's options. Its filter is read for what it lends,
// but a faulty one does not matter.
func (j *jailReader) loadForActions(configured bool) (err *Error) {
	j.lendDefaults()
	if j.opts, err = j.from.options(j.name, asks{specs: firstSpecs, convert: true}); err != nil {
		return err
	}
	if spec, _ := j.opts.text("filter"); configured && spec != "" {
		if _, err := j.loadFilter(nil); err != nil {
			return err
		}
		j.fault = ""
	}
	if j.opts, err = j.from.options(j.name, asks{specs: jailSpecs, convert: true}); err != nil {
		return err
	}
	return nil
}

// drop removes a section that was added for a while.
func (p *parser) drop(name string) {
	delete(p.sections, name)
	for i, n := range p.order {
		if n == name {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			return
		}
	}
}

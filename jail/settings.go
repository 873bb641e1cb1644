package jail

import (
	"errors"
	"math"
	"slices"
	"strings"

	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/pytext"
)

// fromFilter keeps the class of a filter's error.
func fromFilter(err error) error {
	var pattern *date.PatternError
	var zone *date.ZoneError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pattern):
		return &Error{Class: pattern.Class, Text: pattern.Text}
	case errors.As(err, &zone):
		return &Error{Class: zone.Class, Text: zone.Text}
	case errors.Is(err, filter.ErrRegex):
		return &Error{Class: "RegexException", Text: err.Error()}
	}
	return valueError(err.Error())
}

// SetUseDNS sets usedns: yes, warn, no, raw, or a bool.
func (j *Jail) SetUseDNS(value any) {
	text := pytext.Str(value)
	if on, ok := value.(bool); ok {
		text = map[bool]string{true: "yes", false: "no"}[on]
	}
	j.shown().filter.SetUseDNS(text)
}

// SetPrefRegex sets the prefregex; "" takes it away.
func (j *Jail) SetPrefRegex(pattern string) error {
	return fromFilter(j.shown().filter.SetPrefRegex(pattern))
}

// AddFailRegex adds a failregex.
func (j *Jail) AddFailRegex(pattern string) error {
	return fromFilter(j.shown().filter.AddFailRegex(pattern))
}

// AddIgnoreRegex adds an ignoreregex.
func (j *Jail) AddIgnoreRegex(pattern string) error {
	return fromFilter(j.shown().filter.AddIgnoreRegex(pattern))
}

// DelFailRegex removes a failregex by its index.
func (j *Jail) DelFailRegex(index int) { j.shown().filter.DelFailRegex(index) }

// DelIgnoreRegex removes an ignoreregex by its index.
func (j *Jail) DelIgnoreRegex(index int) { j.shown().filter.DelIgnoreRegex(index) }

// FailRegex lists the failregexes with their tags expanded.
func (j *Jail) FailRegex() []string { return j.shown().filter.FailRegex() }

// IgnoreRegex lists the ignoreregexes with their tags expanded.
func (j *Jail) IgnoreRegex() []string { return j.shown().filter.IgnoreRegex() }

// SetMaxLines sets over how many lines a failregex may reach.
func (j *Jail) SetMaxLines(n int) error { return fromFilter(j.shown().filter.SetMaxLines(n)) }

// SetDatePattern sets the date patterns, one a line.
func (j *Jail) SetDatePattern(pattern string) error {
	return fromFilter(j.shown().filter.SetDatePattern(pattern))
}

// SetLogTimeZone sets the zone of dates that name none; "" is UTC.
func (j *Jail) SetLogTimeZone(zone string) error {
	return fromFilter(j.shown().filter.SetLogTimeZone(zone))
}

// SetLogEncoding sets the encoding of the logs by a Python name, or auto.
func (j *Jail) SetLogEncoding(name string) error {
	if err := j.shown().filter.SetEncoding(name); err != nil {
		return &Error{Class: "LookupError", Text: err.Error()}
	}
	return nil
}

// SetFindTime sets the find time, a number of seconds or a text.
func (j *Jail) SetFindTime(value any) error {
	s, err := toSeconds(value)
	if err != nil {
		return err
	}
	j.edit(func(set *settings) { set.findTime = s })
	j.logs.filter.Info("  findtime: " + pytext.Str(s.Py()))
	return nil
}

// SetMaxRetry sets how many failures make a ban.
func (j *Jail) SetMaxRetry(n int) {
	j.edit(func(s *settings) { s.maxRetry = n })
	j.logs.filter.Info("  maxRetry: " + itoa(n))
}

// SetMaxMatches sets how many lines a ticket keeps.
func (j *Jail) SetMaxMatches(n int) { j.edit(func(s *settings) { s.maxMatches = n }) }

// SetBanTime sets the ban time, a number of seconds or a text; fractions are
// cut off (1.9.4). Bans that follow the jail's ban time change with it.
func (j *Jail) SetBanTime(value any) error {
	s, err := toSeconds(value)
	if err != nil {
		return err
	}
	whole := Int(int64(math.Trunc(s.Value)))
	j.edit(func(set *settings) { set.banTime = whole })
	j.logs.actions.Info("  banTime: " + pytext.Str(s.Py()))
	return nil
}

// BanTime is the ban time in force.
func (j *Jail) BanTime() Seconds { return j.bans.jailBanTime() }

// SetBanTimeExtra sets bantime.OPT (3.6); "" and nil take it away.
func (j *Jail) SetBanTimeExtra(opt string, value any) (err error) {
	shown := value
	if value == "" {
		shown = nil
	}
	j.logs.jail.Info("Set banTime." + opt + " = " + pytext.Str(shown))
	var enabled bool
	j.edit(func(s *settings) {
		next := s.increment.clone()
		err = next.set(opt, value)
		s.increment, enabled = next, next.enabled()
	})
	if opt == "increment" && enabled && j.env.Store == nil {
		j.logs.jail.Warn("ban time increment is not available as long jail database is not set")
	}
	return err
}

// AddIgnoreIP adds an entry of ignoreip.
func (j *Jail) AddIgnoreIP(text string) { j.shown().ignore.add(text) }

// DelIgnoreIP removes one.
func (j *Jail) DelIgnoreIP(text string) error { return j.shown().ignore.del(text) }

// SetIgnoreSelf sets whether the machine's own addresses are ignored.
func (j *Jail) SetIgnoreSelf(value any) { j.shown().ignore.setSelf(asBool(value)) }

// SetIgnoreCommand sets the ignorecommand; it is replied as it was given.
func (j *Jail) SetIgnoreCommand(value any) { j.shown().ignore.setCommand(value) }

// SetIgnoreCache sets ignorecache from its text, `key="<ip>", max-count=100,
// max-time=5m`; none switches it off.
func (j *Jail) SetIgnoreCache(text string) error {
	opts := map[string]string{}
	if j.env.ParseOptions != nil {
		var err error
		if opts, err = j.env.ParseOptions(text); err != nil {
			return valueError(err.Error())
		}
	}
	return j.shown().ignore.setCache(opts)
}

// Journal says whether the jail reads the journal instead of files.
func (j *Jail) Journal() bool { return j.reads == "systemd" || j.reads == "nflog" || j.reads == "kmsg" }

// AddJournalMatch adds a journalmatch; "+" begins another alternative. A jail
// on files has none.
func (j *Jail) AddJournalMatch(words []string) error {
	if !j.Journal() {
		return nil
	}
	groups := [][]string{{}}
	for _, w := range words {
		if w == "+" {
			groups = append(groups, []string{})
			continue
		}
		if !strings.Contains(w, "=") {
			j.logs.filter.Error("Error adding journal match for: " + pytext.Repr(strings.Join(words, " ")))
			return valueError("journalmatch " + pytext.Repr(w) + " is not of the form FIELD=VALUE")
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], w)
	}
	j.edit(func(s *settings) { s.journal = append(slices.Clip(s.journal), groups...) })
	j.logs.filter.Info(j.say("Added journal match for: " + pytext.Repr(strings.Join(words, " "))))
	j.rereadJournal()
	return nil
}

// DelJournalMatch removes a journalmatch as `get J journalmatch` lists it.
func (j *Jail) DelJournalMatch(words []string) (err error) {
	if !j.Journal() {
		return nil
	}
	j.edit(func(s *settings) {
		i := slices.IndexFunc(s.journal, func(g []string) bool { return slices.Equal(g, words) })
		if i < 0 {
			err = valueError("Match " + pytext.Repr(words) + " not found")
			return
		}
		s.journal = slices.Delete(slices.Clone(s.journal), i, i+1)
	})
	if err == nil {
		j.logs.filter.Info(j.say("Removed journal match for: " + pytext.Repr(words)))
		j.rereadJournal()
	}
	return err
}

// rereadJournal goes on with the matches that hold now, where a journal is read.
func (j *Jail) rereadJournal() {
	j.journal.mu.Lock()
	reading := j.journal.stop != nil
	j.journal.mu.Unlock()
	if reading {
		j.journal.start()
	}
}

// JournalMatches lists the alternatives of journalmatch.
func (j *Jail) JournalMatches() [][]string { return j.shown().journal }

// AddAction adds an action at the end of the order. On a running jail it is
// not started, as in fail2ban; in a reload it is (E.1).
func (j *Jail) AddAction(a Action) (err error) {
	j.edit(func(s *settings) {
		if i := indexAction(s.actions, a.Name()); i >= 0 {
			err = valueError("Action " + a.Name() + " already exists")
			return
		}
		s.actions = append(slices.Clip(s.actions), a)
	})
	return err
}

// DelAction removes an action without stopping it.
func (j *Jail) DelAction(name string) (err error) {
	j.edit(func(s *settings) {
		i := indexAction(s.actions, name)
		if i < 0 {
			err = keyError("Invalid Action name: " + name)
			return
		}
		s.actions = slices.Delete(slices.Clone(s.actions), i, i+1)
	})
	return err
}

// Action returns an action by its name.
func (j *Jail) Action(name string) (Action, error) {
	list := j.Actions()
	if i := indexAction(list, name); i >= 0 {
		return list[i], nil
	}
	return nil, keyError("Invalid Action name: " + name)
}

// Actions lists the actions in order.
func (j *Jail) Actions() []Action { return j.shown().actions }

func indexAction(list []Action, name string) int {
	return slices.IndexFunc(list, func(a Action) bool { return a.Name() == name })
}

package testaction

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"f2b-go/internal/getopt"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

const (
	// defaultJail is the jail's name where none is given.
	defaultJail = "test"
	// defaultIP is an address for documentation (RFC 5737).
	defaultIP = "192.0.2.1"
)

// options are what the command line says.
type options struct {
	config, spec, jail   string
	hostname             string
	ips                  []string
	ticket               jail.Ticket // what all tickets have in common
	hasTime, hasFailures bool
	json, run, check     bool
	help                 bool
}

// flags are the options with what each does.
var flags = map[string]func(o *options, value string) error{
	"config":   func(o *options, v string) error { o.config = v; return nil },
	"jail":     func(o *options, v string) error { o.jail = v; return nil },
	"ip":       func(o *options, v string) error { o.ips = append(o.ips, v); return nil },
	"hostname": func(o *options, v string) error { o.hostname = v; return nil },
	"failures": func(o *options, v string) error {
		o.hasFailures = true
		return count(&o.ticket.Failures, "failures", v)
	},
	"bancount": func(o *options, v string) error { return count(&o.ticket.BanCount, "bancount", v) },
	"bantime":  (*options).setBanTime,
	"time":     (*options).setTime,
	"match": func(o *options, v string) error {
		o.ticket.Matches = append(o.ticket.Matches, jail.Match{Before: v})
		return nil
	},
	"field": (*options).addField,
	"json":  func(o *options, _ string) error { o.json = true; return nil },
	"run":   func(o *options, _ string) error { o.run = true; return nil },
	"check": func(o *options, _ string) error { o.check = true; return nil },
	"help":  func(o *options, _ string) error { o.help = true; return nil },
}

// longNames are the flags as getopt wants them: = where a value follows.
var longNames = []string{"config=", "jail=", "ip=", "hostname=", "failures=", "bancount=", "bantime=", "time=", "match=", "field=",
	"json", "run", "check", "help"}

// parse reads the command line; the action's name may stand anywhere.
func parse(args []string) (*options, error) {
	o := &options{ticket: jail.Ticket{BanCount: 1}}
	for len(args) > 0 {
		found, rest, err := getopt.Parse(args, "c:h", longNames)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			name := strings.TrimLeft(f.Name, "-")
			switch name {
			case "c":
				name = "config"
			case "h":
				name = "help"
			}
			if err := flags[name](o, f.Value); err != nil {
				return nil, err
			}
		}
		if args = rest; len(args) == 0 {
			break
		}
		if o.spec != "" {
			return nil, fmt.Errorf("one action at a time: %q and %q", o.spec, args[0])
		}
		o.spec, args = args[0], args[1:]
	}
	return o, o.settle()
}

// settle fills in what was not said.
func (o *options) settle() error {
	if o.help {
		return nil
	}
	if o.spec == "" && o.jail == "" {
		return &getopt.Error{Msg: "which action? Name one, or a jail that has some"}
	}
	if o.jail == "" {
		o.jail = defaultJail
	}
	if len(o.ips) == 0 {
		o.ips = []string{defaultIP}
	}
	if !o.hasFailures {
		o.ticket.Failures = max(1, len(o.ticket.Matches))
	}
	if !o.hasTime {
		o.ticket.Time = float64(time.Now().UnixMicro()) / 1e6
	}
	return nil
}

// tickets are those of the addresses, in order.
func (o *options) tickets() []*jail.Ticket {
	var list []*jail.Ticket
	for _, ip := range o.ips {
		t := o.ticket
		t.ID = ipaddr.Parse(ip)
		list = append(list, &t)
	}
	return list
}

func count(target *int, name, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("--%s takes a number, not %q", name, text)
	}
	*target = n
	return nil
}

func (o *options) setBanTime(text string) error {
	seconds, isInt, err := timetext.Seconds(text)
	if err != nil {
		return fmt.Errorf("reading --bantime %q: %w", text, err)
	}
	o.ticket.SetBanTime(jail.Seconds{Value: seconds, Float: !isInt})
	return nil
}

// setTime reads a time. As in a log, one whose zone is known is a whole number
// to actions.
func (o *options) setTime(text string) error {
	o.hasTime = true
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		o.ticket.Time, o.ticket.TimeInt = float64(n), true
		return nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		o.ticket.Time = f
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			o.ticket.Time = float64(t.UnixMicro()) / 1e6
			o.ticket.TimeInt = layout == time.RFC3339Nano
			return nil
		}
	}
	return fmt.Errorf("--time takes seconds since 1970 or a time such as 2026-11-22T12:00:00, not %q", text)
}

// addField adds a group of the filter; its name may be written as the tag has it.
func (o *options) addField(text string) error {
	name, value, ok := strings.Cut(text, "=")
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, "f-")
	if !ok || name == "" {
		return errors.New("--field takes NAME=VALUE")
	}
	switch name {
	case "id", "port":
		name = "f" + name
	}
	o.ticket.Fields.Set(name, value)
	return nil
}

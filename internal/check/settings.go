package check

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

// general looks at what fail2ban.conf sets.
func (c *checker) general() {
	for _, cmd := range c.in.General {
		if len(cmd) != 3 {
			continue
		}
		option, value := pytext.Str(cmd[1]), pytext.Str(cmd[2])
		at := c.in.WhereGeneral(option)
		switch option {
		case "dbpurgeage":
			if _, _, err := timetext.Seconds(value); err != nil {
				c.add(Error, at, fmt.Sprintf("%q is no span of time", value), "write seconds or a span such as 1d 12h")
			}
		case "allowipv6":
			switch strings.ToLower(value) {
			case "auto", "1", "0", "yes", "no", "true", "false", "on", "off":
			default:
				c.add(Warning, at, fmt.Sprintf("%q is neither auto nor yes and counts as no", value), "write auto, yes or no")
			}
		}
	}
}

// remedies say what to do about a value that the server refuses.
var remedies = map[string]string{
	"maxretry": "write a whole number", "maxmatches": "write a whole number", "maxlines": "write a whole number",
	"findtime": "write seconds or a span such as 10m", "bantime": "write seconds, a span such as 1h, or -1",
	"bantime.maxtime": "write seconds or a span such as 5w", "bantime.rndtime": "write seconds or a span such as 10m",
	"backend": "use auto, pyinotify, polling or systemd", "logencoding": "use auto, UTF-8 or another encoding that Python knows",
	"logtimezone":         "write a zone such as UTC+0100 or Z; names such as Europe/Zurich are not known",
	"failregex":           "correct the regex; f2b-go test-filter shows what it matches",
	"ignoreregex":         "correct the regex",
	"prefregex":           "correct the regex",
	"datepattern":         "correct the pattern; in these files a percent sign is written %%",
	"ignorecache":         `write key="<ip>", max-count=100, max-time=5m`,
	"bantime.multipliers": "write numbers with one blank between them", "bantime.formula": "correct the formula", "bantime.factor": "write a number",
}

// settings gives the jail's commands to a jail that never runs, which refuses
// what a server would refuse.
func (c *checker) settings(j *config.InspectedJail) {
	var spare *jail.Jail
	regexes := false
	for _, cmd := range j.Commands {
		if len(cmd) < 3 {
			continue
		}
		if cmd[0] == "add" {
			backend := pytext.Str(cmd[2])
			var err error
			if spare, err = jail.New(j.Name, backend, jail.Env{ParseOptions: config.ParseOptionList}); err != nil {
				c.refused(j, "backend", backend, err)
				spare, _ = jail.New(j.Name, "auto", jail.Env{})
			}
			continue
		}
		word := pytext.Str(cmd[2])
		option := strings.TrimPrefix(word, "add")
		regexes = regexes || option == "failregex"
		args := cmd[3:]
		if cmd[0] == "multi-set" && len(args) == 1 {
			args, _ = args[0].([]any)
		}
		switch {
		case spare == nil || option == "action":
		case option == "failregex" || option == "ignoreregex":
			for _, a := range args {
				c.set(spare, j, word, []any{a})
			}
		default:
			c.set(spare, j, word, args)
		}
	}
	if !regexes && j.Filter != "" && !c.in.Lost("Definition", "failregex") && !c.in.Lost(j.Name, "failregex") {
		c.add(Warning, j.Where("failregex", ""), "the jail has no failregex: it never finds anything", "give its filter a failregex")
	}
}

// set sets one option of the spare jail.
func (c *checker) set(spare *jail.Jail, j *config.InspectedJail, word string, args []any) {
	option := strings.TrimPrefix(word, "add")
	value := ""
	if len(args) > 0 {
		if args[0] == nil { // no number, which reading told
			return
		}
		value = pytext.Str(args[0])
	}
	switch option {
	case "usedns":
		if _, ok := filter.ParseUseDNS(value); !ok {
			c.add(Warning, j.Where(option, value), fmt.Sprintf("%q is no value of usedns and counts as no", value), "write yes, warn, no or raw")
		}
	case "datepattern":
		c.datePattern(j, value)
		return
	case "ignoreip":
		c.ignoreIP(j, args)
	case "ignorecommand":
		c.ignoreCommand(j, value)
	}
	if _, err := spare.Set(context.Background(), word, args); err != nil {
		c.refused(j, option, value, err)
	}
}

// pythonPlaces are where Python finds a fault in an expression, and in a formula.
var pythonPlaces = []string{" (<string>, line 1)", " (~inline-conf-expr~, line 1)"}

// refused adds an error of the server's.
func (c *checker) refused(j *config.InspectedJail, option, value string, err error) {
	text := err.Error()
	for _, place := range pythonPlaces {
		text = strings.TrimSuffix(text, place)
	}
	remedy := remedies[option]
	switch {
	case strings.HasSuffix(option, "regex"):
		text, remedy = regexError(text, remedy)
	case option == "datepattern" || option == "backend" || option == "logtimezone":
	default:
		text = fmt.Sprintf("%q cannot be used: %s", value, text)
	}
	if remedy == "" {
		remedy = "correct the value"
	}
	c.add(Error, j.Where(option, value), text, remedy)
}

// regexError makes fail2ban's words about a regex shorter: they hold the regex
// with all of its tags expanded.
func regexError(text, remedy string) (string, string) {
	if strings.HasPrefix(text, "No failure-id group") {
		return "the regex holds no <HOST>: nobody would be banned", "put <HOST> or <ADDR> where the address stands"
	}
	if i := strings.LastIndex(text, "':"); i >= 0 {
		return "the regex does not compile: " + strings.TrimSpace(text[i+2:]), remedy
	}
	return text, remedy
}

// datePattern tells what is wrong with a datepattern, pattern by pattern.
func (c *checker) datePattern(j *config.InspectedJail, value string) {
	told := map[string]bool{}
	for _, f := range date.Explain(value) {
		if told[f.Pattern] && !f.Refused && !f.Fails {
			continue
		}
		told[f.Pattern] = true
		severity := Warning
		if f.Refused || f.Fails {
			severity = Error
		}
		c.add(severity, j.Where("datepattern", f.Pattern), f.Text, remedies["datepattern"])
	}
}

// ignoreIP warns of entries that are no address and no name.
func (c *checker) ignoreIP(j *config.InspectedJail, args []any) {
	for _, a := range args {
		entry := pytext.Str(a)
		if strings.HasPrefix(entry, "#") {
			c.add(Warning, j.Where("ignoreip", entry), fmt.Sprintf("%q begins no comment here: each word behind it is read as an entry", entry), "put comments on lines of their own")
			return
		}
		if strings.HasPrefix(entry, "file:") || likeName(entry) || isAddress(entry) {
			continue
		}
		at := j.Where("ignoreip", entry)
		if p, ok := j.Holding(entry); ok {
			at = p
		}
		c.add(Warning, at, fmt.Sprintf("%q is neither an address nor a network", entry), "write 192.0.2.1, 192.0.2.0/24, an IPv6 address or a host name")
	}
}

// likeName tells whether an entry may be a host name, and no mistyped address.
func likeName(s string) bool {
	return strings.Trim(s, "0123456789.") != "" && strings.IndexFunc(s, func(r rune) bool {
		return r < 0x80 && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r)
	}) < 0
}

func isAddress(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if _, err := netip.ParsePrefix(s); err == nil {
		return true
	}
	ip, mask, ok := strings.Cut(s, "/")
	if !ok {
		return false
	}
	_, err1 := netip.ParseAddr(ip)
	_, err2 := netip.ParseAddr(mask)
	return err1 == nil && err2 == nil
}

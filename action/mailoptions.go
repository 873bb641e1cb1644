package action

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"f2b-go/action/mail"
	"f2b-go/internal/timetext"
)

// mailMarker is the property that, with the value "mail", has an action's mail
// delivered natively. The original fail2ban does not know it and runs the
// action's commands.
const mailMarker = "f2b_native"

const (
	// defaultWhoisTime is how long whois may take for one mail.
	defaultWhoisTime = 10 * time.Second
	// maxMailTime bounds times in the options of a mail action.
	maxMailTime = 365 * 24 * time.Hour
)

// mailOptions are the properties of an action like f2b-mail.
type mailOptions struct {
	settings  mail.Settings
	matches   string
	startStop bool
}

// optionReader reads properties and keeps the first fault.
type optionReader struct {
	c   *Command
	err error
}

func (r *optionReader) text(name string) string {
	if _, ok := r.c.Get(name); !ok {
		return ""
	}
	text, err := r.c.render("<"+name+">", unconditional)
	if err != nil && r.err == nil {
		r.err = err
	}
	return strings.TrimSpace(text)
}

func (r *optionReader) fault(name, value, expected string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s = %s: expected %s", name, value, expected)
	}
}

// flag reads a yes or no; empty is no.
func (r *optionReader) flag(name string) bool {
	value := r.text(name)
	switch strings.ToLower(value) {
	case "1", "yes", "true", "on":
		return true
	case "", "0", "no", "false", "off":
		return false
	}
	r.fault(name, value, "yes or no")
	return false
}

// span reads a time; empty is 0.
func (r *optionReader) span(name string) time.Duration {
	value := r.text(name)
	if value == "" {
		return 0
	}
	return r.parseSpan(name, value)
}

func (r *optionReader) parseSpan(name, value string) time.Duration {
	seconds, _, err := timetext.Seconds(value)
	if err != nil || seconds < 0 || seconds > maxMailTime.Seconds() {
		r.fault(name, value, "a time such as 10m, of at most a year")
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// number reads a whole number from 0 to limit; empty is 0.
func (r *optionReader) number(name string, limit int) int {
	value := r.text(name)
	if value == "" {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > limit {
		r.fault(name, value, "a number of at most "+strconv.Itoa(limit))
		return 0
	}
	return n
}

// rate reads NUMBER/TIME; empty or 0 is no limit.
func (r *optionReader) rate(name string) mail.Rate {
	value := r.text(name)
	if value == "" || value == "0" {
		return mail.Rate{}
	}
	number, per, ok := strings.Cut(value, "/")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if !ok || err != nil || n < 1 || n > 1000 {
		r.fault(name, value, "mails per time, such as 30/1h")
		return mail.Rate{}
	}
	return mail.Rate{Count: n, Per: r.parseSpan(name, per)}
}

// mailOptions reads the properties of an action whose mail is delivered
// natively; etc_fail2ban/action.d/f2b-mail.conf tells what they mean.
func (a *configured) mailOptions() (mailOptions, error) {
	r := &optionReader{c: a.Command}
	s := mail.Settings{
		Host: a.env.Names.FQDN(), To: mail.ParseAddresses(r.text("dest")), Server: a.mailServer(r),
		Template: a.property("template"), Whois: r.text("whois"), WhoisTime: r.span("whois_time"),
		Digest: r.span("digest"), Rate: r.rate("rate"), Retry: r.span("retry"), Keep: r.span("keep"),
		Spool: r.text("spool"), Limit: r.number("spool_size", 10_000),
	}
	sender := r.text("sender")
	if from := mail.ParseAddresses(sender); len(from) == 1 {
		s.From = from[0]
	} else {
		r.fault("sender", sender, "one mail address")
	}
	if name := r.text("sendername"); name != "" {
		s.From.Name = name
	}
	if strings.EqualFold(s.Whois, "no") {
		s.Whois = ""
	}
	if s.WhoisTime == 0 {
		s.WhoisTime = defaultWhoisTime
	}
	if strings.EqualFold(s.Spool, "no") {
		s.Spool = ""
	}
	opt := mailOptions{settings: s, matches: r.text("lines"), startStop: r.flag("startstop")}
	return opt, r.err
}

// mailServer reads the properties about the mail server. Without a word about
// tls it is used with a server on another machine, and with none on this one.
func (a *configured) mailServer(r *optionReader) mail.Server {
	s := mail.Server{
		User: r.text("user"), Password: a.property("password"), PasswordFile: r.text("password_file"), CAFile: r.text("ca_file"),
		Security: mail.Security(strings.ToLower(r.text("tls"))),
	}
	a.Command.mu.Lock()
	s.Timeout = a.props.timeout()
	a.Command.mu.Unlock()
	host := r.text("host")
	if host == "" {
		host = "localhost"
	}
	var err error
	if s.Host, s.Port, err = mail.ParseHost(host); err != nil && r.err == nil {
		r.err = err
	}
	// The action's own file always gives a port; one behind the host was meant.
	if port := r.number("port", 65535); port != 0 && s.Port == 0 {
		s.Port = port
	}
	switch {
	case s.Security == "" && s.Local():
		s.Security = mail.Plain
	case s.Security == "":
		s.Security = mail.StartTLS
	case s.Security == mail.Plain:
		s.ClearLogin = true
	}
	return s
}

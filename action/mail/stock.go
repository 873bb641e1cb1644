package mail

import (
	"context"
	"strconv"
	"strings"
)

// The words of fail2ban's smtp.py are its interface: mail filters parse its
// subjects and bodies.
const (
	stockGreeting = "Hi,\n\n"
	stockRegards  = "\nRegards,\nFail2Ban"
)

// stockComposer writes mails as fail2ban's smtp.py does (COMPAT 4.4.2).
type stockComposer struct {
	from    Address
	to      []Address
	dest    string // the header To
	host    string
	matches string
}

// compose writes the mail for the one notice given.
func (c *stockComposer) compose(_ context.Context, list []*Notice, _ int) *Letter {
	n := list[0]
	l := &Letter{From: c.from, To: c.to, Date: n.Queued, stockTo: oneLine(c.dest, maxHeader)}
	if l.stockTo == "" {
		l.stockTo = strings.Join(mailboxes(c.to), ", ")
	}
	switch n.Kind {
	case Started:
		l.Subject = "[Fail2Ban] " + n.Jail + ": started on " + c.host
		l.Text = stockGreeting + "The jail " + n.Jail + " has been started successfully.\n" + stockRegards
	case Stopped:
		l.Subject = "[Fail2Ban] " + n.Jail + ": stopped on " + c.host
		l.Text = stockGreeting + "The jail " + n.Jail + " has been stopped.\n" + stockRegards
	default:
		l.Subject = "[Fail2Ban] " + n.Jail + ": banned " + n.IP + " from " + c.host
		l.Text = stockGreeting + "The IP " + n.IP + " has just been banned for " + strconv.FormatInt(int64(n.BanTime), 10) +
			" seconds\nby Fail2Ban after " + strconv.Itoa(n.Failures) + " attempts against " + n.Jail + ".\n" +
			c.lines(n) + stockRegards
	}
	return l
}

// lines is the part with the log lines that were asked for.
func (c *stockComposer) lines(n *Notice) string {
	heading := ""
	switch c.matches {
	case "matches":
		heading = "Matches for this ban:"
	case "ipmatches":
		heading = "Matches for " + n.IP + ":"
	case "ipjailmatches":
		heading = "Matches for " + n.IP + " for jail " + n.Jail + ":"
	default:
		return ""
	}
	return "\n" + heading + "\n" + strings.Join(n.Lines, "\n") + "\n"
}

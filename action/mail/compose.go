package mail

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"f2b-go/internal/timetext"
)

const (
	// maxListed bounds the bans that one mail lists.
	maxListed = 500
	// digestLines and digestLine bound what a mail of many bans has of each one's
	// lines.
	digestLines = 3
	digestLine  = 300
	// unbanAtOnce is how many addresses one command lifts.
	unbanAtOnce = 20
	timeLayout  = "2006-01-02 15:04:05 -0700"
	domainChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
)

// composer turns notices into a letter. dropped counts notices that are lost.
type composer interface {
	compose(ctx context.Context, list []*Notice, dropped int) *Letter
}

// Mail is what a template is given. With one ban its values are the mail's own:
// {{.IP}} is the address.
type Mail struct {
	// Ban is the first of Bans, empty without one.
	Ban
	Host   string
	Bans   []Ban
	Events []Event
	// Count counts the bans, More of which are not listed; Dropped counts
	// notices that are lost.
	Count, More, Dropped int
	// Jails names the jails, Event the first event: "started", "stopped".
	Jails, Event string
	// First and Last are the times of the bans.
	First, Last string
	// Unbans are the commands that lift the listed bans.
	Unbans []string
}

// Ban is one ban in a template. All texts are made fit for a mail's body.
type Ban struct {
	Jail, IP, ID string
	// Begin and End are times with their zone, Length the time between; End is
	// "for ever" when Permanent.
	Begin, End, Length string
	Permanent          bool
	Failures, BanCount int
	Lines              []string
	Fields             map[string]string
	// Network is a line about whose network it is, Abuse where to complain, Whois
	// the whole answer; empty where whois says nothing.
	Network, Abuse, Whois string
	// Unban is the command that lifts the ban.
	Unban string
}

// Event is a jail's start or stop in a template.
type Event struct{ Jail, What, Time string }

// noticeComposer writes our own mails.
type noticeComposer struct {
	from      Address
	to        []Address
	host      string
	templates *templates
	whois     *whois
	local     *time.Location
	now       func() time.Time
	// fault is told when the administrator's template fails.
	fault func(error)
}

func (c *noticeComposer) compose(ctx context.Context, list []*Notice, dropped int) *Letter {
	l := &Letter{From: c.from, To: c.to, Date: c.now(), MessageID: list[0].Key + "@" + domain(c.host)}
	data := c.mail(ctx, list, dropped)
	err := c.templates.fill(l, data)
	if err == nil {
		return l
	}
	c.fault(err)
	if own, err := parseTemplates("", ""); err == nil {
		err = own.fill(l, data)
		if err != nil {
			c.fault(err)
		}
	}
	return l
}

// mail makes the template's data.
func (c *noticeComposer) mail(ctx context.Context, list []*Notice, dropped int) *Mail {
	m := &Mail{Host: oneLine(c.host, maxText), Dropped: dropped}
	var jails []string
	bans := slices.DeleteFunc(slices.Clone(list), func(n *Notice) bool { return n.Kind != Banned })
	for _, n := range list {
		jails = append(jails, oneLine(n.Jail, maxText))
		if n.Kind != Banned {
			m.Events = append(m.Events, c.event(n))
		}
	}
	slices.Sort(jails)
	if jails = slices.Compact(jails); len(jails) > 3 {
		m.Jails = strconv.Itoa(len(jails)) + " jails"
	} else {
		m.Jails = strings.Join(jails, ", ")
	}
	if len(m.Events) > 0 {
		m.Event = m.Events[0].What
	}
	m.Count = len(bans)
	if len(bans) == 0 {
		return m
	}
	m.First, m.Last = c.span(bans)
	listed := bans[:min(len(bans), maxListed)]
	m.More = len(bans) - len(listed)
	answers := c.ask(ctx, listed)
	for _, n := range listed {
		m.Bans = append(m.Bans, c.ban(n, answers[n.IP], len(bans) > 1))
	}
	m.Ban = m.Bans[0]
	m.Unbans = unbans(listed)
	return m
}

func (c *noticeComposer) ask(ctx context.Context, list []*Notice) map[string]string {
	var addresses []string
	for _, n := range list {
		if n.Single {
			addresses = append(addresses, n.IP)
		}
	}
	return c.whois.all(ctx, addresses)
}

func (c *noticeComposer) time(t time.Time) string { return t.In(c.local).Format(timeLayout) }

// span returns the times of the first and the last ban.
func (c *noticeComposer) span(bans []*Notice) (first, last string) {
	byTime := func(a, b *Notice) int { return a.Time.Compare(b.Time) }
	return c.time(slices.MinFunc(bans, byTime).Time), c.time(slices.MaxFunc(bans, byTime).Time)
}

func (c *noticeComposer) event(n *Notice) Event {
	what := "started"
	if n.Kind == Stopped {
		what = "stopped"
	}
	return Event{oneLine(n.Jail, maxText), what, c.time(n.Time)}
}

// ban is a notice for a template; short for a mail of many.
func (c *noticeComposer) ban(n *Notice, answer string, short bool) Ban {
	b := Ban{
		Jail: oneLine(n.Jail, maxText), IP: oneLine(n.IP, maxText), ID: oneLine(n.ID, maxText),
		Begin: c.time(n.Time), Failures: n.Failures, BanCount: n.BanCount, Fields: map[string]string{},
		Network: network(answer), Abuse: field(answer, abuseKeys), Whois: answer, Unban: unbans([]*Notice{n})[0],
	}
	if b.Permanent = n.BanTime < 0; b.Permanent {
		b.End, b.Length = "for ever", "for ever"
	} else {
		b.End = c.time(n.Time.Add(time.Duration(min(n.BanTime, 9e9) * float64(time.Second))))
		b.Length = timetext.Text(n.BanTime)
	}
	lines, width := n.Lines, maxLineBytes
	if short {
		lines, width = lines[max(0, len(lines)-digestLines):], digestLine
	}
	for _, line := range lines {
		for piece := range strings.SplitSeq(strings.TrimRight(plain(line, width), "\n"), "\n") {
			b.Lines = append(b.Lines, piece)
		}
	}
	for name, value := range n.Fields {
		b.Fields[name] = oneLine(value, maxText)
	}
	return b
}

// unbans are the commands that lift bans, a few addresses of a jail in each.
func unbans(list []*Notice) []string {
	var commands []string
	var jails []string
	ids := map[string][]string{}
	for _, n := range list {
		if ids[n.Jail] == nil {
			jails = append(jails, n.Jail)
		}
		if !slices.Contains(ids[n.Jail], n.ID) {
			ids[n.Jail] = append(ids[n.Jail], n.ID)
		}
	}
	for _, jail := range jails {
		for some := range slices.Chunk(ids[jail], unbanAtOnce) {
			words := "fail2ban-client set " + shellWord(jail) + " unbanip"
			for _, id := range some {
				words += " " + shellWord(id)
			}
			commands = append(commands, words)
		}
	}
	return commands
}

// shellWord writes a word so that a shell reads it as it is, on one line.
func shellWord(word string) string {
	word = oneLine(word, maxText)
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune(domainChars+"_:/@%+,=", r)
	}) && word[0] != '-' {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// domain is a host name fit for the right side of a Message-ID.
func domain(host string) string {
	host = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(domainChars, r) {
			return r
		}
		return -1
	}, host), ".-")
	if host == "" {
		return "localhost"
	}
	return cut(host, 253)
}

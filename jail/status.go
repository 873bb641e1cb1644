package jail

import (
	"context"
	"fmt"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// Flavours of a jail's status.
const (
	FlavourBasic = "basic"
	FlavourShort = "short"
	FlavourStats = "stats"
	FlavourCymru = "cymru"
	// FlavourLag is basic and how far behind the jail is; fail2ban has no such.
	FlavourLag = "lag"
)

// Status is the reply to `status JAIL [flavour]` (5.3). An unknown flavour is
// logged and gives the basic one; cymru asks DNS and may take a minute.
func (j *Jail) Status(flavour string) []any {
	c := j.Counts()
	if flavour == FlavourStats {
		return []any{j.reads, pytext.Tuple{c.Failed, c.TotalFailed}, pytext.Tuple{c.Banned, c.TotalBanned}}
	}
	found := []any{pytext.Tuple{"Currently failed", c.Failed}, pytext.Tuple{"Total failed", c.TotalFailed}}
	if j.Journal() {
		found = append(found, pytext.Tuple{"Journal matches", journalText(j.JournalMatches())})
	} else {
		found = append(found, pytext.Tuple{"File list", pyList(j.LogPaths())})
	}
	switch flavour {
	case FlavourLag:
		found = append(found, pytext.Tuple{"Lag", lagTexts(j.Lag())})
	case FlavourBasic, FlavourShort, FlavourCymru:
	default:
		j.logs.actions.Warn("Unsupported extended jail status flavor " + pytext.Repr(flavour) + ". Supported: ['short', 'basic', 'cymru']")
	}
	banned := []any{pytext.Tuple{"Currently banned", c.Banned}, pytext.Tuple{"Total banned", c.TotalBanned}}
	if flavour != FlavourShort {
		banned = append(banned, pytext.Tuple{"Banned IP list", j.Banned(nil)})
	}
	if flavour == FlavourCymru {
		banned = append(banned, cymruStatus(j.cymru(context.Background()))...)
	}
	return []any{pytext.Tuple{"Filter", found}, pytext.Tuple{"Actions", banned}}
}

// journalText joins the matches as fail2ban's status does.
func journalText(groups [][]string) string {
	text := ""
	for i, g := range groups {
		if i > 0 {
			text += " + "
		}
		for k, w := range g {
			if k > 0 {
				text += " "
			}
			text += w
		}
	}
	return text
}

// BanList is the reply to `get J banip`: the IDs in order of their bans' ends,
// or with times the lines `ID \tSTART + SECONDS = END`.
func (j *Jail) BanList(withTime bool) []any {
	tickets, ends := j.bans.byEnd()
	banTime := j.bans.jailBanTime()
	out := make([]any, len(tickets))
	for i, t := range tickets {
		out[i] = t.ID.String()
		if withTime {
			out[i] = fmt.Sprintf("%s \t%s + %d = %s", t.ID, j.timeText(t.Time), int64(t.EffectiveBanTime(banTime).Value), j.timeText(ends[i]))
		}
	}
	return out
}

// Banned is the reply to `get J banned [ID…]`: without IDs the list of all in
// order of their bans, with one 1 or 0, with more a list of these.
func (j *Jail) Banned(texts []string) any {
	if len(texts) == 0 {
		out := []any{}
		for _, t := range j.bans.tickets() {
			out = append(out, t.ID.String())
		}
		return out
	}
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = 0
		if _, ok := j.bans.get(ipaddr.Parse(text)); ok {
			out[i] = 1
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// Tickets returns copies of the tickets in force, in order of the bans.
func (j *Jail) Tickets() []*Ticket { return j.bans.tickets() }

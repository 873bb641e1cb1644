package action

import (
	"context"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// info gives the dynamic tags of one ticket, each worked out when first asked.
type info struct {
	ctx    context.Context
	env    *Env
	ticket *jail.Ticket
	got    map[string]any
	merged map[bool]*jail.Ticket
}

func newInfo(ctx context.Context, env *Env, t *jail.Ticket) *info {
	return &info{ctx: ctx, env: env, ticket: t, got: map[string]any{}}
}

// values are the ticket's for a command's text.
func (i *info) values() values {
	return values{value: i.value, data: i.data, constant: i.env.constant}
}

// infoTags are the dynamic tags in fail2ban's order (COMPAT 4.1).
var infoTags = []struct {
	name  string
	value func(*info) any
}{
	{"ip", func(i *info) any { return i.ticket.IP() }},
	{"family", func(i *info) any { return familyOf(i.ticket).python() }},
	{"ip-rev", func(i *info) any { return i.ticket.IP().Reverse() }},
	{"ip-host", (*info).host},
	{"fid", func(i *info) any { return i.ticket.ID }},
	{"failures", func(i *info) any { return i.ticket.Failures }},
	{"time", func(i *info) any { return i.ticket.PyTime() }},
	{"bantime", func(i *info) any { return int64(i.ticket.EffectiveBanTime(i.env.Jail.BanTime()).Value) }},
	{"bancount", func(i *info) any { return i.ticket.BanCount }},
	{"matches", func(i *info) any { return i.ticket.JoinedLines() }},
	{"restored", func(i *info) any { return map[bool]int{true: 1}[i.ticket.Restored] }},
	{"F-*", func(i *info) any { return i.ticket.Data() }},
	{"ipmatches", func(i *info) any { return i.all(true).JoinedLines() }},
	{"ipjailmatches", func(i *info) any { return i.all(false).JoinedLines() }},
	{"ipfailures", func(i *info) any { return i.all(true).Failures }},
	{"ipjailfailures", func(i *info) any { return i.all(false).Failures }},
	{"raw-ticket", func(i *info) any { return rawTicket(i.ticket) }},
	{"jail.name", func(i *info) any { return i.env.Jail.Name() }},
	{"jail.banned", func(i *info) any { return i.env.Jail.Counts().Banned }},
	{"jail.banned_total", func(i *info) any { return i.env.Jail.Counts().TotalBanned }},
	{"jail.found", func(i *info) any { return i.env.Jail.Counts().Failed }},
	{"jail.found_total", func(i *info) any { return i.env.Jail.Counts().TotalFailed }},
}

// value gives a dynamic tag.
func (i *info) value(tag string) (any, bool) {
	if v, ok := i.got[tag]; ok {
		return v, true
	}
	for _, t := range infoTags {
		if t.name == tag {
			v := t.value(i)
			i.got[tag] = v
			return v, true
		}
	}
	return nil, false
}

// data are the filter's groups for the tags <F-NAME>.
func (i *info) data() pytext.Dict {
	v, _ := i.value("F-*")
	data, _ := v.(pytext.Dict)
	return data
}

// all returns the bans of the ticket's address added up.
func (i *info) all(allJails bool) *jail.Ticket {
	if t, ok := i.merged[allJails]; ok {
		return t
	}
	if i.merged == nil {
		i.merged = map[bool]*jail.Ticket{}
	}
	t := i.env.Jail.Merged(i.ticket, allJails)
	if t == nil {
		t = i.ticket
	}
	i.merged[allJails] = t
	return t
}

// host is the address's name in reverse DNS, or Python's None.
func (i *info) host() any {
	if name := i.env.Names.Reverse(i.ctx, i.ticket.IP()); name != "" {
		return name
	}
	return nil
}

// String is the text that fail2ban's log has for the values used so far, for
// errors. fail2ban shows the addresses of functions for fid and raw-ticket.
func (i *info) String() string {
	var d pytext.Dict
	for _, t := range infoTags {
		v, ok := i.got[t.name]
		if !ok && (t.name == "fid" || t.name == "raw-ticket") {
			v, ok = i.value(t.name)
		}
		if ok {
			d = append(d, pytext.Item{Key: t.name, Value: v})
		}
	}
	return "ActionInfo(" + pytext.Repr(d) + ")"
}

// rawTicket is Python's repr of a ban ticket.
func rawTicket(t *jail.Ticket) string {
	var banTime any
	if t.HasBanTime {
		banTime = t.BanTime.Py()
	}
	matches, ok := t.Data().Get("matches")
	if !ok {
		matches = []any{}
	}
	return strings.Join([]string{"BanTicket: ip=" + t.ID.String(), "time=" + pytext.Str(t.PyTime()),
		"bantime=" + pytext.Str(banTime), "bancount=" + pytext.Str(t.BanCount),
		"#attempts=" + pytext.Str(t.Failures), "matches=" + pytext.Repr(matches)}, " ")
}

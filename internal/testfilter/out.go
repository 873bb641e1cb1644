package testfilter

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// printFailures prints what -o asks for, COMPAT 6.8.
func (t *tester) printFailures(l *judged) {
	found := l.failures
	if t.opt.invert {
		if len(found) > 0 {
			return
		}
		stamp, ok := t.flt.LastDate()
		found = []filter.Failure{{
			HasID: true, Time: stamp.Unix, TimeInt: stamp.Int, HasTime: ok,
			Fields:  filter.Fields{{Name: "fid", Kind: filter.Text}},
			Matches: []filter.Match{{After: l.text}},
		}}
	}
	rows := rowPrinter{t: t}
	for i := range found {
		rows.print(&found[i])
	}
	rows.finish()
}

// rowPrinter prints the failures of one line of the log.
type rowPrinter struct {
	t       *tester
	spread  bool // one row for each matched line: <msg> of several lines
	waiting []waitingRow
}

type waitingRow struct {
	f    *filter.Failure
	text string
}

// msgMark stands where a matched line goes; values cannot hold it.
const msgMark = "\x00msg\x00"

func (r *rowPrinter) line(text string) { fmt.Fprintln(r.t.out, text) }

// printIDs prints the IDs of failures, but for those that are none by themselves.
func (t *tester) printIDs(found []filter.Failure) {
	for i := range found {
		if !found[i].NoFail {
			t.printID(&found[i])
		}
	}
}

// printID prints the ID of a failure.
func (t *tester) printID(f *filter.Failure) {
	b := t.out.AvailableBuffer()
	if f.HasID {
		b = f.ID.AppendTo(b)
	} else {
		b = append(b, "None"...)
	}
	_, _ = t.out.Write(append(b, '\n')) // the last Flush tells
}

func (r *rowPrinter) print(f *filter.Failure) {
	switch token := r.t.opt.out; {
	case token == "id" || token == "fid":
		r.t.printID(f)
	case token == "ip":
		r.line(ipText(f))
	case token == "msg":
		for _, m := range f.Matches {
			r.line(m.String())
		}
	case token == "row":
		r.line(fmt.Sprintf("[%s,\t%s,\t%s],", idRepr(f), pytext.Repr(pyTime(f)), fieldsRepr(f.Fields)))
	case !strings.Contains(token, "<"):
		r.line(valueText(f, token))
	default:
		text := r.fill(f, token)
		if r.spread {
			r.waiting = append(r.waiting, waitingRow{f, text})
			return
		}
		r.line(text)
	}
}

func (r *rowPrinter) finish() {
	for _, w := range r.waiting {
		for _, m := range w.f.Matches {
			r.line(strings.ReplaceAll(w.text, msgMark, m.String()))
		}
	}
}

var fieldTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<F-([A-Z0-9_\-]+)>`) })

// fill puts values in the place of the tags of text, once, then those of the
// groups of the filter.
func (r *rowPrinter) fill(f *filter.Failure, text string) string {
	text = tags.Expand(text, func(tag string) (string, bool) {
		if tag == "msg" {
			if !r.spread && len(f.Matches) <= 1 {
				return joined(f.Matches), true
			}
			r.spread = true
			return msgMark, true
		}
		v, ok := r.t.dynamic(f, tag)
		return strings.ReplaceAll(v, "\x00", `\x00`), ok
	})
	return fieldTag().ReplaceAllStringFunc(text, func(tag string) string {
		name := strings.ToLower(tag[len("<F-") : len(tag)-1])
		switch name {
		case "id":
			name = "fid"
		case "port":
			name = "fport"
		}
		return strings.ReplaceAll(f.Fields.Text(name), "\x00", `\x00`)
	})
}

// dynamic is the value of an action's tag for a failure that is no ban yet.
func (t *tester) dynamic(f *filter.Failure, tag string) (string, bool) {
	ip := f.ID
	if v, ok := f.Fields.Get("ip"); ok && v.Kind == filter.IP {
		ip = v.Value.(ipaddr.Addr)
	}
	switch tag {
	case "ip":
		return ipText(f), true
	case "family":
		return none(ip.FamilyName()), true
	case "ip-rev":
		return ip.Reverse(), true
	case "ip-host":
		return none(t.names.Reverse(context.Background(), ip)), true
	case "fid":
		return idText(f), true
	case "time":
		return t.ticketTime(f), true
	case "failures", "bancount", "restored", "ipfailures", "ipjailfailures":
		return "0", true
	case "matches", "ipmatches", "ipjailmatches":
		return joined(f.Matches), true
	case "F-*":
		return ticketRepr(f), true
	case "raw-ticket":
		return rawTicket(f, t.ticketTime(f)), true
	case "br":
		return "\n", true
	case "sp":
		return " ", true
	case "fq-hostname", "sh-hostname":
		host, err := os.Hostname()
		if tag == "sh-hostname" {
			host, _, _ = strings.Cut(host, ".")
		}
		return host, err == nil
	}
	return "", false
}

// ticketTime is the time of a ticket made of the failure: now, where the failure has none.
func (t *tester) ticketTime(f *filter.Failure) string {
	if at := pyTime(f); at != nil {
		return pytext.Str(at)
	}
	return pytext.FloatRepr(float64(t.clock().UnixMicro()) / 1e6)
}

func none(s string) string {
	if s == "" {
		return "None"
	}
	return s
}

func joined(matches []filter.Match) string {
	lines := make([]string, len(matches))
	for i, m := range matches {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

func ipText(f *filter.Failure) string {
	if v, ok := f.Fields.Get("ip"); ok {
		return pytext.Str(v.Python())
	}
	return idText(f)
}

func idRepr(f *filter.Failure) string {
	if !f.HasID {
		return "None"
	}
	return addrRepr(f.ID)
}

func addrRepr(a ipaddr.Addr) string {
	if a.IsTuple() {
		return a.String()
	}
	return pytext.Repr(a.String())
}

// pyTime is the time as Python holds it.
func pyTime(f *filter.Failure) any {
	switch {
	case !f.HasTime:
		return nil
	case f.TimeInt:
		return int64(f.Time)
	}
	return f.Time
}

// fieldsRepr is Python's repr of the data.
func fieldsRepr(fs filter.Fields) string {
	var parts []string
	for i := range fs {
		parts = append(parts, pytext.Repr(fs[i].Name)+": "+valueRepr(&fs[i]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// ticketRepr is the repr of the data of a ticket made of the failure.
func ticketRepr(f *filter.Failure) string {
	parts := []string{"'matches': " + valueText(f, "matches"), "'failures': 0"}
	for i := range f.Fields {
		if f.Fields[i].Kind != filter.None {
			parts = append(parts, pytext.Repr(f.Fields[i].Name)+": "+valueRepr(&f.Fields[i]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// rawTicket is Python's repr of a ticket made of the failure.
func rawTicket(f *filter.Failure, at string) string {
	return "BanTicket: ip=" + idText(f) + " time=" + at + " bantime=None bancount=0 #attempts=0 matches=" + valueText(f, "matches")
}

func valueRepr(f *filter.Field) string {
	switch f.Kind {
	case filter.IP:
		return addrRepr(f.Value.(ipaddr.Addr))
	case filter.Users:
		var parts []string
		for _, u := range f.Python().([]string) {
			parts = append(parts, pytext.Repr(u))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return pytext.Repr(f.Python())
}

// valueText is what Python prints of one field: None where there is none.
func valueText(f *filter.Failure, name string) string {
	if name == "matches" {
		list := []any{}
		for _, m := range f.Matches {
			list = append(list, m.Tuple())
		}
		return pytext.Repr(list)
	}
	v, ok := f.Fields.Get(name)
	switch {
	case !ok || v.Kind == filter.None:
		return "None"
	case v.Kind == filter.Users:
		return valueRepr(&v)
	}
	return pytext.Str(v.Python())
}

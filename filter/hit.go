package filter

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// hit is a failregex that matched.
type hit struct {
	re      *Regex
	number  int // from 1
	text    string
	caps    []int
	matched []Match // the lines it matched
	rest    []Match // the other lines of the buffer
}

// judgeHit makes failures of a hit; true ends the line.
func (f *Filter) judgeHit(j *job, h *hit) bool {
	if len(j.s.ignore) > 0 && f.ignoresHit(j, h) {
		return !j.mode.CheckAll
	}
	if j.noDate {
		f.warnNoDate(j, h)
		if !j.hasTime && j.mode.Gate {
			return false
		}
	}
	if j.s.maxLines > 1 {
		f.buffer, j.buf = h.rest, nil
	}
	rec := &record{fields: j.merged(h)}
	mlfid := ""
	if id, ok := rec.fields.Get("mlfid"); ok && id.Kind != None {
		mlfid = rec.fields.Text("mlfid")
		rec = f.mergeSession(j, mlfid, rec, h.matched)
		if rec.fields.isTrue("nofail") && !j.mode.CheckAll {
			return true
		}
		return f.identify(j, h, rec, true)
	}
	rec.matches = append(rec.matches, h.matched...)
	return f.identify(j, h, rec, false)
}

// merged are the groups of the prefregex with those of the failregex on top; a
// group of the failregex that took no part leaves the prefregex's value.
func (j *job) merged(h *hit) Fields {
	if len(j.pre) == 0 {
		return h.re.fields(make(Fields, 0, len(h.re.names)+2), h.text, h.caps)
	}
	fs := append(make(Fields, 0, len(j.pre)+len(h.re.names)+2), j.pre...)
	fs.update(h.re.fields(nil, h.text, h.caps))
	return fs
}

// ignoresHit tries the ignoreregexes on the lines of a hit.
func (f *Filter) ignoresHit(j *job, h *hit) bool {
	buf := j.buf
	multi := j.s.maxLines > 1
	if multi {
		buf = joinLines(nil, h.matched)
	}
	if !f.ignores(j, buf) {
		return false
	}
	if multi {
		f.buffer, j.buf = h.rest, nil
	}
	return true
}

func (f *Filter) warnNoDate(j *job, h *hit) {
	f.warnOnce(warnNoTime, j.now, func() []string {
		var whole []string
		for _, m := range h.matched {
			whole = append(whole, m.String())
		}
		dateText := j.instead
		if !j.whole {
			dateText = string(j.line[j.cut[0]:j.cut[1]])
		}
		return []string{
			"Found a match but no valid date/time found for " + pytext.Repr(dateText) + ".",
			"Match without a timestamp: " + strings.Join(whole, "\n"),
			"Please try setting a custom date pattern (see man page jail.conf(5)).",
		}
	})
}

// identify finds the ID of a hit, COMPAT 2.3, and adds its failures; true ends
// the line.
func (f *Filter) identify(j *job, h *hit, rec *record, session bool) bool {
	fs := &rec.fields
	raw := j.s.useDNS == Raw || j.mode.RawHosts
	var ids []ipaddr.Addr
	pending := false
	switch {
	case fs.has("ip4"):
		ids, j.verd.Err = withFID(fs, "ip4", ipaddr.Inet4, raw)
	case fs.has("ip6"):
		ids, j.verd.Err = withFID(fs, "ip6", ipaddr.Inet6, raw)
	case fs.has("dns") && raw:
		name := ipaddr.Text(fs.Text("dns"))
		ids = []ipaddr.Addr{name}
		if id, _ := fs.Get("fid"); id.Kind != None && fs.Text("fid") != name.String() {
			fs.put(Field{Name: "ip", Kind: IP, Value: name})
			ids[0] = idOf(id, raw)
		}
	case fs.has("dns"):
		ids = f.resolve(j.s.useDNS, fs)
	case fs.has("fid"):
		id, _ := fs.Get("fid")
		ids = []ipaddr.Addr{idOf(id, raw)}
	case session:
		fs.put(Field{Name: "mlfpending", Kind: Int, Value: 1})
		if !j.mode.CheckAll && !j.mode.KeepPending {
			return true
		}
		pending, ids = true, []ipaddr.Addr{{}}
	default:
		f.log.Error(fmt.Sprintf("No group found in '%s' using '%s'", h.text, h.re.text))
		return false
	}
	if j.verd.Err != nil {
		return true
	}
	for _, id := range ids {
		j.add(h, rec, id, !pending)
	}
	return !j.mode.CheckAll
}

// add appends a failure with a copy of the record.
func (j *job) add(h *hit, rec *record, id ipaddr.Addr, hasID bool) {
	stamp := j.stamp
	if j.mode.Gate && j.hasTime && stamp.Unix > j.now {
		stamp.Unix, stamp.Int = j.now, false
	}
	j.found = append(j.found, Failure{
		ID: id, HasID: hasID, Time: stamp.Unix, TimeInt: stamp.Int, HasTime: j.hasTime,
		Regex: h.number, NoFail: rec.fields.isTrue("nofail"),
		Fields: rec.fields.copied(), Matches: slices.Clone(rec.matches),
	})
}

// withFID is the ID of an address group: the address, or the failure ID where
// that is another text; the address then is the field ip.
func withFID(fs *Fields, group string, fam ipaddr.Family, raw bool) ([]ipaddr.Addr, error) {
	text, cidr := fs.Text(group), -1
	if c := fs.Text("cidr"); c != "" {
		if strings.ContainsFunc(c, func(r rune) bool { return !unicode.IsDigit(r) }) {
			return nil, fmt.Errorf("ValueError(%s)", pytext.Repr("invalid literal for int() with base 10: "+pytext.Repr(c)))
		}
		cidr = ipaddr.Prefix(c)
	}
	addr := ipaddr.ParseAs(text, fam, cidr)
	id, _ := fs.Get("fid")
	if id.Kind == None || (id.Kind == Text && id.Text == text) {
		return []ipaddr.Addr{addr}, nil
	}
	fs.put(Field{Name: "ip", Kind: IP, Value: addr})
	return []ipaddr.Addr{idOf(id, raw)}, nil
}

// idOf reads a failure ID: an address or network if it is one (not when host
// names are taken raw), else its text.
func idOf(id Field, raw bool) ipaddr.Addr {
	switch {
	case id.Kind == Tuple:
		return ipaddr.TupleText(pytext.Str(id.Value))
	case raw:
		return ipaddr.Text(id.Text)
	}
	return ipaddr.Parse(id.Text)
}

// matchedLines splits the lines of the buffer into those that a hit covers
// (without those that <SKIPLINES> took) and the rest. A line counts from its
// start to its end, both at line feeds of what the regex saw.
func matchedLines(h *hit, org []Match) (matched, rest []Match) {
	if len(org) <= 1 {
		return org, nil
	}
	buf := []byte(h.text)
	start, end := 0, len(buf)
	if i := bytes.LastIndexByte(buf[:min(h.caps[0]+1, len(buf))], '\n'); i >= 0 {
		start = i + 1
	}
	if from := h.caps[1] - 1; from >= 0 {
		if i := bytes.IndexByte(buf[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
	}
	first := min(bytes.Count(buf[:start], []byte{'\n'}), len(org))
	last := min(bytes.Count(buf[:end], []byte{'\n'}), len(org))
	matched = slices.Clone(org[first:max(first, last)])
	rest = slices.Clone(org[:first])
	n := 0
	for _, line := range h.re.skipped(h.text, h.caps) {
		for m := n; m < len(matched); m++ {
			if matched[m].text() == line {
				rest = append(rest, matched[m])
				matched = slices.Delete(matched, m, m+1)
				n = m
				break
			}
		}
	}
	return matched, append(rest, org[last:]...)
}

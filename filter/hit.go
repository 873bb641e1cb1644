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
	caps    []int
	text    string  // what it matched on, with maxlines above 1
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
		f.takeLines(j, h.rest)
	}
	if f.registered(j, h) {
		return true
	}
	j.keepFound()
	if j.brief && j.plan != nil {
		if k := j.plan.keys[h.number-1]; k != nil {
			return f.judgeLean(j, h, k)
		}
	}
	f.scratch.rec.lean.on = false
	id, session := f.merge(j, h)
	return f.judgeRecord(j, h, id, session)
}

// judgeRecord makes failures of the record of a hit, with its session if it has
// one.
func (f *Filter) judgeRecord(j *job, h *hit, id string, session bool) bool {
	rec := &f.scratch.rec
	if session {
		rec = f.mergeSession(j, id, j.lines(h))
		if rec.noFail = rec.fields.isTrue("nofail"); rec.noFail && !j.mode.CheckAll {
			return true
		}
		return f.identify(j, h, rec, true)
	}
	rec.matches = append(rec.matches[:0], j.lines(h)...)
	rec.noFail = rec.fields.isTrue("nofail")
	return f.identify(j, h, rec, false)
}

// lines are the lines that a hit matched.
func (j *job) lines(h *hit) []Match {
	if j.s.maxLines > 1 {
		return h.matched
	}
	return j.original()
}

// merge makes a record of the groups of the prefregex with those of the
// failregex on top; a group of the failregex that took no part leaves the
// prefregex's value. It gives the F-MLFID, if there is one.
func (f *Filter) merge(j *job, h *hit) (mlfid string, ok bool) {
	v := j.viewed()
	rec := &f.scratch.rec
	fs := rec.fields[:0]
	if j.s.pref != nil {
		fs = j.prefFields(fs)
	}
	if len(fs) == 0 { // without others the groups that took no part stay, too
		fs = h.re.fields(fs, v, h.caps)
	} else {
		f.scratch.own = h.re.fields(f.scratch.own[:0], v, h.caps)
		fs.update(f.scratch.own)
	}
	rec.fields = fs
	if i := fs.index("mlfid"); i >= 0 && fs[i].Kind != None {
		return fs.Text("mlfid"), true
	}
	return "", false
}

// prefFields appends what the prefregex captured but F-CONTENT.
func (j *job) prefFields(fs Fields) Fields {
	if j.caps == nil {
		return append(fs, j.pre...)
	}
	return j.s.pref.contextFields(fs, *j.lineView(), j.caps)
}

// keepFound makes the failures of the line so far last beyond the next hit.
func (j *job) keepFound() {
	j.fill()
	for ; j.kept < len(j.found); j.kept++ {
		j.found[j.kept] = j.found[j.kept].Kept()
	}
}

// fill gives the failures their data.
func (j *job) fill() {
	for i := j.kept; i < len(j.found); i++ {
		rec := j.recs[i]
		rec.fill()
		j.found[i].Fields, j.found[i].Matches = rec.fields, rec.matches
	}
}

// Kept is a copy of the failure that lasts.
func (f *Failure) Kept() Failure {
	k := *f
	k.Fields, k.Matches = f.Fields.Clone(), slices.Clone(f.Matches)
	return k
}

// ignoresHit tries the ignoreregexes on the lines of a hit.
func (f *Filter) ignoresHit(j *job, h *hit) bool {
	buf := j.buf
	multi := j.s.maxLines > 1
	if multi {
		buf = appendLines(nil, h.matched)
	}
	if !f.ignores(j, buf) {
		return false
	}
	if multi {
		f.takeLines(j, h.rest)
	}
	return true
}

func (f *Filter) warnNoDate(j *job, h *hit) {
	f.warnOnce(warnNoTime, j.now, func() []string {
		var whole []string
		for _, m := range j.lines(h) {
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
	var id ipaddr.Addr
	switch {
	case fs.has("ip4"):
		id, j.verd.Err = withFID(fs, "ip4", ipaddr.Inet4, raw)
	case fs.has("ip6"):
		id, j.verd.Err = withFID(fs, "ip6", ipaddr.Inet6, raw)
	case fs.has("dns") && raw:
		id = rawName(fs)
	case fs.has("dns"):
		for _, id := range f.resolve(j.s.useDNS, fs) {
			j.add(h, rec, id, true)
		}
		return !j.mode.CheckAll
	case fs.has("fid"):
		field, _ := fs.Get("fid")
		id = idOf(field, raw)
	case session:
		fs.put(Field{Name: "mlfpending", Kind: Int, Value: 1})
		if !j.mode.CheckAll && !j.mode.KeepPending {
			return true
		}
		j.add(h, rec, id, false)
		return !j.mode.CheckAll
	default:
		f.log.Error(fmt.Sprintf("No group found in '%s' using '%s'", j.viewed().all(), h.re.text))
		return false
	}
	if j.verd.Err != nil {
		return true
	}
	j.add(h, rec, id, true)
	return !j.mode.CheckAll
}

// rawName is the ID of a host name that is taken as it is: the name, or the
// failure ID where that is another text.
func rawName(fs *Fields) ipaddr.Addr {
	name := ipaddr.Text(fs.Text("dns"))
	id, _ := fs.Get("fid")
	if id.Kind == None || fs.Text("fid") == name.String() {
		return name
	}
	fs.put(Field{Name: "ip", Kind: IP, Value: name})
	return idOf(id, true)
}

// add appends a failure of a record.
func (j *job) add(h *hit, rec *record, id ipaddr.Addr, hasID bool) {
	stamp := j.stamp
	if j.mode.Gate && j.hasTime && stamp.Unix > j.now {
		stamp.Unix, stamp.Int = j.now, false
	}
	j.found = append(j.found, Failure{
		ID: id, HasID: hasID, Time: stamp.Unix, TimeInt: stamp.Int, HasTime: j.hasTime,
		Regex: h.number, NoFail: rec.noFail,
	})
	j.recs = append(j.recs, rec)
	if !j.brief {
		j.keepFound()
	}
}

// withFID is the ID of an address group: the address, or the failure ID where
// that is another text; the address then is the field ip.
func withFID(fs *Fields, group string, fam ipaddr.Family, raw bool) (ipaddr.Addr, error) {
	text, cidr := fs.Text(group), -1
	if c := fs.Text("cidr"); c != "" {
		if strings.ContainsFunc(c, func(r rune) bool { return !unicode.IsDigit(r) }) {
			return ipaddr.Addr{}, fmt.Errorf("ValueError(%s)", pytext.Repr("invalid literal for int() with base 10: "+pytext.Repr(c)))
		}
		cidr = ipaddr.Prefix(c)
	}
	addr := ipaddr.ParseAs(text, fam, cidr)
	at := fs.index("fid")
	if at < 0 || (*fs)[at].Kind == None || ((*fs)[at].Kind == Text && (*fs)[at].Text == text) {
		return addr, nil
	}
	id := (*fs)[at]
	fs.put(Field{Name: "ip", Kind: IP, Value: addr})
	return idOf(id, raw), nil
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

package filter

import "f2b-go/internal/ipaddr"

// Most failures are asked for their ID alone, and most lines of a session never
// get company. So the data of a hit is put together only when somebody looks at
// it; until then a record keeps where in the line it stands.

// lean is a hit that nobody has looked at yet.
type lean struct {
	on   bool
	keys *keys
	line []byte // with a line feed behind it
	buf  []byte // memory for line
	view view   // of line, that is yet to be made a string
	date string // what stands for the date of a whole line
	all  bool   // the whole line is text

	own, pref []int // what failregex and prefregex captured

	session bool // it is the first line of a session
	gained  bool // a login: no failure
	excused bool // no failure: its line waits for one
	forget  bool // the session is over
}

// keys are the groups that decide what a hit is, and what is needed to put its
// data together.
type keys struct {
	re, pref *Regex
	layout   []int // see Regex.layout

	mlfid, noFail, gained, forget, user key
	ip4, ip6, dns, fid, cidr            key
}

// key is where a field comes from: a group of the failregex, else one of the
// prefregex, 0 for none.
type key struct{ own, pref int }

// newKeys returns the keys of a failregex, nil where groups are put together
// first.
func newKeys(re, pref *Regex) *keys {
	if re.derives() || pref != nil && pref.derives() {
		return nil
	}
	k := &keys{re: re, pref: pref, layout: re.layout(pref)}
	for name, at := range map[string]*key{
		"mlfid": &k.mlfid, "nofail": &k.noFail, "mlfgained": &k.gained, "mlfforget": &k.forget, "user": &k.user,
		"ip4": &k.ip4, "ip6": &k.ip6, "dns": &k.dns, "fid": &k.fid, "cidr": &k.cidr,
	} {
		at.own = max(re.re.GroupIndex(name), 0)
		if pref != nil {
			at.pref = max(pref.re.GroupIndex(name), 0)
		}
	}
	return k
}

// value is the text of a field, and whether it is there at all.
func (j *job) value(k key, own []int) (text []byte, ok bool) {
	if k.own > 0 && own[2*k.own] >= 0 {
		return j.buf[own[2*k.own]:own[2*k.own+1]], true
	}
	if k.pref > 0 && j.caps != nil && j.caps[2*k.pref] >= 0 {
		return j.seen[j.caps[2*k.pref]:j.caps[2*k.pref+1]], true
	}
	return nil, false
}

// isTrue says whether a field has a text.
func (j *job) isTrue(k key, own []int) bool {
	text, _ := j.value(k, own)
	return len(text) > 0
}

// judgeLean is the rest of judgeHit for a hit whose data can wait.
func (f *Filter) judgeLean(j *job, h *hit, k *keys) bool {
	rec := &f.scratch.rec
	rec.fields, rec.matches = rec.fields[:0], rec.matches[:0]
	rec.lean.take(j, h, k)
	rec.noFail = j.isTrue(k.noFail, h.caps)
	id, session := j.value(k.mlfid, h.caps)
	if session {
		if f.sessions.get(id, j.now) != nil {
			rec.fill()
			return f.judgeRecord(j, h, string(id), true)
		}
		rec = f.openLean(j, id, h, k)
		if rec.noFail && !j.mode.CheckAll {
			return true
		}
	}
	return f.identifyLean(j, h, rec, session)
}

// take takes over a hit of the line at hand, whose memory it borrows.
func (l *lean) take(j *job, h *hit, k *keys) {
	l.on, l.keys, l.line, l.view, l.date, l.all = true, k, j.raw, j.view, j.instead, j.whole
	l.own, l.pref = append(l.own[:0], h.caps...), append(l.pref[:0], j.caps...)
	l.session, l.gained, l.excused, l.forget = false, false, false, false
	if !j.whole {
		l.view.cut = j.cut
	}
	if !j.rawIsLine() {
		l.buf = append(append(l.buf[:0], j.line...), '\n')
		l.line = l.buf
	}
}

// keep makes the line the record's own.
func (l *lean) keep() {
	if len(l.buf) == 0 || &l.buf[0] != &l.line[0] {
		l.buf = append(l.buf[:0], l.line...)
		l.line = l.buf
	}
}

// openLean opens a session with the line at hand, or makes a record of it if it
// ends the session too; see mergeSession.
func (f *Filter) openLean(j *job, id []byte, h *hit, k *keys) *record {
	rec := &f.scratch.rec
	l := &rec.lean
	l.session, l.forget, l.gained = true, j.isTrue(k.forget, h.caps), j.isTrue(k.gained, h.caps)
	rec.noFail = rec.noFail || l.gained
	l.excused = rec.noFail
	if l.forget {
		f.sessions.news.changed(id)
		return rec
	}
	open := f.sessions.put(id, rec, j.now)
	open.lean.keep()
	f.sessions.news.changed(id)
	return open
}

// identifyLean is identify, which it leaves all but plain addresses to.
func (f *Filter) identifyLean(j *job, h *hit, rec *record, session bool) bool {
	k := rec.lean.keys
	fam, which := ipaddr.Inet4, k.ip4
	text, ok := j.value(which, h.caps)
	if !ok {
		fam, which = ipaddr.Inet6, k.ip6
		text, ok = j.value(which, h.caps)
	}
	fid, hasFID := j.value(k.fid, h.caps)
	if !ok || j.isTrue(k.cidr, h.caps) || hasFID && string(fid) != string(text) {
		rec.fill()
		return f.identify(j, h, rec, session)
	}
	j.add(h, rec, ipaddr.ParseBytes(text, fam), true)
	return !j.mode.CheckAll
}

// whole is the view of the line, made a string.
func (l *lean) whole() view {
	if l.view.whole == "" {
		l.view.whole = string(l.line)
		l.view.end()
	}
	return l.view
}

// lines gives the lines of a record, as fill does, and lets the rest wait where
// there is but one.
func (rec *record) lines() []Match {
	l := &rec.lean
	if !l.on || l.excused {
		rec.fill()
		return rec.matches
	}
	v := l.whole()
	rec.matches = append(rec.matches[:0], v.match(l.all, l.date))
	return rec.matches
}

// fillMatches gives the failures their lines.
func (j *job) fillMatches() {
	for i := j.kept; i < len(j.found); i++ {
		j.found[i].Matches = j.recs[i].lines()
	}
}

// fill puts the data of a record together, as merge and mergeSession do.
func (rec *record) fill() {
	l := &rec.lean
	if !l.on {
		return
	}
	l.on = false
	v := l.whole()
	rec.fields = l.fields(rec.fields[:0], &v)
	match := v.match(l.all, l.date)
	if !l.session {
		rec.matches = append(rec.matches[:0], match)
		return
	}
	fs := &rec.fields
	if l.gained && !fs.isTrue("nofail") {
		g, _ := fs.Get("mlfgained")
		g.Name = "nofail"
		fs.put(g)
	}
	fs.pop("mlfforget")
	if !l.forget {
		user, _ := fs.Get("user")
		fs.addUser(user)
	}
	switch {
	case !l.excused:
		rec.matches = append(rec.matches[:0], match)
	case !l.forget:
		fs.put(Field{Name: "nofail-matches", Kind: Lines, Value: []Match{match}})
	}
}

// fields appends the groups of prefregex and failregex.
func (l *lean) fields(fs Fields, v *view) Fields {
	k := l.keys
	if len(l.pref) > 0 {
		fs = k.pref.contextFields(fs, *v, l.pref)
	}
	if len(fs) == 0 { // without others the groups that took no part stay, too
		return k.re.fields(fs, v, l.own)
	}
	for i, at := range k.layout {
		switch n := &k.re.named[i]; {
		case l.own[2*n.group] < 0:
		case at >= 0:
			fs[at] = n.field(v, l.own)
		default:
			fs = append(fs, n.field(v, l.own))
		}
	}
	return fs
}

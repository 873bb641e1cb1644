package filter

import (
	"bytes"
	"hash/maphash"
	"slices"

	"f2b-go/internal/pytext"
)

// Limits of the sessions that a filter puts together, COMPAT 2.7.2.
const (
	maxSessions    = 100
	sessionSeconds = 5 * 60
)

// record is what is known of a failure, or of the session that it belongs to.
type record struct {
	fields  Fields
	matches []Match
	noFail  bool // the line is no failure
	lean    lean // what fields and matches are made of, if it is on

	id         []byte // of the session
	expires    float64
	told       bool // Changes has given it away
	prev, next *record
	slot       **record // of the table
	chain      *record  // the next one in the same slot
}

// Clone is a copy that shares nothing that changes.
func (fs Fields) Clone() Fields {
	out := slices.Clone(fs)
	for i := range out {
		if f := &out[i]; f.Kind == Users {
			f.Value, f.Text = slices.Clone(f.users()), ""
		}
	}
	return out
}

// sessions are the open sessions by their F-MLFID, and in the order in which
// they were opened.
type sessions struct {
	seed        maphash.Seed
	table       []*record // by the hash of the ID, modulo its length; nil before the first
	count       int
	first, last *record
	news        news

	over *record // closed sessions whose data may be in use until the next line
	free *record // those whose memory may be used again
}

// sessionSlots is how many places the table of sessions has.
const sessionSlots = 256

func (s *sessions) slot(id []byte) **record {
	if s.table == nil {
		s.seed, s.table = maphash.MakeSeed(), make([]*record, sessionSlots)
	}
	return &s.table[maphash.Bytes(s.seed, id)%sessionSlots]
}

// find returns an open session, nil if there is none of that ID.
func (s *sessions) find(id []byte) *record {
	if s.count == 0 {
		return nil
	}
	rec := *s.slot(id)
	for rec != nil && !bytes.Equal(rec.id, id) {
		rec = rec.chain
	}
	return rec
}

func (s *sessions) get(id []byte, now float64) *record {
	rec := s.find(id)
	if rec != nil && rec.expires <= now {
		s.drop(rec)
		return nil
	}
	return rec
}

// drop closes an open session.
func (s *sessions) drop(rec *record) {
	s.news.closed(rec)
	at := rec.slot
	for *at != rec {
		at = &(*at).chain
	}
	*at = rec.chain
	s.count--
	if rec.prev != nil {
		rec.prev.next = rec.next
	} else {
		s.first = rec.next
	}
	if rec.next != nil {
		rec.next.prev = rec.prev
	} else {
		s.last = rec.prev
	}
	rec.next, s.over = s.over, rec
}

// nextLine lets the memory of sessions that the last line closed be used again.
func (s *sessions) nextLine() {
	for rec := s.over; rec != nil; {
		next := rec.next
		l := &rec.lean
		*rec = record{
			fields: rec.fields[:0], matches: rec.matches[:0], id: rec.id[:0], next: s.free,
			lean: lean{buf: l.buf[:0], own: l.own[:0], pref: l.pref[:0]},
		}
		s.free, rec = rec, next
	}
	s.over = nil
}

// put opens a session, of which there is none yet, with the data of rec, which
// gets other memory in exchange; when there are too many, expired ones at the
// front go and with them the oldest one that is still alive.
func (s *sessions) put(id []byte, rec *record, now float64) *record {
	for s.count >= maxSessions {
		alive := s.first.expires > now
		s.drop(s.first)
		if alive {
			break
		}
	}
	open := s.free
	if open != nil {
		s.free = open.next
	} else {
		open = &record{}
	}
	open.fields, rec.fields = rec.fields, open.fields[:0]
	open.matches, rec.matches = rec.matches, open.matches[:0]
	open.lean, rec.lean = rec.lean, open.lean
	open.noFail, open.told = rec.noFail, false
	s.add(id, open, now+sessionSeconds)
	return open
}

// add opens a session behind all others.
func (s *sessions) add(id []byte, rec *record, expires float64) {
	at := s.slot(id)
	rec.id = append(rec.id[:0], id...)
	rec.slot, rec.expires, rec.chain, rec.prev, rec.next = at, expires, *at, s.last, nil
	if s.last != nil {
		s.last.next = rec
	} else {
		s.first = rec
	}
	s.last, *at = rec, rec
	s.count++
}

// addUser notes the user of a line among the session's users and gives how
// many there are.
func (fs *Fields) addUser(user Field) int {
	at := fs.index("users")
	if at >= 0 && (*fs)[at].Kind != Users {
		at = -1
	}
	if !user.isTrue() {
		if at < 0 {
			return 0
		}
		return len((*fs)[at].users())
	}
	name := user.Text
	if user.Kind != Text {
		name = pytext.Str(user.Python())
	}
	if at < 0 {
		fs.put(Field{Name: "users", Kind: Users, Text: name})
		return 1
	}
	users := (*fs)[at].users()
	if !slices.Contains(users, name) {
		users = append(slices.Clip(users), name)
		(*fs)[at] = Field{Name: "users", Kind: Users, Value: users}
	}
	return len(users)
}

// mergeSession puts a line into its session, COMPAT 2.7.2 to 2.7.8, and gives
// the record to judge: the session's with the line's data on top.
func (f *Filter) mergeSession(j *job, id string, lines []Match) *record {
	rec := &f.scratch.rec
	rec.matches = rec.matches[:0]
	line := &rec.fields
	gained := line.isTrue("mlfgained")
	nofail := gained || line.isTrue("nofail")
	if gained && !line.isTrue("nofail") {
		g, _ := line.Get("mlfgained")
		g.Name = "nofail"
		line.put(g)
	}
	forget := line.pop("mlfforget")
	user, _ := line.Get("user")
	users := 0
	key := []byte(id)
	if open := f.sessions.get(key, j.now); open != nil {
		open.fill()
		users = open.join(rec, user, gained)
		rec = open
		if forget {
			f.sessions.drop(open)
		}
	} else if !forget {
		users = line.addUser(user)
		rec = f.sessions.put(key, rec, j.now)
	}
	fs := &rec.fields
	if fs.pop("mlfpending") || users > 1 {
		// earlier failures or a second user: a login now does not excuse them
		fs.pop("nofail")
		fs.pop("mlfgained")
		nofail = false
	}
	waiting := "nofail-matches"
	var kept []Match
	if w, ok := fs.Get(waiting); ok && w.Kind == Lines {
		kept = w.Value.([]Match)
	}
	switch {
	case !nofail:
		fs.pop(waiting)
		if len(kept) > 0 {
			rec.matches = slices.Concat(kept, rec.matches)
		}
		rec.matches = append(rec.matches, lines...)
	case !forget:
		fs.put(Field{Name: waiting, Kind: Lines, Value: append(kept, lines...)})
	}
	rec.limit()
	f.sessions.news.changed(key)
	return rec
}

// join brings a line's data into the open session and gives the number of its
// users.
func (rec *record) join(line *record, user Field, gained bool) int {
	fs := &rec.fields
	users := fs.addUser(user)
	excused := fs.pop("nofail")
	excused = fs.pop("mlfgained") || excused
	if gained {
		fs.pop("mlfpending")
	}
	if !excused && !fs.isTrue("mlfpending") {
		rec.matches = rec.matches[:0] // already delivered
	}
	fs.update(line.fields)
	return users
}

// maxSessionLines is how many lines one session keeps for its next failure.
const maxSessionLines = 1000

// limit drops the oldest lines of a session that keeps too many.
func (rec *record) limit() {
	if over := len(rec.matches) - maxSessionLines; over > 0 {
		rec.matches = rec.matches[over:]
	}
	if w, ok := rec.fields.Get("nofail-matches"); ok && w.Kind == Lines {
		if lines := w.Value.([]Match); len(lines) > maxSessionLines {
			w.Value = lines[len(lines)-maxSessionLines:]
			rec.fields.put(w)
		}
	}
}

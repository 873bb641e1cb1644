package filter

import (
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
	expires float64
	told    bool // Changes has given it away
}

// copied is a copy that does not share lists with the session.
func (fs Fields) copied() Fields {
	out := slices.Clone(fs)
	for i := range out {
		if out[i].Kind == Users {
			out[i].Value = slices.Clone(out[i].Value.([]string))
		}
	}
	return out
}

// sessions are the open sessions by their F-MLFID, oldest first in order.
type sessions struct {
	byID  map[string]*record
	order []string
	news  news
}

func (s *sessions) get(id string, now float64) *record {
	rec := s.byID[id]
	if rec != nil && rec.expires <= now {
		s.drop(id)
		return nil
	}
	return rec
}

func (s *sessions) drop(id string) {
	rec, ok := s.byID[id]
	if !ok {
		return
	}
	s.news.closed(id, rec)
	delete(s.byID, id)
	if i := slices.Index(s.order, id); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

// put opens a session; when there are too many, expired ones at the front go
// and with them the oldest one that is still alive.
func (s *sessions) put(id string, rec *record, now float64) {
	if s.byID == nil {
		s.byID = map[string]*record{}
	}
	for len(s.byID) >= maxSessions {
		oldest := s.order[0]
		alive := s.byID[oldest].expires > now
		s.drop(oldest)
		if alive {
			break
		}
	}
	s.drop(id)
	rec.expires = now + sessionSeconds
	s.byID[id] = rec
	s.order = append(s.order, id)
}

// addUser notes the user of a line among the session's users and gives how
// many there are.
func (fs *Fields) addUser(user Field) int {
	var users []string
	if u, ok := fs.Get("users"); ok && u.Kind == Users {
		users = u.Value.([]string)
	}
	if user.isTrue() {
		if name := pytext.Str(user.Python()); !slices.Contains(users, name) {
			users = append(slices.Clip(users), name)
			fs.put(Field{Name: "users", Kind: Users, Value: users})
		}
	}
	return len(users)
}

// mergeSession puts a line into its session, COMPAT 2.7.2 to 2.7.8, and gives
// the record to judge: the session's with the line's data on top.
func (f *Filter) mergeSession(j *job, id string, rec *record, lines []Match) *record {
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
	if open := f.sessions.get(id, j.now); open != nil {
		users = open.join(rec, user, gained)
		rec = open
		if forget {
			f.sessions.drop(id)
		}
	} else if !forget {
		users = line.addUser(user)
		f.sessions.put(id, rec, j.now)
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
		rec.matches = slices.Concat(kept, rec.matches, lines)
	case !forget:
		fs.put(Field{Name: waiting, Kind: Lines, Value: slices.Concat(kept, lines)})
	}
	rec.limit()
	f.sessions.news.changed(id)
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
		rec.matches = nil // already delivered
	}
	fs.update(line.fields)
	return users
}

// maxSessionLines is how many lines one session keeps for its next failure.
const maxSessionLines = 1000

// limit drops the oldest lines of a session that keeps too many.
func (rec *record) limit() {
	if over := len(rec.matches) - maxSessionLines; over > 0 {
		rec.matches = slices.Clone(rec.matches[over:])
	}
	if w, ok := rec.fields.Get("nofail-matches"); ok && w.Kind == Lines {
		if lines := w.Value.([]Match); len(lines) > maxSessionLines {
			w.Value = slices.Clone(lines[len(lines)-maxSessionLines:])
			rec.fields.put(w)
		}
	}
}

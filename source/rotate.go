package source

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// replace makes f the current file; the one before is read to its end and on.
func (s *stream) replace(f *os.File, st fileStat, now time.Time) {
	if s.returned(f, st, now) {
		return
	}
	lf := &logFile{id: st.id, uid: st.uid, f: f}
	s.note(lf, st, now)
	s.mu.Lock()
	n := len(s.files)
	s.mu.Unlock()
	if n > 0 {
		s.reportRotation(s.files[n-1], lf)
		s.missed(s.files[n-1], lf, now)
	}
	start := s.recall(lf)
	s.publish(lf, func(*Subscription) mark { return start })
}

// publish puts lf under the path and gives every reader a place in it.
func (s *stream) publish(lf *logFile, start func(*Subscription) mark) {
	leaders := s.leaders(lf.id)
	s.mu.Lock()
	if s.current != nil {
		s.current.old = true
	}
	s.current = lf
	s.append(lf, start, leaders)
	s.mu.Unlock()
	s.follow()
}

// atStart is the place of a reader in a file that it has not seen.
func atStart(*Subscription) mark { return mark{} }

// append adds a file and a place in it for every reader, behind its leader where
// it has one. The caller holds s.mu.
func (s *stream) append(lf *logFile, start func(*Subscription) mark, leaders map[*Subscription]*reading) {
	s.files = append(s.files, lf)
	s.w.index.add(lf.id, s)
	for _, sub := range s.subs {
		m := start(sub)
		sub.cursors = append(sub.cursors, &cursor{file: lf, off: m.off, tail: m, behind: leaders[sub]})
	}
	for len(s.files) > MaxFiles {
		s.dropOldest()
	}
}

// missedFor is how long after the last look files can be taken for missed ones.
const missedFor = 10 * time.Second

// missed takes in the files that stood under the path between two looks and are
// gone from it again: those beside the log that began after the last look and
// begin like neither of the two that were seen.
func (s *stream) missed(before, after *logFile, now time.Time) {
	if now.Sub(s.seen) > missedFor {
		return // too long ago to tell what is beside the log for another reason
	}
	for _, found := range s.bornSince(s.seen, before) {
		lf := &logFile{id: found.st.id, uid: found.st.uid, f: found.f, old: true}
		s.note(lf, found.st, now)
		if hash := s.hashOf(lf); hash == "" || hash == s.hashOf(before) || hash == s.hashOf(after) {
			lf.f.Close()
			continue
		}
		leaders := s.leaders(lf.id)
		s.mu.Lock()
		s.append(lf, atStart, leaders)
		if before == after {
			s.putLast(after)
		}
		s.mu.Unlock()
	}
}

// putLast moves a file behind all others. The caller holds s.mu.
func (s *stream) putLast(lf *logFile) {
	s.files = append(slices.DeleteFunc(s.files, func(f *logFile) bool { return f == lf }), lf)
	for _, sub := range s.subs {
		if c := sub.cursorIn(lf); c != nil {
			sub.drop(c)
			sub.cursors = append(sub.cursors, c)
		}
	}
}

// dropOldest bounds how many old files are kept open. The caller holds s.mu.
func (s *stream) dropOldest() {
	lf := s.files[0]
	s.w.log.Warn(fmt.Sprintf("%d rotated files of %s are still unread, giving up the oldest", len(s.files)-1, s.path))
	s.remove(lf)
	lf.f.Close()
}

// remove takes a file and all places in it off the stream. The caller holds s.mu.
func (s *stream) remove(lf *logFile) {
	s.files = slices.DeleteFunc(s.files, func(f *logFile) bool { return f == lf })
	if !slices.ContainsFunc(s.files, func(f *logFile) bool { return f.id == lf.id }) {
		s.w.index.remove(lf.id, s)
	}
	for _, sub := range s.subs {
		if c := sub.cursorIn(lf); c != nil {
			sub.drop(c)
		}
	}
}

// done is what is kept of a file that was read to its end and let go, so that it
// is not read again should it come back (a mount that was away).
type done struct {
	hash string
	mark mark
	end  mark
}

// maxDone is how many of them a stream keeps.
const maxDone = 4

// release lets go of old files that every reader has finished.
func (s *stream) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lf := range slices.Clone(s.files) {
		if !lf.final || s.wanted(lf) {
			continue
		}
		s.remove(lf)
		lf.f.Close()
		if len(s.read) == maxDone {
			s.read = slices.Delete(s.read, 0, 1)
		}
		s.read = append(s.read, done{hash: lf.hash, mark: lf.mark, end: lf.end})
	}
}

// wanted says whether a reader still has a place in lf. The caller holds s.mu.
func (s *stream) wanted(lf *logFile) bool {
	for _, sub := range s.subs {
		if sub.cursorIn(lf) != nil {
			return true
		}
	}
	return false
}

// recall returns where reading of lf ended if it is one that was let go, else
// the start.
func (s *stream) recall(lf *logFile) mark {
	hash := s.hashOf(lf)
	for _, d := range s.read {
		if d.hash != hash || len(d.mark.bytes) == 0 {
			continue
		}
		same, err := d.mark.holds(lf.f)
		if err == nil && same {
			same, err = d.end.holds(lf.f)
		}
		if err == nil && same {
			return d.end
		}
	}
	return mark{}
}

// returned handles an old file that stands under the path again: it is read on
// where it was, not from its start.
func (s *stream) returned(f *os.File, st fileStat, now time.Time) bool {
	for _, lf := range s.oldFiles() {
		if lf.id != st.id || lf.final {
			continue
		}
		if same, err := lf.mark.holds(f); err != nil || !same {
			continue
		}
		f.Close()
		s.mu.Lock()
		if s.current != nil {
			s.current.old = true
		}
		lf.old, s.current = false, lf
		s.putLast(lf)
		s.mu.Unlock()
		s.refresh(lf, now)
		s.follow()
		return true
	}
	return false
}

// truncated splits the current file in two: the content that was there before,
// whose unread rest is in a copy if anywhere, and what the inode holds now.
func (s *stream) truncated(lf *logFile, st fileStat, now time.Time) {
	fresh := &logFile{id: lf.id, uid: lf.uid, f: lf.f}
	s.note(fresh, st, now)
	s.reportRotation(lf, fresh)
	cut := mark{} // where a file that was only cut short ends
	if s.hashOf(lf) == s.hashOf(fresh) {
		cut = lf.trail.lastIn(fresh.f, st.size)
	}
	copied := s.findCopy(lf)
	begin := map[*Subscription]mark{}
	s.mu.Lock()
	lf.old = true
	s.current = nil
	for _, sub := range s.subs {
		begin[sub] = cut
		if c := sub.cursorIn(lf); c != nil && copied == nil && c.off < cut.off {
			begin[sub] = c.tail
		}
		if len(sub.opt.LineEnd) > 1 {
			begin[sub] = mark{} // the cut may lie within a character
		}
	}
	if copied == nil {
		s.reportLost(lf)
		s.remove(lf)
	} else {
		lf.f, lf.id, lf.size = copied.f, copied.st.id, copied.st.size
		s.w.index.add(lf.id, s)
		lf.mtime, lf.grewAt = copied.st.mtime, now
	}
	s.mu.Unlock()
	lf.forget()
	s.missed(lf, fresh, now)
	s.publish(fresh, func(sub *Subscription) mark { return begin[sub] })
}

// reportLost warns that lines are gone. The caller holds s.mu.
func (s *stream) reportLost(lf *logFile) {
	unread := int64(0)
	for _, sub := range s.subs {
		if c := sub.cursorIn(lf); c != nil {
			unread = max(unread, lf.mark.off-c.off)
		}
	}
	if unread > 0 {
		s.w.log.Warn(fmt.Sprintf("%s was truncated with %d bytes unread and no copy of them is beside it", s.path, unread))
	}
}

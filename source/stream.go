package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// stream is what stands and stood under one path, for all who read it.
type stream struct {
	w    *Watcher
	path string // as given, for messages
	abs  string // cleaned and absolute

	// lookMu is held during a look; what follows belongs to it.
	lookMu  sync.Mutex
	real    string    // where links lead to, "" before the first open
	seen    time.Time // when the current file last stood under the path
	absent  bool
	trouble string // the last complaint, so that it is made once
	read    []done // files that were read to their end and let go

	mu      sync.Mutex
	files   []*logFile // oldest first; the current one, if any, is last
	current *logFile
	subs    []*Subscription
	closed  bool
	long    bool // a line longer than MaxLine was reported

	// Under Watcher.mu.
	users    int // subscriptions that have it, or are about to
	poll     bool
	busy     bool // a look is running
	again    bool // and another is wanted
	due      time.Time
	lastLook time.Time
	interval time.Duration

	draining atomic.Bool // rotated files are still read
}

// look sees what has happened to the path and its files and wakes the readers
// if there is something for them. It returns whether anything had changed.
func (s *stream) look() (changed bool) {
	s.lookMu.Lock()
	defer s.lookMu.Unlock()
	if s.isClosed() {
		return false
	}
	now := s.w.now()
	s.watch(now)
	changed = s.lookAtPath(now)
	for _, lf := range s.oldFiles() {
		if s.lookAtOld(lf, now) {
			changed = true
		}
	}
	if changed {
		s.wakeAll()
	} else {
		s.forget()
	}
	s.release()
	return changed
}

// forget empties the windows of all files: nothing new came for a while.
func (s *stream) forget() {
	s.mu.Lock()
	files := slices.Clone(s.files)
	s.mu.Unlock()
	for _, lf := range files {
		lf.forget()
	}
}

func (s *stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *stream) oldFiles() []*logFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := slices.Clone(s.files)
	return slices.DeleteFunc(old, func(lf *logFile) bool { return lf == s.current })
}

func (s *stream) wakeAll() {
	s.mu.Lock()
	subs := slices.Clone(s.subs)
	s.mu.Unlock()
	for _, sub := range subs {
		sub.wake()
	}
}

// lookAtPath compares what stands under the path with the current file.
func (s *stream) lookAtPath(now time.Time) bool {
	st, err := statPath(s.abs)
	cur := s.currentFile()
	switch {
	case err != nil:
		return s.missing(err, now)
	case cur != nil && st.id == cur.id:
		changed := st.size != cur.size || st.mtime != cur.mtime || !settled(cur)
		changed = changed && s.refresh(cur, now)
		s.seen = now
		return changed
	}
	f, st, err := openRegular(s.abs, s.w.opt.StrictLinks)
	if err != nil {
		return s.missing(err, now)
	}
	changed := cur != nil && s.refresh(cur, now)
	if cur != nil && st.id == cur.id {
		f.Close()
		return changed
	}
	s.present()
	s.replace(f, st, now)
	s.seen = now
	return true
}

// settled says whether an unchanged time of modification means unchanged
// content: not when the file was modified so shortly before the last look that
// the clock of the file system may not have moved since.
func settled(lf *logFile) bool {
	return lf.lookedAt.UnixNano()-lf.mtime > int64(50*time.Millisecond)
}

func (s *stream) currentFile() *logFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// refresh looks at the current file itself: has it grown, was it truncated?
func (s *stream) refresh(lf *logFile, now time.Time) bool {
	fi, err := lf.f.Stat()
	if err != nil {
		s.complain("looking at", err)
		return false
	}
	st := toStat(fi)
	if st.size == lf.size && st.mtime == lf.mtime && settled(lf) {
		return false
	}
	s.mu.Lock()
	if lf.end.off > lf.mark.off {
		lf.mark = lf.end // a reader has seen more than the last look
	}
	s.mu.Unlock()
	same, err := lf.mark.holds(lf.f)
	if err != nil {
		s.complain("reading", err)
		s.reopen(lf)
		return false
	}
	if !same {
		s.truncated(lf, st, now)
		return true
	}
	changed := st.size != lf.size || st.mtime != lf.mtime
	if changed && len(lf.mark.bytes) == 0 && !lf.lookedAt.IsZero() {
		// It held no line at the last look: that it was truncated since can only be
		// told by what is beside it.
		s.missed(lf, lf, now)
	}
	s.note(lf, st, now)
	return changed
}

// note takes down how the file looks now.
func (s *stream) note(lf *logFile, st fileStat, now time.Time) {
	if st.size > lf.size || lf.lookedAt.IsZero() {
		lf.grewAt = now
	}
	lf.mtime, lf.lookedAt = st.mtime, now
	m, ok, err := takeMark(lf.f, st.size)
	s.mu.Lock()
	lf.size = st.size
	if err == nil && ok {
		lf.mark = m
	}
	s.mu.Unlock()
	lf.trail.add(lf.mark)
	s.hashOf(lf)
}

// hashOf returns the hash of the file's first line, which it takes as soon as
// that line is complete.
func (s *stream) hashOf(lf *logFile) string {
	s.mu.Lock()
	hash, f := lf.hash, lf.f
	s.mu.Unlock()
	if hash != "" {
		return hash
	}
	hash, err := firstLineHash(f)
	if err != nil {
		return "" // unreadable now: the next call tries again
	}
	s.mu.Lock()
	lf.hash = hash
	s.mu.Unlock()
	return hash
}

// lookAtOld sees whether a file that was rotated away has grown, and lets it go
// when nothing more will come.
func (s *stream) lookAtOld(lf *logFile, now time.Time) bool {
	if lf.final {
		return false
	}
	fi, err := lf.f.Stat()
	if err != nil {
		s.complain("looking at a rotated file of", err)
		return false
	}
	if st := toStat(fi); st.size > lf.size {
		s.note(lf, st, now)
		return true
	}
	if !s.w.finished(lf, now) {
		return false
	}
	s.mu.Lock()
	lf.final = true
	s.mu.Unlock()
	return true
}

// reopen gets a new handle where the old one no longer reads (a network file
// system that was gone): the file must be the same.
func (s *stream) reopen(lf *logFile) {
	f, st, err := openRegular(s.abs, s.w.opt.StrictLinks)
	if err != nil {
		return
	}
	if same, err := lf.mark.holds(f); err != nil || !same || st.id != lf.id {
		f.Close()
		return
	}
	s.mu.Lock()
	stale := lf.f
	lf.f = f
	s.mu.Unlock()
	stale.Close()
}

// missing notes that there is no file to read under the path. What stood there
// is read on.
func (s *stream) missing(err error, now time.Time) (changed bool) {
	if !errors.Is(err, fs.ErrNotExist) {
		s.complain("opening", err)
		cur := s.currentFile()
		return cur != nil && s.refresh(cur, now)
	}
	if !s.absent {
		s.w.msg(fmt.Sprintf("Log absence detected (possibly rotation) for %s, reason: %v", s.path, err))
	}
	s.absent = true
	s.mu.Lock()
	if s.current != nil {
		s.current.old, s.current = true, nil
	}
	s.mu.Unlock()
	return false
}

// present notes that the path can be read again.
func (s *stream) present() {
	if s.absent {
		s.w.msg("Log presence detected for file " + s.path)
	}
	s.absent, s.trouble = false, ""
}

// complain reports trouble with the path once, until it is over or another comes.
func (s *stream) complain(doing string, err error) {
	text := fmt.Sprintf("%s %s: %v", doing, s.path, err)
	if text != s.trouble {
		s.w.log.Error("Error while " + text)
	}
	s.trouble = text
}

// reportRotation is fail2ban's line: size, position, inodes and hashes.
func (s *stream) reportRotation(was, is *logFile) {
	s.w.msg(fmt.Sprintf("Log rotation detected for %s, reason: (%d, %d, %d, %d, '%s', '%s')",
		s.path, is.size, was.size, is.id.ino, was.id.ino, s.hashOf(is), s.hashOf(was)))
}

// follow makes sure that events of the path and of the file behind its links
// wake this stream, after another file has come to stand there. The directory
// may be another too: the kernel says so only when nobody has a file of the old
// one open.
func (s *stream) follow() {
	if where, err := filepath.EvalSymlinks(s.abs); err == nil {
		s.real = where
	}
	s.w.notify.distrust(s)
	if s.watch(s.w.now()) {
		s.w.poke(s)
	}
}

// paths are those whose events concern the stream.
func (s *stream) paths() []string {
	if s.real == "" || s.real == s.abs {
		return []string{s.abs}
	}
	return []string{s.abs, s.real}
}

// polled says whether no reader wants events.
func (s *stream) polled() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.poll
}

// unreadable reports an error of reading and has the file looked at.
func (s *stream) unreadable(err error) {
	s.lookMu.Lock()
	s.complain("reading", err)
	s.lookMu.Unlock()
	s.w.poke(s)
}

// reportLong warns once that a line was cut.
func (s *stream) reportLong() {
	s.mu.Lock()
	said := s.long
	s.long = true
	s.mu.Unlock()
	if !said {
		s.w.log.Warn(fmt.Sprintf("A line of %s is longer than %d bytes, only its beginning is judged", s.path, MaxLine))
	}
}

// close lets go of everything. Nothing looks at the stream any more.
func (s *stream) close() {
	s.lookMu.Lock()
	defer s.lookMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, lf := range s.files {
		s.w.index.remove(lf.id, s)
		lf.f.Close()
	}
	s.files, s.current = nil, nil
	s.w.notify.set(s)
}

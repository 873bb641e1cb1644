package source

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// between returns places at the start of the files that stood under the path
// after the newest of the known ones, which was rotated away, and before the
// current one, while nobody looked: those of the stream, and those beside the log
// that bear its name with a number or a date and are newer, oldest first.
func (s *stream) between(known []*cursor, cur *logFile) (list []*cursor) {
	before := known[len(known)-1].file
	have := map[string]bool{cur.hash: true}
	for _, c := range known {
		have[c.file.hash] = true
	}
	at := 0
	s.mu.Lock()
	for i, lf := range s.files {
		if lf == before {
			at = i + 1
		}
		if lf != cur && lf.newer(before) && !have[lf.hash] {
			list = append(list, newCursor(lf, 0))
		}
	}
	s.mu.Unlock()
	if len(list) > 0 || before.wrote == 0 {
		return list // another reader has found them
	}
	for _, lf := range s.archived(before, have) {
		if s.take(lf, at) {
			list = append(list, newCursor(lf, 0))
			at++
		}
	}
	return list
}

// newer says whether a file that was found after the fact came after another
// such one: it was written to later, and was made later, since an old one may be
// written on for a while.
func (lf *logFile) newer(than *logFile) bool {
	if lf.wrote <= than.wrote || than.wrote == 0 {
		return false
	}
	return lf.born.IsZero() || than.born.IsZero() || lf.born.After(than.born)
}

// take notes how a file beside the log looks and makes it the stream's file
// number at.
func (s *stream) take(lf *logFile, at int) bool {
	fi, err := lf.f.Stat()
	if err != nil {
		lf.f.Close()
		return false
	}
	s.note(lf, toStat(fi), s.w.now())
	if wrote := time.Unix(0, lf.wrote); wrote.Before(lf.grewAt) {
		lf.grewAt = wrote // it may have been quiet for long
	}
	s.mu.Lock()
	s.files = slices.Insert(s.files, min(at, len(s.files)), lf)
	s.w.index.add(lf.id, s)
	s.mu.Unlock()
	return true
}

// after is the number of the file behind lf; at if lf is nil.
func (s *stream) after(lf *logFile, at int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.files, lf); i >= 0 {
		return i + 1
	}
	return at
}

// archived opens the rotated files of the log that were written to after one of
// them, each content once, in the order in which they were written.
func (s *stream) archived(after *logFile, have map[string]bool) (list []*logFile) {
	type candidate struct {
		path  string
		wrote int64
	}
	var all []candidate
	s.siblings(func(path string, st fileStat) bool {
		if st.mtime > after.wrote && trusted(st, after) && s.isArchive(filepath.Base(path)) && !s.w.stands(st.id) {
			all = append(all, candidate{path, st.mtime})
		}
		return false
	})
	// Of a file that is being compressed the one that is not comes first.
	slices.SortFunc(all, func(a, b candidate) int { return len(a.path) - len(b.path) })
	for _, c := range all {
		if len(list) == MaxFiles-2 {
			s.w.log.Warn(fmt.Sprintf("More than %d rotated files of %s are unread, giving up the others", len(list), s.path))
			break
		}
		if f := s.openArchive(c.path, have); f != nil {
			lf := &logFile{id: f.st.id, uid: f.st.uid, f: f.f, old: true, wrote: c.wrote}
			if lf.setBorn(c.path); lf.newer(after) {
				list = append(list, lf)
			} else {
				lf.f.Close()
			}
		}
	}
	slices.SortFunc(list, func(a, b *logFile) int { return int(min(1, max(-1, a.wrote-b.wrote))) })
	return list
}

// setBorn notes when the file was made, unless it was unpacked from another.
func (lf *logFile) setBorn(path string) {
	if !slices.Contains(compressed, filepath.Ext(path)) {
		lf.born, _ = born(lf.f)
	}
}

// openArchive opens a rotated file, unpacked if need be, unless it begins like
// one of those that are known, among which it is counted then.
func (s *stream) openArchive(path string, have map[string]bool) *found {
	ext := filepath.Ext(path)
	if slices.Contains(compressed, ext) && unpackers[ext] == nil {
		s.w.log.Warn(fmt.Sprintf("%s was rotated while nobody read it and can't be unpacked, its lines are not judged", path))
		return nil
	}
	if unpackers[ext] != nil {
		hash := ""
		f, err := inflated(path, func(h string) bool { hash = h; return !have[h] }, 0)
		if err != nil {
			s.w.log.Warn(fmt.Sprintf("Unpacking %s, which was rotated while nobody read it: %v", path, err))
		}
		if f != nil {
			have[hash] = true
		}
		return f
	}
	f, st, err := openRegular(path, true)
	if err != nil {
		return nil
	}
	hash, err := firstLineHash(f)
	if err != nil || hash == "" || have[hash] {
		f.Close()
		return nil
	}
	have[hash] = true
	return &found{f: f, st: st}
}

// rotationMark is what a rotation adds to a log's name.
var rotationMark = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[.]\d{1,4}|[-._]?\d{6,}(?:[-._:T]?\d+)*|[-._]\d{4}[-._]\d\d[-._]\d\d(?:[-._:T]\d+)*|[.]old)$`)
})

// isArchive says whether a file bears the log's name with a number or a date,
// as app.log.1, app.log-20261122.gz, app-2026-11-22.log or app.log.old.
func (s *stream) isArchive(name string) bool {
	if ext := filepath.Ext(name); slices.Contains(compressed, ext) {
		name = strings.TrimSuffix(name, ext)
	}
	const dated = 6 // digits, and what they are parted by
	for _, path := range s.paths() {
		base := filepath.Base(path)
		if mark, ok := strings.CutPrefix(name, base); ok && rotationMark().MatchString(mark) {
			return true
		}
		ext := filepath.Ext(base)
		stem := strings.TrimSuffix(base, ext)
		mark, ok := strings.CutPrefix(name, stem)
		if mark, end := strings.CutSuffix(mark, ext); ok && end && ext != "" && len(mark) > dated && rotationMark().MatchString(mark) {
			return true
		}
	}
	return false
}

// stands says whether a file is what stands under a path that is followed.
func (w *Watcher) stands(id fileID) bool {
	w.mu.Lock()
	list := slices.Collect(maps.Values(w.streams))
	w.mu.Unlock()
	return slices.ContainsFunc(list, func(s *stream) bool {
		cur := s.currentFile()
		return cur != nil && cur.id == id
	})
}

package source

import (
	"os"
	"path/filepath"
	"slices"
)

// maxSiblings bounds how many files beside a log are looked at for a copy.
const maxSiblings = 4096

// found is an opened file beside the log.
type found struct {
	f  *os.File
	st fileStat
}

// siblings calls visit with the regular files beside the log until it returns
// true; the log itself and the files that are already followed are left out.
func (s *stream) siblings(visit func(path string, st fileStat) bool) {
	dirs := []string{filepath.Dir(s.abs)}
	if s.real != "" && filepath.Dir(s.real) != dirs[0] {
		dirs = append(dirs, filepath.Dir(s.real))
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // nothing to recover from
		}
		for _, e := range entries[:min(len(entries), maxSiblings)] {
			path := filepath.Join(dir, e.Name())
			if !e.Type().IsRegular() || path == s.abs || path == s.real {
				continue
			}
			fi, err := e.Info()
			if err != nil {
				continue
			}
			st := toStat(fi)
			if !s.follows(st.id) && visit(path, st) {
				return
			}
		}
	}
}

// follows says whether a file is among those of the stream.
func (s *stream) follows(id fileID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.files, func(lf *logFile) bool { return lf.id == id })
}

// findCopy looks beside the log for a copy of what a truncated file held: the
// same bytes where they were last seen and the same first line. Of several the
// longest is taken. nil says that there is none.
func (s *stream) findCopy(lf *logFile) *found {
	var best *found
	s.siblings(func(path string, st fileStat) bool {
		if st.size < lf.mark.off || best != nil && st.size <= best.st.size {
			return false
		}
		f, st, err := openRegular(path, true)
		if err != nil {
			return false
		}
		same, err := lf.mark.holds(f)
		if err == nil && same {
			hash, err := firstLineHash(f)
			same = err == nil && hash == lf.hash
		}
		if err != nil || !same || len(lf.mark.bytes) == 0 {
			f.Close()
			return false
		}
		if best != nil {
			best.f.Close()
		}
		best = &found{f: f, st: st}
		return false
	})
	return best
}

// rotated finds the file that a stored place is in, if it is not the current
// one: among those that are followed, then beside the log.
func (s *stream) rotated(p Position) *logFile {
	for _, lf := range s.oldFiles() {
		if s.hashOf(lf) == p.Hash && lf.size >= p.Offset {
			return lf
		}
	}
	var lf *logFile
	s.siblings(func(path string, st fileStat) bool {
		if st.size < p.Offset {
			return false
		}
		f, st, err := openRegular(path, true)
		if err != nil {
			return false
		}
		if hash, err := firstLineHash(f); err != nil || hash != p.Hash {
			f.Close()
			return false
		}
		lf = &logFile{id: st.id, f: f, hash: p.Hash, old: true}
		return true
	})
	if lf == nil {
		return nil
	}
	fi, err := lf.f.Stat()
	if err != nil {
		lf.f.Close()
		return nil
	}
	s.note(lf, toStat(fi), s.w.now())
	s.mu.Lock()
	s.files = append([]*logFile{lf}, s.files...)
	s.mu.Unlock()
	return lf
}

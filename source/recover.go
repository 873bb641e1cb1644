package source

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxSiblings bounds how many files beside a log are looked at for a copy.
const maxSiblings = 4096

// found is an opened file beside the log.
type found struct {
	f  *os.File
	st fileStat
}

// siblings calls visit with the regular files beside the log, and beside the
// file that a link at its path leads to, until it returns true. Files that are
// already followed are left out.
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
			if !e.Type().IsRegular() {
				continue
			}
			fi, err := e.Info()
			if err != nil {
				continue
			}
			st := toStat(fi)
			if st.mode.IsRegular() && !s.follows(st.id) && visit(path, st) {
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
// longest is taken, and a compressed one if there is no other. nil says that
// there is none.
func (s *stream) findCopy(lf *logFile) *found {
	if len(lf.mark.bytes) == 0 {
		return nil
	}
	hash := s.hashOf(lf)
	var best *found
	s.siblings(func(path string, st fileStat) bool {
		if st.size < lf.mark.off || best != nil && st.size <= best.st.size || !trusted(st, lf) {
			return false
		}
		f, st, err := openRegular(path, true)
		if err != nil {
			return false
		}
		same, err := lf.mark.holds(f)
		if err == nil && same {
			sum, err := firstLineHash(f)
			same = err == nil && sum == hash
		}
		if err != nil || !same {
			f.Close()
			return false
		}
		if best != nil {
			best.f.Close()
		}
		best = &found{f: f, st: st}
		return false
	})
	if best == nil {
		best = s.unpack(lf, hash, s.leastRead(lf)-markSize)
	}
	return best
}

// leastRead is how far the last reader of a file is.
func (s *stream) leastRead(lf *logFile) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := lf.mark.off
	for _, sub := range s.subs {
		if c := sub.cursorIn(lf); c != nil {
			least = min(least, c.off)
		}
	}
	return least
}

// unpack is findCopy among the compressed files.
func (s *stream) unpack(lf *logFile, hash string, from int64) (got *found) {
	s.siblings(func(path string, st fileStat) bool {
		if !trusted(st, lf) {
			return false
		}
		f, err := inflated(path, only(hash), max(0, from))
		if err != nil || f == nil {
			return false
		}
		if same, err := lf.mark.holds(f.f); err != nil || !same {
			f.f.Close()
			return false
		}
		got = f
		return true
	})
	return got
}

// only wants one hash.
func only(hash string) func(string) bool { return func(h string) bool { return h == hash } }

// trusted says whether a file beside the log may speak for it: it belongs to
// the log's owner or to root.
func trusted(st fileStat, lf *logFile) bool { return st.uid == 0 || st.uid == lf.uid }

// clockSlack is how far the clock that file systems stamp with may lag.
const clockSlack = 10 * time.Millisecond

// bornSince opens the files beside the log that bear its name with an addition
// and were created after a time, in the order of their creation.
func (s *stream) bornSince(since time.Time, lf *logFile) []found {
	type newborn struct {
		found
		at time.Time
	}
	var list []newborn
	s.siblings(func(path string, st fileStat) bool {
		if !trusted(st, lf) || !s.bearsName(filepath.Base(path)) {
			return false
		}
		f, st, err := openRegular(path, true)
		if err != nil {
			return false
		}
		at, ok := born(f)
		if !ok || at.Before(since.Add(-clockSlack)) {
			f.Close()
			return false
		}
		list = append(list, newborn{found{f: f, st: st}, at})
		return len(list) == MaxFiles
	})
	slices.SortFunc(list, func(a, b newborn) int { return a.at.Compare(b.at) })
	files := make([]found, len(list))
	for i, n := range list {
		files[i] = n.found
	}
	return files
}

// bearsName says whether a file may be a rotated one of this log by its name:
// app.log.1, app.log-20261122, but no compressed file and no other log.
func (s *stream) bearsName(name string) bool {
	for _, path := range s.paths() {
		rest, ok := strings.CutPrefix(name, filepath.Base(path))
		if ok && len(rest) > 1 && strings.ContainsRune(".-_", rune(rest[0])) {
			return !slices.Contains(compressed, filepath.Ext(name))
		}
	}
	return false
}

// compressed are the endings of files that hold no lines as they are.
var compressed = []string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip"}

// born returns when a file was created, where the file system knows.
func born(f *os.File) (time.Time, bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return time.Time{}, false
	}
	var st unix.Statx_t
	var failed error
	err = conn.Control(func(fd uintptr) {
		failed = unix.Statx(int(fd), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st)
	})
	if err != nil || failed != nil || st.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}, false
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec)), true
}

// rotated finds the file that a stored place is in, if it is not the current
// one: among those that are followed, then beside the log. There it becomes the
// stream's file number at.
func (s *stream) rotated(p Position, at int) *logFile {
	for _, lf := range s.oldFiles() {
		if s.hashOf(lf) == p.Hash && lf.size >= p.Offset {
			return lf
		}
	}
	var lf *logFile
	s.siblings(func(path string, st fileStat) bool {
		f, st, err := openRotated(path, p)
		if err != nil {
			return false
		}
		lf = &logFile{id: st.id, uid: st.uid, mtime: st.mtime, f: f, hash: p.Hash, old: true}
		lf.setBorn(path)
		return true
	})
	if lf == nil {
		return nil
	}
	lf.wrote = lf.mtime
	if !s.take(lf, at) {
		return nil
	}
	return lf
}

// errOther says that a file does not begin like the one that is looked for, or
// is shorter.
var errOther = errors.New("another file")

// openRotated opens the file that a stored place is in, unpacked if need be.
func openRotated(path string, p Position) (*os.File, fileStat, error) {
	if got, err := inflated(path, only(p.Hash), max(0, p.Offset-markSize)); err == nil && got != nil {
		return got.f, got.st, nil
	}
	f, st, err := openRegular(path, true)
	if err != nil {
		return nil, st, err
	}
	if hash, err := firstLineHash(f); err != nil || hash != p.Hash || st.size < p.Offset {
		f.Close()
		return nil, st, errOther
	}
	return f, st, nil
}

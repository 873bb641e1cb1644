package source

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// longQuiet is how many times Options.Quiet a rotated file must have been quiet
// where it can't be seen who writes to it.
const longQuiet = 6

// finished says whether nothing more will be written to a rotated file: it has
// been quiet for a while and no process has it open for writing.
func (w *Watcher) finished(lf *logFile, now time.Time) bool {
	quiet := now.Sub(lf.grewAt)
	if quiet < w.opt.Quiet {
		return false
	}
	written, known, ok := w.writers.has(lf.id, now)
	if !ok {
		w.findWriters()
		return false
	}
	if !known {
		return quiet >= longQuiet*w.opt.Quiet
	}
	return !written
}

// findWriters lists who writes what, beside the looks: /proc can be slow.
func (w *Watcher) findWriters() {
	if !w.writers.claim() {
		return
	}
	if !w.begin() {
		return
	}
	go func() {
		defer w.wg.Done()
		began := w.now()
		files, known := openForWriting()
		w.writers.keep(files, known, began)
	}()
}

// writersAge is how old a list of writers may be.
const writersAge = 3 * time.Second

// writerList is who writes what, as of some seconds ago.
type writerList struct {
	mu       sync.Mutex
	scanning bool
	taken    time.Time
	known    bool
	files    map[fileID]bool
}

// claim says whether the caller is the one to make a new list.
func (l *writerList) claim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.scanning
	l.scanning = true
	return first
}

func (l *writerList) keep(files map[fileID]bool, known bool, taken time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files, l.known, l.taken, l.scanning = files, known, taken, false
}

// has says whether a process has the file open for writing; known is false
// where other users' processes can't be seen, and ok while there is no list
// that is fresh.
func (l *writerList) has(id fileID, now time.Time) (written, known, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok = l.files != nil && now.Sub(l.taken) <= writersAge && !now.Before(l.taken)
	return l.files[id], l.known, ok
}

// openForWriting reads the open files of every process. The permission bits of
// an entry in /proc/PID/fd tell the mode that the file is open in (proc(5)).
// known is false where some can't be read.
func openForWriting() (files map[fileID]bool, known bool) {
	files = map[fileID]bool{}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return files, false
	}
	known = true
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		fds, err := os.ReadDir(dir)
		if os.IsPermission(err) {
			known = false
		}
		for _, fd := range fds {
			name := filepath.Join(dir, fd.Name())
			link, err := os.Lstat(name)
			if err != nil || link.Mode().Perm()&0o200 == 0 {
				continue
			}
			if st, err := statPath(name); err == nil && st.mode.IsRegular() {
				files[st.id] = true
			}
		}
	}
	return files, known
}

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
	written, known := w.writers.has(lf.id, now)
	if !known {
		return quiet >= longQuiet*w.opt.Quiet
	}
	return !written
}

// writerList knows which files are open for writing, from /proc.
type writerList struct {
	mu    sync.Mutex
	taken time.Time
	known bool
	files map[fileID]bool
}

// has says whether a process has the file open for writing; known is false
// where other users' processes can't be seen.
func (l *writerList) has(id fileID, now time.Time) (written, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil || now.Sub(l.taken) > time.Second || now.Before(l.taken) {
		l.scan()
		l.taken = now
	}
	return l.files[id], l.known
}

// scan reads the open files of every process. The permission bits of an entry
// in /proc/PID/fd tell the mode that the file is open in (proc(5)).
func (l *writerList) scan() {
	l.files, l.known = map[fileID]bool{}, true
	procs, err := os.ReadDir("/proc")
	if err != nil {
		l.known = false
		return
	}
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		fds, err := os.ReadDir(dir)
		if os.IsPermission(err) {
			l.known = false
		}
		for _, fd := range fds {
			name := filepath.Join(dir, fd.Name())
			link, err := os.Lstat(name)
			if err != nil || link.Mode().Perm()&0o200 == 0 {
				continue
			}
			if st, err := statPath(name); err == nil && st.mode.IsRegular() {
				l.files[st.id] = true
			}
		}
	}
}

package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// DefaultGone is how long a file that a pattern named must have been away before
// it is taken for gone.
const DefaultGone = time.Minute

// Glob is a pattern whose files somebody wants to hear of while the watcher runs.
type Glob struct {
	w       *Watcher
	pattern string
	// tell is called from one goroutine of the watcher, one call at a time.
	tell func(path string, there bool)

	// Owned by the comparison, of which one runs at a time.
	away map[string]time.Time // the files that are known, and since when they are away
	dirs []lookedAt           // where the last comparison looked
	list []string             // and what it found
	open bool                 // some of it can't be followed yet
}

// lookedAt is a directory, or a place where none is, as a comparison saw it.
type lookedAt struct {
	path    string
	id      fileID
	changed int64 // nanoseconds
}

// Glob calls tell(path, true) for every regular file that comes to match the
// pattern, but for those in known, and tell(path, false) for each of both that
// has been away for Options.Gone and has nothing left to read. tell may call Add
// and Close.
func (w *Watcher) Glob(pattern string, known []string, tell func(path string, there bool)) *Glob {
	g := &Glob{w: w, pattern: pattern, tell: tell, away: map[string]time.Time{}}
	for _, path := range known {
		if path = filepath.Clean(path); matchPath(pattern, path) {
			g.away[path] = time.Time{}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.globs = append(w.globs, g)
	w.globsDue = time.Time{}
	w.wakeLoop()
	return g
}

// Stop ends it and does not wait: a call of tell may still be under way.
func (g *Glob) Stop() {
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	g.w.globs = slices.DeleteFunc(g.w.globs, func(o *Glob) bool { return o == g })
}

func (g *Glob) wanted() bool {
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	return slices.Contains(g.w.globs, g) && !g.w.ended
}

// matchPath says whether a path is one that the pattern may name.
func matchPath(pattern, path string) bool {
	want, have := strings.Split(filepath.Clean(pattern), "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !matchName(want[i], have[i]) {
			return false
		}
	}
	return true
}

// startGlobs compares the patterns with the disk in a goroutine. The caller
// holds w.mu.
func (w *Watcher) startGlobs() {
	w.globsBusy = true
	list := slices.Clone(w.globs)
	w.wg.Add(1)
	go func() {
		defer w.wg.Done()
		seen := map[string]lookedAt{}
		for _, g := range list {
			g.compare(w.now(), seen)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.globsBusy = false
		w.wakeLoop()
	}()
}

// compare tells of files that came and went. seen are the directories that were
// looked at in this round.
func (g *Glob) compare(now time.Time, seen map[string]lookedAt) {
	if !g.current(seen) {
		g.expand()
	} else if !g.open {
		return
	}
	g.open = false
	for _, path := range g.list {
		if since, known := g.away[path]; known && since.IsZero() {
			continue
		}
		st, err := statPath(path)
		if err != nil || !st.mode.IsRegular() {
			g.open = true
			continue
		}
		if _, known := g.away[path]; !known && g.wanted() {
			g.tell(path, true)
		}
		g.away[path] = time.Time{}
	}
	for path, since := range g.away {
		if !slices.Contains(g.list, path) {
			g.missing(path, since, now)
		}
	}
}

// missing deals with a known file that is not there.
func (g *Glob) missing(path string, since, now time.Time) {
	g.open = true
	switch {
	case since.IsZero():
		g.away[path] = now
	case now.Sub(since) >= g.w.opt.Gone && !g.w.reads(path) && g.wanted():
		delete(g.away, path)
		g.tell(path, false)
	}
}

// reads says whether there is something left to read of what stood under a path.
func (w *Watcher) reads(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	w.mu.Lock()
	s := w.streams[abs]
	w.mu.Unlock()
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files) > 0
}

// expand looks for the files anew and takes down where.
func (g *Glob) expand() {
	// What changes from now on must not be taken for what was seen.
	settled := time.Now().Add(-clockSlack).UnixNano()
	x := expander{visit: func(dir string) {
		at := lookAt(dir)
		if at.changed >= settled {
			at.changed = 0
		}
		g.dirs = append(g.dirs, at)
	}}
	g.dirs = nil
	g.list = x.expand(g.pattern)
}

// current says whether nothing has changed where the last comparison looked.
func (g *Glob) current(seen map[string]lookedAt) bool {
	for _, d := range g.dirs {
		at, ok := seen[d.path]
		if !ok {
			at = lookAt(d.path)
			seen[d.path] = at
		}
		if at != d {
			return false
		}
	}
	return len(g.dirs) > 0
}

// lookAt sees which directory stands under a path and when it last changed: names
// in it, or who may read it.
func lookAt(dir string) lookedAt {
	at := lookedAt{path: dir}
	fi, err := os.Stat(dir)
	if err != nil {
		return at
	}
	at.id = toStat(fi).id
	if sys, ok := fi.Sys().(*syscall.Stat_t); ok {
		at.changed = sys.Ctim.Nano()
	}
	return at
}

// concernsGlob says whether a new name may match a pattern. The caller holds w.mu.
func (w *Watcher) concernsGlob(path string) bool {
	return slices.ContainsFunc(w.globs, func(g *Glob) bool {
		return matchName(filepath.Base(g.pattern), filepath.Base(path))
	})
}

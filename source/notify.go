package source

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// notifier watches parent directories and knows which streams an event is for.
type notifier struct {
	mu    sync.Mutex
	fs    *fsnotify.Watcher // nil while there are no events
	dirs  map[string]*watchedDir
	names map[string]map[*stream]bool // by path of a log or of the file behind it
	paths map[*stream][]string        // the reverse

	events   <-chan fsnotify.Event // nil while there are none
	problems <-chan error
	// tap, if set, stands between the kernel's events and the watcher.
	tap func(<-chan fsnotify.Event) (<-chan fsnotify.Event, <-chan error)
}

// watchedDir is a directory that streams need events of.
type watchedDir struct {
	streams map[*stream]bool
	id      fileID    // what was watched
	watched bool      // events come
	checked time.Time // when id was compared last
	said    bool      // that events can't be had
}

func newNotifier() *notifier {
	return &notifier{
		dirs:  map[string]*watchedDir{},
		names: map[string]map[*stream]bool{},
		paths: map[*stream][]string{},
	}
}

// start begins to watch.
func (n *notifier) start() error {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching directories: %w", err)
	}
	n.mu.Lock()
	n.fs, n.events, n.problems = fs, fs.Events, fs.Errors
	if n.tap != nil {
		n.events, n.problems = n.tap(fs.Events)
	}
	n.mu.Unlock()
	return nil
}

func (n *notifier) close() error {
	n.mu.Lock()
	fs := n.fs
	n.fs = nil
	n.mu.Unlock()
	if fs == nil {
		return nil
	}
	return fs.Close()
}

// set makes events of the paths wake s, and of no others. New directories are
// watched by the next ensure.
func (n *notifier) set(s *stream, paths ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.paths[s]
	if slices.Equal(before, paths) {
		return
	}
	n.paths[s] = paths
	if len(paths) == 0 {
		delete(n.paths, s)
	}
	for _, path := range paths {
		if n.names[path] == nil {
			n.names[path] = map[*stream]bool{}
		}
		n.names[path][s] = true
		dir := filepath.Dir(path)
		if n.dirs[dir] == nil {
			n.dirs[dir] = &watchedDir{streams: map[*stream]bool{}}
		}
		n.dirs[dir].streams[s] = true
	}
	for _, path := range before {
		if !slices.Contains(paths, path) {
			n.dropName(s, path)
		}
		dir := filepath.Dir(path)
		if !slices.ContainsFunc(paths, func(p string) bool { return filepath.Dir(p) == dir }) {
			n.dropDir(s, dir)
		}
	}
}

// dropName forgets a path. The caller holds n.mu.
func (n *notifier) dropName(s *stream, path string) {
	delete(n.names[path], s)
	if len(n.names[path]) == 0 {
		delete(n.names, path)
	}
}

// dropDir forgets a directory that s no longer needs. The caller holds n.mu.
func (n *notifier) dropDir(s *stream, dir string) {
	d := n.dirs[dir]
	if d == nil {
		return
	}
	delete(d.streams, s)
	if len(d.streams) > 0 {
		return
	}
	delete(n.dirs, dir)
	if d.watched && n.fs != nil {
		_ = n.fs.Remove(dir) // the directory may be gone, and its watch with it
	}
}

// due returns the directories of s that have not been compared since the given
// time.
func (n *notifier) due(s *stream, since time.Time) (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fs == nil {
		return nil
	}
	for _, path := range n.paths[s] {
		dir := filepath.Dir(path)
		if !n.dirs[dir].checked.After(since) && !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// ensure watches a directory, anew if another stands there than the one that is
// watched. The caller has just looked at it, so this does not hang.
func (n *notifier) ensure(dir string, st fileStat, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.dirs[dir]
	if d == nil || n.fs == nil {
		return nil
	}
	d.checked = now
	if d.watched && d.id == st.id {
		return nil
	}
	if d.watched {
		_ = n.fs.Remove(dir) // it watched what is no longer there
	}
	err := n.fs.Add(dir)
	d.watched, d.id = err == nil, st.id
	if err == nil || d.said {
		return nil
	}
	d.said = true
	return fmt.Errorf("watching directory %s, its logs are polled: %w", dir, err)
}

// lost notes that a directory is no longer watched.
func (n *notifier) lost(dir string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if d := n.dirs[dir]; d != nil {
		d.watched, d.checked = false, time.Time{}
	}
}

// watches says whether events come for all that s needs.
func (n *notifier) watches(s *stream) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, path := range n.paths[s] {
		if !n.dirs[filepath.Dir(path)].watched {
			return false
		}
	}
	return len(n.paths[s]) > 0
}

// interested returns the streams that an event is for: those that follow the
// name, all of a directory that is itself gone, and for other names those that
// still read a rotated file, which may be this one.
func (n *notifier) interested(ev fsnotify.Event) (list []*stream, dirGone bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if set := n.names[ev.Name]; set != nil {
		for s := range set {
			list = append(list, s)
		}
		return list, false
	}
	if d := n.dirs[ev.Name]; d != nil && ev.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
		for s := range d.streams {
			list = append(list, s)
		}
		return list, true
	}
	if d := n.dirs[filepath.Dir(ev.Name)]; d != nil {
		for s := range d.streams {
			if s.draining.Load() {
				list = append(list, s)
			}
		}
	}
	return list, false
}

// handle wakes the streams that an event is for.
func (w *Watcher) handle(ev fsnotify.Event) {
	list, dirGone := w.notify.interested(ev)
	if dirGone {
		w.notify.lost(ev.Name)
	}
	for _, s := range list {
		w.poke(s)
	}
	if ev.Has(fsnotify.Create) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.concernsGlob(ev.Name) {
			w.globsDue = time.Time{}
			w.wakeLoop()
		}
	}
}

// lostEvents looks at everything, since the kernel has dropped events.
func (w *Watcher) lostEvents(err error) {
	if err == nil {
		return
	}
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.log.Error(fmt.Sprintf("Error while watching directories: %v", err))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.streams {
		s.due = time.Time{}
		s.again = true
	}
}

// watch makes sure that events come for the directories of s. It runs in a look
// of s, so that a directory that hangs holds up nobody else.
func (s *stream) watch(now time.Time) {
	w := s.w
	if s.polled() {
		return
	}
	w.notify.set(s, s.paths()...)
	for _, dir := range w.notify.due(s, now.Add(-safety)) {
		st, err := statPath(dir)
		if err != nil {
			w.notify.lost(dir)
			continue
		}
		if err := w.notify.ensure(dir, st, now); err != nil {
			w.log.Warn("Error while " + err.Error())
		}
	}
}

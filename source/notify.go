package source

import (
	"errors"
	"fmt"
	"maps"
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
	// One directory has one watch, under whose name its events come, but may be
	// reached by several paths through links.
	watches map[fileID]*dirWatch
	ids     map[string]fileID // by the watch's name

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

// dirWatch is the watch of one directory.
type dirWatch struct {
	name string          // what its events begin with
	dirs map[string]bool // the paths that lead to it
}

func newNotifier() *notifier {
	return &notifier{
		dirs:    map[string]*watchedDir{},
		names:   map[string]map[*stream]bool{},
		paths:   map[*stream][]string{},
		watches: map[fileID]*dirWatch{},
		ids:     map[string]fileID{},
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
	n.release(dir, d)
}

// release ends the watch of a directory with the last path that leads to it.
// The caller holds n.mu.
func (n *notifier) release(dir string, d *watchedDir) {
	w := n.watches[d.id]
	if w == nil || !w.dirs[dir] {
		return
	}
	d.watched = false
	delete(w.dirs, dir)
	if len(w.dirs) > 0 {
		return
	}
	delete(n.watches, d.id)
	delete(n.ids, w.name)
	if n.fs != nil {
		_ = n.fs.Remove(w.name) // the directory may be gone, and its watch with it
	}
}

// acquire watches a directory unless it is watched already. The caller holds n.mu.
func (n *notifier) acquire(dir string, id fileID) error {
	w := n.watches[id]
	if w == nil {
		w = &dirWatch{name: dir, dirs: map[string]bool{}}
	}
	if err := n.fs.Add(w.name); err != nil {
		return err
	}
	n.watches[id], n.ids[w.name] = w, id
	w.dirs[dir] = true
	return nil
}

// aliases returns the paths of the directory whose events come under this name.
// The caller holds n.mu.
func (n *notifier) aliases(name string) []string {
	id, ok := n.ids[name]
	if !ok {
		return nil
	}
	return slices.Collect(maps.Keys(n.watches[id].dirs))
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
func (n *notifier) ensure(dir string, st fileStat, now time.Time) (renewed bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.dirs[dir]
	if d == nil || n.fs == nil {
		return false, nil
	}
	d.checked = now
	if d.watched && d.id == st.id {
		return false, nil
	}
	if d.id != st.id {
		n.release(dir, d)
	}
	err = n.acquire(dir, st.id)
	d.watched, d.id = err == nil, st.id
	if err == nil || d.said {
		return err == nil, nil
	}
	d.said = true
	return false, fmt.Errorf("watching directory %s, its logs are polled: %w", dir, err)
}

// distrust makes the next watch of s compare its directories.
func (n *notifier) distrust(s *stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, path := range n.paths[s] {
		n.dirs[filepath.Dir(path)].checked = time.Time{}
	}
}

// doubt makes the next look of every stream renew its watches.
func (n *notifier) doubt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.dirs {
		d.watched, d.checked = false, time.Time{}
	}
}

// lost notes that a directory is no longer watched under any of its paths.
// The caller holds n.mu.
func (n *notifier) lost(name string) (list []*stream) {
	for _, dir := range n.aliases(name) {
		d := n.dirs[dir]
		n.release(dir, d)
		d.checked = time.Time{}
		list = slices.AppendSeq(list, maps.Keys(d.streams))
	}
	return list
}

// covers says whether events come for all that s needs.
func (n *notifier) covers(s *stream) bool {
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
func (n *notifier) interested(ev fsnotify.Event) (list []*stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	dir, base := filepath.Split(ev.Name)
	for _, alias := range n.aliases(filepath.Clean(dir)) {
		list = slices.AppendSeq(list, maps.Keys(n.names[filepath.Join(alias, base)]))
		if len(list) > 0 {
			continue
		}
		for s := range n.dirs[alias].streams {
			if s.draining.Load() {
				list = append(list, s)
			}
		}
	}
	if ev.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
		list = append(list, n.lost(ev.Name)...)
	}
	return list
}

// handle wakes the streams that an event is for.
func (w *Watcher) handle(ev fsnotify.Event) {
	for _, s := range w.notify.interested(ev) {
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
	w.notify.doubt()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.streams {
		s.due = time.Time{}
		s.again = true
	}
}

// watch makes sure that events come for the directories of s. It runs in a look
// of s, so that a directory that hangs holds up nobody else. It says whether a
// watch is new, so that what happened before it was not told.
func (s *stream) watch(now time.Time) (renewed bool) {
	w := s.w
	if s.polled() {
		return false
	}
	w.notify.set(s, s.paths()...)
	for _, dir := range w.notify.due(s, now.Add(-safety)) {
		st, err := statPath(dir)
		if err != nil {
			continue // it is looked at again when it is back
		}
		again, err := w.notify.ensure(dir, st, now)
		if err != nil {
			w.log.Warn("Error while " + err.Error())
		}
		renewed = renewed || again
	}
	return renewed
}

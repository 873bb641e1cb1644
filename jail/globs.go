package jail

import (
	"path/filepath"
	"slices"
	"strings"

	"f2b-go/source"
)

// AddLogGlob has the jail read every log that comes to match a pattern while it
// runs, from the first line on that is not older than the find time. A log that
// was found by a pattern with wildcards is left when it has been away for a
// while.
func (j *Jail) AddLogGlob(pattern string) {
	drafting, _ := j.editDraft(func(s *settings) bool {
		s.globs = append(slices.Clip(s.globs), pattern)
		return true
	})
	if drafting {
		return
	}
	j.edit(func(s *settings) { s.globs = append(slices.Clip(s.globs), pattern) })
	j.files.watch()
}

// LogGlobs lists the patterns.
func (j *Jail) LogGlobs() []string { return slices.Clone(j.shown().globs) }

// watch watches the patterns in force, and no others.
func (f *files) watch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.globs {
		g.Stop()
	}
	f.globs = nil
	if !f.attached || f.j.env.Watcher == nil {
		return
	}
	f.epoch++
	epoch := f.epoch
	var known []string
	for _, l := range f.list {
		known = append(known, l.wish.path)
	}
	for _, pattern := range f.j.effective().globs {
		wild := strings.ContainsAny(pattern, "*?[")
		f.globs = append(f.globs, f.j.env.Watcher.Glob(pattern, known, func(path string, there bool) {
			f.heard(epoch, path, there, wild)
		}))
	}
}

// heard deals with a log that a pattern has come to name, or one that is gone.
func (f *files) heard(epoch int, path string, there, wild bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(l *logFile) bool { return filepath.Clean(l.wish.path) == path })
	switch {
	case !f.attached || epoch != f.epoch:
	case there && i < 0:
		l := &logFile{j: f.j, wish: logWish{path: path}}
		if err := l.attach(true); err != nil {
			f.j.logs.filter.Error(f.j.say(err.Error()))
			return
		}
		f.list = append(f.list, l)
	case !there && i >= 0 && wild:
		f.list[i].detach()
		f.list = slices.Delete(f.list, i, i+1)
	}
}

var _ Watcher = (*source.Watcher)(nil)

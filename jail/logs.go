package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"f2b-go/filter"
	"f2b-go/internal/pytext"
	"f2b-go/source"
)

// Watcher follows log files; *source.Watcher is one.
type Watcher interface {
	Add(path string, opt source.AddOptions, sink source.Sink) (*source.Subscription, error)
	Glob(pattern string, known []string, tell func(path string, there bool)) *source.Glob
}

// logWish is a log that the jail should read.
type logWish struct {
	path string
	tail bool
	seen fs.FileInfo // the file as it was then; nil for none
}

// files are the logs of a jail, in the order in which they were added.
type files struct {
	j *Jail

	mu       sync.Mutex
	list     []*logFile
	attached bool
	globs    []*source.Glob
	epoch    int // counts the times that globs were made
}

// logFile is one log. It is the sink of its subscription.
type logFile struct {
	j           *Jail
	wish        logWish
	sub         *source.Subscription
	inOperation bool // has been read to its end once (2.6.2); guarded by Jail.matching
	cut         cut  // likewise
	lineEnd     string
	empty       bool // it is the null device, which nobody needs to follow
}

func (f *files) init(j *Jail) { f.j = j }

// AddLogPath has the jail read a log: from where it stopped last time or from
// what is not older than the find time, or with tail only what is new. A path
// that can't be opened is an error (fs.ErrNotExist and so on).
func (j *Jail) AddLogPath(path string, tail bool) error {
	wish := logWish{path: path, tail: tail}
	if info, err := os.Stat(path); err == nil {
		wish.seen = info
	}
	drafting, twice := j.editDraft(func(s *settings) bool {
		if slices.ContainsFunc(s.logs, func(w logWish) bool { return w.path == path }) {
			return true
		}
		s.logs = append(slices.Clip(s.logs), wish)
		return false
	})
	switch {
	case !drafting:
		return j.files.add(wish)
	case twice:
		j.logs.filter.Error(path + " already exists")
	case !j.files.has(path):
		return openable(path)
	}
	return nil
}

// openable says why a log can't be read.
func openable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("reading the log: %w", &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR})
	}
	if IsNull(info) {
		return nil
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("reading the log %s: %w", path, source.ErrNotRegular)
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	return file.Close()
}

// nullDevice is the number of /dev/null: major 1, minor 3.
const nullDevice = 1<<8 | 3

// IsNull says whether a file is the null device, by whatever name: the log of a jail
// that bans whom a client names and nobody else.
func IsNull(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && st.Rdev == nullDevice
}

// DelLogPath stops reading a log.
func (j *Jail) DelLogPath(path string) {
	drafting, _ := j.editDraft(func(s *settings) bool {
		s.logs = slices.DeleteFunc(slices.Clone(s.logs), func(w logWish) bool { return w.path == path })
		return true
	})
	if !drafting {
		j.files.remove(path)
	}
}

// LogPaths lists the logs of the jail.
func (j *Jail) LogPaths() []string {
	j.mu.RLock()
	draft := j.draft
	j.mu.RUnlock()
	if draft == nil {
		return j.files.paths()
	}
	paths := make([]string, len(draft.logs))
	for i, w := range draft.logs {
		paths[i] = w.path
	}
	return paths
}

func (f *files) paths() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	paths := make([]string, len(f.list))
	for i, l := range f.list {
		paths[i] = l.wish.path
	}
	return paths
}

func (f *files) has(path string) bool { return slices.Contains(f.paths(), path) }

func (f *files) add(wish logWish) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.list, func(l *logFile) bool { return l.wish.path == wish.path }) {
		f.j.logs.filter.Error(wish.path + " already exists")
		return nil
	}
	l := &logFile{j: f.j, wish: wish, inOperation: wish.tail}
	if err := openable(wish.path); err != nil {
		return err
	}
	if f.attached {
		if err := l.attach(false); err != nil {
			return err
		}
	}
	f.list = append(f.list, l)
	return nil
}

func (f *files) remove(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.DeleteFunc(f.list, func(l *logFile) bool {
		if l.wish.path != path {
			return false
		}
		l.detach()
		return true
	})
	f.j.keepNow(context.Background())
}

// attach begins to read all logs; one that can't be opened now is waited for.
func (f *files) attach() {
	defer f.watch()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached = true
	// What a rotation makes of a log has the longer name: the log comes first, so
	// that its place in a file that was rotated away holds.
	inOrder := slices.Clone(f.list)
	slices.SortStableFunc(inOrder, func(a, b *logFile) int { return len(a.wish.path) - len(b.wish.path) })
	for _, l := range inOrder {
		if err := l.attach(true); err != nil {
			f.j.logs.filter.Error(f.j.say(err.Error()))
		}
	}
}

// detach stops reading; the logs stay listed.
func (f *files) detach() {
	defer f.watch()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached = false
	for _, l := range f.list {
		l.detach()
	}
}

func (l *logFile) attach(wait bool) error {
	j := l.j
	if j.env.Watcher == nil {
		return nil
	}
	if info, err := os.Stat(l.wish.path); err == nil && IsNull(info) {
		l.empty = true
		j.logs.filter.Info(fmt.Sprintf("Added logfile: %s (pos = 0, hash = )", pytext.Repr(l.wish.path)))
		return nil
	}
	s := j.effective()
	l.cut = cut{}
	l.lineEnd = lineEnd(s.filter.Encoding())
	opt := source.AddOptions{
		Owner: j, Tail: l.wish.tail, TailSince: l.wish.seen, Wait: wait, LineEnd: l.lineEnd, Poll: j.reads == "polling",
		LineTime: func(line []byte) (float64, bool) { return j.effective().filter.LineTime(line) },
		Since:    func() float64 { return j.now() - j.effective().findTime.Value },
	}
	if l.wish.tail {
		opt.LineTime, opt.Since = nil, nil
	} else if j.env.Store != nil {
		places, err := j.env.Store.Positions(context.Background(), j.name, l.wish.path)
		if err != nil {
			j.logs.filter.Error(err.Error())
		}
		if len(places) > 0 {
			last := len(places) - 1
			opt.Positions, opt.Position, opt.Hash = places[:last], places[last].Offset, places[last].Hash
		}
	}
	sub, err := j.env.Watcher.Add(l.wish.path, opt, l)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	l.sub = sub
	return nil
}

// detach stops reading and notes how far it came.
func (l *logFile) detach() {
	if l.empty {
		l.empty = false
		l.j.logs.filter.Info("Removed logfile: " + pytext.Repr(l.wish.path))
	}
	if l.sub == nil {
		return
	}
	l.sub.Close()
	l.j.matching.Lock()
	l.j.keeper.reached(l.wish.path, l.cut.apply(l.sub.Positions()))
	l.j.matching.Unlock()
	l.sub = nil
}

// cut is a batch that was not judged to its end: a place within it that stands
// for the place before it.
type cut struct{ before, within source.Position }

func (c cut) apply(places []source.Position) []source.Position {
	for i, p := range places {
		if c.within.Offset > 0 && p == c.before {
			places[i] = c.within
		}
	}
	return places
}

// Lines judges a piece of the log; it is the source's sink. While the jail is
// idle it waits.
func (l *logFile) Lines(ctx context.Context, b source.Batch) error {
	j := l.j
	if err := errors.Join(j.recalling.wait(ctx), j.idle.wait(ctx)); err != nil {
		return err
	}
	j.matching.Lock()
	defer j.matching.Unlock()
	s := j.effective()
	rest := len(b.Data)
	if ctx.Err() == nil && rest > 0 {
		rest -= j.judgeBlock(ctx, s, filter.Block{Data: b.Data, Source: l.wish.path}, l.inOperation)
	}
	if rest == 0 && b.AtEnd && !b.Old {
		l.inOperation = true
	}
	j.serve()
	return l.judged(ctx, b, int64(rest))
}

// judged notes how far a batch was judged: to its end but for rest bytes.
func (l *logFile) judged(ctx context.Context, b source.Batch, rest int64) error {
	if rest == 0 {
		l.j.keeper.judged(l.wish.path, b.Places)
		return nil
	}
	l.cut.before = source.Position{Offset: b.End - int64(len(b.Data)), Hash: b.Hash}
	l.cut.within = source.Position{Offset: b.End - rest, Hash: b.Hash}
	return ctx.Err()
}

// lineEnd is what ends a line in an encoding of several bytes a character, ""
// for "\n".
func lineEnd(encoding string) string {
	switch strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(encoding)) {
	case "utf16", "u16", "utf16le":
		return "\n\x00"
	case "utf16be":
		return "\x00\n"
	case "utf32", "u32", "utf32le":
		return "\n\x00\x00\x00"
	case "utf32be":
		return "\x00\x00\x00\n"
	}
	return ""
}

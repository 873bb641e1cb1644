package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/internal/logfmt"
)

// When to look, and how much to keep.
const (
	// Budget is how many bytes of lines may wait in slow sinks before every
	// reader gets smaller batches.
	Budget = 16 << 20
	// MaxFiles is how many files of one path are kept open.
	MaxFiles = 32
	// DefaultQuiet is how long a rotated file must have been quiet before it is
	// asked whether anybody still writes to it.
	DefaultQuiet = 10 * time.Second

	minGap    = 2 * time.Millisecond   // between two looks of one stream
	minPoll   = 20 * time.Millisecond  // after a change
	maxPoll   = time.Second            // when nothing changes, with many logs
	leastPoll = 100 * time.Millisecond // and with few
	eachPoll  = 2 * time.Millisecond   // what each log adds to that
	minSafety = 50 * time.Millisecond  // after a change, where events are expected
	safety    = 2 * time.Second        // when nothing changes, where events are expected
	coarse    = maxPoll / 4            // idle streams are looked at together
)

// Options say how a watcher works. The zero value is good.
type Options struct {
	// Backend is "auto" or "pyinotify" (events, with polling where there are
	// none) or "polling", in any case. gamin is taken as auto.
	Backend string
	// Clock returns the time; time.Now if nil.
	Clock func() time.Time
	// Log takes messages; none are made if nil.
	Log *slog.Logger
	// Quiet replaces DefaultQuiet.
	Quiet time.Duration
	// Gone replaces DefaultGone.
	Gone time.Duration
	// StrictLinks refuses a symbolic link that belongs neither to root nor to the
	// owner of the file behind it.
	StrictLinks bool
}

// AddOptions say where a reader begins.
type AddOptions struct {
	// Tail begins at the end of the file.
	Tail bool
	// TailSince, with Tail, is the file as it was when that was asked for, if some
	// time ago: what it got since is read.
	TailSince fs.FileInfo
	// Position and Hash are a stored place: reading resumes there if the file
	// still begins with the line of that hash, else it begins at 0. A rotated
	// file beside it that has the hash is read from the place first.
	Position int64
	Hash     string
	// Positions are further stored places, in files that were rotated away.
	Positions []Position
	// LineTime tells when a line was written; ok is false if it does not say.
	// With it and Since, reading begins at the first line that is not older than
	// Since() (COMPAT 3.9.6). Both are called once, before the first batch, from
	// the goroutine that calls the sink.
	LineTime func(line []byte) (unix float64, ok bool)
	Since    func() (unix float64)
	// Wait accepts a path where nothing can be opened yet.
	Wait bool
	// Poll makes this reader need no events.
	Poll bool
	// Owner, if not nil, is whoever reads: readers with the same one, under
	// whatever paths, read no file twice.
	Owner any
	// LineEnd is what ends a line where that is not "\n": "\n\x00" in UTF-16LE.
	// It counts only at multiples of its length.
	LineEnd string
}

func (o *AddOptions) lineEnd() []byte {
	if o.LineEnd == "" {
		return []byte{'\n'}
	}
	return []byte(o.LineEnd)
}

// Watcher follows paths. New makes it, Run works.
type Watcher struct {
	opt     Options
	now     func() time.Time
	log     *slog.Logger
	held    atomic.Int64 // bytes in sinks
	buffers buffers
	index   fileIndex
	kick    chan struct{} // wakes the loop; never closed
	writers writerList

	mu      sync.Mutex
	ctx     context.Context
	stop    context.CancelFunc
	started bool
	ended   bool
	streams map[string]*stream // by cleaned absolute path
	notify  *notifier
	wg      sync.WaitGroup // looks, pumps and globs

	wakeAt time.Time // when the loop's timer rings

	globs     []*Glob
	globsBusy bool
	globsDue  time.Time
}

// NewWatcher makes a watcher; readers may be added before Run.
func NewWatcher(opt Options) *Watcher {
	w := &Watcher{opt: opt, now: opt.Clock, log: opt.Log, kick: make(chan struct{}, 1), streams: map[string]*stream{}}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.opt.Quiet == 0 {
		w.opt.Quiet = DefaultQuiet
	}
	if w.opt.Gone == 0 {
		w.opt.Gone = DefaultGone
	}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.notify = newNotifier()
	return w
}

// Polling says whether the watcher was asked to poll.
func (w *Watcher) Polling() bool { return strings.EqualFold(w.opt.Backend, "polling") }

// msg logs at fail2ban's level MSG.
func (w *Watcher) msg(text string) { w.log.Log(context.Background(), logfmt.LevelMSG, text) }

// room says how much a reader may read at once.
func (w *Watcher) room() int {
	if w.held.Load()+ChunkSize > Budget {
		return smallChunk
	}
	return ChunkSize
}

// begin counts a goroutine in; false before Run and after its end.
func (w *Watcher) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started || w.ended {
		return false
	}
	w.wg.Add(1)
	return true
}

// Run follows all paths until ctx ends; then it waits for every sink to return
// and closes all files. It can run once.
func (w *Watcher) Run(ctx context.Context) error {
	if !w.Polling() {
		if err := w.notify.start(); err != nil {
			w.log.Warn(fmt.Sprintf("Following logs by polling: %v", err))
		}
	}
	w.mu.Lock()
	w.started = true
	early := slices.Collect(maps.Values(w.streams))
	w.mu.Unlock()
	for _, s := range early {
		s.wakeAll()
	}
	err := w.loop(ctx)
	w.stop()
	w.mu.Lock()
	w.ended = true
	list := w.streams
	w.streams = map[string]*stream{}
	w.mu.Unlock()
	w.wg.Wait()
	for _, s := range list {
		s.close()
	}
	return errors.Join(err, w.notify.close())
}

// loop turns events and time into looks.
func (w *Watcher) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev := <-w.notify.events:
			w.handle(ev)
			continue
		case err := <-w.notify.problems:
			w.lostEvents(err)
		case <-w.kick:
		case <-timer.C:
		}
		timer.Reset(w.runDue())
	}
}

// runDue starts the looks whose time has come and returns how long until the
// next one.
func (w *Watcher) runDue() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	next := now.Add(maxPoll)
	for _, s := range w.streams {
		if s.busy {
			continue
		}
		if !s.due.After(now) {
			w.startLook(s)
		} else if s.due.Before(next) {
			next = s.due
		}
	}
	if len(w.globs) > 0 && !w.globsBusy {
		if !w.globsDue.After(now) {
			w.globsDue = now.Add(maxPoll)
			w.startGlobs()
		} else if w.globsDue.Before(next) {
			next = w.globsDue
		}
	}
	w.wakeAt = next
	return max(0, next.Sub(now))
}

// startLook looks at a stream in a goroutine. The caller holds w.mu.
func (w *Watcher) startLook(s *stream) {
	s.busy, s.again, s.lastLook = true, false, time.Now()
	w.wg.Add(1)
	go func() {
		defer w.wg.Done()
		changed := s.look()
		draining := len(s.oldFiles()) > 0
		s.draining.Store(draining)
		w.mu.Lock()
		defer w.mu.Unlock()
		s.busy = false
		s.schedule(changed, draining)
		if s.due.Before(w.wakeAt) {
			w.wakeLoop()
		}
	}()
}

// slowPoll is how long a quiet log waits for a look where no events come: the
// fewer there are, the oftener each can be looked at. The caller holds w.mu.
func (w *Watcher) slowPoll() time.Duration {
	return min(maxPoll, max(leastPoll, time.Duration(len(w.streams))*eachPoll))
}

// schedule sets the time of the next look. The caller holds w.mu.
func (s *stream) schedule(changed, draining bool) {
	slow, fast := s.w.slowPoll(), minPoll
	if !s.poll && s.w.notify.covers(s) {
		slow, fast = safety, minSafety
	}
	if draining {
		slow = maxPoll
	}
	if s.interval = min(slow, s.interval*3/2); changed {
		s.interval = fast
	}
	wait := s.interval
	if s.again {
		wait = minGap
	}
	s.due = s.lastLook.Add(wait)
	if wait >= 2*coarse {
		s.due = s.due.Truncate(coarse).Add(coarse)
	}
}

func (w *Watcher) wakeLoop() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// poke makes a stream be looked at: now, or a little later if it just was.
func (w *Watcher) poke(s *stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started || w.ended {
		return
	}
	if s.busy {
		s.again = true
		return
	}
	now := time.Now()
	if due := s.lastLook.Add(minGap); due.After(now) {
		if due.Before(s.due) {
			s.due = due
			w.wakeLoop()
		}
		return
	}
	w.startLook(s)
}

// Add begins to read path for a sink. The error says why the path can't be
// opened (fs.ErrNotExist, fs.ErrPermission, ErrNotRegular, ErrForeignLink)
// unless AddOptions.Wait is set; FIFOs, directories and devices are refused
// even then.
func (w *Watcher) Add(path string, opt AddOptions, sink Sink) (*Subscription, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", path, err)
	}
	s, err := w.streamFor(path, abs, opt.Poll)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", path, err)
	}
	sub, err := s.join(opt, sink)
	if err != nil {
		w.unuse(s)
		return nil, err
	}
	sub.wake()
	w.poke(s)
	return sub, nil
}

// streamFor returns the stream of a path and counts a user in.
func (w *Watcher) streamFor(path, abs string, poll bool) (*stream, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil, ErrClosed
	}
	s := w.streams[abs]
	if s == nil {
		s = &stream{w: w, path: path, abs: abs, poll: poll, interval: minPoll}
		w.streams[abs] = s
	}
	s.poll = s.poll && poll
	s.users++
	return s, nil
}

// unuse counts a user out and lets the stream go with the last one.
func (w *Watcher) unuse(s *stream) {
	w.mu.Lock()
	s.users--
	last := s.users == 0 && w.streams[s.abs] == s
	if last {
		delete(w.streams, s.abs)
	}
	w.mu.Unlock()
	if last {
		s.close()
	}
}

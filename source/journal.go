package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of the journal's reader.
const (
	// journalBatch is how many entries a sink gets at most at once (COMPAT 2.9.6).
	journalBatch = 100
	// minJournalWait and maxJournalWait are how long it waits before it starts a
	// journalctl that has failed again.
	minJournalWait = 200 * time.Millisecond
	maxJournalWait = time.Minute
	// journalGrace is how long a journalctl that was told to end may take.
	journalGrace = 2 * time.Second
	// globEvery is how often a list of journal files is made anew.
	globEvery = 2 * time.Second
)

// The flags of sd_journal_open(3) that journalflags may hold.
const (
	journalLocalOnly      = 1
	journalRuntimeOnly    = 2
	journalSystem         = 4
	journalCurrentUser    = 8
	journalAllNamespaces  = 32
	journalDefaultAndMore = 64
)

// runtimeJournals is where the journal of a machine without a disk lies.
const runtimeJournals = "/run/log/journal"

// JournalOptions say which entries of which journal are read. The zero value is
// the whole journal of this machine.
type JournalOptions struct {
	// Matches are alternatives; the words FIELD=VALUE of one must all hold, but
	// those of the same field are alternatives again (COMPAT 2.9.3).
	Matches [][]string
	// Directory and Files, a list of globs, name journals elsewhere.
	Directory string
	Files     []string
	Namespace string
	// Flags are those of sd_journal_open(3); nil means the journals of this machine.
	Flags *int
	// Log takes messages; none are made if nil.
	Log *slog.Logger
}

// JournalPlace is a place in the journal: after an entry (Seen), or at a time.
type JournalPlace struct {
	Cursor string  // of the entry; "" where it is not known
	Time   float64 // Unix seconds, of the entry or to begin at
	Text   string  // the time as a date, local
	Seen   bool
}

// JournalEntry is one entry as a line of a log, without a line end.
type JournalEntry struct {
	Place JournalPlace
	Text  []byte
}

// JournalSink takes entries; its calls do not overlap. CaughtUp is called when
// all that stood in the journal at the start has been taken. An error ends the
// reading.
type JournalSink interface {
	Entries(ctx context.Context, entries []JournalEntry) error
	CaughtUp()
}

// Journalctl reads the journal through systemd's program of that name: it knows
// the format of every systemd, and this program needs no C library for it.
type Journalctl struct {
	// Program replaces "journalctl".
	Program string
}

// Follow hands all entries after a place to the sink until ctx ends or the sink
// returns an error. A journalctl that fails is started again, from the last
// entry on.
func (c Journalctl) Follow(ctx context.Context, opt JournalOptions, from JournalPlace, sink JournalSink) error {
	r := &journalReader{program: c.Program, opt: opt, place: from, sink: sink, log: opt.Log}
	if r.program == "" {
		r.program = "journalctl"
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	wait := minJournalWait
	for {
		r.got = 0
		err := r.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case r.refused != nil:
			return r.refused
		case err == nil:
			wait = minJournalWait
			continue
		}
		r.complain(err)
		if r.got > 0 {
			wait = minJournalWait
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		wait = min(2*wait, maxJournalWait)
	}
}

// journalReader is a reading of the journal at work.
type journalReader struct {
	program string
	opt     JournalOptions
	sink    JournalSink
	log     *slog.Logger

	place    JournalPlace
	got      int  // entries of this run
	past     bool // an entry after place was seen, where place has no cursor
	caughtUp bool
	badPlace int   // how often in a row the cursor led nowhere
	refused  error // by the sink
	trouble  string
}

// complain reports trouble once, until it is over or another comes.
func (r *journalReader) complain(err error) {
	if text := err.Error(); text != r.trouble {
		r.trouble = text
		r.log.Error("Error while reading the journal, will try again: " + text)
	}
}

// run reads what there is, and once that is done follows what comes. It returns
// nil where it is to be called again at once.
func (r *journalReader) run(ctx context.Context) error {
	files, err := globs(r.opt.Files)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !r.caughtUp {
		if err := r.child(ctx, files, false); err != nil {
			return err
		}
		r.caughtUp = true
		r.sink.CaughtUp()
	}
	changed := make(chan bool, 1)
	go func() { changed <- r.watchFiles(ctx, files, cancel) }()
	err = r.child(ctx, files, true)
	cancel()
	if <-changed {
		return nil
	}
	if err == nil {
		err = errors.New("journalctl has ended")
	}
	return err
}

// watchFiles cancels where the globs have come to name other files, since
// journalctl looks at them once.
func (r *journalReader) watchFiles(ctx context.Context, files []string, cancel context.CancelFunc) (changed bool) {
	if len(r.opt.Files) == 0 {
		return false
	}
	tick := time.NewTicker(globEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if now, err := globs(r.opt.Files); err == nil && !slices.Equal(now, files) {
				cancel()
				return true
			}
		}
	}
}

// globs lists the files that patterns name.
func globs(patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		list, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("journal files %s: %w", p, err)
		}
		files = append(files, list...)
	}
	if len(patterns) > 0 && len(files) == 0 {
		return nil, fmt.Errorf("no journal file matches %s", strings.Join(patterns, ", "))
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// child runs one journalctl until it or ctx ends.
func (r *journalReader) child(ctx context.Context, files []string, follow bool) error {
	var complaint limitedText
	cmd := exec.CommandContext(ctx, r.program, r.args(files, follow)...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0")
	cmd.Stderr = &complaint
	cmd.WaitDelay = journalGrace
	// It must not outlive a killed server: it would wait for the next entry.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", r.program, err)
	}
	before := r.got
	err = r.read(ctx, out)
	if err != nil {
		// It may write on while nobody reads.
		_ = cmd.Process.Kill()
	}
	_, _ = io.Copy(io.Discard, out)
	if werr := cmd.Wait(); err == nil {
		err = werr
	}
	switch {
	case ctx.Err() != nil || err == nil:
	case r.got == before && r.place.Cursor != "":
		// The entry may have been in a journal that is broken now.
		if r.badPlace++; r.badPlace > 1 {
			r.place.Cursor, r.badPlace = "", 0
		}
	}
	if r.got > before {
		r.badPlace, r.trouble = 0, ""
	}
	if text := strings.TrimSpace(complaint.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, strings.ReplaceAll(text, "\n", "; "))
	}
	return err
}

// args is the command line of journalctl.
func (r *journalReader) args(files []string, follow bool) []string {
	args := []string{"--quiet", "--no-pager", "--output=export", "--output-fields=" + strings.Join(journalFields, ",")}
	if follow {
		args = append(args, "--follow", "--no-tail")
	}
	args = append(args, r.opt.where(files)...)
	switch {
	case r.place.Cursor != "":
		args = append(args, "--cursor="+r.place.Cursor)
	case r.place.Time > 0:
		args = append(args, "--since=@"+strconv.FormatFloat(r.place.Time, 'f', 6, 64))
	}
	args = append(args, "--")
	for i, group := range r.opt.Matches {
		if i > 0 && len(group) > 0 && args[len(args)-1] != "--" {
			args = append(args, "+")
		}
		args = append(args, group...)
	}
	return args
}

// where names the journals.
func (o *JournalOptions) where(files []string) []string {
	var args []string
	for _, f := range files {
		args = append(args, "--file="+f)
	}
	namespace := o.Namespace
	if len(files) == 0 && o.Directory != "" {
		args = append(args, "--directory="+o.Directory)
	}
	elsewhere := len(files) > 0 || o.Directory != ""
	if elsewhere || o.Flags != nil && *o.Flags&journalLocalOnly == 0 {
		// Without it journalctl follows one boot only: this machine's, or of
		// journals from elsewhere the last one that it knows.
		args = append(args, "--merge")
	}
	if o.Flags != nil {
		has := func(flag int) bool { return *o.Flags&flag != 0 }
		if has(journalRuntimeOnly) && !elsewhere {
			args = append(args, "--directory="+runtimeJournals)
		}
		if has(journalSystem) {
			args = append(args, "--system")
		}
		if has(journalCurrentUser) {
			args = append(args, "--user")
		}
		switch {
		case has(journalAllNamespaces):
			namespace = "*"
		case has(journalDefaultAndMore) && namespace != "":
			namespace = "+" + namespace
		}
	}
	if namespace != "" {
		args = append(args, "--namespace="+namespace)
	}
	return args
}

// read hands on the entries of a child and counts them.
func (r *journalReader) read(ctx context.Context, out io.Reader) error {
	x := newExportReader(out)
	var batch []JournalEntry
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := r.sink.Entries(ctx, batch)
		if err != nil {
			r.refused = err
			return err
		}
		// From here on the entry itself tells which is old.
		r.place, r.past = batch[len(batch)-1].Place, false
		batch = batch[:0]
		return nil
	}
	for {
		e, err := x.next()
		if err != nil {
			if err2 := flush(); err2 != nil {
				return err2
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.got++
		if r.old(e.Place) {
			continue
		}
		batch = append(batch, e)
		if len(batch) == journalBatch || !x.buffered() {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// old says whether an entry is that at the place, or before it.
func (r *journalReader) old(p JournalPlace) bool {
	switch {
	case r.past || !r.place.Seen:
		return false
	case r.place.Cursor != "":
		return p.Cursor == r.place.Cursor
	case p.Time <= r.place.Time:
		return true
	}
	r.past = true
	return false
}

// limitedText keeps the beginning of what is written to it.
type limitedText struct{ strings.Builder }

// maxComplaint is how much of journalctl's own words is kept.
const maxComplaint = 1000

func (t *limitedText) Write(p []byte) (int, error) {
	t.Builder.Write(p[:max(0, min(len(p), maxComplaint-t.Len()))])
	return len(p), nil
}

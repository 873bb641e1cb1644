package jail

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"f2b-go/filter"
	"f2b-go/internal/logfmt"
	"f2b-go/source"
)

// JournalPath stands for the journal where the store keeps places of logs (2.9.6).
const JournalPath = "systemd-journal"

// JournalReader reads the journal until ctx ends; source.Journalctl is one.
type JournalReader interface {
	Follow(ctx context.Context, opt source.JournalOptions, from source.JournalPlace, sink source.JournalSink) error
}

// journal is the reading of a jail on the journal, and the sink for it.
type journal struct {
	j *Jail

	mu     sync.Mutex
	stop   context.CancelFunc // nil while nothing is read
	over   chan struct{}
	reads  [][]string // the matches that it reads with
	loaded bool       // place is known

	place       source.JournalPlace // guarded by Jail.matching, as the next
	inOperation bool                // what stood there at the start is judged (2.6.2)
}

// start begins to read, or begins anew where the matches have changed.
func (n *journal) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	matches := n.j.effective().journal
	if n.stop != nil {
		if slices.EqualFunc(n.reads, matches, slices.Equal[[]string]) {
			return
		}
		n.end()
	}
	opt, err := n.j.journalOptions(matches)
	if err != nil {
		n.j.logs.filter.Error(n.j.say("the journal is not read: " + err.Error()))
		return
	}
	if len(matches) == 0 && n.j.reads == "systemd" {
		n.j.logs.filter.Log(context.Background(), logfmt.LevelNotice, n.j.say("Jail started without 'journalmatch' set. "+
			"Jail regexs will be checked against all journal entries, which is not advised for performance reasons."))
	}
	from := n.from()
	ctx, cancel := context.WithCancel(context.Background())
	n.stop, n.over, n.reads = cancel, make(chan struct{}), matches
	go func(over chan struct{}) {
		defer close(over)
		if err := n.reader().Follow(ctx, opt, from, n); err != nil && ctx.Err() == nil {
			n.j.logs.filter.Error(n.j.say("the " + journalNames[n.j.reads] + " is not read any more: " + err.Error()))
		}
	}(n.over)
}

// journalNames is what the backends without log files read.
var journalNames = map[string]string{"systemd": "journal", "nflog": "NFLOG group", "kmsg": "kernel's log"}

// reader is what the backend reads with. nflog may have a group of its own:
// nflog[group=7].
func (n *journal) reader() JournalReader {
	switch n.j.reads {
	case "kmsg":
		return source.Kmsg{Log: n.j.logs.filter}
	case "nflog":
		group, _ := strconv.ParseUint(n.j.journalArgs["group"], 10, 16)
		return source.NFLOG{Group: uint16(group), Log: n.j.logs.filter}
	}
	return n.j.env.Journal
}

// halt stops reading.
func (n *journal) halt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stop != nil {
		n.end()
	}
}

func (n *journal) end() {
	n.stop()
	<-n.over
	n.stop = nil
}

// from is where to begin: after the last entry that was judged, but not with
// what is older than the find time (2.9.5).
func (n *journal) from() source.JournalPlace {
	j := n.j
	j.matching.Lock()
	defer j.matching.Unlock()
	if !n.loaded && j.env.Store != nil {
		place, ok, err := j.env.Store.JournalPlace(context.Background(), j.name)
		if err != nil {
			j.logs.filter.Error(err.Error())
		}
		if ok {
			n.place = place
		}
	}
	n.loaded = true
	if oldest := j.now() - j.effective().findTime.Value; n.place.Time < oldest {
		return source.JournalPlace{Time: oldest}
	}
	return n.place
}

// Entries judges entries; it is the source's sink. While the jail is idle, or
// not ready yet, it waits.
func (n *journal) Entries(ctx context.Context, entries []source.JournalEntry) error {
	j := n.j
	if err := j.recalling.wait(ctx); err != nil {
		return err
	}
	if err := j.idle.wait(ctx); err != nil {
		return err
	}
	j.matching.Lock()
	defer j.matching.Unlock()
	s := j.effective()
	lasting := context.WithoutCancel(ctx)
	for i := range entries {
		if ctx.Err() != nil {
			break
		}
		e := &entries[i]
		j.judge(lasting, s, filter.Line{
			Text: e.Text, Source: JournalPath, Date: e.Place.Text + " ", Time: e.Place.Time, HasTime: true,
		}, n.inOperation)
		n.place = e.Place
	}
	j.serve()
	j.keeper.judgedJournal(n.place)
	return ctx.Err()
}

// CaughtUp is called when all that stood in the journal at the start is judged.
func (n *journal) CaughtUp() {
	n.j.matching.Lock()
	defer n.j.matching.Unlock()
	if !n.inOperation {
		n.inOperation = true
		n.j.logs.filter.Info(n.j.say("Jail is in operation now (process new journal entries)"))
	}
}

// journalOptions reads the options of the backend.
func (j *Jail) journalOptions(matches [][]string) (source.JournalOptions, error) {
	given := j.journalArgs
	if flags := j.env.Getenv(defaultFlags); flags != "" && given["journalflags"] == "" && !elsewhere(given) {
		given = maps.Clone(given)
		if given == nil {
			given = map[string]string{}
		}
		given["journalflags"] = flags
	}
	opt, err := JournalOptions(given, matches)
	opt.Log = j.logs.filter
	return opt, err
}

// JournalOptions reads the options of the backend systemd (2.9.4) and its
// matches, lists of words FIELD=VALUE that are alternatives.
func JournalOptions(given map[string]string, matches [][]string) (source.JournalOptions, error) {
	opt := source.JournalOptions{Matches: matches}
	opt.Directory, opt.Namespace = given["journalpath"], given["namespace"]
	opt.Files = strings.FieldsFunc(given["journalfiles"], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	text := given["journalflags"]
	if text == "" && !elsewhere(given) && slices.Contains(truths, strings.ToLower(given["rotated"])) {
		text = systemOnly
	}
	if text == "" {
		return opt, nil
	}
	flags, err := strconv.Atoi(text)
	if err != nil {
		return opt, fmt.Errorf("journalflags %q is no number", text)
	}
	opt.Flags = &flags
	return opt, nil
}

// elsewhere says whether the options name journals of their own.
func elsewhere(given map[string]string) bool {
	return given["journalpath"] != "" || strings.TrimSpace(given["journalfiles"]) != ""
}

const (
	// defaultFlags names the variable of the environment whose flags hold where a
	// jail gives none and no journals of its own.
	defaultFlags = "F2B_SYSTEMD_DEFAULT_FLAGS"
	// systemOnly are those of the option rotated.
	systemOnly = "4"
)

// truths are the texts of an option that is on.
var truths = []string{"1", "on", "true", "yes"}

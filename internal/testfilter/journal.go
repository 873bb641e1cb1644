package testfilter

import (
	"context"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
	journals "f2b-go/source"
)

// journalWord begins a LOG that is the journal.
const journalWord = "systemd-journal"

// backendOptions are those that systemd-journal[…] may have.
var backendOptions = []string{"journalfiles", "journalflags", "journalpath", "namespace", "rotated"}

// openJournal makes a source of the journal that LOG names.
func (t *tester) openJournal(word string) (*source, error) {
	enc := t.encoding()
	if err := t.flt.SetEncoding(enc); err != nil {
		return nil, err
	}
	t.say("Use         systemd journal")
	t.say("Use         encoding : %s", enc)
	_, options, err := config.ParseOptions(word)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, o := range options {
		name := pytext.Str(o.Key)
		if !slices.Contains(backendOptions, name) {
			return nil, fmt.Errorf("%s: unknown option %s, it may have %s", journalWord, name, strings.Join(backendOptions, ", "))
		}
		given[name] = pytext.Str(o.Value)
	}
	if !t.patternSet {
		t.flt.DisableDates()
	}
	opt, err := jail.JournalOptions(given, alternatives(t.journal))
	if err != nil {
		return nil, err
	}
	opt.Log = t.log
	if len(t.journal) > 0 {
		t.say("Use    journal match : %s", strings.Join(t.journal, " "))
	}
	return &source{name: word, entries: func(sink journals.JournalSink) error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		if !t.opt.follow {
			return journals.Journalctl{}.Read(ctx, opt, sink)
		}
		fmt.Fprintln(t.errOut, "Following the journal; an interrupt (Ctrl-C) ends it")
		now := float64(t.clock().UnixMicro()) / 1e6
		return journals.Journalctl{}.Follow(ctx, opt, journals.JournalPlace{Time: now}, sink)
	}}, nil
}

// alternatives cuts a match at its "+".
func alternatives(words []string) [][]string {
	var groups [][]string
	start := true
	for _, w := range words {
		switch {
		case w == "+":
			start = true
		case start:
			groups, start = append(groups, []string{w}), false
		default:
			groups[len(groups)-1] = append(groups[len(groups)-1], w)
		}
	}
	return groups
}

// journalSink judges the entries of a journal.
type journalSink struct {
	t      *tester
	number int
}

// Entries judges entries as they come.
func (s *journalSink) Entries(_ context.Context, entries []journals.JournalEntry) error {
	for i := range entries {
		e := &entries[i]
		s.number++
		line := filter.Line{Text: e.Text, Source: journalWord, Date: e.Place.Text + " ", Time: e.Place.Time, HasTime: true}
		text := line.Date + string(s.t.flt.Decode(nil, e.Text))
		if err := s.t.judge(judged{number: s.number, text: text, journal: true}, line); err != nil {
			return err
		}
	}
	if s.t.opt.follow {
		return s.t.out.Flush()
	}
	return nil
}

// CaughtUp is of no interest here.
func (s *journalSink) CaughtUp() {}

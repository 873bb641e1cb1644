package testfilter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"f2b-go/config"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// readFailRegex finds out what the word REGEX means (a jail, a filter or a
// failregex) and gives the filter what it brings.
func (t *tester) readFailRegex(word string) error {
	cfg := config.New(config.Options{Dir: t.opt.config, Log: t.relay})
	reading, err := cfg.ReadFilter(word, t.backend)
	if errors.Is(err, config.ErrNoFilter) {
		return t.takeLine(word)
	}
	if reading != nil {
		t.tellSource(reading)
	}
	if err != nil {
		return &failure{placed(err)}
	}
	if t.opt.verbose > 1 || t.log.Enabled(context.Background(), slog.LevelDebug) {
		t.say("Real  filter options : %s", pytext.Repr(reading.Real))
	}
	if err := t.takeJail(reading); err != nil {
		return err
	}
	if len(reading.Commands) == 0 { // a filter without a single option: the word may still be a regex
		return t.takeLine(word)
	}
	var fail, ignore []string
	for _, cmd := range reading.Commands {
		if err := t.command(cmd, word, &fail, &ignore); err != nil {
			return err
		}
	}
	return t.addRegexes(fail, ignore)
}

// takeLine takes the word itself for a failregex.
func (t *tester) takeLine(word string) error {
	t.say("Use   failregex line : %s", short(word))
	return t.addRegexes([]string{word}, nil)
}

// placed is the text of a reading error, with the place where it does not name one.
func placed(err error) string {
	var e *config.Error
	if !errors.As(err, &e) || e.Line == 0 || strings.Contains(e.Text, e.File) {
		return err.Error()
	}
	return fmt.Sprintf("%s (%s:%d: %s)", e.Text, e.File, e.Line, e.Remedy)
}

// relay passes what the configuration says on to the engine's messages.
func (t *tester) relay(m config.Message) {
	level := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, logfmt.LevelNotice, slog.LevelWarn, slog.LevelError}[m.Severity]
	t.log.With("logger", m.Logger).Log(context.Background(), level, m.Text)
}

func (t *tester) tellSource(r *config.FilterReading) {
	options := "Use   filter options : %s"
	switch r.Source {
	case config.FromJail:
		t.say("Use             jail : %s", r.Name)
		options = "Use jail/flt options : %s"
	case config.FromFilter:
		t.say("Use      filter file : %s, basedir: %s", r.Name, r.BaseDir)
	default:
		t.say("Use      filter file : %s", r.Name)
	}
	if len(r.Params) > 0 {
		t.say(options, pytext.Repr(r.Params))
	}
}

// command applies one command of the stream that the filter is made of;
// regexes are collected, since all else comes first.
func (t *tester) command(cmd []any, word string, fail, ignore *[]string) error {
	if len(cmd) < 4 {
		return nil
	}
	values := cmd[3:]
	if list, ok := cmd[3].([]any); ok && cmd[0] == "multi-set" {
		values = list
	}
	name, _ := cmd[2].(string)
	if name == "addjournalmatch" { // the last one counts
		if !t.opt.hasJournal {
			t.journal = nil
			for _, v := range values {
				t.journal = append(t.journal, pytext.Str(v))
			}
		}
		return nil
	}
	for _, v := range values {
		text := pytext.Str(v)
		var err error
		switch name {
		case "prefregex":
			return t.flt.SetPrefRegex(text)
		case "addfailregex":
			*fail = append(*fail, text)
		case "addignoreregex":
			*ignore = append(*ignore, text)
		case "maxlines":
			var n int
			if n, err = strconv.Atoi(text); err == nil {
				err = t.setMaxLines(n)
			}
		case "datepattern":
			err = t.setDatePattern(text)
		}
		if err != nil {
			return &failure{fmt.Sprintf("ERROR: Invalid value for %s (%s) read from %s: %v", name, pytext.Repr(v), word, err)}
		}
	}
	return nil
}

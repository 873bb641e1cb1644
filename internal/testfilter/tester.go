// Package testfilter is fail2ban-regex and the verb test-filter: it judges the
// lines of a log with a filter and reports what was found, as text or as JSON.
// It hides the options, the search for the filter that was meant, and the
// layout of the reports.
package testfilter

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"f2b-go/action"
	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// Version is the version of fail2ban that the programs report.
const Version = "1.1.1"

// Exit codes: those of fail2ban-regex.
const (
	exitDone   = 0
	exitUsage  = 2
	exitFailed = 255
)

// gcPercent is how much memory may grow before garbage is collected.
const gcPercent = 400

// defaultShown is how many missed or ignored lines are listed.
const defaultShown = 20

// failure ends the run with a message; "" is one that was told already.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

// tester is one run.
type tester struct {
	opt    options
	out    *bufio.Writer
	errOut io.Writer
	flt    *filter.Filter
	log    *slog.Logger
	clock  func() time.Time
	mode   filter.Mode
	shown  int // how many lines a list may have

	maxLinesSet bool
	patternSet  bool
	backend     string
	journal     []string
	screen      screen
	lookup      filter.Lookup // nil: the system's
	names       *action.Host  // of addresses
	explain     *explaining   // nil without --explain
	bar         *progress     // nil without one

	fail, ignore []*regexStat
	prefMatched  int
	pref         lastPref
	prefGroups   []string
	lines        lineStats
	judged       judged // the line at hand
	took         time.Duration
}

// lastPref is what came of the prefregex when it was tried last.
type lastPref struct {
	matched bool
	groups  filter.Fields
}

// regexStat counts the matches of one regex.
type regexStat struct {
	text  string // with its tags
	hits  int
	found []foundID // with -v only
}

type foundID struct {
	id       string
	at       time.Time
	multiple bool
}

// Main runs the program with the words after its name and returns its exit
// code. progName is how the usage calls it.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, progName string) int {
	// Little is kept of a log, so there is memory to spare for fewer rounds of
	// the garbage collector.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	out := bufio.NewWriterSize(stdout, 64<<10)
	code := run(args, out, stderr, progName, surroundings{screen: newScreen(stdout, stderr)})
	if err := out.Flush(); err != nil && code == exitDone {
		return exitFailed
	}
	_ = stdin // no input is read from there
	return code
}

// surroundings are what a run asks beside its files.
type surroundings struct {
	screen screen
	lookup filter.Lookup // nil: the system's
	names  *action.Host  // nil: the system's
}

func run(args []string, out *bufio.Writer, stderr io.Writer, progName string, s surroundings) int {
	opt, words, err := parse(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "%s\n%s: error: %v\n", usage(progName), progName, err)
		return exitUsage
	case opt.help:
		fmt.Fprint(out, help(progName))
		return exitDone
	case opt.version:
		fmt.Fprintf(out, "%s %s\n", progName, Version)
		return exitDone
	case opt.shortVersion:
		fmt.Fprintln(out, Version)
		return exitDone
	}
	if wrong := conflicts(opt, words); len(wrong) > 0 {
		fmt.Fprint(out, help(progName))
		fmt.Fprintf(stderr, "\n%s\n", strings.Join(wrong, "\n"))
		return exitFailed
	}
	t := &tester{opt: opt, out: out, errOut: stderr, shown: defaultShown, backend: "auto", screen: s.screen, lookup: s.lookup, names: cmp.Or(s.names, action.NewHost(nil))}
	if err := t.start(words); err != nil {
		var f *failure
		if !errors.As(err, &f) {
			err = &failure{"ERROR: " + err.Error()}
		}
		switch text := err.Error(); {
		case text == "": // it was told in the log
		case opt.json:
			fmt.Fprintln(stderr, text)
		default:
			fmt.Fprintln(out, text)
		}
		return exitFailed
	}
	return exitDone
}

// conflicts tells what is wrong with the options taken together.
func conflicts(o options, words []string) []string {
	var wrong []string
	exclusive := func(a, b string) {
		wrong = append(wrong, "ERROR: "+a+" and "+b+" are mutually exclusive.")
	}
	if o.noMissed && o.allMissed {
		exclusive("--print-no-missed", "--print-all-missed")
	}
	if o.noIgnored && o.allIgnored {
		exclusive("--print-no-ignored", "--print-all-ignored")
	}
	if o.json && o.out != "" {
		exclusive("--json", "--out")
	}
	if o.explain && o.out != "" {
		exclusive("--explain", "--out")
	}
	if len(words) != 2 && len(words) != 3 {
		wrong = append(wrong, "ERROR: provide both <LOG> and <REGEX>.")
	}
	return wrong
}

// say prints a line of the report, which -o and --json leave out.
func (t *tester) say(format string, args ...any) {
	if t.opt.out == "" && !t.opt.json {
		fmt.Fprintf(t.out, format+"\n", args...)
	}
}

func (t *tester) start(words []string) error {
	t.say("\nRunning tests\n=============\n")
	if err := t.setUp(); err != nil {
		if t.log != nil && (t.opt.verbose > 0 || t.log.Enabled(context.Background(), slog.LevelDebug)) {
			t.log.With("logger", "fail2ban").Log(context.Background(), logfmt.LevelCritical, err.Error())
			return &failure{}
		}
		return err
	}
	if strings.HasPrefix(words[0], journalWord) {
		t.backend = "systemd"
	}
	if err := t.readFailRegex(words[1]); err != nil {
		return err
	}
	if len(words) == 3 {
		if err := t.readIgnoreRegex(words[2]); err != nil {
			return err
		}
	}
	src, err := t.open(words[0])
	if err != nil {
		return err
	}
	defer src.close()
	t.say("")
	begun := time.Now()
	if err := t.judgeAll(src); err != nil {
		return err
	}
	t.took = time.Since(begun)
	t.bar.clear()
	t.report()
	t.tellBans()
	return nil
}

// setUp makes the filter.
func (t *tester) setUp() error {
	o := &t.opt
	clock := time.Now
	if o.now != "" {
		at, err := parseNow(o.now, time.Local)
		if err != nil {
			return err
		}
		clock = func() time.Time { return at }
	}
	logTo := io.Writer(t.out)
	if o.json {
		logTo = t.errOut
	}
	log, err := newLog(logTo, o)
	if err != nil {
		return err
	}
	t.log, t.clock = log, clock
	t.flt = filter.New("~jailless~", filter.Env{
		Clock: clock, Local: time.Local, Log: log, Getenv: os.Getenv,
		Resolver: filter.NewNameCache(filter.NameOptions{Log: log, Lookup: t.lookup}),
	})
	t.mode = filter.Mode{CheckAll: !o.noCheckAll && o.out == "", RawHosts: o.raw, KeepPending: o.out == "", PrefGroups: o.verbose > 0}
	t.startExplaining(clock)
	return t.setOptions()
}

// setOptions gives the filter what the options say.
func (t *tester) setOptions() error {
	o := &t.opt
	if o.maxLines != 0 {
		t.shown = o.maxLines
		if err := t.setMaxLines(o.maxLines); err != nil {
			return err
		}
	}
	if o.hasJournal {
		words, err := config.ShellWords(o.journalMatch)
		if err != nil {
			return err
		}
		t.journal = words
	}
	if o.timezone != "" {
		if err := t.flt.SetLogTimeZone(o.timezone); err != nil {
			return err
		}
	}
	if o.hasPattern && o.datePattern != "" {
		if err := t.setDatePattern(o.datePattern); err != nil {
			return err
		}
	}
	if o.useDNS != "" {
		t.flt.SetUseDNS(o.useDNS)
	}
	return nil
}

// setMaxLines and setDatePattern are settled by who comes first: the options,
// then the filter.
func (t *tester) setMaxLines(n int) error {
	if t.maxLinesSet {
		return nil
	}
	if err := t.flt.SetMaxLines(n); err != nil {
		return err
	}
	t.maxLinesSet = true
	t.say("Use         maxlines : %d", n)
	return nil
}

func (t *tester) setDatePattern(pattern string) error {
	if t.patternSet {
		return nil
	}
	if err := t.flt.SetDatePattern(pattern); err != nil {
		return err
	}
	t.patternSet = true
	name := ""
	if p, ok := t.flt.DatePattern().(pytext.Tuple); ok && len(p) == 2 {
		name = pytext.Str(p[1])
	}
	t.say("Use      datepattern : %s : %s", pattern, name)
	return nil
}

// addRegexes gives the filter its regexes, the ignoreregexes first as a stream has
// them, and starts counting them.
func (t *tester) addRegexes(fail, ignore []string) error {
	for _, text := range ignore {
		t.ignore = append(t.ignore, &regexStat{text: text})
		if err := t.flt.AddIgnoreRegex(text); err != nil {
			return err
		}
	}
	for _, text := range fail {
		t.fail = append(t.fail, &regexStat{text: text})
		if err := t.flt.AddFailRegex(text); err != nil {
			return err
		}
	}
	return nil
}

// readIgnoreRegex takes the third word: one ignoreregex in the place of the
// filter's.
func (t *tester) readIgnoreRegex(text string) error {
	t.flt.ClearIgnoreRegexes()
	t.ignore = nil
	t.say("Use ignoreregex line : %s", short(text))
	return t.addRegexes(nil, []string{text})
}

// short cuts long text for a heading.
func short(s string) string {
	const most = 53
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}

// parseNow reads --now: seconds since 1970, or a date and time of ISO 8601
// that is local unless it names its zone.
func parseNow(text string, local *time.Location) (time.Time, error) {
	if sec, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(sec) < 1e11 {
		whole, part := math.Modf(sec)
		return time.Unix(int64(whole), int64(part*1e9)).In(local), nil
	}
	norm := strings.ToUpper(strings.Replace(strings.TrimSpace(text), " ", "T", 1))
	forms := []string{
		"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00",
		"2006-01-02T15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02",
		"20060102T150405Z0700", "20060102T150405",
	}
	at := slices.IndexFunc(forms, func(form string) bool { _, err := time.ParseInLocation(form, norm, local); return err == nil })
	if at < 0 {
		return time.Time{}, fmt.Errorf("reading --now %q: neither seconds since 1970 nor a date and time of ISO 8601", text)
	}
	return time.ParseInLocation(forms[at], norm, local)
}

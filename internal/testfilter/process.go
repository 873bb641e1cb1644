package testfilter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/pytext"
	journals "f2b-go/source"
)

// lines that a report counts and lists.
type lineStats struct {
	tested                    int
	matched, ignored, missed  int
	matchedLines, ignoredList []string
	missedLines               []string
	missedPages               []string // instead of missedLines on debuggex's pages
}

// source gives the lines to judge.
type source struct {
	name string
	next func() (raw []byte, err error) // io.EOF after the last
	file *os.File
	// blocks, if not nil, reads the file many lines at a time.
	blocks *blockReader
	// number tells the line that next gave last; nil: they are counted.
	number func() int
	stop   func() // nil: nothing is to be stopped
	// entries, if not nil, gives the entries of a journal instead of lines.
	entries func(sink journals.JournalSink) error
}

func (s *source) close() {
	if s.stop != nil {
		s.stop()
	}
	if s.file != nil {
		_ = s.file.Close()
	}
}

// open finds out what the word LOG means: a file, the journal or the lines
// themselves.
func (t *tester) open(word string) (*source, error) {
	if t.opt.follow && !strings.HasPrefix(word, journalWord) {
		return t.follow(word)
	}
	if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
		return t.openFile(word)
	}
	if strings.HasPrefix(word, journalWord) {
		return t.openJournal(word)
	}
	var lines []string
	if t.flt.MaxLines() <= 1 && !strings.Contains(word, "\n") {
		t.say("Use      single line : %s", short(word))
		lines = []string{word}
	} else {
		lines = strings.Split(word, "\n")
		t.say("Use      multi line : %d line(s)", len(lines))
		for i, l := range lines {
			if i >= 5 {
				t.say("| ...")
				break
			}
			t.say("| %2.2s: %s", strconv.Itoa(i+1), short(l))
		}
		t.say("`-")
	}
	next := func() ([]byte, error) {
		if len(lines) == 0 {
			return nil, io.EOF
		}
		line := lines[0]
		lines = lines[1:]
		return []byte(line), nil
	}
	return &source{next: next}, nil
}

// encoding is that of the log.
func (t *tester) encoding() string {
	if t.opt.encoding != "" {
		return t.opt.encoding
	}
	return filter.PreferredEncoding(os.Getenv)
}

func (t *tester) openFile(path string) (*source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &failure{err.Error()}
	}
	enc := t.encoding()
	if err := t.flt.SetEncoding(enc); err != nil {
		_ = file.Close()
		return nil, err
	}
	t.say("Use         log file : %s", path)
	t.say("Use         encoding : %s", enc)
	var size int64
	if info, err := file.Stat(); err == nil {
		size = info.Size()
	}
	src := &source{name: path, file: file}
	if r := t.watched(file, size); t.explain != nil || !t.flt.LinesEndInByte() {
		src.next = newLineReader(r, t.flt.CutLine).next
	} else {
		src.blocks = newBlockReader(r)
	}
	return src, nil
}

// judgeAll judges all lines but blank ones and comments.
func (t *tester) judgeAll(src *source) error {
	switch {
	case src.entries != nil:
		return src.entries(&journalSink{t: t})
	case src.blocks != nil:
		return t.judgeBlocks(src)
	}
	var buf []byte
	for number := 1; ; number++ {
		raw, err := src.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", src.name, err)
		}
		if src.number != nil {
			number = src.number()
		}
		text := t.flt.Decode(buf, raw)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if err := t.judge(judged{number: number, text: string(text)}, filter.Line{Text: raw, Source: src.name}); err != nil {
			return err
		}
	}
}

// judged is a line with what came of it.
type judged struct {
	number   int
	text     string
	bytes    []byte // instead of text, while that is not needed
	found    []filter.Failure
	verdict  filter.Verdict
	failures []filter.Failure // without nofail ones
	ignored  bool
	journal  bool   // an entry of the journal
	page     string // what debuggex's page shows, "" for the line
}

// line is the line without its end.
func (l *judged) line() string {
	if l.bytes != nil {
		return string(l.bytes)
	}
	return l.text
}

func (t *tester) judge(l judged, line filter.Line) error {
	l.found, l.verdict = t.flt.Judge(line, t.mode)
	return t.settle(&l)
}

// settle counts and prints what came of a line.
func (t *tester) settle(l *judged) error {
	if err := t.sort(l); err != nil {
		return err
	}
	if t.opt.json || t.opt.invert {
		l.text = l.line()
	}
	if t.opt.out != "" {
		t.printFailures(l)
		return nil
	}
	t.countHits(l)
	if before := l.verdict.Before; before != nil {
		if parts := t.takeBack(before); parts != nil {
			l.page = strings.Join(append(parts, cutLine(l)), "\n")
		}
	}
	t.count(l)
	t.tell(l)
	return nil
}

// sort tells failures from others, and reports a line that failed. A date pattern
// that does not compile ends the run: each further line would fail as well.
func (t *tester) sort(l *judged) error {
	var broken *date.LineError
	if errors.As(l.verdict.Err, &broken) && broken.OfPattern() {
		return &failure{"ERROR: the date pattern does not compile: " + broken.Text}
	}
	if l.verdict.Err != nil {
		fmt.Fprintf(t.errOut, "line %d: %v\n", l.number, l.verdict.Err)
	}
	l.ignored = len(l.verdict.Ignored) > 0
	for _, f := range l.found {
		if f.NoFail {
			l.ignored = true
		} else {
			l.failures = append(l.failures, f)
		}
	}
	return nil
}

// countHits counts for each regex.
func (t *tester) countHits(l *judged) {
	seen := 0
	for i := range l.found {
		f := &l.found[i]
		stat := t.fail[f.Regex-1]
		stat.hits++
		if t.opt.verbose > 0 {
			at := t.clock()
			if f.HasTime {
				at = time.Unix(int64(f.Time), 0)
			}
			stat.found = append(stat.found, foundID{idText(f), at, seen > 1})
		}
		if !f.NoFail {
			seen++
		}
	}
	for _, i := range l.verdict.Ignored {
		t.ignore[i].hits++
	}
	t.countPref(l)
}

// countPref counts for the prefregex. Like fail2ban-regex it takes a line that
// was ignored before the prefregex was tried for one like the line before.
func (t *tester) countPref(l *judged) {
	if l.verdict.PrefTried {
		t.pref.matched, t.pref.groups = l.verdict.PrefMatched, l.verdict.PrefGroups
	}
	if !t.pref.matched {
		return
	}
	t.prefMatched++
	if t.opt.verbose > 0 && len(t.prefGroups) <= t.shown {
		groups := "..."
		if len(t.prefGroups) < t.shown {
			groups = pytext.Repr(t.pref.groups.Dict())
		}
		t.prefGroups = append(t.prefGroups, groups)
	}
}

// idText is how Python prints the ID of a failure.
func idText(f *filter.Failure) string {
	if !f.HasID {
		return "None"
	}
	return f.ID.String()
}

// takeBack counts as matched the lines that were missed before and now are
// gone from the line buffer: they are part of a match over several lines. It
// gives those that debuggex's page shows before the line at hand.
func (t *tester) takeBack(before []filter.Match) (parts []string) {
	now := t.flt.Buffer()
	for _, m := range before {
		if slices.Contains(now, m) {
			continue
		}
		if i := slices.Index(t.lines.missedLines, m.String()); i >= 0 {
			t.lines.missedLines = slices.Delete(t.lines.missedLines, i, i+1)
			if i := slices.Index(t.lines.missedPages, m.Before+m.After); i >= 0 {
				t.lines.missedPages = slices.Delete(t.lines.missedPages, i, i+1)
			}
		}
		switch {
		case t.opt.allMatched && t.opt.debuggex:
			parts = append(parts, m.Before+m.After)
		case t.opt.allMatched:
			t.lines.matchedLines = append(t.lines.matchedLines, m.String())
		}
		t.lines.matched++
		t.lines.missed--
	}
	return parts
}

// cutLine is the line without its date, where a match of it tells what that is.
func cutLine(l *judged) string {
	text := l.line()
	for i := range l.found {
		for _, m := range l.found[i].Matches {
			if m.String() == text {
				return m.Before + m.After
			}
		}
	}
	return text
}

// count counts and keeps the line for the lists.
func (t *tester) count(l *judged) {
	o, s := &t.opt, &t.lines
	pendingOnly := o.json && !slices.ContainsFunc(l.failures, func(f filter.Failure) bool { return f.HasID })
	keep := func(list *[]string, none, all bool, n int) {
		if o.json || none || !all && n > t.shown+1 {
			return
		}
		line := l.line()
		if o.debuggex {
			page := line
			if l.page != "" {
				page = l.page
			}
			if list == &s.missedLines {
				s.missedPages = append(s.missedPages, page)
			} else {
				line = page
			}
		}
		*list = append(*list, line)
	}
	switch {
	case l.ignored, pendingOnly && len(l.failures) > 0:
		s.ignored++
		keep(&s.ignoredList, o.noIgnored, o.allIgnored, s.ignored)
	case len(l.failures) > 0:
		s.matched++
		keep(&s.matchedLines, !o.allMatched, true, s.matched)
	default:
		s.missed++
		keep(&s.missedLines, o.noMissed, o.allMissed, s.missed)
	}
	s.tested++
}

package testfilter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the verdicts are for a zone that a small machine may lack

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// samplesZone is where fail2ban's verdicts are made.
func samplesZone(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// samplesNow is when they are made.
func samplesNow(zone *time.Location) time.Time { return time.Date(2005, 8, 14, 12, 0, 0, 0, zone) }

// collection is a set of filters with their sample logs.
type collection struct {
	config, testConfig string // configurations: the stock one, the one of fail2ban's own tests
	logs               string
	verdicts           int // how many there are
}

// copyTree copies a directory of small files.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// collection111 is that of 1.1.1. The configuration of its tests reaches the
// stock one by ../../../.., so both are copied to stand like that.
func collection111(t testing.TB) (c collection, ok bool) {
	t.Helper()
	shared, ok := testenv.Shared(t)
	if !ok {
		return c, false
	}
	from, dir := filepath.Join(shared, "fail2ban-1.1.1"), t.TempDir()
	copyTree(t, filepath.Join(from, "config"), filepath.Join(dir, "config"))
	copyTree(t, filepath.Join(from, "testconfig"), filepath.Join(dir, "a", "b", "config"))
	return collection{filepath.Join(dir, "config"), filepath.Join(dir, "a", "b", "config"), filepath.Join(from, "samples", "logs"), 1563}, true
}

// collection102 is that of Debian's package: it judges the filters of 1.0.2.
func collection102(t testing.TB) (c collection, ok bool) {
	t.Helper()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return c, false
	}
	return collection{"/etc/fail2ban", "", filepath.Join(lib, "fail2ban", "tests", "files", "logs"), 0}, true
}

// answer is what came of one line, as --json tells it.
type answer struct {
	Line     int    `json:"line"`
	Result   string `json:"result"`
	Failures []struct {
		Regex  int            `json:"regex"`
		ID     *string        `json:"id"`
		Time   *float64       `json:"time"`
		NoFail bool           `json:"nofail"`
		Fields map[string]any `json:"fields"`
	} `json:"failures"`
	Summary *jsonSummary `json:"summary"`
}

// compareVerdict says what is wrong with an answer, "" for nothing: it compares
// what fail2ban's own test of the samples compares.
func compareVerdict(s sample, a *answer, zone *time.Location) string {
	var real []int
	for i, f := range a.Failures {
		if f.ID != nil && !f.NoFail {
			real = append(real, i)
		}
	}
	switch {
	case len(real) == 0 && s.match():
		return "not matched"
	case len(real) == 0:
		return ""
	case !s.match():
		return "matched"
	case len(real) > 1:
		return "matched by several regexes"
	}
	f := a.Failures[real[0]]
	for _, key := range slices.Sorted(maps.Keys(s.verdict)) {
		want := s.verdict[key]
		switch key {
		case "match", "desc", "constraint":
			continue
		case "time":
			if text, ok := want.(string); ok {
				at, err := time.ParseInLocation("2006-1-2T15:4:5.999999", text, zone)
				if err != nil || f.Time == nil || *f.Time != float64(at.UnixNano())/1e9 {
					return fmt.Sprintf("time %v, want %s", pytext.Repr(f.Time), text)
				}
			}
			continue
		}
		if got := f.Fields[key]; !equalValue(key, got, want) {
			return fmt.Sprintf("%s %v, want %v", key, got, want)
		}
	}
	return ""
}

// equalValue compares as fail2ban's test does: lists in any order, a host as an
// address.
func equalValue(key string, got, want any) bool {
	if list, ok := want.([]any); ok {
		have, ok := got.([]any)
		return ok && slices.Equal(sortedText(have), sortedText(list))
	}
	g, gText := got.(string)
	w, wText := want.(string)
	if key == "host" && gText && wText {
		return ipaddr.Parse(g) == ipaddr.Parse(w)
	}
	return got == want
}

func sortedText(list []any) []string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	slices.Sort(out)
	return out
}

// spec is the session's filter with its options as a user writes it.
func (s *sampleSession) spec() string {
	opts := s.options()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(opts)) {
		parts = append(parts, name+`="`+opts[name]+`"`)
	}
	out := "filter.d/" + s.filter + ".conf"
	if len(parts) > 0 {
		out += "[" + strings.Join(parts, ", ") + "]"
	}
	return out
}

// score counts verdicts; misses are named by session, file and line.
type score struct {
	sessions, verdicts, equal int
	missed                    map[string]string
}

// judgeCollection judges all samples of a collection; only chosen sessions
// count in sessions and verdicts, but all misses are told.
func judgeCollection(t *testing.T, c collection, counts func(*sampleSession) bool, ask func(*sampleSession, string) []answer) score {
	t.Helper()
	zone := samplesZone(t)
	names, dir := sampleFilters(t, c.config, c.testConfig)
	out := score{missed: map[string]string{}}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(c.logs, name)); err != nil {
			out.missed[name] = "no sample log"
			continue
		}
		for _, session := range readSamples(t, c.logs, name) {
			answers := ask(session, dir[name])
			if counts(session) {
				out.sessions++
			}
			for i, s := range session.samples {
				wrong := compareVerdict(s, &answers[i], zone)
				if counts(session) {
					out.verdicts++
					if wrong == "" {
						out.equal++
					}
				}
				if wrong != "" {
					out.missed[session.label+" "+s.name()] = wrong
				}
			}
		}
	}
	return out
}

// checkVerdicts fails on every verdict that is not fail2ban's.
func checkVerdicts(t *testing.T, c collection, got score) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(got.missed)) {
		t.Errorf("%s: %s", name, got.missed[name])
	}
	if c.verdicts > 0 && (got.verdicts != c.verdicts || got.equal != c.verdicts) {
		t.Errorf("%d verdicts of which %d equal, there are %d", got.verdicts, got.equal, c.verdicts)
	}
}

// sampleTester is a tester with the session's filter.
func sampleTester(t testing.TB, s *sampleSession, dir string, shared *date.Shared) *tester {
	t.Helper()
	zone := samplesZone(t)
	now := samplesNow(zone)
	reading, err := config.New(config.Options{Dir: dir}).ReadFilter(s.spec(), "auto")
	if err != nil {
		t.Fatalf("%s: %v", s.label, err)
	}
	tester := &tester{opt: options{json: true}}
	tester.flt = filter.New("jail", filter.Env{Clock: func() time.Time { return now }, Local: zone, Dates: shared})
	var fail, ignore []string
	for _, cmd := range reading.Commands {
		if err := tester.command(cmd, s.label, &fail, &ignore); err != nil {
			t.Fatalf("%s: %v", s.label, err)
		}
	}
	if err := tester.addRegexes(fail, ignore); err != nil {
		t.Fatalf("%s: %v", s.label, err)
	}
	return tester
}

// engine judges a session with the filter itself, as a server would, but for
// the rules that README of the samples states.
func engine(t testing.TB, shared *date.Shared) func(*sampleSession, string) []answer {
	return func(s *sampleSession, dir string) []answer {
		flt := sampleTester(t, s, dir, shared).flt
		var answers []answer
		for _, x := range s.samples {
			line := filter.Line{Text: []byte(x.text + "\n"), Source: x.file}
			if s.journal() {
				line.HasTime, line.Time, line.Date = true, float64(samplesNow(samplesZone(t)).Unix()), "2005-08-14T10:00:00"
			}
			found, verdict := flt.Judge(line, filter.Mode{CheckAll: true, RawHosts: true})
			if verdict.Err != nil {
				t.Errorf("%s %s: %v", s.label, x.name(), verdict.Err)
			}
			answers = append(answers, asAnswer(t, &judged{number: x.line, text: x.text, found: found, verdict: verdict}))
		}
		return answers
	}
}

// inBlocks is engine for the lines of a session as one block of a log. Before
// them stand comments, so that the block is worth a plan.
func inBlocks(t testing.TB, shared *date.Shared) func(*sampleSession, string) []answer {
	one := engine(t, shared)
	return func(s *sampleSession, dir string) []answer {
		if s.journal() {
			return one(s, dir)
		}
		const comments = 500
		data := []byte(strings.Repeat("# a comment\n", comments))
		for _, x := range s.samples {
			data = append(append(data, x.text...), '\n')
		}
		answers := make([]answer, len(s.samples))
		mode := filter.Mode{CheckAll: true, RawHosts: true, Every: true, Comments: true}
		_, err := sampleTester(t, s, dir, shared).flt.JudgeBlock(filter.Block{Data: data}, mode, func(j *filter.Judged) error {
			j.Fill()
			x := s.samples[j.Number-comments-1]
			answers[j.Number-comments-1] = asAnswer(t, &judged{number: x.line, text: x.text, found: j.Failures, verdict: *j.Verdict})
			return j.Verdict.Err
		})
		if err != nil {
			t.Errorf("%s: %v", s.label, err)
		}
		return answers
	}
}

func asAnswer(t testing.TB, l *judged) (a answer) {
	t.Helper()
	var b bytes.Buffer
	if err := writeJSON(&b, verdictOf(l)); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func stockFilters(s *sampleSession) bool { return !strings.HasPrefix(s.filter, "zzz-") }

func TestConformance(t *testing.T) {
	c, ok := collection111(t)
	if !ok {
		return
	}
	got := judgeCollection(t, c, stockFilters, engine(t, date.NewShared()))
	checkVerdicts(t, c, got)
	fmt.Printf("fail2ban 1.1.1's samples: %d of %d verdicts equal over %d sessions\n", got.equal, got.verdicts, got.sessions)
	if got.sessions != 138 {
		t.Errorf("%d sessions, there are 138", got.sessions)
	}
}

// TestConformanceInBlocks judges the samples of both versions as jails do.
func TestConformanceInBlocks(t *testing.T) {
	for _, find := range []func(testing.TB) (collection, bool){collection111, collection102} {
		if c, ok := find(t); ok {
			checkVerdicts(t, c, judgeCollection(t, c, stockFilters, inBlocks(t, date.NewShared())))
		}
	}
}

// TestConformance102 judges the samples of Debian's 1.0.2 with its filters.
func TestConformance102(t *testing.T) {
	c, ok := collection102(t)
	if !ok {
		return
	}
	got := judgeCollection(t, c, stockFilters, engine(t, date.NewShared()))
	checkVerdicts(t, c, got)
	fmt.Printf("Debian's 1.0.2 samples: %d of %d verdicts equal over %d sessions\n", got.equal, got.verdicts, got.sessions)
}

// TestConformanceJSON judges the samples through the program, as others that
// rely on --json do; those of journals as entries of a journal.
func TestConformanceJSON(t *testing.T) {
	c, ok := collection111(t)
	if !ok {
		if c, ok = collection102(t); !ok {
			return
		}
	}
	local := time.Local
	time.Local = samplesZone(t)
	defer func() { time.Local = local }()
	dir := t.TempDir()
	got := judgeCollection(t, c, stockFilters, func(s *sampleSession, config string) []answer {
		log := filepath.Join(dir, "log")
		if s.journal() && canWriteJournals(t) {
			log = writeJournal(t, dir, s)
		} else {
			var text strings.Builder
			for _, x := range s.samples {
				text.WriteString(x.text + "\n")
			}
			if err := os.WriteFile(log, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := ours([]string{"--json", "--now", "2005-08-14T12:00:00", "--raw", "-m", "", "-c", config, log, s.spec()})
		if run.Code != exitDone {
			t.Fatalf("%s: exit code %d: %s%s", s.label, run.Code, run.Out, run.Err)
		}
		return answersOf(t, s, run.Out)
	})
	checkVerdicts(t, c, got)
	fmt.Printf("the same through --json: %d of %d verdicts equal over %d sessions\n", got.equal, got.verdicts, got.sessions)
}

// journalRemote writes journals.
const journalRemote = "/lib/systemd/systemd-journal-remote"

func canWriteJournals(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat(journalRemote)
	if err != nil {
		t.Logf("samples of journals are read as lines, the package systemd-journal-remote is missing: %v", err)
	}
	return err == nil
}

// writeJournal writes the lines of a session as messages to a journal of their
// own, and gives the word that names it.
func writeJournal(t *testing.T, dir string, s *sampleSession) string {
	t.Helper()
	var b strings.Builder
	for i, x := range s.samples {
		at := samplesNow(samplesZone(t)).UnixMicro() + int64(i)
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\nMESSAGE=%s\n\n", at, i+1, x.text)
	}
	path := filepath.Join(dir, "samples.journal")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	cmd := exec.Command(journalRemote, "-o", path, "-")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("writing a journal: %v\n%s", err, out)
	}
	return journalWord + "[journalfiles=" + path + "]"
}

// answersOf reads the program's output: one object for each line of the log,
// then the summary.
func answersOf(t *testing.T, s *sampleSession, out string) []answer {
	t.Helper()
	var answers []answer
	dec := json.NewDecoder(strings.NewReader(out))
	for dec.More() {
		var a answer
		if err := dec.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	n := len(answers) - 1
	if n != len(s.samples) || answers[n].Summary == nil || answers[n].Summary.Lines != n {
		t.Fatalf("%s: %d objects for %d lines, summary %+v", s.label, n, len(s.samples), answers[n].Summary)
	}
	for i := range n {
		if answers[i].Line != i+1 {
			t.Fatalf("%s: object %d is of line %d", s.label, i+1, answers[i].Line)
		}
	}
	return answers
}

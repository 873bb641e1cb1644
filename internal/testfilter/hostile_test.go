package testfilter

import (
	goflag "flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/date"
)

var (
	hostileAttacks = goflag.Int("testfilter.attacks", 240, "hostile lines that TestHostileLines tries on each collection, 0 for all")
	hostileSeed    = goflag.Uint64("testfilter.seed", 1, "seed of the choice of hostile lines")
)

// hostileLength is how long a hostile line is.
const hostileLength = 64 << 10

// pumps fill what a client may choose.
var pumps = []string{
	" ", "a", "a ", ": ", "a: ", " from ", " from 192.0.2.1", "1", "1.", "1:", "::", "\"", "\\", "'", "(", "[", "<", ")", "]", "()", "[[", "@", "a@a.", "/", "../", "%20",
	"\t", "\x01", "é", "\xff", ", ", ";", "=", "a=a, ", "user=", "rhost=", " port 22", "Invalid user ", "2026-11-22 11:00:00 ", "Nov 22 ", "11:00:00", "[preauth]",
}

// hostileLine is an attack on a filter: a line of 64 KiB, most of which is pump
// again and again.
type hostileLine struct {
	filter           *sampleFilter
	head, pump, tail string
}

func (h hostileLine) text() string {
	room := max(hostileLength-len(h.head)-len(h.tail), 0)
	return h.head + strings.Repeat(h.pump, room/max(len(h.pump), 1)) + h.tail
}

// hostileLines are lines that a filter nearly matches: made of one that it does
// match, with a field or any place pumped up, pieces repeated and nested, and
// the end whole or wrong.
func hostileLines(r *rand.Rand, f *sampleFilter, text string) []hostileLine {
	var lines []hostileLine
	add := func(head, pump, tail string) {
		lines = append(lines, hostileLine{f, head, pump, tail}, hostileLine{f, head, pump, tail + "\x01"})
		if len(tail) > 1 {
			lines = append(lines, hostileLine{f, head, pump, tail[:r.IntN(len(tail))]})
		}
	}
	anywhere := func() (head, tail string) {
		i := r.IntN(len(text) + 1)
		return text[:i], text[i:]
	}
	for _, field := range f.fields(text) {
		head, tail, _ := strings.Cut(text, field)
		add(head, field, tail)
		for range 4 {
			add(head, pumps[r.IntN(len(pumps))], tail)
		}
	}
	for range 6 {
		head, tail := anywhere()
		add(head, pumps[r.IntN(len(pumps))], tail)
	}
	for range 6 { // a piece again and again
		i := r.IntN(len(text))
		j := i + 1 + r.IntN(len(text)-i)
		add(text[:i], text[i:j], text[j:])
	}
	add("", text, "")
	add(text, text[r.IntN(len(text)):], "")
	for _, open := range []string{"([", "<\"", "((", "a(b["} {
		head, tail := anywhere()
		add(head, open, strings.Repeat("])", 10)+tail)
	}
	return lines
}

// TestHostileLines_E4_C6: no line of 64 KiB makes a regex of any stock filter
// give up, on the way that lines of a jail take: date, prefregex, failregexes,
// ignoreregexes. It counts what the engine counts; the times are for reading.
func TestHostileLines_E4_C6(t *testing.T) {
	for name, find := range map[string]func(testing.TB) (collection, bool){"1.1.1": collection111, "1.0.2": collection102} {
		t.Run(name, func(t *testing.T) {
			c, ok := find(t)
			if !ok {
				t.Logf("the samples of %s are not here", name)
				return
			}
			attack(t, hostileCollection(t, c))
		})
	}
}

func attack(t *testing.T, all []hostileLine) {
	t.Helper()
	r := rand.New(rand.NewPCG(*hostileSeed, 7))
	if *hostileAttacks > 0 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(len(all), *hostileAttacks)]
	}
	var worst time.Duration
	var worstOf hostileLine
	for _, a := range all {
		v, took := a.run(worst)
		if took > worst {
			worst, worstOf = took, a
		}
		if v.OverBudget > 0 {
			t.Errorf("%s: %d regexes give up on %q, then %q, then %q", a.filter.session.label, v.OverBudget, a.head, a.pump, a.tail)
		}
	}
	t.Logf("%d lines; a whole filter took at most %v: %s on %q, then %q, then %q",
		len(all), worst, worstOf.filter.session.label, worstOf.head, worstOf.pump, worstOf.tail)
}

// run judges the line and tells how long that took: where it is more than
// before, at best of a few times, so that a busy machine does not count.
func (h hostileLine) run(before time.Duration) (v filter.Verdict, took time.Duration) {
	text := h.text()
	took = time.Hour
	for i := 0; i < 4 && took > before; i++ {
		begun := time.Now()
		_, v = h.filter.judge(text)
		took = min(took, time.Since(begun))
	}
	return v, took
}

// hostileCollection makes lines for every filter of a collection.
func hostileCollection(t *testing.T, c collection) []hostileLine {
	t.Helper()
	r := rand.New(rand.NewPCG(*hostileSeed, 8))
	names, dir := sampleFilters(t, c.config, "")
	shared := date.NewShared()
	var all []hostileLine
	for _, name := range names {
		for _, s := range readSamples(t, c.logs, name) {
			f := newSampleFilter(t, s, dir[name], shared)
			for _, x := range pick(r, s.samples, 6) {
				all = append(all, hostileLines(r, f, x.text)...)
			}
		}
	}
	return all
}

// pick returns up to n of the samples that must match.
func pick(r *rand.Rand, samples []sample, n int) []sample {
	var out []sample
	for _, i := range r.Perm(len(samples)) {
		if samples[i].match() && len(out) < n {
			out = append(out, samples[i])
		}
	}
	return out
}

// sampleFilter judges lines as a jail with the filter of a session would.
type sampleFilter struct {
	t       *testing.T
	session *sampleSession
	flt     *filter.Filter
	now     time.Time
}

// newSampleFilter makes the filter of a session from a configuration.
func newSampleFilter(t *testing.T, s *sampleSession, dir string, shared *date.Shared) *sampleFilter {
	t.Helper()
	f := &sampleFilter{t: t, session: s, now: samplesNow(samplesZone(t))}
	f.flt = sessionFilter(t, s, dir, shared, &f.now)
	return f
}

// sessionFilter is the filter of a session by a clock of its own.
func sessionFilter(t *testing.T, s *sampleSession, dir string, shared *date.Shared, now *time.Time) *filter.Filter {
	t.Helper()
	reading, err := config.New(config.Options{Dir: dir}).ReadFilter(s.spec(), "auto")
	if err != nil {
		t.Fatal(err)
	}
	made := &tester{opt: options{json: true}}
	made.flt = filter.New("jail", filter.Env{Clock: func() time.Time { return *now }, Local: samplesZone(t), Dates: shared})
	var fail, ignore []string
	for _, cmd := range reading.Commands {
		if err := made.command(cmd, s.label, &fail, &ignore); err != nil {
			t.Fatal(err)
		}
	}
	if err := made.addRegexes(fail, ignore); err != nil {
		t.Fatal(err)
	}
	return made.flt
}

// judge judges a line at a time when the sessions of earlier ones are over.
func (f *sampleFilter) judge(text string) ([]filter.Failure, filter.Verdict) {
	f.now = f.now.Add(6 * time.Minute)
	return f.judgeNow(text)
}

// judgeNow judges a line that may belong to the session of the one before.
func (f *sampleFilter) judgeNow(text string) ([]filter.Failure, filter.Verdict) {
	line := filter.Line{Text: []byte(text + "\n")}
	if f.session.journal() {
		line.HasTime, line.Time = true, 1124013600
	}
	return f.flt.Judge(line, filter.Mode{RawHosts: true, KeepPending: true})
}

// fields are the texts that the groups of a line hold, each once in the line.
func (f *sampleFilter) fields(text string) []string {
	found, _ := f.judge(text)
	var out []string
	for i := range found {
		for _, field := range found[i].Fields {
			if field.Kind == filter.Text && field.Text != "" && strings.Count(text, field.Text) == 1 {
				out = append(out, field.Text)
			}
		}
	}
	return out
}

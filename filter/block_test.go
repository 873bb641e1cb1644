package filter_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// told is what came of a line, as text.
func told(found []filter.Failure, v filter.Verdict) string {
	noFault(v)
	if v.Err != nil {
		return "error " + v.Err.Error()
	}
	parts := []string{}
	for i := range found {
		parts = append(parts, written(&found[i]))
	}
	return fmt.Sprint(strings.Join(parts, " + "), v.Time, v.HasTime, v.Template, v.PrefTried, v.PrefMatched, v.Ignored, v.TooOld, v.OverBudget)
}

// noFault ends the tests where judging a line met a fault of the program.
func noFault(v filter.Verdict) {
	if fault := (*filter.Fault)(nil); errors.As(v.Err, &fault) {
		panic(fault.Error())
	}
}

// blockCase is a filter and lines to be judged one by one and in blocks.
type blockCase struct {
	setup
	gate  bool
	size  int // lines of a block; 0: ten
	lines []string
}

func (c blockCase) blockSize() int {
	if c.size == 0 {
		return 10
	}
	return c.size
}

func (c blockCase) mode(i int) filter.Mode {
	m := c.setup.mode()
	m.Gate, m.FindTime, m.InOperation = c.gate, 600, i%2 == 1
	return m
}

// judged is all that a filter makes of lines: one text for each, and what it
// logs.
type judged struct {
	lines     []string
	dull      []bool // no regex matched the line, not even the prefregex
	told      int    // lines that were told of or counted
	matches   []string
	messages  []string
	templates []date.TemplateInfo
	buffer    []filter.Match
}

// judgeEach judges lines one by one.
func (c blockCase) judgeEach(t *testing.T, clock func(int) time.Time) judged {
	var out judged
	at := 0
	f := newFilter(t, c.setup, filter.Env{Log: logged(&out.messages), Clock: func() time.Time { return clock(at) }})
	for i, line := range c.lines {
		at = i / c.blockSize()
		found, v := f.Judge(filter.Line{Text: []byte(line + "\n"), Source: "log"}, c.mode(at))
		out.lines = append(out.lines, told(found, v))
		for i := range found {
			out.matches = append(out.matches, fmt.Sprint(found[i].Matches))
		}
		out.dull = append(out.dull, len(found) == 0 && v.Err == nil && !v.PrefMatched && len(v.Ignored) == 0)
	}
	out.templates, out.buffer = f.DateTemplates(), f.Buffer()
	return out
}

// how is a way to judge blocks: every line is told of, or all but those that no
// regex matches, or only failures; and the data of failures is looked at or not, or their lines
// alone, or these first.
type how struct{ every, count, fill, lines bool }

// judgeBlocks judges them in blocks.
func (c blockCase) judgeBlocks(t *testing.T, how how, clock func(int) time.Time) judged {
	var out judged
	at := 0
	f := newFilter(t, c.setup, filter.Env{Log: logged(&out.messages), Clock: func() time.Time { return clock(at) }})
	f.MakePlan(c.CheckAll, []byte(strings.Join(c.lines, "\n")))
	for i, lines := range slices.Collect(slices.Chunk(c.lines, c.blockSize())) {
		at = i
		mode := c.mode(i)
		mode.Every, mode.Count = how.every, how.count
		results := make([]string, len(lines))
		done, err := f.JudgeBlock(filter.Block{Data: []byte(strings.Join(lines, "\n") + "\n"), Source: "log"}, mode, func(j *filter.Judged) error {
			out.told += 1 + j.Passed
			if how.lines {
				j.FillMatches()
				for i := range j.Failures {
					out.matches = append(out.matches, fmt.Sprint(j.Failures[i].Matches))
				}
			}
			if how.fill {
				j.Fill()
			}
			results[j.Number-1] = told(j.Failures, *j.Verdict)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out.told += done.Passed
		out.lines = append(out.lines, results...)
	}
	out.templates, out.buffer = f.DateTemplates(), f.Buffer()
	return out
}

// sameInBlocks judges lines in both ways and compares. Of lines without
// failures only those that are asked for are told of.
func sameInBlocks(t *testing.T, name string, c blockCase) {
	t.Helper()
	clock := func(block int) time.Time { return now.Add(time.Duration(block) * time.Second) }
	want := c.judgeEach(t, clock)
	for _, how := range []how{{every: true}, {fill: true}, {lines: true}, {count: true, fill: true, lines: true}} {
		got := c.judgeBlocks(t, how, clock)
		for i := range want.lines {
			a, b := got.lines[i], want.lines[i]
			if !how.fill {
				a, b = withoutData(a), withoutData(b)
			}
			quiet := !isFailure(b) && !strings.HasPrefix(b, "error")
			if a == b || a == "" && (!how.every && !how.count && quiet || how.count && want.dull[i]) {
				continue
			}
			t.Errorf("%s, %+v, line %d: %q\n got %s\nwant %s", name, how, i+1, c.lines[i], a, b)
			return
		}
		if (how.every || how.count) && got.told != len(c.lines) {
			t.Errorf("%s, %+v: %d of %d lines were told of or counted", name, how, got.told, len(c.lines))
		}
		if how.lines && !slices.Equal(got.matches, want.matches) {
			t.Errorf("%s, %+v: matches\n%q\nwant\n%q", name, how, got.matches, want.matches)
		}
		if a, b := strings.Join(got.messages, "\n"), strings.Join(want.messages, "\n"); a != b {
			t.Errorf("%s, %+v: messages\n%s\nwant\n%s", name, how, a, b)
		}
		if a, b := fmt.Sprint(got.templates), fmt.Sprint(want.templates); a != b {
			t.Errorf("%s, %+v: templates\n%s\nwant\n%s", name, how, a, b)
		}
		if a, b := fmt.Sprint(got.buffer), fmt.Sprint(want.buffer); a != b {
			t.Errorf("%s, %+v: buffer\n%s\nwant\n%s", name, how, a, b)
		}
	}
}

// withoutData leaves out of a text of told what comes after the first failure's
// time.
func withoutData(text string) string {
	if !isFailure(text) {
		return text
	}
	id, _, _ := strings.Cut(text, " {")
	return id
}

// isFailure says whether a text of told is of failures: they begin with the
// number of a regex.
func isFailure(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// TestBlocksAsLines judges the lines of the tests beside fail2ban in blocks.
func TestBlocksAsLines(t *testing.T) {
	for name, s := range cases() {
		for _, gate := range []bool{false, true} {
			sameInBlocks(t, fmt.Sprint(name, ", gate ", gate), blockCase{setup: s, gate: gate, lines: s.Lines})
		}
	}
	for name, s := range sequences() {
		sameInBlocks(t, name, blockCase{setup: s, lines: s.Lines})
	}
}

// TestUndatedLinesAfterAFutureDate judges lines without a date, which take over
// one that is yet to come: in operation the gate has something to say about it.
func TestUndatedLinesAfterAFutureDate_2_6(t *testing.T) {
	future := now.Add(30 * time.Minute).Format("2006-01-02 15:04:05")
	c := blockCase{setup: setup{Fail: []string{`from <HOST>$`}}, gate: true, size: 1, lines: []string{future + " x", "no date", "none either", "from 192.0.2.1"}}
	sameInBlocks(t, "a date to come", c)
	if n := len(c.judgeEach(t, func(int) time.Time { return now }).messages); n == 0 {
		t.Error("the gate says nothing")
	}
}

// stock reads all filters of a configuration.
func stock(t *testing.T, dir string) map[string]setup {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "filter.d", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("no filters in ", dir, err)
	}
	all := map[string]setup{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		r, err := config.New(config.Options{Dir: dir, Log: func(config.Message) {}}).ReadFilter(name+".conf", "auto")
		if err != nil || r == nil {
			continue
		}
		var s setup
		for _, cmd := range r.Commands {
			if len(cmd) < 4 {
				continue
			}
			values := cmd[3:]
			if list, ok := cmd[3].([]any); ok && cmd[0] == "multi-set" {
				values = list
			}
			for _, v := range values {
				s.take(pytext.Str(cmd[2]), pytext.Str(v))
			}
		}
		if len(s.Fail) > 0 {
			all[name] = s
		}
	}
	return all
}

func (s *setup) take(command, value string) {
	switch command {
	case "prefregex":
		s.Pref = value
	case "addfailregex":
		s.Fail = append(s.Fail, value)
	case "addignoreregex":
		s.Ignore = append(s.Ignore, value)
	case "maxlines":
		s.MaxLines, _ = strconv.Atoi(value)
	case "datepattern":
		s.Pattern = value
	}
}

// sampleLines reads sample logs: the lines of each, and all.
func sampleLines(t *testing.T, dir string) (byName map[string][]string, all []string) {
	t.Helper()
	byName = map[string][]string{}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(data), "\n") {
			if line != "" && line[0] != '#' && len(line) < 2000 {
				byName[filepath.Base(file)] = append(byName[filepath.Base(file)], line)
				all = append(all, line)
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no sample logs in ", dir)
	}
	return byName, all
}

// changed makes another line of a line: pieces go, come, or move, a date gets
// in the way, bytes are no text.
func changed(r *rand.Rand, line, other string) string {
	at := func(s string) int { return r.IntN(len(s) + 1) }
	from, to := at(line), at(line)
	if from > to {
		from, to = to, from
	}
	switch r.IntN(8) {
	case 0:
		return line[:from] + line[to:]
	case 1:
		return line[:from] + other[at(other):]
	case 2:
		return line[:from] + "[22/Nov/2026:11:59:01 +0000]" + line[from:]
	case 3:
		return line[from:] + line[:from]
	case 4:
		return line[:from] + "\xff\xfe" + line[from:]
	case 5:
		return line[min(from, 3):] + line[:min(from, 3)]
	case 6:
		return line[:from] + now.Add(time.Duration(r.IntN(200)-100)*time.Second).Format("2006-01-02 15:04:05") + line[from:]
	}
	return strings.ToUpper(line[:from]) + line[from:]
}

// stockAndSamples are the filters and sample logs of 1.1.1, else Debian's.
func stockAndSamples(t *testing.T) (filters map[string]setup, byName map[string][]string, all []string) {
	t.Helper()
	dir, logs := "/etc/fail2ban", ""
	if shared, ok := testenv.Shared(t); ok {
		dir, logs = filepath.Join(shared, "fail2ban-1.1.1", "config"), filepath.Join(shared, "fail2ban-1.1.1", "samples", "logs")
	} else if lib, ok := testenv.Fail2ban(t); ok {
		logs = filepath.Join(lib, "fail2ban", "tests", "files", "logs")
	} else {
		return nil, nil, nil
	}
	byName, all = sampleLines(t, logs)
	return stock(t, dir), byName, all
}

// TestBlocksAsLinesOfSamples judges with every stock filter its own sample
// lines among others and changed ones, first one by one and then in blocks:
// verdicts, messages, and the state of the date templates are the same.
func TestBlocksAsLinesOfSamples(t *testing.T) {
	filters, byName, all := stockAndSamples(t)
	failures := 0
	for name, s := range filters {
		r := rand.New(rand.NewPCG(uint64(len(name)), 5))
		own := byName[name]
		var lines []string
		for range 300 {
			line, other := all[r.IntN(len(all))], all[r.IntN(len(all))]
			if len(own) > 0 && r.IntN(3) > 0 {
				line = own[r.IntN(len(own))]
			}
			if r.IntN(3) == 0 {
				line = changed(r, line, other)
			}
			for range 1 + r.IntN(2) {
				lines = append(lines, line)
			}
		}
		for i, all := range []bool{false, true} {
			s.CheckAll, s.Pending, s.Raw = all, all, true
			c := blockCase{setup: s, gate: i == r.IntN(2), lines: lines}
			sameInBlocks(t, fmt.Sprint(name, ", all ", all), c)
			for _, text := range c.judgeEach(t, func(int) time.Time { return now }).lines {
				if isFailure(text) {
					failures++
				}
			}
		}
	}
	if len(filters) > 0 && failures < 1000 {
		t.Errorf("only %d lines had failures", failures)
	}
}

// FuzzJudgeBlock judges any bytes in a block and line by line, in encodings of
// all kinds.
func FuzzJudgeBlock(f *testing.F) {
	f.Add([]byte("2026-11-22 11:59:50 from 1.2.3.4\nx\r\n\n2026-11-22 11:59:50 \xfffrom 1.2.3.4"), uint8(0))
	f.Add([]byte("f\x00r\x00\n\x00o\x00\n"), uint8(1))
	f.Add([]byte("\xef\xbb\xbf2026-11-22 11:59:50 [from] 1.2.3.4\n[2026-11-22 11:59:51] from ::1"), uint8(4))
	encodings := []string{"utf-8", "utf-16-le", "utf-16-be", "latin-1", "utf-8-sig", "ascii", "shift_jis"}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		s := setup{Fail: []string{`from <HOST>`, `^\[\] from <HOST>`}, Raw: true}
		env := filter.Env{}
		one, block := newFilter(t, s, env), newFilter(t, s, env)
		for _, flt := range []*filter.Filter{one, block} {
			if err := flt.SetEncoding(encodings[int(which)%len(encodings)]); err != nil {
				t.Fatal(err)
			}
		}
		var want, got []string
		for rest := data; len(rest) > 0; {
			line, more, ok := one.CutLine(rest)
			if !ok {
				line, more = rest, nil
			}
			want = append(want, told(one.Judge(filter.Line{Text: line}, s.mode())))
			rest = more
		}
		block.MakePlan(false, data)
		mode := s.mode()
		mode.Every = true
		done, err := block.JudgeBlock(filter.Block{Data: data}, mode, func(j *filter.Judged) error {
			j.Fill()
			got = append(got, told(j.Failures, *j.Verdict))
			return nil
		})
		if done.Bytes != len(data) || err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %+v judged, %v\n got %q\nwant %q", data, done, err, got, want)
		}
	})
}

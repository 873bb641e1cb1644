package pyre

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// siege tries hostile lines and keeps the worst.
type siege struct {
	t      *testing.T
	timed  bool // the time of each is held against hostileTime
	tried  int
	worst  time.Duration
	worstN string // whose it is
	of     *Regexp
	line   []byte
}

// attacksOn returns hostile lines for a stock pattern: each repeat pumped up,
// and each made-up ones of either kind.
func attacksOn(re *Regexp, multi bool, r *rand.Rand, samples []string, each int) [][]byte {
	tree := re.syntax()
	lines := attackLines(tree, r)
	lines = append(lines, combinedLines(tree, r, each)...)
	lines = append(lines, stretchedLines(tree, r, samples, each)...)
	for i := range lines {
		lines[i] = plausible(lines[i], multi)
	}
	return lines
}

// matching returns some of the lines that a pattern matches.
func matching(re *Regexp, lines []string) []string {
	const enough = 20
	var out []string
	for _, line := range lines {
		if _, found, _ := re.Search(nil, []byte(line), 0, len(line)); found {
			if out = append(out, line); len(out) == enough {
				break
			}
		}
	}
	return out
}

// oneIn is n, or more of it where the race detector makes all slower.
func oneIn(n int) int {
	if raceEnabled {
		return 4 * n
	}
	return n
}

// TestRunsAreScannedOnce: a run of characters that a repeat before it tries
// again from each place costs no more than the run.
func TestRunsAreScannedOnce(t *testing.T) {
	const most = 500 * time.Millisecond // some 10 ms; 4 s if each place scans all
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	text := []byte(strings.Repeat("a", hostileLength))
	for _, pattern := range []string{`^[^x]*\w+ .*x$`, `^[^x]*[^y]+y`, `^.*\S+\t`, `^\S*?[^,]*,`, `^.*?.*?x$`, `^.*.*?x$`, `^.*a{20000,}b`, `^.*a{20000,}?b`, `^(?:.*(?:(?!aab)\w)*b)*x`, `^.*\d{0,3}\w+ `} {
		re, err := Compile(pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		from := threadTime(t)
		if _, found, _ := re.Search(nil, text, 0, len(text)); found {
			t.Errorf("%s is found", pattern)
		}
		if took := threadTime(t) - from; took > time.Duration(oneIn(1))*most {
			t.Errorf("%s took %v", pattern, took)
		}
	}
}

// TestHostileLines holds COMPAT E.4: no line stalls a jail. It attacks every
// stock pattern with lines of 64 KiB made from the pattern itself and from
// lines that it matches. None may use up its steps; with all attacks, which
// take minutes, the processor's time is measured as well.
func TestHostileLines(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := siege{t: t, timed: *attacks == 0 && !raceEnabled}
	r := rand.New(rand.NewPCG(*fuzzSeed, 2))
	patterns, lines := stockPatterns(t), sampleLines(t)
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, p := range patterns {
		if *attacks > 0 && r.IntN(oneIn(8)) > 0 {
			continue
		}
		re, err := Compile(p.Pattern, p.flags())
		if err != nil {
			t.Fatal(err)
		}
		each := *attacksEach
		if *attacks > 0 {
			each = 10
		}
		hostile := attacksOn(re, p.Multi, r, matching(re, lines[:min(len(lines), 3000)]), each)
		if *attacks > 0 {
			r.Shuffle(len(hostile), func(i, j int) { hostile[i], hostile[j] = hostile[j], hostile[i] })
			hostile = hostile[:min(len(hostile), 1+8**attacks/len(patterns))]
		}
		for _, line := range hostile {
			s.try(p.Name, re, line)
		}
	}
	s.report()
}

func (s *siege) report() {
	s.t.Helper()
	if s.of != nil {
		s.t.Logf("%d attacks; the worst took %v: %s: %.300q on %.100q...%.60q", s.tried, s.worst, s.worstN, s.of, s.line, s.line[max(0, len(s.line)-60):])
	}
}

// try searches a line a few times and takes the least processor time.
func (s *siege) try(name string, re *Regexp, line []byte) {
	s.t.Helper()
	s.tried++
	best := time.Duration(1 << 62)
	for range 4 {
		start := threadTime(s.t)
		_, _, err := re.Search(nil, line, 0, len(line))
		best = min(best, threadTime(s.t)-start)
		if errors.Is(err, ErrBudget) {
			s.t.Errorf("%s: %.400q gave up on %.200q...%.60q", name, re, line, line[len(line)-min(60, len(line)):])
			break
		}
		if best < hostileTime/5 {
			break
		}
	}
	if s.timed && best > hostileTime {
		s.t.Errorf("%s: %.400q took %v on %.200q...%.60q", name, re, best, line, line[len(line)-min(60, len(line)):])
	}
	if best > s.worst {
		s.worst, s.worstN, s.of, s.line = best, name, re, line
	}
}

// TestAdvisoryLines tries the lines of GHSA-33wh-ccjc-p397 on the filters of
// 1.0.2 and 1.1.0 that they are for: Python's time doubles with each round.
func TestAdvisoryLines(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := siege{t: t, timed: !raceEnabled}
	rounds := map[string][]string{
		"dovecot":     {"Disconnected", ": a", "Disconnected: ", "a: ", "Aborted login", ": Inactivity"},
		"domino-smtp": {"[1:2-3]  smtp: ", "a ", "[1:2-3]  SMTP Server ", "[0000] "},
	}
	for _, p := range stockPatterns(t) {
		texts := rounds[p.Name]
		if len(texts) == 0 {
			continue
		}
		re, err := Compile(p.Pattern, p.flags())
		if err != nil {
			t.Fatal(err)
		}
		for i := range texts {
			head, pump := texts[i&^1], texts[i|1]
			for _, end := range []string{"", "(", " (no auth", "\x01"} {
				s.try(p.Name, re, []byte(head+strings.Repeat(pump, (hostileLength-len(head))/len(pump))+end+"\n"))
			}
		}
	}
	s.report()
}

package date

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// judgeLine tells all that a line's date can change.
func judgeLine(d *Detector, line []byte) string {
	var sb strings.Builder
	if a, ok := d.Again(line, d.now().Unix()); ok {
		d.Repeat(d.now().Unix(), 1)
		fmt.Fprintln(&sb, a.Start, a.End, d.repeated.slot.name, false, a.Time, nil)
	} else if m, ok := d.Find(line); ok {
		stamp, err := d.Time(m, line)
		fmt.Fprintln(&sb, m.Start, m.End, m.Name, m.Empty(), stamp, err)
	}
	return sb.String() + state(d)
}

// state tells what later lines depend on.
func state(d *Detector) string {
	var sb strings.Builder
	fmt.Fprintln(&sb, d.last.index, d.last.start, d.firstUnused)
	for i, s := range d.slots {
		if s.hits > 0 {
			fmt.Fprintln(&sb, i, s.name, s.hits, s.lastUsed, s.distance)
		}
	}
	return sb.String()
}

// logWriter writes lines as logs have them: mostly in one format, a few
// seconds apart, with what may go wrong.
type logWriter struct {
	r      *rand.Rand
	at     time.Time
	format string
}

var lineFormats = []string{
	"Jan _2 15:04:05 host app[1]: text",
	"Jan _2 15:04:05 2006 host app: text",
	"Mon Jan _2 15:04:05 2006 app: text",
	"Jan _2 15:04:05.000000 host text",
	"2006-01-02T15:04:05.000000-07:00 host app: text",
	"2006-01-02 15:04:05,000 text",
	"2006-01-02 15:04:05 text",
	"[2006-01-02 15:04:05] NOTICE[1]: text",
	"2006/01/02 15:04:05 [error] 1#1: text",
	`192.0.2.1 - - [02/Jan/2006:15:04:05 -0700] "GET / HTTP/1.1" 200 5 "-" "x"`,
	`192.0.2.1 - - [2006-01-02 15:04:05] text`,
	"[Mon Jan 02 15:04:05.000000 2006] [error] text",
	"<01/02/06@15:04:05> text",
	"20060102T150405 text", "15:04:05 text", "no date", "", "[", "text [2006-01-02 15:04:05] more",
}

var broken = []string{"5", ":", " ", "x", "\u00e9", "]", "Z", " Z", " 2026", ".5", "+", " +0100", "60", " 12:00:00", "["}

func (w *logWriter) line() string {
	w.at = w.at.Add(time.Duration(w.r.IntN(3)) * time.Second / 2)
	if w.r.IntN(50) == 0 {
		w.at = w.at.Add(time.Duration(w.r.IntN(100000)-1000) * time.Second)
	}
	format := w.format
	if w.r.IntN(12) == 0 {
		format = lineFormats[w.r.IntN(len(lineFormats))]
	}
	line := w.at.Format(format)
	if w.r.IntN(6) == 0 && line != "" {
		at := w.r.IntN(min(len(line), 40))
		piece := broken[w.r.IntN(len(broken))]
		switch w.r.IntN(3) {
		case 0:
			line = line[:at] + piece + line[at:]
		case 1:
			line = line[:at] + piece + line[min(len(line), at+len(piece)):]
		default:
			line = line[:at]
		}
	}
	return strings.ToValidUTF8(line, "?")
}

// TestRepeatedDates_2_4_11 reads logs with and without the memory of the last
// date: match, time and all that later lines depend on are the same.
func TestRepeatedDates_2_4_11(t *testing.T) {
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		zurich = time.UTC
	}
	patterns := []string{"", "{^LN-BEG}", "{^LN-BEG}" + isoNginx + "\n" + `^[^\[]*\[({DATE})` + "\n{^LN-BEG}", `^[^\[]*\[({DATE})`, "^{DATE}"}
	r := rand.New(rand.NewPCG(4, 11))
	recognized := 0
	for n := range 200 {
		w := &logWriter{r: r, at: time.Date(2026, 10, 25, 0, 59, 0, 0, time.UTC), format: lineFormats[n%len(lineFormats)]}
		if n%3 == 0 {
			w.at = time.Date(2026, 12, 31, 23, 58, 0, 0, time.UTC)
		}
		at := w.at
		pattern := patterns[r.IntN(len(patterns))]
		var both [2]*Detector
		for i := range both {
			both[i] = NewDetector(Options{Clock: func() time.Time { return at }, Local: zurich})
			if err := both[i].SetPattern(pattern); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 300 {
			line := []byte(w.line())
			if r.IntN(4) == 0 {
				at = w.at.Add(time.Duration(r.IntN(5)-2) * time.Second)
			}
			if i == 200 {
				zone, _ := ParseZone("CET")
				both[0].SetZone(zone)
				both[1].SetZone(zone)
			}
			both[1].repeated = repeated{}
			before := both[0].repeated.hits
			if want, got := judgeLine(both[1], line), judgeLine(both[0], line); got != want {
				t.Fatalf("pattern %q, line %d, %q: got\n%swant\n%s", pattern, i, line, got, want)
			}
			if both[0].repeated.hits > before {
				recognized++
			}
		}
	}
	if recognized < 5000 {
		t.Errorf("only %d dates were recognized as repeated", recognized)
	}
}

// linesAsRun judges the lines at the beginning of data as a block's walk does,
// and tells how many bytes that were and what came of the last line. Every
// seventh line or so is one that the walk does not pass over.
func linesAsRun(d *Detector, data []byte) (size int, last string) {
	end := bytes.IndexByte(data, '\n')
	line, now := bytes.TrimRight(data[:end], "\r"), d.now().Unix()
	a, ok := d.Again(line, now)
	if !ok {
		return end + 1, judgeLine(d, line)
	}
	d.Repeat(now, 1)
	size, text := end+1, data[a.Start:a.End]
	if m, ok := d.Minute(now); !ok || a.Time.Unix < m.First.Unix || a.Time.Unix > m.Last.Unix {
		return end + 1, fmt.Sprint(a.Time, " is not in ", m)
	}
	beyond := func(_, end int) int {
		if end%7 == 0 {
			return -1
		}
		return end
	}
	if more, lines, run := d.Run(data[size:], '#', 0, beyond); lines > 0 {
		d.Repeat(now, lines)
		a, text, size = run, data[size:][run.Start:run.End], size+more
	}
	return size, fmt.Sprintf("%s %v\n%s", text, a.Time, state(d))
}

// TestRuns_2_4_11 passes over runs of lines whose dates repeat: the last one's
// time and all that later lines depend on are as when each line is read.
func TestRuns_2_4_11(t *testing.T) {
	patterns := []string{"", "{^LN-BEG}", "{^LN-BEG}" + isoNginx + "\n" + `^[^\[]*\[({DATE})` + "\n{^LN-BEG}", "^{DATE}", "^%Y-%m-%d %H:%M:%S", `^\[%Y-%m-%d %H:%M:%S\]`}
	r := rand.New(rand.NewPCG(4, 12))
	passed := 0
	for n := range 228 {
		w := &logWriter{r: r, at: time.Date(2026, 10, 25, 0, 59, 0, 0, time.UTC), format: lineFormats[n%len(lineFormats)]}
		at := w.at
		var both [2]*Detector
		for i := range both {
			both[i] = NewDetector(Options{Clock: func() time.Time { return at }, Local: time.UTC})
			if err := both[i].SetPattern(patterns[n%len(patterns)]); err != nil {
				t.Fatal(err)
			}
		}
		var log []byte
		for range 300 {
			log = append(log, w.line()...)
			log = append(log, []string{"\r", "\r\r", "\n", "\n#", "", "", "", "", "", "", "", ""}[r.IntN(12)]+"\n"...)
		}
		log = append(log, '\n')
		for rest := log; len(rest) > 0; {
			size, got := linesAsRun(both[0], rest)
			want, lines := "", 0
			for line := range bytes.Lines(rest[:size]) {
				want, lines = oneLine(both[1], bytes.TrimRight(line, "\r\n")), lines+1
			}
			if lines > 1 {
				passed += lines - 1
			} else {
				got, want = state(both[0]), state(both[1])
			}
			if got != want {
				t.Fatalf("pattern %d, %d lines %q: got\n%swant\n%s", n%len(patterns), lines, rest[:size], got, want)
			}
			rest = rest[size:]
		}
	}
	if passed < 3000 {
		t.Errorf("only %d lines were passed over", passed)
	}
}

// oneLine reads a line without memory of the last date.
func oneLine(d *Detector, line []byte) string {
	d.repeated = repeated{}
	m, ok := d.Find(line)
	if !ok {
		return state(d)
	}
	stamp, _ := d.Time(m, line)
	return fmt.Sprintf("%s %v\n%s", line[m.Start:m.End], stamp, state(d))
}

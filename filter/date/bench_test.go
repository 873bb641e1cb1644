package date

import (
	"strings"
	"testing"
	"time"
)

// logs are what the benchmarks read: one line of each common format, told
// apart by their place so that none hides behind another.
var logs = map[string][]string{
	"syslog":   {"Nov 22 11:59:59 host sshd[123]: Failed password for root from 192.0.2.1 port 22 ssh2"},
	"iso":      {"2026-11-22T11:59:59.123456+01:00 host sshd[123]: Failed password for root from 192.0.2.1"},
	"asterisk": {"[2026-11-22 11:59:59] NOTICE[123]: chan_sip.c:1 in x: Registration from 'a' failed for '192.0.2.1'"},
	"apache": {`192.0.2.1 - - [22/Nov/2026:11:59:59 +0100] "GET / HTTP/1.1" 200 612 "-" "Mozilla/5.0 (X11; Linux)"`,
		`192.0.2.100 - - [22/Nov/2026:11:59:59 +0100] "GET / HTTP/1.1" 200 612 "-" "Mozilla/5.0 (X11; Linux)"`},
	"nginx":  {"2026/11/22 11:59:59 [error] 1#1: *1 user \"a\" was not found, client: 192.0.2.1"},
	"epoch":  {"1795348799.123 x from 192.0.2.1"},
	"nodate": {"no date in this line, which is about as long as other lines of a log are on the whole: 192.0.2.1"},
}

func BenchmarkFind(b *testing.B) {
	for name, lines := range logs {
		b.Run(name, func(b *testing.B) {
			at := time.Unix(now, 0)
			d := NewDetector(Options{Clock: func() time.Time { return at }})
			texts := [][]byte{}
			for _, l := range lines {
				texts = append(texts, []byte(l))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				line := texts[i%len(texts)]
				if m, ok := d.Find(line); ok {
					if _, err := d.Time(m, line); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// TestFindAllocatesNothing holds for the formats that have readers.
func TestFindAllocatesNothing(t *testing.T) {
	at := time.Unix(now, 0)
	for name, lines := range logs {
		d := NewDetector(Options{Clock: func() time.Time { return at }})
		text := []byte(lines[0])
		read := func() {
			if m, ok := d.Find(text); ok {
				if _, err := d.Time(m, text); err != nil {
					t.Error(name, err)
				}
			}
		}
		for range 20 {
			read()
		}
		if n := testing.AllocsPerRun(100, read); n > 0 {
			t.Errorf("%s: %v allocations a line", name, n)
		}
	}
}

// TestLongLinesStayLinear_E4 doubles hostile lines: time must not grow faster
// than a few times their length, here as an upper bound for 64 KiB.
func TestLongLinesStayLinear_E4(t *testing.T) {
	const size = 64 << 10
	for _, piece := range []string{"1:1:", "1:1:1 ", "2026-11-22 11:59:5", "2026-11-22 11:59:59_", " 1:1:1:", "Jan  1 ", "Jan  1 1:1:1x", "audit(1",
		"@4000", "20", "20261122 1", "  ", "[", "-", "\u00e9", "\u0661:", "1/Jan/2026:1:1:", "sun jan 1 ", "Z ", "+01:00 ", "12/12/12 1:1:1_ "} {
		line := []byte(strings.Repeat(piece, size/len(piece)))
		for _, pattern := range []string{"", "{DATE}", "{^LN-BEG}", `^[^\[]*\[({DATE})`} {
			d := NewDetector(Options{})
			if err := d.SetPattern(pattern); err != nil {
				t.Fatal(err)
			}
			d.Find(line)
			start := time.Now()
			d.Find(line)
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%q repeated to 64 KiB, pattern %q: %v", piece, pattern, took)
			} else if testing.Verbose() {
				t.Logf("%q, %q: %v", piece, pattern, took)
			}
		}
	}
}

package date

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// randomPlain is a random pattern, mostly a plain one, and a writer of dates that it
// matches.
func randomPlain(r *rand.Rand) (pattern string, date func(at time.Time) string) {
	layouts := map[string][]string{
		"%Y": {"2006"}, "%ExY": {"2006"}, "%y": {"06"}, "%Exy": {"06"}, "%m": {"01", "1"}, "%Exm": {"01"}, "%b": {"Jan"},
		"%d": {"02", "2", "_2"}, "%Exd": {"02"}, "%H": {"15"}, "%ExH": {"15"}, "%M": {"04", "4"}, "%ExM": {"04"},
		"%S": {"05", "05", "5"}, "%ExS": {"05"}, "%z": {"-0700", "-07:00", "-07", "Z0700"}, "%f": {"000", "000000", "0"},
		"%k": {"15", " 3"}, "%a": {"Mon"}, "%I": {"03", "3"}, "%p": {"PM", "pm"}, "%I:%M:%S %p": {"03:04:05 PM"}, "%H:%M:%S": {"15:04:05"}, `%H:%M:%S\.%f`: {"15:04:05.000"}, "%H:%M:%S[.,]%f": {"15:04:05,000"},
		"%Y-%m-%d": {"2006-01-02"},
	}
	kinds := []string{"%Y", "%ExY", "%y", "%Exy", "%m", "%Exm", "%b", "%d", "%Exd", "%H", "%ExH", "%M", "%ExM", "%S", "%ExS", "%z", "%f", "%k", "%a", "%I", "%p", "%I:%M:%S %p",
		"%H:%M:%S", "%H:%M:%S", `%H:%M:%S\.%f`, "%H:%M:%S[.,]%f", "%Y-%m-%d"}
	characters := map[string]string{" ": " ", "-": "-", "/": "/", ":": ":", "T": "T", `\[`: "[", `\]`: "]", `\.`: ".", ",": ",", "[T ]": "T", "[ :]": ":",
		"[^/]*/": "/", "[^:]*:": "t. x:", "[^,]*,": strings.Repeat("é", 40) + ",", "[^ ]* ": "_1-2 ", "<": "<", "=": "=", "s": "s", "k": "K", "_": "_", "7": "7", ".": "."}
	var names []string
	for name := range characters {
		names = append(names, name)
	}
	var layout []string
	for range 1 + r.IntN(6) {
		kind := kinds[r.IntN(len(kinds))]
		pattern += kind
		layout = append(layout, layouts[kind][r.IntN(len(layouts[kind]))])
		if r.IntN(6) > 0 {
			name := names[r.IntN(len(names))]
			pattern += name
			layout = append(layout, characters[name])
		}
	}
	if r.IntN(3) == 0 {
		pattern, layout = `\[`+pattern, append([]string{"["}, layout...)
	}
	return []string{"", "^", "{^LN-BEG}"}[r.IntN(3)] + pattern, func(at time.Time) string {
		var sb strings.Builder
		for _, part := range layout {
			if part != "s" && part != "K" && part != "T" && part != "_" && part != "7" {
				part = at.Format(part)
			}
			sb.WriteString(part)
		}
		return sb.String()
	}
}

// plainDamage is what damages dates of plain patterns.
var plainDamage = []string{"0", "1", "2", "3", "6", "9", " ", ":", ".", ",", "-", "/", "+", "T", "t", "Z", "_", "[", "]", "a", "S", "k",
	"\u00e9", "\u0661", "\u00a0", "\u017f", "\u212a", "\x00", "Sep", "dec", "mon"}

// TestPlainReadersAgreeWithRegexes runs the readers made of random patterns and the
// regexes of these over dates with and without damage.
func TestPlainReadersAgreeWithRegexes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	plain, found := 0, 0
	for range 3000 {
		pattern, date := randomPlain(r)
		d := NewDetector(Options{})
		if err := d.SetPattern(pattern); err != nil || d.slots[0].fast == nil {
			continue
		}
		if d.slots[0].once.Do(d.slots[0].compile); d.slots[0].broken != nil {
			t.Fatalf("%q has a reader, and is no regex: %v", pattern, d.slots[0].broken)
		}
		plain++
		all := []*template{d.slots[0].template}
		for range 40 {
			at := time.Unix(1.7e9+r.Int64N(2e8), r.Int64N(1e9)).UTC()
			line := []byte(damaged(r, []string{"", "", "", "--", "x ", "x", "1.2.3.4 - ", "\u00e9"}[r.IntN(8)]+date(at)+
				[]string{"", " text", "x", ": ", "5", "\u00e9", "_", "]", "+01:30", ".5"}[r.IntN(10)], plainDamage))
			checkReaders(t, all, line, 0, len(line))
			var h hit
			if v := all[0].fast(all[0], line, 0, len(line), &h); v == matched {
				found++
			}
			pos := r.IntN(min(len(line), 12) + 1)
			end := pos + r.IntN(len(line)-pos+1)
			checkReaders(t, all, line, runeStart(line, pos), runeStart(line, end))
			if t.Failed() {
				t.Fatalf("pattern %q", pattern)
			}
		}
	}
	t.Logf("%d plain patterns, %d dates", plain, found)
	if plain < 300 || found < plain {
		t.Errorf("only %d plain patterns and %d dates", plain, found)
	}
}

// TestPlainDatesThatRepeat reads logs with the dates of random patterns by detectors
// that recognize a date that repeats, and by those that do not.
func TestPlainDatesThatRepeat(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	repeated := 0
	for n := range 12000 {
		pattern, date := randomPlain(r)
		clock := func() time.Time { return time.Unix(1.8e9, 0) }
		quick, slow := NewDetector(Options{Clock: clock, Local: time.UTC}), NewDetector(Options{Clock: clock, Local: time.UTC})
		if quick.SetPattern(pattern) != nil || slow.SetPattern(pattern) != nil || quick.slots[0].repeating == nil {
			continue
		}
		for _, s := range slow.slots {
			s.fast, s.repeating = nil, nil
		}
		at := time.Unix(1.7e9+r.Int64N(2e8), 0).UTC()
		tail := []string{" text", "", ": x", "]", ",5 x", "5", "x", "+01:30", " 2026", "0"}
		end := tail[r.IntN(len(tail))]
		for range 60 {
			at = at.Add(time.Duration(r.IntN(3)) * time.Second / 2)
			line := date(at) + end
			switch r.IntN(10) {
			case 0:
				line = damaged(r, line, plainDamage)
			case 1:
				line = date(at) + tail[r.IntN(len(tail))]
			}
			if quick.repeated.slot != nil && quick.repeated.hits > 0 {
				repeated++
			}
			if got, want := judgeLine(quick, []byte(line)), judgeLine(slow, []byte(line)); got != want {
				t.Fatalf("pattern %d, %q, %q:\n%s\nby its regex\n%s", n, pattern, line, got, want)
			}
		}
	}
	t.Logf("%d lines after one that repeats", repeated)
	if repeated < 1000 {
		t.Error(fmt.Sprint("only ", repeated))
	}
}

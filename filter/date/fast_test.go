package date

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// readable returns the templates that have a reader, and those whose lines must
// hold a trait.
func readable(t testing.TB) (withReader, withFamily []*template) {
	t.Helper()
	years := yearsAround(0, 2026)
	d := NewDetector(Options{})
	known := map[string]bool{}
	for _, pattern := range []string{"{DEFAULT}", `^[^\[]*\[({DATE})`, `^<\d+>\d+\s+{DATE}`, "^{DATE}", "{^LN-BEG}" + isoNginx, "{^LN-BEG}{DATE} x", "^%Y-%m-%d %H:%M:%S"} {
		if err := d.SetPattern(pattern); err != nil {
			t.Fatal(err)
		}
		for _, s := range d.slots {
			if s.fast != nil {
				withReader = append(withReader, s.template)
				if !isPlain(s.template) {
					known[s.name] = true
				}
			}
			if s.family != 0 {
				withFamily = append(withFamily, s.template)
			}
		}
	}
	if len(known) != len(readers) || years != d.years {
		t.Fatalf("%d templates have readers, of %d readers", len(known), len(readers))
	}
	return withReader, withFamily
}

// isPlain says whether the template's reader is made of its pattern.
func isPlain(t *template) bool {
	plain, _ := plainReader(t.pattern)
	return plain != nil
}

// checkReaders compares each reader with its regex on line[pos:end].
func checkReaders(t *testing.T, all []*template, line []byte, pos, end int) {
	t.Helper()
	var caps []int
	for _, tmpl := range all {
		var fast, slow hit
		v := tmpl.fast(tmpl, line, pos, end, &fast)
		if v == unsure {
			continue
		}
		ok, err := tmpl.matchRegex(line, pos, end, &caps, &slow)
		if err != nil {
			t.Fatalf("%s: %v", tmpl.name, err)
		}
		if ok != (v == matched) {
			t.Errorf("%s on %q[%d:%d]: reader matches: %v, regex: %v", tmpl.name, line, pos, end, v == matched, ok)
			continue
		}
		if ok && !sameHit(fast, slow) {
			t.Errorf("%s on %q[%d:%d]:\nreader %+v\n regex %+v", tmpl.name, line, pos, end, fast, slow)
		}
	}
}

func sameHit(a, b hit) bool {
	a.ascii, a.work = false, fields{}
	return reflect.DeepEqual(a, b)
}

// checkFamilies asks that a line holds the traits of every template that
// matches it.
func checkFamilies(t *testing.T, all []*template, line []byte) {
	t.Helper()
	var caps []int
	held := familiesOf(line, yearsAround(0, 2026))
	for _, tmpl := range all {
		if tmpl.family&^held == 0 {
			continue
		}
		var h hit
		if ok, err := tmpl.matchRegex(line, 0, len(line), &caps, &h); err != nil || ok {
			t.Errorf("%s matches %q (%v), which lacks trait %b of %b", tmpl.name, line, err, tmpl.family, held)
		}
	}
}

// TestReadersAgreeWithRegexes runs readers and regexes over the sample logs and
// over random lines, whole and in windows.
func TestReadersAgreeWithRegexes(t *testing.T) {
	withReader, withFamily := readable(t)
	rng := rand.New(rand.NewPCG(5, 6))
	check := func(line string) {
		text := []byte(line)
		checkReaders(t, withReader, text, 0, len(text))
		checkFamilies(t, withFamily, text)
		if len(text) > 0 {
			pos := rng.IntN(min(len(text), 12))
			end := pos + rng.IntN(len(text)-pos+1)
			checkReaders(t, withReader, text, runeStart(text, pos), runeStart(text, end))
		}
	}
	for _, l := range lines {
		check(l)
	}
	for range 8000 {
		check(randomLine(rng))
		check(mutated(rng))
	}
	for _, file := range sampleLogs(t) {
		for _, l := range file {
			check(l)
		}
		if t.Failed() {
			return
		}
	}
}

// mutated returns a date with small damage, where readers and regexes are most
// likely to part.
func mutated(rng *rand.Rand) string {
	pieces := []string{"0", "1", "2", "3", "6", "9", " ", ":", ".", ",", "-", "/", "+", "T", "Z", "z", "UTC", "gmt", "_", "[", "@", "a",
		"\u00e9", "\u0661", "\u00a0", "\u017f", "\t", "\x1c", "\x00", "2026", "Sep", "mon ", " 2026", " +01:00", ".123", "  "}
	text := damaged(rng, randomDate(rng)+[]string{"", " ", "Z", "+0100", ".5", " x"}[rng.IntN(6)], pieces)
	return []string{"", "[", "--", "x ", "1.2.3.4 - [", "audit("}[rng.IntN(6)] + text
}

// damaged changes a text here and there, by characters of the pieces.
func damaged(rng *rand.Rand, text string, pieces []string) string {
	runes := []rune(text)
	for range rng.IntN(4) {
		i := rng.IntN(len(runes) + 1)
		piece := []rune(pieces[rng.IntN(len(pieces))])
		switch rng.IntN(3) {
		case 0:
			runes = append(runes[:i:i], append(piece, runes[i:]...)...)
		case 1:
			runes = append(runes[:i:i], append(piece, runes[min(len(runes), i+len(piece)):]...)...)
		default:
			if i < len(runes) {
				runes = append(runes[:i:i], runes[i+1:]...)
			}
		}
	}
	return string(runes)
}

// FuzzFind feeds two lines to detectors with and without readers, which must
// find the same in both, and checks that each match lies within its line.
func FuzzFind(f *testing.F) {
	for i, l := range lines {
		f.Add(l, lines[(i+1)%len(lines)], 0, 200)
		f.Add(l, l, 1, 30)
	}
	withReader, withFamily := readable(f)
	shared, regexOnly := NewShared(), withoutReaders(f)
	f.Fuzz(func(t *testing.T, first, second string, pos, end int) {
		first, second = strings.ToValidUTF8(first, "\ufffd"), strings.ToValidUTF8(second, "\ufffd")
		checkFamilies(t, withFamily, []byte(first))
		checkFamilies(t, withFamily, []byte(second))
		end = runeStart([]byte(first), min(max(end, 0), len(first)))
		pos = runeStart([]byte(first), min(max(pos, 0), end))
		checkReaders(t, withReader, []byte(first), pos, end)
		fast, slow := NewDetector(Options{Shared: shared}), NewDetector(Options{Shared: regexOnly})
		for _, l := range []string{first, second, first} {
			line := []byte(l)
			got, ok := fast.Find(line)
			want, wantOK := slow.Find(line)
			if ok != wantOK || got.Start != want.Start || got.End != want.End || got.Name != want.Name {
				t.Fatalf("%q: %+v %v, by regex %+v %v", l, got, ok, want, wantOK)
			}
			if ok && (got.Start < 0 || got.End < got.Start || got.End > len(line)) {
				t.Fatalf("%q: match %d to %d", l, got.Start, got.End)
			}
			if ok && got.Err() == nil {
				a, aerr := fast.Time(got, line)
				b, berr := slow.Time(want, line)
				if a != b || (aerr == nil) != (berr == nil) {
					t.Fatalf("%q: time %v %v, by regex %v %v", l, a, aerr, b, berr)
				}
			}
		}
	})
}

// withoutReaders returns default templates that use nothing but their regexes.
func withoutReaders(t testing.TB) *Shared {
	shared := NewShared()
	d := NewDetector(Options{Shared: shared})
	if err := d.SetPattern("{DEFAULT}"); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.slots {
		s.fast, s.family = nil, 0
	}
	return shared
}

// runeStart returns the place where the character at or around i begins.
func runeStart(text []byte, i int) int {
	for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}

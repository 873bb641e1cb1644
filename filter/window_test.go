package filter_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
)

// randomWindows makes a filter for several lines, and a writer of lines for it.
func randomWindows(r *rand.Rand) (s setup, line func() string) {
	s = setup{Raw: true, CheckAll: r.IntN(2) == 0, MaxLines: 2 + r.IntN(8)}
	var texts []piece
	for range 1 + r.IntN(3) {
		a, b := randomRegex(r, false), word(r)
		between := pick(r, "\n", "<SKIPLINES>", `.*\n`, `\s*<SKIPLINES>`, `(?:.*\n)*?`)
		first, second := a, b
		if r.IntN(2) == 0 {
			first, second = b, a
		}
		// Whether a line ends there decides what the other part may match.
		s.Fail = append(s.Fail, "^"+strings.TrimLeft(first.regex, "^")+pick(r, "", "$", `\s+`)+between+pick(r, "^", "", `\s*`)+strings.TrimLeft(second.regex, "^"))
		texts = append(texts, a, b)
	}
	for range pick(r, 0, 0, 0, 1, 4) {
		s.Ignore = append(s.Ignore, pick(r, "root", "^.*bob", `\d{4}`, "x$"))
	}
	at := now.Add(-2 * time.Minute)
	return s, func() string {
		if r.IntN(3) > 0 {
			return randomDate(r, &at, lineFormats[1], pick(r, "nothing to see here", "session opened for somebody", ""))
		}
		return randomDate(r, &at, lineFormats[1], pick(r, texts...).text(r))
	}
}

// TestRandomWindows judges random logs with filters for several lines: regexes
// whose texts the lines lack are passed over, but not where Judge takes notes.
func TestRandomWindows(t *testing.T) {
	rounds, failures := randomRounds(), 0
	for n := range rounds {
		r := rand.New(rand.NewPCG(uint64(n), 23))
		s, line := randomWindows(r)
		env := filter.Env{Clock: func() time.Time { return now }}
		quick, thorough := newFilter(t, s, env), newFilter(t, s, env)
		mode := filter.Mode{CheckAll: s.CheckAll, RawHosts: true}
		for i := range 600 {
			if r.IntN(300) == 0 {
				lines, more := 1+r.IntN(6), randomRegex(r, false).regex
				for _, f := range []*filter.Filter{quick, thorough} {
					if err := f.SetMaxLines(lines); err != nil {
						t.Fatal(err)
					}
					_ = f.AddFailRegex(more) // both refuse the same
				}
			}
			text := []byte(line() + "\n")
			mode.Notes = nil
			found, verdict := quick.Judge(filter.Line{Text: text, Source: "log"}, mode)
			mode.Notes = &filter.Notes{}
			want, verdict2 := thorough.Judge(filter.Line{Text: text, Source: "log"}, mode)
			failures += len(want)
			noFault(verdict)
			got := fmt.Sprintf("%+v\n%+v\n%q", found, verdict, quick.Buffer())
			if wanted := fmt.Sprintf("%+v\n%+v\n%q", want, verdict2, thorough.Buffer()); got != wanted || !reflect.DeepEqual(found, want) {
				t.Fatalf("filter %d, %+v, line %d, %q:\n%s\nwithout passing over any regex\n%s", n, s, i, text, got, wanted)
			}
		}
	}
	t.Logf("%d filters, %d failures", rounds, failures)
	if failures < rounds {
		t.Errorf("only %d failures", failures)
	}
}

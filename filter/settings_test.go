package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/pytext"
)

func TestFailRegexNeedsAnID_2_1_5(t *testing.T) {
	f := newFilter(t, setup{}, filter.Env{})
	err := f.AddFailRegex(`^fail$`)
	if err == nil || err.Error() != "No failure-id group in '^fail$'" || !errors.Is(err, filter.ErrRegex) {
		t.Errorf("error %v", err)
	}
	if err := f.AddFailRegex(" "); err == nil || err.Error() != "Cannot add empty regex" {
		t.Errorf("error %v", err)
	}
	for _, ok := range []string{`<F-ID/>`, `<DNS>`, `<IP4>`, `<IP6>`, `<F-MLFID>x</F-MLFID>`} {
		if err := f.AddFailRegex(ok); err != nil {
			t.Error(err)
		}
	}
	if err := f.SetPrefRegex(`^<F-MLFID>x</F-MLFID> <F-CONTENT>.*</F-CONTENT>`); err != nil {
		t.Fatal(err)
	}
	if err := f.AddFailRegex(`^fail$`); err != nil {
		t.Errorf("with an ID in the prefregex: %v", err)
	}
	if n := len(f.FailRegex()); n != 6 {
		t.Errorf("%d regexes, refused ones must not be added", n)
	}
}

func TestUseDNSDecidesWhenARegexIsAdded_2_1_3(t *testing.T) {
	f := newFilter(t, setup{UseDNS: "no", Fail: []string{`<HOST>`}}, filter.Env{})
	f.SetUseDNS("yes")
	if err := f.AddFailRegex(`<HOST>`); err != nil {
		t.Fatal(err)
	}
	got := f.FailRegex()
	if strings.Contains(got[0], "dns") || !strings.Contains(got[1], "dns") {
		t.Errorf("regexes %q", got)
	}
}

func TestUnknownUseDNSMeansNo_2_3_8(t *testing.T) {
	var messages []string
	f := newFilter(t, setup{UseDNS: "Maybe"}, filter.Env{Log: logged(&messages)})
	if f.UseDNS() != filter.No || len(messages) != 1 || !strings.Contains(messages[0], `Incorrect value 'maybe' specified for usedns. Using safe 'no'`) {
		t.Errorf("usedns %s, messages %q", f.UseDNS(), messages)
	}
}

func TestDeletingRegexes_5_3(t *testing.T) {
	var messages []string
	f := newFilter(t, setup{Fail: []string{`a <ADDR>`, `b <ADDR>`, `c <ADDR>`}, Ignore: []string{"x", "y"}}, filter.Env{Log: logged(&messages)})
	f.DelFailRegex(1)
	f.DelFailRegex(7)
	f.DelFailRegex(-1)
	if got := f.FailRegex(); len(got) != 1 || got[0][0] != 'a' {
		t.Errorf("left %q", got)
	}
	f.DelIgnoreRegex(0)
	if got := f.IgnoreRegex(); !slices.Equal(got, []string{"y"}) {
		t.Errorf("left %q", got)
	}
	if !slices.ContainsFunc(messages, func(m string) bool {
		return strings.Contains(m, "Cannot remove regular expression. Index 7 is not valid")
	}) {
		t.Errorf("messages %q", messages)
	}
	f.ClearRegexes()
	if len(f.FailRegex())+len(f.IgnoreRegex()) != 0 {
		t.Error("regexes are left after clearing")
	}
}

func TestSettingsReadBack_5_3(t *testing.T) {
	f := newFilter(t, setup{MaxLines: 5, Pattern: "EPOCH"}, filter.Env{Getenv: func(name string) string {
		return map[string]string{"LANG": "de_CH.ISO-8859-1"}[name]
	}})
	if f.Encoding() != "ISO-8859-1" {
		t.Errorf("auto is %s", f.Encoding())
	}
	if err := f.SetEncoding("UTF-8"); err != nil || f.Encoding() != "UTF-8" {
		t.Errorf("encoding %s: %v", f.Encoding(), err)
	}
	if err := f.SetEncoding("monkey"); err == nil || err.Error() != "unknown encoding: monkey" {
		t.Errorf("error %v", err)
	}
	zone := func() string { text, _ := f.LogTimeZone(); return text }
	if err := f.SetLogTimeZone("UTC+0200"); err != nil || zone() != "UTC+0200" {
		t.Errorf("zone %s: %v", zone(), err)
	}
	if err := f.SetLogTimeZone("Europe/Zurich"); err == nil || zone() != "UTC+0200" {
		t.Errorf("zone %s: %v", zone(), err)
	}
	if err := f.SetMaxLines(0); err == nil || err.Error() != "maxlines must be integer greater than zero" {
		t.Errorf("error %v", err)
	}
	if f.MaxLines() != 5 || f.Name() != "j" || f.PrefRegex() != "" {
		t.Errorf("maxlines %d, name %s, prefregex %q", f.MaxLines(), f.Name(), f.PrefRegex())
	}
	if got := pytext.Repr(f.DatePattern()); got != "(None, 'Epoch')" {
		t.Errorf("datepattern %s", got)
	}
	f.DisableDates()
	if f.DatePattern() != nil || f.DateTemplates() != nil {
		t.Error("dates are switched off but have patterns")
	}
}

// TestEmptyZone: a zone of no letters is UTC, wherever the machine stands; no zone
// is local time.
func TestEmptyZone_2_5_9(t *testing.T) {
	f := newFilter(t, setup{Fail: []string{`from <HOST>$`}}, filter.Env{Local: time.FixedZone("east", 3600)})
	for _, c := range []struct {
		set   func() error
		hours float64
	}{
		{func() error { return nil }, 11}, {func() error { return f.SetLogTimeZone("") }, 12}, {f.ClearLogTimeZone, 11},
	} {
		if err := c.set(); err != nil {
			t.Fatal(err)
		}
		found, _ := judge(f, "2026-11-22 12:00:00 from 1.2.3.4", filter.Mode{})
		midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).Unix()
		if len(found) != 1 || found[0].Time != float64(midnight)+c.hours*3600 {
			t.Errorf("%v, want %v o'clock", found, c.hours)
		}
	}
}

// TestZoneHoldsForNewPatterns sets the zone before and after the pattern.
func TestZoneHoldsForNewPatterns_2_5_9(t *testing.T) {
	for _, zoneFirst := range []bool{true, false} {
		f := newFilter(t, setup{Fail: []string{`from <HOST>$`}}, filter.Env{})
		zone := func() {
			if err := f.SetLogTimeZone("UTC+0200"); err != nil {
				t.Fatal(err)
			}
		}
		if zoneFirst {
			zone()
		}
		if err := f.SetDatePattern("%Y-%m-%d %H:%M:%S"); err != nil {
			t.Fatal(err)
		}
		if !zoneFirst {
			zone()
		}
		found, _ := judge(f, "2026-11-22 14:00:00 from 1.2.3.4", filter.Mode{})
		if len(found) != 1 || found[0].Time != float64(now.Unix()) || !found[0].TimeInt {
			t.Errorf("zone first %v: %+v", zoneFirst, found)
		}
	}
}

func TestSessionsEndAfterFiveMinutes_2_7_2(t *testing.T) {
	at := now
	f := newFilter(t, setup{Fail: sessionRegexes}, filter.Env{Clock: clockAt(&at)})
	judge(f, day+"10 [1] connect from 1.2.3.4", filter.Mode{})
	at = at.Add(299e9)
	if found, _ := judge(f, day+"11 [1] fail bob", filter.Mode{}); len(found) != 1 {
		t.Errorf("within five minutes: %v", found)
	}
	at = at.Add(2e9)
	if found, _ := judge(f, day+"12 [1] fail bob", filter.Mode{}); len(found) != 0 {
		t.Errorf("after five minutes from its start: %v", found)
	}
}

func TestHundredSessions_2_7_2(t *testing.T) {
	f := newFilter(t, setup{Fail: sessionRegexes}, filter.Env{})
	for i := range 101 {
		judge(f, day+"10 ["+pytext.Str(i)+"] connect from 1.2.3.4", filter.Mode{})
	}
	for id, want := range map[string]int{"0": 0, "1": 1, "100": 1} {
		if found, _ := judge(f, day+"11 ["+id+"] fail bob", filter.Mode{}); len(found) != want {
			t.Errorf("session %s: %v", id, found)
		}
		if id == "0" {
			f = newFilter(t, setup{Fail: sessionRegexes}, filter.Env{})
			for i := range 101 {
				judge(f, day+"10 ["+pytext.Str(i)+"] connect from 1.2.3.4", filter.Mode{})
			}
		}
	}
}

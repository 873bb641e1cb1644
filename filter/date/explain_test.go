package date

import (
	"strings"
	"testing"

	"f2b-go/internal/pytext"
)

func TestExplain_2_4_3_and_2_4_6(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    string // part of the text; "" for no fault
		refused bool
	}{
		{pattern: ""},
		{pattern: "%Y-%m-%d %H:%M:%S"},
		{pattern: "{^LN-BEG}"},
		{pattern: "{DEFAULT}"},
		{pattern: "{NONE}"},
		{pattern: "{UNB}^%H:%M"},
		{pattern: "{^LN-BEG}{DATE}"},
		{pattern: "{date} x"},
		{pattern: `^\[\d{3}\] {EPOCH}`},
		{pattern: "t=({EPOCH})"},
		{pattern: "EPOCH\n{^LN-BEG}%Y-%m-%d"},
		{pattern: "TAI64N"},
		{pattern: "%j"},
		{pattern: "%Y %W %a"},
		{pattern: "%H:%M"},
		{pattern: "%Y"},
		{"%Q", "Failed to set datepattern '%Q' (may be an invalid format or unescaped percent char): " +
			"unsupported format character 'Q' (0x51) at index 1", true},
		{"x%", "incomplete format", true},
		{"%Y\n%Y", "There is already a template with name Year", true},
		{"(%Y", "missing ), unterminated subpattern at position", false},
		{"%Y %Y", "redefinition of group name 'Y'", false},
		{"ISO8601", "no keyword", false},
		{"{*WD-BEG}%Y-%m-%d", "{*WD-BEG} is no keyword", false},
		{"{WD-BEG}%Y", "{WD-BEG} is no keyword", false},
		{"{epoch} %Y", "{epoch} is no keyword", false},
		{"{^ln-beg}%Y", "{^ln-beg} is no keyword", false},
		{"x{NONE}", "{NONE} is no keyword", false},
		{"x{UNB}%Y", "{UNB} is no keyword", false},
		{"%b %Y", "month without a day", false},
		{"%d %H:%M", "day without a month", false},
		{`\d{4}`, "today at 00:00:00", false},
		{"(a)(b){EPOCH}", "group 3", false},
		{"{EPOCH}(b)", "group 1", false},
		{"(?P<q>x){EPOCH}", "group 3", false},
		{pattern: "(?P<q>[()]x){EPOCH}"},
	} {
		faults := Explain(c.pattern)
		if c.want == "" {
			if len(faults) > 0 {
				t.Errorf("%q: %+v, want no fault", c.pattern, faults)
			}
			continue
		}
		if len(faults) == 0 || !strings.Contains(faults[0].Text, c.want) || faults[0].Refused != c.refused {
			t.Errorf("%q: %+v, want %q (refused: %v)", c.pattern, faults, c.want, c.refused)
		}
		refused := NewDetector(Options{}).SetPattern(c.pattern) != nil
		if refused != c.refused {
			t.Errorf("%q: SetPattern refuses: %v, want %v", c.pattern, refused, c.refused)
		}
	}
}

func TestPatternReply_2_4_13(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                  "(None, 'Default Detectors')",
		"%Y":                "('%Y', 'Year')",
		"{^LN-BEG}%Y":       "('{^LN-BEG}%Y', '{^LN-BEG}Year')",
		"EPOCH":             "(None, 'Epoch')",
		"{NONE}":            "('{UNB}^', '^')",
		"t={EPOCH}":         "(None, 't={EPOCH}')",
		"%Y\n%m":            "('%Y', 'Year')",
		"%Y\n%m\n%d":        "(None, 'Default Detectors')",
		"{DATE}":            "(None, 'Default Detectors')",
		"**%Y**":            "('**%Y**', '**Year**')",
		"{UNB}%Y-%Exk%Exm":  "('{UNB}%Y-%Exk%Exm', 'Year-Ex%kExMonth')",
		"%d/%b %z %Z %f %p": "('%d/%b %z %Z %f %p', 'Day/MON Zone offset Zone name Microseconds AMPM')",
	} {
		d := NewDetector(Options{})
		if err := d.SetPattern(pattern); err != nil {
			t.Fatal(err)
		}
		if got := pytext.Repr(d.Pattern()); got != want {
			t.Errorf("%q: %s, want %s", pattern, got, want)
		}
	}
}

package testfilter

import (
	"strings"

	"f2b-go/filter"
)

// jsonExplain is the member explain of a line with --explain. Places are byte
// offsets: from where to before where.
type jsonExplain struct {
	Why  string    `json:"why"`
	Date *jsonDate `json:"date"`
	// Prefregex is null where there is none or it was not tried.
	Prefregex *jsonStep  `json:"prefregex"`
	Failregex []jsonStep `json:"failregex"`
	Ignored   []int      `json:"ignoreregex"` // numbers of those that fit, from 1
	Jail      []jsonFate `json:"jail,omitempty"`
}

// jsonDate is the text that was cut out as the date, and where it stood.
type jsonDate struct {
	Text string `json:"text"`
	At   [2]int `json:"at"`
}

// jsonStep tells how far a regex came.
type jsonStep struct {
	Regex   int    `json:"regex,omitempty"`
	Matched bool   `json:"matched"`
	Text    string `json:"text"` // what it was tried on
	Fits    [2]int `json:"fits"` // in text
	Weight  int    `json:"weight,omitempty"`
	// Wants is the piece of the regex that does not fit, and WantsAt its place.
	Wants   string  `json:"wants,omitempty"`
	WantsAt *[2]int `json:"wants_at,omitempty"`
	Open    bool    `json:"open,omitempty"`    // it may follow anywhere
	Forbids bool    `json:"forbids,omitempty"` // it fits and must not
}

// jsonFate is what the jail would make of a failure; its members are empty
// where they do not apply.
type jsonFate struct {
	ID       string `json:"id"`
	Ignored  string `json:"ignored,omitempty"`
	TooOld   bool   `json:"too_old,omitempty"`
	Banned   any    `json:"banned_since,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	MaxRetry int    `json:"maxretry"`
	Bans     bool   `json:"bans"`
}

func (t *tester) explainJSON(e *explanation) *jsonExplain {
	out := &jsonExplain{Why: t.why(e), Failregex: []jsonStep{}, Ignored: plusOne(e.line.verdict.Ignored)}
	if n := e.notes; n.Cut[0] < n.Cut[1] {
		out.Date = &jsonDate{n.Line[n.Cut[0]:n.Cut[1]], n.Cut}
	}
	if e.steps.Pref != nil {
		s := stepJSON(e.steps.Pref, 0)
		out.Prefregex = &s
	}
	for i := range e.steps.Fail {
		out.Failregex = append(out.Failregex, stepJSON(&e.steps.Fail[i], i+1))
	}
	for i, o := range e.fates {
		if !o.told {
			continue
		}
		f := jsonFate{
			ID: e.line.found[i].ID.String(), Ignored: o.Ignored, TooOld: o.TooOld, Attempts: o.Attempts,
			MaxRetry: t.explain.trial.MaxRetry(), Bans: o.Bans,
		}
		if o.BannedSince > 0 {
			f.Banned = jsonTime(o.BannedSince, false, true)
		}
		out.Jail = append(out.Jail, f)
	}
	return out
}

func stepJSON(s *filter.Step, number int) jsonStep {
	r := &s.Reach
	out := jsonStep{
		Regex: number, Matched: r.Matched, Text: strings.TrimSuffix(s.Text, "\n"), Fits: [2]int{r.Start, r.End},
		Weight: r.Weight, Open: r.Open, Forbids: r.Forbids,
	}
	if r.Matched {
		return out
	}
	out.Wants, out.WantsAt = s.Regex[r.Pattern:r.PatternEnd], &[2]int{r.Pattern, r.PatternEnd}
	if s.From >= 0 {
		out.Wants, out.WantsAt = s.Source[s.From:s.To], &[2]int{s.From, s.To}
	}
	return out
}

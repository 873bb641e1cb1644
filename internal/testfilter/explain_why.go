package testfilter

import (
	"fmt"
	"strings"

	"f2b-go/filter"
)

// why is the reason of a line's verdict in one sentence.
func (t *tester) why(e *explanation) string {
	l, v := e.line, &e.line.verdict
	switch {
	case v.Err != nil:
		return fmt.Sprintf("it cannot be judged: %s", visible(v.Err.Error()))
	case len(l.found) == 0 && len(v.Ignored) > 0:
		return "ignoreregex " + listed(plusOne(v.Ignored)) + " fits"
	case len(l.found) > 0:
		return t.whyFound(e)
	case e.steps.Pref != nil && !e.steps.Pref.Reach.Matched:
		return "the prefregex does not fit"
	}
	for i := range e.steps.Fail {
		if s := &e.steps.Fail[i]; s.Reach.Matched {
			return fmt.Sprintf("failregex %d fits, but %s", i+1, t.whyNoID(s))
		}
	}
	if v.OverBudget > 0 {
		return fmt.Sprintf("%d regexes were given up, the others do not fit", v.OverBudget)
	}
	return "no failregex fits"
}

func plusOne(list []int) []int {
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = n + 1
	}
	return out
}

// whyNoID tells why a match led to no failure.
func (t *tester) whyNoID(s *filter.Step) string {
	if name := s.Groups.Text("dns"); name != "" {
		return fmt.Sprintf("no address is known for the name %s (usedns = %s)", quoted(name), t.flt.UseDNS())
	}
	return "it brings no ID"
}

// whyFound tells of failures that a line has.
func (t *tester) whyFound(e *explanation) string {
	var fits []int
	pending, nofail := false, false
	for i := range e.line.found {
		f := &e.line.found[i]
		pending = pending || !f.HasID
		nofail = nofail || f.NoFail
		if len(fits) == 0 || fits[len(fits)-1] != f.Regex {
			fits = append(fits, f.Regex)
		}
	}
	text := "failregex " + listed(fits)
	if len(fits) > 1 {
		text += " fit"
	} else {
		text += " fits"
	}
	session := e.line.found[0].Fields.Text("mlfid")
	switch {
	case nofail && session != "":
		return fmt.Sprintf("%s, but it is marked as no failure (F-NOFAIL or F-MLFGAINED); what it says is kept for session %s", text, quoted(session))
	case nofail:
		return text + ", but it is marked as no failure (F-NOFAIL)"
	case pending:
		return fmt.Sprintf("%s, but there is no address yet; it waits for a line of session %s that has one", text, quoted(session))
	}
	return text
}

// fateText is what a jail would make of a failure.
func (t *tester) fateText(f *filter.Failure, o fate) string {
	x := t.explain
	id := visible(f.ID.String())
	switch {
	case o.TooOld:
		return fmt.Sprintf("%s: too old. The line is from %s before --now, findtime is %s: a jail that starts then passes over it",
			id, spanText(float64(x.trial.Now().Unix())-f.Time), spanText(x.trial.FindTime()))
	case o.Ignored != "":
		return fmt.Sprintf("%s: ignored, %s", id, ignoredBy(o.Ignored))
	case o.BannedSince > 0:
		return fmt.Sprintf("%s: is banned already, since the failure of %s", id, timeText(o.BannedSince))
	}
	count := fmt.Sprintf("%s: failure %d of maxretry %d within findtime %s", id, o.Attempts, x.trial.MaxRetry(), spanText(x.trial.FindTime()))
	if !o.Bans {
		return count + ": no ban yet"
	}
	if ban := x.trial.BanTime(); ban >= 0 {
		return count + ": ban for " + spanText(ban)
	}
	return count + ": ban for good"
}

func ignoredBy(rule string) string {
	switch rule {
	case "ip":
		return "ignoreip has it"
	case "dns":
		return "ignoreip has a name with this address"
	case "ignoreself rule":
		return "it is an address of this machine (ignoreself)"
	}
	return "ignoreip has it in " + visible(strings.TrimPrefix(rule, "file:"))
}

// wanted names the piece of a regex that does not fit.
func wanted(piece string) string {
	switch piece {
	case "$", `\Z`:
		return "the line to end"
	case "^", `\A`:
		return "the line to begin"
	case `\b`:
		return "a word to begin or end"
	case "":
		return "nothing more"
	}
	return `"` + visible(piece) + `"`
}

// parting is the sentence about the place where a line and a regex part.
func parting(s *filter.Step) string {
	r := &s.Reach
	piece := s.Regex[r.Pattern:r.PatternEnd]
	if s.From >= 0 {
		piece = s.Source[s.From:s.To]
	}
	rest := strings.TrimSuffix(s.Text[r.End:], "\n")
	goesOn := "the line ends"
	if rest != "" {
		goesOn = "the line goes on with " + quoted(rest)
	}
	switch {
	case r.Forbids:
		return fmt.Sprintf("%s forbids it: %s", wanted(piece), goesOn)
	case r.Open:
		return fmt.Sprintf("the regex wants %s, which is nowhere behind this place", wanted(piece))
	}
	return fmt.Sprintf("the regex wants %s, %s", wanted(piece), goesOn)
}

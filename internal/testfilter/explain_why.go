package testfilter

import (
	"fmt"
	"slices"
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
		return t.whyIgnored(e)
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
	if len(t.fail) == 0 {
		return "there is no failregex"
	}
	return "no failregex fits"
}

// regexesFit says that regexes fit, by their numbers.
func regexesFit(kind string, numbers []int) string {
	if len(numbers) > 1 {
		return kind + "es " + listed(numbers) + " fit"
	}
	return kind + " " + listed(numbers) + " fits"
}

func (t *tester) whyIgnored(e *explanation) string {
	text := regexesFit("ignoreregex", plusOne(e.line.verdict.Ignored))
	var fits []int
	for i := range e.steps.Fail {
		if e.steps.Fail[i].Reach.Matched {
			fits = append(fits, i+1)
		}
	}
	if len(fits) > 0 {
		text = regexesFit("failregex", fits) + ", but " + text
	}
	return text
}

// plusOne is a list of numbers from 1 in their order, each once.
func plusOne(list []int) []int {
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = n + 1
	}
	slices.Sort(out)
	return slices.Compact(out)
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
	text := regexesFit("failregex", fits)
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
	regex, from, to := s.Regex, r.Pattern, r.PatternEnd
	if s.From >= 0 {
		regex, from, to = s.Source, s.From, s.To
	}
	word := sameWord(regex[:from], s.Text[:r.End])
	if r.Forbids || r.Open {
		word = 0
	}
	piece := regex[from-word : to]
	rest := strings.TrimSuffix(s.Text[r.End-word:], "\n")
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

// sameWord is how many letters and digits at the end of a regex, before the
// place where it parts from a line, are also at the end of the line: the
// beginning of a word that goes on otherwise.
func sameWord(regex, line string) int {
	n := 0
	for n < min(len(regex), len(line)) {
		c := regex[len(regex)-1-n]
		if c != line[len(line)-1-n] || !isWordByte(c) {
			break
		}
		n++
	}
	if n < len(regex) && regex[len(regex)-1-n] == '\\' {
		n = max(n-1, 0) // the first belongs to the backslash
	}
	return n
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

package testfilter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// row prints one fact of an explanation.
func (t *tester) row(name, text string) {
	t.say("  %s  %s", t.screen.outStyle.paint(faint, fmt.Sprintf("%-9s", name)), text)
}

// indent is what stands before a line of the log, a regex and the marks below.
const indent = "      "

// printExplanation tells of one line: its date, the prefregex, the verdict and
// its reason, the failregexes and what a jail would do.
func (t *tester) printExplanation(e *explanation) {
	st := t.screen.outStyle
	t.say("%s %s", st.paint(bold, fmt.Sprintf("line %d:", e.line.number)), visible(shortened(e.line.text)))
	t.tellDate(e)
	if p := e.steps.Pref; p != nil && p.Reach.Matched && e.notes.Content != e.notes.Seen {
		t.row("content", visible(shortened(strings.TrimSuffix(e.notes.Content, "\n"))))
	}
	word := result(e.line)
	t.row("verdict", st.paint(resultColour(word), word)+": "+t.why(e))
	for _, n := range plusOne(e.line.verdict.Ignored) {
		t.row("", visible(t.ignore[n-1].text))
	}
	for i := range e.line.found {
		t.tellFailure(e, i)
	}
	if p := e.steps.Pref; p != nil && !p.Reach.Matched {
		t.tellStep("prefregex", p)
	}
	if len(e.line.found) == 0 && len(e.line.verdict.Ignored) == 0 || t.opt.verbose > 0 {
		t.tellSteps(e)
	}
	t.say("")
}

// oddSeconds is how far a line may be ahead of the clock before a jail warns of
// it.
const oddSeconds = 60

// tellDate tells what was cut out as the date and how it was understood.
func (t *tester) tellDate(e *explanation) {
	n, v := e.notes, &e.line.verdict
	cut := n.Line[n.Cut[0]:n.Cut[1]]
	template := visible(v.Template)
	switch {
	case cut != "" && v.HasTime && !n.Borrowed:
		text := fmt.Sprintf("%s is %s", quoted(cut), timeText(v.Time.Unix))
		if v.Template != t.explain.template {
			text += ", by " + template // not with each line: it is long
		}
		t.explain.template = v.Template
		t.row("date", text)
		if ahead := v.Time.Unix - float64(t.explain.clock().Unix()); ahead > oddSeconds {
			t.row("", fmt.Sprintf("this is %s after now: is the zone right? (logtimezone). A jail takes the time at which it reads the line", spanText(ahead)))
		}
	case cut != "":
		t.row("date", fmt.Sprintf("%s is cut out, by %s, but it is no date; a jail takes the time at which it reads the line", quoted(cut), template))
	case v.Template != "" && v.HasTime:
		t.row("date", fmt.Sprintf("none is asked for by %s: it counts as of %s", template, timeText(v.Time.Unix)))
	case v.Template != "":
		t.row("date", "none, by "+template)
	case v.HasTime && e.line.journal:
		t.row("date", fmt.Sprintf("the journal tells it: %s", timeText(v.Time.Unix)))
	case v.HasTime:
		t.row("date", fmt.Sprintf("none is found; it counts as of the line before, %s", timeText(v.Time.Unix)))
	default:
		t.row("date", "none is found; a jail takes the time at which it reads the line")
	}
	if e.date == nil {
		return
	}
	s := &filter.Step{Regex: e.date.regex, Text: n.Line, Reach: e.date.reach, From: -1}
	t.row("", "datepattern "+visible(e.date.pattern)+":")
	t.tellText(s)
	t.say(indent+"%s", parting(s))
}

// tellFailure tells of one failure of a line, and where its regex fits.
func (t *tester) tellFailure(e *explanation, i int) {
	f := &e.line.found[i]
	t.row(fmt.Sprintf("regex %d", f.Regex), failureText(f))
	if s := e.steps.Fail; f.Regex <= len(s) && s[f.Regex-1].Reach.Matched {
		t.tellText(&s[f.Regex-1])
	}
	if e.fates[i].told {
		t.row("jail", t.fateText(f, e.fates[i]))
	}
}

// failureText is the ID and what the groups of the regexes hold.
func failureText(f *filter.Failure) string {
	id := "no ID yet"
	if f.HasID {
		id = "ID " + visible(f.ID.String())
	}
	parts := []string{id}
	for i := range f.Fields {
		field := &f.Fields[i]
		switch field.Name {
		case "ip4", "ip6", "dns", "nofail", "mlfpending", "mlfgained":
			continue
		}
		switch field.Kind {
		case filter.Text:
			parts = append(parts, field.Name+" "+quoted(field.Text))
		case filter.IP:
			parts = append(parts, field.Name+" "+visible(field.Value.(ipaddr.Addr).String()))
		case filter.Tuple:
			parts = append(parts, field.Name+" "+visible(pytext.Repr(field.Value)))
		}
	}
	return strings.Join(parts, ", ")
}

// tellSteps tells how far each failregex came that does not fit, the nearest
// first. Those that came nowhere are summed up unless there are few.
func (t *tester) tellSteps(e *explanation) {
	type numbered struct {
		number int
		step   *filter.Step
	}
	var near []numbered
	var far []int
	const few = 3
	for i := range e.steps.Fail {
		s := &e.steps.Fail[i]
		switch {
		case s.Reach.Matched:
		case s.Reach.Weight > 0 || len(e.steps.Fail) <= few || t.opt.verbose > 0:
			near = append(near, numbered{i + 1, s})
		default:
			far = append(far, i+1)
		}
	}
	slices.SortStableFunc(near, func(a, b numbered) int { return cmp.Compare(b.step.Reach.Weight, a.step.Reach.Weight) })
	for _, n := range near {
		t.tellStep(fmt.Sprintf("regex %d", n.number), n.step)
	}
	switch {
	case len(far) == 1:
		t.row(fmt.Sprintf("regex %d", far[0]), "not even its beginning fits")
	case len(far) > 1:
		t.row("regexes", listed(far)+": not even their beginning fits")
	}
}

// tellStep shows where a line and a regex part.
func (t *tester) tellStep(name string, s *filter.Step) {
	t.row(name, parting(s))
	t.tellText(s)
	regex, from, to := s.Source, s.From, s.To
	if from < 0 {
		regex, from, to = s.Regex, s.Reach.Pattern, s.Reach.PatternEnd
	}
	t.under(regex, from, []mark{{0, from, '~', green}, {from, to, '^', red}})
}

// tellText shows what of a line fits a regex.
func (t *tester) tellText(s *filter.Step) {
	r := &s.Reach
	text := strings.TrimSuffix(s.Text, "\n")
	from, end := min(r.Start, len(text)), min(r.End, len(text))
	marks := []mark{{from, end, '~', green}}
	switch {
	case r.Matched:
	case r.Open:
		marks = append(marks, mark{end, len(text), '.', red})
	default:
		marks = append(marks, mark{end, end, '^', red})
	}
	t.under(text, end, marks)
}

// under prints a text with marks below it.
func (t *tester) under(text string, at int, marks []mark) {
	if marks[0].from == marks[0].to {
		marks = marks[1:]
	}
	st := t.screen.outStyle
	st.width -= len(indent)
	line, below := st.underlined(text, at, marks)
	t.say(indent+"%s", line)
	if below != "" {
		t.say(indent+"%s", below)
	}
}

// tellBans sums up at the end what the jail would have done.
func (t *tester) tellBans() {
	x := t.explain
	if x == nil || x.trial == nil || t.opt.json {
		return
	}
	line := fmt.Sprintf("Jail %s would have made %d ban(s)", visible(x.jail), x.banned)
	if x.banned > 0 {
		line += ": " + visible(strings.Join(x.bans, ", "))
	}
	if x.banned > len(x.bans) {
		line += ", …"
	}
	t.say("%s", line)
	if x.command {
		t.say("Its ignorecommand was not run.")
	}
}

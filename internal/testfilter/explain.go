package testfilter

import (
	"context"
	"math"
	"strings"
	"time"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/pyre"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

// explaining is what --explain needs during a run.
type explaining struct {
	accounts *filter.Explainer
	clock    func() time.Time
	notes    filter.Notes
	dates    map[string]*pyre.Tracer // of date patterns, by regex
	jail     string                  // "" if no jail was named
	trial    *jail.Trial
	command  bool   // the jail has an ignorecommand, which is not run
	template string // of the date before
	bans     []string
	banned   int
}

// explanation is all that is told of one line.
type explanation struct {
	line  *judged
	notes *filter.Notes
	steps filter.Account
	date  *dateStep // why the date pattern found nothing, if there is one to blame
	fates []fate    // of the line's failures
}

// fate is what a jail would make of a failure.
type fate struct {
	jail.Outcome
	told bool // there is a jail, and the failure has an ID and counts
}

// dateStep is how far a date pattern came.
type dateStep struct {
	pattern, regex string
	reach          pyre.Reach
}

// startExplaining prepares --explain once there is a filter.
func (t *tester) startExplaining(clock func() time.Time) {
	if !t.opt.explain {
		return
	}
	t.explain = &explaining{clock: clock, accounts: filter.NewExplainer(t.flt), dates: map[string]*pyre.Tracer{}}
	t.mode.Notes = &t.explain.notes
}

// takeJail remembers the settings of a jail that decide about bans.
func (t *tester) takeJail(r *config.FilterReading) error {
	x := t.explain
	if x == nil || r.Source != config.FromJail {
		return nil
	}
	names := filter.NewNameCache(filter.NameOptions{Log: t.log})
	trial, err := jail.NewTrial(r.Name, jail.Env{Clock: x.clock, Resolver: names, Self: jail.NewSelf(names)}, t.opt.now != "")
	if err != nil {
		return err
	}
	x.jail, x.trial = r.Name, trial
	for _, cmd := range r.Commands {
		if len(cmd) < 4 {
			continue
		}
		word, _ := cmd[2].(string)
		x.command = x.command || word == "ignorecommand" && pytext.Str(cmd[3]) != ""
		if err := trial.Set(word, cmd[3:]); err != nil {
			return err
		}
	}
	return nil
}

// account puts together what is told of a line, and counts its failures.
func (t *tester) account(l *judged) *explanation {
	x := t.explain
	e := &explanation{line: l, notes: &x.notes, steps: x.accounts.Explain(&x.notes), fates: make([]fate, len(l.found))}
	if l.verdict.Template == "" && t.patternSet {
		e.date = x.dateStep(t.flt, x.notes.Line)
	}
	for i := range l.found {
		f := &l.found[i]
		if x.trial == nil || f.NoFail || !f.HasID {
			continue
		}
		e.fates[i] = fate{x.trial.Judge(context.Background(), f), true}
		if e.fates[i].Bans {
			x.banned++
			if len(x.bans) < maxListedBans {
				x.bans = append(x.bans, f.ID.String())
			}
		}
	}
	return e
}

// maxListedBans is how many bans are named at the end.
const maxListedBans = 20

// maxDatePatterns is up to how many date patterns are asked how far they came.
const maxDatePatterns = 4

// dateStep asks the date pattern that came furthest in a line; nil where there
// are too many, or none says anything.
func (x *explaining) dateStep(flt *filter.Filter, line string) *dateStep {
	list := flt.DateTemplates()
	if len(list) > maxDatePatterns {
		return nil
	}
	var best *dateStep
	for _, info := range list {
		tracer := x.dates[info.Regex]
		if tracer == nil {
			re, err := pyre.Compile(info.Regex, 0)
			if err != nil {
				continue
			}
			tracer = re.NewTracer()
			x.dates[info.Regex] = tracer
		}
		r := tracer.Trace([]byte(line))
		if !r.Matched && (best == nil || r.Weight > best.reach.Weight) {
			best = &dateStep{info.Name, info.Regex, r}
		}
	}
	return best
}

// tell prints what is asked for of each line.
func (t *tester) tell(l *judged) {
	var e *explanation
	if t.explain != nil {
		e = t.account(l)
	}
	hidden := t.opt.noMissed && result(l) == "missed" || t.opt.noIgnored && l.ignored
	switch {
	case t.opt.json:
		v := verdictOf(l)
		if e != nil {
			v.Explain = t.explainJSON(e)
		}
		t.emit(v)
	case hidden:
	case e != nil:
		t.printExplanation(e)
	case t.opt.follow:
		t.printVerdict(l)
	}
}

// timeText is a time for people, in the local zone.
func timeText(unix float64) string {
	whole, part := math.Modf(unix)
	form := "2006-01-02 15:04:05 -0700"
	if part != 0 {
		form = "2006-01-02 15:04:05.000 -0700"
	}
	return time.Unix(int64(whole), int64(math.Round(part*1e9))).Format(form)
}

// spanText is a length of time for people.
func spanText(seconds float64) string {
	return timetext.Text(math.Round(seconds))
}

// result words and whether colours are wanted; see newScreen.
func resultColour(word string) string {
	switch word {
	case "failure":
		return red
	case "missed":
		return amber
	}
	return faint
}

// listed is numbers as people list them: 1, 3 to 5, 9.
func listed(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		switch {
		case end-i >= 2:
			parts = append(parts, pytext.Str(numbers[i])+" to "+pytext.Str(numbers[end]))
		default:
			for k := i; k <= end; k++ {
				parts = append(parts, pytext.Str(numbers[k]))
			}
		}
		i = end + 1
	}
	return strings.Join(parts, ", ")
}

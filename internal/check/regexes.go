package check

import (
	"regexp"
	"strings"
	"sync"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/pyre"
	"f2b-go/internal/pytext"
)

// idGroups are the groups that may say whom to ban.
var idGroups = []string{"ip4", "ip6", "dns", "fid"}

// regexes looks for regexes that find hosts where a stranger writes, or that take
// too long. Those that do not compile are faults of settings.
func (c *checker) regexes(j *config.InspectedJail) {
	useDNS := filter.Warn
	for _, cmd := range j.Commands {
		word := pytext.Str(cmd[2])
		args := cmd[3:]
		if cmd[0] == "multi-set" && len(args) == 1 {
			args, _ = args[0].([]any)
		}
		for _, a := range args {
			text := pytext.Str(a)
			switch option := strings.TrimPrefix(word, "add"); option {
			case "usedns":
				useDNS, _ = filter.ParseUseDNS(text)
			case "prefregex", "failregex", "ignoreregex":
				c.regex(j, option, text, useDNS)
			}
		}
	}
}

// finding is what is wrong with a regex, wherever it stands.
type finding struct{ text, remedy string }

// regexUse is a regex and what it is used for.
type regexUse struct {
	option, text string
	useDNS       filter.UseDNS
}

func (c *checker) regex(j *config.InspectedJail, option, text string, useDNS filter.UseDNS) {
	for _, m := range j.MadeUp(text) {
		at, remedy := m.Place, "correct what it is made up of"
		if at.File == "" {
			at = j.Where(option, text)
		}
		if m.Like != "" {
			remedy = "did you mean <" + m.Like + ">?"
		}
		c.add(Error, at, "<"+m.Tag+"> is made up for "+option+", and "+j.Filter+" has no such option", remedy)
	}
	use := regexUse{option, text, useDNS}
	found, known := c.judged[use]
	if !known {
		found = judge(use)
		c.judged[use] = found
	}
	if len(found) == 0 {
		return
	}
	at := j.Where(option, text)
	for _, f := range found {
		c.add(Warning, at, f.text, f.remedy)
	}
}

// judge tells what is wrong with a regex that compiles.
func judge(use regexUse) (found []finding) {
	r, err := filter.CompileRegex(use.text, use.useDNS, false)
	if err != nil {
		return nil
	}
	re, err := pyre.Compile(r.String(), 0)
	if err != nil {
		return nil
	}
	if offset, bad := re.Exponential(); bad {
		found = append(found, finding{"the regex can take exponential time: " + quote(r.String(), use.text, offset) + " takes the same text in more than one way",
			"make each part of the repeat begin with something that the others cannot match"})
	}
	if use.option == "ignoreregex" {
		return found
	}
	if !re.Anchored() {
		found = append(found, finding{"the regex is not anchored: it also matches inside of what a stranger wrote into the line", "begin it with ^"})
	}
	groups, what := idGroups, "the host"
	if use.option == "prefregex" {
		groups, what = []string{"content"}, "<F-CONTENT>"
	}
	offset, wild := re.AnyBefore(groups...)
	switch {
	case !wild || newlineBetween(r.String()[offset:], groups):
	case re.Anchored() && opening().MatchString(r.String()[:offset]):
		found = append(found, finding{"the regex begins with " + quote(r.String(), use.text, offset) +
			", which is as good as no anchor: it also matches inside of what a stranger wrote into the line", "begin it with what stands at the start of the line"})
	case !re.FixedBehind(groups...):
		found = append(found, finding{quote(r.String(), use.text, offset) + " stands before " + what +
			", and the rest of the line is free: a stranger can write a line with an address of his choice",
			"name what may stand there, or let the regex end with $ right behind " + what})
	}
	return found
}

// opening matches what may stand before the first part of a regex that takes text.
var opening = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:\^|\(|\?:|\?P<\w+>|\\s[*+?]?)*$`) })

// newlineBetween tells whether a regex asks for a new line before the first of some
// groups, so that what stands before it is on a line of its own.
func newlineBetween(regex string, groups []string) bool {
	end := len(regex)
	for _, g := range groups {
		if i := strings.Index(regex, "(?P<"+g+">"); i >= 0 {
			end = min(end, i)
		}
	}
	return strings.Contains(strings.ReplaceAll(regex[:end], `[^\n]`, ""), `\n`)
}

// quote quotes the piece of a regex that begins at a byte offset; from the regex as
// it was written where that is the same up to there.
func quote(regex, written string, offset int) string {
	const most = 24
	offset = min(offset, len(regex))
	if strings.HasPrefix(written, regex[:offset]) {
		regex = written
	}
	rest := []rune(regex[offset:])
	if len(rest) > most {
		return "“" + string(rest[:most]) + "…”"
	}
	return "“" + string(rest) + "”"
}

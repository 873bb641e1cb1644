package testfilter

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"f2b-go/filter"
)

// list prints lines as a block; nothing at all when there are none.
func (t *tester) list(lines []string, header string) {
	if len(lines) == 0 {
		return
	}
	if header != "" {
		t.say("|- %s", header)
	}
	for _, l := range lines {
		t.say("|  %s", l)
	}
	t.say("`-")
}

// report prints the results, COMPAT 6.7 (5 to 11).
func (t *tester) report() {
	if t.opt.json {
		t.printSummary()
		return
	}
	t.say("\nResults\n=======")
	if pre := t.flt.PrefRegex(); pre != "" {
		t.say("\nPrefregex: %d total", t.prefMatched)
		lines := []string{pre}
		for _, groups := range t.prefGroups {
			lines = append(lines, "    "+groups)
		}
		t.list(lines, "")
	}
	t.regexes("Failregex", t.fail)
	t.regexes("Ignoreregex", t.ignore)
	t.dateTemplates()
	s := &t.lines
	t.say("\nLines: %d lines, %d ignored, %d matched, %d missed", s.tested, s.ignored, s.matched, s.missed)
	t.say("[processed in %.2f sec]\n", t.took.Seconds())
	if t.opt.allMatched {
		t.listLines("matched", s.matched, s.matchedLines, true)
	}
	if !t.opt.noIgnored {
		t.listLines("ignored", s.ignored, s.ignoredList, t.opt.allIgnored)
	}
	if !t.opt.noMissed {
		lines := s.missedLines
		if t.opt.debuggex {
			lines = s.missedPages
		}
		t.listLines("missed", s.missed, lines, t.opt.allMissed)
	}
}

func (t *tester) regexes(title string, stats []*regexStat) {
	total := 0
	var lines []string
	for i, r := range stats {
		total += r.hits
		if r.hits > 0 || t.opt.verbose > 0 {
			lines = append(lines, fmt.Sprintf("%2d) [%d] %s", i+1, r.hits, r.text))
		}
		for _, f := range r.found {
			line := fmt.Sprintf("    %s  %s %d", f.id, f.at.Format("Mon Jan 02 15:04:05"), f.at.Year()) // the C library does not pad a year
			if f.multiple {
				line += " (multiple regex matched)"
			}
			lines = append(lines, line)
		}
	}
	t.say("\n%s: %d total", title, total)
	t.list(lines, " #) [# of hits] regular expression")
}

func (t *tester) dateTemplates() {
	if t.flt.DatePattern() == nil {
		return
	}
	var lines []string
	for _, d := range t.flt.DateTemplates() {
		if d.Hits == 0 && t.opt.verbose == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("[%d] %s", d.Hits, d.Name))
		if t.opt.verboseDate {
			lines = append(lines,
				fmt.Sprintf("    # weight: %.3f (%.3f), pattern: %s", d.Weight, d.Base, d.Pattern),
				"    # regex:   "+d.Regex)
		}
	}
	t.say("\nDate template hits:")
	t.list(lines, "[# of hits] date format")
}

// listLines prints the lines of one kind, or that they are too many.
func (t *tester) listLines(kind string, count int, lines []string, all bool) {
	if count == 0 {
		return
	}
	header := strings.ToUpper(kind[:1]) + kind[1:] + " line(s):"
	if count >= t.shown && !all {
		t.say("%s too many to print.  Use --print-all-%s to print all %d lines", header, kind, count)
		return
	}
	if t.opt.debuggex {
		lines = t.debuggex(kind, lines)
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimRightFunc(l, pySpace)
	}
	t.list(out, header)
}

// pySpace is Python's str.isspace of one character.
func pySpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

// debuggex pairs each line with each regex and the address of a page that
// shows them.
func (t *tester) debuggex(kind string, lines []string) []string {
	stats := t.fail
	if kind == "ignored" {
		stats = t.ignore
	}
	useDNS := filter.Yes
	if t.opt.useDNS == "no" {
		useDNS = filter.No
	}
	var out []string
	for _, l := range lines {
		for _, r := range stats {
			page := "https://www.debuggex.com/?re=" + quotePlus(filter.ExpandTags(r.text, useDNS)) +
				"&str=" + quotePlus(string(filter.Encode(t.encoding(), l))) + "&flavor=python"
			if t.flt.MaxLines() > 1 {
				page += "&flags=m"
			}
			out = append(out, l+" | "+r.text+" |  "+page)
		}
	}
	return out
}

// quotePlus is Python's urllib.parse.quote_plus.
func quotePlus(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "%7E", "~")
}

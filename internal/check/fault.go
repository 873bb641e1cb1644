package check

import (
	"sort"
	"strings"
	"unicode"
)

// Severity says how bad a fault is.
type Severity string

// Severities: an error keeps something that is configured from working, a
// warning may be meant.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Fault is one thing that is wrong.
type Fault struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // from 1; 1 also where the whole file is meant
	Section  string   `json:"section"`
	Option   string   `json:"option"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy"`
}

// Result is what a check found.
type Result struct {
	Dir    string
	Files  int // how many were read
	Jails  []string
	Faults []Fault
	// Unchecked says what could not be looked at, and why.
	Unchecked []string
}

// Errors counts the faults that are errors.
func (r *Result) Errors() int { return r.count(Error) }

// Warnings counts the faults that are warnings.
func (r *Result) Warnings() int { return r.count(Warning) }

func (r *Result) count(s Severity) (n int) {
	for _, f := range r.Faults {
		if f.Severity == s {
			n++
		}
	}
	return n
}

func (c *checker) result() *Result {
	sort.SliceStable(c.faults, func(i, j int) bool {
		a, b := c.faults[i], c.faults[j]
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Line < b.Line
	})
	r := &Result{Dir: c.in.Dir(), Files: len(c.in.Files()), Jails: []string{}, Faults: c.faults, Unchecked: c.unchecked}
	for _, j := range c.in.Jails {
		r.Jails = append(r.Jails, j.Name)
	}
	return r
}

// maxText is how many letters of a text are shown.
const maxText = 400

// clean makes one line of a text, without what a terminal would obey.
func clean(text string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar:
			return '?'
		}
		return r
	}, text)
	out = strings.TrimSpace(out)
	if runes := []rune(out); len(runes) > maxText {
		out = string(runes[:maxText]) + "…"
	}
	return out
}

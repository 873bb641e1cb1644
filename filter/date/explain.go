package date

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Fault is something wrong with a datepattern.
type Fault struct {
	Pattern string // the one pattern of those that are set together
	Text    string // what is wrong
	// Refused says that SetPattern gives this error. All else is taken, as
	// fail2ban takes it, but finds no date or fails lines.
	Refused bool
	// Fails says that no line which the pattern fits can be used.
	Fails bool
}

// Explain returns what is wrong with a datepattern, without the need of a log:
// what SetPattern would refuse, patterns that are no regular expressions, words
// that look like keywords and are none, and dates that can never be read.
func Explain(pattern string) []Fault {
	b := builder{shared: NewShared(), years: yearsAround(0, 0), names: map[string]bool{}}
	var faults []Fault
	for _, p := range splitPatterns(pattern) {
		before := len(b.slots)
		if err := b.add(p); err != nil {
			var pe *PatternError
			if errors.As(err, &pe) {
				faults = append(faults, Fault{Pattern: p, Text: pe.Text, Refused: true})
			}
			continue
		}
		for _, text := range suspects(p) {
			faults = append(faults, Fault{Pattern: p, Text: text})
		}
		if text, fails := commonFault(b.slots[before:]); text != "" {
			faults = append(faults, Fault{Pattern: p, Text: text, Fails: fails})
		}
	}
	return faults
}

// commonFault returns the first fault if all templates of a pattern have one:
// of those that {DATE} makes, some never fit.
func commonFault(slots []*slot) (first string, fails bool) {
	for i, s := range slots {
		text, fail := s.fault()
		if text == "" {
			return "", false
		}
		if i == 0 {
			first, fails = text, fail
		}
	}
	return first, fails
}

// reWord finds what looks like a keyword in braces.
var reWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[*^]?[A-Za-z][A-Za-z-]*\}`) })

// suspects tells of words that look like keywords and are text.
func suspects(pattern string) (texts []string) {
	if strings.EqualFold(pattern, "ISO8601") {
		return []string{"ISO8601 is no keyword but literal text; {DEFAULT} and {^LN-BEG} include this format"}
	}
	for _, at := range reWord().FindAllStringIndex(pattern, -1) {
		word := pattern[at[0]:at[1]]
		if at[0] > 0 && pattern[at[0]-1] == '\\' || keywordAt(pattern, word, at[0]) {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s is no keyword here but literal text", word))
	}
	return texts
}

// keywordAt reports whether a word in braces at this place is one that its
// pattern gives a meaning.
func keywordAt(pattern, word string, at int) bool {
	key := word
	if !strings.Contains(pattern, "%") {
		key = strings.ToUpper(word)
	}
	switch key {
	case "{DATE}", "{EPOCH}", "{LEPOCH}":
		return true
	case "{NONE}", "{DEFAULT}":
		return pattern == word
	case tagUnbound:
		return at == 0 && word == tagUnbound
	case tagLineBegin:
		return pattern == word || at == 0 && word == tagLineBegin
	}
	return false
}

// fault tells why a template can never give a time, or "", and whether the lines
// that it fits fail.
func (t *template) fault() (text string, fails bool) {
	t.once.Do(t.compile)
	var broken *LineError
	if errors.As(t.broken, &broken) {
		return fmt.Sprintf("%s: %s; every line that reaches this pattern fails", broken.Text, t.regex), true
	}
	if t.kind == kindEpoch {
		text = t.epochFault()
		return text, text != ""
	}
	if t.kind != kindFields || t.flags&flagLineBegin != 0 && t.pattern == tagUnbound+"^" {
		return "", false
	}
	has := map[byte]bool{}
	for _, letter := range t.fieldsOf {
		has[letter] = true
	}
	month, day := has['m'] || has['b'] || has['B'], has['d']
	week := (has['U'] || has['W']) && (has['a'] || has['A'] || has['w'])
	switch {
	case has['j'] || week || strings.Contains(t.regex, "()"): // a group that is empty on purpose
	case month && !day:
		return "it reads a month without a day; every line that it matches fails", true
	case day && !month:
		return "it reads a day without a month; every line that it matches fails", true
	case !month && !has['H'] && !has['I'] && !has['Y'] && !has['y']:
		return "it reads neither date nor time; every match means today at 00:00:00", false
	}
	return "", false
}

// epochFault tells of a group in the place of the number's: fail2ban takes the
// second one for the time.
func (t *template) epochFault() string {
	if t.epochGroup < 2 {
		return ""
	}
	groups := 0
	regex := t.regex
	at := strings.Index(regex, "("+epochNumber(t.long)+")")
	for i := 0; i <= at; i++ {
		switch {
		case regex[i] == '\\':
			i++
		case regex[i] == '[':
			if end := classEnd(regex[i+1:]); end >= 0 {
				i += end + 1
			}
		case regex[i] == '(' && (!strings.HasPrefix(regex[i+1:], "?") || strings.HasPrefix(regex[i+1:], "?P<")):
			groups++
		}
	}
	if groups == t.epochGroup {
		return ""
	}
	return fmt.Sprintf("the number is group %d, but group 2 is taken for the time", groups)
}

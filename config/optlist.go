package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// maxSplit bounds the steps that cutting a list of actions may take.
const maxSplit = 100_000

// ParseOptions reads name[option="value", …] (1.7.1 to 1.7.3). Values come back
// in the order of their first appearance; a repeated option has its last value.
// The error, if any, carries fail2ban's words.
func ParseOptions(text string) (name string, options pytext.Dict, err error) {
	name, set, e := parseOptions(text)
	if e != nil {
		return "", nil, e
	}
	return name, set.dict(), nil
}

// ParseOptionList reads the options alone, option="value", …, with their values as
// texts.
func ParseOptionList(text string) (map[string]string, error) {
	_, set, e := parseOptions("x[" + text + "]")
	if e != nil {
		return nil, e
	}
	opts := map[string]string{}
	for _, it := range set.dict() {
		opts[pytext.Str(it.Key)] = pytext.Str(it.Value)
	}
	return opts, nil
}

func parseOptions(text string) (string, *optionSet, *Error) {
	set := &optionSet{}
	open := strings.IndexByte(text, '[')
	if open < 0 && text != "" {
		return text, set, nil
	}
	body := rstrip(text)
	if open <= 0 || !strings.HasSuffix(body[open+1:], "]") {
		return "", nil, &Error{Class: "ValueError", Text: "unexpected option syntax", Remedy: `write name[option="value", other="value"]`}
	}
	l := &optionList{text: body[open+1 : len(body)-1], set: set}
	set.list = make([]option, 0, min(strings.Count(l.text, "="), fewOptions)+fewParameters)
	for l.pos < len(l.text) {
		if err := l.next(); err != nil {
			return "", nil, err
		}
	}
	return text[:open], set, nil
}

// fewParameters is how many parameters those who ask for options add to them.
const fewParameters = 2

// optionList reads the options between the brackets one by one.
type optionList struct {
	text string
	pos  int
	set  *optionSet
}

func (l *optionList) next() *Error {
	key, value, ok := l.keyAndValue()
	if !ok {
		rest := strings.TrimPrefix(l.text[l.pos:], ",")
		if strip(rest) == "" {
			l.pos = len(l.text)
			return nil
		}
		return l.fault(l.pos, "expected option, wrong syntax at %d: %s")
	}
	l.set.set(strip(key), strip(value))
	rest := l.text[l.pos:]
	if rest == "" || rest == "\n" {
		l.pos = len(l.text)
		return nil
	}
	if n := separator(rest); n > 0 {
		l.pos += n
		return nil
	}
	return l.fault(l.pos, "unexpected syntax at %d after option "+strings.ReplaceAll(pytext.Repr(key), "%", "%%")+": %s")
}

// keyAndValue reads key=value at the present position and moves behind it.
func (l *optionList) keyAndValue() (key, value string, ok bool) {
	at := l.pos + blanks(l.text[l.pos:])
	n := optionName(l.text[at:])
	if n == 0 {
		return "", "", false
	}
	key, at = l.text[at:at+n], at+n+1
	if quote := l.text[at:]; quote != "" && (quote[0] == '"' || quote[0] == '\'') {
		if end := strings.IndexByte(quote[1:], quote[0]); end >= 0 {
			l.pos = at + end + 2
			return key, quote[1 : end+1], true
		}
	}
	end := at + bare(l.text[at:])
	l.pos = end
	return key, l.text[at:end], true
}

// fault words an error at a byte position; fail2ban counts characters and shows
// the next 25.
func (l *optionList) fault(at int, format string) *Error {
	rest := []rune(l.text[at:])
	return &Error{Class: "ValueError", Remedy: `write name[option="value", other="value"]`,
		Text: fmt.Sprintf(format, utf8.RuneCountInString(l.text[:at]), string(rest[:min(25, len(rest))]))}
}

// blanks counts the bytes of white space at the start of s.
func blanks(s string) int { return len(s) - len(strings.TrimLeftFunc(s, isSpace)) }

// bare is the length of an unquoted value: up to a comma or closing bracket.
func bare(s string) int {
	if i := strings.IndexAny(s, ",]"); i >= 0 {
		return i
	}
	return len(s)
}

// separator is the length of a comma or of "] [" at the start of s; 0 for none.
func separator(s string) int {
	if strings.HasPrefix(s, ",") {
		return 1
	}
	if !strings.HasPrefix(s, "]") {
		return 0
	}
	n := 1 + blanks(s[1:])
	if strings.HasPrefix(s[n:], "[") {
		return n + 1
	}
	return 0
}

// optionName is the length of a key at the start of s, if an equals sign follows:
// word characters, hyphens and dots, and perhaps a condition ?family=inet6.
func optionName(s string) int {
	n := nameRun(s)
	if n == 0 || n == len(s) {
		return 0
	}
	if s[n] == '=' {
		return n
	}
	if s[n] != '?' {
		return 0
	}
	what := nameRun(s[n+1:])
	n += 1 + what
	if what == 0 || !strings.HasPrefix(s[n:], "=") {
		return 0
	}
	value := nameRun(s[n+1:])
	n += 1 + value
	if value == 0 || !strings.HasPrefix(s[n:], "=") {
		return 0
	}
	return n
}

func nameRun(s string) int {
	for i, r := range s {
		if r != '-' && r != '.' && !tags.IsWord(r) {
			return i
		}
	}
	return len(s)
}

// splitActions cuts the value of "action" into its actions: by white space that
// stands outside of brackets (1.7.5). What does not fit the grammar is cut at
// any white space.
func splitActions(text string) ([]string, *Error) {
	s := &actionSplitter{text: text, failed: map[int]bool{}}
	var out []string
	for pos := blanks(text); pos < len(text); pos += blanks(text[pos:]) {
		end := s.action(pos)
		if s.steps > maxSplit {
			return nil, &Error{Class: "LimitError", Text: "list of actions is too long or too deeply ambiguous"}
		}
		out = append(out, text[pos:end])
		pos = end
	}
	return out, nil
}

// actionSplitter finds the end of actions; failed remembers the places from which
// no options up to a closing bracket can be read, so that each is tried once.
type actionSplitter struct {
	text   string
	failed map[int]bool
	steps  int
}

func (s *actionSplitter) action(pos int) int {
	word := pos + strings.IndexFunc(s.text[pos:]+" ", isSpace)
	name := strings.IndexByte(s.text[pos:word], '[')
	if name == 0 {
		return word
	}
	end := word
	if name > 0 {
		end = pos + name
	}
	at := end + blanks(s.text[end:])
	if strings.HasPrefix(s.text[at:], "[") {
		if stop := s.options(at + 1 + blanks(s.text[at+1:])); stop > 0 {
			return stop
		}
	}
	return word
}

// options returns the end of the options that begin at pos, behind the closing
// bracket, which white space or the end of the text must follow; 0 if they
// cannot be read. The longest reading of each value is tried first.
func (s *actionSplitter) options(pos int) int {
	if s.failed[pos] || s.steps > maxSplit {
		return 0
	}
	s.steps++
	if n := optionName(s.text[pos:]); n > 0 {
		if stop := s.value(pos + n + 1); stop > 0 {
			return stop
		}
	}
	if rest := s.text[pos:]; strings.HasPrefix(rest, "]") {
		if len(rest) == 1 || blanks(rest[1:]) > 0 {
			return pos + 1
		}
	}
	s.failed[pos] = true
	return 0
}

func (s *actionSplitter) value(pos int) int {
	rest := s.text[pos:]
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		if end := strings.IndexByte(rest[1:], rest[0]); end >= 0 {
			if stop := s.behind(pos + end + 2); stop > 0 {
				return stop
			}
		}
	}
	for n := bare(rest); n >= 0 && s.steps <= maxSplit; n-- {
		s.steps++
		if n < len(rest) && !utf8.RuneStart(rest[n]) {
			continue
		}
		if stop := s.behind(pos + n); stop > 0 {
			return stop
		}
	}
	return 0
}

// behind goes on after a value: blanks, perhaps a separator, blanks.
func (s *actionSplitter) behind(pos int) int {
	pos += blanks(s.text[pos:])
	if n := separator(s.text[pos:]); n > 0 {
		after := pos + n
		if stop := s.options(after + blanks(s.text[after:])); stop > 0 {
			return stop
		}
	}
	return s.options(pos)
}

package timetext

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// units are the words for units of time with the factor that takes their place
// (COMPAT 1.9.2).
var units = sync.OnceValue(func() map[string]string {
	return unitTable(map[string]string{
		"86400":      "days day da dd d",
		"604800":     "weeks week wee we ww w",
		"2629800.0":  "months month mon mo",
		"31557600.0": "years year yea ye yy y",
		"1":          "seconds second sec se ss s",
		"60":         "minutes minute min mi mm m",
		"3600":       "hours hour hou ho hh h",
	})
})

func unitTable(words map[string]string) map[string]string {
	table := map[string]string{}
	for factor, list := range words {
		for _, w := range strings.Fields(list) {
			table[w] = factor
		}
	}
	return table
}

// expand turns a span into an expression, in fail2ban's three steps: a blank
// before a digit that follows a letter, units to factors, sums between numbers.
func expand(text string) string {
	return addSums(replaceUnits(splitLetters(text)))
}

func isASCIILetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// isSpace is Python's \s: Unicode's blanks and the four separators of ASCII.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

func splitLetters(text string) string {
	var b strings.Builder
	prev := rune(0)
	for _, r := range text {
		if isASCIILetter(prev) && unicode.IsDigit(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		prev = r
	}
	return b.String()
}

// replaceUnits puts "*factor" in the place of each unit that follows a digit or
// blank and ends a word.
func replaceUnits(text string) string {
	var b strings.Builder
	prev := rune(0)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if isASCIILetter(r) && (unicode.IsDigit(prev) || isSpace(prev)) {
			end := i
			for end < len(text) && isASCIILetter(rune(text[end])) {
				end++
			}
			next, _ := utf8.DecodeRuneInString(text[end:])
			factor, ok := units()[strings.ToLower(text[i:end])]
			if ok && (end == len(text) || !isWord(next)) {
				b.WriteString("*" + factor)
				prev, i = '0', end
				continue
			}
		}
		b.WriteRune(r)
		prev, i = r, i+size
	}
	return b.String()
}

// addSums writes a plus for the blanks between two digits. A digit that ends one
// sum cannot begin the next, so "1 2 3" stays an error as it is in fail2ban.
func addSums(text string) string {
	runes := []rune(text)
	var b strings.Builder
	for i := 0; i < len(runes); i++ {
		b.WriteRune(runes[i])
		if !unicode.IsDigit(runes[i]) {
			continue
		}
		j := i + 1
		for j < len(runes) && isSpace(runes[j]) {
			j++
		}
		if j > i+1 && j < len(runes) && unicode.IsDigit(runes[j]) {
			b.WriteByte('+')
			b.WriteRune(runes[j])
			i = j
		}
	}
	return b.String()
}

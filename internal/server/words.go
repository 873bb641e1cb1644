package server

import (
	"errors"
	"strings"
)

// maxCommandLine bounds a line of the interactive client.
const maxCommandLine = 1 << 20

// splitWords splits a line as a POSIX shell splits words: quotes and
// backslashes, nothing else.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n', '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case '\\':
			i++
			if i == len(line) {
				return nil, errors.New("No escaped character") //nolint:staticcheck // Python's words
			}
			word.WriteByte(line[i])
			inWord = true
		case '\'', '"':
			end, text, ok := quoted(line[i+1:], c)
			if !ok {
				return nil, errors.New("No closing quotation") //nolint:staticcheck // Python's words
			}
			word.WriteString(text)
			inWord = true
			i += end
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted reads up to the closing quote and returns how many bytes that took,
// the quote included.
func quoted(text string, quote byte) (n int, value string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return i + 1, b.String(), true
		case quote == '"' && text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return 0, "", false
}

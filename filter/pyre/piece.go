package pyre

import (
	"strings"
	"unicode/utf8"
)

// pieceEnd returns where the piece ends that begins at at in a pattern that
// compiles: a run of literal characters, or one class, bracket or escape with
// what repeats it.
func pieceEnd(pattern string, at int) int {
	end, literal := onePiece(pattern, at)
	for literal && end < len(pattern) {
		next, ok := onePiece(pattern, end)
		if !ok {
			break
		}
		end = next
	}
	return end
}

// onePiece returns the end of one piece; literal reports whether it is a
// character that stands for itself, once.
func onePiece(pattern string, at int) (end int, literal bool) {
	if at >= len(pattern) {
		return len(pattern), false
	}
	switch c := pattern[at]; {
	case c == '\\':
		end, literal = escapeEnd(pattern, at)
	case c == '[':
		end = classEnd(pattern, at)
	case c == '(':
		end = bracketEnd(pattern, at)
	case strings.IndexByte(".^$|)", c) >= 0:
		end = at + 1
	default:
		_, n := utf8.DecodeRuneInString(pattern[at:])
		end, literal = at+n, true
	}
	if more := repeatEnd(pattern, end); more > end {
		return more, false
	}
	return end, literal
}

// escapeEnd is the end of a backslash and what belongs to it.
func escapeEnd(pattern string, at int) (end int, literal bool) {
	if at+1 >= len(pattern) {
		return len(pattern), false
	}
	c := pattern[at+1]
	if most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; most > 0 {
		return min(at+2+most, len(pattern)), true
	}
	_, n := utf8.DecodeRuneInString(pattern[at+1:])
	end = at + 1 + n
	for c >= '0' && c <= '9' && end < len(pattern) && end < at+4 && pattern[end] >= '0' && pattern[end] <= '9' {
		end++
	}
	isLetterOrDigit := c >= '0' && c <= '9' || isLetter(c)
	return end, !isLetterOrDigit
}

// classEnd is the end of a class in square brackets.
func classEnd(pattern string, at int) int {
	i := at + 1
	if i < len(pattern) && pattern[i] == '^' {
		i++
	}
	if i < len(pattern) && pattern[i] == ']' {
		i++
	}
	for ; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case ']':
			return i + 1
		}
	}
	return len(pattern)
}

// bracketEnd is the end of a group.
func bracketEnd(pattern string, at int) int {
	depth := 0
	for i := at; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '[':
			i = classEnd(pattern, i) - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(pattern)
}

// repeatEnd is the end of what says how often the piece that ends at at comes.
func repeatEnd(pattern string, at int) int {
	if at >= len(pattern) {
		return at
	}
	end := at
	switch pattern[at] {
	case '*', '+', '?':
		end++
	case '{':
		n := strings.IndexByte(pattern[at:], '}')
		if n < 0 || strings.Trim(pattern[at+1:at+n], "0123456789,") != "" || n == 1 || pattern[at+1:at+n] == "," {
			return at
		}
		end += n + 1
	default:
		return at
	}
	if end < len(pattern) && (pattern[end] == '?' || pattern[end] == '+') {
		end++
	}
	return end
}

package pickle

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// loadString reads STRING: a quoted literal of Python 2.
func loadString(m *machine) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	text = strings.TrimSpace(text)
	n := len(text)
	if n < 2 || text[0] != text[n-1] || text[0] != '\'' && text[0] != '"' {
		return m.syntax("string %.40q", text)
	}
	s, ok := unescapeBytes(text[1 : n-1])
	if !ok {
		return m.syntax("string %.40q", text)
	}
	return m.push(s)
}

// simpleEscapes are the one-letter escapes of a Python literal.
var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'a': 7, 'b': 8, 't': 9, 'n': 10, 'v': 11, 'f': 12, 'r': 13,
}

// unescapeBytes undoes Python 2's string_escape.
func unescapeBytes(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", false
		}
		if c, ok := simpleEscapes[s[i]]; ok {
			b.WriteByte(c)
			continue
		}
		digits, base := 0, 8
		from := i
		switch {
		case s[i] == 'x':
			from, digits, base = i+1, 2, 16
		case s[i] >= '0' && s[i] <= '7':
			for digits < 3 && i+digits < len(s) && s[i+digits] >= '0' && s[i+digits] <= '7' {
				digits++
			}
		default:
			b.WriteString(s[i-1 : i+1])
			continue
		}
		if from+digits > len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[from:from+digits], base, 16)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i = from + digits - 1
	}
	return b.String(), true
}

// loadUnicode reads UNICODE: raw-unicode-escape, where a byte is a Latin-1
// character and only \u and \U after an odd number of backslashes mean more.
func loadUnicode(m *machine) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	out := make([]byte, 0, len(text))
	slashes := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if slashes%2 == 1 && (c == 'u' || c == 'U') {
			digits := 4
			if c == 'U' {
				digits = 8
			}
			r, ok := codePoint(text[i+1:], digits)
			if !ok {
				return m.syntax("string %.40q", text)
			}
			out = appendCodePoint(out[:len(out)-1], r)
			i += digits
			slashes = 0
			continue
		}
		if c == '\\' {
			slashes++
		} else {
			slashes = 0
		}
		out = utf8.AppendRune(out, rune(c))
	}
	return m.push(string(out))
}

// codePoint reads the hexadecimal digits that text begins with.
func codePoint(text string, digits int) (rune, bool) {
	if len(text) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:digits], 16, 32)
	return rune(n), err == nil && n <= utf8.MaxRune
}

// appendCodePoint writes a character; U+DC80 to U+DCFF is an undecodable byte.
func appendCodePoint(dst []byte, r rune) []byte {
	if r >= 0xdc80 && r <= 0xdcff {
		return append(dst, byte(r))
	}
	return utf8.AppendRune(dst, r)
}

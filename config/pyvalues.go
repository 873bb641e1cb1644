package config

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"f2b-go/internal/pytext"
)

// maxDigits is how long an int Python converts.
const maxDigits = 4300

// pyInt is Python's int(): a sign, digits of any script with single underscores
// between them, blanks around. It gives an int64, or a *big.Int where that is
// too small.
func pyInt(text string) (any, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	s := strings.TrimFunc(text, unicode.IsSpace) // without the separators that str.strip takes
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var digits strings.Builder
	lastDigit := false
	for _, r := range s {
		d, ok := digitValue(r)
		switch {
		case ok:
			digits.WriteByte('0' + byte(d))
		case r != '_' || !lastDigit:
			return nil, false
		}
		lastDigit = ok
	}
	if !lastDigit || digits.Len() > maxDigits {
		return nil, false
	}
	n, _ := new(big.Int).SetString(digits.String(), 10)
	if neg {
		n.Neg(n)
	}
	if n.IsInt64() {
		return n.Int64(), true
	}
	return n, true
}

// digitValue is the value of a decimal digit; those of a script stand in a row
// of ten.
func digitValue(r rune) (int, bool) {
	if r < 0x80 {
		return int(r - '0'), '0' <= r && r <= '9'
	}
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10, true
		}
	}
	return 0, false
}

// asBool is fail2ban's reading of a bool (1.8.3).
func asBool(v any) bool {
	switch t := v.(type) {
	case string:
		switch lower(t) {
		case "1", "on", "true", "yes":
			return true
		}
		return false
	case bool:
		return t
	case int64:
		return t != 0
	case nil:
		return false
	}
	return true
}

// convert turns an option's text into its type; ok is false where it is none.
func convert(kind kind, value any) (any, bool) {
	switch kind {
	case kindBool:
		return asBool(value), true
	case kindInt:
		switch t := value.(type) {
		case string:
			return pyInt(t)
		case bool:
			if t {
				return int64(1), true
			}
			return int64(0), true
		}
	}
	return value, true
}

// splitWords cuts at white space and commas (addignoreip).
func splitWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || isSpace(r) })
}

// shellSplit cuts a journal match into words as Python's shlex.split does: single
// and double quotes, and the backslash.
func shellSplit(text string) ([]string, *Error) {
	var words []string
	var word strings.Builder
	inWord := false
	quote := rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	switch {
	case escaped:
		return nil, &Error{Class: "ValueError", Text: "No escaped character"}
	case quote != 0:
		return nil, &Error{Class: "ValueError", Text: "No closing quotation"}
	case inWord:
		words = append(words, word.String())
	}
	return words, nil
}

// jsonText writes options as Python's json.dumps does: ASCII only, a blank behind
// commas and colons.
func jsonText(d pytext.Dict) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, it := range d {
		if i > 0 {
			b.WriteString(", ")
		}
		jsonString(&b, pytext.Str(it.Key))
		b.WriteString(": ")
		jsonString(&b, pytext.Str(it.Value))
	}
	b.WriteByte('}')
	return b.String()
}

func jsonString(b *strings.Builder, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}
	b.WriteByte('"')
	for _, r := range s {
		esc, ok := short[r]
		switch {
		case ok:
			b.WriteString(esc)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

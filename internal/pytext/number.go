package pytext

import (
	"strconv"
	"strings"
	"unicode"
)

// ParseInt is Python's int(text): blanks around it, a sign, decimal digits of
// any script, single underscores between them.
func ParseInt(text string) (n int64, ok bool) {
	digits, ok := plainDigits(strings.TrimSpace(text))
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}

// ParseFloat is Python's float(text), without infinities and NaN.
func ParseFloat(text string) (f float64, ok bool) {
	digits, ok := plainDigits(strings.TrimSpace(text))
	if !ok || strings.ContainsAny(digits, "xXpPiInN") {
		return 0, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

// plainDigits writes a number's digits in ASCII and takes out the underscores
// between them; one that stands elsewhere is no part of a number.
func plainDigits(text string) (string, bool) {
	var b strings.Builder
	afterDigit, underscore := false, false
	for _, r := range text {
		if r == '_' {
			if !afterDigit {
				return "", false
			}
			afterDigit, underscore = false, true
			continue
		}
		if unicode.IsDigit(r) {
			r = '0' + digitValue(r)
			afterDigit = true
		} else if underscore {
			return "", false
		} else {
			afterDigit = false
		}
		underscore = false
		b.WriteRune(r)
	}
	return b.String(), !underscore
}

// digitValue is the value of a decimal digit: each script has its ten in a row.
func digitValue(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

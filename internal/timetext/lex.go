package timetext

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int8

const (
	tokEnd tokenKind = iota
	tokNumber
	tokName
	tokOp
)

type token struct {
	kind tokenKind
	text string
	num  Number
}

// operators by length, longest first, so that "**" is not read as two "*".
var operators = []string{"**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "&", "|", "^", "~"}

// lex cuts an expression into tokens. Where Python has its own words for a
// fault they are used.
func lex(text string) ([]token, error) {
	var list []token
	depth := 0
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\f' || (depth > 0 || len(list) == 0) && (c == '\n' || c == '\r'):
			i++
		case c == '\n' || c == '\r' || c == '#':
			rest := strings.TrimLeft(text[i:], " \t\f\r\n")
			if rest != "" && !strings.HasPrefix(rest, "#") {
				return nil, syntaxError("invalid syntax")
			}
			return append(list, token{kind: tokEnd}), nil
		case isDigitByte(c) || c == '.' && i+1 < len(text) && isDigitByte(text[i+1]):
			tok, n, err := lexNumber(text[i:])
			if err != nil {
				return nil, err
			}
			list, i = append(list, tok), i+n
		default:
			tok, n, err := lexWord(text[i:])
			if err != nil {
				return nil, err
			}
			depth += strings.Count(tok.text, "(") - strings.Count(tok.text, ")")
			list, i = append(list, tok), i+n
		}
	}
	return append(list, token{kind: tokEnd}), nil
}

func isDigitByte(c byte) bool { return '0' <= c && c <= '9' }

func isNameByte(c byte) bool { return c == '_' || isASCIILetter(rune(c)) || isDigitByte(c) }

// lexWord reads a name (with its dots) or an operator.
func lexWord(text string) (token, int, error) {
	if c := text[0]; c == '_' || isASCIILetter(rune(c)) {
		n := 1
		for n < len(text) && (isNameByte(text[n]) || text[n] == '.' && n+1 < len(text) && isNameByte(text[n+1]) && !isDigitByte(text[n+1])) {
			n++
		}
		return token{kind: tokName, text: text[:n]}, n, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(text, op) {
			return token{kind: tokOp, text: op}, len(op), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(text)
	if r >= utf8.RuneSelf || r < ' ' {
		if unicode.IsPrint(r) {
			return token{}, 0, syntaxError(fmt.Sprintf("invalid character '%c' (U+%04X)", r, r))
		}
		return token{}, 0, syntaxError(fmt.Sprintf("invalid non-printable character U+%04X", r))
	}
	return token{}, 0, syntaxError("invalid syntax")
}

// lexNumber reads a decimal int or a float; each underscore stands between digits.
func lexNumber(text string) (token, int, error) {
	n, isFloat := digits(text, 0), false
	if n < len(text) && text[n] == '.' {
		isFloat = true
		n = digits(text, n+1)
	}
	if n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		exp := n + 1
		if exp < len(text) && (text[exp] == '+' || text[exp] == '-') {
			exp++
		}
		if end := digits(text, exp); end > exp {
			isFloat, n = true, end
		}
	}
	if n < len(text) && isNameByte(text[n]) && !keywordAt(text[n:]) {
		return token{}, 0, syntaxError("invalid decimal literal")
	}
	plain := strings.ReplaceAll(text[:n], "_", "")
	if isFloat {
		f, err := strconv.ParseFloat(plain, 64)
		if err != nil && !strings.Contains(err.Error(), "range") {
			return token{}, 0, syntaxError("invalid decimal literal")
		}
		return token{kind: tokNumber, num: Float(f)}, n, nil
	}
	if plain[0] == '0' && strings.Trim(plain, "0") != "" {
		return token{}, 0, syntaxError("leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers")
	}
	v, ok := new(big.Int).SetString(plain, 10)
	if !ok || v.BitLen() > maxBits {
		return token{}, 0, errTooLarge
	}
	return token{kind: tokNumber, num: Number{i: v}}, n, nil
}

// digits returns the end of the digits from i on, with single underscores inside.
func digits(text string, i int) int {
	start := i
	for i < len(text) && (isDigitByte(text[i]) || text[i] == '_' && i > start && i+1 < len(text) && isDigitByte(text[i+1]) && text[i-1] != '_') {
		i++
	}
	return i
}

// keywordAt tells whether a word that Python allows right after a number follows.
func keywordAt(text string) bool {
	end := 0
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	switch text[:end] {
	case "if", "else", "and", "or", "not", "in", "is":
		return true
	}
	return false
}

package pyre

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func runeLen(s string) int { return utf8.RuneCountInString(s) }

// quote writes s as Python's repr does.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

// Letters and marks that no identifier may hold, for Python: those whose
// compatibility form is none (DerivedCoreProperties.txt, XID_Continue), and
// marks added since Unicode 14.
var notInNames = []runeRange{
	{0x37A, 0x37A}, {0xCF3, 0xCF3}, {0xECE, 0xECE}, {0x2E2F, 0x2E2F}, {0x309B, 0x309C}, {0xFC5E, 0xFC63},
	{0xFDFA, 0xFDFB}, {0xFE70, 0xFE70}, {0xFE72, 0xFE72}, {0xFE74, 0xFE74}, {0xFE76, 0xFE76}, {0xFE78, 0xFE78},
	{0xFE7A, 0xFE7A}, {0xFE7C, 0xFE7C}, {0xFE7E, 0xFE7E}, {0x10EFD, 0x10EFF}, {0x11241, 0x11241},
	{0x11F00, 0x11F03}, {0x11F34, 0x11F42}, {0x13440, 0x13455}, {0x1E08F, 0x1E08F}, {0x1E4EC, 0x1E4EF},
}

// notFirstInNames are letters that only an identifier's inside may hold.
var notFirstInNames = []runeRange{{0xE33, 0xE33}, {0xEB3, 0xEB3}, {0xFF9E, 0xFF9F}}

// isIdentifier is Python's str.isidentifier.
func isIdentifier(s string) bool {
	for i, r := range s {
		if r >= utf8.RuneSelf && (inRanges(r, addedSinceUnicode14) || inRanges(r, notInNames) || i == 0 && inRanges(r, notFirstInNames)) {
			return false
		}
		if r == '_' || unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start) {
			continue
		}
		if i == 0 || !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue) {
			return false
		}
	}
	return s != ""
}

func inRanges(r rune, ranges []runeRange) bool {
	return (&runeSet{ranges}).contains(r)
}

// pythonInt reads a decimal number as Python's int does: with a sign, white
// space around it and single underscores between digits.
func pythonInt(s string) (int, bool) {
	s = strings.TrimFunc(s, unicodeClasses().space.contains)
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	var digits []byte
	last := '_'
	for _, r := range s {
		switch {
		case r == '_' && last != '_':
		case unicode.IsDigit(r):
			digits = append(digits, byte('0'+digitValue(r)))
		default:
			return 0, false
		}
		last = r
	}
	n, err := strconv.Atoi(string(digits))
	if last == '_' || err != nil {
		return n, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// digitValue is the value of a decimal digit: the digits of each script stand
// in order from nought, in blocks of ten.
func digitValue(r rune) int {
	v := 0
	for unicode.IsDigit(r - rune(v) - 1) {
		v++
	}
	return v % 10
}

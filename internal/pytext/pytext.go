// Package pytext holds Python's plain values and writes them as Python does.
//
// fail2ban prints its command stream, some replies and many messages with
// Python's repr and str; clients and people rely on those texts. The package
// hides how: quoting, escapes, float digits and the pretty printer's lines.
package pytext

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tuple is a Python tuple; a Python list is a []any.
type Tuple []any

// Set is a Python set in the order of its making; Python's own order is another
// in every run.
type Set []any

// Item is one entry of a Dict.
type Item struct{ Key, Value any }

// Dict is a Python dict in its order of insertion.
type Dict []Item

// Get returns the value of a string key.
func (d Dict) Get(key string) (any, bool) {
	for _, it := range d {
		if k, ok := it.Key.(string); ok && k == key {
			return it.Value, true
		}
	}
	return nil, false
}

// Set replaces the value of a string key, or appends it.
func (d *Dict) Set(key string, value any) {
	for i, it := range *d {
		if k, ok := it.Key.(string); ok && k == key {
			(*d)[i].Value = value
			return
		}
	}
	*d = append(*d, Item{key, value})
}

// Repr gives Python's repr(v). Known are nil, bool, the integer types, floats,
// string, []byte, []any, []string, Tuple, Set and Dict; a fmt.Stringer is written as
// the str it stands for, anything else as Go prints it.
func Repr(v any) string {
	var b strings.Builder
	writeRepr(&b, v)
	return b.String()
}

// Str gives Python's str(v): a string is itself, all else is its repr.
func Str(v any) string {
	switch t := v.(type) {
	case string:
		return t
	case fmt.Stringer:
		return t.String()
	}
	return Repr(v)
}

func writeRepr(b *strings.Builder, v any) {
	switch t := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(boolRepr(t))
	case string:
		writeQuoted(b, t)
	case []byte:
		writeBytes(b, t)
	case float64:
		b.WriteString(FloatRepr(t))
	case float32:
		b.WriteString(FloatRepr(float64(t)))
	case []any:
		writeSeq(b, "[", "]", t)
	case []string:
		writeSeq(b, "[", "]", anySlice(t))
	case Tuple:
		if len(t) == 1 {
			writeSeq(b, "(", ",)", t)
			return
		}
		writeSeq(b, "(", ")", t)
	case Set:
		if len(t) == 0 {
			b.WriteString("set()")
			return
		}
		writeSeq(b, "{", "}", t)
	case Dict:
		writeDict(b, t)
	case *big.Int: // an int, and a fmt.Stringer too
		b.WriteString(t.String())
	case fmt.Stringer:
		writeQuoted(b, t.String())
	default:
		fmt.Fprintf(b, "%v", t)
	}
}

func boolRepr(v bool) string {
	if v {
		return "True"
	}
	return "False"
}

func anySlice(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func writeSeq(b *strings.Builder, open, end string, list []any) {
	b.WriteString(open)
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, v)
	}
	b.WriteString(end)
}

func writeDict(b *strings.Builder, d Dict) {
	b.WriteByte('{')
	for i, it := range d {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, it.Key)
		b.WriteString(": ")
		writeRepr(b, it.Value)
	}
	b.WriteByte('}')
}

// quoteFor picks Python's quote: single, unless only single ones occur inside.
func quoteFor(single, double bool) byte {
	if single && !double {
		return '"'
	}
	return '\''
}

func writeQuoted(b *strings.Builder, s string) {
	q := quoteFor(strings.Contains(s, "'"), strings.Contains(s, `"`))
	b.WriteByte(q)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			// Python holds an undecodable byte as a lone surrogate.
			fmt.Fprintf(b, `\udc%02x`, s[i])
			i++
			continue
		}
		writeRune(b, r, q)
		i += size
	}
	b.WriteByte(q)
}

func writeRune(b *strings.Builder, r rune, q byte) {
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
	case r >= ' ' && r < 0x7f:
		b.WriteRune(r)
	case r < 0x100 && !printable(r):
		fmt.Fprintf(b, `\x%02x`, r)
	case printable(r):
		b.WriteRune(r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// printable follows str.isprintable: no control, format, surrogate, private,
// unassigned or separator character but the ASCII blank.
func printable(r rune) bool { return r == ' ' || unicode.IsPrint(r) }

func writeBytes(b *strings.Builder, p []byte) {
	q := quoteFor(strings.Contains(string(p), "'"), strings.Contains(string(p), `"`))
	b.WriteByte('b')
	b.WriteByte(q)
	for _, c := range p {
		switch {
		case c == q || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(q)
}

// FloatRepr writes a float as Python does: the shortest digits that read back
// the same, with ".0" where it is whole, and an exponent from 1e16 and below
// 1e-4.
func FloatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}

// Truth is Python's bool(value) of None, bools, texts and numbers; anything else is
// true.
func Truth(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	}
	return true
}

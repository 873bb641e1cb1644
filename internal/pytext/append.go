package pytext

import (
	"math/big"
	"strconv"
	"strings"
)

// AppendRepr appends Python's repr(v) to dst, for texts that are written in bulk:
// plain ASCII strings are copied in runs. What it has no quick way for is written
// by Repr.
func AppendRepr(dst []byte, v any) []byte {
	switch t := v.(type) {
	case string:
		return appendQuoted(dst, t)
	case int:
		return strconv.AppendInt(dst, int64(t), 10)
	case int64:
		return strconv.AppendInt(dst, t, 10)
	case *big.Int:
		return t.Append(dst, 10)
	case []any:
		dst = append(dst, '[')
		for i, item := range t {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendRepr(dst, item)
		}
		return append(dst, ']')
	}
	return append(dst, Repr(v)...)
}

func appendQuoted(dst []byte, s string) []byte {
	q := quoteFor(strings.IndexByte(s, '\'') >= 0, strings.IndexByte(s, '"') >= 0)
	start, done := len(dst), 0
	dst = append(dst, q)
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != q && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case q, '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			return append(dst[:start], Repr(s)...)
		}
	}
	dst = append(dst, s[done:]...)
	return append(dst, q)
}

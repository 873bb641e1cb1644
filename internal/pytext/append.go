package pytext

import (
	"math/big"
	"strconv"
	"strings"
)

// Appender is a value that appends the repr of what it stands for.
type Appender interface{ AppendRepr(dst []byte) []byte }

// AppendRepr appends Python's repr(v) to dst, for texts that are written in bulk:
// plain ASCII strings are copied in runs. What it has no quick way for is written
// by Repr.
func AppendRepr(dst []byte, v any) []byte {
	switch t := v.(type) {
	case string:
		return AppendString(dst, t)
	case int:
		return strconv.AppendInt(dst, int64(t), 10)
	case int64:
		return strconv.AppendInt(dst, t, 10)
	case *big.Int:
		return t.Append(dst, 10)
	case []any:
		return AppendList(dst, t)
	case Appender:
		return t.AppendRepr(dst)
	}
	return append(dst, Repr(v)...)
}

// AppendList is AppendRepr of a list.
func AppendList(dst []byte, list []any) []byte {
	dst = append(dst, '[')
	for i, item := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = AppendRepr(dst, item)
	}
	return append(dst, ']')
}

// AppendString is AppendRepr of a text.
func AppendString(dst []byte, s string) []byte {
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

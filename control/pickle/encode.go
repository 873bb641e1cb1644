package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
)

// Marker ends each message on fail2ban's socket. A text that holds it is written
// in escapes, so that it never stands inside a pickle.
const Marker = "<F2B_END_COMMAND>"

// Encode pickles v in protocol 2, which every known client reads. Known are the
// package's values, []string, Go's integers, *Exception, and a fmt.Stringer,
// which becomes the str it prints.
func Encode(v any) ([]byte, error) {
	e := &encoder{buf: []byte{opProto, 2}}
	if err := e.value(v, 0); err != nil {
		return nil, fmt.Errorf("pickling: %w", err)
	}
	return append(e.buf, opStop), nil
}

type encoder struct{ buf []byte }

func (e *encoder) value(v any, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%w: more than %d containers deep", ErrLimit, MaxDepth)
	}
	switch t := v.(type) {
	case nil:
		e.buf = append(e.buf, opNone)
	case bool:
		e.bool(t)
	case string:
		e.text(t)
	case []byte:
		return e.bytes(t, depth)
	case float64:
		e.buf = binary.BigEndian.AppendUint64(append(e.buf, opBinFloat), math.Float64bits(t))
	case []any:
		return e.list(t, depth)
	case []string:
		list := make([]any, len(t))
		for i, s := range t {
			list[i] = s
		}
		return e.list(list, depth)
	case pytext.Tuple:
		return e.tuple(t, depth)
	case pytext.Dict:
		return e.dict(t, depth)
	case *Exception:
		e.global(t.Module, t.Class)
		if err := e.tuple(t.Args, depth+1); err != nil {
			return err
		}
		e.buf = append(e.buf, opReduce)
	case fmt.Stringer:
		e.text(t.String())
	default:
		return e.number(v)
	}
	return nil
}

func (e *encoder) number(v any) error {
	switch t := v.(type) {
	case int:
		e.int(int64(t))
	case int64:
		e.int(t)
	case int32:
		e.int(int64(t))
	case int8:
		e.int(int64(t))
	case uint8:
		e.int(int64(t))
	case uint32:
		e.int(int64(t))
	default:
		return fmt.Errorf("a %T is no plain value", v)
	}
	return nil
}

func (e *encoder) bool(v bool) {
	if v {
		e.buf = append(e.buf, opNewTrue)
		return
	}
	e.buf = append(e.buf, opNewFalse)
}

func (e *encoder) int(n int64) {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		e.buf = append(e.buf, opBinInt1, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		e.buf = append(e.buf, opBinInt2, byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, opBinInt), uint32(n))
	default:
		e.buf = binary.LittleEndian.AppendUint64(append(e.buf, opLong1, 8), uint64(n))
	}
}

func (e *encoder) text(s string) {
	if strings.Contains(s, Marker[1:len(Marker)-1]) {
		e.escaped(s)
		return
	}
	at := len(e.buf)
	e.buf = append(e.buf, opBinUnicode, 0, 0, 0, 0)
	if utf8.ValidString(s) {
		e.buf = append(e.buf, s...)
	} else {
		for i := 0; i < len(s); {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				e.buf = append(e.buf, 0xed, 0xb0|s[i]>>6, 0x80|s[i]&0x3f)
			} else {
				e.buf = append(e.buf, s[i:i+size]...)
			}
			i += size
		}
	}
	binary.LittleEndian.PutUint32(e.buf[at+1:], uint32(len(e.buf)-at-5))
}

// escaped writes a str as UNICODE with every character but plain letters as \u.
func (e *encoder) escaped(s string) {
	e.buf = append(e.buf, opUnicode)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			e.buf = fmt.Appendf(e.buf, `\udc%02x`, s[i])
		case r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == ' ':
			e.buf = append(e.buf, byte(r))
		case r > 0xffff:
			e.buf = fmt.Appendf(e.buf, `\U%08x`, r)
		default:
			e.buf = fmt.Appendf(e.buf, `\u%04x`, r)
		}
		i += size
	}
	e.buf = append(e.buf, '\n')
}

// bytes become _codecs.encode(text, 'latin1'), as Python writes them in
// protocol 2.
func (e *encoder) bytes(p []byte, depth int) error {
	var b strings.Builder
	for _, c := range p {
		b.WriteRune(rune(c))
	}
	e.global("_codecs", "encode")
	if err := e.tuple(pytext.Tuple{b.String(), "latin1"}, depth+1); err != nil {
		return err
	}
	e.buf = append(e.buf, opReduce)
	return nil
}

func (e *encoder) global(module, name string) {
	e.buf = append(e.buf, opGlobal)
	e.buf = append(e.buf, module...)
	e.buf = append(e.buf, '\n')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '\n')
}

func (e *encoder) items(list []any, depth int) error {
	for _, v := range list {
		if err := e.value(v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) list(list []any, depth int) error {
	e.buf = append(e.buf, opEmptyList)
	if len(list) == 0 {
		return nil
	}
	e.buf = append(e.buf, opMark)
	if err := e.items(list, depth); err != nil {
		return err
	}
	e.buf = append(e.buf, opAppends)
	return nil
}

func (e *encoder) tuple(list pytext.Tuple, depth int) error {
	n := len(list)
	if n == 0 {
		e.buf = append(e.buf, opEmptyTuple)
		return nil
	}
	if n > 3 {
		e.buf = append(e.buf, opMark)
	}
	if err := e.items(list, depth); err != nil {
		return err
	}
	if n > 3 {
		e.buf = append(e.buf, opTuple)
		return nil
	}
	e.buf = append(e.buf, opTuple1+byte(n-1))
	return nil
}

func (e *encoder) dict(d pytext.Dict, depth int) error {
	e.buf = append(e.buf, opEmptyDict)
	if len(d) == 0 {
		return nil
	}
	e.buf = append(e.buf, opMark)
	for _, it := range d {
		if err := e.items([]any{it.Key, it.Value}, depth); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, opSetItems)
	return nil
}

package store

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// encode writes a ticket's data as Python's json.dumps(ensure_ascii=False) does;
// the column holds the UTF-8 bytes as a BLOB (8.4).
func encode(data pytext.Dict) []byte {
	var b bytes.Buffer
	writeJSON(&b, data)
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, v any) {
	switch t := v.(type) {
	case pytext.Dict:
		b.WriteByte('{')
		for i, it := range t {
			if i > 0 {
				b.WriteString(", ")
			}
			writeString(b, pytext.Str(it.Key))
			b.WriteString(": ")
			writeJSON(b, it.Value)
		}
		b.WriteByte('}')
	case []any:
		writeList(b, t)
	case pytext.Tuple:
		writeList(b, t)
	case pytext.Set:
		writeList(b, t)
	case []string:
		list := make([]any, len(t))
		for i, s := range t {
			list[i] = s
		}
		writeList(b, list)
	case nil:
		b.WriteString("null")
	case bool:
		if t {
			b.WriteString("true")
		} else {
			b.WriteString("false")
		}
	case int, int64, float64:
		b.WriteString(pytext.Repr(t))
	default:
		writeString(b, pytext.Str(v))
	}
}

func writeList(b *bytes.Buffer, list []any) {
	b.WriteByte('[')
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		writeJSON(b, v)
	}
	b.WriteByte(']')
}

func writeString(b *bytes.Buffer, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ':
			b.WriteString(`\u00`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// decode reads a data column; what is not JSON, or not of the known shapes, is
// left out (8.4).
func decode(raw []byte) *jail.Ticket {
	t := &jail.Ticket{}
	if !utf8.Valid(raw) {
		raw = []byte(strings.ToValidUTF8(string(raw), "\uFFFD"))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return t
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return t
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return t
		}
		name, _ := key.(string)
		take(t, name, value)
	}
	return t
}

func take(t *jail.Ticket, name string, value any) {
	switch name {
	case "matches":
		if list, ok := value.([]any); ok {
			t.Matches = matches(list)
		}
	case "failures":
		t.Failures, _ = plain(value).(int)
	default:
		if v := plain(value); v != nil {
			t.Fields.Set(name, v)
		}
	}
}

// matches reads texts and three-part lines; anything else is left out.
func matches(list []any) []jail.Match {
	var out []jail.Match
	for _, v := range list {
		switch m := v.(type) {
		case string:
			out = append(out, jail.Match{Before: m})
		case []any:
			var parts [3]string
			for i := range min(len(m), len(parts)) {
				parts[i], _ = m[i].(string)
			}
			out = append(out, jail.Match{Before: parts[0], Date: parts[1], After: parts[2], Split: true})
		}
	}
	return out
}

// plain turns a decoded value into the ones that tickets hold.
func plain(v any) any {
	switch t := v.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return int(n)
		}
		f, err := t.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		var texts []string
		for _, e := range t {
			if s, ok := e.(string); ok {
				texts = append(texts, s)
			}
		}
		return texts
	case string, bool:
		return t
	}
	return nil
}

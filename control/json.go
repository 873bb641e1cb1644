package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
)

// JSONReply is what `client --json` prints for a server's value:
// {"ok":true,"value":…}. Tuples and lists are arrays, dictionaries and lists of
// (name, value) pairs, as of a status, objects in their order.
func JSONReply(value any) string {
	var b bytes.Buffer
	b.WriteString(`{"ok":true,"value":`)
	writeJSON(&b, value)
	b.WriteByte('}')
	return b.String()
}

// JSONError is what `client --json` prints for a failure:
// {"ok":false,"error":"…","class":"UnknownJailException"}; an error that is not
// the server's own has the class OSError.
func JSONError(err error, text string) string {
	class := "OSError"
	if e := (*pickle.Exception)(nil); errors.As(err, &e) {
		class = e.Class
	}
	var b bytes.Buffer
	b.WriteString(`{"ok":false,"error":`)
	writeJSON(&b, text)
	b.WriteString(`,"class":`)
	writeJSON(&b, class)
	b.WriteByte('}')
	return b.String()
}

func writeJSON(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case pytext.Tuple:
		writeArray(b, v)
	case []any:
		if d, ok := pairs(v); ok {
			writeObject(b, d)
			return
		}
		writeArray(b, v)
	case pytext.Dict:
		writeObject(b, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b.WriteString("null")
			return
		}
		writeScalar(b, v)
	case nil, bool, int, int64, string:
		writeScalar(b, v)
	default:
		writeScalar(b, pytext.Str(v))
	}
}

// writeScalar writes a value that always encodes, as it is: no HTML is near.
func writeScalar(b *bytes.Buffer, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	b.Truncate(b.Len() - 1) // the line's end
}

func writeArray(b *bytes.Buffer, list []any) {
	b.WriteByte('[')
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		writeJSON(b, v)
	}
	b.WriteByte(']')
}

func writeObject(b *bytes.Buffer, d pytext.Dict) {
	b.WriteByte('{')
	for i, it := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		writeScalar(b, pytext.Str(it.Key))
		b.WriteByte(':')
		writeJSON(b, it.Value)
	}
	b.WriteByte('}')
}

// pairs reads a list of (name, value) tuples, which has at least one; behind
// them `status --all` has a dictionary without a name.
func pairs(list []any) (pytext.Dict, bool) {
	d := make(pytext.Dict, 0, len(list))
	for i, v := range list {
		if each, ok := v.(pytext.Dict); ok && i > 0 && i == len(list)-1 {
			return append(d, pytext.Item{Key: "Status for the jails", Value: each}), true
		}
		t, ok := v.(pytext.Tuple)
		if !ok || len(t) != 2 {
			return nil, false
		}
		name, ok := t[0].(string)
		if !ok {
			return nil, false
		}
		d = append(d, pytext.Item{Key: name, Value: t[1]})
	}
	return d, len(d) > 0
}

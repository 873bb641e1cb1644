package testfilter

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// jsonLine is one line's verdict, as DESIGN.md's contract says.
type jsonLine struct {
	Line     int           `json:"line"`
	Text     string        `json:"text"`
	Time     any           `json:"time"`
	Template string        `json:"template"`
	Result   string        `json:"result"`
	Failures []jsonFailure `json:"failures"`
	Explain  *jsonExplain  `json:"explain,omitempty"`
}

type jsonFailure struct {
	Regex  int        `json:"regex"`
	ID     *string    `json:"id"`
	Time   any        `json:"time"`
	NoFail bool       `json:"nofail"`
	Fields jsonObject `json:"fields"`
}

type jsonSummary struct {
	Lines   int `json:"lines"`
	Ignored int `json:"ignored"`
	Matched int `json:"matched"`
	Missed  int `json:"missed"`
}

// jsonObject keeps the order of its members.
type jsonObject []jsonMember

type jsonMember struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o jsonObject) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(&b, m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := writeJSON(&b, m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeJSON writes a value without escaping <, > and &.
func writeJSON(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's line feed
	return nil
}

func (t *tester) emit(v any) {
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		panic(err) // all values are made here
	}
	b.WriteByte('\n')
	_, _ = t.out.Write(b.Bytes()) // the last Flush tells
}

// verdictOf is the object of one line.
func verdictOf(l *judged) jsonLine {
	out := jsonLine{
		Line: l.number, Text: l.text, Template: l.verdict.Template, Result: result(l),
		Time:     jsonTime(l.verdict.Time.Unix, l.verdict.Time.Int, l.verdict.HasTime),
		Failures: []jsonFailure{},
	}
	for i := range l.found {
		f := &l.found[i]
		j := jsonFailure{
			Regex: f.Regex, NoFail: f.NoFail,
			Time:   jsonTime(f.Time, f.TimeInt, f.HasTime),
			Fields: jsonFields(f),
		}
		if f.HasID {
			id := f.ID.String()
			j.ID = &id
		}
		out.Failures = append(out.Failures, j)
	}
	return out
}

// result names the verdict of a line.
func result(l *judged) string {
	for i := range l.failures {
		if l.failures[i].HasID {
			return "failure"
		}
	}
	switch {
	case len(l.found) > 0:
		return "nofail"
	case len(l.verdict.Ignored) > 0:
		return "ignored"
	}
	return "missed"
}

// jsonTime is a time as Python prints it: a whole float keeps its ".0".
func jsonTime(unix float64, isInt, has bool) any {
	switch {
	case !has || math.IsNaN(unix) || math.IsInf(unix, 0):
		return nil
	case isInt:
		return json.Number(strconv.FormatInt(int64(unix), 10))
	}
	return json.Number(pytext.FloatRepr(unix))
}

// jsonFields is the data of a failure, then the host, the number of lines and
// the lines (each cut at its date).
func jsonFields(f *filter.Failure) jsonObject {
	var out jsonObject
	seen := map[string]bool{}
	for i := range f.Fields {
		field := &f.Fields[i]
		seen[field.Name] = true
		out = append(out, jsonMember{field.Name, jsonValue(field.Python())})
	}
	add := func(name string, v any) {
		if !seen[name] {
			out = append(out, jsonMember{name, v})
		}
	}
	var host any
	if f.HasID {
		host = f.ID.String()
	}
	add("host", host)
	matches := []any{}
	for _, m := range f.Matches {
		matches = append(matches, []string{m.Before, m.Date, m.After})
	}
	add("attempts", len(matches))
	add("matches", matches)
	return out
}

// jsonValue turns a Python value into what encoding/json writes.
func jsonValue(v any) any {
	switch v := v.(type) {
	case ipaddr.Addr:
		return v.String()
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case pytext.Tuple:
		return jsonList(v)
	case []any:
		return jsonList(v)
	}
	return v
}

func jsonList(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = jsonValue(v)
	}
	return out
}

func (t *tester) printSummary() {
	s := &t.lines
	t.emit(map[string]jsonSummary{"summary": {s.tested, s.ignored, s.matched, s.missed}})
}

package action

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"f2b-go/internal/pytext"
)

// message is a line that a Python action's process says: a record of its log, a
// question about the ticket, or an answer.
type message struct {
	Log *struct {
		Level int    `json:"level"`
		Name  string `json:"name"`
		Text  string `json:"text"`
	} `json:"log"`
	Ask *struct {
		N   int    `json:"n"`
		Key string `json:"key"`
	} `json:"ask"`
	answer
}

// answer is what became of an operation.
type answer struct {
	N int `json:"n"`
	traits
	Value json.RawMessage `json:"value"`
	Set   bool            `json:"set"` // an attribute was set
	Error *failure        `json:"error"`

	value any // Value as Python held it
}

// failure is an exception that an operation raised.
type failure struct {
	Module string          `json:"module"`
	Class  string          `json:"class"`
	Args   json.RawMessage `json:"args"`
	Text   json.RawMessage `json:"text"`
	Used   []string        `json:"used"` // the ticket's values that were used
}

// Raised is an exception of Python's: its class, its arguments, and as the
// error's text Python's str() of it.
type Raised struct {
	Module, Class string
	Args          pytext.Tuple
	text          string
}

func (e *Raised) Error() string { return e.text }

// Exception gives the exception to who tells a client.
func (e *Raised) Exception() (module, class string, args pytext.Tuple) {
	return e.Module, e.Class, e.Args
}

func raise(class, text string) *Raised {
	return &Raised{"builtins", class, pytext.Tuple{text}, text}
}

func (f *failure) raised() error {
	args, err := unpack(f.Args)
	text, textErr := unpack(f.Text)
	list, ok := args.(pytext.Tuple)
	if err = errors.Join(err, textErr); err != nil || !ok {
		return raise("RuntimeError", f.Class+" with arguments that cannot be told")
	}
	return &Raised{f.Module, f.Class, list, pytext.Str(text)}
}

// tookTooLong ends a call at its limit.
type tookTooLong struct {
	name  string
	limit time.Duration
}

func (e *tookTooLong) Error() string {
	return fmt.Sprintf("the Python action %s took more than %v and was killed", e.name, e.limit)
}

// unpack reads a value as the process writes it: JSON, in which an object stands
// for one of Python's kinds that JSON lacks.
func unpack(data json.RawMessage) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	switch data[0] {
	case '[':
		return unpackList(data)
	case '{':
		return unpackObject(data)
	case '"', 't', 'f', 'n':
		var v any
		err := json.Unmarshal(data, &v)
		return v, err
	}
	number := json.Number(data)
	if strings.ContainsAny(string(data), ".eE") {
		return number.Float64()
	}
	return number.Int64()
}

func unpackList(data json.RawMessage) ([]any, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, err
	}
	list := make([]any, len(items))
	for i, item := range items {
		v, err := unpack(item)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func unpackObject(data json.RawMessage) (any, error) {
	var o struct {
		Bytes string          `json:"bytes"`
		Tuple json.RawMessage `json:"tuple"`
		Dict  json.RawMessage `json:"dict"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, err
	}
	switch {
	case o.Tuple != nil:
		list, err := unpackList(o.Tuple)
		return pytext.Tuple(list), err
	case o.Dict != nil:
		return unpackDict(o.Dict)
	}
	text, err := hex.DecodeString(o.Bytes)
	return string(text), err
}

func unpackDict(data json.RawMessage) (any, error) {
	pairs, err := unpackList(data)
	if err != nil {
		return nil, err
	}
	dict := make(pytext.Dict, 0, len(pairs))
	for _, p := range pairs {
		pair, ok := p.([]any)
		if !ok || len(pair) != 2 {
			return nil, errors.New("a dict of a Python action without keys")
		}
		dict = append(dict, pytext.Item{Key: pair[0], Value: pair[1]})
	}
	return dict, nil
}

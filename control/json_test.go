package control

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"f2b-go/internal/pytext"
)

func TestJSON(t *testing.T) {
	pair := func(k string, v any) pytext.Tuple { return pytext.Tuple{k, v} }
	for want, value := range map[string]any{
		`{"ok":true,"value":"pong"}`:                                  "pong",
		`{"ok":true,"value":null}`:                                    nil,
		`{"ok":true,"value":[]}`:                                      []any{},
		`{"ok":true,"value":{"Number of jail":2,"Jail list":"a, b"}}`: []any{pair("Number of jail", int64(2)), pair("Jail list", "a, b")},
		`{"ok":true,"value":[{"j":["1.2.3.4"]},{"k":[]}]}`: []any{
			pytext.Dict{{Key: "j", Value: []any{"1.2.3.4"}}}, pytext.Dict{{Key: "k", Value: []any{}}}},
		`{"ok":true,"value":{"z":["polling",[0,1],[2,3]],"a":[]}}`: pytext.Dict{
			{Key: "z", Value: []any{"polling", pytext.Tuple{int64(0), int64(1)}, pytext.Tuple{int64(2), int64(3)}}}, {Key: "a", Value: []any{}}},
		`{"ok":true,"value":{"Number of jail":0,"Status for the jails":{}}}`: []any{pair("Number of jail", int64(0)), pytext.Dict{}},
		`{"ok":true,"value":["%Y","Year"]}`:                                  pytext.Tuple{"%Y", "Year"},
		`{"ok":true,"value":[null,1.5,true,-1]}`:                             []any{math.Inf(1), 1.5, true, int64(-1)},
		`{"ok":true,"value":"<HOST> \"x\"\n\ufffd"}`:                         "<HOST> \"x\"\n\xff",
	} {
		got := JSONReply(value)
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s, want %s", pytext.Repr(value), got, want)
		}
	}
	if got, want := JSONError(UnknownJail("x"), "Sorry"), `{"ok":false,"error":"Sorry","class":"UnknownJailException"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := JSONError(errors.New("gone"), "gone"), `{"ok":false,"error":"gone","class":"OSError"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

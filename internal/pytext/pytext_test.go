package pytext_test

import (
	"encoding/json"
	"math"
	"os/exec"
	"strings"
	"testing"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// python evaluates each expression and returns the printed results.
func python(t *testing.T, wrap string, exprs []string) []string {
	t.Helper()
	in, err := json.Marshal(exprs)
	if err != nil {
		t.Fatal(err)
	}
	script := "import json,sys,pprint\nprint(json.dumps([" + wrap + " for e in json.load(sys.stdin)]))"
	cmd := exec.Command(testenv.Python, "-c", script)
	cmd.Stdin = strings.NewReader(string(in))
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v", err)
	}
	var out []string
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRepr_0_5 checks quoting, escapes and number forms against Python itself.
func TestRepr_0_5(t *testing.T) {
	cases := []struct {
		expr  string
		value any
	}{
		{"None", nil}, {"True", true}, {"False", false}, {"5", 5}, {"-7", int64(-7)},
		{"600.0", 600.0}, {"0.1", 0.1}, {"1e16", 1e16}, {"1e15", 1e15}, {"123456789012345680.0", 1.2345678901234568e17},
		{"0.0001", 1e-4}, {"0.00001", 1e-5}, {"-0.0", math.Copysign(0, -1)}, {"1e-07", 1e-7}, {"2629800.0", 2629800.0},
		{"float('inf')", math.Inf(1)}, {"float('nan')", math.NaN()},
		{`"plain"`, "plain"}, {`"it's"`, "it's"}, {`'say "x"'`, `say "x"`}, {`'it\'s "x"'`, `it's "x"`},
		{`"a\\b\n\r\t\x00\x1f\x7f"`, "a\\b\n\r\t\x00\x1f\x7f"}, {`"\xe9\xa0\xad\u200b\u20ac\U0001f600\ue000"`, "\u00e9\u00a0\u00ad\u200b\u20ac\U0001f600\ue000"},
		{`b"a'\x00\xff\n"`, []byte("a'\x00\xff\n")},
		{"[]", []any{}}, {"['a', 1]", []any{"a", 1}}, {"()", pytext.Tuple{}}, {"('a',)", pytext.Tuple{"a"}}, {"('a', 'b')", pytext.Tuple{"a", "b"}},
		{"{}", pytext.Dict{}}, {"{'k': [1.5, None], 2: ('x',)}", pytext.Dict{{Key: "k", Value: []any{1.5, nil}}, {Key: 2, Value: pytext.Tuple{"x"}}}},
	}
	exprs := make([]string, len(cases))
	for i, c := range cases {
		exprs[i] = c.expr
	}
	reprs := python(t, "repr(eval(e))", exprs)
	strs := python(t, "str(eval(e))", exprs)
	for i, c := range cases {
		if got := pytext.Repr(c.value); got != reprs[i] {
			t.Errorf("Repr(%s) = %s, Python: %s", c.expr, got, reprs[i])
		}
		if got := pytext.Str(c.value); got != strs[i] {
			t.Errorf("Str(%s) = %s, Python: %s", c.expr, got, strs[i])
		}
	}
}

// TestPretty_5_1 checks the pretty printer against pprint with --dp's settings
// and with narrow ones.
func TestPretty_5_1(t *testing.T) {
	long := strings.Repeat("word and word, ", 12)
	values := []struct {
		expr  string
		value any
	}{
		{"['set', 'loglevel', 'INFO']", []any{"set", "loglevel", "INFO"}},
		{"['multi-set', 'j', 'action', 'n', [['a', 'b c d e f g h'], ['x', 'y']]]",
			[]any{"multi-set", "j", "action", "n", []any{[]any{"a", "b c d e f g h"}, []any{"x", "y"}}}},
		{"['a', 'word and word, '*12, 'z']", []any{"a", long, "z"}},
		{"'word and word, '*12", long},
		{"['line one\\nline two is longer than that\\n']", []any{"line one\nline two is longer than that\n"}},
		{"('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',)", pytext.Tuple{strings.Repeat("a", 48)}},
		{"{'stacksize': 12, 'alpha': ['aaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbb']}",
			pytext.Dict{{Key: "stacksize", Value: 12}, {Key: "alpha", Value: []any{strings.Repeat("a", 20), strings.Repeat("b", 26)}}}},
		{"[[[1, 2, 3], ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbb']], 5]",
			[]any{[]any{[]any{1, 2, 3}, []any{strings.Repeat("a", 16), strings.Repeat("b", 21)}}, 5}},
	}
	exprs := make([]string, len(values))
	for i, v := range values {
		exprs[i] = v.expr
	}
	for _, width := range []int{1000, 80, 40, 20} {
		want := python(t, "pprint.pformat(eval(e), width="+pytext.Repr(width)+", indent=2)", exprs)
		for i, v := range values {
			if got := pytext.Pretty(v.value, width, 2); got != want[i] {
				t.Errorf("width %d, %s:\n%s\nPython:\n%s", width, v.expr, got, want[i])
			}
		}
	}
}

func FuzzReprReadsBack(f *testing.F) {
	f.Add("it's", 1.5)
	f.Fuzz(func(t *testing.T, s string, x float64) {
		if got := pytext.Repr(pytext.Tuple{s, x}); got == "" || got[0] != '(' {
			t.Errorf("Repr gave %q", got)
		}
	})
}

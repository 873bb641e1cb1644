package pytext_test

import (
	"math/big"
	"testing"

	"f2b-go/internal/pytext"
)

// TestAppendReprIsRepr_0_5 compares the quick way with Repr.
func TestAppendReprIsRepr_0_5(t *testing.T) {
	for _, v := range []any{
		nil, true, false, 0, -5, int64(1) << 62, new(big.Int).Lsh(big.NewInt(1), 80), []any{big.NewInt(7)}, 600.0, "", "plain", "it's", `say "x"`, `both ' and "`, "a\\b\nc\rd\te", "\x00\x1f\x7f", "ü€😀", "\u00a0\ufeff", "bad\xff",
		[]any{}, []any{"a", 1, nil, []any{"b\\", true}}, []string{"x", "y'"}, pytext.Tuple{1}, pytext.Tuple{"a", 2.5}, pytext.Dict{{Key: "k", Value: []any{1}}},
	} {
		if got, want := string(pytext.AppendRepr([]byte("> "), v)), "> "+pytext.Repr(v); got != want {
			t.Errorf("%#v: %s, want %s", v, got, want)
		}
	}
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	if got := string(pytext.AppendRepr(nil, []any{huge})); got != "[123456789012345678901234567890]" {
		t.Errorf("a long int: %s", got)
	}
}

func FuzzAppendRepr(f *testing.F) {
	f.Add("a'b\"c\\\n")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(pytext.AppendRepr(nil, s)), pytext.Repr(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	})
}

package pyre

import "testing"

// TestTextLater: of a repeat that may end at any blank the text is known that
// must come later, and of no other.
func TestTextLater(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{`^a[^,]* \S+" 404 .+$`, `" 404 `},
		{`^a.* \S+ for \S+ from home`, " from home"},
		{`^a.* (?:\w+|(b)) and on`, " and on"},
		{`^a.* (?:\w+ and|\S+ or) so`, " so"},
		{`^a.* (?:\w+: )*and on`, "and on"},
		{`^a.* (?:\w+: )*?and on`, "and on"},
		{`^a.* (?:\w+:)? ?(?:b?)*and on`, "and on"},
		{`^(a)?.* (?(1)b and on|c and on)`, ""},
		{`^a.* (?=\w+ and on)`, ""},
		{`^a.* (?>\w+ and on)`, ""},
		{`^a.* (?:\w+ and on)?`, ""},
		{`^a.* (?:\w+ and|\w+ or)`, ""},
		{`^(?=.* \w+ and on).`, " and on"},
		{`^(?!.* \w+ and on).`, " and on"},
		{`^a[^n]* \S+ and on`, ""},
		{`^a\S* ?\S+ and on`, ""},
		{`^a.*:\S+ and on`, ""},
		{`^a.* x\S+ and on`, ""},
		{`^a.* \S+ b`, ""},
	} {
		re, err := Compile(c.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, p := "", re.program()
		for i := range p.insts {
			if in := &p.insts[i]; in.op == opReach && got == "" {
				got = string(p.texts[in.slot])
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.pattern, got, c.want)
		}
	}
}

// TestTextBeforeTheStart: what look-behind sees may have its text before the
// place where the search begins.
func TestTextBeforeTheStart(t *testing.T) {
	re, err := Compile(`(?<=(?=.* \w and).{8})c`, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(" x andyyc")
	if caps, found, err := re.Search(nil, text, 8, len(text)); !found || err != nil || caps[0] != 8 {
		t.Errorf("%v %v %v", caps, found, err)
	}
}

package pyre

import "testing"

// TestAroundGroup judges whether a stranger's text can put a false host into a
// line (FIELD C1): what stands before the host, and whether all behind it is fixed.
func TestAroundGroup(t *testing.T) {
	for _, tc := range []struct {
		pattern    string
		any, fixed bool
	}{
		{`^from (?P<ip4>\S+)$`, false, true},
		{`^.* from (?P<ip4>\S+)$`, true, true},
		{`^.*? from (?P<ip4>\S+)`, true, false},
		{`^user (?P<user>.*) from (?P<ip4>\S+)(?: port \d+)?$`, true, true},
		{`^user .* from (?P<ip4>\S+): .*$`, true, false},
		{`^user "[^"]*" from (?P<ip4>\S+)`, false, false},
		{`^(?P<ip4>\S+) .*$`, false, false},
		{`^x(?:a|.+)(?P<ip4>\S+)(?:a$|b\Z)`, true, true},
		{`^x(?:a|.+)(?P<ip4>\S+)(?:a$|b)`, true, false},
		{`^[\s\S]+(?P<ip4>\S+)$`, true, true},
		{`^(?!.* by .* by ).* by (?P<ip4>\S+), .*$`, false, false},
		{`^(?=.*x).* by (?P<ip4>\S+), .*$`, true, false},
		{`^(?:(?! by ).)* by (?P<ip4>\S+)$`, false, true},
		{`^.{0,9}(?P<ip4>\S+)$`, false, true},
		{`^.*nobody$`, false, false},
	} {
		re, err := Compile(tc.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, any := re.AnyBefore("ip4", "dns"); any != tc.any {
			t.Errorf("%s: any text before the host is %v", tc.pattern, any)
		}
		if fixed := re.FixedBehind("ip4", "dns"); fixed != tc.fixed {
			t.Errorf("%s: what is behind the host is fixed: %v", tc.pattern, fixed)
		}
	}
}

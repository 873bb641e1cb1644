package jail

import "testing"

// TestBadFactorStaysAlone_3_6: a factor that does not read is its own error, not
// that of each later option, and the formula in force goes on.
func TestBadFactorStaysAlone_3_6(t *testing.T) {
	in := newIncrement()
	for _, c := range []struct {
		opt, value string
		good       bool
	}{
		{"factor", "2", true}, {"factor", "foo", false}, {"increment", "true", true}, {"overalljails", "yes", true}, {"maxtime", "1d", false}, {"factor", "3", true}, {"maxtime", "1d", true},
	} {
		if err := in.set(c.opt, c.value); (err == nil) != c.good {
			t.Errorf("%s = %s: %v", c.opt, c.value, err)
		}
		if want := map[bool]float64{false: 2, true: 3}[in.get("factor") == "3"]; in.factor.Float() != want {
			t.Errorf("%s = %s: the factor in force is %v", c.opt, c.value, in.factor.Float())
		}
	}
}

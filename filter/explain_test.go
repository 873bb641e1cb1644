package filter

import (
	"testing"
	"time"
)

// TestExplain follows lines through prefregex and failregexes: what fits is in
// [ ] and the piece of the regex that does not in ^ ^.
func TestExplain(t *testing.T) {
	f := New("j", Env{Clock: func() time.Time { return time.Unix(1795345200, 0) }, Local: time.UTC})
	if err := f.SetPrefRegex(`^ sshd: <F-CONTENT>.+</F-CONTENT>$`); err != nil {
		t.Fatal(err)
	}
	for _, re := range []string{`^Failed for <F-USER>\S+</F-USER> from <HOST>( port \d+)?$`, `^Invalid user <F-USER>.*</F-USER> \S+ <ADDR>$`, `^((?i)Bye) <HOST>$`} {
		if err := f.AddFailRegex(re); err != nil {
			t.Fatal(err)
		}
	}
	mark := func(s Step) (text, regex string) {
		regex = "-"
		if s.From >= 0 {
			regex = s.Source[:s.From] + "^" + s.Source[s.From:s.To] + "^" + s.Source[s.To:]
		}
		if s.Reach.Matched {
			regex = "matched"
		}
		return s.Text[:s.Reach.Start] + "[" + s.Text[s.Reach.Start:s.Reach.End] + "]" + s.Text[s.Reach.End:], regex
	}
	for _, c := range []struct {
		line  string
		pref  [2]string
		fails [][2]string
	}{
		{"2026-11-22 11:00:00 cron: x", [2]string{"[ ]cron: x\n", `^ ^sshd: ^<F-CONTENT>.+</F-CONTENT>$`}, nil},
		{"2026-11-22 11:00:00 sshd: Failed for root from nobody.example.", [2]string{"[ sshd: Failed for root from nobody.example.]\n", "matched"}, [][2]string{
			{"[Failed for root from nobody.example].\n", `^Failed for <F-USER>\S+</F-USER> from <HOST>( port \d+)?^$^`},
			{"[]Failed for root from nobody.example.\n", `^^Invalid user ^<F-USER>.*</F-USER> \S+ <ADDR>$`},
			{"[]Failed for root from nobody.example.\n", "-"},
		}},
		{"2026-11-22 11:00:00 sshd: Invalid user a b from 1.2.3", [2]string{"[ sshd: Invalid user a b from 1.2.3]\n", "matched"}, [][2]string{
			{"[]Invalid user a b from 1.2.3\n", `^^Failed for ^<F-USER>\S+</F-USER> from <HOST>( port \d+)?$`},
			{"[Invalid user a b from 1.2.3]\n", `^Invalid user <F-USER>.*</F-USER> \S+ ^<ADDR>^$`},
			{"[]Invalid user a b from 1.2.3\n", "-"},
		}},
	} {
		var n Notes
		f.Judge(Line{Text: []byte(c.line)}, Mode{CheckAll: true, Notes: &n})
		if n.Date != "2026-11-22 11:00:00" || n.Line[n.Cut[1]:] != c.line[19:] {
			t.Errorf("notes %+v", n)
		}
		a := NewExplainer(f).Explain(&n)
		text, regex := mark(*a.Pref)
		if text != c.pref[0] || regex != c.pref[1] {
			t.Errorf("prefregex: %q, %q; want %q", text, regex, c.pref)
		}
		if len(a.Fail) != len(c.fails) {
			t.Fatalf("%d failregexes tried, want %d", len(a.Fail), len(c.fails))
		}
		for i, s := range a.Fail {
			if text, regex = mark(s); text != c.fails[i][0] || regex != c.fails[i][1] {
				t.Errorf("failregex %d:\n%q\n%s\nwant\n%q\n%s", i+1, text, regex, c.fails[i][0], c.fails[i][1])
			}
		}
	}
}

package testfilter

import (
	"strings"
	"testing"
	"time"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/filter/date"
)

// forged is the address that a hostile name tries to have banned.
const forged = "198.51.100.66"

// payloads are names that a client may choose freely (FIELD C1).
var payloads = []string{
	"x from " + forged, "x from " + forged + " port 22 ssh2", "Invalid user root from " + forged, "root [preauth]", "' from '" + forged + "'",
	`" rhost=` + forged, "rhost=" + forged, "[" + forged + "]", "(" + forged + ")", "a\rb from " + forged, "\x1b[2K from " + forged, "x\x00y from " + forged,
	strings.Repeat(" ", 4096) + "from " + forged, "2001:db8::bad from 2001:db8::bad", "<HOST>", "from " + forged + ": 11: Bye Bye [preauth]", "x' from <" + forged + ">",
}

// TestInjectedNames puts hostile text in the place of each user's name in the
// sample lines of fail2ban 1.1.1: whatever is found then, it is never the
// address in that text.
func TestInjectedNames_C1(t *testing.T) {
	c, ok := collection111(t)
	if !ok {
		return
	}
	names, dir := sampleFilters(t, c.config, "")
	shared := date.NewShared()
	tried := 0
	for _, name := range names {
		for _, s := range readSamples(t, c.logs, name) {
			tried += injectInto(t, s, dir[name], shared)
		}
	}
	if tried < 1000 {
		t.Errorf("only %d lines were forged", tried)
	}
	t.Logf("%d forged lines", tried)
}

func injectInto(t *testing.T, s *sampleSession, dir string, shared *date.Shared) (tried int) {
	t.Helper()
	reading, err := config.New(config.Options{Dir: dir}).ReadFilter(s.spec(), "auto")
	if err != nil {
		t.Fatal(err)
	}
	zone := samplesZone(t)
	now := samplesNow(zone)
	fresh := func() *filter.Filter {
		tester := &tester{opt: options{json: true}}
		tester.flt = filter.New("jail", filter.Env{Clock: func() time.Time { return now }, Local: zone, Dates: shared})
		var fail, ignore []string
		for _, cmd := range reading.Commands {
			if err := tester.command(cmd, s.label, &fail, &ignore); err != nil {
				t.Fatal(err)
			}
		}
		if err := tester.addRegexes(fail, ignore); err != nil {
			t.Fatal(err)
		}
		return tester.flt
	}
	judge := func(f *filter.Filter, text string) []filter.Failure {
		line := filter.Line{Text: []byte(text + "\n")}
		if s.journal() {
			line.HasTime, line.Time = true, 1124013600
		}
		found, _ := f.Judge(line, filter.Mode{RawHosts: true, KeepPending: true})
		return found
	}
	first, second := fresh(), fresh()
	for _, x := range s.samples {
		for _, found := range judge(first, x.text) {
			user := found.Fields.Text("user")
			if user == "" || strings.Count(x.text, user) != 1 || strings.Contains(found.ID.String(), user) {
				continue
			}
			for _, p := range payloads {
				tried++
				now = now.Add(6 * time.Minute) // ends the session of the line before
				for _, got := range judge(second, strings.Replace(x.text, user, p, 1)) {
					if id := got.ID.String(); got.HasID && (id == forged || id == "2001:db8::bad") {
						t.Errorf("%s %s: the name %q bans %s\n%s", s.label, x.name(), p, id, x.text)
					}
				}
			}
		}
	}
	return tried
}

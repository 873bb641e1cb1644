package filter_test

import (
	"errors"
	"strings"
	"testing"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// faulty is a resolver with a fault: it ends the program at one name.
type faulty struct{}

func (faulty) Resolve(name string) (all []ipaddr.Addr) {
	if name == "evil" {
		all[0] = ipaddr.Addr{}
	}
	return []ipaddr.Addr{ipaddr.Parse("192.0.2.1")}
}

// TestAFaultCostsOneLine has lines judged by a program with a fault: the line that
// shows it is told of as one that failed, and the others are judged.
func TestAFaultCostsOneLine(t *testing.T) {
	lines := []string{day + "50 from good", day + "51 from evil", day + "52 from good", day + "53 from evil"}
	const want = "192.0.2.1, fault, 192.0.2.1, fault"
	check := func(how string, got []string) {
		t.Helper()
		if all := strings.Join(got, ", "); all != want {
			t.Errorf("%s: %s, want %s", how, all, want)
		}
	}
	result := func(found []filter.Failure, v filter.Verdict) string {
		fault := (*filter.Fault)(nil)
		if !errors.As(v.Err, &fault) {
			return found[0].ID.String()
		}
		if text := fault.Error(); len(found) > 0 || !strings.Contains(text, "filter/fault_test.go:") || !strings.Contains(text, "index out of range") {
			t.Errorf("the fault says %q, with %v", text, found)
		}
		return "fault"
	}
	f := newFilter(t, setup{UseDNS: "yes", Fail: []string{`from <HOST>$`}}, filter.Env{Resolver: faulty{}})
	var got []string
	for _, line := range lines {
		got = append(got, result(judge(f, line, filter.Mode{})))
	}
	check("one by one", got)
	got = nil
	_, err := f.JudgeBlock(filter.Block{Data: []byte(strings.Join(lines, "\n") + "\n")}, filter.Mode{}, func(j *filter.Judged) error {
		j.Fill()
		got = append(got, result(j.Failures, *j.Verdict))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check("in a block", got)
}

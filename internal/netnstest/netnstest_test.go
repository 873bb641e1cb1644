package netnstest_test

import (
	"os/exec"
	"strings"
	"testing"

	"f2b-go/internal/netnstest"
)

// TestPacketsPassUntilARuleDropsThem shows that the network tells a packet that
// gets through from one that does not, in both families.
func TestPacketsPassUntilARuleDropsThem(t *testing.T) {
	n := netnstest.New(t)
	probe := func(from string) [2]bool {
		t.Helper()
		udp, err := n.UDP(from, 5060)
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := n.TCP(from, 22)
		if err != nil {
			t.Fatal(err)
		}
		return [2]bool{udp, tcp}
	}
	rule := func(words string) {
		t.Helper()
		if _, err := n.Exec(strings.Fields(words)...); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ program, banned, other string }{
		{"iptables", "192.0.2.1", "192.0.2.2"}, {"ip6tables", "2001:db8::1", "2001:db8::2"},
	} {
		for _, target := range []string{"DROP", "REJECT"} {
			if got := probe(c.banned); got != [2]bool{true, true} {
				t.Errorf("%s before: udp, tcp = %v", c.banned, got)
			}
			rule(c.program + " -w -A INPUT -s " + c.banned + " -j " + target)
			if got := probe(c.banned); got != [2]bool{false, false} {
				t.Errorf("%s under %s: udp, tcp = %v", c.banned, target, got)
			}
			if got := probe(c.other); got != [2]bool{true, true} {
				t.Errorf("%s beside %s: udp, tcp = %v", c.other, target, got)
			}
			rule(c.program + " -w -D INPUT -s " + c.banned + " -j " + target)
			if got := probe(c.banned); got != [2]bool{true, true} {
				t.Errorf("%s after: udp, tcp = %v", c.banned, got)
			}
		}
	}
}

// TestDoStaysInTheNamespace: a program started by Do's function sees the
// namespace's network, and the test's own goroutine stays outside.
func TestDoStaysInTheNamespace(t *testing.T) {
	n := netnstest.New(t)
	inside, err := n.Exec("readlink", "/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var seen, outside string
	err = n.Do(func() (err error) {
		seen, err = run("readlink", "/proc/self/ns/net")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if outside, err = run("readlink", "/proc/self/ns/net"); err != nil {
		t.Fatal(err)
	}
	if seen != inside || outside == inside {
		t.Errorf("in Do %s, namespace %s, outside %s", seen, inside, outside)
	}
}
func run(program string, args ...string) (string, error) {
	out, err := exec.Command(program, args...).Output()
	return string(out), err
}

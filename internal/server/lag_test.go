package server

import (
	"fmt"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// TestLagIsShown: `status JAIL lag` is the status with one line more, and `get
// JAIL lag` the same as values.
func TestLagIsShown(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	basic := s.client("status", "j1").out
	if got := s.client("set", "j1", "idle", "on"); got.code != exitOK {
		t.Fatalf("idle: %+v", got)
	}
	lines := failures("192.0.2.1", 2)
	s.append("j1.log", lines)
	want := fmt.Sprintf("   `- Lag:\t%s: %d bytes, ", s.path("j1.log"), len(lines))
	testenv.Eventually(t, "the status shows "+want, func() bool {
		return strings.Contains(strings.ReplaceAll(s.client("status", "j1", "lag").out, "|  `-", "   `-"), want)
	})
	if got := s.client("--json", "get", "j1", "lag").out; !strings.HasPrefix(got, fmt.Sprintf(`{"ok":true,"value":[[%q,%d,`, s.path("j1.log"), len(lines))) {
		t.Errorf("as values: %s", got)
	}
	s.client("set", "j1", "idle", "off")
	caughtUp := fmt.Sprintf("Lag:\t%s: 0 bytes, 0.0 s\n", s.path("j1.log"))
	testenv.Eventually(t, "the status shows no lag", func() bool { return strings.Contains(s.client("status", "j1", "lag").out, caughtUp) })
	if strings.Contains(basic, "Lag:") || strings.Contains(s.read("f2b.log"), "Unsupported extended") {
		t.Errorf("the basic status shows the lag, or the flavour is unknown: %s", basic)
	}
}

package server

import (
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// TestFailedActionTellsItsValues_7_3: the log's line has the ticket's values that
// the command used.
func TestFailedActionTellsItsValues_7_3(t *testing.T) {
	files := simple()
	files["etc/jail.conf"] = "[DEFAULT]\nbackend = polling\nusedns = no\nignoreself = false\n" +
		"[m]\nenabled = true\nfilter = f1\nmaxretry = 2\nlogpath = DIR/j1.log\nbantime = 1h\naction = bad\n"
	files["etc/action.d/bad.conf"] = "[Definition]\nactionban = exit 3; : <bantime> <failures>\n"
	s := newScratch(t, files)
	s.serve()
	s.append("j1.log", failures("192.0.2.1", 2))
	want := "Failed to execute ban jail 'm' action 'bad' info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', 'fid': '192.0.2.1', 'failures': 2, 'bantime': 3600, "
	testenv.Eventually(t, "the failure is told", func() bool { return strings.Contains(s.read("f2b.log"), "Error banning 192.0.2.1") })
	if lines := s.linesWith("Failed to execute"); len(lines) != 1 || !strings.Contains(lines[0], want) || !strings.HasSuffix(lines[0], "': Error banning 192.0.2.1") {
		t.Errorf("lines %q, want %s", lines, want)
	}
}

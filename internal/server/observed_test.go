package server

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestLinesOfAStart_7_3: the lines of the observer and of date patterns that
// people look for stand in the log of a start and an end.
func TestLinesOfAStart_7_3(t *testing.T) {
	s := newScratch(t, simple())
	p := s.serve()
	if got := s.client("--json", "get", "j1", "maxretry"); got.out != `{"ok":true,"value":2}`+"\n" || got.code != 0 {
		t.Errorf("--json: %+v", got)
	}
	if got := s.client("--json", "status", "nope"); !strings.Contains(got.out, `"class":"UnknownJailException"}`) || got.code != exitFailed {
		t.Errorf("--json: %+v", got)
	}
	p.stop(syscall.SIGTERM)
	log := s.read("f2b.log")
	for _, line := range []string{
		`fail2ban\.observer       \[\d+\]: INFO    Observer start\.\.\.`,
		"fail2ban\\.datedetector   \\[\\d+\\]: INFO      date pattern `'%Y-%m-%d %H:%M:%S'`: `Year-Month-Day 24hour:Minute:Second`",
		`Shutdown in progress\.\.\.\n.*fail2ban\.observer       \[\d+\]: INFO    Observer stop \.\.\. try to end queue 5 seconds\n.*Observer stopped, 0 events remaining\.\n.*Stopping all jails`,
	} {
		if !regexp.MustCompile(line).MatchString(log) {
			t.Errorf("no line %s", line)
		}
	}
	if s.client("--json", "ping").code != exitFailed {
		t.Error("a server that is gone answers")
	}
}

package main

import (
	"strings"
	"testing"
)

// TestExitCodes says 0 where help or the version was asked for, and 2 to words
// that mean nothing.
func TestExitCodes(t *testing.T) {
	want := map[string]int{
		"": 2, "nosuch": 2, "-x": 2, "-h": 0, "--help": 0, "help": 0, "-V": 0, "--version": 0, "version": 0, "version x": 2,
		"completion": 2, "completion csh": 2, "completion bash": 0,
		"check --nosuch": 2, "check x": 2, "test-action": 2, "firewall": 2, "firewall nosuch": 2, "demo x": 2,
		"test-filter": 255, "test-filter --nosuch": 2, "client --nosuch": 255, "server --nosuch": 255,
	}
	for _, v := range verbs {
		want[v.name+" --help"], want[v.name+" -h"] = 0, 0
	}
	for words, code := range want {
		if got := run("f2b-go", strings.Fields(words)); got != code {
			t.Errorf("f2b-go %s: exit code %d, want %d", words, got, code)
		}
	}
	for name, code := range map[string]int{"fail2ban-server": 0, "fail2ban-client": 0, regexName: 0, "firewall3": 0} {
		if got := run(name, []string{"--help"}); got != code {
			t.Errorf("%s --help: exit code %d", name, got)
		}
	}
}

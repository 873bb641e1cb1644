package jail

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestGooglebotIgnored_C_3 asks a DNS of its own in the place of the stock
// script.
func TestGooglebotIgnored_C_3(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name, "apache-fakegooglebot")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "none", "apache-fakegooglebot")
	python := write("python", "#!/usr/bin/env fail2ban-python\nprint('mine')\n")
	shell := write("shell", "#!/bin/sh\nexit 0\n")
	t.Setenv("PATH", dir) // no fail2ban-python there
	tests := []struct {
		name, command, id string
		ignored           bool
		log               string
	}{
		{"Google's", missing + " <ip>", "66.249.66.1", true, "INFO filter: [j] Ignore 66.249.66.1 by command"},
		{"IPv6", missing + " <ip>", "2001:4860:4801::1", true, "INFO filter: [j] Ignore 2001:4860:4801::1 by command"},
		{"script without its Python", python + " <ip>", "66.249.66.1", true, "INFO filter: [j] Ignore 66.249.66.1 by command"},
		{"time limit given", missing + " <ip> 5", "66.249.66.1", true, "INFO filter: [j] Ignore 66.249.66.1 by command"},
		{"the name has another address", missing + " <ip>", "192.0.2.1", false, ""},
		{"a name that only looks like it", missing + " <ip>", "192.0.2.2", false, ""},
		{"no name", missing + " <ip>", "192.0.2.3", false, ""},
		{"a second name", missing + " <ip>", "192.0.2.5", true, "INFO filter: [j] Ignore 192.0.2.5 by command"},
		{"no address", missing + " <ip>", "bob", false, "ERROR filter: [j] asking whether bob is Google's: it is no address"},
		{"a network", missing + " <ip>", "66.249.64.0/19", false, "ERROR filter: [j] asking whether 66.249.64.0/19 is Google's: it is no address"},
		{"another script of that name runs", shell + " <ip>", "192.0.2.1", false, ""},
		{"other arguments run the script", missing + " <ip> soon", "66.249.66.1", false, ""},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			b := newIgnoreBench()
			b.names.known = map[string][]string{
				"crawl-66-249-66-1.googlebot.com": {"66.249.66.1", "2001:4860:4801::1"}, "x.google.com": {"66.249.66.9"},
				"google.com.evil.example": {"192.0.2.2"}, "evilgoogle.com": {"192.0.2.2"}, "y.google.com": {"192.0.2.5"},
			}
			b.ig.env.lookup = nil
			b.ig.google.lookup = func(_ context.Context, ip string) ([]string, error) {
				switch ip {
				case "66.249.66.1", "2001:4860:4801::1":
					return []string{"crawl-66-249-66-1.googlebot.com."}, nil
				case "192.0.2.1":
					return []string{"x.google.com."}, nil
				case "192.0.2.2":
					return []string{"google.com.evil.example.", "evilgoogle.com."}, nil
				case "192.0.2.5":
					return []string{"other.example.", "y.google.com."}, nil
				}
				return nil, errors.New("no such host")
			}
			b.ig.env.lookup = b.ig.google.lookup
			b.ig.setCommand(c.command)
			want := strings.TrimSpace(map[bool]string{true: "true ", false: "false "}[c.ignored] + c.log)
			if got := strings.TrimSpace(b.ask(c.id)); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			runs := strings.HasPrefix(c.command, shell) || strings.HasSuffix(c.command, "soon")
			if (len(b.cmds.ran) > 0) != runs {
				t.Errorf("commands run: %v", b.cmds.ran)
			}
		})
	}
}

// TestGooglebotWaitsNotForever has a DNS that does not answer; answers are
// remembered, such failures are not.
func TestGooglebotWaitsNotForever_C_3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newIgnoreBench()
		asked := 0
		b.ig.env.lookup = func(ctx context.Context, _ string) ([]string, error) {
			asked++
			if asked == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, errors.New("no such host")
		}
		b.ig.google.lookup = b.ig.env.lookup
		b.ig.setCommand("/nowhere/apache-fakegooglebot <ip> 7")
		begun := time.Now()
		if got := b.ask("192.0.2.1"); !strings.HasPrefix(got, "false ERROR") {
			t.Error(got)
		}
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("it took %v", took)
		}
		for range 3 {
			if got := b.ask("192.0.2.1"); got != "false " {
				t.Error(got)
			}
		}
		b.now = b.now.Add(6 * time.Minute)
		b.ask("192.0.2.1")
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
}

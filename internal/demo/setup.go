package demo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"f2b-go/etc_fail2ban"
)

// banTime is long enough to look at and short enough to wait for.
const banTime = 4 * time.Second

// writeConfiguration puts the embedded configuration into the scratch folder,
// with a jail.local as a user would write one.
func (s *story) writeConfiguration() error {
	etc := filepath.Join(s.dir, "etc")
	if err := os.CopyFS(etc, etc_fail2ban.FS); err != nil {
		return fmt.Errorf("writing the embedded configuration: %w", err)
	}
	files := map[string]string{
		s.log: "",
		filepath.Join(etc, "jail.local"): fmt.Sprintf("[sshd]\nenabled = true\nlogpath = %s\nbantime = %d\nbanaction = %s\n",
			s.log, int(banTime.Seconds()), s.banaction()),
		filepath.Join(etc, "fail2ban.local"): fmt.Sprintf("[Definition]\nlogtarget = %s\ndbfile = None\n", filepath.Join(s.dir, "server.log")),
	}
	if !s.real {
		for _, name := range []string{"nft", "iptables", "ip6tables"} {
			files[filepath.Join(s.dir, "bin", name)] = "#!/bin/sh\nprintf '%s\\n' \"" + name + " $*\" >>\"" + s.commands() + "\"\n"
		}
		files[s.commands()] = ""
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("preparing the scratch folder: %w", err)
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(path)) == "bin" {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			return fmt.Errorf("preparing the scratch folder: %w", err)
		}
	}
	return nil
}

func (s *story) banaction() string {
	if s.real && firewallProgram() == "iptables" {
		return "iptables-multiport"
	}
	return "nftables"
}

// commands is where the stand-ins write down how they were called.
func (s *story) commands() string { return filepath.Join(s.dir, "commands") }

// path is the server's search path, with the stand-ins first unless real.
func (s *story) path() string {
	if s.real {
		return os.Getenv("PATH")
	}
	return filepath.Join(s.dir, "bin") + ":" + os.Getenv("PATH")
}

// rules returns what the kernel of this namespace holds, or what the stand-ins
// were called with.
func (s *story) rules(ctx context.Context) string {
	if !s.real {
		text, err := os.ReadFile(s.commands())
		if err != nil {
			return ""
		}
		return string(text)
	}
	words := []string{"nft", "list", "ruleset"}
	if firewallProgram() == "iptables" {
		words = []string{"iptables-save"}
	}
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// banLines picks from the rules what a reader wants to see.
func (s *story) banLines(ctx context.Context) string {
	rules := s.rules(ctx)
	if !s.real || firewallProgram() == "nft" {
		return rules
	}
	var lines strings.Builder
	for line := range strings.Lines(rules) {
		if strings.Contains(line, "f2b-") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

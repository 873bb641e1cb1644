package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// failedLogins are lines of sshd as they reach a log now.
func failedLogins(address string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s mail sshd[%d]: Failed password for root from %s port %d ssh2\n",
			time.Now().Format(time.Stamp), 100+i, address, 4700+i)
	}
	return b.String()
}

// TestMainJob is the program's main job on whole configurations: five failed
// logins are written to a log, the kernel holds the ban, Debian's own client
// prints it, and after the ban time it is gone.
func TestMainJob(t *testing.T) {
	needRoot(t)
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	for _, c := range []struct {
		etc       func(*testing.T, string)
		name      string
		banaction string
		backend   string
	}{
		{etcOfDebian, "debian", "iptables-multiport", "auto"},
		{etcOfDebian, "debian", "iptables-ipset-proto6", "polling"},
		{etcOfDebian, "debian", "nftables-multiport", "auto"},
		{etcOfOurs, "ours", "iptables-multiport", "polling"},
		{etcOfOurs, "ours", "iptables-ipset", "auto"},
		{etcOfOurs, "ours", "nftables", "auto"},
	} {
		for _, address := range []string{"192.0.2.7", "2001:db8::7"} {
			t.Run(fmt.Sprintf("%s/%s/%s/%s", c.name, c.banaction, c.backend, address), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				c.etc(t, dir)
				log := filepath.Join(dir, "auth.log")
				writeFile(t, log, "")
				writeFile(t, filepath.Join(dir, "etc", "jail.d", "zz-test.local"), fmt.Sprintf(
					"[DEFAULT]\nbanaction = %s\nbackend = %s\nignoreself = false\n[sshd]\nenabled = true\nbackend = %s\nlogpath = %s\nbantime = 4\n",
					c.banaction, c.backend, c.backend, log))
				banAndUnban(t, startServer(t, namespace(t), dir, []string{ours("fail2ban-server")}, debianClient), log, address)
			})
		}
	}
}

func banAndUnban(t *testing.T, s *server, log, address string) {
	t.Helper()
	if rules := s.rules(); strings.Contains(rules, address) {
		t.Fatalf("banned before anything happened:\n%s", rules)
	}
	appendFile(t, log, failedLogins(address, 5))
	took := testenv.Eventually(t, "the kernel holds the ban", func() bool { return strings.Contains(s.rules(), address) })
	t.Logf("from the log to the kernel's rules as seen from outside: %v", took.Round(time.Millisecond))
	if text, code := s.ask("status", "sshd"); code != 0 || !strings.Contains(text, "Banned IP list:\t"+address) {
		t.Errorf("Debian's client printed, with code %d:\n%s", code, text)
	}
	testenv.Eventually(t, "the ban is gone", func() bool { return !strings.Contains(s.rules(), address) })
	text, _ := s.ask("status", "sshd")
	for _, want := range []string{"Currently banned:\t0", "Total banned:\t1", "Total failed:\t5"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for _, want := range []string{"[sshd] Found " + address, "NOTICE  [sshd] Ban " + address, "NOTICE  [sshd] Unban " + address} {
		if !strings.Contains(s.log(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

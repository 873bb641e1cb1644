package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// allNamespaces is the knob that lets rules of a network namespace write to the
// kernel's log; it is the whole machine's.
const allNamespaces = "/proc/sys/net/netfilter/nf_log_all_netns"

// TestKernelEventsBan_T8: what the firewall's rules tell, through NFLOG or the
// kernel's log, bans within a second; what a program writes there does not.
func TestKernelEventsBan_T8(t *testing.T) {
	needRoot(t)
	for backend, rule := range map[string][]string{
		"nflog": {"-j", "NFLOG", "--nflog-group", "2011", "--nflog-prefix", "SIP: "},
		"kmsg":  {"-j", "LOG", "--log-prefix", "SIP: "},
	} {
		t.Run(backend, func(t *testing.T) {
			if backend == "kmsg" && !logAllNamespaces(t) {
				return
			}
			net := netnstest.New(t)
			for program, attackers := range map[string]string{"iptables": "192.0.2.0/30", "ip6tables": "2001:db8::/126"} {
				if out, err := net.Exec(append([]string{program, "-A", "INPUT", "-s", attackers, "-p", "udp", "--dport", "5060"}, rule...)...); err != nil {
					t.Fatal(err, out)
				}
			}
			dir := t.TempDir()
			etcOfOurs(t, dir)
			writeFile(t, filepath.Join(dir, "etc", "jail.local"), "[firewall3]\nenabled = true\nignoreself = false\nbackend = "+backend+"\n")
			s := startServer(t, net.Name(), dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
			testenv.Eventually(t, "the jail reads", func() bool { return strings.Contains(s.log(), "[firewall3] Jail is in operation now") })
			if backend == "kmsg" {
				writeFile(t, "/dev/kmsg", "<4>SIP: IN=wire OUT= MAC= SRC=203.0.113.9 DST=192.0.2.100 LEN=31 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=1 DPT=5060 LEN=11\n")
			}
			for _, from := range []string{"192.0.2.1", "2001:db8::1"} {
				if _, err := net.UDP(from, 5060); err != nil {
					t.Fatal(err)
				}
				took := testenv.Eventually(t, from+" in the kernel's rules", func() bool {
					return strings.Contains(s.rules(), from)
				})
				t.Logf("%s: banned %s after its packet", from, took.Round(time.Millisecond))
				if arrived, err := net.UDP(from, 5060); err != nil || arrived {
					t.Errorf("%s still comes through (%t, %v)", from, arrived, err)
				}
			}
			if text, _ := s.ask("get", "firewall3", "banip"); strings.Contains(text, "203.0.113.9") {
				t.Errorf("what a program wrote to the kernel's log banned: %s", text)
			}
		})
	}
}

// logAllNamespaces turns the knob until the test ends. Where it cannot be
// turned, NFLOG's half of the test stands alone.
func logAllNamespaces(t *testing.T) bool {
	t.Helper()
	before, err := os.ReadFile(allNamespaces)
	if err == nil {
		err = os.WriteFile(allNamespaces, []byte("1"), 0)
	}
	if err != nil {
		t.Logf("rules of a namespace cannot write to the kernel's log here: %v", err)
		return false
	}
	t.Cleanup(func() { _ = os.WriteFile(allNamespaces, before, 0) })
	return true
}

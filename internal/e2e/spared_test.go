package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"f2b-go/etc_fail2ban"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// TestTrustedAreNotBanned_T9: with the firewall loaded, trusted sites are banned
// by no jail and by hand only with --force, and a phone that has registered is
// spared from evidence that may be forged, but not from proof.
func TestTrustedAreNotBanned_T9(t *testing.T) {
	needRoot(t)
	net := netnstest.New(t)
	r := newScratchRoot(t, net.Name())
	const etc = "/etc/f2b-test"
	for _, name := range []string{"fail2ban.conf", "jail.conf", "filter.d/common.conf", "filter.d/asterisk.conf", "filter.d/firewall3.conf", "action.d/iptables-allports.conf"} {
		text, err := etc_fail2ban.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r.run("mkdir", "-p", etc+"/filter.d", etc+"/action.d", "/etc/network")
		r.write(etc+"/"+name, string(text))
	}
	const log, kernel = "/var/log/f2b-asterisk.log", "/var/log/f2b-kernel.log"
	r.write("/var/log/f2b-test.log", "")
	r.write(log, "")
	r.write(kernel, "")
	r.write(etc+"/jail.local", fmt.Sprintf("[DEFAULT]\nenabled = false\nignoreself = false\n[asterisk]\nenabled = true\nmaxretry = 2\nlogpath = %[1]s\n"+
		"[asterisk-weak]\nenabled = true\nlogpath = %[1]s\n[firewall3]\nenabled = true\nlogpath = %[2]s\n", log, kernel))
	r.write("/etc/network/allowSites", "# the office\n192.0.2.1\n2001:db8:1::/48\n")
	r.write("/etc/network/blockSites", "")
	r.run(ours("f2b-go"), "firewall", "start", "--force")
	defer r.run(ours("f2b-go"), "firewall", "stop")

	client := func(words ...string) (string, int) {
		return output(t, r.at(append([]string{ours("fail2ban-client"), "-c", etc}, words...)...)...)
	}
	argv := r.at(ours("fail2ban-server"), "-f", "-c", etc, "--logtarget", "/var/log/f2b-test.log", "start")
	server := exec.Command(argv[0], argv[1:]...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { _ = server.Process.Kill() })
	logged := func(text string) {
		t.Helper()
		testenv.Eventually(t, text, func() bool { return strings.Contains(r.run("cat", "/var/log/f2b-test.log"), text) })
	}
	logged("Jail 'firewall3' started")

	line := func(file, text string) {
		t.Helper()
		text = time.Now().Format(map[string]string{log: "[2006-01-02 15:04:05] ", kernel: "Jan _2 15:04:05 "}[file]) + text
		if out, err := exec.Command("nsenter", r.at("sh", "-c", `printf '%s\n' "$2" >>"$1"`, "sh", file, text)[1:]...).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	weak := "NOTICE[7] chan_sip.c: Registration from '<sip:1@h>' failed for '%s:5060' - No matching peer found"
	strong := "NOTICE[7] chan_sip.c: Registration from '<sip:1@h>' failed for '%s:5060' - Wrong password"
	line(log, fmt.Sprintf(weak, "192.0.2.1"))
	logged("[asterisk-weak] Ignore 192.0.2.1 by allowSites")

	line(log, `SECURITY[7] res_security_log.c: SecurityEvent="SuccessfulAuth",EventTV="2026-11-22T11:59:18.000+0000",Severity="Informational",Service="PJSIP",EventVersion="1",AccountID="100",SessionID="x",LocalAddress="IPV4/UDP/198.51.100.1/5060",RemoteAddress="IPV4/UDP/192.0.2.2/5060",UsingPassword="1"`)
	testenv.Eventually(t, "the firewall knows the phone", func() bool { return strings.Contains(r.run("ipset", "list", "f2b-registered"), "192.0.2.2 timeout") })
	line(log, fmt.Sprintf(weak, "192.0.2.2"))
	logged("[asterisk-weak] Ignore 192.0.2.2 by registration")
	line(kernel, "pbx kernel: SIP: IN=eth0 OUT= MAC= SRC=192.0.2.2 DST=192.0.2.100 LEN=31 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=1 DPT=5060 LEN=11")
	logged("[firewall3] Ignore 192.0.2.2 by registration")
	line(log, fmt.Sprintf(strong, "192.0.2.2"))
	line(log, fmt.Sprintf(strong, "192.0.2.2"))
	logged("[asterisk] Ban 192.0.2.2")
	line(log, fmt.Sprintf(weak, "192.0.2.3"))
	logged("[asterisk-weak] Ban 192.0.2.3")

	if text, code := client("set", "firewall3", "banip", "192.0.2.3", "192.0.2.0/28"); code == 0 || !strings.Contains(text, "192.0.2.0/28 is of the firewall's allowSites") {
		t.Errorf("banning a network with a trusted site by hand: %d %s", code, text)
	}
	if text, _ := client("get", "firewall3", "banip"); strings.TrimSpace(text) != "" {
		t.Errorf("a refused command banned %s", text)
	}
	if text, code := client("set", "firewall3", "banip", "--force", "192.0.2.1"); code != 0 || strings.TrimSpace(text) != "1" {
		t.Errorf("banning a trusted site with --force: %d %s", code, text)
	}
	r.write("/etc/network/allowSites", "192.0.2.3\n")
	testenv.Eventually(t, "a changed list holds", func() bool {
		_, code := client("set", "firewall3", "banip", "192.0.2.3")
		return code != 0
	})
	if text, code := client("stop"); code != 0 {
		t.Errorf("stop: %d %s", code, text)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for said := range strings.Lines(r.run("cat", "/var/log/f2b-test.log")) {
		if strings.Contains(said, " ERROR ") && !strings.Contains(said, "allowSites") {
			t.Error(said)
		}
	}
}

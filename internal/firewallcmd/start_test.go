package firewallcmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/firewall"
	"f2b-go/internal/netnstest"
)

// TestStartFiveTimesStopOnce_T1 has chains, sets and tables of others beside it:
// five starts are one, and a stop leaves what was there before.
func TestStartFiveTimesStopOnce_T1(t *testing.T) {
	b := newBox(t)
	b.foreign()
	before := b.dump()
	out := b.must("start")
	for _, part := range []string{"at all interfaces", "Allowed sites", netnstest.Control4, "Blocked sites", "sip "} {
		if !strings.Contains(out, part) {
			t.Errorf("start does not tell %q:\n%s", part, out)
		}
	}
	once := b.dump()
	for range 4 {
		b.must("start")
	}
	if diff := cmp.Diff(once, b.dump()); diff != "" {
		t.Errorf("five starts are not one (-once +five):\n%s", diff)
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		rules := b.run(program + " -S INPUT")
		if strings.Count(rules, firewall.ChainInput) != 1 || strings.Index(rules, "f2b-sshd") > strings.Index(rules, firewall.ChainInput) {
			t.Errorf("the jump stands not once, or before the bans:\n%s", rules)
		}
	}
	for line := range strings.Lines(before) {
		if !strings.Contains(once, line) {
			t.Errorf("start took away %q", line)
		}
	}
	b.must("stop")
	if diff := cmp.Diff(before, b.dump()); diff != "" {
		t.Errorf("stop does not undo (-before +after):\n%s", diff)
	}
	if _, code := b.status(); code != exitStopped {
		t.Errorf("status after stop: exit code %d", code)
	}
	b.must("stop") // which has nothing to do
}

// wrap puts a script before a program in the path.
func (b *box) wrap(program, script string) {
	b.Helper()
	real, err := exec.LookPath(program)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(b.file("bin"), 0o755); err != nil {
		b.Fatal(err)
	}
	text := "#!/bin/sh\nreal=" + real + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(b.file("bin"), program), []byte(text), 0o755); err != nil {
		b.Fatal(err)
	}
	b.path = b.file("bin") + ":" + os.Getenv("PATH")
}

// TestAFailureInOneFamilyChangesNone_T3 has the second family refuse its rules,
// or the load killed between the two.
func TestAFailureInOneFamilyChangesNone_T3(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("loaded before %v", running), func(t *testing.T) {
			b := newBox(t)
			b.foreign()
			if running {
				b.must("start")
			}
			before := b.dump()
			b.configure("[limits]", "total = 3/sec burst 7", "[services]", "rtp = allowed")
			b.wrap("ip6tables-restore", `case "$*" in *--test*) exec $real "$@";; esac
sed 's/^COMMIT/-A f2b-fw-drop -j NOWHERE\nCOMMIT/' | exec $real "$@"`)
			b.refused("NOWHERE", "start")
			if diff := cmp.Diff(before, b.dump()); diff != "" {
				t.Errorf("a failed start has changed something (-before +after):\n%s", diff)
			}
			for _, at := range []struct{ program, call string }{
				{"ipset", "*restore*"}, {"ip6tables-restore", "*-w\\ 20"}, {"ip6tables", "*-I\\ INPUT*"},
			} {
				if at.program == "ip6tables" && running {
					continue // the jump is there
				}
				b.killed(at.program, at.call, before)
			}
			b.path = ""
			b.must("start")
			if b.dump() == before {
				t.Error("a start after that changes nothing")
			}
		})
	}
}

// killed has a load killed while it runs a program, and waits for the former
// rules.
func (b *box) killed(program, call, before string) {
	b.Helper()
	mark := b.file("killed-" + program)
	b.wrap(program, `case "$*" in `+call+`) ;; *) exec $real "$@";; esac
[ -e `+mark+` ] && exec $real "$@"
: > `+mark+`
kill -9 $PPID
exec $real "$@"`)
	began := time.Now()
	_, errs, code := b.call("start")
	if code >= 0 && code != 137 {
		b.Fatalf("the start was not killed: exit code %d\n%s", code, errs)
	}
	b.until(5*time.Second, "back to the former rules", // a second where the machine is quiet
		func() bool { return b.dump() == before })
	b.Logf("killed at %s: back to the former rules in both families %v after the start", program, time.Since(began).Round(time.Millisecond))
	b.until(5*time.Second, "told of the load that broke off", func() bool {
		r, _ := b.status()
		return strings.Contains(strings.Join(r.Warnings, "\n"), "the load broke off")
	})
}

// TestUnconfirmedRulesGo_T4 cuts off a peer on trial.
func TestUnconfirmedRulesGo_T4(t *testing.T) {
	b := newBox(t)
	const peer = "192.0.2.1"
	before := b.dump()

	// Nobody confirms.
	began := time.Now()
	b.must("start", "--confirm", "4")
	if b.reaches(peer, 53) {
		t.Error("the rules on trial do not hold")
	}
	if r, code := b.status(); code != 0 || r.WaitsUntil.IsZero() {
		t.Errorf("status: exit code %d, waits until %v", code, r.WaitsUntil)
	}
	b.refused("wait for confirmation", "reload")
	b.until(15*time.Second, "reached again", func() bool { return b.reaches(peer, 53) })
	t.Logf("without confirmation the peer is back %v after the call for a trial of 4 s", time.Since(began).Round(10*time.Millisecond))
	b.until(15*time.Second, "as before", func() bool { return b.dump() == before })
	b.refused("nobody confirmed in time", "confirm")

	// Somebody does, though the caller's whole session was killed.
	shell := b.command("start", "--confirm", "60")
	session := exec.Command("sh", append([]string{"-c", `"$@"; echo loaded; read never`, "sh"}, shell.Args...)...)
	session.Env = shell.Env
	session.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	b.killAfter(session, "loaded")
	b.configure("ping = perhaps") // what is wrong meanwhile keeps nobody from it
	b.must("confirm")
	if _, code := b.status(); code != 0 {
		t.Errorf("status with a broken configuration: exit code %d", code)
	}
	b.configure()
	b.refused("nothing waits", "confirm")
	if b.reaches(peer, 53) {
		t.Error("the confirmed rules do not hold")
	}
	confirmed := b.dump()

	// Nobody can, since the session was killed.
	b.configure("[services]", "dns = open")
	shell = b.command("restart", "--confirm", "1")
	session = exec.Command("sh", append([]string{"-c", `"$@"; echo loaded; read never`, "sh"}, shell.Args...)...)
	session.Env = shell.Env
	session.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	b.killAfter(session, "loaded")
	b.until(15*time.Second, "back to the confirmed rules", func() bool { return b.dump() == confirmed })
	if _, code := b.status(); code != 0 {
		t.Errorf("status after going back: exit code %d", code)
	}
}

// killAfter starts a session, waits for a line and kills all of it.
func (b *box) killAfter(session *exec.Cmd, line string) {
	b.Helper()
	out, err := session.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	if err := session.Start(); err != nil {
		b.Fatal(err)
	}
	buf, text := make([]byte, 1024), ""
	for !strings.Contains(text, line) {
		n, err := out.Read(buf)
		text += string(buf[:n])
		if err != nil {
			b.Fatalf("%v: %s", err, text)
		}
	}
	if err := syscall.Kill(-session.Process.Pid, syscall.SIGKILL); err != nil {
		b.Fatal(err)
	}
	_ = session.Wait()
}

// TestUnconfirmedRulesStayAwayAtABoot_T4: what was on trial when the machine went
// down does not come back with it.
func TestUnconfirmedRulesStayAwayAtABoot_T4(t *testing.T) {
	b := newBox(t)
	b.must("start", "--confirm", "60")
	boot := func() {
		b.run("iptables -F; iptables -X; ip6tables -F; ip6tables -X; ipset destroy")
		if _, err := ask(b.dirs(), "cancel"); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(b.file("run")); err != nil {
			t.Fatal(err)
		}
	}
	boot()
	b.refused("never confirmed", "start")
	b.must("start", "--force")
	good := b.dump()
	b.configure("[services]", "rtp = allowed")
	b.must("start", "--confirm", "60")
	bad := b.dump()
	boot()
	_, errs, code := b.call("start")
	if code != 0 || !strings.Contains(errs, "the last good ones") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if diff := cmp.Diff(good, b.dump()); diff != "" {
		t.Errorf("not the last good rules (-good +now):\n%s", diff)
	}
	if _, code := b.status(); code != 0 {
		t.Errorf("status: exit code %d", code)
	}
	b.must("start", "--confirm", "60")
	b.must("confirm")
	boot()
	b.must("start")
	if diff := cmp.Diff(bad, b.dump()); diff != "" {
		t.Errorf("confirmed rules do not come back (-confirmed +now):\n%s", diff)
	}
}

// TestListsOnTrial_T4: a reload that changes nothing but a list goes back, too, and
// leaves alone what others did meanwhile.
func TestListsOnTrial_T4(t *testing.T) {
	b := newBox(t)
	b.must("start")
	b.run("ipset add f2b-registered 192.0.2.3 timeout 600")
	b.write("block", "192.0.2.1\n2001:db8:7::/48\n")
	b.must("reload", "--confirm", "2")
	if got := b.members("f2b-fw-block"); got != "192.0.2.1" {
		t.Errorf("on trial the set holds %q", got)
	}
	b.run("iptables -N f2b-new; iptables -A f2b-new -s 192.0.2.66 -j DROP; iptables -I INPUT -j f2b-new; ipset add f2b-registered 192.0.2.2 timeout 600")
	b.until(15*time.Second, "without the list", func() bool { return b.members("f2b-fw-block") == "" })
	if got := b.members("f2b-fw-block6"); got != "" {
		t.Errorf("the set of IPv6 holds %q", got)
	}
	if got := b.members("f2b-registered"); got != "192.0.2.2 timeout 192.0.2.3 timeout" {
		t.Errorf("registered are %q", got)
	}
	if !strings.Contains(b.run("iptables -S INPUT"), "f2b-new") {
		t.Error("a ban of the meantime is gone")
	}
	b.until(5*time.Second, "at one with the status", func() bool { _, code := b.status(); return code == 0 })
}

// TestTheCallersOwnConnection_T4 refuses rules that would cut off who loads them.
func TestTheCallersOwnConnection_T4(t *testing.T) {
	b := newBox(t)
	b.env = []string{"SSH_CONNECTION=203.0.113.9 4444 192.0.2.100 2222"}
	before := b.dump()
	b.refused("you are logged in from 203.0.113.9", "start")
	b.refused("which may not reach port 2222", "start", "--confirm", "5")
	if diff := cmp.Diff(before, b.dump()); diff != "" {
		t.Errorf("a refused start has changed something:\n%s", diff)
	}
	b.configure("[services]", "ssh = open", "[ports]", "ssh = 2222/tcp")
	b.must("start")
	b.write("block", "203.0.113.0/24\n")
	b.refused("you are logged in", "reload")
	b.refused("you are logged in", "restart")
	b.refused("you are logged in", "reload", "--lists")
	b.write("allow", netnstest.Control4+"\n203.0.113.0-203.0.113.20\n")
	b.must("reload")
	b.write("allow", netnstest.Control4+"\n")
	b.must("restart", "--force")
}

// TestNobodyAllowed_5 refuses to lock everybody out.
func TestNobodyAllowed_5(t *testing.T) {
	b := newBox(t)
	for name, list := range map[string]string{"empty": "# nobody\n", "loopback": "127.0.0.1\n::1\n", "over": "192.0.2.7 until=2020-01-01\n", "bad": "no address at all\n"} {
		b.write("allow", list)
		b.refused("no site is allowed", "start")
		_ = name
	}
	if err := os.Remove(b.file("allow")); err != nil {
		t.Fatal(err)
	}
	b.refused("no site is allowed", "start")
	b.configure("console_only = yes")
	b.must("start")
	if ssh, err := b.n.TCP("192.0.2.1", 22); err != nil || ssh || !b.reaches("192.0.2.1", 12345) {
		t.Errorf("rules for the console only do not hold: ssh %v %v", ssh, err)
	}
}

// TestDryRunChangesNothing prints what would be loaded.
func TestDryRunChangesNothing(t *testing.T) {
	b := newBox(t)
	before := b.dump()
	out := b.must("start", "--dry-run")
	for _, part := range []string{"create f2b-fw-allow", "-A f2b-fw-input -i lo -j ACCEPT", "ip6tables -I INPUT -j f2b-fw-input", "COMMIT"} {
		if !strings.Contains(out, part) {
			t.Errorf("lacks %q", part)
		}
	}
	b.must("check")
	if diff := cmp.Diff(before, b.dump()); diff != "" {
		t.Errorf("it has changed something:\n%s", diff)
	}
	if _, err := os.Stat(b.file("run")); !os.IsNotExist(err) {
		t.Errorf("it has made the folder: %v", err)
	}
}

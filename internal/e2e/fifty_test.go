package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fiftyJails is Debian's configuration with 50 jails on stock filters, each with
// a log of its own and an action of nftables.
func fiftyJails(t *testing.T, dir string) {
	t.Helper()
	etcOfDebian(t, dir)
	filters, err := filepath.Glob(filepath.Join(dir, "etc", "filter.d", "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("[sshd]\nenabled = false\n")
	n := 0
	for _, path := range filters {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		if strings.Contains(name, "common") || name == "recidive" || name == "apache-fakegooglebot" || n == 50 {
			continue
		}
		n++
		log := filepath.Join(dir, name+".log")
		writeFile(t, log, "")
		fmt.Fprintf(&b, "[t-%d]\nenabled = true\nfilter = %s\nbackend = auto\nport = http\nlogpath = %s\naction = nftables-multiport[name=t-%d, port=80]\n", n, name, log, n)
	}
	writeFile(t, filepath.Join(dir, "etc", "jail.d", "zz-fifty.local"), b.String())
	if n != 50 {
		t.Fatalf("%d jails", n)
	}
}

// TestFiftyJails measures the way from the start of the program to "Server
// ready", and from the client's stop to the server's end, with 50 jails.
func TestFiftyJails(t *testing.T) {
	if _, err := os.Stat("/etc/fail2ban/filter.d"); err != nil {
		t.Log("Debian's fail2ban is not installed: not tried")
		return
	}
	dir := t.TempDir()
	fiftyJails(t, dir)
	args := []string{"-c", filepath.Join(dir, "etc"), "-s", filepath.Join(dir, "f2b.sock"), "-p", filepath.Join(dir, "f2b.pid"),
		"--logtarget", filepath.Join(dir, "f2b.log")}
	leastStart, leastStop := time.Hour, time.Hour
	for range 5 {
		cmd := exec.Command(ours("fail2ban-server"), append(args, "-f", "start")...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		k, err := out.Read(buf)
		start := time.Since(begin)
		if err != nil || string(buf[:k]) != "Server ready\n" {
			t.Fatalf("%q, %v", buf[:k], err)
		}
		if text, code := output(t, append([]string{ours("fail2ban-client")}, append(args, "status")...)...); code != 0 || !strings.Contains(text, "Number of jail:\t50\n") {
			t.Fatalf("%d\n%s", code, text)
		}
		begin = time.Now()
		if text, code := output(t, append([]string{ours("fail2ban-client")}, append(args, "stop")...)...); code != 0 {
			t.Fatalf("stop: %s", text)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		leastStart, leastStop = min(leastStart, start), min(leastStop, time.Since(begin))
	}
	// The aim is 100 ms each; a busy machine gets more.
	if leastStart > time.Second || leastStop > time.Second {
		t.Errorf("too slow: %v and %v", leastStart, leastStop)
	}
	t.Logf("50 jails: started within %v, stopped within %v (the least of 5)", leastStart.Round(time.Millisecond), leastStop.Round(time.Millisecond))
}

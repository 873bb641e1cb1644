package check_test

import (
	"path/filepath"
	"strings"
	"testing"

	"f2b-go/config"
	"f2b-go/internal/check"
	"f2b-go/internal/netnstest"
)

// TestChains asks the kernel for the chains that actions put rules into: with
// their name in the script, in a parameter, in a list of several.
func TestChains(t *testing.T) {
	net := netnstest.New(t)
	for _, args := range [][]string{{"iptables", "-N", "THERE"}, {"ip6tables", "-N", "THERE"}, {"iptables", "-N", "FOUR"}, {"iptables", "-t", "raw", "-N", "RAW"}} {
		if out, err := net.Exec(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	dir := filepath.Join(t.TempDir(), "etc")
	writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
	writeFile(t, filepath.Join(dir, "a.log"), "")
	writeFile(t, filepath.Join(dir, "filter.d/f.conf"), "[Definition]\nfailregex = ^x <HOST>$\n")
	writeFile(t, filepath.Join(dir, "action.d/ipt.conf"), `[Definition]
actionstart = <iptables> -N f2b-<name> || true
              for c in $(echo '<chain>' | tr , ' '); do <iptables> -I $c -j f2b-<name>; done
actionban = <iptables> -I f2b-<name> 1 -s <ip> -j DROP
[Init]
chain = INPUT
iptables = iptables -w
[Init?family=inet6]
iptables = ip6tables -w
`)
	writeFile(t, filepath.Join(dir, "action.d/raw.conf"), "[Definition]\nactionban = iptables -w -t raw -A <chain> -s <ip> -j DROP\n[Init]\nchain = RAW\n")
	jails := []struct{ action, want string }{
		{"ipt", ""},
		{`ipt[chain="INPUT,FORWARD,THERE"]`, ""},
		{`ipt[chain="THERE,NOWHERE"]`, "error: iptables knows no chain NOWHERE + warning: ip6tables knows no chain NOWHERE"},
		{"ipt[chain=FOUR]", "warning: ip6tables knows no chain FOUR"},
		{"raw", ""},
		{"raw[chain=GONE]", "error: iptables knows no chain GONE"},
	}
	text := "[DEFAULT]\nfilter = f\nlogpath = " + dir + "/a.log\n"
	for i, j := range jails {
		text += "[j" + string(rune('0'+i)) + "]\nenabled = true\naction = " + j.action + "\n"
	}
	writeFile(t, filepath.Join(dir, "jail.conf"), text)
	got := map[string][]string{}
	err := net.Do(func() error {
		r := check.Run(config.Options{Dir: dir})
		for _, f := range r.Faults {
			what, _, _ := strings.Cut(f.Text, ":")
			got[f.Section] = append(got[f.Section], string(f.Severity)+": "+what)
		}
		if len(r.Unchecked) > 0 {
			t.Errorf("not checked: %q", r.Unchecked)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range jails {
		if g := strings.Join(got["j"+string(rune('0'+i))], " + "); g != j.want {
			t.Errorf("%s: %q, want %q", j.action, g, j.want)
		}
	}
}

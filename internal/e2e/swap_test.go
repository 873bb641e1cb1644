package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// scratchRoot is a copy-on-write view of the whole machine at which a test may
// install, in a mount namespace of its own and a given network namespace.
type scratchRoot struct {
	t    *testing.T
	pid  string // a process that lives in both namespaces
	path string
}

// newScratchRoot makes one that vanishes with the test.
func newScratchRoot(t *testing.T, ns string) *scratchRoot {
	t.Helper()
	dir := t.TempDir()
	r := &scratchRoot{t: t, path: filepath.Join(dir, "root")}
	cmd := exec.Command("ip", "netns", "exec", ns, "unshare", "-m", "sh", "-ec", `
		mount -t tmpfs scratch "$1"
		mkdir "$1/upper" "$1/work" "$1/root"
		mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
		mount -t proc proc "$1/root/proc"
		mount --bind /dev "$1/root/dev"
		mkdir -p "$1/root/run/fail2ban" "$1/root/var/lib/fail2ban"
		rm -rf "$1"/root/run/fail2ban/* "$1"/root/var/lib/fail2ban/* "$1/root/var/log/fail2ban.log" "$1"/root/etc/fail2ban/jail.d/*
		echo $$
		read end || true`, "sh", dir)
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hold.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("making a scratch root: %v", err)
	}
	r.pid = strings.TrimSpace(line)
	return r
}

// inside is a command in the scratch root's namespaces, with the machine's own
// root: DESTDIR leads to the scratch root.
func (r *scratchRoot) inside(argv ...string) []string {
	return append([]string{"nsenter", "-t", r.pid, "-m", "-n", "--"}, argv...)
}

// at is a command with the scratch root as its root.
func (r *scratchRoot) at(argv ...string) []string {
	return r.inside(append([]string{"chroot", r.path}, argv...)...)
}

func (r *scratchRoot) run(argv ...string) string {
	r.t.Helper()
	return mustRun(r.t, r.at(argv...)...)
}

func (r *scratchRoot) write(path, text string) {
	r.t.Helper()
	cmd := exec.Command("nsenter", r.at("tee", path)[1:]...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("writing %s: %v %s", path, err, out)
	}
}

// make runs a target of the Makefile against the scratch root.
func (r *scratchRoot) make(target string) {
	r.t.Helper()
	mustRun(r.t, r.inside("make", "--silent", "-C", testenv.Root(r.t), target, "DESTDIR="+r.path)...)
}

// unit returns the words of a directive such as ExecStart of Debian's unit.
func (r *scratchRoot) unit(directive string) []string {
	r.t.Helper()
	for line := range strings.Lines(r.run("cat", "/lib/systemd/system/fail2ban.service")) {
		if words, ok := strings.CutPrefix(line, directive+"="); ok {
			return strings.Fields(words)
		}
	}
	r.t.Fatalf("Debian's unit has no %s", directive)
	return nil
}

const swapJails = `[DEFAULT]
backend = polling
bantime = 1h
findtime = 1h
maxretry = 3
protocol = udp
port = 5060
filter = swap
usedns = no
logpath = /var/log/swap-%(__name__)s.log

[multi]
enabled = true
action = iptables-multiport[name=%(__name__)s, port="%(port)s", protocol="%(protocol)s"]

[nft]
enabled = true
action = nftables-multiport[name=%(__name__)s, port="%(port)s", protocol="%(protocol)s"]

[set]
enabled = true
action = iptables-ipset-proto6[name=%(__name__)s, port="%(port)s", protocol="%(protocol)s"]

[forever]
enabled = true
bantime = -1
action = iptables-allports[name=%(__name__)s, protocol=all]

[grow]
enabled = true
bantime.increment = true
action = iptables-multiport[name=%(__name__)s, port="%(port)s", protocol="%(protocol)s"]
`

// swapJailSizes: how many are banned in each jail, 200 in all.
var swapJailSizes = map[string]int{"multi": 60, "nft": 40, "set": 40, "forever": 30, "grow": 30}

var swapJailNames = []string{"multi", "nft", "set", "forever", "grow"}

// swapAddresses names a jail's attackers: every other one has an IPv6 address,
// and the first two of multi and nft have a place on the wire.
func swapAddresses(jail string) []string {
	net := 1 + slices.Index(swapJailNames, jail)
	var all []string
	for i := 1; i <= swapJailSizes[jail]/2; i++ {
		if jail == "multi" && i == 1 || jail == "nft" && i == 2 {
			all = append(all, fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("2001:db8::%d", i))
			continue
		}
		all = append(all, fmt.Sprintf("10.9.%d.%d", net, i), fmt.Sprintf("2001:db8:9:%d::%x", net, i))
	}
	return all
}

// TestSwapThereAndBack installs over Debian's package in a scratch root, as
// docs/swap.md says: Debian's server bans 200 addresses, ours goes on with them,
// and then Debian's again; each is started by the command line of Debian's unit.
func TestSwapThereAndBack(t *testing.T) {
	needRoot(t)
	t.Parallel()
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	net := netnstest.New(t)
	r := newScratchRoot(t, net.Name())
	r.write("/etc/fail2ban/jail.local", swapJails)
	r.write("/etc/fail2ban/filter.d/swap.conf", "[Definition]\nfailregex = ^ refused <HOST>$\n")
	for _, jail := range swapJailNames {
		r.write("/var/log/swap-"+jail+".log", "")
	}
	if version := r.run("/usr/bin/fail2ban-client", "-V"); strings.TrimSpace(version) == "1.1.1" {
		t.Fatal("Debian's client is not Debian's")
	}
	debian := r.run("sha256sum", "/usr/bin/fail2ban-server", "/usr/bin/fail2ban-client", "/usr/bin/fail2ban-regex")

	s := &swapped{t: t, root: r, net: net}
	s.start()
	s.attack()
	first := s.look()
	s.packets(3)
	s.stop()

	r.make("install")
	r.make("install") // twice is once
	if version := strings.TrimSpace(r.run("/usr/bin/fail2ban-client", "-V")); version != "1.1.1" {
		t.Fatalf("after make install the client is %s", version)
	}
	s.start()
	s.compare("f2b-go after fail2ban", first, s.look())
	s.packets(3)
	s.stop()

	r.make("uninstall")
	if now := r.run("sha256sum", "/usr/bin/fail2ban-server", "/usr/bin/fail2ban-client", "/usr/bin/fail2ban-regex"); now != debian {
		t.Errorf("after make uninstall:\n%s\nbefore make install:\n%s", now, debian)
	}
	if left := r.run("find", "/usr/local", "-name", "f2b*", "-o", "-name", "fail2ban*", "-o", "-name", "firewall3"); left != "" {
		t.Errorf("make uninstall left %s", left)
	}
	s.start()
	s.compare("fail2ban after f2b-go", first, s.look())
	s.packets(3)
	s.stop()
}

// swapped is the server of a scratch root, whoever that is at the moment.
type swapped struct {
	t    *testing.T
	root *scratchRoot
	net  *netnstest.Net
	done chan error
}

// start runs ExecStart of Debian's unit and waits until all jails are there.
func (s *swapped) start() {
	s.t.Helper()
	argv := s.root.at(s.root.unit("ExecStart")...)
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func() { s.done <- cmd.Wait() }()
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	testenv.Eventually(s.t, "all jails run", func() bool {
		text, code := output(s.t, s.root.at("/usr/bin/fail2ban-client", "status")...)
		return code == 0 && strings.Contains(text, fmt.Sprintf("Number of jail:\t%d\n", len(swapJailNames)))
	})
}

// stop runs ExecStop of Debian's unit and waits for the server's end.
func (s *swapped) stop() {
	s.t.Helper()
	s.root.run(s.root.unit("ExecStop")...)
	if err := <-s.done; err != nil {
		s.t.Errorf("the server ended with %v\n%s", err, s.root.run("tail", "-n", "40", "/var/log/fail2ban.log"))
	}
}

// attack bans everybody: in grow through lines of a log, elsewhere by command.
func (s *swapped) attack() {
	s.t.Helper()
	for _, jail := range swapJailNames {
		if jail == "grow" {
			now := strings.TrimSpace(s.root.run("date", "+%Y-%m-%d %H:%M:%S"))
			var log strings.Builder
			for _, a := range swapAddresses(jail) {
				log.WriteString(strings.Repeat(now+" refused "+a+"\n", 3))
			}
			s.root.write("/var/log/swap-grow.log", log.String())
			continue
		}
		s.root.run(append([]string{"/usr/bin/fail2ban-client", "set", jail, "banip"}, swapAddresses(jail)...)...)
	}
}

// look waits for all bans in the kernel and returns what can be seen of them,
// by where it was seen.
func (s *swapped) look() map[string]string {
	s.t.Helper()
	want := 0
	for _, n := range swapJailSizes {
		want += n
	}
	testenv.Eventually(s.t, "all bans in the kernel", func() bool { return len(s.bans()) == want })
	seen := map[string]string{"kernel": strings.Join(s.bans(), "\n"), "banned": sortedWords(s.root.run("/usr/bin/fail2ban-client", "banned"))}
	for _, jail := range swapJailNames {
		seen["status "+jail] = sortedWords(failedTotal.ReplaceAllString(s.root.run("/usr/bin/fail2ban-client", "status", jail), ""))
	}
	return seen
}

// failedTotal counts since the start, which Debian's first one saw and no later one.
var failedTotal = regexp.MustCompile(`(?m)^.*Total failed:.*$`)

// sortedWords leaves out the order of bans, which a restore does not keep.
func sortedWords(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t[]{},'", r) })
	slices.Sort(words)
	return strings.Join(words, " ")
}

var (
	rejectRule = regexp.MustCompile(`(?m)^-A (f2b-\S+) -s (\S+) -j REJECT`)
	setEntry   = regexp.MustCompile(`(?m)^add (f2b-\S+) (\S+)`)
	nftSet     = regexp.MustCompile(`(?s)set (addr6?-set-\S+) \{.*?elements = \{(.*?)\}`)
)

// bans are the addresses that the kernel holds, each with its chain or set.
func (s *swapped) bans() []string {
	s.t.Helper()
	var all []string
	for _, m := range rejectRule.FindAllStringSubmatch(s.root.run("iptables-save")+s.root.run("ip6tables-save"), -1) {
		all = append(all, m[1]+" "+m[2])
	}
	for _, m := range setEntry.FindAllStringSubmatch(s.root.run("ipset", "save"), -1) {
		all = append(all, m[1]+" "+m[2])
	}
	for _, m := range nftSet.FindAllStringSubmatch(s.root.run("nft", "list", "ruleset"), -1) {
		for a := range strings.SplitSeq(m[2], ",") {
			all = append(all, m[1]+" "+strings.TrimSpace(a))
		}
	}
	slices.Sort(all)
	return all
}

func (s *swapped) compare(what string, want, got map[string]string) {
	s.t.Helper()
	for place := range want {
		if got[place] != want[place] {
			s.t.Errorf("%s, %s:\n%s\nwant\n%s", what, place, got[place], want[place])
		}
	}
}

// packets sends real ones from two banned attackers and one that is not banned;
// the rule of the first counts its packets from nothing, whoever made it.
func (s *swapped) packets(n int) {
	s.t.Helper()
	for range n {
		for from, want := range map[string]bool{"192.0.2.1": false, "2001:db8::1": false, "192.0.2.2": false, "2001:db8::2": false, "192.0.2.3": true} {
			if arrived, err := s.net.UDP(from, 5060); err != nil || arrived != want {
				s.t.Errorf("a packet of %s arrived: %t, want %t; %v", from, arrived, want, err)
			}
		}
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		counted := ""
		for line := range strings.Lines(s.root.run(program, "-nvxL", "f2b-multi")) {
			if words := strings.Fields(line); slices.Contains(words, "192.0.2.1") || slices.Contains(words, "2001:db8::1") {
				counted = words[0]
			}
		}
		if counted != fmt.Sprint(n) {
			s.t.Errorf("%s counted %q packets of an attacker, want %d", program, counted, n)
		}
	}
}

package firewallcmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"f2b-go/firewall"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// TestLoadsUnderFire_T2 loads again and again while packets come to a port that is
// for allowed sites alone. None gets through.
func TestLoadsUnderFire_T2(t *testing.T) {
	loads := 4
	if soak() {
		loads = 150
	}
	b := newBox(t)
	b.must("start")
	s := b.listen(53, "")
	stop := s.pour("192.0.2.1", 10)
	began := time.Now()
	for i := range loads {
		b.configure("[limits]", fmt.Sprintf("total = %d/sec burst 40", 10+i%2))
		b.must([]string{"reload", "restart"}[i/2%2])
	}
	count, took := stop(), time.Since(began)
	if got := of(s.got(), "192.0.2.1"); got != 0 {
		t.Errorf("%d of %d packets leaked", got, count)
	}
	t.Logf("%d loads under %.0f packets a second: 0 of %d leaked", loads, float64(count)/took.Seconds(), count)
}

// pour sends from an address, some packets 200 times a second, until stop is
// called, which tells how many they were.
func (c *counter) pour(from string, some int) (stop func() int) {
	c.Helper()
	end, sent := make(chan struct{}), make(chan int)
	conn := c.dial(from)
	go func() {
		defer conn.Close()
		tick := time.NewTicker(time.Second / 200)
		defer tick.Stop()
		for count := 0; ; {
			select {
			case <-end:
				sent <- count
				return
			case <-tick.C:
				for range some {
					if _, err := conn.Write([]byte("x")); err == nil {
						count++
					}
				}
			}
		}
	}()
	return func() int { close(end); return <-sent }
}

// TestLists_T10 loads lists in all their forms, some lines of them wrong.
func TestLists_T10(t *testing.T) {
	b := newBox(t)
	b.write("allow", "\xef\xbb\xbf192.0.2.99\r\n2001:db8::99\r\n198.51.100.0/25 # half\r\nno such.thing!\r\n198.51.100.200-198.51.100.201\r\n"+
		"Include more\r\nInclude "+b.file("allow")+"\r\nphone.invalid\r\n198.51.100.9 ttl=2h\r\n198.51.100.250 ttl=1h\r\n")
	b.write("more", "2001:db8:1::/48\nInclude allow\n203.0.113.300\n")
	if _, _, code := b.call("check"); code != 1 {
		t.Errorf("check of a list with wrong lines: exit code %d", code)
	}
	_, errs, code := b.call("start")
	if code != 0 {
		t.Errorf("wrong lines keep the others from being loaded: exit code %d\n%s", code, errs)
	}
	for _, part := range []string{"allow:4: error: ", "more:2: error: ", "more:3: error: ", "allow:7: error: ", "allow:8: warning: phone.invalid is not found"} {
		if !strings.Contains(errs, b.file(part[:strings.IndexByte(part, ':')])+part[strings.IndexByte(part, ':'):]) {
			t.Errorf("not told: %q\n%s", part, errs)
		}
	}
	want := "192.0.2.99 198.51.100.0/25 198.51.100.200/31 198.51.100.250 timeout"
	if got := b.members("f2b-fw-allow"); got != want {
		t.Errorf("the set holds %q, want %q", got, want)
	}
	if got := b.members("f2b-fw-allow6"); got != "2001:db8::99 2001:db8:1::/48" {
		t.Errorf("the set of IPv6 holds %q", got)
	}
	b.write("allow", "192.0.2.99\n2001:db8::99\n198.51.100.250 ttl=1h\n203.0.113.0/24\n203.0.114.0/24\n")
	b.must("reload", "--lists")
	if got := b.members("f2b-fw-allow"); got != "192.0.2.99 198.51.100.250 timeout 203.0.113.0/24 203.0.114.0/24" {
		t.Errorf("after a change the set holds %q", got)
	}
	if r, code := b.status(); code != 0 {
		t.Errorf("status: exit code %d, drift %q", code, r.Drift)
	}
}

// members are those of a set, sorted, without the rest of their time.
func (b *box) members(set string) string {
	b.Helper()
	var list []string
	for line := range strings.Lines(b.run("ipset -sorted save " + set)) {
		words := strings.Fields(line)
		if words[0] != "add" {
			continue
		}
		if len(words) > 3 && words[4] != "0" {
			words[2] += " timeout"
		}
		list = append(list, words[2])
	}
	return strings.Join(list, " ")
}

// TestBigLists_T11 loads many sites, changes some, adds one, and lets none through
// while they are swapped.
func TestBigLists_T11(t *testing.T) {
	sizes := []int{20_000}
	if soak() {
		sizes = []int{100_000, 250_000}
	}
	for _, size := range sizes {
		t.Run(strconv.Itoa(size), func(t *testing.T) { bigList(t, size) })
	}
}

func bigList(t *testing.T, size int) {
	const port, swaps = 53, 3
	b := newBox(t)
	sites := func(from int) string {
		var text strings.Builder
		text.WriteString("192.0.2.1\n")
		for i := range size - 1 {
			n := uint32(i*2 + from) // every other address, so that none are joined
			fmt.Fprintf(&text, "%d.%d.%d.%d\n", 11+n>>24, n>>16&255, n>>8&255, n&255)
		}
		return text.String()
	}
	b.configure("[services]", "dns = open")
	b.write("block", sites(0))
	began := time.Now()
	b.must("start")
	loaded, cpu := time.Since(began), b.cpu
	s := b.listen(port, "")
	stop := s.pour("192.0.2.1", 5)
	b.write("block", sites(2000)) // a thousand go, a thousand come
	began = time.Now()
	for range swaps {
		b.must("reload", "--lists")
	}
	swapped := time.Since(began) / time.Duration(swaps)
	count := stop()
	if got := of(s.got(), "192.0.2.1"); got != 0 {
		t.Errorf("%d of %d packets of a blocked site leaked", got, count)
	}
	began = time.Now()
	b.run("ipset add f2b-fw-block 203.0.113.77")
	added := time.Since(began)
	r, code := b.status()
	for _, set := range r.Sets {
		if set.Name == firewall.SetBlock && set.Entries != size+1 {
			t.Errorf("the set has %d entries, want %d", set.Entries, size+1)
		}
	}
	if code != 1 || len(r.Drift) != 1 || r.Drift[0] != "the set f2b-fw-block has 1 entries more" {
		t.Errorf("exit code %d, drift %q", code, r.Drift)
	}
	t.Logf("%d sites: loaded in %v (%v of processor time), lists anew in %v, one added in %v, 0 of %d packets leaked", size,
		loaded.Round(time.Millisecond), cpu.Round(time.Millisecond), swapped.Round(time.Millisecond), added.Round(time.Millisecond), count)
	if soak() && size == 100_000 && cpu > 2*time.Second {
		t.Errorf("loading took %v of processor time", cpu)
	}
}

// TestInterfaces_T12 finds the interfaces of the default routes.
func TestInterfaces_T12(t *testing.T) {
	b := newBox(t)
	b.configure("interfaces = auto")
	b.refused("there is no default route", "start")
	b.run("ip link add other type veth peer name peer; ip link set other up; ip link set peer up; ip addr add 198.51.100.1/24 dev other; ip -6 addr add 2001:db8:5::1/64 dev other nodad")
	for _, tc := range []struct{ route, want string }{
		{"ip -6 route add default via 2001:db8:5::2 dev other", "other"},
		{"ip route add default via 192.0.2.98 dev wire", "wire, other"},
		{"ip -6 route del default", "wire"},
		{"ip route add default via 198.51.100.2 dev other metric 5", "wire, other"},
	} {
		b.run(tc.route)
		if out := b.must("start"); !strings.Contains(out, "loaded at "+tc.want+" (") {
			t.Errorf("%s: want %s\n%s", tc.route, tc.want, out)
		}
		if got, want := strings.Count(b.run("iptables -S INPUT"), firewall.ChainInput), strings.Count(tc.want, ",")+1; got != want {
			t.Errorf("%s: %d jumps, want %d", tc.route, got, want)
		}
	}
	b.configure("interfaces = bad*name -j")
	b.refused("is no name of an interface", "start")
	b.must("stop")
}

// TestMissingParts_T12 hides parts of iptables and of the machine.
func TestMissingParts_T12(t *testing.T) {
	b := newBox(t)
	libs, err := filepath.Glob("/usr/lib/*/xtables")
	if err != nil || len(libs) == 0 {
		t.Fatal("iptables keeps its parts elsewhere", err)
	}
	hide := func(names ...string) {
		dir := b.file("libs" + strconv.Itoa(rand.Int()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		parts, _ := filepath.Glob(libs[0] + "/*.so")
		for _, part := range parts {
			hidden := false
			for _, name := range names {
				hidden = hidden || strings.HasSuffix(part, "_"+name+".so")
			}
			if !hidden {
				if err := os.Symlink(part, filepath.Join(dir, filepath.Base(part))); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.env = []string{"XTABLES_LIBDIR=" + dir}
	}
	before := b.dump()
	hide("hashlimit")
	b.refused("multiport, set, hashlimit and conntrack", "start")
	if b.dump() != before {
		t.Error("a refused start has changed something")
	}
	hide("u32", "string")
	b.configure("scanners = yes", "[limits]", "methods = yes")
	b.refused("the match u32 is missing", "start")
	b.configure("scanners = yes")
	_, errs, code := b.call("start")
	if code != 0 || !strings.Contains(errs, "u32 is missing: only the total is limited") || !strings.Contains(errs, "string is missing") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	b.env = nil
	s := b.listen(5060, "")
	s.send("192.0.2.1", request("REGISTER"), 100)
	if got := of(s.got(), "192.0.2.1"); got < 40 || got > 45 {
		t.Errorf("without u32 %d of 100 got through, want 40", got)
	}
	b.must("stop")
}

// TestOtherIptables_T12 has rules in the other kind of iptables.
func TestOtherIptables_T12(t *testing.T) {
	b := newBox(t)
	b.run("iptables-legacy -A INPUT -s 192.0.2.77 -j DROP")
	if out := b.must("start"); !strings.Contains(out, "(legacy)") {
		t.Errorf("not the kind that is in use:\n%s", out)
	}
	if r, code := b.status(); code != 0 || r.Backend != firewall.Legacy {
		t.Errorf("status: exit code %d, %s", code, r.Backend)
	}
	b.configure("backend = nft")
	b.refused("call f2b-go firewall stop first", "restart")
	b.must("stop")
	if got := b.run("iptables-legacy -S"); strings.Contains(got, "f2b-") {
		t.Errorf("left behind:\n%s", got)
	}
	_, errs, _ := b.call("start")
	if r, code := b.status(); code != 0 || r.Backend != firewall.NFT || !strings.Contains(strings.Join(r.Warnings, " "), "both kinds of iptables") {
		t.Errorf("status: exit code %d, %s, %q\n%s", code, r.Backend, r.Warnings, errs)
	}
}

// compare reads the counters of a report by iptables -L, and returns how many.
func (b *box) compare(r firewall.Report) (compared int) {
	b.Helper()
	for _, c := range r.Chains {
		program := map[string]string{"IPv4": "iptables", "IPv6": "ip6tables"}[c.Family]
		var counts []string
		for line := range strings.Lines(b.run(program + " -nvxL " + c.Name)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] != "Chain" && words[0] != "pkts" {
				counts = append(counts, words[0]+" "+words[1])
			}
		}
		for i, rule := range c.Rules {
			compared++
			if got := fmt.Sprint(rule.Packets, " ", rule.Bytes); i >= len(counts) || got != counts[i] && !strings.HasPrefix(rule.Rule, "-p icmp") {
				b.Errorf("%s %s rule %d: %s, iptables tells %v", c.Family, c.Name, i+1, got, counts)
				break
			}
		}
	}
	return compared
}

// TestStatus_T13 compares what status tells with the counters of iptables, and
// has somebody change the rules by hand.
func TestStatus_T13(t *testing.T) {
	b := newBox(t)
	b.must("start")
	s := b.listen(5060, "")
	s.send("192.0.2.1", request("REGISTER"), 100)
	s.send("2001:db8::1", request("OPTIONS"), 50)
	s.send(netnstest.Control6, "x", 1)
	s.got()
	r, code := b.status()
	if code != 0 || !r.Running {
		t.Fatalf("exit code %d", code)
	}
	if compared := b.compare(r); compared < 60 || r.Attack.Dropped.Packets < 80 || r.Attack.Logged.Packets != 2 {
		t.Errorf("%d rules compared, %+v", compared, r.Attack)
	}
	out := b.must("status")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-2:]
	if f := strings.Fields(last[0]); f[0] != "2" || f[2] != "LOG" {
		t.Errorf("the line before the last is %q", last[0])
	}
	if f := strings.Fields(last[1]); f[0] != fmt.Sprint(r.Attack.Dropped.Packets) || f[2] != "DROP" {
		t.Errorf("the last line is %q, %d dropped", last[1], r.Attack.Dropped.Packets)
	}
	for _, tc := range []struct{ change, undo, want string }{
		{"iptables -D f2b-fw-input -i lo -j ACCEPT", "iptables -I f2b-fw-input -i lo -j ACCEPT", "IPv4: missing: -A f2b-fw-input -i lo -j ACCEPT"},
		{"ip6tables -I f2b-fw-input -s 2001:db8::7 -j ACCEPT", "ip6tables -D f2b-fw-input -s 2001:db8::7 -j ACCEPT", "IPv6: added: -A f2b-fw-input -s 2001:db8::7/128 -j ACCEPT"},
		{"iptables -D INPUT -j f2b-fw-input", "iptables -I INPUT -j f2b-fw-input", "IPv4: missing: -A INPUT -j f2b-fw-input"},
		{"iptables -I INPUT -p udp -j ACCEPT", "iptables -D INPUT -p udp -j ACCEPT", "IPv4: in INPUT another rule has come before"},
		{"ipset del f2b-fw-allow 192.0.2.99", "ipset add f2b-fw-allow 192.0.2.99", "the set f2b-fw-allow has lost 1 entries"},
	} {
		b.run(tc.change)
		r, code := b.status()
		if code != 1 || !strings.Contains(strings.Join(r.Drift, "\n"), tc.want) {
			t.Errorf("%s: exit code %d, drift %q", tc.change, code, r.Drift)
		}
		b.run(tc.undo)
		if r, code := b.status(); code != 0 {
			t.Errorf("%s: exit code %d, drift %q", tc.undo, code, r.Drift)
		}
	}
	b.run("iptables -D f2b-fw-input -i lo -j ACCEPT; iptables -I INPUT -p udp -j ACCEPT")
	b.must("reload")
	if r, code := b.status(); code != 0 {
		t.Errorf("after a reload: exit code %d, drift %q", code, r.Drift)
	}
}

// TestUnits_T17 has systemd read the units, and looks at their order.
func TestUnits_T17(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: apt-get install systemd")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	units, err := filepath.Glob(filepath.Join(testenv.Root(t), "packaging", "systemd", "*"))
	if err != nil || len(units) < 4 {
		t.Fatal(units, err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f2b-go", "fail2ban-server", "fail2ban-client"} {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	args, text := []string{"verify", "--man=no"}, map[string]string{}
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(unit)
		text[name] = string(raw)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), "@BIN@", bin)), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil || len(strings.TrimSpace(string(out))) > 0 {
		t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for unit, parts := range map[string][]string{
		"f2b-firewall.service": {"\nBefore=network-pre.target ", "\nWants=network-pre.target", " fail2ban.service\n"},
		"fail2ban.service":     {"\nAfter=network.target ", " f2b-firewall.service\n"},
	} {
		for _, part := range parts {
			if !strings.Contains(text[unit], part) {
				t.Errorf("%s lacks %q", unit, part)
			}
		}
	}
}

// TestRandomSources_T20 floods from thousands of addresses: memory and the log are
// bounded, and an allowed phone hears nothing of it.
func TestRandomSources_T20(t *testing.T) {
	length, sources := 2*time.Second, 5000
	if soak() {
		length = 30 * time.Second
	}
	b := newBox(t)
	b.configure("[limits]", "total = 1/sec burst 1", "log_ceiling = 20/sec burst 100", "table_size = 8192")
	b.must("start")
	s := b.listen(5060, "")
	spoof, err := b.n.NewSpoofer()
	if err != nil {
		t.Fatal(err)
	}
	defer spoof.Close()
	sent, phone := 0, 0
	began := time.Now()
	for time.Since(began) < length {
		for range 200 {
			n := rand.IntN(sources)
			if err := spoof.Send(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 5060, request("ACK")); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		s.send(netnstest.Control4, request("ACK"), 1)
		phone++
	}
	took := time.Since(began)
	if got := of(s.got(), netnstest.Control4); got != phone {
		t.Errorf("allowed phone: %d of %d", got, phone)
	}
	r, _ := b.status()
	most := 100 + int(20*took.Seconds()) + 5
	if int(r.Attack.Logged.Packets) > most || r.Attack.Suppressed == 0 {
		t.Errorf("%d log events, want at most %d; %d suppressed", r.Attack.Logged.Packets, most, r.Attack.Suppressed)
	}
	for _, l := range r.Limits {
		if l.Sources > 8192 {
			t.Errorf("the table %s holds %d sources", l.Name, l.Sources)
		}
	}
	if out := b.must("status"); !strings.Contains(out, fmt.Sprintf("%d events kept from the log", r.Attack.Suppressed)) {
		t.Error("status does not tell how many events were suppressed")
	}
	t.Logf("%d packets of %d sources in %v: %d log events, %d suppressed, phone %d of %d", sent, sources, took.Round(time.Millisecond),
		r.Attack.Logged.Packets, r.Attack.Suppressed, phone, phone)
}

// TestCheck tells all that is wrong at once.
func TestCheck(t *testing.T) {
	b := newBox(t)
	b.configure("console_only = perhaps", "colour = red", "[services]", "sip = closed", "mine = open", "[ports]", "ssh = 99999/tcp", "[limits]", "total = 10 a second", "ping = 1/day burst 2", "[nothing]", "a = b")
	b.write("allow", "192.0.2.99\n300.1.2.3\n")
	out, _, code := b.call("check")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"conf:7: error: \"perhaps\" is neither", "conf:8: error: [firewall] has no setting colour", "conf:10: error: sip = closed",
		"conf:11: error: mine is no service", "conf:13: error: \"99999/tcp\"", "conf:15: error: \"10 a second\"", "conf:16: error: \"1/day burst 2\"", "conf:18: error: there is no section [nothing]",
		"allow:2: error: 300.1.2.3", "9 errors, 0 warnings; 1 allowed site, 0 blocked\n"} {
		if !strings.Contains(out, part) {
			t.Errorf("not told: %q\n%s", part, out)
		}
	}
	out, _, _ = b.call("check", "--json")
	var faults, errors int
	for line := range strings.Lines(out) {
		var f struct {
			Severity string
			Summary  struct{ Errors int }
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.Severity == "error" {
			faults++
		}
		errors += f.Summary.Errors
	}
	if faults != 9 || errors != 9 {
		t.Errorf("JSON tells %d faults, its summary %d", faults, errors)
	}
	b.refused("conf:7: error", "start")
}

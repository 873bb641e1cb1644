package firewall

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t *testing.T, text string) []Site {
	t.Helper()
	sites, problems, err := SiteReader{Open: lists{"/l": text}.open}.Read("/l")
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return sites
}

// moment is when the plans of these tests are made.
var moment = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func sample(t *testing.T) Lists {
	return Lists{
		Allow: read(t, "192.0.2.10-20\n192.0.2.21\n2001:db8::/64\nphone.example.org\n198.51.100.7 ttl=2h\n192.0.2.12 ttl=1h\n"),
		Block: read(t, "203.0.113.0/24\n203.0.113.128/25\n2001:db8:bad::/48 until=2026-11-22T12:10\n198.51.100.9 until=2026-11-21\n0.0.0.0-127.255.255.255\n"),
		Names: map[string][]netip.Addr{"phone.example.org": {netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8:1::1")}},
		Now:   moment,
	}
}

// TestPlanIsAsWritten compares with testdata/plan*: change them with -update, and
// say why in the commit.
func TestPlanIsAsWritten(t *testing.T) {
	other := Config{
		Interfaces: []string{"eth0", "ppp0"},
		Services: []Service{
			{Name: "https", Protocol: "tcp", Ports: []PortRange{{443, 443}}},
			{Name: "sip", Protocol: "udp", Ports: []PortRange{{5060, 5060}, {5070, 5079}}, Limited: true},
			{Name: "sip", Protocol: "tcp", Ports: []PortRange{{5060, 5060}}, Limited: true},
		},
		Total: Rate{10, "sec", 40}, Registered: Rate{100, "sec", 400},
		TableSize: 1024, LogGroup: 7, LogKernel: true, LogEvery: Rate{2, "hour", 3}, LogCeiling: Rate{1, "sec", 9},
		Forward: "DOCKER-USER", Forward6: "FORWARD", Scanners: []string{"friendly-scanner", `odd"\name`},
	}
	for name, c := range map[string]Config{"default": Default(), "other": other} {
		t.Run(name, func(t *testing.T) {
			rules, err := Plan(c, sample(t))
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("# ipset -exist restore\n%s\n# iptables-restore --noflush\n%s\n# ip6tables-restore --noflush\n%s\n# INPUT\n%s\n",
				rules.Sets, rules.V4.Text(), rules.V6.Text(), jumps(rules))
			path := filepath.Join("testdata", "plan-"+name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// jumps gives the rules of others' chains that lead to ours.
func jumps(r Rules) string {
	var b strings.Builder
	for family, list := range map[string][]Jump{"": r.V4.Jumps, "6": r.V6.Jumps} {
		for _, j := range list {
			fmt.Fprintf(&b, "ip%stables -I %s %s\n", family, j.Chain, strings.Join(j.Rule, " "))
		}
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestOrderOfTheChain_F6_F7_F11 asserts what VOIP's measurements demand,
// whatever else the chain holds.
func TestOrderOfTheChain_F6_F7_F11(t *testing.T) {
	rules, err := Plan(Default(), Lists{})
	if err != nil {
		t.Fatal(err)
	}
	for family, text := range map[string]string{"v4": rules.V4.Text(), "v6": rules.V6.Text()} {
		last := -1
		for _, part := range []string{"-i lo", "--match-set " + SetAllow, "-j " + ChainICMP, "--match-set " + SetBlock,
			"--match-set " + SetRegistered, "-j " + ChainSIP, "ESTABLISHED", "10000:20000", "-A " + ChainInput + " -j " + ChainDrop} {
			at := strings.Index(text, part)
			if at <= last {
				t.Errorf("%s: %q does not come after the one before it", family, part)
			}
			last = at
		}
		for _, line := range strings.Split(text, "\n") {
			if name := strings.TrimPrefix(line, ":"); name != line && !strings.HasPrefix(name, "f2b-") {
				t.Errorf("%s: chain %s is not ours", family, name)
			}
		}
	}
}

// TestAChangedRateHasATableOfItsOwn_F20: the kernel goes on with the old rate
// under the old name.
func TestAChangedRateHasATableOfItsOwn_F20(t *testing.T) {
	names := func(c Config) []string {
		rules, err := Plan(c, Lists{})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		words := strings.Fields(rules.V4.Text())
		for i, w := range words {
			if w == "--hashlimit-name" && !slices.Contains(list, words[i+1]) {
				list = append(list, words[i+1])
			}
		}
		return list
	}
	before := names(Default())
	if len(before) != 11 || !slices.Equal(before, names(Default())) {
		t.Errorf("tables %q, want the same eleven each time", before)
	}
	for what, change := range map[string]func(*Config){
		"rate":  func(c *Config) { c.Register.Count++ },
		"unit":  func(c *Config) { c.Register.Per = "hour" },
		"burst": func(c *Config) { c.Register.Burst++ },
	} {
		c := Default()
		change(&c)
		kept := 0
		for _, name := range names(c) {
			if slices.Contains(before, name) {
				kept++
			}
			if len(name) > 15 {
				t.Errorf("%s is longer than old kernels take", name)
			}
		}
		if kept != 10 {
			t.Errorf("after a changed %s %d tables are the same, want 10", what, kept)
		}
	}
}

func TestWrongConfigurationsAreToldAtOnce(t *testing.T) {
	c := Default()
	c.Interfaces = []string{"eth0", "bad name", "-j"}
	c.Services = append(c.Services, Service{Name: "x", Protocol: "icmp", Ports: []PortRange{{5, 4}}}, Service{Name: "y", Protocol: "tcp"})
	c.Invite = Rate{Count: 0, Per: "fortnight"}
	c.TableSize = 0
	_, err := Plan(c, Lists{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"planning the firewall", `interface "bad name"`, `interface "-j"`, `protocol "icmp"`, "5:4 is no range",
		"service y names no port", "limit inv: 0/fortnight", "table size 0"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
}

func TestPrefixesAreTheFewest(t *testing.T) {
	for _, tc := range []struct{ list, want string }{
		{"10.0.0.0/25\n10.0.0.128/25", "10.0.0.0/24"},
		{"10.0.0.1-6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32"},
		{"10.0.0.0/8\n10.1.2.3\n10.255.255.255-11.0.0.0", "10.0.0.0/8 11.0.0.0/32"},
		{"0.0.0.0-255.255.255.255", "0.0.0.0/1 128.0.0.0/1"},
		{"255.255.255.255\n255.255.255.254", "255.255.255.254/31"},
		{"2001:db8::/33\n2001:db8:8000::/33\n1.1.1.1", "1.1.1.1/32 2001:db8::/32"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n::", "::/128 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
		{"255.255.255.255\n::", "255.255.255.255/32 ::/128"},
	} {
		var spans []span
		for _, s := range read(t, tc.list) {
			spans = append(spans, span{s.From, s.To})
		}
		var got []string
		for _, p := range prefixes(spans) {
			got = append(got, p.String())
		}
		if text := strings.Join(got, " "); text != tc.want {
			t.Errorf("%q: %s, want %s", tc.list, text, tc.want)
		}
	}
}

func TestOverlapsAreFound_F24(t *testing.T) {
	allow := read(t, "192.0.2.0/24\n192.0.2.7\n198.51.100.1\n2001:db8::1\nphone.example.org")
	block := read(t, "192.0.2.200-210\n198.51.100.0/24\n203.0.113.1\n198.51.100.2\n2001:db8::/64\n2001:db8:1::/64\nPHONE.example.org.\nother.example")
	var got []string
	for _, o := range Overlaps(allow, block) {
		got = append(got, fmt.Sprintf("%d:%d", o.Allowed.Line, o.Blocked.Line))
	}
	if text := strings.Join(got, " "); text != "1:1 3:2 4:5 5:7" {
		t.Errorf("overlaps are %s", text)
	}
}

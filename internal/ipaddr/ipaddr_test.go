package ipaddr_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/testenv"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		item, text, want, family string
	}{
		{"2.3.2 address", "192.0.2.1", "192.0.2.1", "inet4"},
		{"2.3.2 IPv6 is lower case and compressed", "2001:DB8:0:0::0001", "2001:db8::1", "inet6"},
		{"2.3.2 mapped IPv4 folds", "::ffff:1.2.3.4", "1.2.3.4", "inet4"},
		{"2.3.2 mapped IPv4 in hexadecimal folds", "::ffff:0102:0304", "1.2.3.4", "inet4"},
		{"2.3.2 compatible IPv4 prints dotted", "::102:304", "::1.2.3.4", "inet6"},
		{"2.3.2 short low word stays hexadecimal", "::304", "::304", "inet6"},
		{"2.3.2 network clears host bits", "1.2.3.4/24", "1.2.3.0/24", "inet4"},
		{"2.3.2 prefix 0 is not printed", "1.2.3.4/0", "0.0.0.0", "inet4"},
		{"2.3.2 prefix beyond the address is not printed", "1.2.3.4/33", "1.2.3.4", "inet4"},
		{"2.3.2 giant prefix", "1.2.3.4/99999999999999999999", "1.2.3.4", "inet4"},
		{"2.10.3 mask", "1.2.3.4/255.255.0.0", "1.2.0.0/16", "inet4"},
		{"2.10.3 bad mask is text", "1.2.3.4/255.0.255.0", "1.2.3.4/255.0.255.0", ""},
		{"2.10.3 unreadable mask is text", "1.2.3.4/255.255.0.999", "1.2.3.4/255.255.0.999", ""},
		{"2.3.3 no such address is text", "999.1.1.1", "999.1.1.1", ""},
		{"2.3.3 leading zero is text", "01.2.3.4", "01.2.3.4", ""},
		{"2.3.3 short address is text", "1.2.3", "1.2.3", ""},
		{"2.3.7 brackets", "[::1]", "::1", "inet6"},
		{"2.3.7 name", "bob", "bob", ""},
		{"2.3.7 empty", "", "", ""},
		{"C10 octal", "010.0.0.1", "010.0.0.1", ""},
		{"C10 zone", "fe80::1%eth0", "fe80::1%eth0", ""},
		{"C10 trailing dot", "1.2.3.4.", "1.2.3.4.", ""},
		{"C10 any", "0.0.0.0", "0.0.0.0", "inet4"},
		{"C10 NUL", "1.2.3.4\x00", "1.2.3.4\x00", ""},
		{"Unicode digits in a prefix", "1.2.3.4/٢٤", "1.2.3.0/24", "inet4"},
	} {
		t.Run(c.item, func(t *testing.T) {
			a := ipaddr.Parse(c.text)
			if a.String() != c.want || a.FamilyName() != c.family {
				t.Errorf("Parse(%q) = %q (%s), want %q (%s)", c.text, a, a.FamilyName(), c.want, c.family)
			}
		})
	}
}

func TestParseAs(t *testing.T) {
	for _, c := range []struct {
		item, text string
		fam        ipaddr.Family
		cidr       int
		want       string
		ip         bool
	}{
		{"2.3.2 family only", "::ffff:1.2.3.4", ipaddr.Inet4, -1, "::ffff:1.2.3.4", false},
		{"2.3.2 mapped", "::ffff:1.2.3.4", ipaddr.Inet6, -1, "1.2.3.4", true},
		{"2.3.2 network", "1.2.3.4", ipaddr.Inet4, 24, "1.2.3.0/24", false},
		{"2.3.2 full length", "1.2.3.4", ipaddr.Inet4, 32, "1.2.3.4", true},
		{"2.3.2 mapped network does not fold", "::ffff:1.2.3.4", ipaddr.Inet6, 120, "::ffff:1.2.3.0/120", false},
		{"2.3.5 raw", "1.2.3.4", ipaddr.Raw, -1, "1.2.3.4", false},
	} {
		t.Run(c.item, func(t *testing.T) {
			a := ipaddr.ParseAs(c.text, c.fam, c.cidr)
			if a.String() != c.want || a.IsIP() != c.ip {
				t.Errorf("ParseAs(%q) = %q, single %v; want %q, %v", c.text, a, a.IsIP(), c.want, c.ip)
			}
		})
	}
}

func TestEqualSpellingsAreOneKey(t *testing.T) {
	same := [][2]string{{"::ffff:1.2.3.4", "1.2.3.4"}, {"2001:DB8::1", "[2001:db8:0::1]"}, {"10.1.2.3/8", "10.0.0.0/255.0.0.0"}}
	for _, p := range same {
		if ipaddr.Parse(p[0]) != ipaddr.Parse(p[1]) {
			t.Errorf("%q and %q are different IDs", p[0], p[1])
		}
	}
	if ipaddr.Parse("0.0.0.0") == ipaddr.Parse("0.0.0.0/0") {
		t.Error("an address equals the network of everything")
	}
}

func TestContains(t *testing.T) {
	for _, c := range []struct {
		net, id string
		want    bool
	}{
		{"10.0.0.0/8", "10.1.2.3", true},
		{"10.0.0.0/8", "10.1.0.0/16", true},
		{"10.0.0.0/8", "11.1.2.3", false},
		{"10.0.0.0/8", "::1", false},
		{"2001:db8::/32", "2001:db8::1", true},
		{"1.2.3.4", "1.2.3.4", true},
		{"bob", "bob", true},
		{"bob", "alice", false},
		{"0.0.0.0/0", "8.8.8.8", true},
	} {
		if got := ipaddr.Parse(c.net).Contains(ipaddr.Parse(c.id)); got != c.want {
			t.Errorf("%s contains %s: %v", c.net, c.id, got)
		}
	}
}

func TestReverse(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4":    "4.3.2.1.",
		"1.2.3.0/24": "0/24.3.2.1.",
		"bob":        "",
		"::1":        "1." + strings.Repeat("0.", 31),
	} {
		if got := ipaddr.Parse(text).Reverse(); got != want {
			t.Errorf("reverse of %s is %q, want %q", text, got, want)
		}
	}
}

func TestPrefixAndFromIP(t *testing.T) {
	if got := ipaddr.Parse("1.2.3.4/24").Prefix(); got != netip.MustParsePrefix("1.2.3.0/24") {
		t.Errorf("prefix %v", got)
	}
	if got := ipaddr.FromIP(netip.MustParseAddr("::ffff:1.2.3.4")); got != ipaddr.Parse("1.2.3.4") {
		t.Errorf("from mapped address: %v", got)
	}
	if got := ipaddr.FromIP(netip.MustParseAddr("fe80::1%eth0")); got != ipaddr.Parse("fe80::1") {
		t.Errorf("from zoned address: %v", got)
	}
}

const askIPAddr = `
import sys, json
sys.path.insert(0, sys.argv[1])
from fail2ban.server.ipdns import IPAddr
for line in sys.stdin:
    text, fam, cidr = json.loads(line)
    if fam == "": ip = IPAddr(text)
    elif cidr >= 0: ip = IPAddr(text, cidr)
    else: ip = IPAddr(text, {"inet4": IPAddr.FAM_IPv4, "inet6": IPAddr.FAM_IPv6}[fam])
    print(json.dumps([ip.ntoa, ip.familyStr or "", ip.isSingle, ip.getPTR("") if ip.familyStr else ""]))
`

// sample makes text that is an address or nearly one.
func sample(r *rand.Rand) string {
	pieces := []string{"0", "1", "01", "255", "256", "ffff", "FFFF", "a", "10000", "db8", "00ff"}
	sep, n := ".", 3+r.IntN(3)
	if r.IntN(2) == 0 {
		sep, n = ":", 2+r.IntN(8)
	}
	var sb strings.Builder
	for i := range n {
		if i > 0 {
			sb.WriteString(sep)
			if sep == ":" && r.IntN(4) == 0 {
				sb.WriteString(":")
			}
		}
		if r.IntN(12) > 0 {
			sb.WriteString(pieces[r.IntN(len(pieces))])
		}
	}
	if sep == ":" && r.IntN(6) == 0 {
		sb.WriteString(":1.2.3.4")
	}
	return sb.String()
}

func TestAgainstFail2ban(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	r := rand.New(rand.NewPCG(1, 2))
	var in bytes.Buffer
	var got []string
	for i := range 6000 {
		text, fam, cidr := sample(r), "", -1
		var a ipaddr.Addr
		switch i % 4 {
		case 0, 1:
			a = ipaddr.Parse(text)
		case 2:
			fam, cidr = "any", r.IntN(140)
			a = ipaddr.ParseAs(text, ipaddr.Inet4, cidr)
		case 3:
			fam = "inet6"
			a = ipaddr.ParseAs(text, ipaddr.Inet6, -1)
		}
		q, _ := json.Marshal([]any{text, fam, cidr})
		in.Write(append(q, '\n'))
		ans, _ := json.Marshal([]any{a.String(), a.FamilyName(), a.IsIP(), a.Reverse()})
		got = append(got, fmt.Sprintf("%s -> %s", q, ans))
	}
	questions := strings.Split(strings.TrimSpace(in.String()), "\n")
	cmd := exec.Command(testenv.Python, "-c", askIPAddr, lib)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking fail2ban's IPAddr: %v", err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var v []any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		ans, _ := json.Marshal(v)
		if want := fmt.Sprintf("%s -> %s", questions[i], ans); got[i] != want {
			t.Errorf("%s, fail2ban %s", got[i], ans)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1.2.3.4/24", "[::1]", "::ffff:0:0/96", "1.2.3.4/٢", "x/y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := ipaddr.Parse(text)
		if a.Family() == ipaddr.Raw {
			return
		}
		if b := ipaddr.Parse(a.String()); b.Prefix().Addr() != a.Prefix().Addr() && !strings.Contains(a.String(), "::ffff:") {
			t.Errorf("%q reads as %s, which reads as %s", text, a, b)
		}
	})
}

package firewall

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/testenv"
)

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func settingsOf(t *testing.T, text string) (Settings, string) {
	t.Helper()
	path := file(t, "c", text)
	s, problems, err := ReadSettings(path, false)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, p := range problems {
		told = append(told, strings.TrimPrefix(p.Tell(""), path+":"))
	}
	return s, strings.Join(told, "\n")
}

// TestTheShippedConfigurationIsTheDefault: every setting stands in it, with the
// value that holds without it.
func TestTheShippedConfigurationIsTheDefault(t *testing.T) {
	path := filepath.Join(testenv.Root(t), "packaging", "etc", "f2b-go", "firewall.conf")
	s, problems, err := ReadSettings(path, false)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	d := Defaults()
	if diff := cmp.Diff(d.Config, s.Config); diff != "" {
		t.Errorf("(-default +shipped):\n%s", diff)
	}
	for name, pair := range map[string][2]string{
		"allow_sites": {d.AllowSites, s.AllowSites}, "block_sites": {d.BlockSites, s.BlockSites}, "interfaces": {d.Interfaces, s.Interfaces},
		"ipv6": {d.IPv6, s.IPv6}, "methods": {d.Methods, s.Methods}, "forward": {d.Forward, s.Forward}, "backend": {d.Backend, s.Backend},
		"asterisk": {d.Asterisk, s.Asterisk}, "state_dir": {d.StateDir, s.StateDir}, "run_dir": {d.RunDir, s.RunDir},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q in the file and %q by default", name, pair[1], pair[0])
		}
	}
	if s.ConsoleOnly || s.logNFLOG || s.scanners != "" {
		t.Error("console_only, log or scanners differ")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Concat(sorted(general), sorted(limits)) {
		if !strings.Contains("\n"+string(text), "\n"+key+" = ") {
			t.Errorf("the file lacks %s", key)
		}
	}
	for _, k := range Known {
		if access, named := s.access[k.Name]; named && access != k.Access {
			t.Errorf("%s is %s in the file and %s by default", k.Name, access, k.Access)
		} else if !named && k.Access != ForAllowed {
			t.Errorf("%s is not in the file", k.Name)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct{ name, text, told string }{
		{"empty", "", ""},
		{"comments", "# x\n; y\n[firewall] # z\nping = no # not now\n", ""},
		{"byte order mark and CRLF", "\xef\xbb\xbf[firewall]\r\nping = no\r\n", ""},
		{"names in any case", "[FireWall]\nPing = No\n[Services]\nSSH = Open\n", ""},
		{"no section", "ping = no\n", "1: ping stands before"},
		{"no setting", "[firewall]\nping\n", `2: "ping" is no setting`},
		{"section not closed", "[firewall\nping = no\n", `1: "[firewall" is no section`},
		{"twice", "[firewall]\nping = no\nping = yes\n", "3: ping stands in line 2 already"},
		{"unknown", "[firewall]\n\npong = no\n", "3: [firewall] has no setting pong; it has allow_sites,"},
		{"unknown section", "[fire]\nping = no\n", "2: there is no section [fire]"},
		{"path", "[firewall]\nallow_sites = allowSites\n", `2: "allowSites" is no absolute path`},
		{"word", "[firewall]\nbackend = ebtables\n", `2: "ebtables" is none of auto, nft, legacy`},
		{"number", "[limits]\ntable_size = 0\n", `2: "0" is no number from 1`},
		{"rate", "[limits]\ntotal = 10/fortnight\n", `2: "10/fortnight" is no rate; write it like`},
		{"burst", "[limits]\ntotal = 10/s burst\n", `2: "10/s burst" is no rate`},
		{"rate that the kernel can't count", "[limits]\nregister = 1/day burst 2\n", `2: "1/day burst 2" is no rate`},
		{"access", "[services]\nssh = closed\n", "2: ssh = closed does not say"},
		{"service without ports", "[services]\nmine = open\n", "2: mine is no service that has a name; write its ports"},
		{"ports without a service", "[ports]\nmine = 5000/tcp\n", "2: nothing says who may reach"},
		{"port", "[ports]\nssh = 0/tcp\n", `2: "0/tcp" is no port`},
		{"port without protocol", "[ports]\nssh = 2222\n", `2: "2222" is no port`},
		{"log", "[firewall]\nlog = syslog\n", `2: "syslog" is no place`},
		{"value with quotes", "[firewall]\nping = \"no\"\n", `2: "\"no\"" is neither`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, told := settingsOf(t, tc.text)
			if tc.told == "" && told != "" || !strings.HasPrefix(told, tc.told) || strings.Count(told, "\n") > 0 {
				t.Errorf("told %q, want %q", told, tc.told)
			}
		})
	}
	s, _ := settingsOf(t, "[firewall]\nlog = kernel nflog\nlog_group = 7\nscanners = yes\n[limits]\ntotal = 90/min\nregister = 3/hours burst 4\n[ports]\nrtp = 16384-32768/udp, 7000/udp\nmine = 1/tcp\n[services]\nmine = limited\nssh = open\nsip-tls = allowed")
	if s.Config.Total != (Rate{90, "min", 90}) || s.Config.Register != (Rate{3, "hour", 4}) || !s.logNFLOG || !s.Config.LogKernel || s.Config.LogGroup != 7 || len(s.Config.Scanners) == 0 {
		t.Errorf("read as %+v", s.Config)
	}
	services, _ := s.Services()
	var got []string
	for _, a := range services {
		if a.Access != ForAllowed {
			got = append(got, a.Name+" "+a.Shown+" "+string(a.Access)+" "+a.Source)
		}
	}
	want := "ssh 22/tcp open default\nsip 5060/udp 5160/udp 5060/tcp 5160/tcp limited default\niax2 4569/udp limited default\nrtp 16384-32768/udp 7000/udp open configuration\nmine 1/tcp limited configuration"
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	if _, _, err := ReadSettings("/nowhere", false); err == nil {
		t.Error("a file that was asked for may be missing")
	}
	if s, problems, err := ReadSettings("/nowhere", true); err != nil || len(problems) > 0 || s.Path != "" {
		t.Error("a missing file is not the default", problems, err)
	}
}

// TestPortsOfAsterisk_T12_F25 reads Asterisk's files as Asterisk does.
func TestPortsOfAsterisk_T12_F25(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
		told  string
	}{
		{"none", nil, "", ""},
		{"rtp", map[string]string{"rtp.conf": "[general]\nrtpstart=16384 ; from\nrtpend => 32768\n"}, "rtp 16384-32768/udp", ""},
		{"rtp silent", map[string]string{"rtp.conf": "[general]\n;rtpstart=1\n"}, "rtp 5000-31000/udp", ""},
		{"included", map[string]string{"rtp.conf": "[general]\n#include rtp_additional.conf\n#tryinclude nothing.conf\n", "rtp_additional.conf": "rtpstart=11000\nrtpend=12000\n"}, "rtp 11000-12000/udp", ""},
		{"included that is missing", map[string]string{"rtp.conf": "[general]\n#include <gone.conf>\nrtpstart=1000\nrtpend=1001"}, "rtp 1000-1001/udp", "the included file"},
		{"included in a circle", map[string]string{"rtp.conf": "[general]\nrtpstart=1000\nrtpend=1001\n#include rtp.conf\n"}, "rtp 1000-1001/udp", "too deep"},
		{"program", map[string]string{"rtp.conf": "[general]\nrtpstart=1000\nrtpend=1001\n#exec /bin/false\n"}, "rtp 1000-1001/udp", "#exec is not run"},
		{"long comment", map[string]string{"iax.conf": "[general]\n;-- bindport=1 \nbindport=2 --; bindport=5036\n"}, "iax2 5036/udp", ""},
		{"iax addresses", map[string]string{"iax.conf": "[general]\nbindport=4570\nbindaddr=192.0.2.1\nbindaddr=192.0.2.2:4571\nbindaddr=127.0.0.1:4572\n[general2]\nbindaddr=1.1.1.1:1"}, "iax2 4570/udp 4571/udp", ""},
		{"chan_sip", map[string]string{"sip.conf": "[general](!)\nbindport=5070\ntcpenable=yes\ntlsenable=yes\ntlsbindaddr=0.0.0.0:5071\n[100]\nbindport=1\n"}, "sip 5070/udp 5070/tcp, sip-tls 5071/tcp", ""},
		{"chan_sip by default", map[string]string{"sip.conf": "[general]\n"}, "sip 5060/udp", ""},
		{"pjsip", map[string]string{"pjsip.conf": "[a]\ntype=transport\nbind=0.0.0.0:5160\n[b]\ntype=transport\nprotocol=tcp\nbind=[::]\n[c]\ntype=transport\nprotocol=tls\nbind=0.0.0.0\n[d]\ntype=transport\nprotocol=ws\nbind=0.0.0.0\n[e]\ntype=transport\nbind=127.0.0.1:5999\n[100]\ntype=endpoint\nbind=0.0.0.0:1\n"},
			"sip 5160/udp 5060/tcp, sip-tls 5061/tcp", ""},
		{"pjsip elsewhere", map[string]string{"pjsip.conf": "[global]\ntype=global\n"}, "", ""},
		{"http", map[string]string{"http.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\ntlsenable=yes\ntlsbindaddr=0.0.0.0:8443\n"}, "wss 8443/tcp", ""},
		{"manager and fax", map[string]string{"manager.conf": "[general]\nport=5039\n", "udptl.conf": "[general]\nudptlstart=4000\n"}, "manager 5039/tcp, udptl 4000-4999/udp", ""},
		{"wrong numbers", map[string]string{"rtp.conf": "[general]\nrtpstart=90000\nrtpend=x\n"}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tc.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ports, problems := AsteriskPorts(dir)
			var got []string
			for _, name := range sorted(ports) {
				line := name
				for _, p := range ports[name] {
					line += " " + p.String()
				}
				if len(ports[name]) > 0 {
					got = append(got, line)
				}
			}
			if text := strings.Join(got, ", "); text != tc.want {
				t.Errorf("ports %q, want %q", text, tc.want)
			}
			if (tc.told == "") != (len(problems) == 0) || tc.told != "" && !strings.Contains(problems[0].Text, tc.told) {
				t.Errorf("told %v, want %q", problems, tc.told)
			}
		})
	}
}

// dns answers as a table says; names that are not in it are not found.
type dns map[string][]string

func (d dns) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	texts, ok := d[strings.TrimSuffix(host, ".")]
	if !ok {
		<-ctx.Done() // a server that never answers
		return nil, errors.New("no such host")
	}
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list, nil
}

// TestNamesKeepTheirLastAddresses_T10 has a name server fail.
func TestNamesKeepTheirLastAddresses_T10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Lists{Allow: read(t, "a.example\nb.example\nlocal.example\n"), Block: read(t, "a.example"), Now: moment}
		d := dns{"a.example": {"192.0.2.7", "2001:db8::7"}, "b.example": {"::ffff:192.0.2.8"}, "local.example": {"127.0.0.1", "0.0.0.0", "224.0.0.1"}}
		first, problems := resolveNames(t.Context(), d, l, nil)
		if len(problems) != 1 || !strings.Contains(problems[0].Text, "local.example is not found (no address of another machine)") || problems[0].Line != 3 {
			t.Errorf("told %v", problems)
		}
		delete(d, "a.example")
		d["b.example"] = []string{"192.0.2.9"}
		l.Now = moment.Add(time.Hour)
		began := time.Now()
		second, problems := resolveNames(t.Context(), d, l, first)
		if took := time.Since(began); took > resolveTime {
			t.Errorf("names that have no answer took %v", took)
		}
		if len(problems) != 2 || !strings.Contains(problems[0].Text, "a.example is not found now (no such host): its addresses of 2026-11-22 12:00:00 hold") || !problems[0].Warning {
			t.Errorf("told %v", problems)
		}
		l.Names = second.addrs()
		for addr, want := range map[string]bool{"192.0.2.7": true, "2001:db8::7": true, "192.0.2.8": false, "192.0.2.9": true, "127.0.0.1": false} {
			if got := l.Allows(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s allowed: %v", addr, got)
			}
			if got := l.NewMatcher(l.Allow).Contains(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s matched: %v", addr, got)
			}
		}
	})
}

// TestTimesToLiveGoOn_F14: loading a list again does not give its entries more
// time.
func TestTimesToLiveGoOn_F14(t *testing.T) {
	const list = "192.0.2.7 ttl=2h\n192.0.2.8 ttl=2h until=2026-11-22T12:30\n192.0.2.9\n"
	first := read(t, list)
	old := settle(first, "allow", nil, moment)
	later := read(t, list)
	settle(later, "allow", old, moment.Add(time.Hour))
	for i, s := range later {
		if !s.Until.Equal(first[i].Until) || s.TTL != 0 {
			t.Errorf("%s became %s", first[i], s)
		}
	}
	changed := read(t, "192.0.2.7 ttl=3h")
	settle(changed, "allow", old, moment.Add(time.Hour))
	if !changed[0].Until.Equal(moment.Add(4 * time.Hour)) {
		t.Errorf("a changed time began at another moment: %s", changed[0])
	}
}

// TestReach asks the plan who could log in.
func TestReach(t *testing.T) {
	l := Lists{Allow: read(t, "192.0.2.0/24\n2001:db8::/32 until=2026-11-22"), Block: read(t, "192.0.2.7\n198.51.100.0/24"), Now: moment}
	c := Default()
	c.Services = append(c.Services, Service{Name: "ssh", Protocol: "tcp", Ports: []PortRange{{22, 22}}})
	for _, tc := range []struct {
		from string
		port uint16
		want bool
	}{
		{"192.0.2.7", 22, true}, {"192.0.2.8", 2222, true}, {"198.51.100.1", 22, false}, {"203.0.113.1", 22, true},
		{"203.0.113.1", 2222, false}, {"2001:db8::1", 2222, true}, {"2001:db9::1", 2222, false}, {"::ffff:192.0.2.9", 2222, true}, {"127.0.0.1", 2222, true},
	} {
		if got := c.Reaches(l, netip.MustParseAddr(tc.from), "tcp", tc.port); got != tc.want {
			t.Errorf("%s port %d: %v", tc.from, tc.port, got)
		}
	}
}

// TestWhereJumpsBelong: behind bans, before everything that may accept.
func TestWhereJumpsBelong(t *testing.T) {
	j := Jump{"INPUT", []string{"-j", ChainInput}}
	const ours, ban, drop, accept = "-j " + ChainInput, "-p tcp -j f2b-sshd", "-m set --match-set f2b-x src -j REJECT", "-m conntrack --ctstate ESTABLISHED -j ACCEPT"
	for _, tc := range []struct {
		name  string
		rules []string
		place int
		spare []int
	}{
		{"empty", nil, 1, nil},
		{"there", []string{ours}, 0, nil},
		{"twice", []string{ours, ours}, 0, []int{2}},
		{"behind bans", []string{ban, drop, accept}, 3, nil},
		{"there behind bans", []string{ban, drop, ours, accept}, 0, nil},
		{"before bans", []string{ours, ban, accept}, 3, []int{1}},
		{"behind what accepts", []string{ban, accept, ours}, 2, []int{4}},
		{"bans behind what accepts", []string{accept, ban}, 1, nil},
		{"only bans", []string{ban, drop}, 3, nil},
	} {
		place, spare := arrange(tc.rules, j)
		if place != tc.place || !slices.Equal(spare, tc.spare) {
			t.Errorf("%s: insert at %d, remove %v; want %d, %v", tc.name, place, spare, tc.place, tc.spare)
		}
	}
}

// FuzzSettings reads anything as a configuration.
func FuzzSettings(f *testing.F) {
	f.Add("[firewall]\nping = no\n[limits]\ntotal = 1/s burst 2")
	f.Add("[ports]\nx = 1-2/udp\n[services]\nx = open\n[[]\n=\n\"\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, "c", text)
		s, problems, err := ReadSettings(path, false)
		if err != nil {
			return
		}
		for _, p := range problems {
			if p.Text == "" || p.File != path {
				t.Errorf("%+v", p)
			}
		}
		services, _ := s.Services()
		c := s.Config
		c.Services = planServices(services)
		if len(problems) == 0 {
			if _, err := Plan(c, Lists{}); err != nil {
				t.Errorf("no problem is told, but %v", err)
			}
		}
	})
}

// FuzzAsterisk reads anything as a file of Asterisk's.
func FuzzAsterisk(f *testing.F) {
	f.Add("[general]\nrtpstart=1\n;-- x --; y\n#include *\n#exec x\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, "rtp.conf", text)
		for _, name := range []string{"sip.conf", "pjsip.conf", "iax.conf", "http.conf"} {
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ports, _ := AsteriskPorts(filepath.Dir(path))
		for name, list := range ports {
			for _, p := range list {
				if p.First == 0 || p.Last < p.First {
					t.Errorf("%s has %s", name, p)
				}
			}
		}
	})
}

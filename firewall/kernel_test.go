package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/netnstest"
)

// load makes rules be what stands in the namespace's kernel.
func load(t *testing.T, n *netnstest.Net, rules Rules) {
	t.Helper()
	if err := withKernel(n, func(k *Kernel) error { return k.Apply(t.Context(), rules) }); err != nil {
		t.Fatal(err)
	}
}

// withKernel calls f with the packet filter of the namespace.
func withKernel(n *netnstest.Net, f func(k *Kernel) error) error {
	return n.Do(func() error {
		k, err := Open(Programs{}, Auto, true)
		if err != nil {
			return err
		}
		return f(k)
	})
}

func run(t *testing.T, n *netnstest.Net, args ...string) string {
	t.Helper()
	out, err := n.Exec(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dump is what stands in the namespace's kernel, without counters and clocks.
func dump(t *testing.T, n *netnstest.Net) string {
	t.Helper()
	var all []string
	for _, program := range []string{"iptables-save", "ip6tables-save", "ipset save"} {
		var lines []string
		for _, line := range strings.Split(run(t, n, strings.Fields(program)...), "\n") {
			line, _, _ = strings.Cut(line, " [") // counters of chains
			if program == "ipset save" {
				line, _, _ = strings.Cut(line, " timeout")
			}
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		if program == "ipset save" {
			slices.Sort(lines) // members come in the order of a hash
		}
		all = append(all, lines...)
	}
	return strings.Join(all, "\n")
}

// TestTheKernelTakesThePlan_T1_F2_F3 loads every plan several times, with foreign
// chains beside it, and takes it out again.
func TestTheKernelTakesThePlan_T1_F2_F3(t *testing.T) {
	n := netnstest.New(t)
	for _, words := range []string{
		"iptables -N f2b-sshd", "iptables -A f2b-sshd -s 192.0.2.66 -j DROP", "iptables -I INPUT -p tcp -j f2b-sshd",
		"ip6tables -N DOCKER-USER", "ip6tables -A DOCKER-USER -j RETURN", "iptables -P FORWARD DROP",
	} {
		run(t, n, strings.Fields(words)...)
	}
	foreign := dump(t, n)
	small := Config{
		Interfaces: []string{"wire", "eth7"},
		Services: []Service{
			{Name: "many", Protocol: "tcp", Ports: manyPorts(40)},
			{Name: "few", Protocol: "udp", Ports: manyPorts(3), Limited: true},
			{Name: "few", Protocol: "tcp", Ports: manyPorts(3), Limited: true},
		},
		Total: Rate{1, "day", 1}, Registered: Rate{MaxRate, "sec", MaxBurst}, TableSize: 64, LogGroup: 3, LogKernel: true,
		LogEvery: Rate{2, "hour", 3}, LogCeiling: Rate{1, "sec", 9}, Forward: "FORWARD", Forward6: "DOCKER-USER",
		Scanners: []string{"friendly-scanner", `odd"\name`},
	}
	for name, c := range map[string]Config{"default": Default(), "small": small} {
		rules, err := Plan(c, sample(t))
		if err != nil {
			t.Fatal(err)
		}
		load(t, n, rules)
		once := dump(t, n)
		for range 4 {
			load(t, n, rules)
		}
		if diff := cmp.Diff(once, dump(t, n)); diff != "" {
			t.Errorf("%s: five loads are not one (-once +five):\n%s", name, diff)
		}
		load(t, n, Rules{})
	}
	if diff := cmp.Diff(foreign, dump(t, n)); diff != "" {
		t.Errorf("foreign rules have changed (-before +after):\n%s", diff)
	}
}

func manyPorts(count int) []PortRange {
	var list []PortRange
	for i := range count {
		first := uint16(1000 + 10*i)
		list = append(list, PortRange{first, first + uint16(i%2)})
	}
	return list
}

// sipServer answers every request and counts what arrives from whom.
type sipServer struct {
	conn  net.PacketConn
	count map[string]int
}

func newSIPServer(t *testing.T, n *netnstest.Net, address string, port int) *sipServer {
	t.Helper()
	s := &sipServer{count: map[string]int{}}
	err := n.Do(func() (err error) {
		s.conn, err = net.ListenPacket("udp", net.JoinHostPort(address, strconv.Itoa(port)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// send sends count requests from an address, waiting for answers in between so
// that the flow counts as established, and returns how many arrived. Then one
// from the control address shows that all have been seen.
func (s *sipServer) send(t *testing.T, n *netnstest.Net, from, method string, count int) int {
	t.Helper()
	control := netnstest.Control4
	if netip.MustParseAddr(from).Is6() {
		control = netnstest.Control6
	}
	s.count[from] = 0
	buf := make([]byte, 2048)
	for _, who := range []string{from, control} {
		var conn net.Conn
		err := n.Client(func() (err error) {
			conn, err = net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(who), Port: 5070}, s.conn.LocalAddr().(*net.UDPAddr))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		todo := count
		if who == control {
			todo = 1
		}
		for range todo {
			if _, err := fmt.Fprintf(conn, "%s sip:100@pbx SIP/2.0\r\n\r\n", method); err != nil {
				t.Fatal(err)
			}
			for who == control && s.count[control] == 0 || who != control {
				limit := time.Millisecond
				if who == control {
					limit = 10 * time.Second
				}
				_ = s.conn.SetReadDeadline(time.Now().Add(limit))
				_, peer, err := s.conn.ReadFrom(buf)
				if err != nil {
					if who == control {
						t.Fatalf("the control request did not arrive: %v", err)
					}
					break
				}
				s.count[peer.(*net.UDPAddr).AddrPort().Addr().Unmap().String()]++
				if _, err := s.conn.WriteTo([]byte("SIP/2.0 401 Unauthorized\r\n\r\n"), peer); err != nil {
					t.Fatal(err)
				}
				if who != control {
					break
				}
			}
		}
		_ = conn.Close()
	}
	s.count[control] = 0
	return s.count[from]
}

// counter returns the packets that a rule of a chain has counted; it is found by
// a word of it.
func counted(t *testing.T, n *netnstest.Net, program, chain, word string) int {
	t.Helper()
	for _, line := range strings.Split(run(t, n, program, "-w", "-nvxL", chain), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == word {
			count, err := strconv.Atoi(fields[0])
			if err != nil {
				t.Fatal(err)
			}
			return count
		}
	}
	t.Fatalf("no rule with %s in %s", word, chain)
	return 0
}

// TestFloodsAreLimited_T5_T6_T7_T9 floods a server that answers, in both
// families: an attacker gets his burst, an allowed site gets through, a phone
// beside the attacker is heard.
func TestFloodsAreLimited_T5_T6_T7_T9(t *testing.T) {
	for _, tc := range []struct {
		program, server, attacker, allowed, phone, registered string
	}{
		{"iptables", netnstest.Server4, "192.0.2.1", "192.0.2.2", "192.0.2.3", ""},
		{"ip6tables", netnstest.Server6, "2001:db8::1", "2001:db8::2", "", "2001:db8::3"},
	} {
		t.Run(tc.program, func(t *testing.T) {
			n := netnstest.New(t)
			l := Lists{Allow: read(t, strings.Join([]string{netnstest.Control4, netnstest.Control6, tc.allowed}, "\n")), Now: moment}
			c := Default()
			c.Total = Rate{Count: 20, Per: "sec", Burst: 150} // above the sum of the others
			rules, err := Plan(c, l)
			if err != nil {
				t.Fatal(err)
			}
			load(t, n, rules)
			s := newSIPServer(t, n, tc.server, 5060)
			began := time.Now()
			const flood = 300
			for _, m := range []struct {
				method string
				rate   Rate
			}{{"REGISTER", c.Register}, {"INVITE", c.Invite}, {"OPTIONS", c.Options}, {"PUBLISH", c.Total}} {
				passed := s.send(t, n, tc.attacker, m.method, flood)
				most := m.rate.Burst + int(time.Since(began)/(units[m.rate.Per]/time.Duration(m.rate.Count))) + 2
				if passed > most || passed < m.rate.Burst/3 {
					t.Errorf("%s: %d of %d got through, want at most %d", m.method, passed, flood, most)
				}
				t.Logf("%s from one source: %d of %d got through", m.method, passed, flood)
			}
			if passed := s.send(t, n, tc.allowed, "REGISTER", flood); passed != flood {
				t.Errorf("allowed site: %d of %d got through", passed, flood)
			}
			if tc.phone != "" {
				if passed := s.send(t, n, tc.phone, "REGISTER", 15); passed != 15 {
					t.Errorf("phone: %d of 15 got through", passed)
				}
			}
			if tc.registered != "" {
				// It shares the attacker's /64, whose burst is used up.
				if passed := s.send(t, n, tc.registered, "REGISTER", 15); passed > 5 {
					t.Errorf("neighbour in the attacker's /64: %d of 15 got through", passed)
				}
				run(t, n, "ipset", "add", SetRegistered+"6", tc.registered)
				if passed := s.send(t, n, tc.registered, "REGISTER", 15); passed != 15 {
					t.Errorf("registered phone: %d of 15 got through", passed)
				}
			}
			if logged := counted(t, n, tc.program, ChainAttack, "LOG"); logged != 1 {
				t.Errorf("%d log events for one attacker", logged)
			}
			if dropped := counted(t, n, tc.program, ChainAttack, "DROP"); dropped < 400 {
				t.Errorf("%d packets dropped as an attack", dropped)
			}
		})
	}
}

// TestWhoReachesWhat_T9_T10 tries every kind of site against every kind of port.
func TestWhoReachesWhat_T9_T10(t *testing.T) {
	n := netnstest.New(t)
	l := Lists{
		Allow: read(t, strings.Join([]string{netnstest.Control4, netnstest.Control6, "192.0.2.1", "2001:db8::1"}, "\n")),
		Block: read(t, "192.0.2.1-192.0.2.2\n2001:db8::1-2001:db8::2"),
		Now:   moment,
	}
	rules, err := Plan(Default(), l)
	if err != nil {
		t.Fatal(err)
	}
	load(t, n, rules)
	for from, want := range map[string]string{
		"192.0.2.1": "sip rtp udp ssh web", "2001:db8::1": "sip rtp udp ssh web", // allowed, though blocked too
		"192.0.2.2": "", "2001:db8::2": "", // blocked
		"192.0.2.3": "sip rtp", "2001:db8::3": "sip rtp", // anybody
	} {
		var reached []string
		for _, p := range []struct {
			name, protocol string
			port           int
		}{{"sip", "udp", 5060}, {"rtp", "udp", 12345}, {"udp", "udp", 53}, {"ssh", "tcp", 22}, {"web", "tcp", 443}} {
			try := n.UDP
			if p.protocol == "tcp" {
				try = n.TCP
			}
			ok, err := try(from, p.port)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				reached = append(reached, p.name)
			}
		}
		if got := strings.Join(reached, " "); got != want {
			t.Errorf("%s reaches %q, want %q", from, got, want)
		}
	}
}

// TestReloadKeepsTheLimitersState_F20: a source that has used up its burst gets
// none by a reload, and a changed rate takes effect.
func TestReloadKeepsTheLimitersState_F20(t *testing.T) {
	n := netnstest.New(t)
	l := Lists{Allow: read(t, netnstest.Control4), Now: moment}
	c := Default()
	c.Total = Rate{Count: 100, Per: "sec", Burst: 1000}
	rules, err := Plan(c, l)
	if err != nil {
		t.Fatal(err)
	}
	load(t, n, rules)
	s := newSIPServer(t, n, netnstest.Server4, 5060)
	s.send(t, n, "192.0.2.1", "REGISTER", 100)
	load(t, n, rules)
	if passed := s.send(t, n, "192.0.2.1", "REGISTER", 30); passed > 5 {
		t.Errorf("after a reload %d of 30 got through", passed)
	}
	c.Register = Rate{Count: 1, Per: "min", Burst: 10}
	if rules, err = Plan(c, l); err != nil {
		t.Fatal(err)
	}
	load(t, n, rules)
	if passed := s.send(t, n, "192.0.2.1", "REGISTER", 30); passed < 5 || passed > 12 {
		t.Errorf("after a change of the rate %d of 30 got through, want 10", passed)
	}
}

package firewallcmd

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/firewall"
	"f2b-go/internal/netnstest"
)

const unauthorized = "SIP/2.0 401 Unauthorized\r\n\r\n"

func request(method string) string {
	return method + " sip:100@pbx SIP/2.0\r\nUser-Agent: Phone 1.0\r\n\r\n"
}

// flow sends at a rate for a while.
type flow struct {
	from string
	rate int
}

// send runs flows side by side for a time, from one source port each, reading
// no answers.
func (c *counter) flows(length time.Duration, method string, flows ...flow) {
	c.Helper()
	done := make(chan error, len(flows))
	for _, f := range flows {
		s := c.dial(f.from)
		go func() {
			defer s.Close()
			tick := time.NewTicker(time.Second / time.Duration(f.rate))
			defer tick.Stop()
			for range int(length.Seconds() * float64(f.rate)) {
				<-tick.C
				if _, err := s.Write([]byte(request(method))); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range flows {
		if err := <-done; err != nil {
			c.Fatal(err)
		}
	}
}

// TestAFloodAndAPhone_T5_T6_T7 floods a server that answers beside a phone, in
// both families, with and without a rule of somebody else that lets established
// flows through first.
func TestAFloodAndAPhone_T5_T6_T7(t *testing.T) {
	const rate, burst = 10, 20
	length := time.Second
	if soak() {
		length = 3 * time.Second
	}
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprintf("established first %v", foreign), func(t *testing.T) {
			b := newBox(t)
			if foreign {
				b.run("iptables -I INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; ip6tables -I INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
			}
			b.configure("[limits]", fmt.Sprintf("total = %d/sec burst %d", rate, burst), "register = 10000/sec burst 10000")
			b.n.AddClients(t, "2001:db8:0:0:a::1", "2001:db8:0:0:b::1", "2001:db8:0:0:c::1")
			b.must("start")
			s := b.listen(5060, unauthorized)
			began := time.Now()
			s.flows(length, "REGISTER", flow{"192.0.2.1", 300}, flow{"192.0.2.2", 5}, flow{"2001:db8::1", 100},
				flow{"2001:db8:0:0:a::1", 100}, flow{"2001:db8:0:0:b::1", 100}, flow{"2001:db8:0:0:c::1", 100})
			counts := s.got()
			most := int((burst + rate*time.Since(began).Seconds()) * 1.1)
			if got := of(counts, "192.0.2.1"); got > most || got < burst {
				t.Errorf("flooder: %d of %d, want %d to %d", got, int(300*length.Seconds()), burst, most)
			}
			if got, sent := of(counts, "192.0.2.2"), int(5*length.Seconds()); got != sent {
				t.Errorf("phone: %d of %d", got, sent)
			}
			network := of(counts, "2001:db8::1") + of(counts, "2001:db8:0:0:a::1") + of(counts, "2001:db8:0:0:b::1") + of(counts, "2001:db8:0:0:c::1")
			if network > most || network < burst {
				t.Errorf("four addresses of a /64: %d of %d, want %d to %d", network, int(400*length.Seconds()), burst, most)
			}
			t.Logf("of 300 packets a second for %v: flooder %d, phone %d of %d; four addresses of one /64 together %d of %d", length,
				of(counts, "192.0.2.1"), of(counts, "192.0.2.2"), int(5*length.Seconds()), network, int(400*length.Seconds()))
			r, _ := b.status()
			if r.Attack.Logged.Packets != 2 {
				t.Errorf("%d log events for a flooder and a network", r.Attack.Logged.Packets)
			}
		})
	}
}

// TestTwentyFloodersAreToldApart_T5: none hides another in the log.
func TestTwentyFloodersAreToldApart_T5(t *testing.T) {
	b := newBox(t)
	b.must("start")
	s := b.listen(5060, unauthorized)
	spoof, err := b.n.NewSpoofer()
	if err != nil {
		t.Fatal(err)
	}
	defer spoof.Close()
	began := time.Now()
	for range 100 {
		for i := range byte(20) {
			if err := spoof.Send(netip.AddrFrom4([4]byte{198, 51, 100, i}), 5060, request("REGISTER")); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts := s.got()
	for i := range byte(20) {
		from := netip.AddrFrom4([4]byte{198, 51, 100, i})
		if counts[from] < 40 || counts[from] > 41+int(time.Since(began).Minutes()*40) {
			t.Errorf("%s: %d of 100 got through", from, counts[from])
		}
	}
	r, _ := b.status()
	if r.Attack.Logged.Packets != 20 || r.Attack.Suppressed != 0 {
		t.Errorf("%d log events, %d suppressed", r.Attack.Logged.Packets, r.Attack.Suppressed)
	}
	if len(r.Top) != 10 || r.Top[0].Used < 50 {
		t.Errorf("top sources: %v", r.Top)
	}
}

// TestNeighboursAndErrorsPass_T7: IPv6 goes on working, and packets that are too
// big are told of.
func TestNeighboursAndErrorsPass_T7(t *testing.T) {
	b := newBox(t)
	b.n.AddClients(t, "2001:db8::11", "2001:db8::12", "2001:db8::13", "2001:db8::14", "2001:db8::15")
	b.must("start")
	s := b.listen(5060, "")
	b.run("ip -6 neigh flush dev wire; ip neigh flush dev wire; ip -6 neigh del 2001:db8::11 dev wire 2>/dev/null; true")
	for i := range 5 {
		s.send(fmt.Sprintf("2001:db8::1%d", i+1), request("OPTIONS"), 1)
	}
	s.send(netnstest.Control6, "control", 1)
	counts := s.got()
	for i := range 5 {
		if of(counts, fmt.Sprintf("2001:db8::1%d", i+1)) != 1 {
			t.Errorf("2001:db8::1%d is not heard after neighbours are forgotten", i+1)
		}
	}
	err := b.n.Client(func() error {
		conn, err := net.DialIP("ip6:ipv6-icmp", &net.IPAddr{IP: net.ParseIP("2001:db8::1")}, &net.IPAddr{IP: net.ParseIP(netnstest.Server6)})
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(append([]byte{2, 0, 0, 0, 0, 0, 5, 0}, make([]byte, 48)...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.got()
	r, _ := b.status()
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			if c.Name == firewall.ChainICMP && strings.Contains(rule.Rule, "icmpv6-type 2 ") && rule.Packets != 1 {
				t.Errorf("packet-too-big was counted %d times", rule.Packets)
			}
		}
	}
}

// TestAllowedAndRegistered_T9 floods from an allowed site that is blocked too, and
// from a registered phone.
func TestAllowedAndRegistered_T9(t *testing.T) {
	b := newBox(t, "192.0.2.1")
	b.write("block", "192.0.2.0/28\n")
	b.configure("[limits]", "registered = 100/sec burst 200")
	_, errs, code := b.call("start")
	if want := b.file("block") + ":1: warning: " + b.file("allow") + ":3 allows some of what this blocks"; code != 0 || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, want a warning %q\n%s", code, want, errs)
	}
	s := b.listen(5060, unauthorized)
	s.send("192.0.2.1", request("REGISTER"), 600)
	s.send("192.0.2.2", request("REGISTER"), 10)
	if counts := s.got(); of(counts, "192.0.2.1") != 600 || of(counts, "192.0.2.2") != 0 {
		t.Errorf("allowed %d of 600, blocked %d of 10", of(counts, "192.0.2.1"), of(counts, "192.0.2.2"))
	}
	b.write("block", "")
	b.must("reload")
	err := b.n.Do(func() error {
		return firewall.Register(t.Context(), firewall.Programs{}, netip.MustParseAddr("192.0.2.2"), time.Hour)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.send("192.0.2.2", request("REGISTER"), 190)
	s.send("192.0.2.3", request("REGISTER"), 190)
	counts := s.got()
	if of(counts, "192.0.2.2") != 190 || of(counts, "192.0.2.3") > 45 {
		t.Errorf("registered %d of 190, other %d of 190", of(counts, "192.0.2.2"), of(counts, "192.0.2.3"))
	}
	s.send("192.0.2.2", request("REGISTER"), 600)
	if passed := of(s.got(), "192.0.2.2") - 190; passed > 200 {
		t.Errorf("above its ceiling %d of 600 of the registered phone got through", passed)
	}
}

// TestMethodsAndScanners_T14 counts exactly, in both families: requests in any
// case, split into fragments, behind blanks, and from programs that are known.
func TestMethodsAndScanners_T14(t *testing.T) {
	b := newBox(t)
	b.configure("scanners = yes", "[limits]", "total = 10000/sec burst 10000", "register = 1/hour burst 5", "invite = 1/hour burst 6",
		"options = 1/hour burst 7", "other = 1/hour burst 8")
	b.must("start")
	s := b.listen(5060, unauthorized)
	long := strings.Repeat("x", 3000)
	before := map[netip.Addr]int{}
	for _, tc := range []struct {
		name     string
		payloads []string
		want     int
	}{
		{"REGISTER in any case", []string{request("REGISTER"), request("register"), request("RegisTer"), "\r\n \r\n" + request("REGISTER"), request("REGISTER") + long}, 5},
		{"INVITE", []string{request("INVITE"), request("Invite") + long}, 6},
		{"OPTIONS", []string{request("OPTIONS"), request("options")}, 7},
		{"other requests that ask for a password", []string{request("SUBSCRIBE"), request("PUBLISH"), request("message"), request("NOTIFY"), request("REFER")}, 8},
		{"answers, ends of calls, and what holds a way open", []string{unauthorized, request("ACK"), request("BYE"), request("CANCEL"), "\r\n\r\n", "\x00\x00\x00\x00", "REGI"}, 30},
		{"scanner", []string{"ACK sip:100@pbx SIP/2.0\r\nUSER-AGENT: Friendly-Scanner\r\n\r\n", "BYE x SIP/2.0\r\nX: " + long + "\r\nUser-Agent: sipcli/v1.8\r\n\r\n"}, 0},
		{"honest programs", []string{"ACK sip:100@pbx SIP/2.0\r\nUser-Agent: eyeBeam\r\n\r\n", "BYE x SIP/2.0\r\nSubject: friendly-scanner\r\n\r\n"}, 30},
	} {
		for _, from := range []string{"192.0.2.1", "2001:db8::1"} {
			for i := range 30 {
				s.send(from, tc.payloads[i%len(tc.payloads)], 1)
			}
		}
		counts := s.got()
		for _, from := range []string{"192.0.2.1", "2001:db8::1"} {
			if got := of(counts, from) - of(before, from); got != tc.want {
				t.Errorf("%s from %s: %d of 30 got through, want %d", tc.name, from, got, tc.want)
			}
		}
		before = counts
	}
}

// refuse answers what comes in one connection.
func refuse(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
		if _, err := conn.Write([]byte(unauthorized)); err != nil {
			return
		}
	}
}

// TestRequestsWithinAConnection_T14: one TCP connection is no way round the
// limits.
func TestRequestsWithinAConnection_T14(t *testing.T) {
	b := newBox(t)
	b.configure("[limits]", "register = 1/hour burst 5")
	b.must("start")
	for _, server := range []string{netnstest.Server4, netnstest.Server6} {
		var l net.Listener
		err := b.n.Do(func() (err error) {
			l, err = net.Listen("tcp", net.JoinHostPort(server, "5060"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		go refuse(l)
		var conn net.Conn
		err = b.n.Client(func() (err error) {
			from := "192.0.2.1"
			if strings.Contains(server, ":") {
				from = "2001:db8::1"
			}
			conn, err = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", l.Addr().String())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		buf, passed := make([]byte, 4096), 0
		for range 20 {
			if _, err := conn.Write([]byte(request("REGISTER"))); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
			if _, err := conn.Read(buf); err != nil {
				break
			}
			passed++
		}
		if passed != 5 {
			t.Errorf("%s: %d requests of one connection got through, want 5", server, passed)
		}
		_ = conn.Close()
		_ = l.Close()
	}
}

// TestFullTables_T15: what is documented of tables that are full, and who is told.
func TestFullTables_T15(t *testing.T) {
	b := newBox(t)
	b.configure("[limits]", "table_size = 64")
	b.must("start")
	s := b.listen(5060, "")
	spoof, err := b.n.NewSpoofer()
	if err != nil {
		t.Fatal(err)
	}
	defer spoof.Close()
	for i := range byte(200) {
		if err := spoof.Send(netip.AddrFrom4([4]byte{198, 51, 100, i}), 5060, request("ACK")); err != nil {
			t.Fatal(err)
		}
	}
	counts := s.got()
	through := 0
	for from := range counts {
		if from.IsValid() && from.As4()[0] == 198 {
			through++
		}
	}
	if through != 64 {
		t.Errorf("%d of 200 new sources got through a table of 64", through)
	}
	r, _ := b.status()
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "total of IPv4 is 100% full (64 of 64)") }) {
		t.Errorf("warnings: %q", r.Warnings)
	}
	if r.Attack.Dropped.Packets != 0 || r.Attack.Logged.Packets != 0 {
		t.Errorf("what a full table drops was counted as an attack: %v", r.Attack)
	}
	s.send(netnstest.Control4, request("REGISTER"), 50)
	if got := of(s.got(), netnstest.Control4) - of(counts, netnstest.Control4); got < 50 {
		t.Errorf("allowed site beside a full table: %d of 50", got)
	}
	out, errs, code := b.call("reload", "--lists")
	if code != 0 || !strings.Contains(errs, "100% full") {
		t.Errorf("the timer's call does not tell of it: exit code %d\n%s%s", code, out, errs)
	}
}

// TestReloadKeepsState_T16: bans, registered phones, counters and used-up bursts
// stay, and a changed rate takes effect.
func TestReloadKeepsState_T16(t *testing.T) {
	b := newBox(t)
	b.configure("[limits]", "register = 1/min burst 20")
	b.must("start")
	b.run("ipset add f2b-registered 192.0.2.3 timeout 600; iptables -N f2b-asterisk; iptables -A f2b-asterisk -s 192.0.2.2 -j DROP; iptables -I INPUT -j f2b-asterisk")
	s := b.listen(5060, unauthorized)
	s.send("192.0.2.1", request("REGISTER"), 50)
	r, _ := b.status()
	dropped := r.Attack.Dropped.Packets
	if dropped != 30 {
		t.Errorf("%d of 50 were dropped", dropped)
	}
	for _, verb := range []string{"reload", "start", "restart"} {
		before := of(s.got(), "192.0.2.1")
		b.must(verb)
		s.send("192.0.2.1", request("REGISTER"), 20)
		s.send("192.0.2.2", request("REGISTER"), 5)
		s.send("192.0.2.3", request("REGISTER"), 40)
		counts := s.got()
		if got := of(counts, "192.0.2.1") - before; got > 1 {
			t.Errorf("after %s %d of 20 of the flooder got through", verb, got)
		}
		if of(counts, "192.0.2.2") != 0 {
			t.Errorf("after %s the ban is gone", verb)
		}
		if got := b.run("ipset test f2b-registered 192.0.2.3 2>&1"); !strings.Contains(got, "is in set") {
			t.Errorf("after %s the registered phone is gone", verb)
		}
		if now, _ := b.status(); verb == "reload" && now.Attack.Dropped.Packets < dropped+19 {
			t.Errorf("a reload that changes nothing has lost counters: %d after %d", now.Attack.Dropped.Packets, dropped)
		}
	}
	b.configure("[limits]", "register = 1/min burst 8")
	b.must("reload")
	before := of(s.got(), "192.0.2.1")
	s.send("192.0.2.1", request("REGISTER"), 30)
	s.send(netnstest.Control4, "x", 1)
	if got := of(s.got(), "192.0.2.1") - before; got != 8 {
		t.Errorf("after a change of the rate %d of 30 got through, want 8", got)
	}
	if got := b.run("ipset list f2b-registered"); !strings.Contains(got, "192.0.2.3") {
		t.Error("the registered phone is gone")
	}
}

// TestContainers_T18 redirects SIP to a third machine behind the server.
func TestContainers_T18(t *testing.T) {
	b := newBox(t)
	inner := b.n.Name() + "d"
	here := func(line string) {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	here("ip netns add " + inner)
	t.Cleanup(func() { here("ip netns del " + inner) })
	here("ip link add inner netns " + b.n.Name() + " type veth peer name outer netns " + inner)
	here("ip -n " + inner + " addr add 10.99.0.2/24 dev outer; ip -n " + inner + " link set outer up; ip -n " + inner + " route add default via 10.99.0.1 2>/dev/null; true")
	b.run(`ip addr add 10.99.0.1/24 dev inner && ip link set inner up
sysctl -qw net.ipv4.ip_forward=1
iptables -t nat -A PREROUTING -i wire -p udp --dport 5060 -j DNAT --to-destination 10.99.0.2:5070
iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER`)
	here("ip -n " + inner + " route replace default via 10.99.0.1")
	before := b.dump()
	b.must("start")
	s := b.listenAt(inner, 5070)
	s.to = 5060
	s.send("192.0.2.1", request("REGISTER"), 100)
	s.send(netnstest.Control4, request("REGISTER"), 100)
	counts := s.got()
	if got := of(counts, "192.0.2.1"); got < 40 || got > 45 {
		t.Errorf("redirected: %d of 100 got through, want 40", got)
	}
	if got := of(counts, netnstest.Control4); got < 100 {
		t.Errorf("redirected from an allowed site: %d of 100", got)
	}
	b.must("stop")
	if b.dump() != before {
		t.Error("stop does not undo the hook")
	}
}

// TestExtensionHeaders_T14: IPv6 options before a request, behind which no method
// is seen, are no way round the limits.
func TestExtensionHeaders_T14(t *testing.T) {
	b := newBox(t)
	b.configure("[limits]", "total = 10000/sec burst 10000", "register = 1/hour burst 5")
	b.must("start")
	s := b.listen(5060, "")
	conn := s.dial("2001:db8::1")
	defer conn.Close()
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	padding := string([]byte{0, 0, 1, 4, 0, 0, 0, 0}) // a header of destination options with nothing in it
	if ctlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, padding)
	}); ctlErr != nil || err != nil {
		t.Fatal(ctlErr, err)
	}
	for range 30 {
		if _, err := conn.Write([]byte(request("REGISTER"))); err != nil {
			t.Fatal(err)
		}
	}
	if got := of(s.got(), "2001:db8::1"); got != 5 {
		t.Errorf("%d of 30 requests behind options got through, want 5", got)
	}
}

package firewallcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/firewall"
	"f2b-go/internal/netnstest"

	"golang.org/x/sys/unix"
)

// TestMain lets the test program be f2b-go, for its guards above all, which it
// starts as itself.
func TestMain(m *testing.M) {
	if os.Getenv("F2B_TEST_FIREWALL") != "" {
		args := os.Args[1:]
		if len(args) > 0 && args[0] == "firewall" {
			args = args[1:]
		}
		os.Exit(Main(args, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// soak says that the long runs are wanted.
func soak() bool { return os.Getenv("F2B_SOAK") != "" }

// box is a machine with a network, a configuration and lists.
type box struct {
	*testing.T
	n    *netnstest.Net
	dir  string
	path string // PATH of the calls, "" for the test's
	env  []string
	// cpu is the processor time of the last call, its programs among it.
	cpu time.Duration
}

// newBox makes one whose allow list holds the control addresses and the lines
// given.
func newBox(t *testing.T, allow ...string) *box {
	t.Helper()
	t.Parallel()
	b := &box{T: t, n: netnstest.New(t), dir: t.TempDir()}
	b.write("allow", strings.Join(append([]string{netnstest.Control4, netnstest.Control6}, allow...), "\n")+"\n")
	b.write("block", "")
	b.configure()
	// The first chain of all makes the tables, which never go again.
	b.run("for i in iptables ip6tables; do $i -N x && $i -X x || exit 1; done")
	t.Cleanup(func() { _, _ = ask(b.dirs(), "cancel") })
	return b
}

func (b *box) file(name string) string { return filepath.Join(b.dir, name) }

func (b *box) dirs() firewall.Dirs {
	return firewall.Dirs{Run: b.file("run"), State: b.file("state")}
}

func (b *box) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(b.file(name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// configure writes the configuration with further lines behind the paths.
func (b *box) configure(lines ...string) {
	b.Helper()
	b.write("conf", fmt.Sprintf("[firewall]\nallow_sites = %s\nblock_sites = %s\nstate_dir = %s\nrun_dir = %s\nasterisk = %s\n%s\n",
		b.file("allow"), b.file("block"), b.file("state"), b.file("run"), b.file("asterisk"), strings.Join(lines, "\n")))
}

// command is a call of the verb, not started.
func (b *box) command(args ...string) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("ip", append([]string{"netns", "exec", b.n.Name(), self, "firewall", "-c", b.file("conf")}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SSH_") })
	cmd.Env = append(append(cmd.Env, "F2B_TEST_FIREWALL=1"), b.env...)
	if b.path != "" {
		cmd.Env = append(cmd.Env, "PATH="+b.path)
	}
	return cmd
}

// call runs the verb.
func (b *box) call(args ...string) (out, errs string, code int) {
	b.Helper()
	cmd := b.command(args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		b.Fatal(err)
	}
	b.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// must runs the verb, which has to succeed.
func (b *box) must(args ...string) string {
	b.Helper()
	out, errs, code := b.call(args...)
	if code != 0 {
		b.Fatalf("f2b-go firewall %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// refused runs the verb, which has to fail and to say so.
func (b *box) refused(part string, args ...string) {
	b.Helper()
	out, errs, code := b.call(args...)
	if code != 1 || !strings.Contains(errs, part) {
		b.Errorf("f2b-go firewall %s: exit code %d, want 1 and %q\n%s%s", strings.Join(args, " "), code, part, out, errs)
	}
}

// run runs a program at the server.
func (b *box) run(line string) string {
	b.Helper()
	out, err := b.n.Exec("sh", "-c", line)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// status is what status --json tells.
func (b *box) status() (r firewall.Report, code int) {
	b.Helper()
	out, errs, code := b.call("status", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.Fatalf("%v: %s%s", err, out, errs)
	}
	return r, code
}

// dump is all that stands in the kernel, without counters and clocks.
func (b *box) dump() string {
	b.Helper()
	var kept []string
	for line := range strings.Lines(b.run("iptables-save; ip6tables-save; ipset save | sort; nft list tables; nft list table inet foreign 2>/dev/null || true")) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " [")
		line, _, _ = strings.Cut(line, " bucketsize") // and what is random
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// foreign makes what other programs have in the kernel.
func (b *box) foreign() {
	b.Helper()
	b.run(`iptables -N f2b-sshd && iptables -A f2b-sshd -s 192.0.2.66 -j REJECT && iptables -A f2b-sshd -j RETURN
iptables -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
iptables -N DOCKER-USER && iptables -A DOCKER-USER -j RETURN && iptables -A FORWARD -j DOCKER-USER
iptables -N ufw-like && iptables -A ufw-like -m comment --comment "two words" -p tcp --dport 8080 -j ACCEPT && iptables -A INPUT -j ufw-like
ip6tables -N f2b-sshd && ip6tables -I INPUT -p tcp -j f2b-sshd && ip6tables -P FORWARD DROP
iptables -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 8081
ipset create foreign hash:ip && ipset add foreign 192.0.2.66 && iptables -A f2b-sshd -m set --match-set foreign src -j DROP
nft add table inet foreign && nft add chain inet foreign c '{ type filter hook input priority 10; }' && nft add rule inet foreign c tcp dport 82 accept`)
}

// until waits for something, and tells how long it took.
func (b *box) until(limit time.Duration, what string, done func() bool) time.Duration {
	b.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Since(began) > limit {
			b.Fatalf("after %v: not %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// reaches tells whether a datagram from an address arrives at a port.
func (b *box) reaches(from string, port int) bool {
	b.Helper()
	ok, err := b.n.UDP(from, port)
	if err != nil {
		b.Fatal(err)
	}
	return ok
}

// counter counts datagrams at a port of the server by their sender. With an
// answer it answers each, so that flows are established.
type counter struct {
	*box
	conn  net.PacketConn
	count chan map[netip.Addr]int
	ask   chan struct{}
	to    int // the port that is sent to, where that is redirected
}

func (b *box) listen(port int, answer string) *counter {
	b.Helper()
	return b.count(b.n.Do, port, answer)
}

// listenAt listens in another namespace.
func (b *box) listenAt(ns string, port int) *counter {
	b.Helper()
	return b.count(func(f func() error) error { return netnstest.Inside(ns, f) }, port, "")
}

func (b *box) count(within func(func() error) error, port int, answer string) *counter {
	b.Helper()
	c := &counter{box: b, count: make(chan map[netip.Addr]int), ask: make(chan struct{})}
	if err := within(func() (err error) {
		c.conn, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		return err
	}); err != nil {
		b.Fatal(err)
	}
	raw, err := c.conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20) }); err != nil {
		b.Fatal(err)
	}
	packets := make(chan netip.Addr, 1<<16)
	go func() {
		defer close(packets)
		buf := make([]byte, 1<<16)
		for {
			n, peer, err := c.conn.ReadFrom(buf)
			if err != nil {
				return
			}
			from := peer.(*net.UDPAddr).AddrPort().Addr().Unmap()
			if string(buf[:n]) == marker {
				from = netip.Addr{}
			}
			packets <- from
			if answer != "" {
				_, _ = c.conn.WriteTo([]byte(answer), peer)
			}
		}
	}()
	go func() {
		seen := map[netip.Addr]int{}
		for {
			select {
			case from, ok := <-packets:
				if !ok {
					packets = nil
					continue
				}
				seen[from]++
			case _, ok := <-c.ask:
				if !ok {
					return
				}
				copied := map[netip.Addr]int{}
				for k, v := range seen {
					copied[k] = v
				}
				c.count <- copied
			}
		}
	}()
	b.Cleanup(func() { close(c.ask); _ = c.conn.Close() })
	return c
}

// marker is the payload that shows that all before it have arrived; it counts for
// nobody.
const marker = "marker"

// got returns the counts once a datagram of the control address sent now has
// arrived, so that all before it have, too.
func (c *counter) got() map[netip.Addr]int {
	c.Helper()
	c.ask <- struct{}{}
	before := (<-c.count)[netip.Addr{}]
	c.send(netnstest.Control4, marker, 1)
	var counts map[netip.Addr]int
	c.until(10*time.Second, "seen the control packet", func() bool {
		c.ask <- struct{}{}
		counts = <-c.count
		return counts[netip.Addr{}] > before
	})
	return counts
}

func (c *counter) port() int {
	if c.to > 0 {
		return c.to
	}
	return c.conn.LocalAddr().(*net.UDPAddr).Port
}

// send sends datagrams from an address of the client, and reads no answers.
func (c *counter) send(from, payload string, times int) {
	c.Helper()
	s := c.dial(from)
	defer s.Close()
	for range times {
		if _, err := s.Write([]byte(payload)); err != nil {
			c.Fatal(err)
		}
	}
}

// reuse takes a port that a program which another test starts just now still has.
func reuse(_, _ string, raw syscall.RawConn) (err error) {
	ctlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
	return errors.Join(err, ctlErr)
}

func (c *counter) dial(from string) net.Conn {
	c.Helper()
	server := netnstest.Server4
	if netip.MustParseAddr(from).Is6() {
		server = netnstest.Server6
	}
	var s net.Conn
	err := c.n.Client(func() (err error) {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from), Port: 5070}, Control: reuse}
		s, err = d.Dial("udp", net.JoinHostPort(server, fmt.Sprint(c.port())))
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// of is the count of one sender.
func of(counts map[netip.Addr]int, from string) int { return counts[netip.MustParseAddr(from)] }

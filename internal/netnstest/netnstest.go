// Package netnstest gives tests a network of their own: two network namespaces
// joined by a wire, with real sockets on both sides. It hides the namespaces,
// their addresses and how a goroutine gets into one.
//
// Firewall rules made in the server's namespace hold there alone, so tests may
// ban for real.
package netnstest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Addresses on the wire. The client sends from any of its own; Control4 and
// Control6 are never banned by tests.
const (
	Server4  = "192.0.2.100"
	Server6  = "2001:db8::100"
	Control4 = "192.0.2.99"
	Control6 = "2001:db8::99"

	serverMAC = "02:f2:b0:00:00:01"
	clientMAC = "02:f2:b0:00:00:02"
)

// clients4 and clients6 are the addresses that tests ban.
var (
	clients4 = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	clients6 = []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
)

// Net is a pair of namespaces: a server, whose firewall is under test, and a
// client with the addresses 192.0.2.1 to .3 and 2001:db8::1 to ::3.
type Net struct {
	server, client string
	ports          map[port]*listener
}

// New makes a network that vanishes with the test. Without root the test is
// skipped and says so.
func New(t testing.TB) *Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root: run as root to ban for real")
	}
	base := fmt.Sprintf("f2b-t%d-%x", os.Getpid(), rand.Uint32())
	n := &Net{server: base + "s", client: base + "c", ports: map[port]*listener{}}
	for _, ns := range []string{n.server, n.client} {
		ip(t, "netns", "add", ns)
		t.Cleanup(func() { ip(t, "netns", "del", ns) })
	}
	t.Cleanup(n.close)
	ip(t, "link", "add", "wire", "address", serverMAC, "netns", n.server, "type", "veth",
		"peer", "name", "wire", "address", clientMAC, "netns", n.client)
	servers, clients := []string{Server4, Server6}, append(append([]string{Control4, Control6}, clients4...), clients6...)
	address(t, n.server, servers)
	address(t, n.client, clients)
	neighbours(t, n.server, clientMAC, clients)
	neighbours(t, n.client, serverMAC, servers)
	return n
}

// neighbours tells a side the other's addresses, so that a rule that drops a
// client's packets does not also decide whether that client can be found.
func neighbours(t testing.TB, ns, mac string, addrs []string) {
	t.Helper()
	for _, a := range addrs {
		ip(t, "-n", ns, "neigh", "replace", a, "lladdr", mac, "nud", "permanent", "dev", "wire")
	}
}

func address(t testing.TB, ns string, addrs []string) {
	t.Helper()
	for _, a := range addrs {
		bits := "/24"
		if netip.MustParseAddr(a).Is6() {
			bits = "/64"
		}
		args := []string{"-n", ns, "addr", "add", a + bits, "dev", "wire"}
		if bits == "/64" {
			// No search for duplicates: the address works at once.
			args = append(args, "nodad")
		}
		ip(t, args...)
	}
	ip(t, "-n", ns, "link", "set", "lo", "up")
	ip(t, "-n", ns, "link", "set", "wire", "up")
}

// ip runs the ip program on this machine.
func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Name is the server's namespace, for `ip netns exec`.
func (n *Net) Name() string { return n.server }

// Exec runs a program in the server's namespace and returns what it printed.
func (n *Net) Exec(args ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"netns", "exec", n.server}, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("running %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Do calls f on a thread that lives in the server's namespace: sockets that f
// opens and programs that f starts itself, not in other goroutines, belong there.
func (n *Net) Do(f func() error) error { return inside(n.server, f) }

// inside calls f on a thread of its own in a namespace. The thread ends with
// it, since no other goroutine may get a thread that lives elsewhere.
func inside(ns string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- enter(ns, f)
	}()
	return <-done
}

func enter(ns string, f func() error) error {
	fd, err := unix.Open("/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening namespace %s: %w", ns, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering namespace %s: %w", ns, err)
	}
	return f()
}

package netnstest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long an answer that must come may take.
	patience = 10 * time.Second
	// dropTime is how long a connection may go unanswered before it counts as
	// dropped; the wire needs microseconds.
	dropTime = 300 * time.Millisecond
	// busyTime is how long it may where even one that is not dropped goes
	// unanswered for so long.
	busyTime = 5 * time.Second
)

// port is one of the server's sockets.
type port struct {
	network string
	number  int
}

// listener is one of the server's sockets: a packet socket for UDP, or a
// listening one for TCP, whose connections are accepted and closed.
type listener struct {
	udp  net.PacketConn
	tcp  net.Listener
	done chan struct{}
}

func (l *listener) close() {
	if l.udp != nil {
		_ = l.udp.Close()
		return
	}
	_ = l.tcp.Close()
	<-l.done
}

func (n *Net) close() {
	for _, l := range n.ports {
		l.close()
	}
}

// server returns the address and number that a client of this address talks to.
func server(from netip.Addr, number int) string {
	addr := Server6
	if from.Is4() {
		addr = Server4
	}
	return net.JoinHostPort(addr, strconv.Itoa(number))
}

// UDP sends a datagram from one of the client's addresses to a port of the
// server and tells whether it arrived. It is followed by one from a control
// address that no test bans: when that arrives the first is lost for good.
func (n *Net) UDP(from string, number int) (arrived bool, err error) {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		return false, err
	}
	l, err := n.listen(port{udpNetwork(addr), number}, server(addr, number))
	if err != nil {
		return false, err
	}
	control := Control6
	if addr.Is4() {
		control = Control4
	}
	err = inside(n.client, func() error {
		return errors.Join(send(addr, number), send(netip.MustParseAddr(control), number))
	})
	if err != nil {
		return false, err
	}
	if err := l.udp.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	buf := make([]byte, 64)
	for {
		_, sender, err := l.udp.ReadFrom(buf)
		if err != nil {
			return false, fmt.Errorf("waiting for the control packet to port %d: %w", number, err)
		}
		switch sender.(*net.UDPAddr).AddrPort().Addr().Unmap().String() {
		case from:
			arrived = true
		case control:
			return arrived, nil
		}
	}
}

func udpNetwork(addr netip.Addr) string {
	if addr.Is4() {
		return "udp4"
	}
	return "udp6"
}

// send sends one datagram to the server.
func send(from netip.Addr, number int) error {
	conn, err := net.DialUDP(udpNetwork(from), &net.UDPAddr{IP: from.AsSlice()},
		net.UDPAddrFromAddrPort(netip.MustParseAddrPort(server(from, number))))
	if err != nil {
		return fmt.Errorf("opening a socket of %s: %w", from, err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("f2b")); err != nil {
		return fmt.Errorf("sending from %s: %w", from, err)
	}
	return nil
}

// TCP tries to connect from one of the client's addresses to a port of the
// server and tells whether the server answered. A refusal by the firewall and
// silence both count as no.
func (n *Net) TCP(from string, number int) (connected bool, err error) {
	all, err := n.TCPFrom(number, from)
	return all[from], err
}

// TCPFrom is TCP from several addresses at once.
func (n *Net) TCPFrom(number int, from ...string) (connected map[string]bool, err error) {
	answers := make([]bool, len(from))
	faults := make([]error, len(from))
	var probes sync.WaitGroup
	for i, text := range from {
		addr, err := netip.ParseAddr(text)
		if err == nil {
			_, err = n.listen(port{tcpNetwork(addr), number}, server(addr, number))
		}
		if err != nil {
			return nil, err
		}
		probes.Go(func() { answers[i], faults[i] = n.connect(addr, number) })
	}
	probes.Wait()
	connected = map[string]bool{}
	for i, text := range from {
		connected[text] = answers[i]
	}
	return connected, errors.Join(faults...)
}

func tcpNetwork(addr netip.Addr) string {
	if addr.Is4() {
		return "tcp4"
	}
	return "tcp6"
}

// connect tries once, and where nothing comes back once more with more time,
// unless an address that no test bans is answered: then it is not that the
// machine is busy.
func (n *Net) connect(addr netip.Addr, number int) (connected bool, err error) {
	connected, answered, err := n.dial(addr, number, dropTime)
	if answered || err != nil {
		return connected, err
	}
	control := netip.MustParseAddr(Control6)
	if addr.Is4() {
		control = netip.MustParseAddr(Control4)
	}
	if _, answered, err = n.dial(control, number, dropTime); answered || err != nil {
		return false, err
	}
	connected, _, err = n.dial(addr, number, busyTime)
	return connected, err
}

// dial tells whether a connection came about, and whether it was at least refused.
func (n *Net) dial(addr netip.Addr, number int, limit time.Duration) (connected, answered bool, err error) {
	err = inside(n.client, func() (err error) {
		answered, err = handshake(addr, netip.MustParseAddrPort(server(addr, number)), limit)
		return err
	})
	switch {
	case err == nil:
		return answered, answered, nil
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH),
		errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOPROTOOPT):
		return false, true, nil
	}
	return false, false, fmt.Errorf("connecting from %s: %w", addr, err)
}

// handshake connects and closes. It waits in the kernel, which looks for an answer
// once more when the time is over: this process may not have run for so long.
func handshake(from netip.Addr, to netip.AddrPort, limit time.Duration) (answered bool, err error) {
	family := unix.AF_INET6
	if from.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
		return false, err
	}
	if err := unix.Connect(fd, sockaddr(to)); !errors.Is(err, unix.EINPROGRESS) {
		return err == nil, err
	}
	for began := time.Now(); ; {
		left := max(0, limit-time.Since(began))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(left.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return false, err
		}
		if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			return true, errors.Join(err, unix.Errno(code))
		}
		return true, nil
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// listen returns the server's socket for a port, opened at first use.
func (n *Net) listen(p port, target string) (*listener, error) {
	if l, ok := n.ports[p]; ok {
		return l, nil
	}
	l := &listener{done: make(chan struct{})}
	err := n.Do(func() (err error) {
		if p.network[:3] == "udp" {
			l.udp, err = net.ListenPacket(p.network, target)
			return err
		}
		l.tcp, err = net.Listen(p.network, target)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening on %s %s: %w", p.network, target, err)
	}
	if l.tcp != nil {
		go l.accept()
	}
	n.ports[p] = l
	return l, nil
}

// accept takes connections and closes them, until the socket is closed.
func (l *listener) accept() {
	defer close(l.done)
	for {
		conn, err := l.tcp.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

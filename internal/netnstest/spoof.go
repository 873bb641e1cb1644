package netnstest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// AddClients gives the client further addresses.
func (n *Net) AddClients(t testing.TB, addrs ...string) {
	t.Helper()
	address(t, n.client, addrs)
	neighbours(t, n.server, clientMAC, addrs)
}

// ClientName is the client's namespace, for `ip netns exec`.
func (n *Net) ClientName() string { return n.client }

// Inside calls f on a thread that lives in any namespace, as Do does.
func Inside(ns string, f func() error) error { return inside(ns, f) }

// Spoofer sends UDP datagrams of IPv4 from any address, its own or not.
type Spoofer struct {
	fd     int
	packet []byte
}

// NewSpoofer makes one at the client. Close it.
func (n *Net) NewSpoofer() (*Spoofer, error) {
	s := &Spoofer{}
	err := n.Client(func() (err error) {
		s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening a raw socket: %w", err)
	}
	return s, nil
}

// Send sends one datagram to a port of the server. The checksum of UDP is left
// out, which IPv4 allows (RFC 768).
func (s *Spoofer) Send(from netip.Addr, port uint16, payload string) error {
	const ipHeader, udpHeader = 20, 8
	to := netip.MustParseAddr(Server4).As4()
	source := from.As4()
	s.packet = append(s.packet[:0], make([]byte, ipHeader+udpHeader)...)
	s.packet = append(s.packet, payload...)
	p := s.packet
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
	copy(p[12:], source[:])
	copy(p[16:], to[:])
	binary.BigEndian.PutUint16(p[ipHeader:], 5070)
	binary.BigEndian.PutUint16(p[ipHeader+2:], port)
	binary.BigEndian.PutUint16(p[ipHeader+4:], uint16(udpHeader+len(payload)))
	if err := unix.Sendto(s.fd, p, 0, &unix.SockaddrInet4{Addr: to}); err != nil {
		return fmt.Errorf("sending from %s: %w", from, err)
	}
	return nil
}

// Close closes the socket.
func (s *Spoofer) Close() { _ = unix.Close(s.fd) }

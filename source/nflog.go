package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// DefaultNFLOGGroup is the group that the firewall writes its events to.
const DefaultNFLOGGroup = 2011

// What the kernel calls things (include/uapi/linux/netfilter/nfnetlink_log.h).
const (
	nflogPacket = unix.NFNL_SUBSYS_ULOG << 8
	nflogConfig = unix.NFNL_SUBSYS_ULOG<<8 | 1

	nflogConfigCommand   = 1 // NFULA_CFG_CMD
	nflogConfigMode      = 2 // NFULA_CFG_MODE
	nflogConfigThreshold = 5 // NFULA_CFG_QTHRESH
	nflogBind            = 1 // NFULNL_CFG_CMD_BIND
	nflogCopyPacket      = 2 // NFULNL_COPY_PACKET

	nflogTimestamp = 3
	nflogInDevice  = 4
	nflogOutDevice = 5
	nflogPayload   = 9
	nflogPrefix    = 10

	// nflogBytes is how much of a packet is asked for: the heads are enough.
	nflogBytes = 128
	// nflogBuffer is how much may wait in the kernel.
	nflogBuffer = 4 << 20
)

// NFLOG reads the packets that rules hand to an NFLOG group, each as the line
// that a LOG rule would have written to the kernel's log, without the fields of
// no use here. Nothing is kept while nobody reads.
type NFLOG struct {
	// Group is the group; 0 is DefaultNFLOGGroup.
	Group uint16
	// Log takes messages; none are made if nil.
	Log *slog.Logger
}

// Follow hands packets to the sink until ctx ends or the sink returns an error.
// It takes the right to administer the network.
func (n NFLOG) Follow(ctx context.Context, _ JournalOptions, _ JournalPlace, sink JournalSink) error {
	log := n.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	conn, err := n.open()
	if err != nil {
		return fmt.Errorf("listening to NFLOG group %d: %w", n.group(), err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	sink.CaughtUp()
	for {
		messages, err := conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			log.Warn(fmt.Sprintf("NFLOG group %d overflowed before it was read: packets are lost", n.group()))
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return fmt.Errorf("reading NFLOG group %d: %w", n.group(), err)
		}
		if entries := nflogEntries(messages, time.Now()); len(entries) > 0 {
			if err := sink.Entries(ctx, entries); err != nil {
				return err
			}
		}
	}
}

func (n NFLOG) group() uint16 {
	if n.Group == 0 {
		return DefaultNFLOGGroup
	}
	return n.Group
}

// open binds the group, asks for the heads of packets, one message each.
func (n NFLOG) open() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	mode := make([]byte, 6)
	binary.BigEndian.PutUint32(mode, nflogBytes)
	mode[4] = nflogCopyPacket
	for _, attribute := range []netlink.Attribute{
		{Type: nflogConfigCommand, Data: []byte{nflogBind}},
		{Type: nflogConfigMode, Data: mode},
		{Type: nflogConfigThreshold, Data: []byte{0, 0, 0, 1}},
	} {
		if err := n.configure(conn, attribute); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	if err := conn.SetReadBuffer(nflogBuffer); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (n NFLOG) configure(conn *netlink.Conn, attribute netlink.Attribute) error {
	data, err := netlink.MarshalAttributes([]netlink.Attribute{attribute})
	if err != nil {
		return err
	}
	// struct nfgenmsg: family, version, and the group in network order.
	head := []byte{unix.AF_UNSPEC, 0, byte(n.group() >> 8), byte(n.group())}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: nflogConfig, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(head, data...),
	})
	return err
}

// nflogEntries reads messages; what is no packet with a prefix is passed over.
func nflogEntries(messages []netlink.Message, now time.Time) []JournalEntry {
	var out []JournalEntry
	for _, m := range messages {
		if m.Header.Type != nflogPacket || m.Header.PID != 0 || len(m.Data) < 4 {
			continue
		}
		if e, ok := nflogEntry(m.Data[4:], now); ok {
			out = append(out, e)
		}
	}
	return out
}

func nflogEntry(data []byte, now time.Time) (JournalEntry, bool) {
	attributes, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		return JournalEntry{}, false
	}
	at, prefix, in, out, packet := now, "", "", "", ""
	for _, a := range attributes {
		switch {
		case a.Type == nflogPrefix:
			prefix = strings.TrimRight(string(a.Data), "\x00")
		case a.Type == nflogInDevice && len(a.Data) == 4:
			in = device(a.Data)
		case a.Type == nflogOutDevice && len(a.Data) == 4:
			out = device(a.Data)
		case a.Type == nflogTimestamp && len(a.Data) == 16:
			at = time.Unix(int64(binary.BigEndian.Uint64(a.Data)), int64(binary.BigEndian.Uint64(a.Data[8:]))*1000)
		case a.Type == nflogPayload:
			packet = packetText(a.Data)
		}
	}
	if packet == "" {
		return JournalEntry{}, false
	}
	return JournalEntry{
		Text:  []byte(prefix + "IN=" + in + " OUT=" + out + " " + packet),
		Place: JournalPlace{Time: float64(at.UnixMicro()) / 1e6, Text: isoText(at.UnixMicro()), Seen: true},
	}, true
}

// device names a network device by its number; "" where it is gone.
func device(number []byte) string {
	if i, err := net.InterfaceByIndex(int(binary.BigEndian.Uint32(number))); err == nil {
		return i.Name
	}
	return ""
}

// packetText tells a packet as a LOG rule does; "" where it is no IP packet.
func packetText(p []byte) string {
	switch {
	case len(p) >= 20 && p[0]>>4 == 4:
		head := int(p[0]&15) * 4
		src, dst := netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))
		first := binary.BigEndian.Uint16(p[6:])&0x1fff == 0
		return addressText(src, dst, binary.BigEndian.Uint16(p[2:])) + protocolText(p[9], p, head, first)
	case len(p) >= 40 && p[0]>>4 == 6:
		src, dst := netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))
		kind, head, first := upper(p)
		return addressText(src, dst, binary.BigEndian.Uint16(p[4:])+40) + protocolText(kind, p, head, first)
	}
	return ""
}

func addressText(src, dst netip.Addr, length uint16) string {
	return fmt.Sprintf("SRC=%s DST=%s LEN=%d ", src, dst, length)
}

// upper finds what an IPv6 packet carries behind its extension headers.
func upper(p []byte) (kind byte, head int, first bool) {
	kind, head, first = p[6], 40, true
	for head+8 <= len(p) {
		switch kind {
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS:
			kind, head = p[head], head+8+int(p[head+1])*8
		case unix.IPPROTO_FRAGMENT:
			first = first && binary.BigEndian.Uint16(p[head+2:])&0xfff8 == 0
			kind, head = p[head], head+8
		default:
			return kind, head, first
		}
	}
	return kind, head, first
}

func protocolText(kind byte, p []byte, head int, first bool) string {
	name, ports := fmt.Sprint(kind), false
	switch kind {
	case unix.IPPROTO_UDP:
		name, ports = "UDP", true
	case unix.IPPROTO_TCP:
		name, ports = "TCP", true
	case unix.IPPROTO_ICMP:
		name = "ICMP"
	case unix.IPPROTO_ICMPV6:
		name = "ICMPv6"
	}
	if !ports || !first || len(p) < head+4 {
		return "PROTO=" + name + " "
	}
	return fmt.Sprintf("PROTO=%s SPT=%d DPT=%d ", name, binary.BigEndian.Uint16(p[head:]), binary.BigEndian.Uint16(p[head+2:]))
}

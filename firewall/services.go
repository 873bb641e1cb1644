package firewall

import (
	"slices"
	"strings"
)

// Access says who may reach a service.
type Access string

// Who may reach a service: allowed sites only, everybody under the limits, or
// everybody.
const (
	ForAllowed Access = "allowed"
	ForLimited Access = "limited"
	ForAll     Access = "open"
)

// KnownService is a service that a configuration may name without its ports.
type KnownService struct {
	Name   string
	Ports  []ServicePort
	Access Access // where the configuration says nothing
}

// ServicePort is a port or a range of them of a protocol.
type ServicePort struct {
	Protocol string // "udp" or "tcp"
	PortRange
}

func (p ServicePort) String() string {
	return strings.Replace(p.PortRange.String(), ":", "-", 1) + "/" + p.Protocol
}

func udp(first, last uint16) ServicePort { return ServicePort{"udp", PortRange{first, last}} }
func tcp(port uint16) ServicePort        { return ServicePort{"tcp", PortRange{port, port}} }

// Known are the services that have a name; panel is the Flash Operator Panel,
// manager Asterisk's AMI. Ports are those of their documentation.
var Known = []KnownService{
	{"ssh", []ServicePort{tcp(22)}, ForAllowed},
	{"http", []ServicePort{tcp(80)}, ForAllowed},
	{"https", []ServicePort{tcp(443)}, ForAllowed},
	{"panel", []ServicePort{tcp(4445)}, ForAllowed},
	{"manager", []ServicePort{tcp(5038)}, ForAllowed},
	{"sip", []ServicePort{udp(5060, 5060), udp(5160, 5160), tcp(5060), tcp(5160)}, ForLimited},
	{"sip-tls", []ServicePort{tcp(5061), tcp(5161)}, ForLimited},
	{"ws", []ServicePort{tcp(8088)}, ForAllowed},
	{"wss", []ServicePort{tcp(8089)}, ForAllowed},
	{"iax2", []ServicePort{udp(4569, 4569)}, ForLimited},
	{"rtp", []ServicePort{udp(10000, 20000)}, ForAll},
	{"udptl", []ServicePort{udp(4000, 4999)}, ForAllowed},
	{"dns", []ServicePort{udp(53, 53), tcp(53)}, ForAllowed},
	{"ftp", []ServicePort{tcp(21)}, ForAllowed},
	{"imap", []ServicePort{tcp(143)}, ForAllowed},
	{"imaps", []ServicePort{tcp(993)}, ForAllowed},
	{"ldap", []ServicePort{tcp(389)}, ForAllowed},
	{"mysql", []ServicePort{tcp(3306)}, ForAllowed},
	{"ntp", []ServicePort{udp(123, 123)}, ForAllowed},
	{"openvpn", []ServicePort{udp(1194, 1194), tcp(1194)}, ForAllowed},
	{"smtp", []ServicePort{tcp(25)}, ForAllowed},
	{"snmp", []ServicePort{udp(161, 161)}, ForAllowed},
	{"submission", []ServicePort{tcp(587)}, ForAllowed},
	{"syslog", []ServicePort{udp(514, 514)}, ForAllowed},
	{"tftp", []ServicePort{udp(69, 69)}, ForAllowed},
	{"webmin", []ServicePort{tcp(10000)}, ForAllowed},
	{"wireguard", []ServicePort{udp(51820, 51820)}, ForAllowed},
}

// services splits ports by protocol, UDP first.
func (k KnownService) services(ports []ServicePort, access Access) []Service {
	var list []Service
	for _, protocol := range []string{"udp", "tcp"} {
		s := Service{Name: k.Name, Protocol: protocol, Limited: access == ForLimited}
		for _, p := range ports {
			if p.Protocol == protocol && !slices.Contains(s.Ports, p.PortRange) {
				s.Ports = append(s.Ports, p.PortRange)
			}
		}
		if len(s.Ports) > 0 {
			list = append(list, s)
		}
	}
	return list
}

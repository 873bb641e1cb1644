package firewall

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DefaultSettings is where the configuration stands.
const DefaultSettings = "/etc/f2b-go/firewall.conf"

// Settings are what a configuration file says. Settings that depend on the
// machine are kept as they were written: Resolve settles them.
type Settings struct {
	// Path is the file that was read, "" if there is none and all is default.
	Path                   string
	AllowSites, BlockSites string // the lists
	// ConsoleOnly says that no site need be allowed.
	ConsoleOnly bool
	// Interfaces is "all", "auto" for those of the default routes, or names.
	Interfaces string
	// IPv6, Methods and Forward are "auto", "yes" or "no".
	IPv6, Methods, Forward string
	Backend                string // Auto, NFT or Legacy
	Asterisk               string // folder of Asterisk's configuration, "" for none
	// StateDir keeps what outlives a boot, RunDir what does not.
	StateDir, RunDir string
	// Config is the plan's part, without what Resolve adds.
	Config Config

	logNFLOG bool   // events go to Config.LogGroup
	scanners string // the list of scanners, "" for none

	access map[string]Access        // of services that the file names
	ports  map[string][]ServicePort // likewise
	lines  map[string]int           // of services, for messages
}

// Defaults are the settings without a file: what the scripts of 2011 did.
func Defaults() Settings {
	s := Settings{
		AllowSites: "/etc/network/allowSites", BlockSites: "/etc/network/blockSites",
		Interfaces: "all", IPv6: Auto, Methods: Auto, Forward: Auto, Backend: Auto,
		Asterisk: "/etc/asterisk", StateDir: "/var/lib/f2b-go/firewall", RunDir: "/run/f2b-go/firewall",
		Config: Default(),
		access: map[string]Access{}, ports: map[string][]ServicePort{}, lines: map[string]int{},
	}
	s.Config.Services, s.Config.LogGroup = nil, 2011
	return s
}

// ReadSettings reads a configuration file. Problems tell each line that is
// wrong; then the settings are not to be used. The error says that the file could
// not be read at all, which is no error where it is missing and optional: all is
// default then.
func ReadSettings(path string, optional bool) (Settings, []Problem, error) {
	s := Defaults()
	list, problems, err := readIni(path)
	switch {
	case notThere(err) && optional:
		return s, nil, nil
	case err != nil:
		return s, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	s.Path = path
	for _, item := range list {
		if p := s.set(item); p != nil {
			p.File, p.Line, p.Class = path, item.line, ErrSyntax
			problems = append(problems, *p)
		}
	}
	for _, name := range sorted(s.ports) {
		if s.access[name] == "" && known(name) == nil {
			problems = append(problems, Problem{File: path, Line: s.lines[name], Class: ErrSyntax, Warning: true,
				Text:   fmt.Sprintf("nothing says who may reach the service %s", name),
				Remedy: fmt.Sprintf("write %s = open, limited or allowed in [services]", name)})
		}
	}
	for _, name := range sorted(s.access) {
		if s.ports[name] == nil && known(name) == nil {
			problems = append(problems, Problem{File: path, Line: s.lines[name], Class: ErrSyntax,
				Text:   fmt.Sprintf("%s is no service that has a name", name),
				Remedy: fmt.Sprintf("write its ports in [ports], like %s = 5000/tcp", name)})
		}
	}
	return s, problems, nil
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func known(name string) *KnownService {
	for i := range Known {
		if Known[i].Name == name {
			return &Known[i]
		}
	}
	return nil
}

// set takes one setting. The problem that it returns lacks the place.
func (s *Settings) set(item setting) *Problem {
	key := strings.ToLower(item.key)
	switch strings.ToLower(item.section) {
	case "firewall":
		if take, ok := general[key]; ok {
			return take(s, item.value)
		}
		return unknown(item, sorted(general))
	case "limits":
		if take, ok := limits[key]; ok {
			return take(s, item.value)
		}
		return unknown(item, sorted(limits))
	case "services":
		return s.service(key, item)
	case "ports":
		ports, p := readPorts(item.value)
		s.ports[key], s.lines[key] = ports, item.line
		return p
	}
	return &Problem{Text: fmt.Sprintf("there is no section [%s]", item.section), Remedy: "the sections are [firewall], [services], [ports] and [limits]"}
}

func unknown(item setting, names []string) *Problem {
	return &Problem{Text: fmt.Sprintf("[%s] has no setting %s", item.section, item.key), Remedy: "it has " + strings.Join(names, ", ")}
}

func (s *Settings) service(name string, item setting) *Problem {
	switch access := Access(strings.ToLower(item.value)); access {
	case ForAllowed, ForLimited, ForAll:
		s.access[name], s.lines[name] = access, item.line
		return nil
	}
	return &Problem{Text: fmt.Sprintf("%s = %s does not say who may reach it", item.key, clip(item.value)),
		Remedy: "write allowed (sites of the list), limited (everybody, under the limits) or open (everybody)"}
}

// readPorts reads "5060/udp, 10000-20000/udp 5060/tcp".
func readPorts(value string) ([]ServicePort, *Problem) {
	var list []ServicePort
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		numbers, protocol, _ := strings.Cut(strings.ToLower(word), "/")
		from, to, isRange := strings.Cut(numbers, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 16)
		last, err2 := strconv.ParseUint(to, 10, 16)
		if err1 != nil || err2 != nil || first == 0 || last < first || protocol != "udp" && protocol != "tcp" {
			return nil, &Problem{Text: fmt.Sprintf("%q is no port", clip(word)), Remedy: "write ports like 5060/udp or 10000-20000/udp, the protocol being udp or tcp"}
		}
		list = append(list, ServicePort{protocol, PortRange{uint16(first), uint16(last)}})
	}
	if len(list) == 0 {
		return nil, &Problem{Text: "no port is named", Remedy: "write ports like 5060/udp or 10000-20000/udp"}
	}
	return list, nil
}

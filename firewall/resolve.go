package firewall

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// ServiceAccess is a service with its ports as they hold, and whence they are.
type ServiceAccess struct {
	Name   string        `json:"name"`
	Access Access        `json:"access"`
	Ports  []ServicePort `json:"-"`
	Shown  string        `json:"ports"`
	Source string        `json:"source"` // "configuration", "asterisk" or "default"
}

// Services settles who may reach what: the configuration goes before Asterisk's
// files, and those before the defaults.
func (s Settings) Services() (list []ServiceAccess, problems []Problem) {
	asterisk := map[string][]ServicePort{}
	if s.Asterisk != "" {
		asterisk, problems = AsteriskPorts(s.Asterisk)
	}
	names := sorted(s.access)
	for _, k := range slices.Backward(Known) {
		names = slices.DeleteFunc(names, func(name string) bool { return name == k.Name })
		names = slices.Insert(names, 0, k.Name)
	}
	for _, name := range names {
		a := ServiceAccess{Name: name, Access: s.access[name], Ports: s.ports[name], Source: "configuration"}
		if k := known(name); k != nil {
			if a.Access == "" {
				a.Access = k.Access
			}
			if a.Ports == nil {
				a.Ports, a.Source = k.Ports, "default"
				if ports, ok := asterisk[name]; ok {
					a.Ports, a.Source = ports, "asterisk"
				}
			}
		}
		var words []string
		for _, p := range a.Ports {
			if !slices.Contains(words, p.String()) {
				words = append(words, p.String())
			}
		}
		a.Shown = strings.Join(words, " ")
		list = append(list, a)
	}
	return list, problems
}

// plan puts services into a configuration for Plan.
func planServices(list []ServiceAccess) []Service {
	var services []Service
	for _, a := range list {
		if a.Access != ForAllowed {
			services = append(services, KnownService{Name: a.Name}.services(a.Ports, a.Access)...)
		}
	}
	return services
}

// interfaceNames settles the interfaces: none for all.
func (s Settings) interfaceNames() ([]string, error) {
	switch strings.ToLower(s.Interfaces) {
	case "all":
		return nil, nil
	case Auto:
		names := defaultRoutes()
		if len(names) == 0 {
			return nil, fmt.Errorf("looking for the interface: %w: there is no default route; write interfaces = all, or its name", ErrMissing)
		}
		return names, nil
	}
	return strings.FieldsFunc(s.Interfaces, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }), nil
}

// defaultRoutes are the interfaces of the default routes of both families.
func defaultRoutes() []string {
	var names []string
	for _, table := range []struct {
		path string
		read func(fields []string) string
	}{{"/proc/thread-self/net/route", route4}, {"/proc/thread-self/net/ipv6_route", route6}} {
		f, err := os.Open(table.path)
		if err != nil {
			continue
		}
		for sc := bufio.NewScanner(io.LimitReader(f, maxOutput)); sc.Scan(); {
			if name := table.read(strings.Fields(sc.Text())); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		f.Close()
	}
	return names
}

// route4 gives the interface of a line of /proc/net/route (proc(5)) if it is a
// default route that is up.
func route4(fields []string) string {
	if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" || fields[0] == "Iface" {
		return ""
	}
	return fields[0]
}

// route6 does so for /proc/net/ipv6_route: destination and length, …, flags,
// interface. The kernel keeps an unreachable default route on lo.
func route6(fields []string) string {
	if len(fields) < 10 || strings.Trim(fields[0], "0") != "" || fields[1] != "00" || fields[9] == "lo" {
		return ""
	}
	return fields[9]
}

package firewall

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits of Asterisk's files.
const (
	maxAsteriskFile  = 4 << 20
	maxAsteriskFiles = 200
	maxAsteriskDepth = 16
)

// asteriskSetting is a line NAME = VALUE of one of Asterisk's files.
type asteriskSetting struct{ section, name, value string }

// asteriskReader reads Asterisk's own dialect: sections, "=" or "=>", comments
// behind ";" and between ";--" and "--;", and includes that go on in the section
// that they stand in (main/config.c of Asterisk tells the same).
type asteriskReader struct {
	dir      string
	section  string
	comment  bool
	files    int
	settings []asteriskSetting
	problems []Problem
}

// readAsterisk reads one file of a folder; ok says that it is there.
func readAsterisk(dir, name string) (settings []asteriskSetting, problems []Problem, ok bool) {
	r := &asteriskReader{dir: dir}
	path := filepath.Join(dir, name)
	text, err := readBounded(path, maxAsteriskFile)
	switch {
	case notThere(err):
		return nil, nil, false
	case err != nil:
		return nil, []Problem{{File: path, Text: "its ports are not known: " + err.Error(), Warning: true, Class: ErrInclude,
			Remedy: "name them in [ports]"}}, false
	}
	r.read(path, text, 0)
	return r.settings, r.problems, true
}

func (r *asteriskReader) read(path string, text []byte, depth int) {
	r.files++
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line := r.uncomment(string(raw))
		switch {
		case line == "":
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			r.section = strings.ToLower(strings.TrimSpace(name))
		case line[0] == '#':
			r.include(path, number, line, depth)
		default:
			name, value, ok := strings.Cut(line, "=")
			if ok {
				value = strings.TrimSpace(strings.TrimPrefix(value, ">"))
				r.settings = append(r.settings, asteriskSetting{r.section, strings.ToLower(strings.TrimSpace(name)), value})
			}
		}
	}
}

// uncomment takes comments out of a line, also such as go over several lines.
func (r *asteriskReader) uncomment(line string) string {
	var kept strings.Builder
	for line != "" {
		if r.comment {
			_, after, closed := strings.Cut(line, "--;")
			r.comment = !closed
			line = after
			continue
		}
		at := strings.IndexByte(line, ';')
		if at < 0 {
			kept.WriteString(line)
			break
		}
		if at > 0 && line[at-1] == '\\' {
			kept.WriteString(line[:at-1] + ";")
			line = line[at+1:]
			continue
		}
		kept.WriteString(line[:at])
		if rest := line[at:]; !strings.HasPrefix(rest, ";--") || strings.HasPrefix(rest, ";---") {
			break
		}
		r.comment, line = true, line[at+3:]
	}
	return strings.TrimSpace(kept.String())
}

// include reads other files in place of a line; #exec is never obeyed.
func (r *asteriskReader) include(path string, number int, line string, depth int) {
	directive, name, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	name = strings.Trim(strings.TrimSpace(name), `"<>`)
	warn := func(text string) {
		r.problems = append(r.problems, Problem{File: path, Line: number, Text: text, Warning: true, Class: ErrInclude, Remedy: "name the ports in [ports]"})
	}
	if directive == "#exec" {
		warn("#exec is not run, so ports that it would name are not known")
		return
	}
	if directive != "#include" && directive != "#tryinclude" || name == "" {
		return
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	paths, err := filepath.Glob(name)
	if err != nil || len(paths) == 0 && directive == "#include" {
		warn(fmt.Sprintf("the included file %s is not there", name))
	}
	for _, p := range paths {
		if depth >= maxAsteriskDepth || r.files >= maxAsteriskFiles {
			warn("files include each other too deep, or too many")
			return
		}
		text, err := readBounded(p, maxAsteriskFile)
		if err != nil {
			warn("an included file can't be read: " + err.Error())
			continue
		}
		r.read(p, text, depth+1)
	}
}

// AsteriskPorts are the ports of services as Asterisk's own configuration in a
// folder has them. A service whose file is not there is missing in the map; one
// that is switched off has no ports.
func AsteriskPorts(dir string) (ports map[string][]ServicePort, problems []Problem) {
	ports = map[string][]ServicePort{}
	for _, file := range []struct {
		name string
		take func([]asteriskSetting, map[string][]ServicePort)
	}{
		{"rtp.conf", takeRTP}, {"udptl.conf", takeUDPTL}, {"iax.conf", takeIAX},
		{"sip.conf", takeChanSIP}, {"pjsip.conf", takePJSIP}, {"http.conf", takeHTTP}, {"manager.conf", takeManager},
	} {
		settings, faults, ok := readAsterisk(dir, file.name)
		problems = append(problems, faults...)
		if ok {
			file.take(settings, ports)
		}
	}
	if len(ports["sip"]) == 0 {
		delete(ports, "sip") // its transports stand elsewhere, in a database
	}
	return ports, problems
}

// last is the value of a setting of [general] that holds, the last one.
func last(settings []asteriskSetting, fallback string, names ...string) string {
	for _, s := range settings {
		for _, name := range names {
			if s.section == "general" && s.name == name {
				fallback = s.value
			}
		}
	}
	return fallback
}

func yes(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}

// portRange reads two ports; wrong ones give nothing.
func portRange(protocol, first, last string) []ServicePort {
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || from == 0 || to < from {
		return nil
	}
	return []ServicePort{{protocol, PortRange{uint16(from), uint16(to)}}}
}

// bound reads the port of "ADDRESS:PORT", "PORT" or "ADDRESS"; what listens on
// the machine itself only gives none.
func bound(protocol, address, fallback string) []ServicePort {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), fallback
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return nil
	}
	return portRange(protocol, port, port)
}

// Defaults of a file that is there and silent: res_rtp_asterisk.c, udptl.c.
func takeRTP(s []asteriskSetting, ports map[string][]ServicePort) {
	ports["rtp"] = portRange("udp", last(s, "5000", "rtpstart"), last(s, "31000", "rtpend"))
}

func takeUDPTL(s []asteriskSetting, ports map[string][]ServicePort) {
	ports["udptl"] = portRange("udp", last(s, "4500", "udptlstart"), last(s, "4999", "udptlend"))
}

func takeIAX(s []asteriskSetting, ports map[string][]ServicePort) {
	fallback := last(s, "4569", "bindport", "port")
	ports["iax2"] = nil
	for _, item := range s {
		if item.section == "general" && item.name == "bindaddr" {
			ports["iax2"] = append(ports["iax2"], bound("udp", item.value, fallback)...)
		}
	}
	if len(ports["iax2"]) == 0 {
		ports["iax2"] = portRange("udp", fallback, fallback)
	}
}

func takeChanSIP(s []asteriskSetting, ports map[string][]ServicePort) {
	fallback := last(s, "5060", "bindport", "port")
	ports["sip"] = append(ports["sip"], bound("udp", last(s, "0.0.0.0", "bindaddr", "udpbindaddr"), fallback)...)
	if yes(last(s, "no", "tcpenable")) {
		ports["sip"] = append(ports["sip"], bound("tcp", last(s, "0.0.0.0", "bindaddr", "tcpbindaddr"), fallback)...)
	}
	if yes(last(s, "no", "tlsenable")) {
		ports["sip-tls"] = append(ports["sip-tls"], bound("tcp", last(s, "0.0.0.0", "tlsbindaddr"), "5061")...)
	}
}

// takePJSIP looks at the sections of type transport.
func takePJSIP(s []asteriskSetting, ports map[string][]ServicePort) {
	transports := map[string]map[string]string{}
	for _, item := range s {
		if transports[item.section] == nil {
			transports[item.section] = map[string]string{}
		}
		transports[item.section][item.name] = item.value
	}
	for _, name := range sorted(transports) {
		t := transports[name]
		if !strings.EqualFold(t["type"], "transport") {
			continue
		}
		switch strings.ToLower(t["protocol"]) {
		case "", "udp":
			ports["sip"] = append(ports["sip"], bound("udp", t["bind"], "5060")...)
		case "tcp":
			ports["sip"] = append(ports["sip"], bound("tcp", t["bind"], "5060")...)
		case "tls":
			ports["sip-tls"] = append(ports["sip-tls"], bound("tcp", t["bind"], "5061")...)
		}
	}
}

func takeHTTP(s []asteriskSetting, ports map[string][]ServicePort) {
	ports["ws"], ports["wss"] = []ServicePort{}, []ServicePort{}
	if yes(last(s, "no", "enabled")) {
		ports["ws"] = bound("tcp", last(s, "0.0.0.0", "bindaddr"), last(s, "8088", "bindport"))
	}
	if yes(last(s, "no", "tlsenable")) {
		ports["wss"] = bound("tcp", last(s, "0.0.0.0", "tlsbindaddr"), last(s, "8089", "tlsbindport"))
	}
}

func takeManager(s []asteriskSetting, ports map[string][]ServicePort) {
	port := last(s, "5038", "port")
	ports["manager"] = portRange("tcp", port, port)
}

package firewall

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// KnownScanners begin the User-Agent of programs that only look for servers.
// Names that honest phones also have (eyeBeam, CSipSimple) are not among them.
var KnownScanners = []string{
	"friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan", "sipscan", "pplsip", "sundayddr",
	"VaxSIPUserAgent", "VaxIPUserAgent", "iWar", "sipsak", "smap", "sivus", "siparmyknife", "Gulp",
}

// readScanners reads a list of names, one a line, with comments behind #.
func readScanners(path string) (names []string, problems []Problem, err error) {
	in, err := openList(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the scanners: %w", err)
	}
	defer in.Close()
	lines := newLineReader(in)
	for {
		text, long, err := lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("reading the scanners %s: %w", path, err)
		}
		name, _, _ := strings.Cut(text, "#")
		name = strings.TrimSpace(name)
		switch {
		case name == "" && !long:
		case long || !scannerName(name):
			problems = append(problems, Problem{File: path, Line: lines.number, Text: fmt.Sprintf("%q is no name of a scanner", clip(name)), Class: ErrSyntax, Warning: true,
				Remedy: fmt.Sprintf("write %d to %d letters of ASCII, as its User-Agent begins", minScanner, maxScanner)})
		case len(names) == maxScanners:
			return names, append(problems, Problem{File: path, Line: lines.number, Text: fmt.Sprintf("more than %d scanners, the rest is left out", maxScanners),
				Class: ErrLimit, Warning: true, Remedy: "each costs time for every packet: keep those that come"}), nil
		default:
			names = append(names, name)
		}
		if err != nil {
			return names, problems, nil
		}
	}
}

// scannerName tells whether a name is long enough not to hit everybody, short
// enough for the kernel, and plain.
func scannerName(name string) bool {
	return len(name) >= minScanner && len(name) <= maxScanner && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' })
}

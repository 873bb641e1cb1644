package firewall

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Limits of a list of sites.
const (
	// MaxSiteLine is the longest line, in bytes.
	MaxSiteLine = 4096
	// MaxSites is how many entries a list has at most, includes and all.
	MaxSites = 1_000_000
	// MaxInclude is how deep lists may include each other.
	MaxInclude = 8
	// MaxProblems is how many faults of one list are told.
	MaxProblems = 1000
)

// Sentinels for classes of faults, for errors.Is on a Problem.
var (
	// ErrSyntax: the line is no entry, or an option of it is wrong.
	ErrSyntax = errors.New("not understood")
	// ErrInclude: an included list can't be read or includes itself.
	ErrInclude = errors.New("include fails")
	// ErrLimit: a line, a list or the depth of includes is over its limit.
	ErrLimit = errors.New("over the limit")
)

// Site is one entry of a list: a range of addresses of one family, or a DNS
// name. From and To are not valid for a name.
type Site struct {
	From, To netip.Addr // first and last address; equal for a single one
	Name     string     // lower case, without a final dot; "" for addresses
	// TTL is how long the entry holds from when it is loaded, 0 for ever.
	TTL time.Duration
	// Until is when the entry ends, the zero time for never.
	Until time.Time
	File  string
	Line  int
}

// Problem is a fault in a list, with the place and what to do about it.
type Problem struct {
	File    string
	Line    int // from 1; 0 for the list as a whole
	Text    string
	Remedy  string
	Warning bool // the entry holds all the same
	Left    bool // the line of a list was left out, and the others hold
	Class   error
}

// Error gives the problem on one line.
func (p Problem) Error() string { return p.Tell("") }

// Tell is Error with a word such as "warning" behind the place.
func (p Problem) Tell(kind string) string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if kind != "" {
		where += ": " + kind
	}
	if p.Remedy == "" {
		return fmt.Sprintf("%s: %s", where, p.Text)
	}
	return fmt.Sprintf("%s: %s; %s", where, p.Text, p.Remedy)
}

// Unwrap gives the class of the problem.
func (p Problem) Unwrap() error { return p.Class }

// SiteReader reads lists of sites. The zero value reads regular files and takes
// times without a zone as UTC.
type SiteReader struct {
	// Open opens a list; os.Open if nil.
	Open func(path string) (io.ReadCloser, error)
	// Local is the zone of until= without one.
	Local *time.Location
}

// Read reads the list at path, a line for each entry:
//
//	203.0.113.7                     an address of either family
//	203.0.113.0/24                  a network of either family
//	203.0.113.0/255.255.255.0       a network with a mask, IPv4 only
//	203.0.113.10-203.0.113.20       a range, or 203.0.113.10-20
//	phone.example.org               a DNS name, kept as a name
//	203.0.113.7  ttl=2h             for two hours from when it is loaded
//	203.0.113.7  until=2026-12-24   to the end of that day, or 2026-12-24T18:00
//	Include /etc/network/more       another list, relative to this one's folder
//
// # and ; begin a comment. A line that is wrong is left out and told in
// problems, and all others hold; so a bad line never empties a list. The error
// says that the list itself could not be opened.
func (r SiteReader) Read(path string) (sites []Site, problems []Problem, err error) {
	run := &siteRun{reader: r, open: map[string]bool{}}
	if run.reader.Open == nil {
		run.reader.Open = openList
	}
	if run.reader.Local == nil {
		run.reader.Local = time.UTC
	}
	if err := run.file(path, 0); err != nil {
		return nil, run.problems, fmt.Errorf("reading the list %s: %w", path, err)
	}
	return run.sites, run.problems, nil
}

// openList opens a regular file; a FIFO in its place does not block.
func openList(path string) (io.ReadCloser, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	return os.Open(path)
}

// siteRun is one reading of a list.
type siteRun struct {
	reader   SiteReader
	open     map[string]bool // lists that are being read
	sites    []Site
	problems []Problem
	full     bool // MaxSites is reached and was told
}

func (run *siteRun) report(p Problem) {
	p.Left = true
	if len(run.problems) < MaxProblems {
		run.problems = append(run.problems, p)
	}
}

// file reads one list and what it includes.
func (run *siteRun) file(path string, depth int) error {
	in, err := run.reader.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	path = filepath.Clean(path)
	run.open[path] = true
	defer delete(run.open, path)
	lines := newLineReader(in)
	for {
		text, long, err := lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			run.report(Problem{File: path, Line: lines.number, Text: "reading stopped: " + err.Error(), Class: err,
				Remedy: "the entries before it hold"})
			return nil
		}
		at := place{path: path, line: lines.number, depth: depth}
		if long {
			run.report(at.problem(ErrLimit, fmt.Sprintf("the line is longer than %d bytes", MaxSiteLine), "write one entry a line"))
		} else {
			run.line(text, at)
		}
		if err != nil {
			return nil
		}
	}
}

// place is where in a list an entry stands.
type place struct {
	path  string
	line  int
	depth int
}

func (at place) problem(class error, text, remedy string) Problem {
	return Problem{File: at.path, Line: at.line, Text: text, Remedy: remedy, Class: class}
}

// include reads another list in place of the line.
func (run *siteRun) include(target string, at place) {
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(at.path), target)
	}
	target = filepath.Clean(target)
	switch {
	case run.open[target]:
		run.report(at.problem(ErrInclude, fmt.Sprintf("%s includes itself through this line", target), "take the line out"))
		return
	case at.depth+1 >= MaxInclude:
		run.report(at.problem(ErrLimit, fmt.Sprintf("lists include each other more than %d deep", MaxInclude), "include fewer lists from each other"))
		return
	}
	if err := run.file(target, at.depth+1); err != nil {
		run.report(at.problem(ErrInclude, fmt.Sprintf("the included list can't be read: %v", err), "correct the path or take the line out"))
	}
}

// add keeps an entry.
func (run *siteRun) add(s Site, at place) {
	if len(run.sites) >= MaxSites {
		if !run.full {
			run.report(at.problem(ErrLimit, fmt.Sprintf("the list has more than %d entries, the rest is left out", MaxSites), "join entries to networks"))
		}
		run.full = true
		return
	}
	s.File, s.Line = at.path, at.line
	run.sites = append(run.sites, s)
}

// String gives the entry in short.
func (s Site) String() string {
	text := s.Name
	switch {
	case text != "":
	case s.From == s.To:
		text = s.From.String()
	default:
		text = s.From.String() + "-" + s.To.String()
	}
	if s.TTL > 0 {
		text += " ttl=" + s.TTL.String()
	}
	if !s.Until.IsZero() {
		text += " until=" + s.Until.Format(time.RFC3339)
	}
	return text
}

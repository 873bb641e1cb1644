package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"f2b-go/config"
	"f2b-go/internal/getopt"
)

// Exit codes of f2b-go's own verbs.
const (
	exitDone   = 0
	exitFaults = 1
	exitBadUse = 2
)

const usage = `Usage: f2b-go check [options]

Reads the configuration as a start would and reports all that is wrong with it.

  -c, --config DIR   the configuration directory (/etc/fail2ban)
  --json             print one JSON object for each fault, then a summary
  --strict           let warnings count as faults in the exit code
  -h, --help         print this text

Exit code: 0 nothing wrong, 1 faults found, 2 bad use.
`

type options struct {
	dir                string
	json, strict, help bool
}

func parse(args []string) (o options, err error) {
	found, rest, err := getopt.Parse(args, "c:h", []string{"config=", "conf=", "json", "strict", "help"})
	if err != nil {
		return o, err
	}
	for _, f := range found {
		switch strings.TrimLeft(f.Name, "-") {
		case "c", "config", "conf":
			o.dir = f.Value
		case "json":
			o.json = true
		case "strict":
			o.strict = true
		case "h", "help":
			o.help = true
		}
	}
	if len(rest) > 0 {
		return o, &getopt.Error{Msg: fmt.Sprintf("%q is one word too many", rest[0])}
	}
	return o, nil
}

// Main runs the verb with the words behind it and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	opt, err := parse(args)
	var misuse *getopt.Error
	switch {
	case errors.As(err, &misuse):
		fmt.Fprintf(stderr, "f2b-go check: %s\n%s", misuse.Msg, usage)
		return exitBadUse
	case err != nil:
		fmt.Fprintf(stderr, "f2b-go check: %v\n", err)
		return exitBadUse
	case opt.help:
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	result := Run(config.Options{Dir: opt.dir})
	if opt.json {
		err = result.writeJSON(stdout)
	} else {
		err = result.write(stdout, colours(stdout, os.Getenv))
	}
	if err != nil {
		fmt.Fprintf(stderr, "f2b-go check: writing the report: %v\n", err)
		return exitFaults
	}
	if result.Errors() > 0 || opt.strict && result.Warnings() > 0 {
		return exitFaults
	}
	return exitDone
}

// Run reads a configuration and returns all that is wrong with it, sorted by
// file and line.
func Run(opt config.Options) *Result {
	c := &checker{in: config.Inspect(opt), embedded: opt.FS, root: os.Geteuid() == 0, seen: map[Fault]bool{}, judged: map[regexUse][]finding{}}
	for _, m := range c.in.Faults {
		c.message(m)
	}
	for _, m := range c.in.Lint() {
		c.message(m)
	}
	c.general()
	c.files()
	c.raw()
	for _, j := range c.in.Jails {
		c.jail(j)
	}
	return c.result()
}

// checker gathers the faults of a configuration.
type checker struct {
	in        *config.Inspection
	embedded  fs.FS
	root      bool // may ask the firewall
	faults    []Fault
	seen      map[Fault]bool
	judged    map[regexUse][]finding
	unchecked []string
}

// jail looks at one enabled jail.
func (c *checker) jail(j *config.InspectedJail) {
	c.settings(j)
	c.regexes(j)
	c.fooled(j)
	c.logs(j)
	for _, a := range j.Actions {
		c.action(j, a)
	}
}

// message adds what reading told.
func (c *checker) message(m config.Message) {
	severity := Warning
	if m.Severity == config.Fault {
		severity = Error
	}
	text := m.Text
	if strings.HasPrefix(text, "Wrong ") && strings.Contains(text, "Using default one") {
		severity, text = Error, "the value is no whole number" // the server refuses what comes of it
	}
	if strings.HasPrefix(text, "No section: ") { // told of each option that is asked for
		m.Option, text = "", "there is no such section"
	}
	c.add(severity, config.Place{Pos: m.Pos, Section: m.Section, Option: m.Option}, text, m.Remedy)
}

// add adds a fault, once.
func (c *checker) add(s Severity, at config.Place, text, remedy string) {
	f := Fault{File: at.File, Line: max(at.Line, 1), Section: clean(at.Section), Option: clean(at.Option), Severity: s,
		Text: strings.TrimRight(clean(text), " "), Remedy: clean(remedy)}
	if f.File == "" {
		f.File = c.in.Dir()
	}
	if !c.seen[f] {
		c.seen[f] = true
		c.faults = append(c.faults, f)
	}
}

// skipped notes what could not be looked at.
func (c *checker) skipped(what string) {
	for _, old := range c.unchecked {
		if old == what {
			return
		}
	}
	c.unchecked = append(c.unchecked, what)
}

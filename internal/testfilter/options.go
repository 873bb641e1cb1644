package testfilter

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
)

// options are what the command line says.
type options struct {
	config       string
	datePattern  string
	hasPattern   bool
	timezone     string
	encoding     string
	raw          bool
	useDNS       string
	maxLines     int
	journalMatch string
	hasJournal   bool
	logLevel     string
	verbose      int
	verboseDate  bool
	debuggex     bool
	noCheckAll   bool
	out          string
	invert       bool
	noMissed     bool
	noIgnored    bool
	allMatched   bool
	allMissed    bool
	allIgnored   bool
	json         bool
	now          string
	explain      bool
	follow       bool
	traceback    bool
	fullTrace    bool
	help         bool
	version      bool
	shortVersion bool
}

// option is one option of the command line: its short and long names, a word
// for its value ("" for none), what it does and how it is kept.
type option struct {
	names []string
	value string
	help  string
	set   func(o *options, value string) error
}

func flag(target func(o *options) *bool) func(*options, string) error {
	return func(o *options, _ string) error { *target(o) = true; return nil }
}

func text(target func(o *options) *string) func(*options, string) error {
	return func(o *options, v string) error { *target(o) = v; return nil }
}

// number reads an integer as Python's optparse does: 0x, 0b and a leading 0
// give the base.
func number(name string, target func(o *options) *int) func(*options, string) error {
	return func(o *options, v string) error {
		digits, base := strings.ToLower(v), 10
		switch {
		case strings.HasPrefix(digits, "0x"):
			base, digits = 16, digits[2:]
		case strings.HasPrefix(digits, "0b"):
			base, digits = 2, digits[2:]
		case strings.HasPrefix(digits, "0") && len(digits) > 1:
			base = 8
		}
		n, err := strconv.ParseInt(digits, base, 32)
		if err != nil {
			return fmt.Errorf("option %s: invalid integer value: %s", name, pytext.Repr(v))
		}
		*target(o) = int(n)
		return nil
	}
}

// table lists the options in the order of the help text.
func table() []option {
	return append(readOptions(), printOptions()...)
}

func readOptions() []option {
	return []option{
		{[]string{"--version"}, "", "print the version", flag(func(o *options) *bool { return &o.version })},
		{[]string{"-h", "--help"}, "", "print this text", flag(func(o *options) *bool { return &o.help })},
		{[]string{"-c", "--config"}, "DIR", "the configuration directory (/etc/fail2ban)", text(func(o *options) *string { return &o.config })},
		{[]string{"-d", "--datepattern"}, "PATTERN", "read dates with this pattern instead of the filter's", func(o *options, v string) error {
			o.datePattern, o.hasPattern = v, true
			return nil
		}},
		{[]string{"--timezone", "--TZ"}, "ZONE", "the zone of dates that name none", text(func(o *options) *string { return &o.timezone })},
		{[]string{"-e", "--encoding"}, "NAME", "the log's encoding (the locale's)", text(func(o *options) *string { return &o.encoding })},
		{[]string{"-r", "--raw"}, "", "take host names as they are, resolve none", flag(func(o *options) *bool { return &o.raw })},
		{[]string{"--usedns"}, "VALUE", "what <HOST> stands for: yes, warn, no or raw", text(func(o *options) *string { return &o.useDNS })},
		{[]string{"-L", "--maxlines"}, "N", "over how many lines a regex may reach", number("-L", func(o *options) *int { return &o.maxLines })},
		{[]string{"-m", "--journalmatch"}, "MATCH", "which journal entries to read (with systemd-journal)", func(o *options, v string) error {
			o.journalMatch, o.hasJournal = v, true
			return nil
		}},
		{[]string{"-l", "--log-level"}, "LEVEL", "messages of the engine to print (critical)", text(func(o *options) *string { return &o.logLevel })},
		{[]string{"-V"}, "", "print the version in the short form", flag(func(o *options) *bool { return &o.shortVersion })},
	}
}

func printOptions() []option {
	return []option{
		{[]string{"-v", "--verbose"}, "", "tell more; may be repeated", func(o *options, _ string) error { o.verbose++; return nil }},
		{[]string{"--verbosity"}, "N", "tell as much as N times -v (0 to 4)", number("--verbosity", func(o *options) *int { return &o.verbose })},
		{[]string{"--verbose-date", "--VD"}, "", "list date patterns with their regexes", flag(func(o *options) *bool { return &o.verboseDate })},
		{[]string{"-D", "--debuggex"}, "", "print a debuggex.com address for each line", flag(func(o *options) *bool { return &o.debuggex })},
		{[]string{"--no-check-all"}, "", "stop at the first regex that matches a line", flag(func(o *options) *bool { return &o.noCheckAll })},
		{[]string{"-o", "--out"}, "TOKEN", "print only this of each failure: id, ip, msg, row, a group's name or text with <tags>", text(func(o *options) *string { return &o.out })},
		{[]string{"-i", "--invert"}, "", "with -o: print the lines that did not match", flag(func(o *options) *bool { return &o.invert })},
		{[]string{"--print-no-missed"}, "", "do not list missed lines", flag(func(o *options) *bool { return &o.noMissed })},
		{[]string{"--print-no-ignored"}, "", "do not list ignored lines", flag(func(o *options) *bool { return &o.noIgnored })},
		{[]string{"--print-all-matched"}, "", "list all matched lines", flag(func(o *options) *bool { return &o.allMatched })},
		{[]string{"--print-all-missed"}, "", "list all missed lines, however many", flag(func(o *options) *bool { return &o.allMissed })},
		{[]string{"--print-all-ignored"}, "", "list all ignored lines, however many", flag(func(o *options) *bool { return &o.allIgnored })},
		{[]string{"-t", "--log-traceback"}, "", "name the place in the program with each message", flag(func(o *options) *bool { return &o.traceback })},
		{[]string{"--full-traceback"}, "", "the same in full", flag(func(o *options) *bool { return &o.fullTrace })},
		{[]string{"--json"}, "", "print each line's verdict as a JSON object, then a summary", flag(func(o *options) *bool { return &o.json })},
		{[]string{"--now"}, "TIME", "judge as of then: seconds since 1970, or ISO 8601 (local without a zone)", text(func(o *options) *string { return &o.now })},
		{[]string{"--explain"}, "", "tell of each line why it matched, or how far each regex got", flag(func(o *options) *bool { return &o.explain })},
		{[]string{"--follow"}, "", "judge the lines that are written to the log from now on", flag(func(o *options) *bool { return &o.follow })},
	}
}

// parse reads the command line as Python's optparse does: options may stand
// anywhere, long ones may be shortened, "--" ends them.
func parse(args []string) (options, []string, error) {
	o := options{config: "/etc/fail2ban", logLevel: "critical"}
	p := parser{known: table(), opt: &o}
	for len(args) > 0 && !o.help && !o.version && !o.shortVersion {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			return o, append(p.words, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = p.long(arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = p.short(arg[1:], args)
		default:
			p.words = append(p.words, arg)
		}
		if err != nil {
			return o, nil, err
		}
	}
	return o, p.words, nil
}

type parser struct {
	known []option
	opt   *options
	words []string
}

func (p *parser) long(arg string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	full, opt, err := p.find(name)
	switch {
	case err != nil:
		return nil, err
	case opt.value == "" && given:
		return nil, fmt.Errorf("%s option does not take a value", full)
	case opt.value != "" && !given:
		if len(rest) == 0 {
			return nil, fmt.Errorf("%s option requires 1 argument", full)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, opt.set(p.opt, value)
}

// find looks up a long option by its name or the beginning of it.
func (p *parser) find(name string) (full string, opt option, err error) {
	type candidate struct {
		name string
		opt  option
	}
	var found []candidate
	for _, o := range p.known {
		for _, n := range o.names {
			if n == name {
				return n, o, nil
			}
			if strings.HasPrefix(n, name) && strings.HasPrefix(n, "--") {
				found = append(found, candidate{n, o})
			}
		}
	}
	switch len(found) {
	case 0:
		return "", option{}, fmt.Errorf("no such option: %s", name)
	case 1:
		return found[0].name, found[0].opt, nil
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	var names []string
	for _, c := range found {
		names = append(names, c.name)
	}
	return "", option{}, fmt.Errorf("ambiguous option: %s (%s?)", name, strings.Join(names, ", "))
}

func (p *parser) short(letters string, rest []string) ([]string, error) {
	for i := 0; i < len(letters); i++ {
		name := "-" + letters[i:i+1]
		at := slices.IndexFunc(p.known, func(o option) bool { return slices.Contains(o.names, name) })
		if at < 0 {
			return nil, fmt.Errorf("no such option: %s", name)
		}
		opt := p.known[at]
		if opt.value == "" {
			if err := opt.set(p.opt, ""); err != nil {
				return nil, err
			}
			continue
		}
		value := letters[i+1:]
		if value == "" {
			if len(rest) == 0 {
				return nil, fmt.Errorf("%s option requires 1 argument", name)
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, opt.set(p.opt, value)
	}
	return rest, nil
}

// usage is the first line of help and of complaints about options.
func usage(name string) string {
	return "Usage: " + name + " [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n"
}

const helpArguments = `
Judges the lines of a log as a jail would, and tells what was found.

LOG is the path of a log, the lines themselves, or systemd-journal, which may
have options as in systemd-journal[journalflags=1].
REGEX is the name of a jail or a filter (sshd), which may have options as in
sshd[mode=aggressive], the path of a filter (filter.d/sshd.conf), or a failregex.
IGNOREREGEX is an ignoreregex and takes the place of the filter's.

Options:
`

// help is the whole text of -h.
func help(name string) string {
	var sb strings.Builder
	sb.WriteString(usage(name))
	sb.WriteString(helpArguments)
	for _, o := range table() {
		var names []string
		for _, n := range o.names {
			switch {
			case o.value != "" && strings.HasPrefix(n, "--"):
				n += "=" + o.value
			case o.value != "":
				n += " " + o.value
			}
			names = append(names, n)
		}
		fmt.Fprintf(&sb, "  %-28s  %s\n", strings.Join(names, ", "), o.help)
	}
	return sb.String()
}

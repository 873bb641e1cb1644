package config

import (
	"errors"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// ErrNoFilter tells that a text is no name of a filter or jail: it is a regex.
var ErrNoFilter = errors.New("no filter or jail of this name")

// testJail is the jail's name in the commands of a filter that is read alone.
const testJail = "fail2ban-regex-jail"

// FilterSource says where a filter was found.
type FilterSource int8

// Sources of a filter.
const (
	FromJail   FilterSource = iota // a jail's filter with the jail's own options
	FromFilter                     // filter.d of the configuration
	FromFile                       // a file elsewhere, read by itself with its includes
)

// FilterReading is a filter as fail2ban-regex would use it.
type FilterReading struct {
	Source  FilterSource
	Name    string      // jail, filter or file
	BaseDir string      // where the filter.d is; "" for FromFile
	Params  pytext.Dict // options of the text, in order
	Real    pytext.Dict // what they and logtype, datepattern came to (6.7: -vv)
	// Commands set the filter up: prefregex, addfailregex, … of any jail name.
	// Where there are none, fail2ban-regex goes on with the text as a regex.
	Commands [][]any
}

// ReadFilter reads the filter that a text names: a jail of the configuration, a
// filter by name or path, each perhaps with [options] (6.4). backend is "systemd"
// for a journal, else "auto". With ErrNoFilter the text is a regex itself. Other
// errors are worded as fail2ban-regex does, perhaps in two lines; the reading
// then tells how far it came, and is nil if it found nothing.
func (c *Config) ReadFilter(text, backend string) (*FilterReading, error) {
	if !looksLikeName(text) {
		return nil, ErrNoFilter
	}
	name, params, e := parseOptions(text)
	if e != nil {
		return nil, c.wrongName(text, e)
	}
	if !strings.Contains(name, "/") && !strings.HasSuffix(name, ".conf") && !strings.HasSuffix(name, ".local") {
		jails, err := c.read("jail")
		if err != nil {
			return nil, c.wrongName(text, err)
		}
		if contains(jails.names(), name) {
			return c.filterOfJail(text, name, params, backend)
		}
	}
	base, found := c.findFilter(name)
	if !found {
		return nil, ErrNoFilter
	}
	return c.filterOfFile(text, name, base, params, backend)
}

func (c *Config) wrongName(text string, err *Error) *Error {
	return &Error{Class: err.Class, Pos: err.Pos, Section: err.Section, Option: err.Option, Remedy: err.Remedy,
		Text: "ERROR: Wrong filter name or options: " + err.Text + "\n       while parsing: " + text}
}

// looksLikeName tells whether any line of a text is a name or path, perhaps with
// options in brackets that may go over several lines.
func looksLikeName(text string) bool {
	for start := 0; ; {
		rest := text[start:]
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '/' && r != '-' && r != '.' && !tags.IsWord(r) })
		if n < 0 {
			n = len(rest)
		}
		if n > 0 && endsName(rest[n:]) {
			return true
		}
		next := strings.IndexByte(rest, '\n')
		if next < 0 {
			return false
		}
		start += next + 1
	}
}

func endsName(rest string) bool {
	if rest == "" || rest[0] == '\n' {
		return true
	}
	return rest[0] == '[' && (strings.HasSuffix(rest, "]") || strings.Contains(rest, "]\n"))
}

// findFilter looks for a filter's file and tells the base directory that it
// belongs to.
func (c *Config) findFilter(name string) (base string, found bool) {
	base = c.dir
	tries := []string{name}
	if !dotNearEnd(name) {
		tries = append(tries, name+".conf", name+".local")
	}
	for _, file := range tries {
		dir, _ := splitPath(file)
		_, folder := splitPath(base)
		switch {
		case dir == "filter.d":
			file = joinPath(base, file)
		case !strings.Contains(file, "/") && folder == "filter.d":
			file = joinPath(base, file)
		case !strings.Contains(file, "/"):
			file = joinPath(joinPath(base, "filter.d"), file)
		default:
			base = dir
		}
		if c.tree.isFile(file) || c.opt.FS != nil && strings.Contains(name, "/") && (osTree{}).isFile(file) {
			return base, true
		}
	}
	return base, false
}

// dotNearEnd tells whether one of the last six characters is a dot: the name has
// an extension.
func dotNearEnd(name string) bool {
	runes := []rune(name)
	return strings.Contains(string(runes[max(0, len(runes)-6):]), ".")
}

func (c *Config) filterOfJail(text, name string, params *optionSet, backend string) (*FilterReading, error) {
	out := &FilterReading{Source: FromJail, Name: name, BaseDir: c.dir, Params: params.dict()}
	added := params.merged(nil, nil)
	added.set("backend", backend)
	j := &jailReader{config: c, from: c.readers["jail"], name: name, forced: true}
	ok, err := j.load(added)
	if err != nil {
		return out, err
	}
	if !ok {
		return out, &Error{Class: "ValueError", Pos: c.readers["jail"].pos(name, "filter"), Section: name, Text: "ERROR: Failed to get jail for " + pytext.Repr(text)}
	}
	combined := j.opts
	if j.filter != nil {
		opts, err := j.filter.combined()
		if err != nil {
			return out, err
		}
		combined = combined.merged(opts, nil)
		out.Real = realOptions(j.filter.definitionReader, combined, added)
	} else {
		out.Real = realOptions(nil, combined, added)
	}
	j.settle()
	out.Commands, err = j.stream(true)
	for _, m := range j.notes {
		c.log(m)
	}
	if err != nil {
		return out, err
	}
	return out, nil
}

func (c *Config) filterOfFile(text, name, base string, params *optionSet, backend string) (*FilterReading, error) {
	out := &FilterReading{Source: FromFilter, Name: name, BaseDir: base, Params: params.dict()}
	_, folder := splitPath(base)
	var filter filterReader
	var err *Error
	if base == c.dir || folder == "filter.d" || !dotNearEnd(name) && !strings.Contains(name, "/") {
		if folder == "filter.d" {
			out.BaseDir, _ = splitPath(base)
		}
		_, last := splitPath(name)
		out.Name, _ = splitExt(last)
		filter, err = c.under(out.BaseDir).newFilter(out.Name, testJail, params.merged(nil, nil))
	} else {
		out.Source, out.BaseDir = FromFile, ""
		filter, err = c.under("").explicitFilter(absPath(name), params.merged(nil, nil))
	}
	failed := "ERROR: failed to load filter " + text
	if err != nil {
		err.Text = "Wrong config file: " + err.Text + "\n" + failed
		return out, err
	}
	if !filter.ok {
		return out, &Error{Class: "LookupError", Pos: Pos{File: name}, Text: failed}
	}
	filter.setLogType(backend)
	if err := filter.load(nil, false); err != nil {
		return out, err
	}
	combined, err := filter.combined()
	if err != nil {
		return out, err
	}
	out.Real = realOptions(filter.definitionReader, combined, filter.init) // what [Init] gives is shown as if it were given
	if out.Commands, err = filter.stream(); err != nil {
		return out, err
	}
	return out, nil
}

// under gives the configuration below another base directory, which is the
// machine's; its messages come here too.
func (c *Config) under(dir string) *Config {
	if dir == c.dir {
		return c
	}
	opt := c.opt
	opt.Dir, opt.FS = dir, nil
	opt.Log = c.log
	return New(opt)
}

// explicitFilter reads one file with its includes, without .d and .local beside it
// but what includes bring.
func (c *Config) explicitFilter(file string, params *optionSet) (filterReader, *Error) {
	r := &reader{parser: c.newParser(), name: file}
	read, err := c.merge(r.parser, []string{file})
	if err != nil {
		return filterReader{}, err
	}
	r.ok = len(read) > 0
	return filterReader{newDefinition(r, testJail, filterSpecs, params)}, nil
}

// realOptions tells what logtype, datepattern and the given options came to.
func realOptions(d *definitionReader, combined, given *optionSet) pytext.Dict {
	out := &optionSet{}
	names := []string{"logtype", "datepattern"}
	for _, o := range given.list {
		names = append(names, o.name)
	}
	for _, name := range names {
		if v, ok := combined.get(name); ok {
			out.set(name, v)
			continue
		}
		if d == nil {
			out.set(name, nil)
			continue
		}
		if v, err := d.get(definition, name, nil); err == nil {
			out.set(name, v)
		}
	}
	return out.dict()
}

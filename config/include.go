package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"sync"

	"f2b-go/internal/pytext"
)

// Limits of includes: how deep they may nest, and how many files one name may
// come to (siblings are not deduplicated, so that number can double at each level).
const (
	maxIncludeDepth = 200
	maxIncluded     = 10_000
)

const includeSection = "INCLUDES"

const (
	parserLogger = "fail2ban.configparserinc"
	readerLogger = "fail2ban.configreader"

	// loading stands before the list of files: first for each alone, then for all.
	loading = "  Loading files: "
)

// file reads and parses one file once. ok is false where it cannot be opened,
// which fail2ban passes over here.
func (c *Config) file(name string) (f *parsedFile, ok bool, err *Error) {
	if f, known := c.files.get(name); known {
		return f, f != nil, nil
	}
	c.trace(Info, parserLogger, func() string { return loading + pytext.Repr([]any{name}) })
	if f, ok, err = c.readFile(name); err == nil {
		c.files.put(name, f)
	}
	return f, ok, err
}

// fileCache keeps parsed files by path, nil for those that cannot be opened.
type fileCache struct {
	mu    sync.Mutex
	files map[string]*parsedFile
}

func (f *fileCache) get(name string) (file *parsedFile, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, known = f.files[name]
	return file, known
}

// at gives a file that could be opened, nil for any other.
func (f *fileCache) at(name string) *parsedFile {
	file, _ := f.get(name)
	return file
}

func (f *fileCache) put(name string, file *parsedFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files = map[string]*parsedFile{}
	}
	f.files[name] = file
}

// names lists the files that could be opened, sorted.
func (f *fileCache) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for name, file := range f.files {
		if file != nil {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// readFile reads a file; f is nil where that is passed over.
func (c *Config) readFile(name string) (f *parsedFile, ok bool, err *Error) {
	data, readErr := c.tree.read(name)
	switch {
	case errors.As(readErr, &err):
		return nil, false, err
	case errors.Is(readErr, errTooLarge):
		return nil, false, &Error{Class: "LimitError", Pos: Pos{File: name}, Text: fmt.Sprintf("reading %s: larger than %d MiB", name, maxFile>>20)}
	case readErr != nil:
		return nil, false, nil
	}
	if f, err = c.parse(name, data); err != nil {
		return nil, false, err
	}
	return f, true, nil
}

// withLocals puts X.local behind each X.ext, if it exists and is not listed.
func (c *Config) withLocals(names []string) []string {
	out := make([]string, 0, 2*len(names))
	for _, n := range names {
		out = append(out, n)
		stem, _ := splitExt(n)
		if local := stem + ".local"; c.lists.isFile(c.tree, local) && !contains(names, local) {
			out = append(out, local)
		}
	}
	return out
}

// expand lists the files that the given ones come to with their includes, in the
// order in which they are merged (1.1.5 to 1.1.7). Like fail2ban it remembers the
// list for the names alone, although the files on the way here matter too.
func (c *Config) expand(names, seen []string) ([]string, *Error) {
	names = c.withLocals(names)
	key := strings.Join(names, "\x01")
	if list, ok := c.includes[key]; ok {
		return list, nil
	}
	if len(seen) > maxIncludeDepth {
		return nil, &Error{Class: "RecursionError", Pos: Pos{File: names[0]}, Text: "maximum recursion depth exceeded", Remedy: "nest includes less deeply"}
	}
	var out []string
	for _, name := range names {
		list, err := c.expandFile(name, seen)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(out) > maxIncluded {
			return nil, &Error{Class: "LimitError", Pos: Pos{File: name}, Text: fmt.Sprintf("including files into %s: more than %d", name, maxIncluded)}
		}
	}
	c.includes[key] = out
	return out, nil
}

func (c *Config) expandFile(name string, seen []string) ([]string, *Error) {
	f, ok, err := c.file(name)
	if err != nil && err.Class == "UnicodeDecodeError" {
		c.uncertain = true
		c.log(Message{Pos: err.Pos, Severity: Fault, Logger: parserLogger, Remedy: err.Remedy,
			Text: fmt.Sprintf("Error decoding config file '%s': %s", name, err.Text)})
		return nil, nil
	}
	if err != nil || !ok {
		return nil, err
	}
	before, err := c.included(name, f, "before", seen)
	if err != nil {
		return nil, err
	}
	after, err := c.included(name, f, "after", seen)
	if err != nil {
		return nil, err
	}
	return append(append(before[:len(before):len(before)], name), after...), nil
}

// included lists the files of one option of [INCLUDES].
func (c *Config) included(name string, f *parsedFile, option string, seen []string) ([]string, *Error) {
	section := f.sections[includeSection]
	if section == nil {
		return nil, nil
	}
	p := &parser{defaults: f.defaults, sections: f.sections, config: c}
	value, found, err := p.getFrom(section, includeSection, option, nil, nil)
	if !found || err != nil {
		return nil, err
	}
	dir, _ := splitPath(name)
	chain := slices.Concat(seen, []string{name})
	var out []string
	for _, file := range strings.Split(value.(string), "\n") {
		file = joinPath(dir, file)
		if contains(seen, file) {
			c.uncertain = true
			continue
		}
		list, err := c.expand([]string{file}, chain)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(out) > maxIncluded {
			return nil, &Error{Class: "LimitError", Pos: Pos{File: name}, Text: fmt.Sprintf("including files into %s: more than %d", name, maxIncluded)}
		}
	}
	return out, nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// reader is a named configuration, "jail" or "filter.d/sshd", with all its files
// merged.
type reader struct {
	*parser
	name string
	ok   bool         // all its files were read
	init []initOption // see initOptions

	values    table[steadyValue] // see steady; of [Definition]
	templates []*template        // see learn; of an action
}

// read reads a configuration by name once (1.1.2). The reader is returned beside
// ok == false too: it holds what could be read.
func (c *Config) read(name string) (*reader, *Error) {
	if r, known := c.readers[name]; known {
		return r, nil
	}
	r := &reader{parser: c.newParser(), name: name}
	c.readers[name] = r
	c.trace(Info, readerLogger, func() string { return fmt.Sprintf("Loading configs for %s under %s ", name, c.dir) })
	err := c.readAll(r)
	if err != nil {
		delete(c.readers, name)
	}
	return r, err
}

func (c *Config) readAll(r *reader) *Error {
	if c.based = c.based || c.tree.exists(c.dir); !c.based {
		return &Error{Class: "ValueError", Pos: Pos{File: c.dir}, Text: "Base configuration directory " + c.dir + " does not exist ", // the blank is fail2ban's
			Remedy: "name an existing one with -c"}
	}
	c.trace(Debug, readerLogger, func() string { return fmt.Sprintf("Reading configs for %s under %s ", r.name, c.dir) })
	candidates := c.candidates(r.name)
	c.trace(Debug, readerLogger, func() string { return "Reading config files: " + strings.Join(candidates, ", ") })
	if len(candidates) == 0 {
		c.log(Message{Severity: Fault, Logger: readerLogger, Pos: Pos{File: joinPath(c.dir, r.name) + ".conf"},
			Text:   fmt.Sprintf("Found no accessible config files for %s under %s", pytext.Repr(r.name), c.dir),
			Remedy: "create the file or correct the name"})
		return nil
	}
	r.file = candidates[0]
	read, err := c.merge(r.parser, candidates)
	if err != nil {
		return err
	}
	var missed []string
	for _, f := range candidates {
		if !contains(read, f) {
			missed = append(missed, f)
		}
	}
	if len(missed) > 0 {
		c.log(Message{Severity: Fault, Logger: readerLogger, Pos: Pos{File: missed[0]},
			Text:   "Could not read config files: " + strings.Join(missed, ", "),
			Remedy: "make it a readable text file in UTF-8, or remove it"})
	}
	r.ok = len(missed) == 0
	return nil
}

// candidates lists the files of a name that exist.
func (c *Config) candidates(name string) []string {
	if strings.HasPrefix(name, "./") {
		name = absPath(name)
	}
	base := joinPath(c.dir, name)
	conf, local := c.overrides(base)
	out := make([]string, 0, 2+len(conf)+len(local))
	take := func(files ...string) {
		for _, f := range files {
			if c.lists.exists(c.tree, f) {
				out = append(out, f)
			}
		}
	}
	take(base + ".conf")
	take(conf...)
	take(base + ".local")
	take(local...)
	return out
}

// overrides lists the files of a name's .d folder, sorted.
func (c *Config) overrides(base string) (conf, local []string) {
	dir := base + ".d"
	if c.lists.lack(c.tree, dir) && !hasMagic(base) {
		return nil, nil
	}
	conf, local = glob(c.tree, dir+"/*.conf"), glob(c.tree, dir+"/*.local")
	sort.Strings(conf)
	sort.Strings(local)
	return conf, local
}

// merge reads files with their includes into a parser and lists those read.
func (c *Config) merge(p *parser, names []string) ([]string, *Error) {
	files, err := c.expand(names, nil)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		c.trace(Info, parserLogger, func() string { return loading + pytext.Repr(files) })
	}
	var read []string
	for _, name := range files {
		f, ok, err := c.file(name)
		if err != nil {
			return nil, err
		}
		if ok {
			read = append(read, name)
			p.add(f)
		}
	}
	return read, nil
}

// unreadable tells why a file that exists is not read.
func unreadable(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, errNotRegular):
		return errNotRegular.Error()
	}
	return err.Error()
}

// Package config reads a fail2ban configuration and turns it into the list of
// commands that fail2ban-client -d prints and that a start sends to the server.
//
// It hides the ini dialect (Python's ConfigParser), the order of files with
// their includes and .local and .d overrides, merging and "known" values,
// %-interpolation, the static part of tag substitution, option lists such as
// name[opt="x"], and what filters, actions and jails make of all these. Faults
// come back as values with file and line, with fail2ban's words where fail2ban
// has some. Numbers in comments such as 1.4.3 are items of the compatibility
// list that the tests name.
package config

import (
	"io/fs"
	"strings"
	"sync/atomic"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// Version is the release of fail2ban that the configuration is read for; it is
// what %(fail2ban_version)s gives.
const Version = "1.1.1"

// DefaultDir is where fail2ban looks without -c.
const DefaultDir = "/etc/fail2ban"

// Options say what to read.
type Options struct {
	// Dir is the base directory; empty means DefaultDir. Slashes at its end are dropped.
	Dir string
	// FS, if not nil, holds the files below Dir, with Dir as its root. Dir then
	// is a name that messages and %(fail2ban_confpath)s show. Files that are
	// named with a path outside of Dir do not exist.
	FS fs.FS
	// Version replaces the constant Version; empty leaves it.
	Version string
	// Log is told of every message as it arises; nil for none. Messages from Notice
	// on are kept in the Config all the same.
	Log func(Message)
	// Least is the least severity that Log wants to hear of. Jails are read side by
	// side where it is above Info.
	Least Severity
}

// Config is a configuration that is read step by step; each file is parsed once.
// It is not safe for concurrent use, but reads jails side by side itself.
type Config struct {
	opt      Options
	dir      string
	version  string
	tree     tree
	based    bool // dir is known to exist
	messages []Message

	files     *fileCache
	includes  map[string][]string // list of files by the names that it was made for
	readers   map[string]*reader  // by name below dir: "jail", "filter.d/sshd"
	lists     *lists
	scratch   tags.Scratch
	filling   []byte              // of the last template that was filled
	printed   []byte              // of the last jail
	lookup    lookup              // of the last interpolation: one is at work at a time
	pool      *optionPool         // nil where what is read outlives the reading of a jail
	work      atomic.Int64        // what interpolation has cost so far, in bytes
	inspected *Inspection         // takes the faults that reading goes on after; nil for none
	uncertain bool                // something was met that the order of jails has a part in
	workers   int                 // how many read jails side by side; 0 for as many as are worth it
	texts     map[string][]string // lines of files, for lineOf
}

// New prepares to read a configuration and touches no file yet.
func New(opt Options) *Config {
	c := &Config{opt: opt, dir: opt.Dir, version: opt.Version}
	if c.dir == "" {
		c.dir = DefaultDir
	}
	c.dir = strings.TrimRight(c.dir, "/")
	if c.version == "" {
		c.version = Version
	}
	c.tree = osTree{}
	if opt.FS != nil {
		c.tree = fsTree{fs: opt.FS, root: c.dir}
	}
	c.forget()
	return c
}

func (c *Config) forget() {
	c.files = &fileCache{}
	c.lists, c.based = &lists{}, false
	c.includes = map[string][]string{}
	c.readers = map[string]*reader{}
}

// Dir returns the base directory.
func (c *Config) Dir() string { return c.dir }

// Messages returns what was logged so far, in order.
func (c *Config) Messages() []Message { return c.messages }

// log records a message.
func (c *Config) log(m Message) {
	c.messages = append(c.messages, m)
	if c.tells(m.Severity) {
		c.opt.Log(m)
	}
}

// tells says whether somebody wants to hear of messages of a severity.
func (c *Config) tells(s Severity) bool { return c.opt.Log != nil && s >= c.opt.Least }

// trace records what is done, for who wants to hear of it.
func (c *Config) trace(s Severity, logger string, text func() string) {
	if c.tells(s) {
		c.log(Message{Severity: s, Logger: logger, Text: text()})
	}
}

// Load reads fail2ban.conf and jail.conf with all that belongs to them, but no
// jail's filter and actions; Stream does. The error, of type *Error, is one that
// keeps fail2ban from starting. The Config is returned beside an error as well,
// for its messages.
func Load(opt Options) (*Config, error) {
	c := New(opt)
	if err := c.readGeneral(); err != nil {
		return c, err
	}
	if err := c.readJails(); err != nil {
		return c, err
	}
	return c, nil
}

// option is one entry of a set of options: its value is a string, int64,
// *big.Int, bool or nil for None.
type option struct {
	name  string
	value any
}

// optionSet keeps options in order of insertion, as Python's dict does. Sets are
// small, so they are searched one by one.
type optionSet struct{ list []option }

func (s *optionSet) place(name string) int {
	for i := range s.list {
		if s.list[i].name == name {
			return i
		}
	}
	return -1
}

func (s *optionSet) get(name string) (any, bool) {
	if i := s.place(name); i >= 0 {
		return s.list[i].value, true
	}
	return nil, false
}

// text returns a string value; ok is false where there is none of this name or
// it is no string.
func (s *optionSet) text(name string) (string, bool) {
	v, _ := s.get(name)
	t, ok := v.(string)
	return t, ok
}

func (s *optionSet) has(name string) bool { return s.place(name) >= 0 }

func (s *optionSet) set(name string, value any) {
	if i := s.place(name); i >= 0 {
		s.list[i].value = value
		return
	}
	s.list = append(s.list, option{name, value})
}

// merged returns a new set: s, overridden and extended by over, which may be nil,
// in the memory of a pool, which may be nil too.
func (s *optionSet) merged(over *optionSet, in *optionPool) *optionSet {
	if over == nil {
		over = &optionSet{}
	}
	m := &optionSet{list: append(in.take(len(s.list)+len(over.list)), s.list...)}
	for _, o := range over.list {
		m.set(o.name, o.value)
	}
	return m
}

// optionPool is memory for sets of options that live as long as one jail is read.
type optionPool struct {
	chunk []option
	used  int
}

// poolSize is how many options a pool has room for at a time.
const poolSize = 2048

// take gives an empty list with room for n options; one that grows beyond moves
// elsewhere.
func (p *optionPool) take(n int) []option {
	if p == nil || n > poolSize {
		return make([]option, 0, n)
	}
	if p.used+n > len(p.chunk) {
		p.chunk, p.used = make([]option, poolSize), 0
	}
	p.used += n
	return p.chunk[p.used-n : p.used-n : p.used]
}

// reset makes all that was taken free again.
func (p *optionPool) reset() {
	if p != nil {
		p.used = 0
	}
}

func (s *optionSet) dict() pytext.Dict {
	d := make(pytext.Dict, 0, len(s.list))
	for _, o := range s.list {
		d = append(d, pytext.Item{Key: o.name, Value: o.value})
	}
	return d
}

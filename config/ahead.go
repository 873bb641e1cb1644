package config

import (
	"path"
	"sync"
)

// aheadFrom is from how many enabled jails on their filters are read ahead.
const aheadFrom = 8

// readAhead reads the files of filters in the background, in the order in which
// the jails will ask for them. It parses files and does nothing else: what they
// mean, and what is said of them, is settled when they are asked for.
type readAhead struct {
	mu    sync.Mutex
	files map[string]*aheadFile
	stop  chan struct{}
	done  chan struct{}
}

type aheadFile struct {
	once sync.Once
	f    *parsedFile
	ok   bool
	err  *Error
}

// startAhead begins to read the filters of the enabled jails ahead and returns
// what ends it. Where a configuration is inspected, reading has effects of its
// own and stays in order.
func (c *Config) startAhead() (stop func()) {
	names := c.filtersToCome()
	if len(names) < aheadFrom || c.inspected != nil {
		return func() {}
	}
	a := &readAhead{files: map[string]*aheadFile{}, stop: make(chan struct{}), done: make(chan struct{})}
	c.ahead = a
	go func() {
		defer close(a.done)
		for _, name := range names {
			select {
			case <-a.stop:
				return
			default:
				a.read(c, name)
			}
		}
	}()
	return func() {
		close(a.stop)
		<-a.done
		c.ahead = nil
	}
}

// read reads a file, or waits for the one who does.
func (a *readAhead) read(c *Config, name string) *aheadFile {
	a.mu.Lock()
	e := a.files[name]
	if e == nil {
		e = &aheadFile{}
		a.files[name] = e
	}
	a.mu.Unlock()
	e.once.Do(func() { e.f, e.ok, e.err = c.readFile(name) })
	return e
}

// filtersToCome names the files of the enabled jails' filters, as far as that can
// be told without a fault.
func (c *Config) filtersToCome() []string {
	jails := c.readers["jail"]
	var out []string
	for _, jail := range jails.names() {
		enabled, err := jails.get(jail, "enabled", nil)
		if err != nil || !asBool(enabled) {
			continue
		}
		value, err := jails.get(jail, "filter", nil)
		spec, ok := value.(string)
		if err != nil || !ok {
			continue
		}
		if name, _, err := parseOptions(spec); err == nil {
			out = append(out, joinPath(c.dir, joinPath("filter.d", name)+".conf"))
		}
	}
	return out
}

// lists remembers what is in the configuration's directories, so that files that
// are not there need not be looked for one by one.
type lists map[string]map[string]bool

// lack tells that a directory could be listed and holds no such name.
func (l lists) lack(t tree, name string) bool {
	dir, base := path.Split(name)
	names, known := l[dir]
	if !known {
		if list := t.list(dir); list != nil {
			names = make(map[string]bool, len(list))
			for _, n := range list {
				names[n] = true
			}
		}
		l[dir] = names
	}
	return names != nil && base != "" && !names[base]
}

package config

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"f2b-go/internal/pytext"
)

// fewJails is up to how many jails are not worth being read side by side.
const fewJails = 4

// workerShare is the part of maxWork that a worker may use up before all jails are
// read one by one, which then have all of it.
const workerShare = 8

// loadJails reads the jails and gives those that are enabled or faulty, with
// their commands. What is said while these are made is kept until all are read.
func (c *Config) loadJails(o StreamOptions) (jails []*jailReader, good bool, err *Error) {
	list := []string{o.Jail}
	if o.Jail == "" {
		list = c.Jails()
	}
	all, ok := c.loadSideBySide(list, o)
	if !ok {
		if all, err = c.loadInOrder(list, o); err != nil {
			return nil, false, err
		}
	}
	anyGood, anyBad := false, false
	for _, j := range all {
		if j != nil {
			anyBad = anyBad || j.broken
			anyGood = anyGood || !j.broken
			jails = append(jails, j)
		}
	}
	return jails, !anyBad || anyGood && !o.Strict, nil
}

// loadInOrder reads one jail after the other up to the first error; the reader is
// nil for a jail that is not enabled.
func (c *Config) loadInOrder(names []string, o StreamOptions) ([]*jailReader, *Error) {
	if c.inspected == nil {
		c.pool = &optionPool{}
		defer func() { c.pool = nil }()
	}
	out := make([]*jailReader, len(names))
	for i, name := range names {
		j, err := c.loadJail(name, o)
		if err != nil {
			return nil, err
		}
		out[i] = j
	}
	return out, nil
}

// loadJail reads one jail and makes its commands; nil for one that is not enabled.
func (c *Config) loadJail(name string, o StreamOptions) (*jailReader, *Error) {
	c.pool.reset()
	j := &jailReader{config: c, from: c.readers["jail"], name: name, brief: o.dump}
	ok, err := j.load(nil)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		c.log(Message{Pos: j.from.pos(name, ""), Severity: Fault, Logger: jailsLogger, Section: name,
			Text: fmt.Sprintf("Errors in jail %s.%s", pytext.Repr(name), map[bool]string{false: " Skipping..."}[o.Strict])})
		j.broken = true
	case !j.enabled():
		return nil, nil
	}
	j.settle()
	if j.commands, j.failed = j.stream(o.MissingLogs); o.dump && j.failed == nil {
		j.text, j.commands = c.print(j.commands), nil
	}
	return j, nil
}

// print gives what -d prints of commands.
func (c *Config) print(commands [][]any) []byte {
	c.printed = c.printed[:0]
	for _, cmd := range commands {
		c.printed = appendCommand(c.printed, cmd, false)
	}
	return bytes.Clone(c.printed)
}

// loadSideBySide is loadInOrder by several workers. ok is false, and nothing has
// happened, where something was met that the order of jails may have a part in:
// then they are to be read in order.
func (c *Config) loadSideBySide(names []string, o StreamOptions) (out []*jailReader, ok bool) {
	n := c.workers
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), len(names)/fewJails)
	}
	if n < 2 || c.inspected != nil || c.tells(Info) {
		return nil, false
	}
	for _, s := range c.readers["jail"].sections {
		s.shared = true
	}
	c.readers["jail"].defaults.shared = true
	crew := &crew{names: names, ask: o, jails: make([]*jailReader, len(names)), told: make([][]Message, len(names))}
	workers := make([]*Config, n)
	var wait sync.WaitGroup
	for i := range workers {
		workers[i] = c.worker()
		if i > 0 {
			wait.Go(func() { crew.work(workers[i]) })
		}
	}
	crew.work(workers[0])
	wait.Wait()
	if crew.failed.Load() {
		return nil, false
	}
	once := map[Message]bool{}
	for i, j := range crew.jails {
		for _, m := range crew.told[i] {
			if ofReader(m) && once[m] {
				continue
			}
			once[m] = true
			c.log(m)
		}
		c.takeOver(names[i], j)
	}
	for _, w := range workers {
		c.takeOverCaches(w)
	}
	return crew.jails, true
}

// ofReader tells of messages that the first jail gives rise to which asks for a
// file: each worker has such a first one.
func ofReader(m Message) bool { return m.Logger == readerLogger && m.Section == "" }

// crew is a list of jails that several workers read, each the next.
type crew struct {
	names  []string
	ask    StreamOptions
	next   atomic.Int64
	failed atomic.Bool

	jails []*jailReader // by place in names
	told  [][]Message
}

func (w *crew) work(c *Config) {
	for !w.failed.Load() {
		i := int(w.next.Add(1)) - 1
		if i >= len(w.names) {
			return
		}
		j, err := c.loadJail(w.names[i], w.ask)
		if err != nil || c.uncertain {
			w.failed.Store(true)
			return
		}
		w.jails[i], w.told[i] = j, c.messages
		c.messages = nil
	}
}

// worker gives a configuration with jail.conf as it was read and the same cache of
// files, that may be used beside others. It tells nobody of its messages.
func (c *Config) worker() *Config {
	w := New(c.opt)
	w.opt.Log, w.files, w.lists = nil, c.files, c.lists
	w.pool = &optionPool{}
	w.work.Store(max(c.work.Load(), maxWork-maxWork/workerShare))
	jail := c.readers["jail"]
	w.readers["jail"] = &reader{name: jail.name, ok: jail.ok, parser: &parser{config: w, file: jail.file,
		defaults: jail.defaults, sections: maps.Clone(jail.sections), order: slices.Clone(jail.order)}}
	return w
}

// takeOver leaves a jail as if it had been read here: with what was lent to it.
func (c *Config) takeOver(name string, j *jailReader) {
	if j == nil {
		return
	}
	jail := c.readers["jail"]
	jail.sections[name], jail.defaults = j.from.sections[name], j.from.defaults
	j.config, j.from = c, jail
}

// takeOverCaches leaves what a worker has read for later questions.
func (c *Config) takeOverCaches(w *Config) {
	for name, r := range w.readers {
		if c.readers[name] == nil {
			r.config = c
			c.readers[name] = r
		}
	}
	for names, list := range w.includes {
		c.includes[names] = list
	}
	w.pool = nil
}

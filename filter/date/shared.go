package date

import (
	"sync"
	"sync/atomic"
)

// maxTemplates is how many templates a process keeps for reuse.
const maxTemplates = 1000

// Shared is what the detectors of one process have in common: the templates,
// which of them ever matched (fail2ban counts that for all jails together, and
// a detector's choice looks at it), and the last offset of local time. It is
// safe for concurrent use.
type Shared struct {
	mu        sync.Mutex
	templates map[templateKey]*template
	defaults  map[yearSpan]*defaultSet
	east      atomic.Int64
}

type templateKey struct {
	pattern string
	years   yearSpan
}

// defaultSet is the built-in templates: raw as in the table, and all as a
// detector tries them.
type defaultSet struct{ raw, all []*template }

// NewShared returns a Shared for the detectors of one process.
func NewShared() *Shared {
	return &Shared{templates: map[templateKey]*template{}, defaults: map[yearSpan]*defaultSet{}}
}

// template returns the template of one pattern.
func (s *Shared) template(pattern string, years yearSpan) (*template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(pattern, years)
}

func (s *Shared) lookup(pattern string, years yearSpan) (*template, error) {
	key := templateKey{pattern, years}
	if t := s.templates[key]; t != nil {
		return t, nil
	}
	t, err := newTemplate(pattern, years)
	if err != nil {
		return nil, err
	}
	if len(s.templates) >= maxTemplates {
		clear(s.templates)
	}
	s.templates[key] = t
	return t, nil
}

// defaultTemplates returns the built-in templates.
func (s *Shared) defaultTemplates(years yearSpan) (*defaultSet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.defaults[years]; set != nil {
		return set, nil
	}
	set := &defaultSet{}
	for _, pattern := range defaultPatterns {
		t, err := s.lookup(pattern, years)
		if err != nil {
			return nil, err
		}
		set.raw = append(set.raw, t)
	}
	for _, t := range set.raw {
		if t.flags&flagLineBegin != 0 {
			continue
		}
		anchored, err := s.lookup(tagLineBegin+t.source(), years)
		if err != nil {
			return nil, err
		}
		anchored.preferred.Store(true)
		set.all = append(set.all, anchored)
	}
	set.all = append(set.all, set.raw...)
	s.defaults[years] = set
	return set, nil
}

// source is the text that stands for the template in a greater pattern: its
// pattern, or the keyword that is its name.
func (t *template) source() string {
	if t.hasPattern {
		return t.pattern
	}
	return t.name
}

// defaultPatterns are the templates without datepattern, in fail2ban's order
// (COMPAT, Appendix A). All but those that begin with {^LN-BEG} or ^ are tried
// at the beginning of a line first.
var defaultPatterns = []string{
	`%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?)%H:%M:%S(?:[.,]%f)?(?:\s*%z)?`,
	`(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?`,
	`(?:%a )?%b %d %ExY %k:%M:%S(?:\.%f)?`,
	`%d(?P<_sep>[-/])%m(?P=_sep)(?:%ExY|%Exy) %k:%M:%S`,
	`%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?%H:%M:%S(?:\.%f)?(?: %z)?`,
	`%m/%d/%ExY:%H:%M:%S`,
	`%m-%d-%ExY %k:%M:%S(?:\.%f)?`,
	`EPOCH`,
	`{^LN-BEG}%H:%M:%S`,
	`^<%m/%d/%Exy@%H:%M:%S>`,
	`%Exy%Exm%Exd  ?%H:%M:%S`,
	`%b %d, %ExY %I:%M:%S %p`,
	`^%b-%d-%Exy %k:%M:%S`,
	`%ExY%Exm%Exd(?:-|T|  ?)%ExH:?%ExM:?%ExS(?:[.,]%f)?(?:\s*%z)?`,
	`(?:%Z )?(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?`,
	`(?:%z )?(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?`,
	`TAI64N`,
}

// Package filter hides how a line of a log becomes failures: how its bytes
// become text, where its date is cut out, in which order the regexes are
// tried, what the tags in them stand for, how lines of one session are put
// together and which value is the ID.
//
// The behaviour is that of fail2ban 1.1.1's server/filter.py and
// server/failregex.py, which COMPAT.md sections 2.1 to 2.8 describe.
package filter

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"f2b-go/filter/date"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

// Limits of what a filter keeps.
const (
	// MaxLine is how many bytes of one line are looked at.
	MaxLine = 1 << 20
	// maxBuffered is the largest maxlines.
	maxBuffered = 10000
)

// Env is what a filter needs of the world.
type Env struct {
	Clock     func() time.Time    // now; nil: time.Now
	Local     *time.Location      // zone of dates without one; nil: time.Local
	Resolver  Resolver            // host names to addresses; nil: none is found
	Log       *slog.Logger        // nil: silent
	YearsFrom int                 // first year that date patterns accept; 0: the default window
	Dates     *date.Shared        // what the date detectors of one process share; nil: nothing
	Getenv    func(string) string // the environment, for the locale's encoding; nil: empty
	Told      *Told               // what the filters of one process say once; nil: one of its own
	// Registered is told of addresses that a line vouches for (F-NOFAIL with
	// F-REGISTERED); nil: such lines are like others.
	Registered func(ipaddr.Addr)
}

// Filter judges the lines of one jail. Its setters and getters may be called
// while a line is judged; lines are judged one at a time.
type Filter struct {
	name string
	env  Env
	log  *slog.Logger
	set  atomic.Pointer[settings]

	edit sync.Mutex // one setter at a time
	work sync.Mutex // guards what follows, and the date detector

	lastDate    date.Stamp
	hasLastDate bool
	lastText    []byte  // what stood there as the last date
	buffer      []Match // the last lines, when maxlines is above 1
	window      window  // what is known of them
	sessions    sessions
	warned      map[warning]float64
	scratch     scratch
	plans       [2]*plan // for lines in blocks, without and with Mode.CheckAll
}

// settings are never changed once stored: a setter stores a changed copy.
type settings struct {
	useDNS   UseDNS
	pref     *Regex
	fail     []*Regex
	ignore   []*Regex
	maxLines int
	detector *date.Detector
	clock    *heldClock // of the detector
	zone     *date.Zone // nil: local time
	encoding string
	codec    codec
}

// Errors of the setters, by class; their texts are fail2ban's.
var (
	// ErrRegex is the class of a regex that does not compile or holds no ID.
	ErrRegex = errors.New("bad regex")
	// ErrValue is the class of a setting out of its range.
	ErrValue = errors.New("bad value")
)

// settingError has fail2ban's text and a class for errors.Is.
type settingError struct {
	text  string
	class error
}

func (e *settingError) Error() string { return e.text }
func (e *settingError) Unwrap() error { return e.class }

// New returns the filter of the jail of that name with fail2ban's defaults:
// no regexes, usedns warn, maxlines 1, the default date patterns.
func New(name string, env Env) *Filter {
	if env.Clock == nil {
		env.Clock = time.Now
	}
	if env.Local == nil {
		env.Local = time.Local
	}
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	if env.Getenv == nil {
		env.Getenv = func(string) string { return "" }
	}
	if env.Told == nil {
		env.Told = NewTold()
	}
	f := &Filter{
		name: name, env: env, log: env.Log.With("logger", "fail2ban.filter"),
		warned: map[warning]float64{},
	}
	enc := PreferredEncoding(env.Getenv)
	c, err := lookupCodec(enc)
	if err != nil {
		enc, c = "UTF-8", codec{}
	}
	clock := &heldClock{at: env.Clock()}
	f.set.Store(&settings{useDNS: Warn, maxLines: 1, encoding: enc, codec: c, detector: f.newDetector(clock), clock: clock})
	return f
}

// heldClock stands still while a line or a block of lines is judged.
type heldClock struct{ at time.Time }

func (c *heldClock) now() time.Time { return c.at }

func (f *Filter) newDetector(clock *heldClock) *date.Detector {
	return date.NewDetector(date.Options{Clock: clock.now, Local: f.env.Local, YearsFrom: f.env.YearsFrom, Shared: f.env.Dates})
}

// change stores what edit makes of a copy of the settings.
func (f *Filter) change(edit func(*settings) error) error {
	f.edit.Lock()
	defer f.edit.Unlock()
	s := *f.set.Load()
	if err := edit(&s); err != nil {
		return err
	}
	f.set.Store(&s)
	return nil
}

// Name is the jail's name.
func (f *Filter) Name() string { return f.name }

// SetUseDNS sets what happens with host names: yes, warn, no or raw. Another
// value is logged and means no. Regexes already added keep their <HOST>.
func (f *Filter) SetUseDNS(value string) {
	u, ok := ParseUseDNS(value)
	if !ok {
		f.log.Error(fmt.Sprintf("Incorrect value %s specified for usedns. Using safe 'no'", pytext.Repr(strings.ToLower(value))))
	}
	_ = f.change(func(s *settings) error { s.useDNS = u; return nil })
}

// UseDNS is the setting of SetUseDNS.
func (f *Filter) UseDNS() UseDNS { return f.set.Load().useDNS }

// SetPrefRegex sets the regex that a line must match before the others are
// tried; "" takes it away.
func (f *Filter) SetPrefRegex(pattern string) error {
	return f.change(func(s *settings) error {
		if pattern == "" {
			s.pref = nil
			return nil
		}
		re, err := CompileRegex(pattern, s.useDNS, false)
		if err != nil {
			return err
		}
		s.pref = re
		return nil
	})
}

// PrefRegex is the prefregex with its tags expanded, "" when there is none.
func (f *Filter) PrefRegex() string {
	if p := f.set.Load().pref; p != nil {
		return p.String()
	}
	return ""
}

// AddFailRegex adds a failregex. It must have a group for the ID, itself or in
// the prefregex set before; usedns and maxlines set before decide how it is
// compiled.
func (f *Filter) AddFailRegex(pattern string) error {
	return f.change(func(s *settings) error {
		re, err := CompileRegex(pattern, s.useDNS, s.maxLines > 1)
		if err == nil && !re.hasID() && (s.pref == nil || !s.pref.hasID()) {
			err = &settingError{"No failure-id group in '" + re.String() + "'", ErrRegex}
		}
		if err != nil {
			f.log.Error(err.Error())
			return err
		}
		s.fail = append(slices.Clip(s.fail), re)
		return nil
	})
}

// DelFailRegex removes a failregex by its index (from 0; negative from the
// end). An index that is none is logged and changes nothing.
func (f *Filter) DelFailRegex(index int) {
	_ = f.change(func(s *settings) error { s.fail = f.without(s.fail, index); return nil })
}

// FailRegex lists the failregexes with their tags expanded.
func (f *Filter) FailRegex() []string { return texts(f.set.Load().fail) }

// AddIgnoreRegex adds an ignoreregex.
func (f *Filter) AddIgnoreRegex(pattern string) error {
	return f.change(func(s *settings) error {
		re, err := CompileRegex(pattern, s.useDNS, false)
		if err != nil {
			f.log.Error(err.Error())
			return err
		}
		s.ignore = append(slices.Clip(s.ignore), re)
		return nil
	})
}

// DelIgnoreRegex removes an ignoreregex as DelFailRegex does a failregex.
func (f *Filter) DelIgnoreRegex(index int) {
	_ = f.change(func(s *settings) error { s.ignore = f.without(s.ignore, index); return nil })
}

// IgnoreRegex lists the ignoreregexes with their tags expanded.
func (f *Filter) IgnoreRegex() []string { return texts(f.set.Load().ignore) }

// ClearRegexes removes all failregexes and ignoreregexes, as a reload does.
func (f *Filter) ClearRegexes() {
	_ = f.change(func(s *settings) error { s.fail, s.ignore = nil, nil; return nil })
}

// ClearIgnoreRegexes removes all ignoreregexes.
func (f *Filter) ClearIgnoreRegexes() {
	_ = f.change(func(s *settings) error { s.ignore = nil; return nil })
}

func (f *Filter) without(list []*Regex, index int) []*Regex {
	i := index
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		f.log.Error(fmt.Sprintf("Cannot remove regular expression. Index %d is not valid", index))
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}

func texts(list []*Regex) []string {
	out := make([]string, len(list))
	for i, re := range list {
		out[i] = re.String()
	}
	return out
}

// SetMaxLines sets over how many lines a failregex may reach; regexes added
// before keep their line mode.
func (f *Filter) SetMaxLines(n int) error {
	if n <= 0 {
		return &settingError{"maxlines must be integer greater than zero", ErrValue}
	}
	if n > maxBuffered {
		return &settingError{"maxlines must be at most " + strconv.Itoa(maxBuffered), ErrValue}
	}
	f.log.Info(fmt.Sprintf("  maxLines: %d", n))
	return f.change(func(s *settings) error { s.maxLines = n; return nil })
}

// MaxLines is the setting of SetMaxLines.
func (f *Filter) MaxLines() int { return f.set.Load().maxLines }

// SetDatePattern replaces the date patterns: one per line.
func (f *Filter) SetDatePattern(pattern string) error {
	return f.change(func(s *settings) error {
		clock := &heldClock{at: f.env.Clock()}
		d := f.newDetector(clock)
		if err := d.SetPattern(pattern); err != nil {
			return err
		}
		d.SetZone(s.zone)
		s.detector, s.clock = d, clock
		for _, t := range d.Named() {
			f.env.Log.With("logger", "fail2ban.datedetector").Info(fmt.Sprintf("  date pattern `%s`: `%s`", pytext.Repr(t.Pattern), t.Name))
		}
		return nil
	})
}

// DisableDates switches date detection off, as a journal's filter does: lines
// come with their time.
func (f *Filter) DisableDates() {
	_ = f.change(func(s *settings) error { s.detector = nil; return nil })
}

// DatePattern is what `get JAIL datepattern` replies: nil when detection is
// off, else a pytext.Tuple of pattern (may be nil) and name.
func (f *Filter) DatePattern() any {
	d := f.set.Load().detector
	if d == nil {
		return nil
	}
	f.work.Lock()
	defer f.work.Unlock()
	return d.Pattern()
}

// DateTemplates tells the date templates in their present order with their
// hits; nil when detection is off.
func (f *Filter) DateTemplates() []date.TemplateInfo {
	d := f.set.Load().detector
	if d == nil {
		return nil
	}
	f.work.Lock()
	defer f.work.Unlock()
	return d.Templates()
}

// SetLogTimeZone sets the zone of dates that name none (see date.ParseZone); ""
// is UTC.
func (f *Filter) SetLogTimeZone(zone string) error {
	z, err := date.ParseZone(zone)
	if err != nil {
		return err
	}
	return f.setZone(z)
}

// ClearLogTimeZone makes dates that name no zone local ones again.
func (f *Filter) ClearLogTimeZone() error { return f.setZone(nil) }

func (f *Filter) setZone(z *date.Zone) error {
	return f.change(func(s *settings) error {
		s.zone = z
		if s.detector != nil {
			f.work.Lock()
			defer f.work.Unlock()
			s.detector.SetZone(z)
		}
		return nil
	})
}

// LogTimeZone is the setting of SetLogTimeZone; none is set where ok is false.
func (f *Filter) LogTimeZone() (zone string, ok bool) {
	z := f.set.Load().zone
	if z == nil {
		return "", false
	}
	return z.String(), true
}

// SetEncoding sets the encoding of the log by a name that Python knows; auto
// is the locale's.
func (f *Filter) SetEncoding(name string) error {
	if strings.EqualFold(name, "auto") {
		name = PreferredEncoding(f.env.Getenv)
	}
	c, err := lookupCodec(name)
	if err != nil {
		return err
	}
	f.log.Info("  encoding: " + name)
	return f.change(func(s *settings) error { s.encoding, s.codec = name, c; return nil })
}

// Encoding is the setting of SetEncoding, auto resolved.
func (f *Filter) Encoding() string { return f.set.Load().encoding }

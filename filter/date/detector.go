package date

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"f2b-go/internal/pytext"
)

// Detector finds the dates of one log. It remembers which template fitted and
// where, so its findings depend on the lines before. It is not safe for
// concurrent use.
type Detector struct {
	now    func() time.Time
	years  yearSpan
	shared *Shared
	local  *localTime
	zone   *Zone

	slots []*slot
	names map[string]bool
	last  lastHit
	// firstUnused is the first place in slots that a template without hits
	// holds, as far as fail2ban keeps count.
	firstUnused int
	named       []TemplateInfo // those that SetPattern's lines name one by one

	repeated repeated

	// Memory for reuse between lines.
	caps []int
	hits [2]hit
	best candidate
}

// slot is a template in the list of a detector.
type slot struct {
	*template
	hits     int
	lastUsed int64 // unix seconds, 0 for never
	distance int   // characters before its last match
}

// far is a distance or place beyond all others.
const far = 0x7fffffff

// NewDetector returns a detector with the default templates, which it builds at
// the first line.
func NewDetector(o Options) *Detector {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Local == nil {
		o.Local = time.Local
	}
	if o.Shared == nil {
		o.Shared = NewShared()
	}
	d := &Detector{now: o.Clock, shared: o.Shared, years: yearsAround(o.YearsFrom, o.Clock().Year())}
	d.local = newLocalTime(o.Local, &o.Shared.east)
	d.reset(nil, nil)
	return d
}

func (d *Detector) reset(slots []*slot, names map[string]bool) {
	d.slots, d.names, d.firstUnused = slots, names, 0
	d.last = lastHit{index: far, start: 1, before: noChar, at: noChar}
	d.repeated = repeated{}
}

// SetZone sets the zone of dates that name none; nil means local time.
func (d *Detector) SetZone(z *Zone) { d.zone = z }

// SetPattern replaces the templates by those of a datepattern, one pattern a
// line, blank lines skipped; nothing left means the defaults. The error is a
// *PatternError with fail2ban's text, and then nothing has changed. A pattern
// that is no regular expression is no error here, as in fail2ban: it fails the
// lines that reach it. Explain finds such faults beforehand.
func (d *Detector) SetPattern(pattern string) error {
	b := builder{shared: d.shared, years: d.years, names: map[string]bool{}}
	for _, p := range splitPatterns(pattern) {
		if err := b.add(p); err != nil {
			return err
		}
	}
	d.reset(b.slots, b.names)
	d.named = b.named
	return nil
}

// Named lists the templates that the lines of the last SetPattern stand for one
// by one, without those of a keyword for many; fail2ban logs these (7.3).
func (d *Detector) Named() []TemplateInfo { return d.named }

func splitPatterns(pattern string) []string {
	var all []string
	for _, p := range strings.Split(pattern, "\n") {
		if p = strip(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// builder fills a list of templates.
type builder struct {
	shared *Shared
	years  yearSpan
	slots  []*slot
	names  map[string]bool

	named    []TemplateInfo
	defaults bool // the keyword {DEFAULT} came before
}

// add appends the templates of one pattern.
func (b *builder) add(pattern string) error {
	key := patternKey(pattern)
	switch {
	case key == "{DEFAULT}":
		// fail2ban adds nothing here, against its manual, and so takes any
		// default after it: what is a default already is no error then.
		b.defaults = true
		return b.addDefaults(func(*template) bool { return true })
	case key == tagLineBegin:
		return b.addDefaults(func(t *template) bool { return t.flags&flagLineBegin != 0 })
	case strings.Contains(key, "{DATE}"):
		return b.addWithDate(pattern)
	case key == "{NONE}":
		pattern = tagUnbound + "^"
	}
	t, err := b.shared.template(pattern, b.years)
	if err != nil {
		return err
	}
	if err := b.append(t, false); err != nil {
		return err
	}
	b.named = append(b.named, TemplateInfo{Name: t.name, Pattern: t.pattern, Regex: t.regex})
	return nil
}

func (b *builder) addDefaults(want func(*template) bool) error {
	set, err := b.shared.defaultTemplates(b.years)
	if err != nil {
		return err
	}
	ignoreTwice := len(b.slots) > 0
	for _, t := range set.all {
		if want(t) {
			if err := b.append(t, ignoreTwice); err != nil {
				return err
			}
		}
	}
	return nil
}

// addWithDate appends the pattern once for each raw default, which takes the
// place of {DATE}.
func (b *builder) addWithDate(pattern string) error {
	set, err := b.shared.defaultTemplates(b.years)
	if err != nil {
		return err
	}
	ignoreTwice := len(b.slots) > 0
	for _, def := range set.raw {
		t, err := b.shared.template(replaceDate(pattern, unboundPattern(def.source())), b.years)
		if err != nil {
			return err
		}
		if err := b.append(t, ignoreTwice); err != nil {
			return err
		}
	}
	return nil
}

// replaceDate puts date in place of each unescaped {DATE}.
func replaceDate(pattern, date string) string {
	const tag = "{DATE}"
	var out strings.Builder
	for {
		at := tagAt(pattern, tag)
		if at < 0 {
			out.WriteString(pattern)
			return out.String()
		}
		out.WriteString(pattern[:at])
		out.WriteString(date)
		pattern = pattern[at+len(tag):]
	}
}

func (b *builder) append(t *template, ignoreTwice bool) error {
	if b.names[t.name] {
		if ignoreTwice || b.defaults {
			return nil
		}
		return &PatternError{Class: "ValueError", Pattern: t.source(),
			Text: "There is already a template with name " + t.name}
	}
	b.names[t.name] = true
	b.slots = append(b.slots, &slot{template: t, distance: far})
	return nil
}

// needTemplates fills in the defaults where no pattern was set.
func (d *Detector) needTemplates() error {
	if len(d.slots) > 0 {
		return nil
	}
	b := builder{shared: d.shared, years: d.years, names: map[string]bool{}}
	if err := b.add("{DEFAULT}"); err != nil {
		return err
	}
	d.slots, d.names = b.slots, b.names
	return nil
}

// TemplateInfo tells of one template in the list of a detector.
type TemplateInfo struct {
	Name    string
	Pattern string  // "" for the keywords EPOCH, LEPOCH and TAI64N
	Regex   string  // as Python would compile it
	Hits    int     // lines that this template won
	Weight  float64 // hits by base weight and distance
	Base    float64 // 100 for an anchored copy of a default, else 1
}

// Templates lists the templates in the order in which they would be tried now;
// nil before the first line where the defaults are used.
func (d *Detector) Templates() []TemplateInfo {
	all := make([]TemplateInfo, len(d.slots))
	for i, s := range d.slots {
		all[i] = TemplateInfo{s.name, s.pattern, s.regex, s.hits, s.weigh(), s.weight()}
	}
	return all
}

// Pattern returns what `get JAIL datepattern` replies: the pattern (nil for a
// keyword) and name of the first template, or (None, "Default Detectors").
func (d *Detector) Pattern() any {
	if len(d.slots) == 0 || len(d.slots) > 2 {
		return pytext.Tuple{nil, "Default Detectors"}
	}
	first := d.slots[0]
	if !first.hasPattern {
		return pytext.Tuple{nil, first.name}
	}
	return pytext.Tuple{first.pattern, first.name}
}

// Time returns the instant that a match of this detector on line means. The
// error wraps ErrInvalid where the text is no valid date and the line counts as
// one without; any other error is one for which fail2ban gives up the line.
func (d *Detector) Time(m Match, line []byte) (Stamp, error) {
	if m.err != nil {
		return Stamp{}, m.err
	}
	if stamp, ok := d.repeatedTime(m.moment); ok {
		return stamp, nil
	}
	stamp, err := m.moment.resolve(d.now, d.zone, d.local)
	if errors.Is(err, ErrInvalid) {
		err = fmt.Errorf("reading the date %q: %w", line[m.Start:m.End], err)
	}
	return stamp, err
}

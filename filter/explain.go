package filter

import "f2b-go/filter/pyre"

// Step tells how one regex fared with a line.
type Step struct {
	Source string // the regex as it was given, with its tags
	Regex  string // the same with its tags expanded
	Text   string // what it was tried on
	Groups Fields // what it captured, if it matched
	// Reach is how far it came, in Text and in Regex.
	Reach pyre.Reach
	// From and To are the piece of Source that Reach tells of as the first that
	// does not fit: a whole tag where that is within what the tag stands for. They
	// are -1 where Source can't be laid beside Regex.
	From, To int
}

// Account tells how the regexes fared with one line.
type Account struct {
	Pref *Step  // nil: there is none, or it was not tried
	Fail []Step // by number; none when they were not tried
}

// Explainer gives accounts of lines that a filter has judged. It keeps what it
// compiles for that. One goroutine may use it.
type Explainer struct {
	filter  *Filter
	tracers map[*Regex]*tracer
}

// tracer is what accounts of one regex need each time.
type tracer struct {
	*pyre.Tracer
	tags   []placedTag
	beside bool // the source can be laid beside the regex: no flags were moved about
}

// placedTag is a tag of a regex's source, and what it became in the regex.
type placedTag struct {
	from, to    int // in the source
	first, last int // in the regex
	replaced    bool
}

// NewExplainer returns an Explainer of the filter.
func NewExplainer(f *Filter) *Explainer {
	return &Explainer{filter: f, tracers: map[*Regex]*tracer{}}
}

// Explain tries the regexes once more, each on what it was tried on when Judge
// wrote the notes. A failregex after one that took lines out of the buffer of a
// filter with several lines saw fewer than it is shown here.
func (e *Explainer) Explain(n *Notes) Account {
	s := e.filter.set.Load()
	var a Account
	if !n.Searched {
		return a
	}
	if n.Content == "" && s.ignoresFirst() && e.anyMatches(s.ignore, n.Seen) {
		return a
	}
	if s.pref != nil {
		step := e.step(s.pref, n.Seen)
		a.Pref = &step
	}
	if n.Content == "" {
		return a
	}
	for _, re := range s.fail {
		a.Fail = append(a.Fail, e.step(re, n.Content))
	}
	return a
}

func (e *Explainer) anyMatches(list []*Regex, text string) bool {
	for _, re := range list {
		if _, ok, _ := re.re.Search(nil, []byte(text), 0, len(text)); ok {
			return true
		}
	}
	return false
}

func (e *Explainer) step(re *Regex, text string) Step {
	out := Step{Source: re.source, Regex: re.text, Text: text, From: -1, To: -1}
	caps, ok, _ := re.re.Search(nil, []byte(text), 0, len(text))
	if ok {
		v := plainView(text)
		out.Groups = re.fields(nil, &v, caps)
		out.Reach = pyre.Reach{Matched: true, Start: caps[0], End: caps[1]}
		return out
	}
	if e.tracers[re] == nil {
		e.tracers[re] = newTracer(re)
	}
	t := e.tracers[re]
	out.Reach = t.Trace([]byte(text))
	out.From, out.To = t.inSource(out.Reach.Pattern, out.Reach.PatternEnd)
	return out
}

func newTracer(r *Regex) *tracer {
	t := &tracer{Tracer: r.re.NewTracer(), beside: ExpandTags(r.source, r.useDNS) == r.text}
	if !t.beside {
		return t
	}
	for _, tag := range anyTag().FindAllStringIndex(r.source, -1) {
		p := placedTag{from: tag[0], to: tag[1], first: len(ExpandTags(r.source[:tag[0]], r.useDNS)), last: len(ExpandTags(r.source[:tag[1]], r.useDNS))}
		p.replaced = r.text[p.first:p.last] != r.source[p.from:p.to]
		t.tags = append(t.tags, p)
	}
	return t
}

// inSource turns a piece of the regex into one of what it was given as, -1 if
// they can't be laid beside each other.
func (t *tracer) inSource(at, end int) (from, to int) {
	if !t.beside {
		return -1, -1
	}
	delta := 0 // how much longer the source is, so far
	from, to = -1, -1
	for _, tag := range t.tags {
		if from < 0 && at < tag.first {
			from = at + delta
		}
		if to < 0 && end <= tag.first {
			to = end + delta
		}
		if from < 0 && tag.replaced && at < tag.last {
			from = tag.from
		}
		if to < 0 && tag.replaced && end <= tag.last {
			to = tag.to
		}
		delta = tag.to - tag.last
	}
	if from < 0 {
		from = at + delta
	}
	if to < 0 {
		to = end + delta
	}
	return from, to
}

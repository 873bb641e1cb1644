package filter

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"f2b-go/filter/pyre"
	"f2b-go/internal/pytext"
)

// Regex is one compiled regex of a filter. It keeps nothing of a match.
type Regex struct {
	re     *pyre.Regexp
	text   string
	source string // as it was given, with its tags
	useDNS UseDNS
	named  []namedGroup // in the order in which they open
	alts   []derived
	tuples []derived
	skips  []int // the groups of <SKIPLINES>, in order

	content int // the group named content, 0 or less for none
}

// namedGroup is a group with a name.
type namedGroup struct {
	group int
	name  string
}

// derived is a group alt_NAME or tuple_NAME and the field that it adds to.
type derived struct {
	from, to string
}

var derivedName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(alt_|tuple_)(.*?)(?:_\p{Nd}+)?$`) })

// CompileRegex expands the tags of a filter's regex and compiles it; multiLine
// lets ^ and $ match at every line. Its errors are of the class ErrRegex and
// have fail2ban's text.
func CompileRegex(pattern string, useDNS UseDNS, multiLine bool) (*Regex, error) {
	text := ExpandTags(pattern, useDNS)
	if strings.TrimLeftFunc(text, pySpace) == "" {
		return nil, &settingError{"Cannot add empty regex", ErrRegex}
	}
	text = localFlags(text)
	var flags pyre.Flags
	if multiLine {
		flags = pyre.MultiLine
	}
	re, err := pyre.Compile(text, flags)
	if err != nil {
		return nil, &settingError{"Unable to compile regular expression '" + text + "':\n" + err.Error(), ErrRegex}
	}
	r := &Regex{re: re, text: text, source: pattern, useDNS: useDNS}
	for g, name := range re.GroupNames() {
		if name != "" {
			r.named = append(r.named, namedGroup{g, name})
		}
	}
	r.findDerived()
	r.content = re.GroupIndex("content")
	for i := 0; ; i++ {
		g := re.GroupIndex("skiplines" + pytext.Str(i))
		if g < 0 {
			break
		}
		r.skips = append(r.skips, g)
	}
	return r, nil
}

func (r *Regex) findDerived() {
	for _, n := range r.named {
		name := n.name
		if len(name) <= len("alt_") {
			continue
		}
		m := derivedName().FindStringSubmatch(name)
		switch {
		case m == nil:
		case m[1] == "alt_":
			r.alts = append(r.alts, derived{name, groupName(m[2])})
		default:
			r.tuples = append(r.tuples, derived{name, groupName(m[2])})
		}
	}
	byName := func(a, b derived) int { return cmp.Compare(a.from, b.from) }
	slices.SortFunc(r.alts, byName)
	slices.SortFunc(r.tuples, byName)
}

// pySpace is Python's str.isspace for one character.
func pySpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

// String is the regex with its tags expanded.
func (r *Regex) String() string { return r.text }

// hasID says whether the regex has a group that can hold an ID.
func (r *Regex) hasID() bool {
	for _, name := range []string{"fid", "ip4", "ip6", "dns", "mlfid"} {
		if r.re.GroupIndex(name) >= 0 {
			return true
		}
	}
	return false
}

// derives says whether there are groups that add to other fields.
func (r *Regex) derives() bool { return len(r.alts)+len(r.tuples) > 0 }

// fields appends the named groups of a match to fs, which has none yet, in the
// order in which they open, with alternatives and tuples put together.
func (r *Regex) fields(fs Fields, v *view, caps []int) Fields {
	for _, n := range r.named {
		fs = append(fs, n.field(v, caps))
	}
	for _, d := range r.alts {
		if v, _ := fs.Get(d.from); v.isTrue() && !fs.isTrue(d.to) {
			v.Name = d.to
			fs.put(v)
		}
	}
	for _, d := range r.tuples {
		v, _ := fs.Get(d.from)
		t, _ := fs.Get(d.to)
		if t.Kind != Tuple {
			t = Field{Name: d.to, Kind: Tuple, Value: pytext.Tuple{t.Python()}}
		}
		t.Value = append(slices.Clip(t.Value.(pytext.Tuple)), v.Python())
		fs.put(t)
	}
	return fs
}

// field is the group of a match.
func (n *namedGroup) field(v *view, caps []int) Field {
	f := Field{Name: n.name}
	if from := caps[2*n.group]; from >= 0 {
		f.Kind, f.Text = Text, v.text(from, caps[2*n.group+1])
	}
	return f
}

// contextFields appends the groups of a prefregex but F-CONTENT; v is any view
// of the line.
func (r *Regex) contextFields(fs Fields, v view, caps []int) Fields {
	v.from, v.to = 0, 0
	v.end()
	for i := range r.named {
		if n := &r.named[i]; n.group != r.content {
			fs = append(fs, n.field(&v, caps))
		}
	}
	return fs
}

// layout tells for each named group of r at which place a failure has the group
// of the prefregex with that name, -1 for none.
func (r *Regex) layout(pref *Regex) []int {
	if pref == nil {
		return nil
	}
	places := make([]int, len(r.named))
	for i := range r.named {
		places[i] = -1
		at := 0
		for _, n := range pref.named {
			if n.name == r.named[i].name && n.name != "content" {
				places[i] = at
			}
			if n.name != "content" {
				at++
			}
		}
	}
	return places
}

// skipped lists the lines that <SKIPLINES> took.
func (r *Regex) skipped(text string, caps []int) []string {
	var sb strings.Builder
	for _, g := range r.skips {
		if caps[2*g] >= 0 {
			sb.WriteString(text[caps[2*g]:caps[2*g+1]])
		}
	}
	return splitLines(sb.String())
}

// splitLines is Python's str.splitlines.
func splitLines(s string) []string {
	var out []string
	start := 0
	for i, r := range s {
		if i < start {
			continue
		}
		switch r {
		case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			out = append(out, s[start:i])
			start = i + len(string(r))
			if r == '\r' && strings.HasPrefix(s[start:], "\n") {
				start++
			}
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

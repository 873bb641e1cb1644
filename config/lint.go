package config

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
)

// Names that jails define by custom for others to refer to (1.8.2), and those
// that actions and filters get from elsewhere than their files.
var (
	jailVariables = lazySet("banaction banaction_allports port protocol chain mta destemail sender sendername mode action_ action_mw action_mwl " +
		"action_xarf action_cf_mwl action_blocklist_de action_abuseipdb fail2ban_agent fail2ban_version fail2ban_confpath default_backend")
	filterGiven  = lazySet("logtype backend")
	actionGiven  = lazySet("timeout name actname")
	generalGiven = lazySet("report_version socket_group")
)

// lazySet is wordSet of words that few runs of the program ask for.
func lazySet(words string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool { return wordSet(words) })
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

func union(sets ...map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, s := range sets {
		for n := range s {
			all[n] = true
		}
	}
	return all
}

// linted is one named configuration with its files, and what its options may be.
type linted struct {
	config *Config
	name   string
	files  []string        // in the order in which they are merged
	own    map[string]bool // those of files that are no includes
	known  map[string]bool // options that mean something by themselves
	refs   *references
	spell  map[string]bool // known options and variables: what a misspelt one may mean
	heads  map[string]bool // options that a line of a value should not begin with
	out    []Message

	switches map[string]bool // options that are yes or no
}

// Lint returns what nobody would miss and yet is wrong in the files that were
// read: includes that do not exist, options that nothing knows or refers to, and
// sections that nothing uses. fail2ban says nothing of these. They are warnings,
// sorted by file and line.
func (c *Config) Lint() []Message {
	var out []Message
	jails := c.jailReferences()
	for _, name := range sortedKeys(c.readers) {
		l := c.linted(name, jails)
		if l == nil {
			continue
		}
		l.includes()
		l.options()
		l.sections()
		out = append(out, l.out...)
	}
	out = append(out, c.lintParameters()...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].Pos, out[j].Pos
		return a.File < b.File || a.File == b.File && a.Line < b.Line
	})
	return slices.CompactFunc(out, func(a, b Message) bool { return a == b })
}

func sortedKeys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}

// jailReferences are the names that the files of jails refer to.
func (c *Config) jailReferences() *references {
	refs := newReferences()
	r := c.readers["jail"]
	if r == nil {
		return refs
	}
	files, _ := c.expand(c.candidates(r.name), nil)
	for _, file := range files {
		if f := c.files.at(file); f != nil {
			values(f.all(), func(text string) {
				refs.percent(text)
				refs.tags(text)
			})
		}
	}
	return refs
}

// linted gathers a configuration's files and references; nil if it was not read.
func (c *Config) linted(name string, jails *references) *linted {
	main := c.candidates(name)
	files, err := c.expand(main, nil)
	if err != nil {
		return nil
	}
	l := &linted{config: c, name: name, files: files, own: map[string]bool{}, refs: newReferences()}
	for _, f := range main {
		l.own[f] = true
	}
	folder, _, _ := strings.Cut(name, "/")
	for _, file := range files {
		if f := c.files.at(file); f != nil {
			values(f.all(), func(text string) {
				l.refs.percent(text)
				if folder != "fail2ban" && folder != "jail" {
					l.refs.tags(text)
				}
			})
		}
	}
	own := union(l.refs.names)
	switch folder {
	case "fail2ban":
		l.known = union(names(earlySpecs), names(generalSpecs), names(threadSpecs), generalGiven())
		l.heads = l.known
	case "jail":
		l.known = names(jailSpecs)
		l.heads, l.switches = union(l.known, jailVariables()), switches(jailSpecs)
		l.refs = jails
	case "action.d":
		l.heads, l.switches = names(actionSpecs), switches(actionSpecs)
		l.known = union(l.heads, actionGiven())
		l.refs.merge(jails)
	default:
		l.heads = names(filterSpecs)
		l.known = union(l.heads, filterGiven())
		l.refs.merge(jails)
	}
	switch l.spell = l.known; folder {
	case "jail":
		l.spell = l.heads
	case "filter.d", "action.d":
		l.spell = union(l.known, own)
	}
	return l
}

func (r *references) merge(other *references) {
	for n := range other.names {
		r.names[n] = true
	}
	for n := range other.patterns {
		r.patterns[n] = true
	}
	for n := range other.sections {
		r.sections[n] = true
	}
}

func (l *linted) isJail() bool { return l.name == "jail" }

func (l *linted) warn(place Place, text, remedy string) {
	l.out = append(l.out, place.warning(text, remedy))
}

// includes warns of files to include that are not there. Those named *.local are
// meant to be missing where nobody made them.
func (l *linted) includes() {
	for _, file := range l.files {
		f := l.config.files.at(file)
		if f == nil || f.sections[includeSection] == nil {
			continue
		}
		p := l.config.newParser()
		p.defaults, p.sections = f.defaults, f.sections
		for _, option := range []string{"before", "after"} {
			o, ok := f.sections[includeSection].get(option)
			value, err := p.get(includeSection, option, nil)
			if !ok || err != nil {
				continue
			}
			dir, _ := splitPath(file)
			for i, line := range strings.Split(pytext.Str(value), "\n") {
				if line == "" {
					continue
				}
				place := Place{l.config.lineOf(o, i), includeSection, option}
				l.include(place, joinPath(dir, line))
			}
		}
	}
}

func (l *linted) include(place Place, file string) {
	switch {
	case !l.config.tree.exists(file):
		if !strings.HasSuffix(file, ".local") {
			l.warn(place, "the included file "+file+" does not exist", "correct the name, or remove the line")
		}
	case l.config.files.at(file) == nil:
		_, err := l.config.tree.read(file)
		if err == nil {
			err = errors.New("it is not read")
		}
		l.warn(place, "the included file "+file+" cannot be read: "+unreadable(err), "make it a readable text file in UTF-8")
	}
}

// options warns of options that nothing knows and nothing refers to.
func (l *linted) options() {
	for _, file := range l.files {
		f := l.config.files.at(file)
		if f == nil {
			continue
		}
		for _, o := range f.defaults.list {
			l.option(file, defaultSection, o.name, o.raw)
		}
		for _, sec := range f.order {
			for _, o := range f.sections[sec].list {
				l.option(file, sec, o.name, o.raw)
			}
		}
	}
}

func (l *linted) option(file, sec, name string, o raw) {
	plain, _, conditional := tags.SplitCondition(name)
	if !conditional || l.isJail() {
		plain = name
	}
	l.value(Place{o.pos, sec, name}, o)
	if l.means(sec, plain) || strings.HasPrefix(plain, borrowedAs) {
		return
	}
	place := Place{o.pos, sec, name}
	if sec == includeSection {
		l.warn(place, "unknown option: includes know before and after", "write before or after")
		return
	}
	if like := nearest(plain, l.spell); like != "" && !jailVariables()[plain] {
		l.warn(place, "unknown option, and nothing refers to it", "did you mean "+like+"?")
		return
	}
	if l.counts(file, sec) && !jailVariables()[plain] && !customVariable(plain) {
		l.warn(place, "unknown option, and nothing refers to it: it has no effect", "remove it or correct its name")
	}
}

// means tells whether an option has a meaning, by itself or since others refer to it.
func (l *linted) means(sec, name string) bool {
	switch sec {
	case includeSection:
		return name == "before" || name == "after"
	case "Thread":
		if l.name == "fail2ban" {
			return name == "stacksize"
		}
	}
	return l.known[name] || l.refs.has(name)
}

// customVariable tells of names that jails define for each other by custom.
func customVariable(name string) bool {
	return strings.HasSuffix(name, "_log") || strings.HasSuffix(name, "_backend") || strings.HasPrefix(name, "syslog_") || strings.HasPrefix(name, "action_")
}

// counts tells whether an option without use is worth a word: files that others
// include hold more than each needs, jails that are not enabled do, and what stands
// in [Init] may be there for a caller to refer to.
func (l *linted) counts(file, sec string) bool {
	if !l.own[file] {
		return false
	}
	switch {
	case l.name == "fail2ban":
		return true
	case l.isJail():
		return sec == defaultSection || l.config.enabled(sec)
	}
	return sec == definition || strings.HasPrefix(sec, definition+"?")
}

// enabled tells whether a jail is enabled; a fault in the option says no.
func (c *Config) enabled(jail string) bool {
	r := c.readers["jail"]
	if r == nil {
		return false
	}
	value, err := r.get(jail, "enabled", nil)
	return err == nil && asBool(value)
}

// sections warns of sections that nothing uses.
func (l *linted) sections() {
	seen := map[string]bool{}
	for _, file := range l.files {
		f := l.config.files.at(file)
		if f == nil {
			continue
		}
		for _, name := range f.order {
			if !seen[name] {
				seen[name] = true
				l.section(name, f.sections[name].pos)
			}
		}
	}
}

func (l *linted) section(name string, pos Pos) {
	plain := name
	if p, _, ok := tags.SplitCondition(name); ok {
		plain = p
	}
	if plain == includeSection || l.refs.hasSection(plain) && !strings.EqualFold(plain, defaultSection) {
		return
	}
	place := Place{Pos: pos, Section: name}
	if l.isJail() {
		l.jailSection(place)
		return
	}
	uses := wordSet(definition + " " + initial)
	if l.name == "fail2ban" {
		uses = wordSet(definition + " Thread")
	}
	if uses[plain] {
		return
	}
	remedy := "remove it or correct its name"
	if like := nearest(plain, union(uses, wordSet(defaultSection+" "+includeSection))); like != "" {
		remedy = "did you mean [" + like + "]?"
	} else if like := sameLetters(plain, definition, initial, defaultSection, includeSection); like != "" {
		remedy = "did you mean [" + like + "]? Upper and lower case matter"
	}
	l.warn(place, "unused section: nothing reads it", remedy)
}

func sameLetters(name string, among ...string) string {
	for _, n := range among {
		if strings.EqualFold(name, n) {
			return n
		}
	}
	return ""
}

// jailSection warns of a section that cannot be a jail, or whose settings are for
// a jail that is not enabled.
func (l *linted) jailSection(place Place) {
	name, r := place.Section, l.config.readers["jail"]
	if sameLetters(name, defaultSection, includeSection) != "" {
		l.warn(place, "unused section: only [DEFAULT] and [INCLUDES] in capitals mean something", "write ["+strings.ToUpper(name)+"]")
		return
	}
	if in := l.config.inspected; l.config.enabled(name) || r.hasOwn(name, "enabled") || in != nil && in.Lost(name, "enabled") {
		return
	}
	if !l.hasFilter(name) {
		if like := nearest(name, l.jailsBut(name)); like != "" {
			l.warn(place, "unused section: it enables no jail, and there is no filter of this name", "did you mean ["+like+"]?")
			return
		}
		l.warn(place, "unused section: it enables no jail, and nothing refers to it", "set enabled = true, or remove it")
		return
	}
	if main := l.config.candidates("jail"); place.File != main[0] && l.own[place.File] {
		l.warn(place, "the jail is not enabled, so that these settings have no effect", "set enabled = true, or enabled = false to say that this is meant")
	}
}

// jailsBut are the sections that run, or could run, without one.
func (l *linted) jailsBut(name string) map[string]bool {
	others := map[string]bool{}
	for _, n := range l.config.readers["jail"].names() {
		if n != name && (l.config.readers["jail"].hasOwn(n, "enabled") || l.hasFilter(n)) {
			others[n] = true
		}
	}
	return others
}

// hasFilter tells whether a section names a filter or has one of its own name.
func (l *linted) hasFilter(name string) bool {
	r := l.config.readers["jail"]
	if r.hasOwn(name, "filter") || r.hasOwn(name, "failregex") {
		return true
	}
	return len(l.config.candidates(joinPath("filter.d", name))) > 0
}

// lintParameters warns of parameters of filters and actions that nothing in them
// knows and that look like some other.
func (c *Config) lintParameters() []Message {
	r := c.readers["jail"]
	if r == nil {
		return nil
	}
	var out []Message
	for _, jail := range r.names() {
		if !c.enabled(jail) {
			continue
		}
		for _, option := range []string{"filter", "action"} {
			value, err := r.get(jail, option, nil)
			text, ok := value.(string)
			if err != nil || !ok {
				continue
			}
			specs := []string{text}
			if option == "action" {
				if specs, err = splitActions(text); err != nil {
					continue
				}
			}
			for _, spec := range specs {
				out = append(out, c.lintParameter(jail, option, spec)...)
			}
		}
	}
	return out
}

func (c *Config) lintParameter(jail, option, spec string) (out []Message) {
	file, params, err := parseOptions(spec)
	target := c.readers[joinPath(option+".d", file)]
	if err != nil || target == nil {
		return nil
	}
	l := c.linted(target.name, newReferences())
	if l == nil {
		return nil
	}
	has := union(l.known, l.refs.names)
	for _, o := range target.own(initial) {
		has[o] = true
	}
	for _, o := range target.own(definition) {
		has[o] = true
	}
	means := func(name string) bool {
		return has[lower(name)] || l.refs.has(lower(name)) || jailVariables()[name] || names(jailSpecs)[name]
	}
	for _, p := range params.list {
		plain, _, ok := tags.SplitCondition(p.name)
		if !ok {
			plain = p.name
		}
		if next := commaMissing(spec, p); next != "" && means(next) {
			out = append(out, c.whereParameter(jail, option, plain).warning(
				fmt.Sprintf("the value of the parameter %q goes on to %q", plain, next+"="), "put a comma before "+next))
		}
		if means(plain) {
			continue
		}
		if like := nearest(lower(plain), has); like != "" {
			out = append(out, c.whereParameter(jail, option, plain).warning(
				fmt.Sprintf("the %s %s has no parameter %q", option, file, plain), "did you mean "+like+"?"))
		}
	}
	return out
}

// whereParameter finds the option that gives a parameter to a filter or action.
func (c *Config) whereParameter(jail, option, name string) Place {
	r := c.readers["jail"]
	j := &InspectedJail{Name: jail, from: r}
	for _, word := range []string{name + "="} {
		if p, ok := j.Holding(word); ok {
			return p
		}
	}
	return Place{r.pos(jail, option), jail, option}
}

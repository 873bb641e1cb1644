package testfilter

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample is one line of a sample log under one set of filter options, with
// fail2ban's verdict.
type sample struct {
	file    string
	line    int
	text    string
	verdict map[string]any // the failJSON, nil for a line without
}

// name tells where the sample stands.
func (s sample) name() string { return fmt.Sprintf("%s:%d", s.file, s.line) }

// match says whether the line must match.
func (s sample) match() bool { m, _ := s.verdict["match"].(bool); return m }

// sampleSession is a filter with one set of options and its samples in order.
type sampleSession struct {
	filter  string
	label   string // the filter and its options
	opts    map[string]any
	samples []sample
}

// options are the filter's parameters: those that are not the harness's own.
func (s *sampleSession) options() map[string]string {
	out := map[string]string{}
	for k, v := range s.opts {
		if !strings.HasPrefix(k, "test.") {
			out[k] = fmt.Sprint(v)
		}
	}
	return out
}

// journal says whether the lines come from a journal, with a time of their own.
func (s *sampleSession) journal() bool { return s.opts["logtype"] == "journal" }

var sampleDirective = regexp.MustCompile(`^#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$`)

// readSamples reads the sample log of a filter and those that it adds.
func readSamples(t testing.TB, dir, filterName string) []*sampleSession {
	t.Helper()
	r := &sampleReader{t: t, filter: filterName, byLabel: map[string]*sampleSession{}}
	files := []string{filterName}
	for i := 0; i < len(files); i++ {
		text, err := os.ReadFile(filepath.Join(dir, files[i]))
		if err != nil {
			t.Fatalf("filter %s has no sample log: %v", filterName, err)
		}
		files = append(files, r.file(files[i], strings.Split(string(text), "\n"))...)
	}
	return r.sessions
}

type sampleReader struct {
	t        testing.TB
	filter   string
	common   map[string]any
	current  []*sampleSession
	skipping bool
	sessions []*sampleSession
	byLabel  map[string]*sampleSession
}

// file reads one log; it returns the files that are to be read after it.
func (r *sampleReader) file(name string, lines []string) (more []string) {
	r.skipping = false
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\r")
		m := sampleDirective.FindStringSubmatch(line)
		if m == nil {
			if !r.skipping && strings.TrimSpace(line) != "" && line[0] != '#' {
				r.add(sample{file: name, line: i + 1, text: line})
			}
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(m[2]), &value); err != nil {
			r.t.Fatalf("%s:%d: %v", name, i+1, err)
		}
		switch m[1] {
		case "fileOptions":
			r.common, _ = value.(map[string]any)
		case "filterOptions":
			r.options(value)
		case "addFILE":
			more = append(more, value.(string))
		case "failJSON":
			i++
			if !r.skipping && i < len(lines) {
				r.add(sample{file: name, line: i + 1, text: strings.TrimRight(lines[i], "\r"), verdict: value.(map[string]any)})
			}
		}
	}
	return more
}

// options starts the sessions of a filterOptions line.
func (r *sampleReader) options(value any) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	r.current, r.skipping = nil, false
	for _, v := range list {
		opts := maps.Clone(r.common)
		if opts == nil {
			opts = map[string]any{}
		}
		maps.Copy(opts, v.(map[string]any))
		if cond, ok := opts["test.condition"].(string); ok && cond != "" {
			r.skipping = !r.holds(cond, opts)
		}
		if !r.skipping {
			r.current = append(r.current, r.session(opts))
		}
	}
}

func (r *sampleReader) session(opts map[string]any) *sampleSession {
	s := &sampleSession{filter: r.filter, opts: opts}
	label, _ := opts["test.filter-name"].(string)
	if plain := s.options(); label == "" && len(plain) > 0 {
		text, _ := json.Marshal(plain)
		label = string(text)
	}
	s.label = r.filter + label
	if old := r.byLabel[s.label]; old != nil {
		return old
	}
	r.byLabel[s.label] = s
	r.sessions = append(r.sessions, s)
	return s
}

func (r *sampleReader) add(s sample) {
	if len(r.current) == 0 {
		r.current = []*sampleSession{r.session(map[string]any{})}
	}
	for _, to := range r.current {
		if cond, ok := s.verdict["constraint"].(string); ok && !r.holds(cond, to.opts) {
			continue
		}
		one := s
		if prefix, ok := to.opts["test.prefix-line"].(string); ok && to.journal() {
			one.text = prefix + one.text
		}
		to.samples = append(to.samples, one)
	}
}

var sampleCondition = regexp.MustCompile(`^\s*(?:name|opts\.get\('([^']*)'\))\s*(==|!=)\s*'([^']*)'\s*$`)

// holds evaluates a condition of the harness: the name of the filter or one of
// its options, compared with a text.
func (r *sampleReader) holds(cond string, opts map[string]any) bool {
	m := sampleCondition.FindStringSubmatch(cond)
	if m == nil {
		r.t.Fatalf("condition of a kind that is not known: %s", cond)
	}
	left := any(r.filter)
	if m[1] != "" {
		left = opts[m[1]]
	}
	return (left == m[3]) == (m[2] == "==")
}

// sampleFilters lists the filters that have samples: all but the common parts,
// and those that only fail2ban's tests use.
func sampleFilters(t testing.TB, config, testConfig string) (names []string, dir map[string]string) {
	t.Helper()
	dir = map[string]string{}
	list := func(base string, wanted func(string) bool) {
		paths, err := filepath.Glob(filepath.Join(base, "filter.d", "*.conf"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if name := strings.TrimSuffix(filepath.Base(p), ".conf"); wanted(name) {
				dir[name] = base
				names = append(names, name)
			}
		}
	}
	list(config, func(name string) bool { return !strings.HasSuffix(name, "common") })
	if testConfig != "" {
		list(testConfig, func(name string) bool { return strings.HasPrefix(name, "zzz-") })
	}
	slices.Sort(names)
	return names, dir
}

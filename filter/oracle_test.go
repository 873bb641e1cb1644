package filter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// now is the clock of these tests, in UTC.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// setup is a filter and the lines that it judges.
type setup struct {
	UseDNS   string   `json:"usedns"`
	Pref     string   `json:"pref"`
	Fail     []string `json:"fail"`
	Ignore   []string `json:"ignore"`
	MaxLines int      `json:"maxlines"`
	Pattern  string   `json:"pattern"`
	CheckAll bool     `json:"checkall"`
	Raw      bool     `json:"raw"`
	Pending  bool     `json:"pending"`
	Lines    []string `json:"lines"`
}

// newFilter builds the filter of a setup.
func newFilter(t *testing.T, s setup, env filter.Env) *filter.Filter {
	t.Helper()
	if env.Clock == nil {
		env.Clock = func() time.Time { return now }
	}
	if env.Local == nil {
		env.Local = time.UTC
	}
	f := filter.New("j", env)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.UseDNS != "" {
		f.SetUseDNS(s.UseDNS)
	}
	if s.MaxLines > 0 {
		check(f.SetMaxLines(s.MaxLines))
	}
	if s.Pattern != "" {
		check(f.SetDatePattern(s.Pattern))
	}
	check(f.SetPrefRegex(s.Pref))
	for _, re := range s.Fail {
		check(f.AddFailRegex(re))
	}
	for _, re := range s.Ignore {
		check(f.AddIgnoreRegex(re))
	}
	return f
}

func (s setup) mode() filter.Mode {
	return filter.Mode{CheckAll: s.CheckAll, RawHosts: s.Raw, KeepPending: s.Pending}
}

// verdicts judges the lines and writes down what came of each.
func verdicts(t *testing.T, s setup, env filter.Env) []string {
	t.Helper()
	f := newFilter(t, s, env)
	var out []string
	for _, line := range s.Lines {
		found, v := f.Judge(filter.Line{Text: []byte(line + "\n"), Source: "log"}, s.mode())
		if v.Err != nil {
			out = append(out, "error")
			continue
		}
		var parts []string
		for i := range found {
			parts = append(parts, written(&found[i]))
		}
		out = append(out, strings.Join(parts, " + "))
	}
	return out
}

// written is a failure as text: number of the regex, ID, time, data, lines.
func written(f *filter.Failure) string {
	id, at := "None", "None"
	if f.HasID {
		id = f.ID.String()
	}
	if f.HasTime {
		at = pytext.FloatRepr(f.Time)
	}
	var fields []string
	for i := range f.Fields {
		if f.Fields[i].Kind == filter.None {
			continue // 1.0.2 has more of them than 1.1.1
		}
		value := pytext.Repr(f.Fields[i].Python())
		if u, ok := f.Fields[i].Python().([]string); ok {
			sort.Strings(u)
			value = pytext.Repr(u)
		}
		fields = append(fields, f.Fields[i].Name+"="+value)
	}
	lines := []any{}
	for _, m := range f.Matches {
		lines = append(lines, m.Tuple())
	}
	return fmt.Sprintf("%d %s %s {%s} %s", f.Regex, id, at, strings.Join(fields, " "), pytext.Repr(lines))
}

// askFilter is the same done by fail2ban.
const askFilter = `
import sys, json, os, time
os.environ['TZ'] = 'UTC'; time.tzset()
sys.path.insert(0, sys.argv[1])
from fail2ban.server.mytime import MyTime
from fail2ban.server.filter import Filter
from fail2ban.server.ipdns import IPAddr
import logging; logging.getLogger('fail2ban').setLevel(60)
MyTime.setTime(float(sys.argv[2]))
def value(v):
    if isinstance(v, set): return repr(sorted(v))
    return repr(v)
def written(f):
    no, id, at, data = f[:4]
    fields = ' '.join('%s=%s' % (k, value(v)) for k, v in data.items() if k != 'matches' and v is not None)
    return '%d %s %s {%s} %r' % (no + 1, id, None if at is None else repr(float(at)), fields, data.get('matches', []))
for line in sys.stdin:
    s = json.loads(line)
    f = Filter(None)
    f.returnRawHost, f.checkAllRegex, f.checkFindTime, f.ignorePending = s['raw'], s['checkall'], False, not s['pending']
    if s['usedns']: f.setUseDns(s['usedns'])
    if s['maxlines']: f.setMaxLines(s['maxlines'])
    if s['pattern']: f.setDatePattern(s['pattern'])
    f.prefRegex = s['pref']
    for r in s['fail'] or (): f.addFailRegex(r)
    for r in s['ignore'] or (): f.addIgnoreRegex(r)
    out = []
    for l in s['lines']:
        try: out.append(' + '.join(written(x) for x in f.processLine(l)))
        except Exception as e: out.append('error')
    print(json.dumps(out))
`

// compare runs the setups through fail2ban as well and reports each line that
// is judged differently.
func compare(t *testing.T, setups map[string]setup) {
	t.Helper()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	var names []string
	for name := range setups {
		names = append(names, name)
	}
	sort.Strings(names)
	var in bytes.Buffer
	for _, name := range names {
		if err := json.NewEncoder(&in).Encode(setups[name]); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(testenv.Python, "-c", askFilter, lib, fmt.Sprint(now.Unix()))
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking fail2ban's filter: %v", err)
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, name := range names {
		var want []string
		if err := json.Unmarshal([]byte(answers[i]), &want); err != nil {
			t.Fatal(err)
		}
		for n, got := range verdicts(t, setups[name], filter.Env{}) {
			if got != want[n] {
				t.Errorf("%s, line %d: %q\n got %s\nwant %s", name, n+1, setups[name].Lines[n], got, want[n])
			}
		}
	}
}

// logged collects the messages of a filter.
func logged(lines *[]string) *slog.Logger {
	return slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		*lines = append(*lines, strings.TrimSpace(string(b)))
		return len(b), nil
	}), &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

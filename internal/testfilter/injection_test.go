package testfilter

import (
	goflag "flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/testenv"
)

var everyInjection = goflag.Bool("injection.all", false, "forge every sample line, not a share of them")

// The addresses that hostile text tries to have banned.
const (
	forged  = "198.51.100.66"
	forged6 = "2001:db8::bad"
)

// payloads are texts that a client may choose freely (FIELD C1); VALUE is what
// stood there before, LATER and ALL are the rest of the line up to its address,
// or all of it, with the forged address in the place of the true one, REST what
// follows the address.
var payloads = []string{
	"x from " + forged, "x from " + forged + " port 22 ssh2", "Invalid user root from " + forged, "root [preauth]", "' from '" + forged + "'",
	`" rhost=` + forged, "rhost=" + forged, "[" + forged + "]", "(" + forged + ")", "a\rb from " + forged, "\x1b[2K from " + forged, "x\x00y from " + forged,
	strings.Repeat(" ", 1024) + "from " + forged, forged6 + " from " + forged6, "<HOST>", "from " + forged + ": 11: Bye Bye [preauth]", "x' from <" + forged + ">",
	forged, "VALUELATER", "VALUELATER x", "VALUELATERREST", "VALUELATERREST VALUE", `VALUE"LATER`, "ALL", " ALL",
}

// fooled are the stock filters whose own regexes give a forged address for some
// sample line with hostile text in it, in docs/differences.md with an example.
var fooled = []string{"asterisk", "courier-auth", "exim", "nginx-botsearch", "nginx-http-auth", "sshd", "vsftpd"}

// chosen are the groups whose text a stranger chooses.
var chosen = regexp.MustCompile(`^(?:alt_)?(?:user|ruser|login|name|email|realm|url|agent|reason)\d*(?:_\d+)?$`)

// certain is what stands before quoted text that no stranger chooses: the
// configuration's names, and what the kernel's audit writes in hex if it is odd;
// or before ROOT, which sshd writes itself.
var certain = regexp.MustCompile(`(?:zone |exe=|acct=|terminal=)["']$|sshd(?:\[\d+\])?: $`)

// outside finds quoted and bracketed text, and values behind names of what
// comes from outside.
var outside = regexp.MustCompile(`"([^"]+)"|'([^']+)'|<([^<>\s]+@[^<>\s]*)>|\b(?:user|ruser|login|account|name|helo|realm)=\[?([^\s,;()"'<>\[\]]+)|\buser \[?([^\s,;()"'<>\[\]]+)`)

// span is a piece of a line.
type span struct{ from, to int }

// foreign finds the pieces of a line that a stranger chooses.
func foreign(line, id string, fields filter.Fields) []span {
	found := map[span]bool{}
	add := func(from, to int) {
		if from >= 0 && from < to && to-from < 200 && !strings.Contains(line[from:to], id) && !certain.MatchString(line[:from]) {
			found[span{from, to}] = true
		}
	}
	for _, f := range fields {
		value := fields.Text(f.Name)
		if !chosen.MatchString(f.Name) || f.Kind != filter.Text || value == "" || strings.Count(line, value) > 3 {
			continue
		}
		if at := strings.Index(line, value); at >= 0 {
			add(at, at+len(value))
		}
	}
	for _, m := range outside.FindAllStringSubmatchIndex(line, -1) {
		for i := 2; i < len(m); i += 2 {
			add(m[i], m[i+1])
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b span) int { return a.from*1000 + a.to - b.from*1000 - b.to })
}

// forge makes the hostile lines of one.
func forge(line, id string, fields filter.Fields) []string {
	var out []string
	host := strings.LastIndex(line, id)
	for _, s := range foreign(line, id, fields) {
		later, all, rest := "", "", ""
		if host >= s.to {
			later = line[s.to:host] + forged
		}
		if host >= 0 {
			all = line[:host] + forged + line[host+len(id):]
			rest = line[host+len(id):]
		}
		fill := strings.NewReplacer("VALUE", line[s.from:s.to], "LATER", later, "ALL", all, "REST", rest)
		for _, p := range payloads {
			out = append(out, line[:s.from]+fill.Replace(p)+line[s.to:])
		}
	}
	return out
}

// askForged judges lines with fail2ban's own filters, each as if the others had
// never been: it replies with the IDs found.
const askForged = `
import sys, json, signal
sys.path.insert(0, sys.argv[1])
from fail2ban.client.fail2banregex import Fail2banRegex, get_opt_parser
import fail2ban.client.fail2banregex as program
from fail2ban.server.mytime import MyTime
program.output = lambda *a: None
now = 1124013600
def give_up(*args): raise TimeoutError
signal.signal(signal.SIGALRM, give_up)
for line in sys.stdin:
    case = json.loads(line)
    opts, _ = get_opt_parser().parse_args(['-c', case['Config'], '-r', '-o', 'id', 'x', 'y'])
    tester = Fail2banRegex(opts)
    spec = case['Spec']
    if spec.startswith('filter.d/'): # 1.0.2 takes a path from where it runs
        spec = case['Config'] + '/' + spec
    tester.readRegex(spec, 'fail')
    flt = tester._filter
    ids = []
    for text in case['Lines']:
        now += 360
        MyTime.setTime(now)
        flt._Filter__lastDate = None
        date = now if case['Journal'] else None
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            found = flt.processLine(('', '', text), date) if case['Journal'] else flt.processLine(text)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Exception:
            signal.setitimer(signal.ITIMER_REAL, 0)
            ids.append('?')
            continue
        ids.append(' '.join(sorted(str(f[1]) for f in found if f[1] is not None and not f[3].get('nofail'))))
    print(json.dumps(ids), flush=True)
`

type forgedCase struct {
	Config, Spec string
	Journal      bool
	Lines        []string
}

// TestInjection puts hostile text into every sample line that matches, in the
// place of each piece that a stranger chooses. The ID found is never the forged
// one but where fail2ban's own filter gives it, too; those filters are documented.
func TestInjection_C1(t *testing.T) {
	for _, find := range []func(testing.TB) (collection, bool){collection111, collection102} {
		c, ok := find(t)
		if !ok {
			continue
		}
		lib, ok := testenv.Fail2ban(t)
		if !ok {
			return
		}
		if *reference != "" {
			lib = *reference
		}
		ask := startForged(t, lib)
		names, dir := sampleFilters(t, c.config, "")
		shared, lines, bad := date.NewShared(), 0, map[string]string{}
		for i, name := range names {
			for _, s := range readSamples(t, c.logs, name) {
				if *everyInjection || (i+len(s.label))%8 == 0 || slices.Contains(fooled, name) && s.label == name {
					lines += injectInto(t, s, injection{dir[name], shared, ask, bad})
				}
			}
		}
		for name, line := range bad {
			if !slices.Contains(fooled, name) {
				t.Errorf("%s is fooled and not documented, as by %q", name, line)
			}
		}
		if lines < 1000 {
			t.Errorf("only %d lines were forged", lines)
		}
		for _, name := range slices.Sorted(maps.Keys(bad)) {
			t.Logf("%s is fooled by %q", name, bad[name])
		}
		fmt.Printf("%d forged lines of %s: fooled as fail2ban is: %v\n", lines, c.logs, slices.Sorted(maps.Keys(bad)))
	}
}

// injection is what forging a session's lines needs.
type injection struct {
	dir    string
	shared *date.Shared
	ask    func(forgedCase) []string
	bad    map[string]string // a line for each filter that is fooled
}

func startForged(t *testing.T, lib string) func(forgedCase) []string {
	t.Helper()
	p := testenv.StartPython(t, []string{"TZ=Europe/Zurich", "LANG=C.UTF-8"}, "-c", askForged, lib)
	return func(c forgedCase) (ids []string) {
		p.Ask(c, &ids)
		return ids
	}
}

// injectInto forges the lines of a session and compares what is found in them
// with what fail2ban finds.
func injectInto(t *testing.T, s *sampleSession, in injection) int {
	t.Helper()
	now := time.Unix(1124013600, 0).In(samplesZone(t))
	fresh := sessionFilter(t, s, in.dir, in.shared, &now)
	judge := func(text string) (failures []filter.Failure) {
		now = now.Add(6 * time.Minute) // ends the session of the line before
		line := filter.Line{Text: []byte(text + "\n")}
		if s.journal() {
			line.HasTime, line.Time = true, float64(now.Unix())
		}
		found, _ := fresh.Judge(line, filter.Mode{RawHosts: true})
		for _, f := range found {
			if f.HasID && !f.NoFail {
				failures = append(failures, f)
			}
		}
		return failures
	}
	c := forgedCase{Config: in.dir, Spec: s.spec(), Journal: s.journal()}
	for _, x := range s.samples {
		for _, f := range judge(x.text) {
			c.Lines = append(c.Lines, forge(x.text, f.ID.String(), f.Fields.Clone())...)
		}
	}
	if len(c.Lines) == 0 {
		return 0
	}
	now = time.Unix(1124013600, 0).In(samplesZone(t))
	fresh = sessionFilter(t, s, in.dir, in.shared, &now)
	for i, want := range in.ask(c) {
		var ids []string
		for _, f := range judge(c.Lines[i]) {
			ids = append(ids, f.ID.String())
		}
		slices.Sort(ids)
		got := strings.Join(ids, " ")
		isForged := strings.Contains(got, forged) || strings.Contains(got, forged6)
		if isForged && got != want && want != "?" {
			t.Errorf("%s: found %q, fail2ban %q, in %.300q", s.label, got, want, c.Lines[i])
		}
		if old, ok := in.bad[s.filter]; isForged && (!ok || len(c.Lines[i]) < len(old)) {
			in.bad[s.filter] = c.Lines[i]
		}
	}
	return len(c.Lines)
}

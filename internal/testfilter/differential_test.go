package testfilter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	goflag "flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

var (
	randomRuns = goflag.Int("random.runs", 60, "how many random filters are compared with fail2ban-regex")
	randomSeed = goflag.Uint64("random.seed", 1, "the first of their seeds")
	reference  = goflag.String("random.fail2ban", "", "the folder of another fail2ban than Debian's to compare with, whose version is 1.1.1")
)

// askRandom runs fail2ban-regex, each time in a process of its own, so that
// nothing is left of the run before. Names are looked up in a table.
const askRandom = `
import sys, os, signal, json, io, contextlib, traceback, time, base64, socket
sys.path.insert(0, sys.argv[1])
work = sys.argv[2]
sys.argv = ['fail2ban-regex']
from fail2ban.client.fail2banregex import exec_command_line
from fail2ban.server.mytime import MyTime
import fail2ban.client.jailreader, fail2ban.server.actions, fail2ban.server.datedetector
# 1.0.2 gets 1.1.1's addresses and compact dates (COMPAT 9.3, 9.7).
from fail2ban.server import failregex, datedetector
def renew(value, old, new): return value.replace(old, new) if isinstance(value, str) else value
for table, keys in ((failregex.RH4TAG, list(failregex.RH4TAG)), (failregex.R_HOST, range(len(failregex.R_HOST)))):
    for k in keys: table[k] = renew(table[k], '::?|::)', '::?|:)')
dates = datedetector.DateDetectorCache.DEFAULT_TEMPLATES
dates[:] = [renew(d, '(?:T|  ?)%ExH%ExM%ExS', '(?:-|T|  ?)%ExH:?%ExM:?%ExS') for d in dates]
names = {'localhost': ['127.0.0.1'], 'mail.example': ['192.0.2.25'], 'four.example': ['2001:db8::4']}
system = socket.getaddrinfo
def look_up(host, port, family=0, *rest, **more):
    try: return system(host, port, family, 0, socket.IPPROTO_TCP, socket.AI_NUMERICHOST)
    except OSError: pass
    found = []
    for a in names.get(host[:-1] if host.endswith('.') else host, ()):
        fam = socket.AF_INET6 if ':' in a else socket.AF_INET
        if family in (0, fam): found.append((fam, socket.SOCK_STREAM, 6, '', (a, 0)))
    if not found: raise socket.gaierror(-2, 'Name or service not known')
    return found
socket.getaddrinfo = look_up
local = time.localtime
def run(case):
    time.localtime = lambda at=None: local(case['now'] if at is None else at)
    os.environ['TZ'] = case['tz']
    time.tzset()
    MyTime.setTime(float(case['now']))
    with open(work + '/log', 'wb') as f: f.write(base64.b64decode(case['log'] or ''))
    with open(work + '/random.conf', 'w') as f: f.write(case['conf'])
    args = [work + '/log' if a == 'LOG' else work + '/random.conf' if a == 'FILTER' else a for a in case['args']]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try: exec_command_line(args)
        except SystemExit as e: code = e.code or 0
        except BaseException: traceback.print_exc(); code = 1
    return {'Out': out.getvalue(), 'Err': err.getvalue(), 'Code': code}
for line in sys.stdin:
    r, w = os.pipe()
    if os.fork() == 0:
        signal.alarm(3) # some regexes take it days
        with os.fdopen(w, 'w') as f: f.write(json.dumps(run(json.loads(line))))
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f: print(f.read(), flush=True)
    os.wait()
`

// names is what the resolver of these tests knows.
var names = map[string]string{"localhost": "127.0.0.1", "mail.example": "192.0.2.25", "four.example": "2001:db8::4"}

func lookUp(_ context.Context, network, name string) ([]netip.Addr, error) {
	if a, ok := names[strings.TrimSuffix(name, ".")]; ok && strings.Contains(a, ":") == (network == "ip6") {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, errors.New("no such name")
}

// peer is a running fail2ban-regex.
type peer struct {
	t    *testing.T
	work string
	*testenv.Peer
}

func startPeer(t *testing.T, lib string) *peer {
	t.Helper()
	work := t.TempDir()
	return &peer{t, work, testenv.StartPython(t, []string{"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "PYTHONIOENCODING=utf-8:surrogateescape"}, "-c", askRandom, lib, work)}
}

func (p *peer) run(c randomCase) (o outcome) {
	p.t.Helper()
	line := p.Line(c)
	if len(line) <= 1 {
		return outcome{Err: "Traceback: it took too long"}
	}
	if err := json.Unmarshal(line, &o); err != nil {
		p.t.Fatalf("%v: %.200s", err, line)
	}
	return o
}

// ourRun runs the case with our program on the files that the peer has written.
func (p *peer) ourRun(c randomCase) outcome {
	p.t.Helper()
	zone, err := time.LoadLocation(c.TZ)
	if err != nil {
		p.t.Fatal(err)
	}
	local := time.Local
	time.Local = zone
	defer func() { time.Local = local }()
	args := []string{"--now", fmt.Sprint(c.Now)}
	for _, a := range c.Args {
		switch a {
		case "LOG":
			a = filepath.Join(p.work, "log")
		case "FILTER":
			a = filepath.Join(p.work, "random.conf")
		}
		args = append(args, a)
	}
	var out, errs bytes.Buffer
	w := bufio.NewWriter(&out)
	code := run(args, w, &errs, "fail2ban-regex", surroundings{screen: newScreen(&out, &errs), lookup: lookUp})
	if err := w.Flush(); err != nil {
		p.t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), code}
}

// TestRandomFilters compares complete reports and -o of filters and logs that
// are made at random with those of fail2ban-regex.
func TestRandomFiltersAsFail2ban_6(t *testing.T) {
	lib, ok := *reference, true
	news := noNews
	if lib == "" {
		lib, ok = testenv.Fail2ban(t)
		news = newsOf
	}
	if !ok {
		return
	}
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("LC_ALL", "C.UTF-8")
	p := startPeer(t, lib)
	compared, broken, skipped, matched := 0, 0, map[string]int{}, 0
	for seed := *randomSeed; seed < *randomSeed+uint64(*randomRuns); seed++ {
		c := makeCase(seed)
		why := news(c)
		if why == "" {
			why = documented(c)
		}
		if why != "" {
			skipped[why]++
			continue
		}
		want := p.run(c)
		if strings.Contains(want.Err, "Traceback") {
			broken++
			if testing.Verbose() {
				lines := strings.Split(strings.TrimSpace(want.Err), "\n")
				t.Logf("seed %d: fail2ban-regex breaks down: %s", seed, lines[len(lines)-1])
			}
			continue
		}
		got := p.ourRun(c)
		compared++
		if strings.Contains(want.Out, " matched,") && !strings.Contains(want.Out, " 0 matched,") {
			matched++
		}
		if diff := unlike(got, want); diff != "" {
			if *randomRuns == 1 {
				t.Logf("the log: %q\n--- got\n%s\n--- want\n%s", c.Log, got.Out, want.Out)
			}
			t.Errorf("seed %d: %s\nargs %q, TZ %s, now %d\n%s", seed, diff, c.Args, c.TZ, c.Now, c.Conf)
		}
	}
	fmt.Printf("random filters: %d compared with fail2ban-regex (%d reports with matches), in %d it breaks down, left out: %v\n", compared, matched, broken, skipped)
}

// unlike tells how two outcomes differ, "" for not at all.
func unlike(got, want outcome) string {
	if got.Code != want.Code {
		return fmt.Sprintf("exit code %d, want %d\n got %.300q\nwant %.300q", got.Code, want.Code, got.Out+got.Err, want.Out+want.Err)
	}
	if got.Err != want.Err {
		return fmt.Sprintf("stderr %q, want %q", got.Err, want.Err)
	}
	return firstDifference(plain(got.Out), newer.Replace(plain(want.Out)))
}

var (
	nameGroup = regexp.MustCompile(`<HOST>|<(?:F-)?DNS/?>`)
	idGroup   = regexp.MustCompile(`<F-(?:TUPLE_)?ID/?>`)
)

// documented names the difference of docs/differences.md that a case meets.
func documented(c randomCase) string {
	for line := range strings.Lines(c.Conf + strings.Join(c.Args, "\n")) {
		if nameGroup.MatchString(line) && idGroup.MatchString(line) {
			return "a host name and an F-ID"
		}
	}
	if _, patterns, _ := strings.Cut(c.Conf, "datepattern"); strings.Contains(patterns, "{DEFAULT}") && strings.Count(patterns, "\n") > 1 {
		return "{DEFAULT} beside other patterns"
	}
	return ""
}

var (
	logHead = regexp.MustCompile(`(?m)^( ?)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\S+ +\[)?[0-9A-F]+|^ \+ *\d+ [0-9A-F]+`)
	set     = regexp.MustCompile(`\{(?:'[^']*'|"[^"]*")(?:, (?:'[^']*'|"[^"]*"))+\}`) // which Python prints in any order
	trace   = regexp.MustCompile(`(?m)^Traceback .*\n(?:  .*\n)*\S.*\n`)
)

// plain is normal without the times and processes of log lines, and without
// what only Python has.
func plain(out string) string {
	out = trace.ReplaceAllString(logHead.ReplaceAllString(normal(out), "$1$2"), "")
	return set.ReplaceAllStringFunc(out, func(s string) string {
		members := strings.Split(s[1:len(s)-1], ", ")
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	})
}

func noNews(randomCase) string { return "" }

var (
	groupInPref = regexp.MustCompile(`(?m)^prefregex = .*(?:<F-(?:USER|X|MLFID)>|<ADDR>|\(\?P<)`)
	noNetwork   = regexp.MustCompile(`[^\s/]*[^\s/\d.:a-fA-F][^\s/]*/\d|\d/\d\S*[^\s\d]`) // text that 1.0.2 takes for one
)

// newsOf names what makes a case another one for 1.0.2 than for 1.1.1, with
// COMPAT's items.
func newsOf(c randomCase) string {
	all := strings.Join(c.Args, " ") + c.Conf + string(c.Log)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if !strings.Contains(all, p) {
				return false
			}
		}
		return true
	}
	switch {
	case groupInPref.MatchString(c.Conf):
		return "2.2.9 groups of the prefregex"
	case has("({LEPOCH})"), has("({EPOCH})"):
		return "2.4.9 {EPOCH} with a group"
	case slices.Index(c.Args, "FILTER") == len(c.Args)-2:
		return "6.4 the third word replaces the filter's ignoreregexes"
	case idGroup.MatchString(all) && noNetwork.Match(c.Log):
		return "9.7 an ID with a slash that is no network"
	}
	return ""
}

package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// regexDriver reads filters as fail2ban-regex does and answers with what it
// prints and what the filter came to.
const regexDriver = `
import sys, json, os, io
if os.environ.get("FAIL2BAN_LIB"): sys.path.insert(0, os.environ["FAIL2BAN_LIB"])
import logging
from fail2ban.client import fail2banregex as R
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
said = []
R.output = lambda s: said.append(s)
def one(dir, text, journal):
    said.clear()
    opts, args = R.get_opt_parser().parse_args(["-c", dir, "-vv", "x", "y"])
    if not hasattr(opts, "out"): opts.out = None
    r = R.Fail2banRegex(opts)
    r.output = lambda s: said.append(s)
    if journal: r._backend = "systemd"
    try: ok = r.readRegex(text, "fail")
    except Exception as e: ok = "!" + str(e).split("\\n")[0]
    logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
    f = r._filter
    return [str(ok)] + [s for s in said if not s.startswith("Use      datepattern") and not s.startswith("Use         maxlines")] + \
        ["fail " + repr(x.getFailRegex()) for x in r._failregex] + ["ignore " + repr(x.getFailRegex()) for x in r._ignoreregex] + \
        ["pref " + repr(f.prefRegex.getRegex() if f.prefRegex else None), "maxlines " + str(f.getMaxLines()), "match " + repr(r._journalmatch)]
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps([one(*a) for a in q]), flush=True)
`

// ourFilter answers as regexDriver does.
func ourFilter(dir, text string, journal bool) []string {
	backend := "auto"
	if journal {
		backend = "systemd"
	}
	r, err := New(Options{Dir: dir}).ReadFilter(text, backend)
	if errors.Is(err, ErrNoFilter) {
		short := text
		if len(short) > 53 {
			short = short[:50] + "..."
		}
		return []string{"True", "Use   failregex line : " + short, "fail " + pytext.Repr(text), "pref None", "maxlines 1", "match None"}
	}
	var out []string
	if r != nil {
		out = header(r)
	}
	if err != nil {
		out = append(out, strings.Split(err.Error(), "\n")...)
		return append(append([]string{"False"}, out...), "pref None", "maxlines 1", "match None")
	}
	var fail, ignore []string
	if len(r.Commands) == 0 {
		fail = []string{"Use   failregex line : " + text, "fail " + pytext.Repr(text)}
	}
	pref, lines, match := "None", "1", "None"
	for _, cmd := range r.Commands {
		if len(cmd) < 4 {
			continue
		}
		switch cmd[2] {
		case "addfailregex", "addignoreregex":
			list, ok := cmd[3].([]any)
			if !ok {
				list = cmd[3:]
			}
			for _, v := range list {
				if cmd[2] == "addfailregex" {
					fail = append(fail, "fail "+pytext.Repr(v))
				} else {
					ignore = append(ignore, "ignore "+pytext.Repr(v))
				}
			}
		case "prefregex":
			pref = pytext.Repr(cmd[3])
		case "maxlines":
			if lines == "1" { // the first one holds
				lines = fmt.Sprint(cmd[3])
			}
		case "addjournalmatch":
			match = pytext.Repr(append([]any{}, cmd[3:]...))
		}
	}
	out = append(append([]string{"True"}, out...), fail...)
	return append(append(out, ignore...), "pref "+pref, "maxlines "+lines, "match "+match)
}

// header is what fail2ban-regex prints of a filter's source (6.7).
func header(r *FilterReading) []string {
	var out []string
	switch r.Source {
	case FromJail:
		out = append(out, "Use             jail : "+r.Name)
		if len(r.Params) > 0 {
			out = append(out, "Use jail/flt options : "+pytext.Repr(r.Params))
		}
	case FromFilter:
		out = append(out, "Use      filter file : "+r.Name+", basedir: "+r.BaseDir)
	case FromFile:
		out = append(out, "Use      filter file : "+r.Name)
	}
	if r.Source != FromJail && len(r.Params) > 0 {
		out = append(out, "Use   filter options : "+pytext.Repr(r.Params))
	}
	if r.Real != nil {
		out = append(out, "Real  filter options : "+pytext.Repr(r.Real))
	}
	return out
}

// TestReadFilterBesideFail2banRegex_6_4 reads filters and jails by every kind of name.
func TestReadFilterBesideFail2banRegex_6_4(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	newest := os.Getenv("FAIL2BAN_LIB") != ""
	dir := filepath.Join(t.TempDir(), "etc")
	if err := writeTree(dir, filterTree); err != nil {
		t.Fatal(err)
	}
	names := []string{"f", "f.conf", "f[mode=b]", "f[mode=b, x=\"1 2\"][y=3]", "g.local", "h", "h[p=2, q=3]", "nosuch", "nosuch.conf", "^literal <HOST>$", "f[", "f[x", "f[x]", "./f", "../f",
		"bad", "loop", "a b", "f\ng", "", "/", "f[mode=\"a\n\"]", "dir.with.dots", "f.conf.x", "sub/f"}
	if newest { // paths are read otherwise by 1.0.2, and jails not at all
		names = append(names, "empty", "filter.d/f", "filter.d/f.conf", dir+"/filter.d/f", dir+"/filter.d/f.conf", dir+"/filter.d/f.conf[mode=b]", dir+"/other/o.conf", dir+"/other/o", dir+"/other/o.conf[mode=b]", dir+"/other/bad.conf",
			"j", "j[mode=b]", "j.conf", "off", "nofilter", "badfilter", "j[logtype=journal]", "DEFAULT", "INCLUDES")
	}
	var asked []any
	for _, n := range names {
		for _, journal := range []bool{false, true} {
			asked = append(asked, []any{dir, n, journal})
		}
	}
	var want [][]string
	startPython(t, regexDriver)(asked, &want)
	for i, a := range asked {
		q := a.([]any)
		name, journal := q[1].(string), q[2].(bool)
		got := ourFilter(dir, name, journal)
		if strings.HasPrefix(want[i][0], "!") && slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "Use   failregex line") }) {
			want[i][0] = "True" // the regex itself is judged elsewhere
		}
		if strings.HasPrefix(want[i][0], "!") { // what fail2ban-regex dies of we tell
			if got[0] != "False" {
				t.Errorf("%q: %q, want the error %q", name, got, want[i])
			}
			continue
		}
		if !newest {
			for k, l := range want[i] {
				want[i][k] = strings.Replace(l, "Use   failregex filter file", "Use      filter file", 1)
			}
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%q, journal %v (- fail2ban-regex, + ours)\n%s", name, journal, diff)
		}
	}
}

var filterTree = map[string]string{
	"fail2ban.conf":          "[Definition]\n",
	"jail.conf":              "[DEFAULT]\nmode = a\nbackend = auto\nlogpath = /nonexistent\naction = a\n[j]\nfilter = f[mode=%(mode)s]\nmaxlines = 4\nfailregex = %(known/failregex)s\n  ^jail <HOST>$\nenabled = true\n[off]\nfilter = h\n[nofilter]\nmaxretry = 2\nignoreregex = ^ig$\n[badfilter]\nfilter = nosuch\n[INCLUDES]\nafter = x\n",
	"filter.d/f.conf":        "[Definition]\nfailregex = ^<re-<mode>> <HOST>$\n ^two <logtype> <HOST>$\nre-a = A\nre-b = B\nmode = a\nmaxlines = 3\nprefregex = ^(?P<content>.+)$\nignoreregex = ^i1\n ^i2\ndatepattern = {^LN-BEG}\njournalmatch = _A=1 + _B='2 3'\n",
	"filter.d/f.local":       "[Definition]\nignoreregex = ^local$\n",
	"filter.d/g.local":       "[Definition]\nfailregex = ^g <HOST>$\n",
	"filter.d/h.conf":        "[Definition]\nfailregex = ^h <HOST> <logtype>$\n[Init]\np = 1\nmaxlines = 2\n",
	"filter.d/bad.conf":      "[Definition]\nfailregex = x\nfailregex = y\n",
	"filter.d/loop.conf":     "[Definition]\nfailregex = <x>\nx = <failregex>\n",
	"filter.d/empty.conf":    "[Definition]\n",
	"filter.d/dir.with.dots": "[Definition]\nfailregex = ^dots <HOST>$\n",
	"action.d/a.conf":        "[Definition]\nactionban = x\n",
	"other/o.conf":           "[INCLUDES]\nbefore = inc.conf\n[Definition]\nfailregex = ^other <x> <re-<mode>> <HOST>$\nre-a = A\nre-b = B\nmode = a\n",
	"other/o.local":          "[Definition]\nignoreregex = ^local other$\n",
	"other/inc.conf":         "[Definition]\nx = included\n",
	"other/bad.conf":         "garbage\n",
}

// TestReadAction_1_7 reads actions for jails that are configured and for others.
func TestReadAction_1_7(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	files := map[string]string{
		"jail.conf":       "[DEFAULT]\nbantime = 1h\naction = a\nfilter = nosuch\n[j]\nfindtime = 5m\naction = b[p=\"%(bantime)s\"]\n x.py[d=1]\n",
		"action.d/a.conf": "[Definition]\nactionban = A <name> <findtime>\n",
		"action.d/b.conf": "[Definition]\nactionban = B <p> <findtime>\n[Init]\np = 0\n",
	}
	if err := writeTree(dir, files); err != nil {
		t.Fatal(err)
	}
	const (
		ownB  = "['set', 'j', 'addaction', 'b']\n['multi-set', 'j', 'action', 'b', [['actionban', 'B 1h 5m'], ['p', '1h'], ['name', 'j'], ['actname', 'b']]]\n"
		ownPy = "['set', 'j', 'addaction', 'x', 'DIR/action.d/x.py', '{\"d\": \"1\"}']\n"
		newA  = "['set', 'new', 'addaction', 'a']\n['multi-set', 'new', 'action', 'a', [['actionban', 'A new <findtime>'], ['name', 'new'], ['actname', 'a']]]\n"
	)
	for _, c := range []struct{ jail, spec, want string }{
		{"j", "", ownB + ownPy},
		{"j", "b[p=2]", "['set', 'j', 'addaction', 'b']\n['multi-set', 'j', 'action', 'b', [['actionban', 'B 2 5m'], ['p', '2'], ['name', 'j'], ['actname', 'b']]]\n"},
		{"new", "", newA},
		{"new", "b", "['set', 'new', 'addaction', 'b']\n['multi-set', 'new', 'action', 'b', [['actionban', 'B 0 <findtime>'], ['name', 'new'], ['actname', 'b'], ['p', '0']]]\n"},
		{"j", "nosuch", "error Unable to read action 'nosuch'"},
		{"j", "b[", "error Invalid action definition 'b[': unexpected option syntax"},
	} {
		r, err := New(Options{Dir: dir}).ReadAction(c.jail, c.spec)
		var b strings.Builder
		if err != nil {
			b.WriteString("error " + err.Error())
		} else {
			Print(&b, r.Commands, false)
		}
		if got := strings.ReplaceAll(b.String(), dir, "DIR"); got != c.want {
			t.Errorf("%s in %s:\n%s\nwant\n%s", c.spec, c.jail, got, c.want)
		}
	}
}

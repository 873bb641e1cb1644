package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// treeDriver reads whole trees with fail2ban's Configurator.
const treeDriver = `
import sys, json, os
if os.environ.get("FAIL2BAN_LIB"): sys.path.insert(0, os.environ["FAIL2BAN_LIB"])
import logging
from fail2ban.client.configurator import Configurator
class Keep(logging.Handler):
    def emit(self, r): self.list.append(r.levelname + " " + r.getMessage())
keep = Keep(); log = logging.getLogger("fail2ban"); log.addHandler(keep); log.setLevel(logging.WARNING)
def one(dir):
    keep.list = []
    try:
        c = Configurator(); c.setBaseDir(dir); c.readAll()
        ret = c.getOptions(None, {"loglevel": "INFO", "logtarget": "x", "syslogsocket": "y", "socket": "s", "pidfile": "p"})
        c.convertToProtocol(allow_no_files=True)
        out = [repr(l) for l in c.getConfigStream()] + ["good %d" % bool(ret)]
    except Exception as e: out = ["!" + type(e).__name__ + ": " + str(e)]
    return out + keep.list
for line in sys.stdin:
    print(json.dumps([one(d) for d in json.loads(line)]), flush=True)
`

func ourTree(dir string, workers int) []string {
	var logged, out []string
	c := New(Options{Dir: dir, Version: os.Getenv("F2B_FUZZ_VERSION"), Least: Warning, Log: func(m Message) {
		logged = append(logged, m.Severity.String()+" "+m.Text)
	}})
	c.workers = workers
	given := map[string]string{"loglevel": "INFO", "logtarget": "x", "syslogsocket": "y", "socket": "s", "pidfile": "p"}
	stream, good, err := c.stream(StreamOptions{Given: given, MissingLogs: true})
	if err != nil {
		out = []string{"!" + err.Class + ": " + err.Text}
	} else {
		for _, cmd := range stream {
			out = append(out, pytext.Repr(cmd))
		}
		out = append(out, map[bool]string{false: "good 0", true: "good 1"}[good])
	}
	return append(out, logged...)
}

// pieces of trees: option lists, references and tags that mostly lead somewhere.
var (
	someJails = []string{"enabled = true", "enabled = %(on)s", "filter = f", "filter = g", "filter = %(__name__)s", "filter = f[mode=b]", "filter = f[%(opts)s]", "filter = g[p=\"<q> x\", q='%(bantime)s']", "filter = f[failregex=\"^param <HOST>$\", x=%(x)s]", "filter = g[p=1,]", "filter = g[p", "filter = nosuch", "filter = f[logtype=short][mode=c]", "filter =",
		"action = a", "action = %(act)s", "action = a[name=%(__name__)s, x=\"1 2\"]\n  b", "action = b[blk=1][actname=z]", "action = a b[x='%(x)s', y=<x>]", "action = x.py[d=1]\n  a", "action = b[timeout=3, matches=m, bantime=5]", "action = a[x", "action = nosuch", "action = a\n\n  b[\n   x=1,\n   y=\"2\n 3\"\n  ]", "action = b[maxretry=9]", "action = a[x=<b/c>]", "action = a[y=1, x=%(__name__)s]\n  b[y=y]", "action = b[y=1, x=%(maxretry)s]",
		"failregex = ^j <HOST>$", "failregex = %(known/failregex)s\n   ^more <HOST>$", "failregex = %(known/re-a)s", "ignoreregex = ^i$\n  ^k$", "maxretry = 3", "maxretry = x", "maxretry = %(known/maxretry)s", "bantime = 1h", "bantime = %(findtime)s", "findtime = 10m", "usedns = no", "prefregex = ^p", "maxlines = 4", "maxlines = %(known/maxlines)s", "datepattern = %%Y", "datepattern = %(known/datepattern)s", "journalmatch = _A=1 + _B='x y'\n   _C=2", "journalmatch = %(known/journalmatch)s",
		"backend = systemd[a=1]", "backend = auto", "backend = %(be)s", "ignoreip = 1.1.1.1 2.2.2.2,3.3.3.3", "ignoreself = yes", "logpath = /dev/null\n  /nonexistent/f2b tail", "logpath = /nonexistent/f2b", "logencoding = %(enc)s", "x = %(y)s-x", "y = y", "y = %(known/y)s+", "opts = mode=b, p=\"%(x)s\"", "act = a[y=%(bantime)s]", "on = yes", "be = polling", "enc = %(lt/enc)s", "ignorecommand = <x> %(known/mode)s", "bantime.increment = true", "bantime.formula = %(x)s", "ignorecache = k=\"<ip>\""}
	someFilters = []string{"failregex = ^<re-<mode>> <HOST>$", "failregex = ^one$\n\n ^two <x>$", "re-a = A<word>", "re-b = B<mode>", "re-c = C%(lt/v)s", "word = w", "mode = a", "prefregex = ^<word><lt_<logtype>/v>", "ignoreregex = <p> <q>", "ignoreregex =", "maxlines = 3", "maxlines = x", "datepattern = <lt/dp>", "datepattern = %%Y<q>", "journalmatch = _A=<p>\n  _B=\"<q>\"", "usedns = <mode>", "p = P", "q = %(p)s", "q = <p>", "x = <Definition/p>", "x = <lt/w>", "logtype = own", "p = <q>", "known/p = k", "ban?family=inet6 = b6"}
	// riskyOptions lead to faults more often than not.
	riskyOptions = []string{"word = <known/word>+", "mode = <known/mode>", "x = %(known/x)s!", "Loop = <loop2>", "loop2 = <Loop>x", "blk = <known/blk>2", "dflt = %(dd)s", "failregex = ^f %(word)s <lt/v> <HOST>$\n  ^<known/failregex>$", "p = <Q>", "x = <x?family=inet6>", "y = <DEFAULT/y> <default/y> <Known/x>"}
	someActions  = []string{"actionban = ban <ip> <x> <blk> <name>", "actionban = %(cmd)s <y>", "actionunban = unban <ip> <blk?family=inet6>", "actionstart = <start-<y>>", "start-1 = s1", "start-y = %(maxretry)s <findtime>", "actioncheck =", "actionstop = <x><y><bantime><timeout><matches>", "norestored = 1", "actionstart_on_demand = <x>", "cmd = C<x>", "x = X", "x = <y>", "y = y", "y = %(x)s", "blk = REJECT", "timeout = 5", "maxretry = own", "actionrepair = <lt/v>", "bantime = bt", "name = n", "known/x = k", "actionflush?family=inet6 = f6", "matches = <x>", "actionban?family=inet6 = b6 <x>"}
)

// someOptions picks options whose names are not used yet in this section.
func someOptions(r *rand.Rand, from []string, n int) string {
	var b strings.Builder
	used := map[string]bool{}
	for range n {
		opt := pick(r, from)
		name, _, _ := strings.Cut(opt, " ")
		if !used[strings.ToLower(name)] {
			used[strings.ToLower(name)] = true
			b.WriteString(opt + "\n")
		}
	}
	return b.String()
}

func randomTree(r *rand.Rand, newest bool) map[string]string {
	files := map[string]string{"fail2ban.conf": "[Definition]\ndbfile = x\nallowipv6 = auto\ndbpurgeage = 1d\n"}
	const all = "[DEFAULT]\nenabled = true\naction = a\nfilter = f\n"
	const sound = "known/re-a = A\nknown/mode = M\nknown/journalmatch = K=1\nknown/datepattern = KD\nknown/failregex = KF\nx = X\ny = y\nopts = mode=b\nact = a\non = true\nbe = auto\nenc = e\nfindtime = 5m\nbantime = 9m\nmaxretry = 2\n"
	jail := all
	if r.IntN(4) > 0 {
		jail += sound
	}
	jail += "[lt]\nenabled = false\nenc = E\nv = V%(x)s\n"
	for i := range 1 + r.IntN(6) {
		jail += fmt.Sprintf("[%s]\n", []string{"f", "g", "j3", "j4", "j5", "j6"}[i]) + someOptions(r, someJails, r.IntN(7))
	}
	files["jail.conf"] = jail
	if r.IntN(2) == 0 {
		files["jail.local"] = "[f]\n" + someOptions(r, someJails, r.IntN(4)) + "[new]\n" + someOptions(r, someJails, 2)
	}
	definitions := func(folder, name string, from []string) {
		rest := "[lt]\nv = V\nw = %(p)s\ndp = DP\np = LP\n[lt_file]\nv = F\n[lt_journal]\nv = %(lt_file/v)s\n"
		if r.IntN(10) > 0 {
			rest += "[DEFAULT]\ndd = D\np = dp\nv = dv\nword = dw\ncmd = dc\nx = dx\ny = dy\nmaxretry = dm\nblk = db\n"
		}
		if r.IntN(5) == 0 {
			from = append(riskyOptions[:len(riskyOptions):len(riskyOptions)], from...)
		}
		text := rest + "[Definition]\n" + someOptions(r, from, 2+r.IntN(6))
		if r.IntN(2) == 0 {
			text += "[Init]\n" + someOptions(r, from, r.IntN(4))
		}
		if r.IntN(4) == 0 {
			text += "[Init?family=inet6]\n" + someOptions(r, from[len(from)/2:], 2)
		}
		files[folder+"/"+name+".conf"] = text
		if r.IntN(4) == 0 {
			files[folder+"/"+name+".local"] = "[Definition]\n" + someOptions(r, from, 2)
		}
	}
	definitions("filter.d", "f", someFilters)
	definitions("filter.d", "g", someFilters)
	definitions("action.d", "a", someActions)
	definitions("action.d", "b", someActions)
	if !newest {
		for name, text := range files { // 1.6.5 and 3.9.3 differ between the releases
			files[name] = strings.ReplaceAll(text, "logpath = /nonexistent/f2b\n", "logpath = /dev/null\n")
			if strings.HasPrefix(name, "action.d") || strings.HasPrefix(name, "filter.d") {
				files[name] = strings.ReplaceAll(text, "[Init?family=inet6]", "[Other?family=inet6]")
				_, init, _ := strings.Cut(text, "[Init]")
				if strings.Contains(init, "?family") {
					files[name] = strings.ReplaceAll(files[name], "?family=inet6 =", "-family =")
				}
			}
		}
	}
	return files
}

// TestTreesBesidePython_1_4 compares trees made at random with fail2ban's readers.
func TestTreesBesidePython_1_4(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	newest := os.Getenv("FAIL2BAN_LIB") != ""
	ask := startPython(t, treeDriver)
	r := rand.New(rand.NewPCG(11, uint64(soakSeed())))
	const batch = 25
	sound := 0
	base := t.TempDir()
	n := soakFiles(t, 400)
	for done := 0; done < n; done += batch {
		dirs := make([]string, batch)
		trees := make([]map[string]string, batch)
		for i := range dirs {
			dirs[i], trees[i] = filepath.Join(base, fmt.Sprint(i)), randomTree(r, newest)
			if err := writeTree(dirs[i], trees[i]); err != nil {
				t.Fatal(err)
			}
		}
		var want [][]string
		ask(dirs, &want)
		for i, dir := range dirs {
			got := ourTree(dir, 1)
			if diff := cmp.Diff(got, ourTree(dir, 3)); diff != "" {
				t.Fatalf("tree %d (- in order, + side by side)\n%s", done+i, diff)
			}
			if !strings.HasPrefix(got[0], "!") {
				sound++
			}
			if !newest {
				want[i] = likeNewest(want[i])
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				for name, text := range trees[i] {
					t.Logf("%s\n%s", name, text)
				}
				t.Fatalf("tree %d (- Python, + ours)\n%s", done+i, diff)
			}
		}
	}
	t.Logf("%d trees were sound", sound)
}

// partOfDatepattern is the command that 1.0.2 makes of a filter's parameter p: it
// takes any part of the word "datepattern" for that option.
var partOfDatepattern = regexp.MustCompile(`^\['set', '[^']*', 'p', `)

// likeNewest turns what 1.0.2 says into what 1.1.1 does.
func likeNewest(lines []string) []string {
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.Contains(l, "' not defined in '") || partOfDatepattern.MatchString(l)
	})
	for i, l := range lines {
		if before, rest, ok := strings.Cut(l, "Have not found any log file for "); ok {
			lines[i] = before + "Have not found any log file for '" + strings.TrimSuffix(rest, " jail") + "' jail."
		}
	}
	return lines
}

func writeTree(dir string, files map[string]string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

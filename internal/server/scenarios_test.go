package server

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// story is one scenario that runs on Debian's fail2ban and on ours: what is
// printed, the exit codes, and what the actions were told must be equal.
type story struct {
	*scratch
	call  func(name string, args ...string) outcome
	lines []string
}

// noise is what only one of the two writes beside what it has to say, or what
// differs by time: warnings of the configuration's reader, process ids.
var noise = regexp.MustCompile(`(?m)^.*(WARNING|test configuration failed).*\n`)

func (y *story) note(format string, args ...any) {
	y.lines = append(y.lines, strings.ReplaceAll(fmt.Sprintf(format, args...), y.dir, "DIR"))
}

// do calls the client and notes what came of it.
func (y *story) do(line string) {
	y.T().Helper()
	y.as(ClientName, line)
}

func (y *story) as(program, line string) {
	o := y.call(program, y.args(strings.Fields(line)...)...)
	errs := placeHint.ReplaceAllString(lineHead.ReplaceAllString(o.err, ""), "")
	errs = strings.ReplaceAll(noise.ReplaceAllString(errs, ""), `\n`, "\n")
	o.out = strings.Replace(o.out, "ERROR: test configuration failed\n", "", 1) // of 1.1.1
	if usage, _, ok := strings.Cut(o.out, "\n"); ok && strings.HasPrefix(usage, "Usage: ") {
		o.out = usage
	}
	y.note("%s -> %d %q %q", line, o.code, settle(strings.Fields(line), o.out), settle(nil, errs))
}

// placeHint is the place that we add to fail2ban's words.
var placeHint = regexp.MustCompile(`(?m) \((/|see /|use )[^\n]*\)$`)

func (y *story) T() *testing.T { return y.t }

// acted notes what the actions were told since the last time, once there are n
// lines; sorted, since jails act side by side.
func (y *story) acted(n int) {
	y.t.Helper()
	testenv.Eventually(y.t, fmt.Sprintf("%d lines of the actions in %q", n, y.read("act")), func() bool { return strings.Count(y.read("act"), "\n") >= n })
	lines := strings.Split(strings.TrimSpace(y.read("act")), "\n")
	slices.Sort(lines)
	y.note("actions %q", lines)
	if err := os.Remove(y.path("act")); err != nil {
		y.t.Fatal(err)
	}
}

// exists notes which files are there.
func (y *story) exists(names ...string) {
	for _, name := range names {
		_, err := os.Lstat(y.path(name))
		y.note("%s there: %v", name, err == nil)
	}
}

// gone waits until files are removed: Debian's server removes its pid file after
// it has answered.
func (y *story) gone(names ...string) {
	y.t.Helper()
	for _, name := range names {
		testenv.Eventually(y.t, name+" is removed", func() bool {
			_, err := os.Lstat(y.path(name))
			return err != nil
		})
	}
}

// scenarios re-tell what fail2ban's own tests of its client go through.
var scenarios = map[string]func(y *story){
	"start, start again, stop, stop again": func(y *story) {
		y.do("ping")
		y.do("status")
		y.do("start")
		y.exists("f2b.pid", "f2b.sock")
		y.do("start")
		y.as(ServerName, "start")
		y.as(ServerName, "-f")
		y.do("-x start")
		y.do("ping")
		y.do("status")
		y.do("stop")
		y.gone("f2b.pid", "f2b.sock")
		y.do("stop")
		y.do("reload")
	},
	"what was left behind": func(y *story) {
		y.write("f2b.pid", "1\n")
		y.write("f2b.sock", "")
		y.do("start")
		if err := os.Remove(y.path("f2b.sock")); err != nil {
			y.t.Fatal(err)
		}
		y.as(ServerName, "start")
		y.do("ping")
		y.as(ServerName, "status")
		y.as(ServerName, "stop")
		y.gone("f2b.pid", "f2b.sock")
	},
	"bad calls": func(y *story) {
		for _, line := range []string{"--nope", "start x y", "-c DIR/nowhere start", "--loglevel XX start", "--loglevel XX -t", "-t nope", "reload a b c",
			"restart", "--timeout 0.3 ping", "--timeout xx start", "echo --version", "--dp -t"} {
			y.do(strings.ReplaceAll(line, "DIR", y.dir))
		}
		y.do("stop")
	},
	"bans over reloads": func(y *story) {
		y.do("start")
		y.do("set j1 banip 192.0.2.1 192.0.2.2")
		y.do("set j2 banip 192.0.2.3")
		y.acted(5)
		y.do("reload")
		y.do("banned")
		y.do("reload j1")
		y.do("get j1 banip")
		y.do("reload --restart j1")
		y.do("banned")
		y.do("status j1")
		y.do("restart j2")
		y.do("banned")
		y.do("set j1 banip 192.0.2.4")
		y.do("reload --unban j2")
		y.do("reload --unban")
		y.do("banned")
		y.do("reload --restart --unban --all")
		y.do("reload --if-exists j1")
		y.do("stop j2")
		y.do("reload --if-exists j2")
		y.do("status")
		y.do("restart --if-exists --unban j1")
		y.do("unban --all")
		y.do("stop")
	},
	"settings over reloads": func(y *story) {
		y.do("start")
		y.write("etc/jail.d/z.local", "[j1]\nmaxretry = 7\nfindtime = 5m\nbantime = 2h\nignoreip = 198.51.100.0/24\n[j2]\nenabled = false\n"+
			"[j3]\nenabled = true\nfilter = f1\naction = a2\nlogpath = DIR/j2.log\n")
		y.do("reload")
		for _, get := range []string{"status", "get j1 maxretry", "get j1 findtime", "get j1 bantime", "get j1 ignoreip", "get j3 logpath", "get j3 actions",
			"get j1 failregex", "get j1 datepattern", "status j2"} {
			y.do(get)
		}
		y.write("etc/jail.d/z.local", "[j1]\nmaxretry = 8\n")
		y.do("reload j1")
		y.do("get j1 maxretry")
		y.do("status")
		y.do("stop --all")
		y.do("status")
		y.do("reload")
		y.do("status")
		y.do("stop")
	},
	"a bad file": func(y *story) {
		y.do("-t")
		y.do("start")
		y.write("etc/jail.d/z.local", "[j1]\nmaxretry = 8\nfilter = none\n")
		y.do("-t")
		y.do("get j1 maxretry")
		y.write("etc/jail.d/z.local", "[j1\n")
		y.as(ServerName, "-t")
		y.do("get j1 maxretry")
		y.do("status")
		y.write("etc/jail.d/z.local", "")
		y.do("reload")
		y.do("stop")
	},
	"bans over restarts": func(y *story) {
		y.write("etc/fail2ban.local", "[Definition]\ndbfile = DIR/f2b.sqlite3\n")
		y.do("start")
		y.do("set j1 banip 192.0.2.1 192.0.2.2 2001:db8::1")
		y.do("set j2 banip 192.0.2.3")
		y.acted(6)
		y.do("restart")
		y.acted(12)
		y.do("banned")
		y.do("unban 192.0.2.1")
		y.do("set j2 unbanip 192.0.2.3")
		y.do("stop")
		y.acted(6)
		y.do("start")
		y.acted(4)
		y.do("banned")
		y.do("get dbfile")
		y.do("stop")
		y.write("etc/fail2ban.local", "[Definition]\ndbfile = DIR/other.sqlite3\n")
		y.do("start")
		y.do("banned")
		y.do("set j1 banip 192.0.2.9")
		y.do("stop")
		if err := os.Remove(y.path("act")); err != nil {
			y.t.Fatal(err)
		}
		y.write("etc/fail2ban.local", "[Definition]\ndbfile = DIR/f2b.sqlite3\n")
		y.do("start")
		testenv.Eventually(y.t, "the ban is back", func() bool { return strings.Contains(y.read("act"), "ban j1 192.0.2.2") })
		y.do("get j1 banned 192.0.2.2 192.0.2.9")
		y.do("set dbfile DIR/x")
		y.do("stop")
	},
	"longer bans": func(y *story) {
		y.write("etc/fail2ban.local", "[Definition]\ndbfile = DIR/f2b.sqlite3\n")
		y.write("etc/jail.d/z.local", "[j1]\nbantime.increment = true\nbantime.multipliers = 1 2000\nbantime = 3\n[j2]\nenabled = false\n")
		y.do("start")
		for n := range 2 {
			y.append("j1.log", failures("192.0.2.5", 2))
			testenv.Eventually(y.t, "the ban", func() bool { return strings.Count(y.read("act"), "ban j1 192.0.2.5") > 2*n })
			if n > 0 {
				testenv.Eventually(y.t, "its time", func() bool {
					return strings.Contains(y.read("f2b.log"), fmt.Sprintf("[j1] Increase Ban 192.0.2.5 (%d # ", n+1))
				})
				y.do("get j1 banip --with-time")
			}
			if n < 1 {
				testenv.Eventually(y.t, "the unban", func() bool { return strings.Count(y.read("act"), "unban j1 192.0.2.5") > n })
			}
		}
		y.do("restart")
		testenv.Eventually(y.t, "the ban is back", func() bool { return strings.Contains(y.read("f2b.log"), "[j1] Restore Ban 192.0.2.5") })
		y.do("get j1 banned 192.0.2.5")
		y.do("stop")
	},
}

// TestScenarios_5_2 runs each scenario on both.
func TestScenarios_5_2(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	for name, tell := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := newZygote(t, lib)
			run := func(call func(name string, args ...string) outcome) []string {
				y := &story{scratch: newScratch(t, simple()), call: call}
				tell(y)
				return y.lines
			}
			want := run(z.call)
			got := run(func(name string, args ...string) outcome { return call(t, self(name, args...)) })
			for i := range max(len(want), len(got)) {
				var w, g string
				if i < len(want) {
					w = want[i]
				}
				if i < len(got) {
					g = got[i]
				}
				if w != g {
					t.Errorf("ours   %s\nDebian %s", g, w)
				}
			}
			t.Logf("%d steps", len(want))
		})
	}
}

package server

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// globs is the simple configuration with one jail whose logs are named by
// patterns, and by a name that does not exist yet.
func globs(backend string) map[string]string {
	files := simple()
	files["etc/jail.conf"] = "[DEFAULT]\nbackend = " + backend + "\nusedns = no\nignoreself = false\n" +
		"[j1]\nenabled = true\nfilter = f1\naction = a1\nmaxretry = 2\nfindtime = 10m\nbantime = 1h\n" +
		"logpath = DIR/app-*.log\n          DIR/site?/later.log tail\n          DIR/none.log\n"
	files["app-1.log"] = ""
	return files
}

// TestLogsThatComeLater_3_9_2: logs that come to match a pattern, and one that
// did not exist at the start, are read from their beginning without a reload, and
// stand in the list of files; over a reload all goes on.
func TestLogsThatComeLater_3_9_2(t *testing.T) {
	for _, backend := range []string{"auto", "polling"} {
		t.Run(backend, func(t *testing.T) {
			s := newScratch(t, globs(backend))
			p := s.serve()
			listed := func(names ...string) {
				t.Helper()
				testenv.Eventually(t, "the list of files is "+strings.Join(names, " "), func() bool {
					got := s.client("get", "j1", "logpath").out
					for _, n := range names {
						if !strings.Contains(got, s.path(n)+"\n") {
							return false
						}
					}
					return strings.Count(got, "\n") == len(names)+1
				})
			}
			banned := func(address string) {
				t.Helper()
				testenv.Eventually(t, address+" is banned", func() bool { return strings.Contains(s.read("act"), " "+address+"\n") })
			}
			listed("app-1.log")
			s.append("app-2.log", failures("192.0.2.1", 1))
			s.append("app-2.log", failures("192.0.2.1", 1))
			banned("192.0.2.1")
			s.write("none.log", failures("192.0.2.2", 2))
			banned("192.0.2.2")
			s.write("siteA/later.log", failures("192.0.2.3", 2))
			banned("192.0.2.3")
			listed("app-1.log", "app-2.log", "none.log", "siteA/later.log")
			if got := s.client("reload"); got.out != "OK\n" {
				t.Fatalf("reload: %+v", got)
			}
			listed("app-1.log", "app-2.log", "none.log", "siteA/later.log")
			s.write("app-3.log", failures("192.0.2.4", 2))
			banned("192.0.2.4")
			s.append("app-2.log", failures("192.0.2.5", 2))
			banned("192.0.2.5")
			if got := s.client("get", "j1", "logglob").out; got != "['"+s.path("app-*.log")+"', '"+s.path("site?/later.log")+"']\n" {
				t.Errorf("the patterns are %q", got)
			}
			p.stop(syscall.SIGTERM)
			if got := strings.Count(s.read("f2b.log"), "Found 192.0.2."); got != 10 {
				t.Errorf("%d failures were found, 10 were written", got)
			}
		})
	}
}

// TestABackgroundStartKnowsThePatterns: the client that starts a server tells it
// what -d does not show.
func TestABackgroundStartKnowsThePatterns(t *testing.T) {
	s := newScratch(t, globs("auto"))
	if got := s.client("-d").out; strings.Contains(got, "app-*") {
		t.Errorf("-d shows a pattern: %s", got)
	}
	if got := s.client("start"); got.code != exitOK {
		t.Fatalf("start: %+v", got)
	}
	s.write("app-2.log", failures("192.0.2.1", 2))
	testenv.Eventually(t, "a ban", func() bool { return strings.Contains(s.read("act"), " 192.0.2.1\n") })
	s.client("stop")
}

// TestAPatternThatNamesRotatedLogs: where the pattern also matches what a rotation
// makes of the log, each line counts once, and over a restart too.
func TestAPatternThatNamesRotatedLogs(t *testing.T) {
	files := globs("auto")
	files["etc/jail.conf"] = strings.Replace(files["etc/jail.conf"], "maxretry = 2", "maxretry = 1000", 1)
	files["etc/jail.conf"] = strings.Replace(files["etc/jail.conf"], "DIR/app-*.log\n", "DIR/app.log*\n", 1)
	files["etc/fail2ban.conf"] = strings.Replace(files["etc/fail2ban.conf"], "dbfile = None", "dbfile = DIR/db.sqlite3", 1)
	files["app.log"] = ""
	s := newScratch(t, files)
	turn := func(names ...string) {
		t.Helper()
		for i := len(names) - 1; i > 0; i-- {
			if err := os.Rename(s.path(names[i-1]), s.path(names[i])); err != nil {
				t.Fatal(err)
			}
		}
	}
	found := func(n int) {
		t.Helper()
		testenv.Eventually(t, fmt.Sprintf("%d failures are found", n), func() bool { return strings.Count(s.read("f2b.log"), "Found 192.0.2.1 ") >= n })
		if got := strings.Count(s.read("f2b.log"), "Found 192.0.2.1 "); got != n {
			t.Errorf("%d failures were found, %d were written", got, n)
		}
	}
	users := 0
	attempts := func(n int) (lines string) {
		for range n {
			users++
			lines += fmt.Sprintf("%s user u%d from 192.0.2.1\n", time.Now().UTC().Format(time.DateTime), users)
		}
		return lines
	}
	p := s.serve()
	s.append("app.log", attempts(3))
	found(3)
	turn("app.log", "app.log.1")
	s.append("app.log", attempts(2))
	found(5)
	s.append("app.log.1", attempts(1))
	found(6)
	turn("app.log", "app.log.1", "app.log.2")
	s.append("app.log", attempts(2))
	s.append("app.log.1", attempts(1))
	found(9)
	testenv.Eventually(t, "all three are followed", func() bool { return strings.Count(s.client("get", "j1", "logpath").out, s.path("app.log")) == 3 })
	p.stop(syscall.SIGTERM)
	turn("app.log", "app.log.1", "app.log.2", "app.log.3")
	s.append("app.log.1", attempts(1))
	s.append("app.log", attempts(2))
	s.serve()
	found(12)
	s.append("app.log", attempts(1))
	found(13)
}

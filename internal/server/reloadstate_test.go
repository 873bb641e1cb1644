package server

import (
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// TestReloadKeepsState: what a jail has in its hands outlives a reload: counts,
// sessions that lines of a connection belong to, and places in logs, of which no
// line is judged twice or passed over.
func TestReloadKeepsState(t *testing.T) {
	files := simple()
	files["etc/filter.d/session.conf"] = "[Definition]\nfailregex = ^\\s*<F-MLFID>s\\d+</F-MLFID> <F-NOFAIL>connect</F-NOFAIL> from <HOST>$\n" +
		"            ^\\s*<F-MLFID>s\\d+</F-MLFID> fail$\ndatepattern = %%Y-%%m-%%d %%H:%%M:%%S\n"
	files["etc/jail.d/session.local"] = "[session]\nenabled = true\nfilter = session\naction = a1[name=session]\nlogpath = DIR/s.log\nmaxretry = 2\nbantime = 1h\n" +
		"[j2]\nenabled = false\n[j1]\nmaxretry = 4\n"
	files["s.log"] = ""
	s := newScratch(t, files)
	s.serve()
	now := func(text string) string { return time.Now().UTC().Format(time.DateTime) + " " + text + "\n" }
	reload := func(what string) {
		t.Helper()
		s.append("j1.log", failures("198.51.100.200", 1)) // written just before and just after
		if got := s.client("reload"); got.code != 0 {
			t.Fatalf("%s: %+v", what, got)
		}
		s.append("j1.log", failures("198.51.100.201", 1))
	}
	s.append("s.log", now("s7 connect from 198.51.100.7")+now("s7 fail"))
	s.append("j1.log", failures("198.51.100.1", 3))
	testenv.Eventually(t, "the lines are judged", func() bool {
		return strings.Contains(s.client("status", "j1").out, "Total failed:\t3\n") && strings.Contains(s.client("status", "session").out, "Total failed:\t1\n")
	})
	reload("nothing changed")
	s.append("s.log", now("s7 fail"))
	testenv.Eventually(t, "the session's second failure bans", func() bool { return strings.Contains(s.read("act"), "ban session 198.51.100.7\n") })
	s.write("etc/jail.d/zz.local", "[session]\nfindtime = 20m\n[j1]\nfindtime = 20m\n")
	reload("another find time")
	s.append("j1.log", failures("198.51.100.1", 1))
	testenv.Eventually(t, "the fourth failure bans", func() bool { return strings.Contains(s.read("act"), "ban j1 198.51.100.1\n") })
	testenv.Eventually(t, "each line counts once", func() bool { return strings.Contains(s.client("status", "j1").out, "Total failed:\t8\n") })
	for _, address := range []string{"198.51.100.200", "198.51.100.201"} {
		if n := strings.Count(s.read("f2b.log"), "[j1] Found "+address+" "); n != 2 {
			t.Errorf("%s was found %d times", address, n)
		}
	}
	if got := s.client("get", "j1", "findtime").out; got != "1200\n" {
		t.Errorf("findtime is %q", got)
	}
}

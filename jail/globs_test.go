package jail

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"f2b-go/internal/testenv"
	"f2b-go/source"
)

// TestLogsOfAPatternComeAndGo_3_9_2: a log that a pattern names is read when it
// comes and left when it has gone for good; one that is named itself is waited
// for; a reload changes the patterns.
func TestLogsOfAPatternComeAndGo_3_9_2(t *testing.T) {
	b := newLiveWith(t, source.Options{Quiet: 100 * time.Millisecond, Gone: 200 * time.Millisecond})
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	line := func(ip string) string { return time.Now().UTC().Format(time.DateTime) + " fail " + ip + "\n" }
	appendTo(t, at("a.log"), "")
	j, a := b.jail("j", nil, func(j *Jail) {
		b.add(j, at("a.log"), true)
		j.AddLogGlob(at("*.log"))
		j.AddLogGlob(at("single"))
	})
	follows := func(names ...string) {
		t.Helper()
		want := make([]string, len(names))
		for i, n := range names {
			want[i] = at(n)
		}
		testenv.Eventually(t, "the logs are as they should be", func() bool { return slices.Equal(j.LogPaths(), want) })
	}
	ban := func(name, ip string) {
		t.Helper()
		appendTo(t, at(name), line(ip))
		if got := b.banned(a); got != ip {
			t.Fatalf("banned %s, not %s", got, ip)
		}
	}
	ban("b.log", "192.0.2.1")
	ban("single", "192.0.2.2")
	follows("a.log", "b.log", "single")
	for _, name := range []string{"single", "a.log"} {
		if err := os.Remove(at(name)); err != nil {
			t.Fatal(err)
		}
	}
	follows("b.log", "single")
	ban("a.log", "192.0.2.3")
	ban("single", "192.0.2.4")
	follows("b.log", "single", "a.log")
	if err := j.BeginReload(); err != nil {
		t.Fatal(err)
	}
	b.add(j, at("b.log"), false)
	j.AddLogGlob(at("*.txt"))
	j.EndReload(context.Background())
	follows("b.log")
	appendTo(t, at("c.log"), "")
	appendTo(t, at("c.txt"), "")
	follows("b.log", "c.txt")
}

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/config"
	"f2b-go/internal/testenv"
)

// TestLintOfAStart gives the lines that a start says of what fail2ban passes over
// in silence (1.1.7, 1.8.4): one for each fault, with file, line and remedy.
func TestLintOfAStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	for name, text := range map[string]string{
		"fail2ban.conf":   "[Definition]\nlogtaget = /x\n",
		"jail.conf":       "[INCLUDES]\nbefore = none.conf\n  none.local\n[DEFAULT]\nbantime.max = 5w\naction = a[blok=DROP]\n[f]\nenabled = true\nlogpath = /dev/null\nfilter = f\n[g]\nmaxretri = 3\nenabled = false\n",
		"filter.d/f.conf": "[INCLUDES]\nafter = gone.conf\n[Definition]\nfailregex = ^<HOST> <x>$\nx = 1\ny = 2\n",
		"filter.d/g.conf": "[Definition]\nnot read = 1\n",
		"action.d/a.conf": "[Definition]\nactionban = <block>\n[Init]\nblock = REJECT\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	c := config.New(config.Options{Dir: dir})
	if _, good, err := c.Stream(config.StreamOptions{}); err != nil || !good {
		t.Fatal(good, err)
	}
	var got []string
	for _, m := range c.Lint() {
		if m.Severity != config.Warning {
			t.Errorf("%+v is no warning", m)
		}
		got = append(got, strings.ReplaceAll(fmt.Sprintf("%s:%d [%s] %s: %s; %s", m.File, m.Line, m.Section, m.Option, m.Text, m.Remedy), dir, "DIR"))
	}
	want := []string{
		"DIR/fail2ban.conf:2 [Definition] logtaget: unknown option, and nothing refers to it; did you mean logtarget?",
		"DIR/filter.d/f.conf:2 [INCLUDES] after: the included file DIR/filter.d/gone.conf does not exist; correct the name, or remove the line",
		"DIR/filter.d/f.conf:6 [Definition] y: unknown option, and nothing refers to it: it has no effect; remove it or correct its name",
		"DIR/jail.conf:2 [INCLUDES] before: the included file DIR/none.conf does not exist; correct the name, or remove the line",
		"DIR/jail.conf:5 [DEFAULT] bantime.max: unknown option, and nothing refers to it; did you mean bantime.maxtime?",
		`DIR/jail.conf:6 [DEFAULT] action: the action a has no parameter "blok"; did you mean block?`,
		"DIR/jail.conf:12 [g] maxretri: unknown option, and nothing refers to it; did you mean maxretry?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

// TestLintOfStock finds nothing in the stock configurations with their defaults,
// and takes no time that a start would show.
func TestLintOfStock(t *testing.T) {
	dirs := []string{filepath.Join(testenv.Root(t), "etc_fail2ban")}
	if shared, ok := testenv.Shared(t); ok {
		dirs = append(dirs, filepath.Join(shared, "fail2ban-1.1.1", "config"), filepath.Join(shared, "fail2ban-1.1.0", "config"))
	}
	if _, err := os.Stat("/etc/fail2ban/jail.conf"); err == nil {
		dirs = append(dirs, "/etc/fail2ban")
	}
	for _, dir := range dirs {
		c := config.New(config.Options{Dir: dir})
		if _, _, err := c.Stream(config.StreamOptions{MissingLogs: true}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, m := range c.Lint() {
			t.Errorf("%s: %+v", dir, m)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("%s: %v", dir, d)
		} else {
			t.Logf("%s: %v", dir, d)
		}
	}
}

package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSideBySide compares jails that several workers read with jails read in
// order, where they have files, faults or each other's options in common.
func TestSideBySide(t *testing.T) {
	jails := func(n int, each string) string {
		var b strings.Builder
		b.WriteString("[DEFAULT]\nenabled = true\nlogpath = /dev/null\nfilter = f\naction = a[port=\"%(__name__)s\"]\n")
		for i := range n {
			fmt.Fprintf(&b, "[j%d]\n%s\n", i, strings.ReplaceAll(each, "N", fmt.Sprint(i)))
		}
		return b.String()
	}
	const filter = "[INCLUDES]\nbefore = c.conf\n[Definition]\nfailregex = ^<x> <HOST>$\nre = own"
	const include = "[DEFAULT]\nx = text\n"
	const action = "[Definition]\nactionban = ban <ip> <port> <name> <x>\n[Init]\nx = 1\nport = 2\n"
	cases := []struct{ name, jail, filter, include, action string }{
		{"sound", jails(30, ""), filter, include, action},
		{"1.4.3 a filter that another jail's lent", jails(12, "failregex = %(j1/known/re)s"), filter, include, action},
		{"1.4.3 another jail's option", jails(12, "bantime = %(j3/findtime)s\nfindtime = N"), filter, include, action},
		{"1.1.2 one missing filter", jails(12, "filter = nosuch"), filter, include, action},
		{"1.1.2 missing actions", jails(12, "action = nosuch%(__name__)s\n nosuch"), filter, include, action},
		{"1.2.9 a faulty filter", jails(12, ""), "[Definition]\nx", include, action},
		{"1.1.6 an include that is no UTF-8", jails(12, ""), filter, include + "y = \xff\n", action},
		{"1.1.7 includes in a circle", jails(12, ""), filter, "[INCLUDES]\nbefore = f.conf\n", action},
		{"1.5.3 tags in a circle", jails(12, ""), filter, include, action + "y = <z>\nz = <y>\n"},
		{"3.9.3 no logs", jails(12, "logpath = /nonexistent/N"), filter, include, action},
		{"values of the wrong type", jails(12, "maxretry = N.5"), filter + "\nmaxlines = x", include, action},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			err := writeTree(dir, map[string]string{"fail2ban.conf": "[Definition]\n", "jail.conf": c.jail,
				"filter.d/f.conf": c.filter, "filter.d/c.conf": c.include, "action.d/a.conf": c.action})
			if err != nil {
				t.Fatal(err)
			}
			want := ourTree(dir, 1)
			for workers := 2; workers <= 5; workers++ {
				if diff := cmp.Diff(want, ourTree(dir, workers)); diff != "" {
					t.Fatalf("%d workers (- in order)\n%s", workers, diff)
				}
			}
		})
	}
}

// TestSideBySideIsTaken looks that sound jails are read side by side, or the test
// above would compare nothing.
func TestSideBySideIsTaken(t *testing.T) {
	dir := t.TempDir()
	tree := map[string]string{"fail2ban.conf": "[Definition]\n", "filter.d/f.conf": "[Definition]\nfailregex = ^<HOST>$\n", "action.d/a.conf": "[Definition]\n",
		"jail.conf": "[DEFAULT]\nenabled = true\nlogpath = /dev/null\nfilter = f\naction = a\n[a]\n[b]\n[c]\n"}
	if err := writeTree(dir, tree); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Dir: dir})
	c.workers = 2
	if err := c.readBoth(); err != nil {
		t.Fatal(err)
	}
	jails, ok := c.loadSideBySide(c.Jails(), StreamOptions{dump: true})
	if !ok || len(jails) != 3 || !strings.HasPrefix(string(jails[2].text), "['add', 'c', 'auto']\n") {
		t.Fatalf("read side by side: %v, %d jails", ok, len(jails))
	}
	if c.readers["filter.d/f"] == nil || c.readers["jail"].sections["c"].place("known/failregex") < 0 {
		t.Error("what the workers read is not left for later questions")
	}
}

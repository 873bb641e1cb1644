package config

import (
	"io"
	"testing"
	"testing/fstest"
	"time"
)

// FuzzFile reads one file: no crash, no long wait, and a line for each option.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"[a]\nb = c\n  d\n\n  e\n", "[DEFAULT]\nx=1\n[x?y]\nz:%(x)s ; c\n", "[`\"]\n-=\"\"\"\n`=`\\\n", "\xef\xbb\xbf[a]\n", "[a]\r\nb\x1c=\x01n\rc=d", "[a]\n\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		file, err := parseFile("F", data)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
		if err != nil && err.Text == "" {
			t.Error("an error without a text")
		}
		if err != nil {
			return
		}
		for _, name := range file.order {
			for _, option := range file.sections[name].names {
				if r := file.sections[name].options[option]; r.pos.Line < 1 {
					t.Errorf("[%s] %s has no line", name, option)
				}
			}
		}
	})
}

// FuzzTree reads a small configuration made of three texts, to the commands.
func FuzzTree(f *testing.F) {
	f.Add("[j]\nfilter=f[a=%(b)s]\nb=<c>\naction=a\n", "[Definition]\nfailregex=^<HOST> <a>\n[Init]\na=1\n", "[Definition]\nactionban=<ip> <name>\n")
	f.Add("[j]\naction=a[x=\"1\"]\n  a[name=<x>]\n", "[Definition]\nfailregex=<x>\nx=<failregex>", "[Init]\nx?y=1\n")
	f.Add("[INCLUDES]\nbefore=jail.conf\nafter=filter.d/f.conf\n[j]\njournalmatch='", "[INCLUDES]\nbefore=../jail.conf", "[x")
	f.Fuzz(func(t *testing.T, jail, filter, action string) {
		files := fstest.MapFS{
			"fail2ban.conf": {Data: []byte("[Definition]\n")}, "jail.d/0.conf": {Data: []byte("[DEFAULT]\nenabled=true\nfilter=f\naction=a\nlogpath=/dev/null\n")},
			"jail.conf": {Data: []byte(jail)}, "filter.d/f.conf": {Data: []byte(filter)}, "action.d/a.conf": {Data: []byte(action)},
		}
		start := time.Now()
		c := New(Options{Dir: "/etc/fail2ban", FS: files})
		_, _, _ = c.Answer(io.Discard, Request{Dump: PrettyDump})
		_, _ = c.ReadFilter(jail, "auto")
		_, _ = c.ReadAction("new", action)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

package config

import (
	"io"
	"runtime"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// bounded runs read and fails where that takes more than a second of processor
// time or allocates more than 200 MB in all.
func bounded(t *testing.T, read func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := processorTime(t)
	read()
	took := processorTime(t) - began
	runtime.ReadMemStats(&after)
	if took > time.Second {
		t.Errorf("took %v", took)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 200<<20 {
		t.Errorf("took %d MB", got>>20)
	}
}

// processorTime is what the process has taken so far, which other programs on
// the machine do not disturb.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// FuzzFile reads one file: no crash, no long wait, and a line for each option.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"[a]\nb = c\n  d\n\n  e\n", "[DEFAULT]\nx=1\n[x?y]\nz:%(x)s ; c\n", "[`\"]\n-=\"\"\"\n`=`\\\n", "\xef\xbb\xbf[a]\n", "[a]\r\nb\x1c=\x01n\rc=d", "[a]\n\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var file *parsedFile
		var err *Error
		bounded(t, func() { file, err = parseFile("F", data) })
		if err != nil && err.Text == "" {
			t.Error("an error without a text")
		}
		if err != nil {
			return
		}
		for _, name := range file.order {
			for _, o := range file.sections[name].list {
				if o.pos.Line < 1 {
					t.Errorf("[%s] %s has no line", name, o.name)
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
		bounded(t, func() {
			c := New(Options{Dir: "/etc/fail2ban", FS: files})
			_, _, _ = c.Answer(io.Discard, Request{Dump: PrettyDump})
			_, _ = c.ReadFilter(jail, "auto")
			_, _ = c.ReadAction("new", action)
		})
	})
}

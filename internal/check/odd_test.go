package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/config"
	"f2b-go/internal/check"
)

// oddLimit is how long a check of small odd files may take.
const oddLimit = 5 * time.Second

// good is a configuration with nothing wrong.
var good = map[string]string{
	"fail2ban.conf":   "[Definition]\n",
	"jail.conf":       "[f]\nenabled = true\nfilter = f\naction = a\nlogpath = DIR/a.log\n",
	"filter.d/f.conf": "[Definition]\nfailregex = ^<HOST>$\n",
	"action.d/a.conf": "[Definition]\nactionban = :\n",
	"a.log":           "",
}

// bomb is a filter whose value would have 20^9 parts.
func bomb() string {
	text := "[Definition]\nfailregex = ^<HOST> %(a9)s$\na0 = xxxxxxxxxx\n"
	for i := range 9 {
		n := string(rune('0' + i))
		text += "a" + string(rune('1'+i)) + " =" + strings.Repeat(" %(a"+n+")s", 20) + "\n"
	}
	return text
}

// odd are files in the place of one of good, and part of what is said.
var odd = map[string]struct {
	file, text string
	make       func(name string) error
	want       string
}{
	"not UTF-8":        {file: "filter.d/f.conf", text: "[Definition]\nfailregex = \xff\n", want: "filter.d/f.conf:"},
	"byte order mark":  {file: "jail.conf", text: "\ufeff[f]\nenabled = true\n", want: "jail.conf:1: error: "},
	"NUL":              {file: "jail.local", text: "[f]\nlogpath = a\x00b\n", want: "jail.local:2: [f] logpath: error: a?b matches no file"},
	"escape sequences": {file: "jail.local", text: "[f]\nbantime = \x1b[2J\n", want: `jail.local:2: [f] bantime: error: "\x1b[2J" cannot be used`},
	"a pipe":           {file: "filter.d/f.conf", make: func(n string) error { return syscall.Mkfifo(n, 0o644) }, want: "filter.d/f.conf"},
	"a folder":         {file: "jail.local", make: func(n string) error { return os.Mkdir(n, 0o755) }, want: "jail.local:1: error: Could not read config files"},
	"a link to null":   {file: "a.log", make: func(n string) error { return os.Symlink(os.DevNull, n) }, want: "nothing wrong"},
	"an include loop":  {file: "filter.d/f.conf", text: "[INCLUDES]\nbefore = f.conf\n[Definition]\nfailregex = ^<HOST>$\n", want: "nothing wrong"},
	"a long line":      {file: "jail.local", text: "[f]\nx = " + strings.Repeat("y", 5<<20) + "\n", want: "[f] x: warning: unknown option"},
	"many faults":      {file: "jail.local", text: "[f]\n" + strings.Repeat("no delimiter\n", 5000), want: "jail.local:101: [f] error: \"no delimiter\" is neither a section nor name = value, and so are lines behind it"},
	"a bomb":           {file: "filter.d/f.conf", text: bomb(), want: "grows too large"},
	"a loop of values": {file: "jail.local", text: "[f]\nbantime = %(findtime)s\nfindtime = %(bantime)s\n", want: "jail.local:3: [f] findtime: error: Recursion limit"},
	"nested shell":     {file: "action.d/a.conf", text: "[Definition]\nactionban = " + strings.Repeat("$(", 100000) + "\n", want: "nothing wrong"},
	"too large":        {file: "filter.d/f.conf", text: "[Definition]\n" + strings.Repeat("#\n", 9<<20), want: "larger than 16 MiB"},
}

// TestOddFiles checks files that are no texts, loops and bombs: each is a fault
// with its place, and none keeps the check from ending (1.1.7, 1.1.9, 1.4.1).
func TestOddFiles(t *testing.T) {
	for name, tc := range odd {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etc")
			for n, text := range good {
				if n != tc.file {
					writeFile(t, filepath.Join(dir, n), strings.ReplaceAll(text, "DIR", dir))
				}
			}
			if tc.make != nil {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, tc.file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := tc.make(filepath.Join(dir, tc.file)); err != nil {
					t.Fatal(err)
				}
			} else {
				writeFile(t, filepath.Join(dir, tc.file), tc.text)
			}
			begin := time.Now()
			_, stdout, _ := run("-c", dir)
			if d := time.Since(begin); d > oddLimit {
				t.Errorf("took %v", d)
			}
			if !strings.Contains(stdout, tc.want) {
				t.Errorf("%.2000s\nwant %q", stdout, tc.want)
			}
			if strings.ContainsAny(stdout, "\x1b\x00") {
				t.Errorf("control characters: %q", stdout)
			}
		})
	}
}

// FuzzCheck reads any text as jail.conf: what it says has a place, and no text
// keeps it from ending.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"[f]\nenabled = true\nfilter = f\naction = a\n", "[DEFAULT]\nenabled=1\n[f]\nfailregex = ^<HOST>\n  x\n[f]\n", "[f]\nenabled = yes\nfilter = f[x=\"%(y)s\"]\nfailregex = %(known/failregex)s\n",
		"x\n[f]\ny\nz=1\nz=2\n", "[f]\nenabled = on\nlogpath = /dev/null x\naction = a[b=1] a.py[c=2]\nignoreip = 1 2 #\ndatepattern = %%Y %%Q\n",
	} {
		f.Add(s)
	}
	dir := f.TempDir()
	for name, text := range map[string]string{"fail2ban.conf": "[Definition]\n", "f.conf": "[Definition]\nfailregex = ^<HOST> <x>$\nx = 1\n", "a.conf": "[Definition]\nactionban = echo <b> <ip>\n[Init]\nb = 1\n"} {
		for _, folder := range []string{"", "filter.d", "action.d"} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
				f.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(text), 0o644); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "jail.conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, fault := range check.Run(config.Options{Dir: dir}).Faults {
			if fault.File == "" || fault.Line < 1 || fault.Text == "" {
				t.Errorf("%+v", fault)
			}
		}
		if d := time.Since(begin); d > oddLimit {
			t.Errorf("took %v", d)
		}
	})
}

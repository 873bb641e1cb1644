package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"f2b-go/config"
)

// judge answers -d for a tree of files and returns it with how long that took and what it added to the heap.
func judge(t *testing.T, files map[string]string) (a answer, took time.Duration, peak uint64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "etc")
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
	}
	if _, ok := files["fail2ban.conf"]; !ok {
		writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
	}
	clear(files)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapInuse)
			select {
			case <-stop:
				done <- top
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	a = ours(dir, []string{"-d"})
	took = time.Since(start)
	close(stop)
	return a, took, <-done - min(before.HeapInuse, peak)
}

// repeat makes n lines with their number.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

const sound = "[DEFAULT]\nenabled = true\nfilter = f\naction = a\n"

// bombs are trees that would take all time or memory, and what is said of them;
// an empty text means that they are fine.
var bombs = []struct {
	name, want string
	files      func() map[string]string
}{
	{"1.4.1 values that double", "grows too large", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n" + doubling(9, strings.Repeat("lol", 30), "v", "%%(v%d)s") + "ignorecommand = %(v9)s\n"})
	}},
	{"1.4.1 empty values that double", "grows too large", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n" + doubling(9, "", "v", "%%(v%d)s") + "ignorecommand = %(v9)s\n"})
	}},
	{"1.5.3 tags that double", "grows too large", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n", "filter.d/f.conf": "[Definition]\nfailregex = <t12>\n" + doubling(12, strings.Repeat("lol", 30), "t", "<t%d>")})
	}},
	{"1.1.7 includes that double", "more than 10000", func() map[string]string { return defs(includesThatDouble()) }},
	{"1.1.7 a chain of includes", "maximum recursion depth exceeded", func() map[string]string { return defs(chainOfIncludes()) }},
	{"1.7.5 options that do not end", "too long", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\naction = a[" + repeat(60_000, "x%d=") + "\n"})
	}},
	{"1.7.5 a million options", "too long", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\naction = a[" + repeat(1_000_000, "x%d=1,") + "]\n"})
	}},
	{"1.7.1 brackets", "Invalid filter definition", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nfilter = f" + strings.Repeat("[x=", 100_000) + "\n"})
	}},
	{"1.2 a long value", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nfailregex = " + strings.Repeat("  a line of a value that is long\n", 310_000)})
	}},
	{"1.2 many options", "more than 50000", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n" + repeat(500_000, "option%d = x\n")})
	}},
	{"1.2 many sections", "more than 50000", func() map[string]string {
		return defs(map[string]string{"jail.conf": "[DEFAULT]\nfilter=f\n" + repeat(300_000, "[section%d]\n")})
	}},
	{"1.2 as many options as may be", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n" + repeat(49_000, "option%d = x\n")})
	}},
	{"1.2 as many sections as may be", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": "[DEFAULT]\nfilter=f\n" + repeat(49_000, "[section%d]\n")})
	}},
	{"1.2 many faults", "Source contains parsing errors", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\n" + repeat(500_000, "no option %d\n")})
	}},
	{"1.2 one long line", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nignorecommand = " + strings.Repeat("x", 10<<20) + "\n"})
	}},
	{"1.2 semicolons", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nignorecommand = " + strings.Repeat(";", 10<<20) + "\n"})
	}},
	{"1.2 blank lines", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nignorecommand = x\n" + strings.Repeat("\n", 10<<20)})
	}},
	{"1.2 a file that is too large", "larger than 16 MiB", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + strings.Repeat("# comment\n", 2<<20)})
	}},
	{"1.2 NUL bytes", "", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nignorecommand = a\x00b\n"})
	}},
	{"1.1.5 NUL in the name of a file", "embedded null byte", func() map[string]string {
		return defs(map[string]string{"jail.conf": "[INCLUDES]\nbefore = a\x00b\n" + sound + "[j]\n"})
	}},
	{"1.6 NUL in the name of a filter", "Unable to read the filter 'a\\x00b'", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nfilter = a\x00b\n"})
	}},
	{"3.9.2 a pattern with many stars", "Have not found any log file", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nlogpath = /usr/lib/" + strings.Repeat("*", 5000) + "x\n"})
	}},
	{"1.1.3 a filter beside the folder", "Unable to read the filter", func() map[string]string {
		return defs(map[string]string{"jail.conf": sound + "[j]\nfilter = ../../../../../../etc/passwd\n"})
	}},
}

// defs adds a filter f and an action a.
func defs(more map[string]string) map[string]string {
	files := map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^<HOST>$\n", "action.d/a.conf": "[Definition]\nactionban = x\n"}
	for n, t := range more {
		files[n] = t
	}
	return files
}

// doubling makes options that hold the one before twenty times each.
func doubling(n int, first, name, reference string) string {
	text := name + "0 = " + first + "\n"
	for i := range n {
		text += fmt.Sprintf("%s%d = %s\n", name, i+1, strings.Repeat(fmt.Sprintf(reference, i), 20))
	}
	return text
}

func includesThatDouble() map[string]string {
	files := map[string]string{"jail.conf": "[INCLUDES]\nbefore = i0.conf\n" + sound + "[j]\n", "i30.conf": "[DEFAULT]\nx = 1\n"}
	for i := range 30 {
		files[fmt.Sprintf("i%d.conf", i)] = fmt.Sprintf("[INCLUDES]\nbefore = i%d.conf\n  i%d.conf\n", i+1, i+1)
	}
	return files
}

func chainOfIncludes() map[string]string {
	files := map[string]string{"jail.conf": "[INCLUDES]\nbefore = c0.conf\n" + sound + "[j]\n"}
	for i := range 1000 {
		files[fmt.Sprintf("c%d.conf", i)] = fmt.Sprintf("[INCLUDES]\nbefore = c%d.conf\n", i+1)
	}
	return files
}

// TestBombs reads trees that would take all time or memory: a clear error, or
// none, in bounded time and memory.
func TestBombs(t *testing.T) {
	for _, c := range bombs {
		t.Run(c.name, func(t *testing.T) {
			a, took, peak := judge(t, c.files())
			said := a.Out + strings.Join(a.Log, "\n")
			if c.want != "" && !strings.Contains(said, c.want) {
				t.Errorf("said %.300s\nwant %s", said, c.want)
			}
			if c.want == "" && a.Code != 0 {
				t.Errorf("exit code %d: %.300s", a.Code, said)
			}
			if took > 10*time.Second { // a second on an idle machine
				t.Errorf("took %v", took)
			}
			if peak > 200<<20 {
				t.Errorf("took %d MB", peak>>20)
			}
			t.Logf("%v, %d MB", took.Round(time.Millisecond), peak>>20)
		})
	}
}

// TestNoRegularFiles_1_1_4 puts pipes, sockets and directories where files belong.
func TestNoRegularFiles_1_1_4(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"directory": func(f string) error { return os.Mkdir(f, 0o755) },
		"pipe":      func(f string) error { return syscall.Mkfifo(f, 0o644) },
		"link to a pipe": func(f string) error {
			if err := syscall.Mkfifo(f+".pipe", 0o644); err != nil {
				return err
			}
			return os.Symlink(f+".pipe", f)
		},
		"link to itself": func(f string) error { return os.Symlink(f, f) },
	} {
		for _, file := range []string{"jail.local", "filter.d/f.local", "fail2ban.local", "jail.d/x.conf"} {
			t.Run(name+" "+file, func(t *testing.T) {
				dir := t.TempDir()
				writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
				writeFile(t, filepath.Join(dir, "jail.conf"), sound+"[j]\n")
				writeFile(t, filepath.Join(dir, "filter.d", "f.conf"), "[Definition]\nfailregex = ^<HOST>$\n")
				writeFile(t, filepath.Join(dir, "action.d", "a.conf"), "[Definition]\nactionban = x\n")
				full := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := make(full); err != nil {
					t.Fatal(err)
				}
				a := ours(dir, []string{"-t"})
				missing := name == "link to itself" // which does not count as existing
				if told := strings.Contains(strings.Join(a.Log, "\n"), "Could not read config files: "+full); told == missing || (a.Code == 0) != missing {
					t.Errorf("exit code %d, %q", a.Code, a.Log)
				}
			})
		}
	}
}

// TestEmptyDevice reads a link to /dev/null as an empty file.
func TestEmptyDevice(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
	if err := os.Symlink(os.DevNull, filepath.Join(dir, "jail.conf")); err != nil {
		t.Fatal(err)
	}
	if a := ours(dir, []string{"-t"}); a.Code != 0 {
		t.Errorf("exit code %d, %q", a.Code, a.Log)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "jail.local")); err != nil {
		t.Fatal(err)
	}
	if a := ours(dir, []string{"-t"}); a.Code == 0 || !strings.Contains(a.Log[0], "larger than") {
		t.Errorf("an endless file: exit code %d, %.200q", a.Code, a.Log)
	}
}

// TestPositions tells file and line of faults and messages (1.2.9, 1.4.1, 1.7.2, 1.7.8).
func TestPositions(t *testing.T) {
	const head = "[DEFAULT]\nfilter = f\naction = a\n# comment\n[j]\nenabled = true\n" // six lines
	defs := map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^<HOST>$\n", "filter.d/loop.conf": "\n[Definition]\n\nfailregex = <x>\nx = 1\n y<failregex>\n",
		"filter.d/bad.conf": "[Definition]\n\nfailregex = %(nothing)s\n", "action.d/a.conf": "[Definition]\nactionban = x\n", "action.d/bad.conf": "[Definition]\nx = y\nactionban = %d\n",
		"filter.d/int.conf": "[Definition]\nfailregex = x\nmaxlines = y\n"}
	for _, c := range []struct{ item, add, file, section, option, text string }{
		{"1.2.9", "a = 1\ngarbage\n", "jail.conf:8", "j", "", "Source contains parsing errors"},
		{"1.2.9", "a = 1\n\nA = 2\n", "jail.conf:9", "j", "a", "already exists"},
		{"1.2.9", "[k]\n[j]\n", "jail.conf:8", "j", "", "already exists"},
		{"1.4.1", "\nbantime = %(nothing)s\n", "jail.conf:8", "j", "bantime", "Bad value substitution"},
		{"1.4.1", "bantime =\n  10m\n  %\n", "jail.conf:7", "j", "bantime", "'%' must be followed"},
		{"1.4.1", "filter = bad\n", "filter.d/bad.conf:3", "Definition", "failregex", "Bad value substitution"},
		{"1.4.1", "action = bad\n", "jail.conf:7", "j", "action", "Error in action definition"},
		{"1.5.3", "filter = loop\n", "filter.d/loop.conf:4", "Definition", "failregex", "self referencing"},
		{"1.7.2", "filter = f[x\n", "jail.conf:7", "j", "filter", "Invalid filter definition"},
		{"1.7.2", "action = a[x=1,,y=2]\n", "jail.conf:7", "j", "action", "Invalid action definition"},
		{"1.7.8", "filter = nosuch\n", "jail.conf:7", "j", "filter", "Unable to read the filter"},
		{"1.7.8", "\n\naction = nosuch\n", "jail.conf:9", "j", "action", "Unable to read action"},
		{"1.7.8", "filter = nosuch\n", "jail.conf:5", "j", "", "Errors in jail 'j'. Skipping..."},
		{"1.6.1", "filter = int\n", "filter.d/int.conf:3", "Definition", "maxlines", "Wrong int value"},
		{"1.8.3", "maxretry = x\n", "jail.conf:7", "j", "maxretry", "Wrong value for"},
		{"3.9.3", "logpath = /nonexistent/f2b\n", "jail.conf:7", "j", "logpath", "Have not found any log file"},
		{"3.9.3", "logpath = /nonexistent/f2b\nskip_if_nologs = true\n", "jail.conf:7", "j", "logpath", "skipped, because of missing log files"},
	} {
		t.Run(c.item+" "+c.text, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range defs {
				writeFile(t, filepath.Join(dir, name), text)
			}
			writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
			writeFile(t, filepath.Join(dir, "jail.conf"), head+c.add)
			cfg := config.New(config.Options{Dir: dir})
			_, _, err := cfg.Stream(config.StreamOptions{})
			list := cfg.Messages()
			var e *config.Error
			if errors.As(err, &e) {
				list = append(list, e.Message())
			}
			for _, m := range list {
				if !strings.Contains(m.Text, c.text) {
					continue
				}
				want := filepath.Join(dir, c.file)
				if got := fmt.Sprintf("%s:%d", m.File, m.Line); got != want || m.Section != c.section || m.Option != c.option {
					t.Errorf("%s [%s] %s, want %s [%s] %s: %s", got, m.Section, m.Option, want, c.section, c.option, m.Text)
				}
				return
			}
			t.Errorf("no message with %q in %v", c.text, list)
		})
	}
}

// TestFS reads a configuration from a file system within the program.
func TestFS(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"fail2ban.conf": "[Definition]\n", "jail.conf": "[INCLUDES]\nbefore = paths.conf\n" + sound + "[j]\nignorecommand = %(fail2ban_confpath)s %(x)s\n",
		"paths.conf": "[DEFAULT]\nx = paths\n", "jail.d/a.conf": "[j]\nmaxretry = 7\n", "filter.d/f.conf": "[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = ^<HOST><y>$\n",
		"filter.d/common.conf": "[Definition]\ny = Y\n", "action.d/a.conf": "[Definition]\nactionban = x\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, dir := range []string{"/etc/fail2ban", "embedded"} {
		c := config.New(config.Options{Dir: dir, FS: files})
		stream, good, err := c.Stream(config.StreamOptions{})
		if err != nil || !good {
			t.Fatalf("%s: %v, %v", dir, good, err)
		}
		var b strings.Builder
		config.Print(&b, stream, false)
		for _, want := range []string{"['set', 'j', 'ignorecommand', '" + dir + " paths']", "['set', 'j', 'maxretry', 7]", "['set', 'j', 'addfailregex', '^<HOST>Y$']"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %s in\n%s", dir, want, b.String())
			}
		}
	}
	if _, err := config.Load(config.Options{Dir: "x", FS: fstest.MapFS{}}); err == nil {
		t.Error("an empty file system loads")
	}
}

package testfilter

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty opens a terminal of so many columns: what is printed on screen comes out
// of the reader.
func pty(t *testing.T, columns int) (screen *os.File, r *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("a terminal is needed: %v", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close(); _ = master.Close() })
	return screen, master
}

// onTerminal runs with stdout, stderr or both on terminals of 60 columns, and
// returns what each shows.
func onTerminal(t *testing.T, outTerm, errTerm bool, args ...string) (out, errs string) {
	t.Helper()
	var texts [2]string
	var files [2]*os.File
	done := make(chan bool, 2)
	for i, isTerm := range []bool{outTerm, errTerm} {
		if !isTerm {
			f, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			files[i] = f
			done <- true
			continue
		}
		screen, master := pty(t, 60)
		files[i] = screen
		go func() {
			data, _ := io.ReadAll(master) // ends with an error when the screen closes
			texts[i] = string(data)
			done <- true
		}()
	}
	if code := Main(args, strings.NewReader(""), files[0], files[1], "test-filter"); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for i, isTerm := range []bool{outTerm, errTerm} {
		if !isTerm {
			data, err := os.ReadFile(files[i].Name())
			if err != nil {
				t.Fatal(err)
			}
			texts[i] = string(data)
		}
		_ = files[i].Close()
	}
	<-done
	<-done
	return texts[0], texts[1]
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// beforeResults is what is told of lines.
func beforeResults(out string) string {
	text, _, _ := strings.Cut(out, "Results")
	return text
}

// TestExplainOnTerminal_C13: colours are ours only, lines of the log cannot move
// the cursor, and what is cut fits the terminal.
func TestExplainOnTerminal_C13(t *testing.T) {
	inUTC(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	log := filepath.Join(t.TempDir(), "log")
	line := "2026-11-22 11:00:00 evil \x1b]0;title\x07\x1b[2J\u202e\u009b31m " + strings.Repeat("long ", 30) + "192.0.2.1 x\n"
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--explain", log, `^ evil .* <ADDR>$`}
	out, _ := onTerminal(t, true, false, args...)
	shown := beforeResults(out)
	if !strings.Contains(shown, "\x1b[1;31m^\x1b[0m") || !strings.Contains(shown, "\x1b[1mline 1:\x1b[0m") {
		t.Errorf("no colours: %q", shown)
	}
	plain := sgr.ReplaceAllString(shown, "")
	if strings.ContainsAny(plain, "\x1b\x07\u202e\u009b") {
		t.Errorf("the log reaches the terminal: %q", plain)
	}
	for _, l := range strings.Split(plain, "\r\n") {
		if strings.HasPrefix(l, indent) && len([]rune(l)) > 60 {
			t.Errorf("%d columns: %s", len([]rune(l)), l)
		}
	}
	t.Setenv("NO_COLOR", "1")
	if out, _ := onTerminal(t, true, false, args...); sgr.MatchString(beforeResults(out)) {
		t.Errorf("NO_COLOR is not heeded: %q", out)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if out, _ := onTerminal(t, true, false, args...); sgr.MatchString(beforeResults(out)) {
		t.Errorf("a dumb terminal gets colours: %q", out)
	}
}

// TestProgressWhere: the bar is for a terminal on stderr, and only where nothing
// else is printed between.
func TestProgressWhere(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screenFile, _ := pty(t, 60)
	other, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	for _, c := range []struct {
		name      string
		out, errs io.Writer
		opt       options
		size      int64
		want      bool
	}{
		{"both terminals, report", screenFile, screenFile, options{logLevel: "critical"}, 1 << 30, true},
		{"small", screenFile, screenFile, options{logLevel: "critical"}, 1 << 20, false},
		{"no terminal", other, other, options{logLevel: "critical"}, 1 << 30, false},
		{"stderr is no file", other, new(bytes.Buffer), options{logLevel: "critical"}, 1 << 30, false},
		{"IDs on the terminal", screenFile, screenFile, options{logLevel: "critical", out: "id"}, 1 << 30, false},
		{"IDs into a file", other, screenFile, options{logLevel: "critical", out: "id"}, 1 << 30, true},
		{"explanations on the terminal", screenFile, screenFile, options{logLevel: "critical", explain: true}, 1 << 30, false},
		{"messages on the terminal", screenFile, screenFile, options{logLevel: "debug"}, 1 << 30, false},
	} {
		x := &tester{opt: c.opt, errOut: c.errs, screen: newScreen(c.out, c.errs)}
		x.watched(strings.NewReader(""), c.size)
		if (x.bar != nil) != c.want {
			t.Errorf("%s: a bar is %v", c.name, x.bar != nil)
		}
	}
}

// TestProgress: the bar comes after a moment, tells what is left, gives way to
// messages and goes at the end.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(strings.NewReader(strings.Repeat("x", 100)), &out, 100<<20, 60)
	p.clock = func() time.Time { return now }
	read := func(seconds float64, done int64) string {
		now = time.Unix(0, int64(seconds*1e9))
		p.done = done
		if _, err := p.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		out.Reset()
		return text
	}
	if got := read(0, 0) + read(0.4, 10<<20); got != "" {
		t.Errorf("it shows at once: %q", got)
	}
	want := "\r\x1b[K[=======                        ]  25 % of 100 MiB, 3s left"
	if got := read(1, 25<<20); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := read(1.05, 26<<20); got != "" {
		t.Errorf("it is drawn too often: %q", got)
	}
	if _, err := fmt.Fprintln(p.above(&out), "a message"); err != nil || out.String() != "\r\x1b[Ka message\n" {
		t.Errorf("a message is %q, %v", out.String(), err)
	}
	out.Reset()
	if p.clear(); out.String() != "" {
		t.Errorf("it is cleared twice: %q", out.String())
	}
	want = "\r\x1b[K[===============================] 100 % of 100 MiB, 0s left"
	if got := read(2, 200<<20); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p.clear(); out.String() != "\r\x1b[K" {
		t.Errorf("it is not cleared: %q", out.String())
	}
}

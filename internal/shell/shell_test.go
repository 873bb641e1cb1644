package shell

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lines collects a log as "LEVEL text" with each command's number cut off.
type lines struct {
	mu   sync.Mutex
	list []string
}

var commandNumber = regexp.MustCompile(`^[0-9a-f]+ -- `)

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r.Level.String()+" "+commandNumber.ReplaceAllString(r.Message, ""))
	return nil
}

// TestOutcome_4_3_4 holds the log lines of a command's end against those that
// fail2ban 1.0.2 printed for the same commands.
func TestOutcome_4_3_4(t *testing.T) {
	const hint = `INFO HINT on 127: "Command not found". Make sure that all commands in `
	for _, c := range []struct {
		name string
		cmd  Command
		ok   bool
		code int
		want []string
	}{
		{"success", Command{Script: `printf 'a\r\nb\n\nc\377'`}, true, 0, []string{
			`DEBUG-1 exec: printf 'a\r\nb\n\nc\377'`, "DEBUG stdout: 'a'", "DEBUG stdout: 'b'", "DEBUG stdout: ''",
			"DEBUG stdout: 'c\ufffd'", "DEBUG returned successfully 0"}},
		{"with variables", Command{Script: "v=$0 \n" + `echo "$v"; exit 3`, Args: []string{"x y"}}, false, 3, []string{
			`ERROR exec: ['v=$0 \necho "$v"; exit 3', 'x y']`, "ERROR stdout: 'x y'", "ERROR returned 3"}},
		{"both outputs", Command{Script: "echo a; echo b >&2; exit 1"}, false, 1, []string{
			"ERROR exec: echo a; echo b >&2; exit 1", "ERROR stdout: 'a'", "ERROR stderr: 'b'", "ERROR returned 1"}},
		{"not found", Command{Script: "f2b-no-such-command 2>/dev/null"}, false, 127, []string{
			"ERROR exec: f2b-no-such-command 2>/dev/null", "ERROR returned 127",
			hint + "'f2b-no-such-command 2>/dev/null' are in the PATH of the fail2ban-server process."}},
		{"killed by a signal", Command{Script: "kill -9 $$"}, false, -9, []string{
			"ERROR exec: kill -9 $$", "ERROR killed with SIGKILL (return code: -9)"}},
		{"exit above 128 is a signal, 4.3.5", Command{Script: "exit 143"}, false, 143, []string{
			"ERROR exec: exit 143", "ERROR killed with SIGTERM (return code: 143)"}},
		{"no such signal", Command{Script: "exit 200"}, false, 200, []string{
			"ERROR exec: exit 200", "ERROR killed with signal 72 (return code: 200)"}},
		{"other success codes", Command{Script: "exit 1", Success: []int{0, 1}}, true, 1, []string{
			"DEBUG-1 exec: exit 1", "DEBUG returned successfully 1"}},
		{"nothing to do, 3.5.6", Command{}, true, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &lines{}
			r := &Runner{Log: slog.New(log)}
			res := r.Run(t.Context(), c.cmd)
			if res.OK != c.ok || res.Code != c.code {
				t.Errorf("ok %v code %d (%v), want %v %d", res.OK, res.Code, res.Err, c.ok, c.code)
			}
			if got, want := strings.Join(log.list, "\n"), strings.Join(c.want, "\n"); got != want {
				t.Errorf("log:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestTimeLimitEndsTheWholeGroup_4_3_2(t *testing.T) {
	log := &lines{}
	r := &Runner{Log: slog.New(log)}
	pids := filepath.Join(t.TempDir(), "pids")
	// A child that ignores TERM dies by KILL; a grandchild is in the same group.
	script := `echo $$ > ` + pids + `; (trap "" TERM; sh -c 'echo $$ >> ` + pids + `; sleep 600') & wait`
	res := r.Run(t.Context(), Command{Script: script, Timeout: 300 * time.Millisecond})
	if res.OK || !res.TimedOut || res.Code != -15 {
		t.Errorf("result %+v, want a time-out with code -15", res)
	}
	want := "ERROR exec: " + script + "\nERROR timed out after 0.3 seconds.\nERROR killed with SIGTERM (return code: -15)"
	if got := strings.Join(log.list, "\n"); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		waitGone(t, pid)
	}
}

// waitGone fails unless a killed process vanishes or waits to be reaped.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 5*time.Second; {
		if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			return
		}
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
	}
	t.Errorf("process %d outlived the time limit", pid)
}

func TestContextEndsTheCommand(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("shutting down")
	started := filepath.Join(t.TempDir(), "started")
	if err := unix.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		// Opening the FIFO waits for the command's own opening.
		_, _ = os.ReadFile(started)
		cancel(why)
	}()
	res := (&Runner{}).Run(ctx, Command{Script: "echo up > " + started + "; sleep 600"})
	if res.OK || !errors.Is(res.Err, why) {
		t.Errorf("result %+v, want the cause %v", res, why)
	}
}

// TestOutputLargerThanAPipe_4_3_3: fail2ban would wait for the time limit here.
func TestOutputLargerThanAPipe_4_3_3(t *testing.T) {
	res := (&Runner{}).Run(t.Context(), Command{
		Script:  "dd if=/dev/zero bs=1024 count=1024 2>/dev/null | tr '\\0' x; echo err >&2",
		Timeout: time.Minute})
	if !res.OK || len(res.Stdout) != maxOutput || res.MoreStdout != 1<<20-maxOutput || string(res.Stderr) != "err\n" {
		t.Errorf("ok %v, kept %d, more %d, stderr %q", res.OK, len(res.Stdout), res.MoreStdout, res.Stderr)
	}
}

// TestChildLeftBehind: a background child that keeps the pipes open does not
// hold the command up, and what was written before its end is kept.
func TestChildLeftBehind(t *testing.T) {
	start := time.Now()
	res := (&Runner{}).Run(t.Context(), Command{Script: "sleep 600 & echo $!"})
	if !res.OK || time.Since(start) > 30*time.Second {
		t.Fatalf("result %+v after %v", res, time.Since(start))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(res.Stdout)))
	if err != nil {
		t.Fatalf("output %q: %v", res.Stdout, err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Errorf("ending the child left behind: %v", err)
	}
}

func TestHasNothingToReadAndItsOwnSession_4_3_1(t *testing.T) {
	res := (&Runner{}).Run(t.Context(), Command{Script: `cat; ps -o pid=,sid= -p $$ | { read a b; [ "$a" = "$b" ]; }`})
	if !res.OK || len(res.Stdout) > 0 {
		t.Errorf("result %+v %q", res, res.Stderr)
	}
}

func TestArgumentsOfTheKernelsLimit(t *testing.T) {
	long := strings.Repeat("x", MaxArg)
	res := (&Runner{}).Run(t.Context(), Command{Script: `[ "${#0}" -eq 131071 ]`, Args: []string{long}})
	if !res.OK {
		t.Errorf("an argument of %d bytes: %+v", len(long), res)
	}
	res = (&Runner{}).Run(t.Context(), Command{Script: `:`, Args: []string{long + "x"}})
	if res.OK || !errors.Is(res.Err, unix.E2BIG) {
		t.Errorf("one byte more: %+v, want %v", res, unix.E2BIG)
	}
}

// TestCommandsOfOneGroupDoNotOverlap: of many that read and write one file,
// none is lost.
func TestCommandsOfOneGroupDoNotOverlap(t *testing.T) {
	file := filepath.Join(t.TempDir(), "n")
	if err := os.WriteFile(file, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &Runner{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r.Run(t.Context(), Command{Script: "n=$(cat " + file + "); echo $((n+1)) > " + file, Group: "count"})
		})
	}
	wg.Wait()
	if text, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(text)) != "20" {
		t.Errorf("counted %q, %v", text, err)
	}
}

// TestWaitingForAGroupEndsWithTheContext: a hanging command holds up those of
// its group only until they are called off.
func TestWaitingForAGroupEndsWithTheContext(t *testing.T) {
	r := &Runner{}
	if err := r.enter(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	defer r.leave("g")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res := r.Run(ctx, Command{Script: "true", Group: "g"}); res.OK || !errors.Is(res.Err, context.Canceled) {
		t.Errorf("result %+v", res)
	}
	if res := r.Run(t.Context(), Command{Script: "true", Group: "other"}); !res.OK {
		t.Errorf("another group waits too: %+v", res)
	}
}

func TestWhatNeedsNoShell(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"iptables", "nft"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	for script, want := range map[string]bool{
		"iptables -w -I f2b-sshd 1 -s 192.0.2.1 -j DROP": true,
		"nft  add element inet f2b-table x":              true,
		"f2b-no-such -x":                                 false,
		"FOO=1 iptables -L":                              false,
		"echo x":                                         false,
		"exit 0":                                         false,
		"iptables -L; true":                              false,
		"iptables -L\n":                                  false,
		"nft add element inet t s { 192.0.2.1 }":         false,
		"iptables ~ ":                                    false,
		"iptables *":                                     false,
		`nft add element inet t s \{ 192.0.2.1 \}`:       true,
		`nft add set inet t s \{ type ipv4_addr\; \}`:    true,
		"iptables '-L'":                                  true,
		`iptables -m comment --comment "f2b: a 'b'" ''`:  true,
		`iptables "$HOME"`:                               false,
		"iptables \"`id`\"":                              false,
		`iptables "\n"`:                                  false,
		`iptables 'open`:                                 false,
		`iptables -L\`:                                   false,
		"iptables -L \\\n-v":                             false,
		`\iptables -L`:                                   false,
		`"iptables" -L`:                                  false,
		`iptables 'é'`:                                   false,
		`iptables \é`:                                    false,
		"iptables -m comment --comment é":                false,
		"":                                               false,
		" ":                                              false,
		"./iptables":                                     false,
	} {
		if _, _, got := direct(Command{Script: script}); got != want {
			t.Errorf("direct(%q) = %v, want %v", script, got, want)
		}
	}
	if _, _, got := direct(Command{Script: "iptables -L", Args: []string{"x"}}); got {
		t.Error("a command with variables needs its shell")
	}
}

// TestDirectEndsLikeTheShell: a program run without a shell has the same
// outcome in the log.
func TestDirectEndsLikeTheShell(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"f2b-ok": "#!/bin/sh\necho out $#\n", "f2b-bad": "#!/bin/sh\necho err >&2\nexit 5\n",
		"f2b-killed": "#!/bin/sh\nkill -15 $$\n", "f2b-plain": "echo no interpreter line\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, script := range []string{"f2b-ok a b", "f2b-bad", "f2b-killed", "f2b-plain"} {
		var logs [2]string
		// Quotes make a shell necessary and change nothing else.
		word, rest, _ := strings.Cut(script, " ")
		for i, text := range []string{script, strings.TrimSpace(`"` + word + `" ` + rest)} {
			log := &lines{}
			(&Runner{Log: slog.New(log)}).Run(t.Context(), Command{Script: text})
			logs[i] = strings.ReplaceAll(strings.Join(log.list, "\n"), `"`, "")
			// Some shells add a line of their own about a signal.
			logs[i] = strings.ReplaceAll(logs[i], "ERROR stderr: 'Terminated'\n", "")
		}
		if logs[0] != logs[1] {
			t.Errorf("%s without a shell:\n%s\nwith one:\n%s", script, logs[0], logs[1])
		}
	}
}

func FuzzSplitLines(f *testing.F) {
	f.Add([]byte("a\r\nb\rc\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		total := 0
		for _, l := range splitLines(text) {
			if bytes.ContainsAny(l, "\r\n") {
				t.Errorf("line %q holds its end", l)
			}
			total += len(l)
		}
		if want := len(text) - bytes.Count(text, []byte("\n")) - bytes.Count(text, []byte("\r")); total != want {
			t.Errorf("%d bytes in lines of %q, want %d", total, text, want)
		}
	})
}

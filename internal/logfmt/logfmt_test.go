package logfmt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/logfmt"
)

// noon is the clock of all tests: half past seven with 327 ms.
func noon() time.Time { return time.Date(2026, 11, 22, 7, 35, 59, 327_400_000, time.UTC) }

func newLog(t *testing.T) (*logfmt.Log, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	l := logfmt.New(logfmt.Options{Clock: noon, PID: 13992, Streams: logfmt.Streams{Out: out, Err: out}})
	t.Cleanup(func() { _ = l.Close() })
	return l, out
}

func setTarget(t *testing.T, l *logfmt.Log, spec string) {
	t.Helper()
	if _, err := l.SetTarget(spec); err != nil {
		t.Fatal(err)
	}
}

// TestLine_7_1 holds the line of each target and option.
func TestLine_7_1(t *testing.T) {
	for _, c := range []struct{ target, logger, want string }{
		{"STDOUT", "fail2ban.actions", "2026-11-22 07:35:59,327 fail2ban.actions        [13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
		{"stderr", "fail2ban.jail", "2026-11-22 07:35:59,327 fail2ban.jail           [13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
		{"SYSOUT", "fail2ban.actions", "fail2ban.actions        [13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
		{"SYSOUT[datetime=on, padding=off]", "fail2ban.actions", "2026-11-22 07:35:59,327 fail2ban.actions[13992]: NOTICE [j2] Ban 5.6.7.8\n"},
		{"STDOUT[datetime=off]", "fail2ban", "fail2ban                [13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
		{`STDOUT[format="%(levelname)-5.3s|%(name)8s|%(process)d|%% %(message)s"]`, "f", "NOT  |       f|13992|% [j2] Ban 5.6.7.8\n"},
		{"STDOUT", "fail2ban.averylongloggername.x", "2026-11-22 07:35:59,327 fail2ban.averylongloggername.x[13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
	} {
		l, out := newLog(t)
		setTarget(t, l, c.target)
		slog.New(l.Handler()).With("logger", c.logger).Log(context.Background(), logfmt.LevelNotice, "[j2] Ban 5.6.7.8")
		if out.String() != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.target, out, c.want)
		}
	}
}

// TestLine_7_1_4 holds the lines of -v, -vv and -vvv.
func TestLine_7_1_4(t *testing.T) {
	for _, c := range []struct {
		verbosity    int
		target, want string
	}{
		{1, "STDOUT", "2026-11-22 07:35:59,327 fail2ban.actions        [13992]: NOTICE  [j2] Ban 5.6.7.8\n"},
		{2, "STDOUT", " 2026-11-22 07:35:59,327 36A8 NOTIC [j2] Ban 5.6.7.8\n"},
		{2, "SYSOUT", " 36A8 NOTIC [j2] Ban 5.6.7.8\n"},
		{2, `STDOUT[format="%(message)s"]`, "[j2] Ban 5.6.7.8\n"},
		{3, "STDOUT", " + 1500 36A8 fail2ban.actions          NOTIC [j2] Ban 5.6.7.8\n"},
		{3, "STDOUT[padding=off]", " + 1500 36A8 fail2ban.actions NOTICE [j2] Ban 5.6.7.8\n"},
	} {
		var out bytes.Buffer
		now := noon().Add(-1500 * time.Millisecond)
		l := logfmt.New(logfmt.Options{Clock: func() time.Time { return now }, PID: 13992, Streams: logfmt.Streams{Out: &out}, Verbosity: c.verbosity})
		now = noon()
		setTarget(t, l, c.target)
		l.Logger("fail2ban.actions").Log(context.Background(), logfmt.LevelNotice, "[j2] Ban 5.6.7.8")
		if out.String() != c.want {
			t.Errorf("-v %d times, %s:\n got %q\nwant %q", c.verbosity, c.target, &out, c.want)
		}
	}
}

// TestLevels_1_8 checks which records pass which setting, and their names.
func TestLevels_1_8(t *testing.T) {
	all := []slog.Level{logfmt.LevelCritical, slog.LevelError, slog.LevelWarn, logfmt.LevelNotice, slog.LevelInfo,
		logfmt.LevelMSG, slog.LevelDebug, logfmt.LevelTrace, logfmt.LevelHeavy}
	for _, c := range []struct{ setting, passes, level string }{
		{"CRITICAL", "CRITICAL", "CRITICAL"},
		{"error", "CRITICAL ERROR", "ERROR"},
		{"NOTICE", "CRITICAL ERROR WARNING NOTICE", "NOTICE"},
		{"INFO", "CRITICAL ERROR WARNING NOTICE INFO", "INFO"},
		{"MSG", "CRITICAL ERROR WARNING NOTICE INFO MSG", "MSG"},
		{"19", "CRITICAL ERROR WARNING NOTICE INFO", "19"},
		{"debug", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG", "DEBUG"},
		{"TRACEDEBUG", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE", "TRACEDEBUG"},
		{"5", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", "5"},
	} {
		l, out := newLog(t)
		setTarget(t, l, `STDOUT[format="%(levelname)s"]`)
		if err := l.SetLevel(c.setting); err != nil {
			t.Fatal(err)
		}
		for _, level := range all {
			l.Logger("fail2ban").Log(context.Background(), level, "x")
		}
		if got := strings.Join(strings.Fields(out.String()), " "); got != c.passes {
			t.Errorf("loglevel %s passes %s, want %s", c.setting, got, c.passes)
		}
		if l.Level() != c.level {
			t.Errorf("loglevel %s is told as %s, want %s", c.setting, l.Level(), c.level)
		}
	}
	l, _ := newLog(t)
	if err := l.SetLevel("XX"); err == nil || err.Error() != "Invalid log level 'XX'" {
		t.Errorf("loglevel XX: %v", err)
	}
	for n, want := range map[int]string{20: "INFO", 7: "TRACE", 17: "#17-Lev.", 60: "Level 60"} {
		if got := logfmt.LevelName(n); got != want {
			t.Errorf("level %d is named %q, want %q", n, got, want)
		}
	}
}

// TestMessageStaysOnItsLine: a hostile ID must not forge a log line.
func TestMessageStaysOnItsLine(t *testing.T) {
	l, out := newLog(t)
	setTarget(t, l, `STDOUT[format="%(message)s"]`)
	l.Logger("fail2ban.actions").Info("[j] Found a\n2026-11-22 fail2ban.actions [1]: NOTICE [sshd] Ban 1.2.3.4\r\x1b[2J\x00é\tb", "n", 1)
	want := `[j] Found a\n2026-11-22 fail2ban.actions [1]: NOTICE [sshd] Ban 1.2.3.4\r\x1b[2J\x00é` + "\tb n=1\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
	out.Reset()
	l.Logger("x").Info(strings.Repeat("a", 1<<20))
	if out.Len() > 70<<10 {
		t.Errorf("a message of 1 MB became a line of %d bytes", out.Len())
	}
}

// TestFileTarget_7_2 rotates a file away, reopens it, and keeps the old target
// when the new one cannot be written.
func TestFileTarget_7_2(t *testing.T) {
	l, _ := newLog(t)
	path := filepath.Join(t.TempDir(), "fail2ban.log")
	setTarget(t, l, path)
	log := l.Logger("fail2ban.server")
	log.Info("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("two")
	if what, rolled, err := l.Flush(); what != "rolled over" || !rolled || err != nil {
		t.Errorf("flush of a file: %q %v %v", what, rolled, err)
	}
	log.Info("three")
	if _, err := l.SetTarget(filepath.Join(path, "below-a-file")); !errors.Is(err, logfmt.ErrTarget) {
		t.Errorf("unwritable target: %v", err)
	}
	log.Info("four")
	if l.Target() != path {
		t.Errorf("target is %q", l.Target())
	}
	for file, want := range map[string]string{path + ".1": "one two", path: "three four"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for line := range strings.Lines(string(data)) {
			words = append(words, line[strings.LastIndexByte(line, ' ')+1:len(line)-1])
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%s holds %q, want %q", filepath.Base(file), got, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the log: %v %v", info.Mode(), err)
	}
}

// TestSyslog_7_1_2 reads the datagrams that a system logger would get.
func TestSyslog_7_1_2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, _ := newLog(t)
	if err := l.SetSyslogSocket(path); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		level  slog.Level
		want   string
	}{
		{"SYSLOG", logfmt.LevelNotice, "<29>fail2ban.actions[13992]: NOTICE [j] Ban x\x00"},
		{"syslog[facility=AUTH]", slog.LevelInfo, "<38>fail2ban.actions[13992]: INFO [j] Ban x\x00"},
		{"SYSLOG[padding=on]", logfmt.LevelMSG, "<28>fail2ban.actions        [13992]: MSG     [j] Ban x\x00"},
	} {
		setTarget(t, l, "STDOUT")
		setTarget(t, l, c.target)
		l.Logger("fail2ban.actions").Log(context.Background(), slog.LevelDebug, "not at INFO")
		if err := l.SetLevel("DEBUG"); err != nil {
			t.Fatal(err)
		}
		l.Logger("fail2ban.actions").Log(context.Background(), c.level, "[j] Ban x")
		if err := l.SetLevel("INFO"); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != c.want {
			t.Errorf("%s: got %q, want %q (%v)", c.target, buf[:n], c.want, err)
		}
	}
	if what, rolled, err := l.Flush(); what != "flushed" || rolled || err != nil {
		t.Errorf("flush of SYSLOG: %q %v %v", what, rolled, err)
	}
	if err := l.SetSyslogSocket(path + ".none"); err == nil ||
		!strings.Contains(err.Error(), "Syslog socket file: "+path+".none does not exists or is not a socket") {
		t.Errorf("missing syslog socket: %v", err)
	}
}

// TestTargetOptions refuses what is no target.
func TestTargetOptions(t *testing.T) {
	for _, spec := range []string{"[x=1]", "STDOUT[format", "STDOUT[x]", `STDOUT[format="%(name"]`, `STDOUT[format="%(name)99999s"]`} {
		l, _ := newLog(t)
		if _, err := l.SetTarget(spec); !errors.Is(err, logfmt.ErrTarget) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func FuzzSetTarget(f *testing.F) {
	f.Add(`STDOUT[datetime=on, format="%(asctime)s %(name)-24s"]`, "message")
	f.Fuzz(func(t *testing.T, opts, msg string) {
		out := new(bytes.Buffer)
		l := logfmt.New(logfmt.Options{Clock: noon, Streams: logfmt.Streams{Out: out}})
		if _, err := l.SetTarget("STDOUT[" + opts + "]"); err != nil {
			return
		}
		l.Logger("x").Info(msg)
		if out.Len() > 1<<20 {
			t.Errorf("%q made a line of %d bytes", opts, out.Len())
		}
	})
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// logLines are the messages that people parse (COMPAT 7.3): level, logger, text.
// DIR is the test's folder, IP the address, TIME a date, [M] words of 1.1.1 alone.
var logLines = []string{
	"INFO server -{50}", "INFO server Starting Fail2ban v[0-9.]+", "INFO server Shutdown in progress...", "INFO server Stopping all jails",
	"INFO server Exiting Fail2ban", "INFO server Reload all jails", `INFO server Reload jail '?j'?`, "INFO server Jail 'j' reloaded", "INFO server Reload finished.",
	`INFO server Restart jail 'j' \(reason: 'polling' != 'auto'\)`,
	"INFO jail Creating new jail 'j'", `INFO jail Jail 'j' uses poller \{\}`, "INFO jail Initiated 'polling' backend", "INFO jail Jail 'j' started",
	"INFO jail Jail 'j' stopped", "INFO jail Set banTime.increment = True",
	"INFO filter   maxRetry: 2", "INFO filter   findtime: 3600", "INFO filter   encoding: UTF-8",
	"INFO filter Added logfile: 'DIR/log' \\(pos = [0-9]+, hash = [0-9a-f]{40}\\)", "INFO filter Removed logfile: 'DIR/log'",
	`INFO filter \[j\] Found IP - TIME`, `INFO filter \[j\] Attempt 192.0.2.9 - TIME`, `INFO filter \[j\] Ignore 192.0.2.50 by ip`,
	"INFO actions   banTime: 86400", `NOTICE actions \[j\] Ban IP`, `NOTICE actions \[j\] Unban IP`, `NOTICE actions \[j\] Restore Ban IP`,
	`NOTICE actions \[j\] (Repeal Ban|Unban) IP`, `NOTICE actions \[j\] IP already banned`, `NOTICE actions \[j\] Flush ticket\(s\) with note`,
	`NOTICE actions \[j\] Reban IP, action 'note'`, `INFO actions \[j\] Ignore IP, expired bantime`, "MSG actions 192.0.2.200 is not banned",
	`ERROR actions Failed to execute ban jail 'j' action 'bad' info 'ActionInfo\(\{.*\}\)': Error banning IP`,
	`INFO observer \[j\] Found IP, bad - TIME, 1 # -> 2.0, Ban`, `INFO observer \[j\] IP IP is bad: 1 # last TIME - incr 1d to 2d`,
	`NOTICE observer \[j\] Increase Ban IP \(2 # 2d -> TIME\)`,
	"INFO database Connected to fail2ban persistent database 'DIR/f2b.sqlite3'", "WARNING database New database created. Version '4'",
	"INFO database Connection to database closed.", "INFO observer Observer start...", "INFO observer Observer stop ... try to end queue 5 seconds",
	"INFO observer Observer stopped, [0-9]+ events remaining.",
	`ERROR utils [0-9a-f]+ -- exec: echo 'it'"'"'s out'; echo err >&2; exit 3`, `ERROR utils [0-9a-f]+ -- stdout: "it's out"`,
	`ERROR utils [0-9a-f]+ -- stderr: 'err'`, `ERROR utils [0-9a-f]+ -- returned 3`,
	"ERROR CommandAction Invariant check failed. Trying to restore a sane environment",
}

// loud is what has these happen, with actions that fail and that lose their rules.
func loudEtc(t *testing.T, dir string) {
	t.Helper()
	databaseEtc(t, dir, filepath.Join(dir, "f2b.sqlite3"), "bantime = 1d\nbantime.increment = true\nlogencoding = UTF-8\nignoreip = 192.0.2.50\naction = note\n         bad\n")
	for name, change := range map[string][2]string{
		"fail2ban.conf": {"loglevel = INFO", "loglevel = MSG"}, "jail.conf": {"action = note\nbantime", "bantime"},
	} {
		path := filepath.Join(dir, "etc", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), change[0]) {
			t.Fatalf("%s lacks %q", name, change[0])
		}
		writeFile(t, path, strings.Replace(string(text), change[0], change[1], 1))
	}
	writeFile(t, filepath.Join(dir, "etc", "action.d", "note.conf"), fmt.Sprintf("[Definition]\nactionstart = touch %[1]s/ok\nactioncheck = test -e %[1]s/ok\n"+
		"actionban = echo ban <ip> >> %[1]s/acted\nactionunban = echo unban <ip> >> %[1]s/acted\nactionflush = echo flush >> %[1]s/acted\n", dir))
	writeFile(t, filepath.Join(dir, "etc", "action.d", "bad.conf"), "[Definition]\nactionban = echo 'it'\"'\"'s out'; echo err >&2; exit 3\nactionunban = true\n")
}

// failAgo writes failures of some seconds ago.
func failAgo(t *testing.T, dir, address string, times, ago int) {
	t.Helper()
	at := time.Now().Add(-time.Duration(ago) * time.Second).Format(time.DateTime)
	appendFile(t, filepath.Join(dir, "log"), strings.Repeat(at+" fail from "+address+"\n", times))
}

// liveLoud goes through all of it and returns the log.
func liveLoud(t *testing.T, dir string, program, client []string) string {
	t.Helper()
	loudEtc(t, dir)
	s := startPlain(t, dir, program, client)
	logged := func(text string, times int) {
		t.Helper()
		testenv.Eventually(t, text, func() bool { return strings.Count(s.log(), text) >= times })
	}
	failAgo(t, dir, "192.0.2.1", 2, 30)
	logged("Error banning 192.0.2.1", 1)
	if err := os.Remove(filepath.Join(dir, "ok")); err != nil {
		t.Fatal(err)
	}
	failAgo(t, dir, "192.0.2.1", 2, 0) // 3.3.5: longer than 3 s after the ban
	logged("Reban 192.0.2.1", 1)
	failAgo(t, dir, "192.0.2.50", 1, 0)
	logged("Ignore 192.0.2.50 by ip", 1)
	s.ask("set", "j", "attempt", "192.0.2.9", "a line")
	s.ask("set", "j", "unbanip", "192.0.2.200")
	s.ask("set", "j", "bantime", "4")
	failAgo(t, dir, "192.0.2.3", 2, 30)
	logged("Ignore 192.0.2.3, expired bantime", 1)
	fail(t, dir, "192.0.2.2", 2)
	logged("] Unban 192.0.2.2", 1)
	s.ask("set", "j", "bantime", "1d")
	fail(t, dir, "192.0.2.2", 1)
	logged("Increase Ban 192.0.2.2", 1)
	s.ask("reload", "j")
	s.ask("reload")
	logged("Reload finished.", 2)
	s.ask("set", "j", "banip", "192.0.2.4")
	s.ask("set", "j", "unbanip", "192.0.2.4")
	s.ask("stop")
	<-s.ended
	s = startPlain(t, dir, program, client)
	logged("Restore Ban 192.0.2.1", 1)
	path := filepath.Join(dir, "etc", "jail.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, strings.Replace(string(text), "backend = polling", "backend = auto", 1))
	s.ask("reload")
	logged("Reload finished.", 3)
	s.ask("stop")
	<-s.ended
	return s.log()
}

// TestLogLines_7_3 has each line of the list logged by Debian's fail2ban and by
// ours: level, logger and text, in the same format.
func TestLogLines_7_3(t *testing.T) {
	t.Parallel()
	for name, programs := range map[string][2]string{
		"original": {"/usr/bin/fail2ban-server", "/usr/bin/fail2ban-client"}, "ours": {ours("fail2ban-server"), ours("fail2ban-client")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(programs[0]); err != nil {
				t.Skip("Debian's fail2ban package is not installed")
			}
			dir := t.TempDir()
			log := liveLoud(t, dir, programs[:1], programs[1:])
			for _, line := range logLines {
				level, rest, _ := strings.Cut(line, " ")
				logger, text, _ := strings.Cut(rest, " ")
				text = strings.NewReplacer("DIR", regexp.QuoteMeta(dir), "IP IP", `IP 192\.0\.2\.\d+`, "IP", `192\.0\.2\.\d+`, "TIME", `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`).Replace(text)
				pattern := fmt.Sprintf(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} %-24s\[\d+\]: %-7s %s$`, "fail2ban."+logger, level, text)
				if !regexp.MustCompile(pattern).MatchString(log) {
					t.Errorf("no line %s", line)
				}
			}
			if t.Failed() {
				t.Log(log)
			}
		})
	}
}

package testfilter

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// journalOf writes entries of sshd and cron, a second apart, to a journal and
// gives its path, "" where none can be written.
func journalOf(t *testing.T) string {
	t.Helper()
	if !canWriteJournals(t) {
		return ""
	}
	var b strings.Builder
	for i, fields := range []string{
		"_HOSTNAME=mail\nSYSLOG_IDENTIFIER=sshd\n_PID=12\n_SYSTEMD_UNIT=sshd.service\n_COMM=sshd\nMESSAGE=Failed password for root from 1.2.3.4 port 22 ssh2",
		"_HOSTNAME=mail\nSYSLOG_IDENTIFIER=cron\n_COMM=cron\nMESSAGE=# 2005-01-01 00:00:00 Failed",
		"_HOSTNAME=mail\n_COMM=sshd\nMESSAGE=Failed password for bob from 1.2.3.5 port 22 ssh2",
	} {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n%s\n\n", (1795348800+i)*1000000, i+1, fields)
	}
	path := filepath.Join(t.TempDir(), "some.journal")
	cmd := exec.Command(journalRemote, "-o", path, "-")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("writing a journal: %v\n%s", err, out)
	}
	return path
}

// TestJournal reads a journal; the reports are those of fail2ban-regex 1.0.2
// with python-systemd 235.
func TestJournal_6_3(t *testing.T) {
	path := journalOf(t)
	if path == "" {
		return
	}
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	t.Setenv("LANG", "C.UTF-8")
	word := "systemd-journal[journalfiles=" + path + "]"
	regex := `^mail \w+(?:\[\d+\])?: Failed password for <F-USER>\w+</F-USER> from <HOST> port \d+ ssh2$`
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"all entries", []string{"--print-all-matched", word, regex}, exitDone, `
Running tests
=============

Use   failregex line : ^mail \w+(?:\[\d+\])?: Failed password for <F-USER...
Use         systemd journal
Use         encoding : UTF-8


Results
=======

Failregex: 2 total
|-  #) [# of hits] regular expression
|   1) [2] ` + regex + `
` + "`-" + `

Ignoreregex: 0 total

Lines: 3 lines, 0 ignored, 2 matched, 1 missed
[processed]

|- Matched line(s):
|  2026-11-22T12:00:00+00:00 mail sshd[12]: Failed password for root from 1.2.3.4 port 22 ssh2
|  2026-11-22T12:00:02+00:00 mail sshd: Failed password for bob from 1.2.3.5 port 22 ssh2
` + "`-" + `
|- Missed line(s):
|  2026-11-22T12:00:01+00:00 mail cron: # 2005-01-01 00:00:00 Failed
` + "`-" + `
`},
		{"a match", []string{"-m", "_SYSTEMD_UNIT=sshd.service + '_COMM=cron'", "-d", "EPOCH", word, regex}, exitDone, `
Running tests
=============

Use      datepattern : EPOCH : Epoch
Use   failregex line : ^mail \w+(?:\[\d+\])?: Failed password for <F-USER...
Use         systemd journal
Use         encoding : UTF-8
Use    journal match : _SYSTEMD_UNIT=sshd.service + _COMM=cron


Results
=======

Failregex: 1 total
|-  #) [# of hits] regular expression
|   1) [1] ` + regex + `
` + "`-" + `

Ignoreregex: 0 total

Date template hits:

Lines: 2 lines, 0 ignored, 1 matched, 1 missed
[processed]

|- Missed line(s):
|  2026-11-22T12:00:01+00:00 mail cron: # 2005-01-01 00:00:00 Failed
` + "`-" + `
`},
		{"out", []string{"-o", "<ip> <time> <matches>", "-m", "_COMM=sshd", word, regex}, exitDone,
			"1.2.3.4 1795348800.0 2026-11-22T12:00:00+00:00 mail sshd[12]: Failed password for root from 1.2.3.4 port 22 ssh2\n" +
				"1.2.3.5 1795348802.0 2026-11-22T12:00:02+00:00 mail sshd: Failed password for bob from 1.2.3.5 port 22 ssh2\n"},
		{"no such file", []string{"-o", "id", "systemd-journal[journalfiles=" + path + "x]", regex}, exitFailed, "ERROR: no journal file matches " + path + "x\n"},
		{"unknown option", []string{"-o", "id", "systemd-journal[files=x]", regex}, exitFailed,
			"ERROR: systemd-journal: unknown option files, it may have journalfiles, journalflags, journalpath, namespace, rotated\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ours(c.args)
			if got.Code != c.code || got.Err != "" {
				t.Errorf("exit code %d, stderr %q", got.Code, got.Err)
			}
			sameText(t, normal(got.Out), c.want)
		})
	}
}

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

const journalRemote = "/lib/systemd/systemd-journal-remote"

// journalWriter makes journal files and, line by line, the same as a log.
type journalWriter struct {
	t   *testing.T
	at  time.Time
	log strings.Builder
	out bytes.Buffer
}

func (w *journalWriter) entry(host, ident, pid, message string) {
	w.at = w.at.Add(time.Millisecond)
	fmt.Fprintf(&w.log, "%s %s %s[%s]: %s\n", w.at.Format(time.Stamp), host, ident, pid, message)
	fmt.Fprintf(&w.out, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%[1]d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n"+
		"_HOSTNAME=%s\nSYSLOG_IDENTIFIER=%s\n_COMM=%[3]s\nSYSLOG_PID=%s\nMESSAGE=%s\n\n", w.at.UnixMicro(), host, ident, pid, message)
}

// write appends what came since the last call to a journal file.
func (w *journalWriter) write(path string) {
	w.t.Helper()
	cmd := exec.Command(journalRemote, "-o", path, "-")
	cmd.Stdin = &w.out
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("writing a journal: %v\n%s", err, out)
	}
	w.out.Reset()
}

// sampleEntries are the lines of fail2ban's own samples as a syslog daemon
// writes them: host, process, pid, message.
func sampleEntries(t *testing.T, lib, name string) [][4]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(lib, "fail2ban", "tests", "files", "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	syslog := regexp.MustCompile(`^\w{3} +\d+ [\d:]{8} (\S+) (` + name + `)\[(\d+)\]: (.*)$`)
	dated := regexp.MustCompile(`^\[\d{4}-\d\d-\d\d [\d:]{8}(?:\.\d+)?\] (.*)$`)
	var list [][4]string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, ": [ID ") {
			continue // Solaris' syslog adds this; no journal has it
		}
		if m := syslog.FindStringSubmatch(line); m != nil {
			list = append(list, [4]string(m[1:]))
		} else if m := dated.FindStringSubmatch(line); m != nil {
			list = append(list, [4]string{"pbx", name, "1234", m[1]})
		}
	}
	return list
}

// TestJournalFindsWhatTheLogHas_2_9: from the journal the filters sshd and
// asterisk find what they find in the same lines as a log, before and after the
// start, over a rotation, and in a namespace.
func TestJournalFindsWhatTheLogHas_2_9(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if _, err := os.Stat(journalRemote); err != nil || !ok {
		t.Logf("not checked without fail2ban and systemd-journal-remote: %v", err)
		return
	}
	dir := t.TempDir()
	journals := filepath.Join(dir, "journals")
	if err := os.Mkdir(journals, 0o755); err != nil {
		t.Fatal(err)
	}
	current := filepath.Join(journals, "system.journal")
	w := &journalWriter{t: t, at: time.Now().Add(-time.Minute)}
	entries := append(sampleEntries(t, lib, "sshd"), sampleEntries(t, lib, "asterisk")...)
	half := len(entries) / 2
	for _, e := range entries[:half] {
		w.entry(e[0], e[1], e[2], e[3])
	}
	log := filepath.Join(dir, "syslog")
	writeFile(t, log, w.log.String())
	w.write(current)

	etcOfDebian(t, dir)
	jails := "[DEFAULT]\nusedns = no\nignoreself = false\nmaxretry = 9999\naction =\n"
	for _, name := range []string{"sshd", "asterisk"} {
		jails += fmt.Sprintf("[file-%s]\nenabled = true\nfilter = %[1]s\nbackend = polling\nlogpath = %s\n"+
			"[journal-%[1]s]\nenabled = true\nfilter = %[1]s\nbackend = systemd[journalpath=%[3]s]\njournalmatch = _COMM=%[1]s\n", name, log, journals)
	}
	writeFile(t, filepath.Join(dir, "etc", "jail.local"), jails)
	writeFile(t, filepath.Join(dir, "etc", "fail2ban.local"), "[Definition]\nlogtarget = "+dir+"/f2b.log\ndbfile = "+dir+"/f2b.sqlite3\n")
	s := startServer(t, namespace(t), dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
	testenv.Eventually(t, "the journals are caught up", func() bool { return strings.Count(s.log(), "Jail is in operation now") == 2 })

	w.log.Reset()
	for i, e := range entries[half:] {
		w.entry(e[0], e[1], e[2], e[3])
		if i == half/2 {
			w.write(current)
			if err := os.Rename(current, filepath.Join(journals, "system@0.journal")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"sshd", "asterisk"} {
		w.entry("end", name, "1", last[name])
	}
	w.write(current)
	appendFile(t, log, w.log.String())
	total := 0
	for _, name := range []string{"sshd", "asterisk"} {
		var file, journal []string
		testenv.Eventually(t, "both have found the last line of "+name, func() bool {
			file, journal = foundBy(s.log(), "file-"+name), foundBy(s.log(), "journal-"+name)
			return slices.Contains(file, "198.51.100.99") && slices.Contains(journal, "198.51.100.99")
		})
		if !slices.Equal(file, journal) {
			t.Errorf("%s finds in the log\n%v\nin the journal\n%v", name, file, journal)
		}
		total += len(journal)
	}
	t.Logf("%d lines, %d failures in each", len(entries)+2, total)
}

// last are lines that the filters match, of an address that the samples lack.
var last = map[string]string{
	"sshd":     "Failed password for root from 198.51.100.99 port 22 ssh2",
	"asterisk": "NOTICE[1638] chan_sip.c: Registration from '<sip:301@example.com>' failed for '198.51.100.99' - Wrong password",
}

// foundBy lists the IDs of a jail's failures.
func foundBy(log, jail string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`\[`+jail+`\] Found (\S+) - `).FindAllStringSubmatch(log, -1) {
		list = append(list, m[1])
	}
	return list
}

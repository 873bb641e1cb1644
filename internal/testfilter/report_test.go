package testfilter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/action"
	"f2b-go/internal/testenv"
)

const sessionRegex = `^\s*\[<F-MLFID>\d+</F-MLFID>\] (?:<F-NOFAIL>connect</F-NOFAIL> from <HOST>|fail <F-USER>\w+</F-USER>)$`

// logs are what the reports are made of.
var logs = map[string]string{
	"plain": "2026-11-22 12:00:00 a from 1.2.3.4\n# a comment\n\n2026-11-22 12:00:01 b from 1.2.3.5\n2026-11-22 12:00:02 unfinished from 1.2.3.6",
	"sessions": "2026-11-22 12:00:00 [7] connect from 1.2.3.4\n2026-11-22 12:00:01 [8] fail bob\n" +
		"2026-11-22 12:00:01 [7] fail bob\n2026-11-22 12:00:02 [8] connect from 1.2.3.9\n",
	"many":  strings.Repeat("2026-11-22 12:00:00 a from 1.2.3.4 \n2026-11-22 12:00:00 b\nno date here\n", 21),
	"bytes": "2026-11-22 12:00:00 \xff\xfe from 1.2.3.4\nz\xc3\xbcri <b>&</b> from 1.2.3.5\n" + "2026-11-22 12:00:00 \x1b[31m from 1.2.3.4\r\n",
	"years": "1999-01-01 00:00:00 from 1.2.3.4\n2031-01-01 00:00:00 from 1.2.3.4\n2005-02-30 00:00:00 from 1.2.3.4\n",
	"lines": "2026-11-22 12:00:00 fail 1\n2026-11-22 12:00:01 other\n2026-11-22 12:00:02 host 1 1.2.3.4\n2026-11-22 12:00:03 fail 2\n",
}

// reports are command lines; LOG stands for a log's path.
var reports = map[string][][]string{
	"plain": {
		{"LOG", `from <HOST>$`}, {"LOG", `from`}, {"LOG", `from (<HOST>`}, {"LOG", ``}, {"LOG", `(?i)FROM <HOST>`}, {"-v", "LOG", `from <HOST>$`},
		{"-D", "LOG", `from <HOST>$`}, {"-D", "--print-all-matched", "LOG", `(?i)A from <HOST>$`}, {"LOG", `x <HOST>$`}, {"LOG", `from <HOST>$`, `^ a`},
		{"-v", "LOG", `from <HOST>$`, `^ a`}, {"-d", "%Q", "LOG", `<HOST>`}, {"-d", "{NONE}", "LOG", `<HOST>`}, {"-d", "EPOCH", "LOG", `<HOST>`},
		{"-d", "%Y-%m-%d %H:%M:%S", "LOG", `<HOST>`}, {"--TZ", "Europe/Zurich", "LOG", `<HOST>`}, {"--TZ", "UTC+0200", "LOG", `<HOST>`},
		{"--timezone=UTC+0200", "-o", "row", "LOG", `<HOST>$`}, {"-o", "id", "LOG", `<HOST>$`}, {"-oip", "LOG", `<HOST>$`}, {"-o", "msg", "LOG", `<HOST>$`},
		{"-o", "nosuch", "LOG", `<HOST>$`}, {"-o", "<ip> <family> <time> <nosuch> <F-NO>|<msg>", "LOG", `<HOST>$`}, {"--usedns", "no", "-v", "LOG", `<HOST>`},
		{"--usedns", "maybe", "LOG", `<HOST>`}, {"LOG", `from <HOST>`, "--print-all-matched"}, {"LOG", `a`, `b`, `c`}, {"LOG"}, {}, {"-Z"}, {"--bogus", "LOG", "x"},
		{"-L", "abc", "LOG", "x"}, {"-L", "-1", "LOG", `<HOST>`}, {"--print", "LOG", "x"}, {"--print-no-mi", "--print-all-miss", "LOG", "x"}, {"-c"},
		{"--raw=1", "LOG", "x"}, {"--", "LOG", `<HOST>$`}, {"LOG", `<F-ID>\S+</F-ID> from <HOST>$`, "-o", "<ip>=<fid>"}, {"--print-no-i", "--print-no-missed", "LOG", `^ a.*<HOST>$`},
		{"-t", "LOG", `from <HOST>$`}, {"--full-traceback", "LOG", `from <HOST>$`}, {"-vv", "LOG", `from <HOST>$`}, {"--verbosity", "4", "LOG", `from <HOST>$`}, {"--VD", "-v", "-d", "EPOCH", "LOG", `<HOST>`},
		{"--usage"}, {"-l", "error", "LOG", `from <HOST>$`}, {"--log-level=notice", "LOG", `from <HOST>$`}, {"-e", "utf-8", "-r", "LOG", `from <HOST>$`}, {"-m", "A=b", "LOG", `from <HOST>$`},
		{"-v", "--TZ", "Nowhere/0", "LOG", `from <HOST>$`}, {"--print-no-ignored", "--print-all-ignored", "LOG", "x"}, {"LOG", "/nosuch/filter.conf"}, {"LOG", "nosuch[a=b]"}, {"LOG", "sshd[mode=nosuch"},
		{"LOG", `<F-ID>\w</F-ID><F-TUPLE_ID> \w+</F-TUPLE_ID>`, "-o", "row"}, {"-v", "LOG", `<F-ID>\w</F-ID><F-TUPLE_ID> \w+</F-TUPLE_ID>`},
	},
	"sessions": {
		{"LOG", sessionRegex}, {"-v", "LOG", sessionRegex}, {"-o", "row", "LOG", sessionRegex}, {"-o", "id", "LOG", sessionRegex}, {"-o", "user", "LOG", sessionRegex},
		{"-o", "users", "LOG", sessionRegex}, {"-o", "matches", "LOG", sessionRegex}, {"-o", "<ip> <F-USER> <msg>", "LOG", sessionRegex},
		{"-o", "<msg>|<matches>|<F-*>|<ip-rev>|<br><sp>|<F-MLFID>|<raw-ticket>", "LOG", sessionRegex}, {"--no-check-all", "LOG", sessionRegex}, {"-L", "3", "LOG", sessionRegex},
	},
	"many": {
		{"LOG", `a from <HOST>`}, {"-L", "1", "LOG", `a from <HOST>`}, {"--print-all-missed", "LOG", `a from <HOST>`}, {"--print-no-missed", "LOG", `a from <HOST>`},
		{"--print-all-matched", "LOG", `a from <HOST>`}, {"LOG", `from <HOST>`, `^ a`}, {"--print-all-ignored", "LOG", `from <HOST>`, `^ a`},
		{"--print-no-ignored", "LOG", `from <HOST>`, `^ a`}, {"-D", "LOG", `a from <HOST>`},
	},
	"bytes": {
		{"LOG", `from <HOST>`}, {"-e", "latin1", "--print-all-matched", "LOG", `from <HOST>`}, {"-e", "ascii", "LOG", `x<HOST>`}, {"LOG", `x<HOST>`},
		{"-o", "msg", "LOG", `from <HOST>`},
	},
	"years": {{"LOG", `from <HOST>$`}, {"-o", "row", "LOG", `from <HOST>$`}},
	"lines": {
		{"-L", "3", "LOG", `fail (?P<n>\d)<SKIPLINES>.*host (?P=n) <HOST>$`}, {"-L", "3", "-v", "--print-all-matched", "LOG", `fail (?P<n>\d)<SKIPLINES>.*host (?P=n) <HOST>$`},
		{"--maxlines=3", "-o", "msg", "LOG", `fail (?P<n>\d)<SKIPLINES>.*host (?P=n) <HOST>$`},
		{"-L", "2", "2026-11-22 12:00:00 fail 1\n2026-11-22 12:00:01 host 1 1.2.3.4", `fail (?P<n>\d)\n.*host (?P=n) <HOST>$`},
		{"a from 1.2.3.4", `from <HOST>$`}, {"a from 1.2.3.4\nb\nc\nd\ne\nf from " + strings.Repeat("x", 60), `from <HOST>$`},
		{"2026-11-22 12:00:00 a from 1.2.3.4", `from <HOST>$`, "a"},
	},
}

// outcome is what a run printed and its exit code.
type outcome struct {
	Out, Err string
	Code     int
}

// askRegex runs fail2ban-regex with many command lines in one process.
const askRegex = `
import sys, json, io, contextlib, traceback
sys.path.insert(0, sys.argv[1])
sys.argv = ['fail2ban-regex']
from fail2ban.client.fail2banregex import exec_command_line
import logging
for line in sys.stdin:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try: exec_command_line(json.loads(line))
        except SystemExit as e: code = e.code or 0
        except Exception: traceback.print_exc(); code = 1
    logging.getLogger('fail2ban').handlers = []
    print(json.dumps({'Out': out.getvalue(), 'Err': err.getvalue(), 'Code': code}))
`

// original runs Debian's fail2ban-regex.
func original(t *testing.T, lib string, runs [][]string) []outcome {
	t.Helper()
	var in bytes.Buffer
	for _, args := range runs {
		if err := json.NewEncoder(&in).Encode(args); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(testenv.Python, "-c", askRegex, lib)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("running fail2ban-regex: %v", err)
	}
	var all []outcome
	for _, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// ours runs our program.
func ours(args []string) outcome {
	var out, errs bytes.Buffer
	code := Main(args, nil, &out, &errs, "fail2ban-regex")
	return outcome{out.String(), errs.String(), code}
}

var (
	elapsed = regexp.MustCompile(`\[processed in [0-9.]+ sec\]`)
	helping = regexp.MustCompile(`(?s)^Usage: .*`)
)

// newer turns what 1.0.2 prints into what 1.1.1 does.
var newer = strings.NewReplacer(
	`(?:T|  ?)Ex24hourExMinuteExSecond`, `(?:-|T|  ?)Ex24hour:?ExMinute:?ExSecond`,
	"Use   failregex file :", "Use      filter file :",
	"Use   failregex filter file :", "Use      filter file :",
	`::?|::){1,7}`, `::?|:){1,7}`,
	`%3A%3A%3F%7C%3A%3A%29%7B1%2C7%7D`, `%3A%3A%3F%7C%3A%29%7B1%2C7%7D`,
)

// normal takes out what differs by nature: the time that was taken, the text
// of the help.
func normal(out string) string {
	return helping.ReplaceAllString(elapsed.ReplaceAllString(out, "[processed]"), "help")
}

// TestReportsAsFail2ban compares the reports with those of Debian's
// fail2ban-regex, line by line.
func TestReportsAsFail2ban_6(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	dir := t.TempDir()
	var runs [][]string
	var names []string
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(logs[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, run := range reports[name] {
			args := make([]string, len(run))
			for i, a := range run {
				args[i] = strings.ReplaceAll(a, "LOG", path)
			}
			runs = append(runs, args)
			names = append(names, name+" "+strings.Join(run, " "))
		}
	}
	for i, want := range original(t, lib, runs) {
		t.Run(names[i], func(t *testing.T) {
			got := ours(runs[i])
			if strings.Contains(want.Err, "Traceback") {
				if got.Code == exitDone {
					t.Error("fail2ban-regex breaks down here, ours is content")
				}
				return
			}
			if want.Code != got.Code {
				t.Errorf("exit code %d, want %d", got.Code, want.Code)
			}
			sameText(t, plain(got.Out), newer.Replace(plain(want.Out)))
			sameText(t, got.Err, want.Err)
		})
	}
}

func sameText(t *testing.T, got, want string) {
	t.Helper()
	if diff := firstDifference(got, want); diff != "" {
		t.Error(diff)
	}
}

// firstDifference tells of the first line in which two texts differ, "" where
// there is none.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, a, b)
		}
	}
	return ""
}

// TestRowsNameTheAddress asks for the names of addresses, COMPAT 6.8.
func TestRowsNameTheAddress(t *testing.T) {
	find := func(_ context.Context, ip string) ([]string, error) {
		if ip == "192.0.2.1" {
			return []string{"a.example.", "b.example."}, nil
		}
		return nil, errors.New("no such name")
	}
	for line, want := range map[string]string{"from 192.0.2.1": "a.example\n", "from 192.0.2.2": "None\n"} {
		names := action.NewHost(nil)
		names.LookupAddr = find
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		code := run([]string{"-o", "<ip-host>", line, "from <ADDR>"}, w, io.Discard, "fail2ban-regex", surroundings{names: names})
		if err := w.Flush(); err != nil || code != exitDone || out.String() != want {
			t.Errorf("%s: exit code %d, %q, want %q (%v)", line, code, out.String(), want, err)
		}
	}
}

package testfilter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
)

// jsonRun judges text with --json at a fixed time in UTC.
func jsonRun(t *testing.T, text string, args ...string) outcome {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "LOG", log)
	}
	return ours(append([]string{"--json", "--now", "2026-11-22T12:00:00Z"}, args...))
}

const isoTemplate = `{^LN-BEG}ExYear(?P<_sep>[-/.])Month(?P=_sep)Day(?:T|  ?)24hour:Minute:Second(?:[.,]Microseconds)?(?:\\s*Zone offset)?`

// TestJSON is the contract of DESIGN.md, field by field.
func TestJSON(t *testing.T) {
	head := func(line, text, at, template, result string) string {
		return `{"line":` + line + `,"text":"` + text + `","time":` + at + `,"template":"` + template + `","result":"` + result + `","failures":[`
	}
	for _, c := range []struct {
		name, log string
		args      []string
		want      []string
	}{
		{"a failure, a comment, a blank line, a miss, no date", "2026-11-22 11:00:00 a from 1.2.3.4\n# c\n\n2026-11-22 11:00:01 <b>\nfrom ::1\nunfinished", []string{"LOG", `from <HOST>$`}, []string{
			head("1", "2026-11-22 11:00:00 a from 1.2.3.4", "1795345200.0", isoTemplate, "failure") +
				`{"regex":1,"id":"1.2.3.4","time":1795345200.0,"nofail":false,"fields":{"ip4":"1.2.3.4","ip6":null,"dns":null,"host":"1.2.3.4","attempts":1,"matches":[["","2026-11-22 11:00:00"," a from 1.2.3.4"]]}}]}`,
			head("4", "2026-11-22 11:00:01 <b>", "1795345201.0", isoTemplate, "missed") + `]}`,
			head("5", "from ::1", "null", "", "failure") +
				`{"regex":1,"id":"::1","time":null,"nofail":false,"fields":{"ip4":null,"ip6":"::1","dns":null,"host":"::1","attempts":1,"matches":[["","","from ::1"]]}}]}`,
			`{"summary":{"lines":3,"ignored":0,"matched":2,"missed":1}}`,
		}},
		{"a zone makes the time an int", "2026-11-22T11:00:00Z from 1.2.3.4\n", []string{"LOG", `from <ADDR>$`, `from 9`}, []string{
			head("1", "2026-11-22T11:00:00Z from 1.2.3.4", "1795345200", isoTemplate, "failure") +
				`{"regex":1,"id":"1.2.3.4","time":1795345200,"nofail":false,"fields":{"ip4":"1.2.3.4","ip6":null,"host":"1.2.3.4","attempts":1,"matches":[["","2026-11-22T11:00:00Z"," from 1.2.3.4"]]}}]}`,
			`{"summary":{"lines":1,"ignored":0,"matched":1,"missed":0}}`,
		}},
		{"ignored", "2026-11-22 11:00:00 a from 1.2.3.4\n", []string{"LOG", `from <HOST>$`, `^ a`}, []string{
			head("1", "2026-11-22 11:00:00 a from 1.2.3.4", "1795345200.0", isoTemplate, "ignored") + `]}`,
			`{"summary":{"lines":1,"ignored":1,"matched":0,"missed":0}}`,
		}},
		{"a session: nofail, pending, failure", "2026-11-22 11:00:00 [1] connect from 1.2.3.4\n2026-11-22 11:00:01 [2] fail bob\n2026-11-22 11:00:02 [1] fail bob\n",
			[]string{"--raw", "LOG", strings.ReplaceAll(sessionRegex, "<HOST>", "<ADDR>")}, []string{
				head("1", "2026-11-22 11:00:00 [1] connect from 1.2.3.4", "1795345200.0", isoTemplate, "nofail") +
					`{"regex":1,"id":"1.2.3.4","time":1795345200.0,"nofail":true,"fields":{"mlfid":"1","nofail":"connect","ip4":"1.2.3.4","ip6":null,"user":null,"nofail-matches":[["","2026-11-22 11:00:00"," [1] connect from 1.2.3.4"]],"host":"1.2.3.4","attempts":0,"matches":[]}}]}`,
				head("2", "2026-11-22 11:00:01 [2] fail bob", "1795345201.0", isoTemplate, "nofail") +
					`{"regex":1,"id":null,"time":1795345201.0,"nofail":false,"fields":{"mlfid":"2","nofail":null,"ip4":null,"ip6":null,"user":"bob","users":["bob"],"mlfpending":1,"host":null,"attempts":1,"matches":[["","2026-11-22 11:00:01"," [2] fail bob"]]}}]}`,
				head("3", "2026-11-22 11:00:02 [1] fail bob", "1795345202.0", isoTemplate, "failure") +
					`{"regex":1,"id":"1.2.3.4","time":1795345202.0,"nofail":false,"fields":{"mlfid":"1","ip4":"1.2.3.4","ip6":null,"user":"bob","users":["bob"],"host":"1.2.3.4","attempts":2,"matches":[["","2026-11-22 11:00:00"," [1] connect from 1.2.3.4"],["","2026-11-22 11:00:02"," [1] fail bob"]]}}]}`,
				`{"summary":{"lines":3,"ignored":2,"matched":1,"missed":0}}`,
			}},
		{"all regexes are tried", "2026-11-22 11:00:00 a\n", []string{"--usedns", "no", "LOG", `<F-ID>a</F-ID>`}, []string{
			head("1", "2026-11-22 11:00:00 a", "1795345200.0", isoTemplate, "failure") +
				`{"regex":1,"id":"a","time":1795345200.0,"nofail":false,"fields":{"fid":"a","host":"a","attempts":1,"matches":[["","2026-11-22 11:00:00"," a"]]}}]}`,
			`{"summary":{"lines":1,"ignored":0,"matched":1,"missed":0}}`,
		}},
		{"bytes that are no text", "2026-11-22 11:00:00 \xff\x00\u2028 from 1.2.3.4\n", []string{"LOG", `from <IP4>$`}, []string{
			head("1", `2026-11-22 11:00:00 `+"\uFFFD"+`\u0000\u2028 from 1.2.3.4`, "1795345200.0", isoTemplate, "failure") +
				`{"regex":1,"id":"1.2.3.4","time":1795345200.0,"nofail":false,"fields":{"ip4":"1.2.3.4","host":"1.2.3.4","attempts":1,"matches":[["","2026-11-22 11:00:00"," ` + "\uFFFD" + `\u0000\u2028 from 1.2.3.4"]]}}]}`,
			`{"summary":{"lines":1,"ignored":0,"matched":1,"missed":0}}`,
		}},
		{"the year of --now", "Nov 21 11:00:00 from 1.2.3.4\nNov 24 11:00:00 x\n", []string{"LOG", `from <IP4>$`}, []string{
			head("1", "Nov 21 11:00:00 from 1.2.3.4", "1795258800.0", `{^LN-BEG}(?:DAY )?MON Day %k:Minute:Second(?:\\.Microseconds)?(?: ExYear)?`, "failure") +
				`{"regex":1,"id":"1.2.3.4","time":1795258800.0,"nofail":false,"fields":{"ip4":"1.2.3.4","host":"1.2.3.4","attempts":1,"matches":[["","Nov 21 11:00:00"," from 1.2.3.4"]]}}]}`,
			head("2", "Nov 24 11:00:00 x", "1763982000.0", `{^LN-BEG}(?:DAY )?MON Day %k:Minute:Second(?:\\.Microseconds)?(?: ExYear)?`, "missed") + `]}`,
			`{"summary":{"lines":2,"ignored":0,"matched":1,"missed":1}}`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := jsonRun(t, c.log, c.args...)
			if got.Code != exitDone || got.Err != "" {
				t.Errorf("exit code %d, stderr %q", got.Code, got.Err)
			}
			sameText(t, got.Out, strings.Join(c.want, "\n")+"\n")
		})
	}
}

// TestJSONErrors has what is no data on stderr.
func TestJSONErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		err  string
	}{
		{"no ID", []string{"LOG", "nosuch"}, exitFailed, "ERROR: No failure-id group in 'nosuch'\n"},
		{"bad time", []string{"--now", "yesterday", "LOG", "<HOST>"}, exitFailed,
			"ERROR: reading --now \"yesterday\": neither seconds since 1970 nor a date and time of ISO 8601\n"},
		{"bad level", []string{"-l", "loud", "LOG", "<HOST>"}, exitFailed, "ERROR: Invalid log level 'loud'\n"},
		{"bad encoding", []string{"-e", "klingon", "LOG", "<HOST>"}, exitFailed, "ERROR: unknown encoding: klingon\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := jsonRun(t, "x\n", c.args...)
			if got.Code != c.code || got.Out != "" || got.Err != c.err {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d, %q", got.Code, got.Out, got.Err, c.code, c.err)
			}
		})
	}
	if got := jsonRun(t, "x\n", "-o", "id", "LOG", "<HOST>"); got.Code != exitFailed || !strings.Contains(got.Err, "--json and --out are mutually exclusive") {
		t.Errorf("--json with -o: %+v", got)
	}
}

func TestNow(t *testing.T) {
	zurich := samplesZone(t)
	for text, want := range map[string]string{
		"1124013600":                    "2005-08-14T10:00:00Z",
		"1124013600.5":                  "2005-08-14T10:00:00.5Z",
		"2005-08-14T12:00:00":           "2005-08-14T10:00:00Z",
		"2005-08-14 12:00:00":           "2005-08-14T10:00:00Z",
		"2005-08-14T12:00":              "2005-08-14T10:00:00Z",
		"2005-08-14":                    "2005-08-13T22:00:00Z",
		"2005-08-14T12:00:00Z":          "2005-08-14T12:00:00Z",
		"2005-08-14t12:00:00z":          "2005-08-14T12:00:00Z",
		"2005-08-14T12:00:00.25+05:30":  "2005-08-14T06:30:00.25Z",
		"2005-08-14T12:00:00+0530":      "2005-08-14T06:30:00Z",
		"20050814T120000":               "2005-08-14T10:00:00Z",
		"2005-02-30T12:00:00":           "error",
		"":                              "error",
		"1e300":                         "error",
		"NaN":                           "error",
		"2005-08-14T12:00:00 yesterday": "error",
	} {
		at, err := parseNow(text, zurich)
		got := "error"
		if err == nil {
			got = at.UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestLongLines reads a log with lines beyond every buffer.
func TestLongLines_C9(t *testing.T) {
	giant := bytes.Repeat([]byte("x"), 3*filter.MaxLine)
	log := bytes.Join([][]byte{[]byte("a"), giant, bytes.Repeat([]byte("y"), 300<<10), []byte("b"), []byte("unfinished")}, []byte("\n"))
	f := filter.New("j", filter.Env{})
	r := newLineReader(bytes.NewReader(log), f.CutLine)
	var sizes []int
	for {
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(line))
	}
	if len(sizes) != 4 || sizes[0] != 2 || sizes[1] < filter.MaxLine || sizes[1] > 2*filter.MaxLine || sizes[2] != 300<<10+1 || sizes[3] != 2 {
		t.Errorf("lines of %v bytes", sizes)
	}
	if len(r.buf) > 4*filter.MaxLine {
		t.Errorf("the buffer grew to %d bytes", len(r.buf))
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("-vv\x00--print-all-m\x00LOG\x00-oid\x00REGEX")
	f.Add("--\x00-x")
	f.Fuzz(func(t *testing.T, words string) {
		args := strings.Split(words, "\x00")
		_, rest, err := parse(args)
		if err == nil && len(rest) > len(args) {
			t.Errorf("%q has %d words left", args, len(rest))
		}
	})
}

package jail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/pytext"
)

// optionCase is one `set`: its reply, and the word with which get then says the
// same, "" for none. LOG stands for a log's path.
type optionCase struct {
	word  string
	args  []any
	reply string
	get   string
}

var optionCases = []optionCase{
	{"ignoreself", []any{"false"}, "False", "ignoreself"},
	{"ignoreself", []any{true}, "True", "ignoreself"},
	{"addignoreip", []any{"192.0.2.1", "198.51.100.0/24"}, "['198.51.100.0/24', '192.0.2.1']", "ignoreip"},
	{"addignoreip", nil, "['198.51.100.0/24', '192.0.2.1']", ""},
	{"delignoreip", []any{"192.0.2.1"}, "['198.51.100.0/24']", "ignoreip"},
	{"ignorecommand", []any{"/bin/true <ip>"}, "'/bin/true <ip>'", "ignorecommand"},
	{"ignorecache", []any{`key="<ip>", max-count=10, max-time=5m`}, "['<ip>', 10, 300]", "ignorecache"},
	{"ignorecache", []any{""}, "None", "ignorecache"},
	{"addlogpath", []any{"LOG", "tail"}, "['LOG']", "logpath"},
	{"addlogpath", []any{"LOG"}, "['LOG']", ""},
	{"dellogpath", []any{"LOG"}, "[]", "logpath"},
	{"logencoding", []any{"UTF-8"}, "'UTF-8'", "logencoding"},
	{"addjournalmatch", []any{"_COMM=x", "+", "_UID=0"}, "[]", "journalmatch"},
	{"prefregex", []any{"^x <F-CONTENT>.*</F-CONTENT>$"}, `'^x (?P<content>.*)$'`, "prefregex"},
	{"prefregex", []any{""}, "''", "prefregex"},
	{"addfailregex", []any{"a <IP4>"}, `['a (?:::f{4,6}:)?(?P<ip4>(?:\\d{1,3}\\.){3}\\d{1,3})']`, "failregex"},
	{"delfailregex", []any{"7"}, `['a (?:::f{4,6}:)?(?P<ip4>(?:\\d{1,3}\\.){3}\\d{1,3})']`, ""},
	{"delfailregex", []any{"0"}, "[]", "failregex"},
	{"addignoreregex", []any{"b"}, "['b']", "ignoreregex"},
	{"delignoreregex", []any{0}, "[]", "ignoreregex"},
	{"usedns", []any{"RAW"}, "'raw'", "usedns"},
	{"usedns", []any{true}, "'yes'", "usedns"},
	{"usedns", []any{"maybe"}, "'no'", "usedns"},
	{"findtime", []any{"1mo"}, "2629800.0", "findtime"},
	{"findtime", []any{"10m"}, "600", "findtime"},
	{"datepattern", []any{"%Y-%m-%d"}, "('%Y-%m-%d', 'Year-Month-Day')", "datepattern"},
	{"logtimezone", []any{"UTC+0100"}, "'UTC+0100'", "logtimezone"},
	{"logtimezone", []any{""}, "''", "logtimezone"},
	{"logtimezone", []any{nil}, "None", "logtimezone"},
	{"maxmatches", []any{"3"}, "3", "maxmatches"},
	{"maxretry", []any{"7"}, "7", "maxretry"},
	{"maxlines", []any{"2"}, "2", "maxlines"},
	{"bantime", []any{"1mo"}, "2629800", "bantime"},
	{"bantime", []any{-1}, "-1", "bantime"},
	{"bantime.increment", []any{"true"}, "True", "bantime.increment"},
	{"bantime.maxtime", []any{"5w"}, "3024000", "bantime.maxtime"},
	{"bantime.factor", []any{"2.0 / 2.885385"}, "'2.0 / 2.885385'", "bantime.factor"},
	{"bantime.factor", []any{""}, "None", "bantime.factor"},
	{"banip", nil, "0", "banip"},
}

// TestOptions_5_3 is `set JAIL word args…`: its reply, and what get then says.
func TestOptions_5_3(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := plainJail(t)
	j.env.ParseOptions = func(text string) (map[string]string, error) {
		if text == "" {
			return nil, nil
		}
		return map[string]string{"key": "<ip>", "max-count": "10", "max-time": "5m"}, nil
	}
	for _, tt := range optionCases {
		args := slices.Clone(tt.args)
		if len(args) > 0 && args[0] == "LOG" {
			args[0] = log
		}
		tt.reply = strings.ReplaceAll(tt.reply, "LOG", log)
		got, err := j.Set(t.Context(), tt.word, args)
		if err != nil || pytext.Repr(got) != tt.reply {
			t.Errorf("set %s %v: %s, %v; want %s", tt.word, tt.args, pytext.Repr(got), err, tt.reply)
		}
		if tt.get == "" {
			continue
		}
		want := tt.reply
		if tt.get == "banip" {
			want = "[]"
		}
		if got, err := j.Get(tt.get, nil); err != nil || pytext.Repr(got) != want {
			t.Errorf("get %s: %s, %v; want %s", tt.get, pytext.Repr(got), err, want)
		}
	}
}

func plainJail(t *testing.T) *Jail {
	t.Helper()
	j, err := New("j", "auto", Env{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestDefaults_5_3 is what a jail that nobody has set up replies.
func TestDefaults_5_3(t *testing.T) {
	j := plainJail(t)
	for word, want := range map[string]string{
		"ignoreself": "True", "ignoreip": "[]", "ignorecommand": "False", "ignorecache": "None", "logpath": "[]", "journalmatch": "[]",
		"prefregex": "''", "failregex": "[]", "ignoreregex": "[]", "usedns": "'warn'", "findtime": "600", "logtimezone": "None",
		"maxmatches": "5", "maxretry": "3", "maxlines": "1", "bantime": "600", "bantime.increment": "None", "bantime.": "None", "banip": "[]", "banned": "[]",
		"datepattern": "(None, 'Default Detectors')",
	} {
		if got, err := j.Get(word, nil); err != nil || pytext.Repr(got) != want {
			t.Errorf("get %s: %s, %v; want %s", word, pytext.Repr(got), err, want)
		}
	}
	if got, want := pytext.Repr(j.Status("basic")), "[('Filter', [('Currently failed', 0), ('Total failed', 0), ('File list', [])]), "+
		"('Actions', [('Currently banned', 0), ('Total banned', 0), ('Banned IP list', [])])]"; got != want {
		t.Errorf("status: %s\nwant %s", got, want)
	}
	if got := pytext.Repr(j.Status("stats")); got != "['pyinotify', (0, 0), (0, 0)]" {
		t.Errorf("status stats: %s", got)
	}
}

// TestRefusedOptions_5_5 is how bad commands are told.
func TestRefusedOptions_5_5(t *testing.T) {
	tests := []struct {
		word  string
		args  []any
		class any
		text  string
	}{
		{"maxretry", []any{nil}, "TypeError", "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
		{"maxretry", []any{"many"}, "ValueError", "invalid literal for int() with base 10: 'many'"},
		{"maxretry", nil, "IndexError", "list index out of range"},
		{"maxlines", []any{"0"}, "ValueError", "maxlines must be integer greater than zero"},
		{"addfailregex", []any{"no id"}, "RegexException", "No failure-id group in 'no id'"},
		{"logencoding", []any{"klingon"}, "LookupError", "unknown encoding: klingon"},
		{"logtimezone", []any{"Europe/Zurich"}, "ValueError", "Unknown or unsupported time zone: 'Europe/Zurich'"},
		{"addlogpath", []any{"/x", "middle"}, "ValueError", "File option must be 'head' or 'tail'"},
		{"addlogpath", []any{"/x", "head", "y"}, "ValueError", "Only one file can be added at a time"},
		{"bantime", []any{"1wk"}, "SyntaxError", ""},
		{"bantime.multipliers", []any{"1  2"}, "ValueError", "invalid literal for int() with base 10: ''"},
		{"unbanip", nil, "IndexError", "list index out of range"},
	}
	j := plainJail(t)
	for _, tt := range tests {
		_, err := j.Set(t.Context(), tt.word, tt.args)
		if errClass(err) != tt.class || tt.text != "" && err.Error() != tt.text {
			t.Errorf("set %s %v: %v (%v), want %s (%v)", tt.word, tt.args, err, errClass(err), tt.text, tt.class)
		}
	}
	if err := j.AddLogPath(filepath.Join(t.TempDir(), "missing"), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing log: %v", err)
	}
	for _, word := range []string{"nosuch", "logpath"} {
		if _, err := j.Set(t.Context(), word, []any{"x"}); !errors.Is(err, ErrNoOption) {
			t.Errorf("set %s: %v", word, err)
		}
	}
	for _, word := range []string{"nosuch", "addignoreip", "idle", "attempt", "unbanip", "delfailregex"} {
		if _, err := j.Get(word, nil); !errors.Is(err, ErrNoOption) {
			t.Errorf("get %s: %v", word, err)
		}
	}
	if _, err := New("j", "nosuch", Env{}); errClass(err) != "ValueError" {
		t.Errorf("backend nosuch: %v", err)
	}
}

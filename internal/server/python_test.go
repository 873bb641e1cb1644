package server

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

// pythonFiles are Python actions that cannot be added.
var pythonFiles = map[string]string{
	"none.py":    "from fail2ban.server.action import ActionBase\nclass Other(ActionBase): pass\n",
	"syntax.py":  "class Action:\n    def start(self) return 1\n",
	"noclass.py": "Action = 5\n",
	"methods.py": "class Action:\n    def __init__(self, jail, name): pass\n    def start(self): pass\n",
	"import.py":  "import nothing_of_that_name\n",
	"zero.py":    "1 / 0\n",
	"own.py": "from fail2ban.server.action import ActionBase\nclass Action(ActionBase):\n    def __init__(self, jail, name):\n" +
		"        raise ValueError('no', name)\n",
	"bytes.py": "x = '\xff'\n",
}

// pythonCommands are what a client may ask about Python actions; DIR stands
// for the test's folder.
var pythonCommands = [][]string{
	{"set", "j1", "addaction", "p", "DIR/missing.py", "{}"}, {"set", "j1", "addaction", "p", "DIR", "{}"}, {"set", "j1", "addaction", "p", "", "{}"},
	{"set", "j1", "addaction", "p", "DIR/none.py", "{}"}, {"set", "j1", "addaction", "p", "DIR/syntax.py", "{}"},
	{"set", "j1", "addaction", "p", "DIR/noclass.py", "{}"}, {"set", "j1", "addaction", "p", "DIR/methods.py", "{}"},
	{"set", "j1", "addaction", "p", "DIR/import.py", "{}"}, {"set", "j1", "addaction", "p", "DIR/zero.py", "{}"},
	{"set", "j1", "addaction", "p", "DIR/own.py", "{}"}, {"set", "j1", "addaction", "p", "DIR/bytes.py", "{}"},
	{"set", "j1", "addaction", "p", "DIR/record.py"}, {"set", "j1", "addaction", "p", "DIR/record.py", "{}"}, {"set", "j1", "addaction", "p", "DIR/record.py", "[]"},
	{"set", "j1", "addaction", "p", "DIR/record.py", "{"}, {"set", "j1", "addaction", "p", "DIR/record.py", `{"path": "", "colour": 1}`},
	{"set", "nojail", "addaction", "p", "DIR/record.py", "{}"}, {"get", "j1", "actions"},
	{"set", "j1", "addaction", "p", "DIR/record.py", `{"path": "DIR/told", "extra": [1, {"a": null}]}`}, {"get", "j1", "actions"},
	{"set", "j1", "addaction", "p", "DIR/record.py", `{"path": "DIR/told"}`}, {"set", "j1", "addaction", "a1", "DIR/record.py", `{"path": "DIR/told"}`},
	{"get", "j1", "actionproperties", "p"}, {"get", "j1", "actionmethods", "p"},
	{"get", "j1", "action", "p", "extra"}, {"get", "j1", "action", "p", "number"}, {"get", "j1", "action", "p", "ratio"}, {"get", "j1", "action", "p", "flag"},
	{"get", "j1", "action", "p", "both"}, {"get", "j1", "action", "p", "some"}, {"get", "j1", "action", "p", "named"}, {"get", "j1", "action", "p", "_hidden"},
	{"get", "j1", "action", "p", "absent"}, {"set", "j1", "action", "p", "number", "8"}, {"get", "j1", "action", "p", "number"},
	{"set", "j1", "action", "p", "fresh", "é\n"}, {"get", "j1", "action", "p", "fresh"}, {"set", "j1", "action", "p", "number"}, {"set", "j1", "action", "p"},
	{"set", "j1", "action", "p", "echo"}, {"set", "j1", "action", "p", "echo", `{"a": 1, "b": [1.5, "x"]}`}, {"set", "j1", "action", "p", "echo", "[1]"},
	{"set", "j1", "action", "p", "echo", "{"}, {"set", "j1", "action", "p", "fail"}, {"set", "j1", "action", "p", "fail", `{"kind": "value"}`},
	{"set", "j1", "action", "p", "fail", `{"kind": "key"}`}, {"set", "j1", "action", "p", "fail", `{"kind": "os"}`}, {"set", "j1", "action", "p", "fail", `{"kind": "x"}`},
	{"set", "j1", "action", "p", "start"}, {"set", "j1", "action", "p", "ban", `{"aInfo": {"ip": "192.0.2.9"}}`}, {"set", "j1", "action", "p", "unban"},
	{"get", "j1", "actions"},
}

// inPython hides what differs from run to run in what an action was told.
var inPython = regexp.MustCompile(`"jail\.name": "'j1'", |\d{10}(\.\d+)?|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// actionInfo is what differs in the line of a failed action (docs/differences.md).
var actionInfo = regexp.MustCompile(`ActionInfo\(.*\)`)

// TestPythonActions_4_4_1 adds Python actions by hand to Debian's server and to
// ours: the same replies, and the same told to an action.
func TestPythonActions_4_4_1(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	recorder := readFile(t, "testdata/python/record.py")
	type seen struct {
		replies  []replied
		told     []string
		warnings []string
	}
	run := func(serve func(*scratch) *process) (out seen) {
		s := newScratch(t, simple())
		s.write("record.py", recorder)
		for name, text := range pythonFiles {
			s.write(name, text)
		}
		server := serve(s)
		for _, r := range askRaw(t, lib, s.path("f2b.sock"), s.here(pythonCommands)) {
			out.replies = append(out.replies, replied{strings.ReplaceAll(r.Value, s.dir, "DIR"), strings.ReplaceAll(r.Text, s.dir, "DIR")})
		}
		s.append("j1.log", strings.ReplaceAll(failures("192.0.2.1", 2), "from", "user \xff'`x from"))
		testenv.Eventually(t, "the ban", func() bool { return strings.Count(s.read("told"), `"mapping"`) == 2 })
		askRaw(t, lib, s.path("f2b.sock"), [][]string{{"set", "j1", "banip", "192.0.2.2", "2001:db8::2"}})
		testenv.Eventually(t, "the other bans", func() bool { return strings.Count(s.read("told"), `"mapping"`) == 4 })
		server.stop(syscall.SIGTERM)
		for line := range strings.Lines(s.read("told")) {
			out.told = append(out.told, inPython.ReplaceAllString(line, ""))
		}
		for _, line := range append(s.linesWith("fail2ban.Recorder"), s.linesWith("action 'p' info")...) {
			_, text, _ := strings.Cut(line, "]: ")
			out.warnings = append(out.warnings, actionInfo.ReplaceAllString(text, ""))
		}
		return out
	}
	want := run((*scratch).serveDebian)
	got := run(func(s *scratch) *process { return s.serve() })
	for i, c := range pythonCommands {
		if got.replies[i] != want.replies[i] {
			t.Errorf("%q\n got %q\nwant %q", c, got.replies[i], want.replies[i])
		}
	}
	if !slices.Equal(got.told, want.told) {
		t.Errorf("the action is told\n%s\nwant\n%s", strings.Join(got.told, ""), strings.Join(want.told, ""))
	}
	if !slices.Equal(got.warnings, want.warnings) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got.warnings, "\n"), strings.Join(want.warnings, "\n"))
	}
	t.Logf("%d commands, %d times told", len(want.replies), len(want.told))
}

// TestPythonActionsComeAndGo: one of the configuration is skipped, at a start and
// in each client's reload; one added by hand goes with a reload, and its process
// with a server that is killed.
func TestPythonActionsComeAndGo(t *testing.T) {
	t.Parallel()
	files := simple()
	files["etc/action.d/record.py"] = readFile(t, "testdata/python/record.py")
	files["etc/jail.conf"] += "[j3]\nenabled = true\nfilter = f1\nlogpath = DIR/j1.log\naction = record.py[path=DIR/told]\n         a1[name=third]\n"
	s := newScratch(t, files)
	server := s.serve()
	ask := func(words ...string) string {
		t.Helper()
		out := s.client(words...)
		if out.code != 0 {
			t.Errorf("%v: %+v", words, out)
		}
		return strings.TrimSpace(out.out)
	}
	add := func() (pid int) {
		t.Helper()
		ask("set", "j3", "addaction", "hand", s.path("etc/action.d/record.py"), `{"path": "`+s.path("told")+`"}`)
		pid, err := strconv.Atoi(ask("get", "j3", "action", "hand", "_pid"))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	gone := func(pid int) {
		t.Helper()
		testenv.Eventually(t, "the process ends", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	}
	skipped := func(times int) {
		t.Helper()
		want := "[j3] action 'record' is skipped: the Python action " + s.path("etc/action.d/record.py") + " is not run; the nearest native action is dummy"
		if lines := s.linesWith(want); len(lines) != times || !strings.Contains(lines[0], "ERROR") || !strings.Contains(lines[0], "addaction") {
			t.Errorf("lines with %q: %q, want %d", want, lines, times)
		}
	}
	skipped(1)
	pid := add()
	ask("reload")
	gone(pid)
	skipped(2)
	if out := ask("get", "j3", "actions"); strings.Contains(out, "hand") || s.read("told") != "[\"stop\", {}]\n" {
		t.Errorf("after a reload the actions are %q, and one was told %q", out, s.read("told"))
	}
	pid = add()
	if out := call(t, debian(ClientName, s.args("reload")...)); out.code != 0 {
		t.Errorf("Debian's client: %+v", out)
	}
	gone(pid)
	skipped(3)
	pid = add()
	server.stop(syscall.SIGKILL)
	gone(pid)
}

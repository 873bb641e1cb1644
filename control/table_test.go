package control_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
	"f2b-go/jail"
)

// spare is an engine with one jail that reads and runs nothing.
type spare struct {
	jails  []*jail.Jail
	told   []string
	adding func() // called by AddJail
}

func newSpare(t testing.TB) *spare {
	t.Helper()
	j, err := jail.New("j", "polling", jail.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return &spare{jails: []*jail.Jail{j}}
}

func (s *spare) tell(words ...string) { s.told = append(s.told, strings.Join(words, " ")) }

func (s *spare) Jails() []*jail.Jail { return s.jails }
func (s *spare) Jail(name string) (*jail.Jail, bool) {
	for _, j := range s.jails {
		if j.Name() == name {
			return j, true
		}
	}
	return nil, false
}
func (s *spare) AddJail(name, backend string) error {
	s.tell("add", name, backend)
	if s.adding != nil {
		s.adding()
	}
	if _, ok := s.Jail(name); ok {
		return control.DuplicateJail(name)
	}
	return nil
}
func (s *spare) StartJail(name string) error { s.tell("start", name); return nil }
func (s *spare) StopJail(_ context.Context, name string) error {
	s.tell("stop", name)
	return control.UnknownJail(name)
}
func (s *spare) StopAll(context.Context)            { s.tell("stop all") }
func (s *spare) DropJail(name string)               { s.tell("drop", name) }
func (s *spare) Quit(context.Context)               { s.tell("quit") }
func (s *spare) BeginReload(r control.Reload) error { s.tell("begin", r.Jail); return nil }
func (s *spare) AbortReload()                       { s.tell("abort") }
func (s *spare) EndReload(context.Context)          { s.tell("end") }
func (s *spare) NewAction(*jail.Jail, string, []any) (jail.Action, error) {
	return nil, errors.New("no actions here")
}
func (s *spare) AskedAction(context.Context, *jail.Jail, string, []any) (jail.Action, error) {
	return nil, errors.New("asked for by hand")
}
func (s *spare) Set(word string, args []any) (any, error) {
	switch {
	case word == "loglevel" && len(args) == 0:
		return nil, control.ErrArguments
	case word == "loglevel":
		return args[0], nil
	}
	return nil, control.ErrNoSetting
}
func (s *spare) Get(word string) (any, error) {
	if word == "loglevel" {
		return "INFO", nil
	}
	return nil, control.ErrNoSetting
}
func (s *spare) FlushLogs() string { return "flushed" }
func (s *spare) Version() string   { return "1.1.1" }

func newTable(t testing.TB) (*control.Table, *spare, *bytes.Buffer) {
	t.Helper()
	engine, log := newSpare(t), new(bytes.Buffer)
	return control.NewTable(engine, slog.New(slog.NewTextHandler(log, nil)), time.Now), engine, log
}

func words(line string) []any {
	out := []any{}
	for _, w := range strings.Fields(line) {
		out = append(out, w)
	}
	return out
}

// replyText is a reply as Python's repr, an exception as its own.
func replyText(reply any) string {
	if pair, ok := reply.(pytext.Tuple); ok && len(pair) == 2 {
		if e, ok := pair[1].(*pickle.Exception); ok {
			return e.Module + "." + e.Repr()
		}
		return pytext.Repr(pair[1])
	}
	return pytext.Repr(reply)
}

// TestReplies_5_3 holds replies that need no running server.
func TestReplies_5_3(t *testing.T) {
	table, _, _ := newTable(t)
	const index = "builtins.IndexError('list index out of range')"
	for _, c := range []struct {
		request any
		want    string
	}{
		{words("ping"), "'pong'"}, {words("ping 100"), "'pong'"}, {words("version"), "'1.1.1'"}, {words("echo a b"), "['a', 'b']"},
		{words("echo"), "[]"}, {words("server-status"), "'Server ready'"}, {words("sleep 0"), "None"}, {words("flushlogs"), "'flushed'"},
		{words("sleep x"), `builtins.ValueError("could not convert string to float: 'x'")`},
		{words("sleep -1"), "builtins.ValueError('sleep length must be non-negative')"},
		{words("sleep nan"), "builtins.ValueError('Invalid value NaN (not a number)')"}, {words("sleep 1_e"), `builtins.ValueError("could not convert string to float: '1_e'")`}, {words("sleep"), index},
		{words("nope"), "builtins.Exception('Invalid command')"}, {"ping", "builtins.Exception('Invalid command')"},
		{words(""), index}, {pytext.Tuple{}, "builtins.IndexError('tuple index out of range')"}, {pytext.Tuple{"ping"}, "'pong'"},
		{int64(5), "builtins.TypeError('a command is a list of words')"}, {[]any{int64(5)}, "builtins.Exception('Invalid command')"},
		{words("unban"), "builtins.Exception('Invalid command')"}, {words("unban --all"), "0"}, {words("unban 1.2.3.4"), "0"},
		{words("status"), "[('Number of jail', 1), ('Jail list', 'j')]"}, {words("status a b c"), "builtins.Exception('Invalid command (no status)')"},
		{words("status x"), "fail2ban.exceptions.UnknownJailException('x')"},
		{words("stats"), "{'j': ['polling', (0, 0), (0, 0)]}"}, {words("statistic"), "{'j': ['polling', (0, 0), (0, 0)]}"},
		{words("status --all stats"), "{'j': ['polling', (0, 0), (0, 0)]}"},
		{words("status --all short"), "[('Number of jail', 1), ('Jail list', 'j'), {'j': [('Filter', [('Currently failed', 0), " +
			"('Total failed', 0), ('File list', [])]), ('Actions', [('Currently banned', 0), ('Total banned', 0)])]}]"},
		{words("banned"), "[{'j': []}]"}, {words("banned 1.2.3.4 x"), "[[], []]"},
		{words("get"), index}, {words("get j"), index}, {words("get x bantime"), "fail2ban.exceptions.UnknownJailException('x')"},
		{words("get j nope"), "builtins.Exception('Invalid command (no get action or not yet implemented)')"},
		{words("get loglevel"), "'INFO'"}, {words("get j bantime"), "600"}, {words("get j actions"), "[]"}, {words("get j action"), index},
		{words("get j action a x"), "builtins.KeyError('Invalid Action name: a')"},
		{words("set"), index}, {words("set j"), index}, {words("set loglevel"), index}, {words("set loglevel DEBUG"), "'DEBUG'"},
		{words("set x nope"), `builtins.Exception("Invalid command 'nope' (no set action or not yet implemented)")`},
		{words("set x nope 5"), `builtins.Exception("Invalid command 'nope' (no set action or not yet implemented)")`},
		{words("get x nope"), "builtins.Exception('Invalid command (no get action or not yet implemented)')"}, {words("set x bantime"), index},
		{words("set x banip"), "fail2ban.exceptions.UnknownJailException('x')"}, {words("set x attempt"), "fail2ban.exceptions.UnknownJailException('x')"},
		{words("set j attempt"), `builtins.TypeError("Filter.addAttempt() missing 1 required positional argument: 'ip'")`},
		{words("set x bantime 5"), "fail2ban.exceptions.UnknownJailException('x')"}, {words("set j bantime"), index},
		{words("set j nope 5"), `builtins.Exception("Invalid command 'nope' (no set action or not yet implemented)")`},
		{words("set j bantime 1h"), "3600"}, {[]any{"set", "j", "bantime", int64(60)}, "60"}, {words("set j bantime xx"), `builtins.NameError("name 'xx' is not defined")`},
		{words("set j maxretry a"), `builtins.ValueError("invalid literal for int() with base 10: 'a'")`},
		{words("set j addaction a"), "builtins.Exception('asked for by hand')"}, {words("set j addaction"), index},
		{words("multi-set j addaction a"), "builtins.Exception('asked for by hand')"},
		{[]any{"server-stream", []any{words("set j addaction a x.py {}")}}, "builtins.Exception('no actions here')"},
		{[]any{"server-stream", []any{}, []any{words("multi-set j addaction a x.py {}")}}, "builtins.Exception('no actions here')"},
		{[]any{"reload", "j", []any{}, []any{words("set j addaction a x.py {}")}}, "builtins.Exception('no actions here')"},
		{words("set j addlogpath /nonexist"), "builtins.FileNotFoundError(2, 'No such file or directory')"},
		{[]any{"multi-set", "j", "addfailregex", []any{"^a <HOST>", "^b <HOST>"}}, "True"}, {words("multi-set j addfailregex"), index},
		{[]any{"multi-set", "j", "addfailregex", int64(5)}, "builtins.TypeError('a list was expected, not 5')"},
		{words("add --all"), `builtins.Exception("Reserved name '--all'")`}, {words("add j"), "fail2ban.exceptions.DuplicateJailException('j')"},
		{words("add k"), "'k'"}, {words("add"), index}, {words("start"), index}, {words("start k"), "None"},
		{words("stop k"), "fail2ban.exceptions.UnknownJailException('k')"}, {words("stop --all"), "None"},
		{[]any{"reload", "j", []any{}, []any{words("ping")}}, "'OK'"}, {words("reload"), index},
		{[]any{"server-stream", []any{words("ping"), words("set j maxretry 9")}}, "None"},
		{words("config-error text"), "None"},
	} {
		if got := replyText(table.Handle(t.Context(), c.request)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", pytext.Repr(c.request), got, c.want)
		}
	}
}

// TestStream_E_6: the commands of a jail end with its first failure; the others
// go on, and the reply is the failure.
func TestStream_E_6(t *testing.T) {
	table, engine, log := newTable(t)
	stream := []any{words("set loglevel x"), words("add k auto"), words("set k maxretry 5"), words("set k maxretry 6"), words("add l polling"),
		words("start k"), words("start l"), words("reload"), words("server-stream")}
	got := replyText(table.Handle(t.Context(), []any{"server-stream", stream}))
	if got != "fail2ban.exceptions.UnknownJailException('k')" {
		t.Error(got)
	}
	want := "add k auto, drop k, add l polling, start l"
	if told := strings.Join(engine.told, ", "); told != want {
		t.Errorf("the engine was told %q, want %q", told, want)
	}
	if !strings.Contains(log.String(), "Command ['set', 'k', 'maxretry', '5'] has failed. Received UnknownJailException('k')") {
		t.Errorf("log:\n%s", log)
	}
}

// TestReload_all_or_nothing: with one command that fails nothing is put in force.
func TestReload_all_or_nothing(t *testing.T) {
	table, engine, _ := newTable(t)
	reload := func(stream ...any) string {
		engine.told = nil
		return replyText(table.Handle(t.Context(), []any{"reload", "--all", []any{}, stream}))
	}
	if got := reload(words("add k"), words("set k maxretry 5"), words("start k")); got != "fail2ban.exceptions.UnknownJailException('k')" {
		t.Error(got)
	}
	if told := strings.Join(engine.told, ", "); told != "begin --all, add k auto, abort" {
		t.Error(told)
	}
	if got := reload(words("add k")); got != "'OK'" || strings.Join(engine.told, ", ") != "begin --all, add k auto, end" {
		t.Error(got, engine.told)
	}
}

// TestRehearse names the one regex that is bad and starts nothing.
func TestRehearse(t *testing.T) {
	table, engine, _ := newTable(t)
	failures := table.Rehearse(t.Context(), []any{words("set loglevel x"), []any{"multi-set", "j", "addfailregex", []any{"^a <HOST>", "^[ <HOST>"}},
		words("set j bantime xx"), words("start j")})
	if len(failures) != 1 || pytext.Repr(failures[0].Request) != "['set', 'j', 'addfailregex', '^[ <HOST>']" {
		t.Errorf("%v", failures)
	}
	if told := strings.Join(engine.told, ", "); told != "drop j" {
		t.Error(told)
	}
}

// TestShutdown_5_4_6: after stop every request is refused, and a fault in a
// command is that command's alone.
func TestShutdown_5_4_6(t *testing.T) {
	table, engine, log := newTable(t)
	engine.adding = func() { panic("boom") }
	if got := replyText(table.Handle(t.Context(), words("add k"))); got != "builtins.RuntimeError('boom')" || !strings.Contains(log.String(), "unhandled exception") {
		t.Error(got)
	}
	engine.told = nil
	table.Handle(t.Context(), words("stop"))
	table.Quit(t.Context())
	if got := pytext.Repr(table.Handle(t.Context(), words("ping"))); got != "['SHUTDOWN']" {
		t.Error(got)
	}
	if told := strings.Join(engine.told, ", "); told != "quit" {
		t.Error(told)
	}
}

// TestBytesThatAreNoText_5_4: an ID or a jail's name that the database could not
// give back is refused as Python does.
func TestBytesThatAreNoText_5_4(t *testing.T) {
	table, _, _ := newTable(t)
	for _, c := range []struct {
		line string
		args []any
		want string
	}{
		{"set j banip", []any{"192.0.2.1", "a\xe4"}, `builtins.UnicodeEncodeError('utf-8', 'a\udce4', 1, 2, 'surrogates not allowed')`},
		{"set j attempt", []any{"\xe4\xf6x"}, `builtins.UnicodeEncodeError('utf-8', '\udce4\udcf6x', 0, 2, 'surrogates not allowed')`},
		{"set j addignoreip", []any{"ä\x00"}, `builtins.ValueError('embedded null character')`},
		{"add", []any{"\xff"}, `builtins.UnicodeEncodeError('utf-8', '\udcff', 0, 1, 'surrogates not allowed')`},
	} {
		if got := replyText(table.Handle(t.Context(), append(words(c.line), c.args...))); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.line, c.args, got, c.want)
		}
	}
}

// TestLogKeepsSecrets: values of an action's properties stay out of the log.
func TestLogKeepsSecrets(t *testing.T) {
	table, _, log := newTable(t)
	for _, request := range []any{
		[]any{"multi-set", "j", "action", "mail", []any{[]any{"password", "hunter2"}}}, words("set j action mail apikey hunter2"),
		[]any{"server-stream", []any{words("set j action mail token hunter2")}},
	} {
		if got := replyText(table.Handle(t.Context(), request)); got != "builtins.KeyError('Invalid Action name: mail')" {
			t.Error(got)
		}
	}
	table.Handle(t.Context(), words("set j addaction mail x.py hunter2"))
	if strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "['set', 'j', 'action', 'mail', 'apikey', '...']") {
		t.Errorf("log:\n%s", log)
	}
}

// TestException gives Python's classes to Go's errors.
func TestException(t *testing.T) {
	_, notThere := os.Stat("/nonexist")
	for want, err := range map[string]error{
		"builtins.FileNotFoundError(2, 'No such file or directory')": notThere,
		"builtins.ValueError('x')":                                   &jail.Error{Class: "ValueError", Text: "x"},
		"fail2ban.server.failregex.RegexException('x')":              &jail.Error{Class: "RegexException", Text: "x"},
		"builtins.SyntaxError('x')":                                  &timetext.Error{Class: "SyntaxError", Text: "x"},
		"builtins.Exception('x')":                                    errors.New("x"),
	} {
		e := control.Exception(err)
		if got := e.Module + "." + e.Repr(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzHandle gives any request to the table, over a jail that runs nothing.
func FuzzHandle(f *testing.F) {
	for _, line := range []string{"ping", "status j short", "set j banip 1.2.3.4", "get j banip --with-time", "set j addignoreip 10.0.0.0/8", "unban --all"} {
		if data, err := pickle.Encode(words(line)); err == nil {
			f.Add(data)
		}
	}
	if data, err := pickle.Encode([]any{"server-stream", []any{words("set j addfailregex ^a<HOST>"), words("start j")}}); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := pickle.Decode(data)
		if err != nil || strings.Contains(pytext.Repr(request), "sleep") {
			return
		}
		table, _, log := newTable(t)
		if _, err := pickle.Encode(table.Handle(t.Context(), request)); err != nil {
			t.Errorf("%s: %v", pytext.Repr(request), err)
		}
		if strings.Contains(log.String(), "unhandled exception") {
			t.Errorf("%s:\n%s", pytext.Repr(request), log)
		}
	})
}

package action_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"f2b-go/action"
	"f2b-go/control"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// object is a Python action under test.
type object struct {
	jail.Action
	control.Object
	t    *testing.T
	log  *testenv.Buffer
	told string // file
}

// newObject adds testdata's action; with python as the interpreter, if any.
func newObject(t *testing.T, python ...string) *object {
	t.Helper()
	o := &object{t: t, log: &testenv.Buffer{}, told: filepath.Join(t.TempDir(), "told")}
	env := action.Env{
		Jail: &view{name: "sshd"}, Names: names{}, Clock: fixedClock, Python: python,
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	a, err := action.NewAsked(t.Context(), "full", []any{"testdata/python/full.py", `{"path": "` + o.told + `", "a": 1}`}, env)
	if err != nil {
		t.Fatal(err)
	}
	o.Action, o.Object = a, a.(control.Object)
	return o
}

// lines returns what the action was told since the last call.
func (o *object) lines() string {
	text, err := os.ReadFile(o.told)
	if err == nil {
		err = os.Remove(o.told)
	}
	if err != nil {
		o.t.Error(err)
	}
	return string(text)
}

// do calls a method or sets an attribute.
func (o *object) do(name string, args ...any) (any, error) {
	value, _, err := o.Do(o.t.Context(), name, args)
	return value, err
}

// get reads an attribute.
func (o *object) get(name string) any {
	o.t.Helper()
	v, err := o.Attribute(o.t.Context(), name)
	if err != nil {
		o.t.Errorf("%s: %v", name, err)
	}
	return v
}

// bare is a Python that sees no package but its own.
var bare = []string{testenv.Python, "-I", "-S"}

// TestPythonLife_4_4_1 runs an action's whole life, with fail2ban's package on
// Python's path and without.
func TestPythonLife_4_4_1(t *testing.T) {
	t.Parallel()
	for _, python := range [][]string{nil, bare} {
		o := newObject(t, python...)
		if has := o.get("package") != nil; has && python != nil {
			t.Error("there is a package where none should be")
		}
		ctx, ticket := t.Context(), oddTicket()
		if !o.Prolongs() || !o.Flushes() || !o.SkipsRestored() || !o.Action.(jail.Checker).Checks() || o.Epoch() != 0 || o.Name() != "full" {
			t.Error("the action's nature is unknown")
		}
		handled, err := o.Flush(ctx)
		if !handled || err != nil {
			t.Error(handled, err)
		}
		for _, err := range []error{o.Start(ctx), o.Ban(ctx, ticket), o.Reban(ctx, ticket), o.Prolong(ctx, ticket), o.Check(ctx, false), o.Check(ctx, true)} {
			if err != nil {
				t.Error(err)
			}
		}
		err = o.Unban(ctx, ticket)
		if want := "ActionInfo({'ip': '192.0.2.1', 'fid': '192.0.2.1', 'raw-ticket': "; err == nil || err.Error() != "'none'" ||
			!strings.HasPrefix(err.(interface{ ActionInfo() string }).ActionInfo(), want) {
			t.Errorf("unban: %v", err)
		}
		if err := o.Stop(ctx); err != nil {
			t.Error(err)
		}
		ban := "ban" + told(ticket) + "\n"
		want := "init {'a': 1}\nflush\nstart 600 full {'a': 1}\n" + ban + ban + "prolong 600\ncheck None\ncheck False\nunban 192.0.2.1\nstop\n"
		if got := o.lines(); got != want {
			t.Errorf("the action is told\n%s\nwant\n%s", got, want)
		}
	}
}

// oddTicket has values that a log line controls.
func oddTicket() *jail.Ticket {
	ticket := banTicket("192.0.2.1")
	ticket.Failures, ticket.BanCount, ticket.TimeInt = 2, 1, true
	ticket.Matches = []jail.Match{{Before: "$(touch X) '\"\\ \n\r\x00\xff é\u2028"}, {Before: "a", Date: "2026", After: "\x1b", Split: true}}
	ticket.Fields = pytext.Dict{{Key: "user", Value: "`x`\xfe{}[]#"}, {Key: "users", Value: []string{"b"}}, {Key: "ip", Value: ipaddr.Parse("192.0.2.1")}}
	return ticket
}

// told is how the action writes a ticket's values down.
func told(ticket *jail.Ticket) string {
	matches, data := pytext.Repr(ticket.JoinedLines()), pytext.Repr(ticket.Data())
	raw := "BanTicket: ip=192.0.2.1 time=" + pytext.Str(ticket.PyTime()) + " bantime=600 bancount=1 #attempts=2 matches=" + pytext.Repr(ticket.Data()[0].Value)
	return fmt.Sprintf(" ip='192.0.2.1' family='inet4' ip-rev='1.2.0.192.' ip-host=None fid='192.0.2.1' failures=2 time=%v bantime=600 bancount=1"+
		" matches=%s restored=0 F-*=%s ipmatches=%[2]s ipjailmatches=%[2]s ipfailures=2 ipjailfailures=2 raw-ticket=%[4]s jail.name='sshd'"+
		" jail.banned=0 jail.banned_total=0 jail.found=0 jail.found_total=0", pytext.Str(ticket.PyTime()), matches, data, pytext.Repr(raw))
}

// TestPythonIsLost: an action that ends, hangs or says rubbish fails at that
// call, and at the next it is what it was.
func TestPythonIsLost(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		"die": "the Python process of action full: it has ended, exit status 3", "rubbish": "the Python process of action full: it has ended, signal: killed",
		"close": "the Python process of action full: it has ended, ", "hang": "the Python action full took more than 100ms and was killed",
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			o := newObject(t)
			if err := o.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, value := range []string{"set first", "set since"} {
				if _, err := o.do("more", value); err != nil {
					t.Fatal(err)
				}
			}
			before := o.get("pid").(int64)
			if method == "hang" {
				action.SetLimit(o.Action, 100*time.Millisecond)
			}
			if _, err := o.do(method); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			action.SetLimit(o.Action, time.Minute)
			if err := syscall.Kill(int(before), 0); err != syscall.ESRCH {
				t.Errorf("the process is there: %v", err)
			}
			if method == "rubbish" && !strings.Contains(o.log.String(), "says what is no message: invalid character 'r'") {
				t.Error("the log does not tell")
			}
			o.lines()
			if got := o.get("more"); got != "set since" || o.get("pid") == before {
				t.Errorf("after that the attribute is %v", got)
			}
			if got := o.lines(); got != "init {'a': 1}\nstart 600 full set since\n" {
				t.Errorf("the new process was told %q", got)
			}
		})
	}
}

// TestPythonValues: what clients send and get.
func TestPythonValues(t *testing.T) {
	t.Parallel()
	o := newObject(t)
	values := []any{nil, true, int64(-5), int64(math.MaxInt64), 0.25, 1e300, "é'\n\xff\u2028", []any{int64(1), []any{}},
		pytext.Tuple{"a", pytext.Tuple{}}, pytext.Dict{{Key: int64(1), Value: "x"}, {Key: "k", Value: nil}}}
	for _, v := range values {
		_, err := o.do("fresh", v)
		if got := o.get("fresh"); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v is %#v: %v", v, got, err)
		}
	}
	pid := o.get("pid")
	for _, c := range []struct {
		name  string
		args  []any
		class string
		text  string
	}{
		{"fresh", []any{math.NaN()}, "ValueError", "malformed node or string"}, {"fresh", nil, "IndexError", "list index out of range"},
		{"big", []any{`{"size": 1048576}`}, "ValueError", "which is too long"}, {"leave", nil, "RuntimeError", "left"},
		{"say", []any{int64(5)}, "TypeError", "the JSON object must be str, bytes or bytearray, not int"},
	} {
		_, err := o.do(c.name, c.args...)
		if err == nil || control.Exception(err).Class != c.class || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %v: %v, want %s: %s", c.name, c.args, err, c.class, c.text)
		}
	}
	if v, err := o.do("big", `{"size": 1000000}`); err != nil || len(v.(string)) != 1000000 {
		t.Errorf("a big value: %v", err)
	}
	if o.get("pid") != pid {
		t.Error("an error has cost the process")
	}
}

// TestPythonLog: what an action logs and prints reaches the log.
func TestPythonLog(t *testing.T) {
	t.Parallel()
	o := newObject(t, bare...)
	if _, err := o.do("say"); err != nil {
		t.Fatal(err)
	}
	if err := o.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		`level=INFO+2 msg="noticed \\udcff" logger=`, "logger=fail2ban.Full\n", "level=ERROR msg=wrong ", "logger=fail2ban.module\n", `msg="raised\nTraceback (most recent call last):\n`,
		`level=DEBUG msg="[sshd] action 'full': printed"`, `level=WARN msg="[sshd] action 'full': ` + strings.Repeat("p", 1024) + `"`, `level=WARN msg="[sshd] action 'full': x\x1b[2J"`,
	} {
		testenv.Eventually(t, "the log has "+want, func() bool { return strings.Contains(o.log.String(), want) })
	}
}

// TestPythonOwnsLittle: what an action starts has none of our descriptors.
func TestPythonOwnsLittle(t *testing.T) {
	t.Parallel()
	o := newObject(t)
	out, err := exec.Command("/bin/sh", "-c", "ls /proc/self/fd").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := any([]any{strings.Join(strings.Fields(string(out)), " "), ""})
	if got, err := o.do("descriptors"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("descriptors %q, want %q: %v", got, want, err)
	}
}

// TestPythonThreads: after a ban its ticket's costly values are gone, and clients
// may ask while the jail bans.
func TestPythonThreads(t *testing.T) {
	t.Parallel()
	o := newObject(t, bare...)
	if _, err := o.do("ask_later"); err != nil {
		t.Fatal(err)
	}
	if err := o.Ban(t.Context(), banTicket("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if got, err := o.do("answer"); err != nil || got != `RuntimeError("the ticket's 'ipmatches' is known during the call only")` {
		t.Errorf("read later: %v, %v", got, err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				_, err := o.List(t.Context(), true)
				if err == nil && o.Flushes() {
					err = o.Prolong(t.Context(), banTicket("192.0.2.2"))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestPythonDropped: nobody stops an action that a client deletes; its process
// ends all the same.
func TestPythonDropped(t *testing.T) {
	t.Parallel()
	pid := int(newObject(t).get("pid").(int64))
	testenv.Eventually(t, "the process ends", func() bool {
		runtime.GC()
		return syscall.Kill(pid, 0) == syscall.ESRCH
	})
}

// TestNoPython: a command without a Python fails and leaves nothing behind.
func TestNoPython(t *testing.T) {
	t.Parallel()
	if err := action.FindPython("/nonexistent/python3", "no-such-python3"); err == nil || control.Exception(err).Repr() != "RuntimeError('there is no python3 to run a Python action with')" {
		t.Error(err)
	}
	for _, python := range []string{"/nonexistent/python3", "/bin/false"} {
		env := action.Env{Jail: &view{name: "sshd"}, Names: names{}, Python: []string{python}}
		if a, err := action.NewAsked(t.Context(), "full", []any{"testdata/python/full.py", "{}"}, env); err == nil {
			t.Errorf("%s runs %v", python, a)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := action.NewAsked(ended, "full", []any{"testdata/python/full.py", `{"path": "x"}`}, action.Env{Jail: &view{name: "sshd"}, Names: names{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up: %v", err)
	}
}

package testaction_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/testaction"
	"f2b-go/internal/testenv"
)

// output is what --json prints.
type output struct {
	Action string
	Steps  [][2]any
}

// run calls the verb and returns its exit code and what it printed.
func run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = testaction.Main(args, &out, &errs)
	return code, out.String(), errs.String()
}

// runJSON calls the verb with --json.
func runJSON(t *testing.T, args ...string) output {
	t.Helper()
	code, stdout, stderr := run(append(args, "--json")...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	var o output
	if err := json.Unmarshal([]byte(stdout), &o); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stdout)
	}
	return o
}

// of returns the commands of all steps of that name, in order.
func (o output) of(name string) []any {
	var list []any
	for _, s := range o.Steps {
		if s[0] == name {
			list = append(list, s[1])
		}
	}
	return list
}

// TestVectors compares the contract's output with what fail2ban 1.1.1 runs.
func TestVectors(t *testing.T) {
	shared, ok := testenv.Shared(t)
	if !ok {
		return
	}
	text, err := os.ReadFile(filepath.Join(shared, "vectors", "actions-1.1.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []output
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(shared, "fail2ban-1.1.1", "config")
	for _, v := range vectors {
		t.Run(v.Action, func(t *testing.T) {
			line := func(n, ip string) string {
				return "--match=Nov 14 22:13:1" + n + " pbx sshd[1]: Failed password for `id` $(id) 'x' \"y\" \\ from " + ip + " port 4711 ssh2"
			}
			with := func(ip string, more ...string) output {
				return runJSON(t, append([]string{"-c", dir, v.Action, "--jail", "j-" + v.Action, "--failures", "5", "--bancount", "2",
					"--bantime", "600", "--time", "1699999990", "--field", "user=root`id`", "--hostname", "pbx.example.test",
					line("1", ip), line("2", ip), "--ip", ip}, more...)...)
			}
			one := func(name string) any {
				if list := v.of(name); len(list) > 0 {
					return list[0]
				}
				return nil
			}
			o4, o6 := with("192.0.2.1", "--ip", "192.0.2.1"), with("2001:db8::1")
			both := with("192.0.2.1", "--ip", "2001:db8::1")
			ban6 := o6.of("ban")[0]
			if strings.HasSuffix(v.Action, "-common") {
				// No action of its own: what it runs is the same in both families, once.
				ban6 = both.of("ban")[1]
			}
			for _, c := range []struct {
				name      string
				want, got any
			}{
				{"start", one("start"), o4.of("start")[0]},
				{"ban4", one("ban4"), o4.of("ban")[0]}, {"ban4again", one("ban4again"), o4.of("ban")[1]}, {"ban6", one("ban6"), ban6},
				{"prolong4", v.of("prolong4"), o4.of("prolong")},
				{"unban4", one("unban4"), o4.of("unban")[0]}, {"unban6", one("unban6"), o6.of("unban")[0]},
				{"flush", one("flush"), both.of("flush")[0]}, {"stop", one("stop"), both.of("stop")[0]},
			} {
				if diff := cmp.Diff(c.want, c.got); diff != "" {
					t.Errorf("%s (-fail2ban +ours):\n%s", c.name, diff)
				}
			}
		})
	}
}

// write makes a configuration of these files and returns its folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// small is a configuration with two actions and a jail.
func small(t *testing.T) string {
	t.Helper()
	return write(t, map[string]string{
		"jail.conf": "[DEFAULT]\nbantime = 10m\n[web]\nbantime = 1h\nfilter =\naction = fence[port=\"80\"]\n note\n",
		"action.d/fence.conf": "[Definition]\nactionstart = begin <name> <family>\nactionban = add <ip> <port> <bantime> <zone>\n" +
			"actionunban = del <ip>\nactioncheck = look <family>\nactionstop = end <family>\nactionprolong = more <ip>\n" +
			"[Init]\nport = any\nzone = four\n[Init?family=inet6]\nzone = six\n",
		"action.d/note.conf":  "[Definition]\nactionban = printf %%s \"<matches>|<F-USER>|<failures>|<bancount>|<time>\" from <sh-hostname>\n",
		"action.d/fails.conf": "[Definition]\nactionban = echo no <ip> >&2; exit 3\n",
		"action.d/real.conf":  "[Definition]\nactionban = echo <ip> \"<F-USER>\" >> <file>\nactionunban = echo gone >> <file>\n[Init]\nfile = /dev/null\n",
	})
}

func TestJailsOwnActions(t *testing.T) {
	dir := small(t)
	code, stdout, stderr := run("-c", dir, "--jail", "web", "--json", "--check", "--ip", "192.0.2.7", "--ip", "2001:db8::7",
		"--time", "1700000000", "--match", "a 'b'", "--match", "c", "--field", "F-USER=bob", "--hostname", "h.example")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	want := `{"action":"fence","steps":[["start",[]],["ban",["begin web inet4","add 192.0.2.7 80 3600 four"]],` +
		`["ban",["begin web inet6","add 2001:db8::7 80 3600 six"]],["prolong",["more 192.0.2.7"]],["check",["look inet4","look inet6"]],` +
		`["unban",["del 192.0.2.7"]],["unban",["del 2001:db8::7"]],["flush",[]],["stop",["end inet4","end inet6"]]]}
{"action":"note","steps":[["start",[]],["ban",[["f2bV_matches=$0 \nprintf %s \"$f2bV_matches|bob|2|1|1700000000\" from h","a 'b'\nc"]]],` +
		`["ban",[["f2bV_matches=$0 \nprintf %s \"$f2bV_matches|bob|2|1|1700000000\" from h","a 'b'\nc"]]],["check",[]],` +
		`["unban",[""]],["unban",[""]],["flush",[]],["stop",[]]]}
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestForPeople(t *testing.T) {
	code, stdout, stderr := run("note", "-c", small(t), "--match=it's", "--time=2026-11-22T12:00:00Z", "--hostname=h", "--ip", "192.0.2.9")
	want := `# action note

# start
# nothing to run

# ban 192.0.2.9
sh -c 'f2bV_matches=$0 
printf %s "$f2bV_matches||1|1|1795348800" from h' 'it'\''s'

# unban 192.0.2.9
# nothing to run

# flush
# nothing to run

# stop
# nothing to run
`
	if code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit code %d, %s, (-want +got):\n%s", code, stderr, cmp.Diff(want, stdout))
	}
}

func TestRun(t *testing.T) {
	dir, file := small(t), filepath.Join(t.TempDir(), "out")
	if code, _, stderr := run("-c", dir, `real[file="`+file+`"]`, "--run", "--field", "user=$(id)"); code != 0 {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "192.0.2.1 $(id)\ngone\n" {
		t.Errorf("the commands wrote %q, %v", text, err)
	}
	code, _, stderr := run("-c", dir, "fails", "--run")
	for _, part := range []string{"exec: echo no 192.0.2.1 >&2; exit 3", "stderr: 'no 192.0.2.1'", "returned 3", "action fails: Error banning 192.0.2.1"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("a failed command is not told with %q:\n%s", part, stderr)
		}
	}
	if code != 1 {
		t.Errorf("exit code %d after a failed command, want 1", code)
	}
}

// TestBadUse: one line that says what is wrong, and the exit code.
func TestBadUse(t *testing.T) {
	dir := small(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "which action?"},
		{[]string{"--nonsense"}, 2, "option --nonsense not recognized"},
		{[]string{"note", "--failures", "many"}, 2, `--failures takes a number, not "many"`},
		{[]string{"note", "--bantime", "soon"}, 2, `reading --bantime "soon"`},
		{[]string{"note", "--time", "noon"}, 2, "--time takes seconds"},
		{[]string{"note", "--field", "bob"}, 2, "--field takes NAME=VALUE"},
		{[]string{"note", "fence"}, 2, "one action at a time"},
		{[]string{"-c", dir, "nosuch"}, 1, "\nERROR Unable to read action 'nosuch' (create action.d/nosuch.conf or correct the name)\n"},
		{[]string{"-c", dir, "--jail", "nosuch"}, 1, `jail "nosuch" is not configured`},
		{[]string{"-c", dir, "note[x"}, 1, "ERROR Invalid action definition 'note[x'"},
	} {
		code, stdout, stderr := run(c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%v: exit code %d, %q, %q; want %d with %q", c.args, code, stdout, stderr, c.code, c.want)
		}
	}
	if code, stdout, _ := run("--help"); code != 0 || !strings.Contains(stdout, "Usage: f2b-go test-action") {
		t.Errorf("--help: exit code %d, %q", code, stdout)
	}
}

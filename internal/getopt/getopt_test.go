package getopt_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"f2b-go/internal/getopt"
	"f2b-go/internal/testenv"

	"github.com/google/go-cmp/cmp"
)

// shortNames and longNames are fail2ban-server's (COMPAT 5.1).
const shortNames = "hc:s:p:xfbdtviqV"

var longNames = []string{"loglevel=", "logtarget=", "syslogsocket=", "test", "async", "conf=", "pidfile=",
	"pname=", "socket=", "timeout=", "str2sec=", "help", "version", "dp", "dump-pretty"}

// commandLines are calls that scripts and units make, and bad ones.
var commandLines = [][]string{
	{},
	{"status"},
	{"-xf", "start"},
	{"-c", "/etc/x", "-s/run/y", "status", "-v"},
	{"--conf=/etc/x", "--sock", "y", "ping", "--help"},
	{"--conf", "/etc/x"},
	{"--t"}, {"--ti", "3"}, {"--te"}, {"--d"}, {"--dp"}, {"--du"},
	{"--nope"}, {"-z"}, {"-c"}, {"--conf"}, {"--test=1"}, {"--p=1"},
	{"--", "-v", "x"}, {"-", "-v"}, {"-vvq", "--", "--"},
	{"-vc", "dir", "start"}, {"-vcdir", "start"}, {"-c", "", "x"}, {"--conf=", "x"}, {"-:"}, {"--="},
	{"set", "j", "banip", "--with", "-x"}, {"-é"}, {"--é"}, {"-cé", "-vé"},
}

// TestParse_5_1_1 compares with Python's own getopt over the same calls.
func TestParse_5_1_1(t *testing.T) {
	type outcome struct {
		Opts [][2]string
		Rest []string
		Err  string
	}
	var want []outcome
	const script = `import getopt, json, sys
calls, short, long = json.load(sys.stdin)
out = []
for c in calls:
    try:
        o, r = getopt.getopt(c, short, long)
        out.append({"Opts": o, "Rest": r, "Err": ""})
    except getopt.GetoptError as e:
        out.append({"Opts": [], "Rest": [], "Err": e.msg})
json.dump(out, sys.stdout)`
	if _, err := exec.LookPath(testenv.Python); err != nil {
		t.Logf("%s is missing: not compared", testenv.Python)
		return
	}
	cmd := exec.Command(testenv.Python, "-c", script)
	in, err := json.Marshal([]any{commandLines, shortNames, longNames})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = bytes.NewReader(in)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for i, line := range commandLines {
		opts, rest, err := getopt.Parse(line, shortNames, longNames)
		got := outcome{Opts: [][2]string{}, Rest: append([]string{}, rest...)}
		if err != nil {
			got.Err = err.Error()
		}
		for _, o := range opts {
			got.Opts = append(got.Opts, [2]string{o.Name, o.Value})
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%q (-python +ours):\n%s", line, diff)
		}
	}
}

// TestParse holds the cases that scripts use most, without Python.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		args []string
		opts []getopt.Option
		rest []string
		err  string
	}{
		{[]string{"-xf", "start"}, []getopt.Option{{"-x", ""}, {"-f", ""}}, []string{"start"}, ""},
		{[]string{"-vcdir", "ping", "-v"}, []getopt.Option{{"-v", ""}, {"-c", "dir"}}, []string{"ping", "-v"}, ""},
		{[]string{"--soc", "s"}, []getopt.Option{{"--socket", "s"}}, []string{}, ""},
		{[]string{"--t"}, nil, nil, "option --t not a unique prefix"},
		{[]string{"-y"}, nil, nil, "option -y not recognized"},
	} {
		opts, rest, err := getopt.Parse(c.args, shortNames, longNames)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if diff := cmp.Diff([]any{c.opts, c.rest, c.err}, []any{opts, rest, text}); diff != "" {
			t.Errorf("%q:\n%s", c.args, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("--conf=x -vc dir start")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		opts, rest, err := getopt.Parse(args, shortNames, longNames)
		if err == nil && len(opts)+len(rest) > 2*len(line)+1 {
			t.Errorf("%q gave %d options and %d words", line, len(opts), len(rest))
		}
	})
}

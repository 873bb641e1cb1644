package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// answer is what a client makes of one command: the text that it prints, and
// the arguments of an exception as its log shows them.
type answer struct{ Text, Nok string }

// debianClientScript drives a server by the classes of Debian's client.
const debianClientScript = `import sys, json
sys.path.insert(0, sys.argv[2])
from fail2ban.client.csocket import CSocket
from fail2ban.client.beautifier import Beautifier
b, out = Beautifier(), []
for words in json.load(sys.stdin):
    c = CSocket(sys.argv[1])
    b.setInputCmd(words)
    code, v = c.send(words)
    if code == 0: out.append({"Text": str(b.beautify(v)), "Nok": ""})
    else: out.append({"Text": str(b.beautifyError(v)), "Nok": repr(v.args)})
    c.close()
json.dump(out, sys.stdout)`

func askByDebian(t *testing.T, lib, socket string, commands [][]string) []answer {
	t.Helper()
	in, err := json.Marshal(commands)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python, "-c", debianClientScript, socket, lib)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	var out []answer
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func askByOurs(t *testing.T, socket string, commands [][]string) []answer {
	t.Helper()
	var out []answer
	for _, words := range commands {
		c, err := control.Dial(socket, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.Send(anyList(words))
		var refused *pickle.Exception
		switch {
		case errors.As(err, &refused):
			out = append(out, answer{control.BeautifyError(refused), pytext.Repr(refused.PyArgs())})
		case err != nil:
			t.Fatalf("%v: %v", words, err)
		default:
			text, _ := control.Beautify(words, v, true)
			out = append(out, answer{Text: text})
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// masks hide what may differ between two runs or versions.
var masks = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(regexp.QuoteMeta(`::?|::)`)), `::?|:)`}, // <HOST> of 1.0.2 and later
	{regexp.MustCompile(`(?m)^1\.0\.2$`), "1.1.1"},
	{regexp.MustCompile(`'pyinotify', 'gamin',`), "'pyinotify',"}, // gamin is gone in 1.1.1
}

// comparable gives the answers as lines to compare. ignoreip lists single
// addresses in the order of a Python set, so its lines are sorted.
func comparable(commands [][]string, answers []answer) []string {
	out := make([]string, len(answers))
	for i, a := range answers {
		text := a.Text + "\n" + a.Nok
		if strings.Contains(strings.Join(commands[i], " "), "ignoreip") {
			lines := strings.Split(strings.NewReplacer("|- ", "", "`- ", "").Replace(text), "\n")
			slices.Sort(lines)
			text = strings.Join(lines, "\n")
		}
		for _, m := range masks {
			text = m.pattern.ReplaceAllString(text, m.by)
		}
		out[i] = text
	}
	return out
}

// TestPairs_5_3 gives each command of testdata/commands.txt to Debian's server
// and to ours, by Debian's client and by ours, and compares all four answers.
func TestPairs_5_3(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	var commands [][]string
	for line := range strings.Lines(readFile(t, "testdata/commands.txt")) {
		commands = append(commands, strings.Fields(line))
	}
	type pairing struct {
		server func(s *scratch) *process
		client func(s *scratch) []answer
	}
	debianServer := func(s *scratch) *process {
		return s.run(debian(ServerName, append(s.args("-f"), "start")...))
	}
	ours := func(s *scratch) *process { return s.serve() }
	// The folder's path shows in answers: all servers get to see the same.
	commandsIn := func(s *scratch) [][]string {
		out := make([][]string, len(commands))
		for i, words := range commands {
			for _, w := range words {
				out[i] = append(out[i], strings.ReplaceAll(w, "DIR", s.dir))
			}
		}
		return out
	}
	byDebian := func(s *scratch) []answer { return askByDebian(t, lib, s.path("f2b.sock"), commandsIn(s)) }
	byOurs := func(s *scratch) []answer { return askByOurs(t, s.path("f2b.sock"), commandsIn(s)) }
	results := map[string][]string{}
	for name, p := range map[string]pairing{
		"Debian's server, Debian's client": {debianServer, byDebian}, "Debian's server, our client": {debianServer, byOurs},
		"our server, Debian's client": {ours, byDebian}, "our server, our client": {ours, byOurs},
	} {
		s := newScratch(t, simple())
		server := p.server(s)
		lines := comparable(commands, p.client(s))
		for i, text := range lines {
			lines[i] = strings.ReplaceAll(text, s.dir, "DIR")
		}
		results[name] = lines
		if code := server.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("%s: the server ended with %d\n%s", name, code, server.out.String())
		}
	}
	want := results["Debian's server, Debian's client"]
	for name, got := range results {
		for i, words := range commands {
			if got[i] != want[i] {
				t.Errorf("%s: %v\n got %q\nwant %q", name, words, got[i], want[i])
			}
		}
	}
	t.Logf("%d commands in four pairings", len(commands))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

package server

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

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

// comparable gives what a call came to as a text to compare. ignoreip lists
// single addresses in the order of a Python set, so its lines are sorted.
func comparable(s *scratch, words []string, o outcome) string {
	text := o.out
	if strings.Contains(strings.Join(words, " "), "ignoreip") {
		lines := strings.Split(strings.NewReplacer("|- ", "", "`- ", "").Replace(text), "\n")
		slices.Sort(lines)
		text = strings.Join(lines, "\n")
	}
	text += "\n" + lineHead.ReplaceAllString(o.err, "") + "\n" + strconv.Itoa(o.code)
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	return strings.ReplaceAll(text, s.dir, "DIR")
}

// TestPairs_5_3 gives each command of testdata/commands.txt to Debian's server
// and to ours, by Debian's client and by ours, and compares what all four print
// and their exit codes.
func TestPairs_5_3(t *testing.T) {
	t.Parallel()
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
		client func(s *scratch, words []string) outcome
	}
	ours := func(s *scratch) *process { return s.serve() }
	z := newZygote(t, lib)
	byDebian := func(s *scratch, words []string) outcome { return z.call(ClientName, s.args(words...)...) }
	byOurs := func(s *scratch, words []string) outcome { return s.client(words...) }
	results := map[string][]string{}
	for name, p := range map[string]pairing{
		"Debian's server, Debian's client": {(*scratch).serveDebian, byDebian}, "Debian's server, our client": {(*scratch).serveDebian, byOurs},
		"our server, Debian's client": {ours, byDebian}, "our server, our client": {ours, byOurs},
	} {
		s := newScratch(t, simple())
		server := p.server(s)
		here := s.here(commands)
		for i, words := range commands {
			results[name] = append(results[name], comparable(s, words, p.client(s, here[i])))
		}
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

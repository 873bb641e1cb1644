package server

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// verboseMasks hide what no two runs have in common in the lines of -v to -vvv.
var verboseMasks = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d [\d:]+,\d{3}`), "TIME"},
	{regexp.MustCompile(`(?m)^( TIME) [0-9A-F]+ `), "$1 THREAD "},
	{regexp.MustCompile(`(?m)^ \+ *\d+ [0-9A-F]+ `), " +MS THREAD "},
	{regexp.MustCompile(`\[\d+\]: `), "[PID]: "},
	{regexp.MustCompile(`Fail2ban v[\d.]+`), "Fail2ban vN"},
}

// talk gives the lines that both programs have: of how Python shares what it has
// read, of options that 1.0.2 or 1.1.1 alone knows, and of our jails, which start
// side by side, nothing is compared.
func talk(s *scratch, text string) string {
	for _, m := range verboseMasks {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(text, s.dir, "DIR")) {
		if !strings.Contains(line, " TRACE ") && !strings.Contains(line, "Using default one") && !strings.Contains(line, "   conf: {") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestVerbose_5_1_5 compares what -v to -vvv have the client tell.
func TestVerbose_5_1_5(t *testing.T) {
	t.Parallel()
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	s := newScratch(t, simple())
	compare := func(words ...string) {
		t.Helper()
		want, got := call(t, debian(ClientName, s.args(words...)...)), call(t, self(ClientName, s.args(words...)...))
		if talk(s, got.err) != talk(s, want.err) || got.out != want.out || got.code != want.code {
			t.Errorf("%v:\n got %d %q\n%s\nwant %d %q\n%s", words, got.code, got.out, talk(s, got.err), want.code, want.out, talk(s, want.err))
		}
	}
	for _, v := range []string{"-v", "-vv", "-vvv"} {
		compare(v, "ping")
		compare(v, "-t")
	}
	s.serve()
	for _, words := range []string{"-v status", "-vv get j1 maxretry", "-vvv get j1 failregex", "-vv status nojail", "-vvv status nojail"} {
		compare(strings.Fields(words)...)
	}
}

// TestVerbose_7_1_4 compares the lines of a server's log under -vv and -vvv.
func TestVerbose_7_1_4(t *testing.T) {
	t.Parallel()
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	// Our logs are opened when their jail starts (docs/differences.md).
	head := func(s *scratch) (lines []string) {
		for line := range strings.Lines(talk(s, s.read("f2b.log"))) {
			switch {
			case strings.Contains(line, "Creating new jail 'j2'"):
				return lines
			case !strings.Contains(line, "Added logfile"):
				lines = append(lines, line)
			}
		}
		return lines
	}
	for _, v := range []string{"-v", "-vv", "-vvv"} {
		theirs, ours := newScratch(t, simple()), newScratch(t, simple())
		theirs.run(debian(ServerName, append(theirs.args("-f", v), "start")...))
		ours.serve(v)
		if want, got := head(theirs), head(ours); !slices.Equal(got, want) || len(want) < 5 {
			t.Errorf("%s:\n got %q\nwant %q", v, got, want)
		}
	}
}

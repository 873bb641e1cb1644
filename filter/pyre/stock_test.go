package pyre

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

var stockLines = flag.Int("pyre.lines", 400, "log lines on which TestStockPatternsEqualPython tries each pattern")

// stockScript prints all regular expressions of the filters in the given
// configurations, in every mode, as fail2ban 1.0.2 expands them.
const stockScript = `
import glob, json, logging, os, sys
logging.disable(logging.CRITICAL)
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.failregex import Regex
seen = {}
def collect(base, name, opts):
    r = FilterReader(name, "j", dict(opts), share_config=None, basedir=base)
    if not r.read(): return
    r.getOptions(None)
    stream = [c for c in r.convert() if len(c) > 3]
    multi = any(c[2] == "maxlines" for c in stream)
    for c in stream:
        if c[2] not in ("addfailregex", "addignoreregex", "prefregex"): continue
        for v in c[3] if isinstance(c[3], list) else [c[3]]:
            for usedns in ("yes", "no"):
                try: x = Regex(v, multiline=multi, useDns=usedns).getRegex()
                except Exception: continue
                seen.setdefault((x, multi), name)
for base in sys.argv[1:]:
    for f in sorted(glob.glob(base + "/filter.d/*.conf")):
        name = os.path.basename(f)[:-5]
        text = open(f).read()
        modes = ["", "normal", "ddos", "extra", "aggressive", "auth", "rbl", "errors", "more", "all"] if "mode" in text else [""]
        keys = ["any", "ignore", "invalid", "nofail"] if "publickey" in text else [""]
        for mode in modes:
            for key in keys:
                for logtype in ("", "journal", "rfc5424"):
                    opts = {k: v for k, v in (("mode", mode), ("publickey", key), ("logtype", logtype)) if v}
                    try: collect(base, name, opts)
                    except Exception: pass
print(json.dumps([{"p": p, "m": m, "n": n} for (p, m), n in seen.items()]))
`

// stockPattern is one final regular expression of a filter.
type stockPattern struct {
	Pattern string `json:"p"`
	Multi   bool   `json:"m"` // compiled with MULTILINE
	Name    string `json:"n"` // of a filter that has it
}

func (p stockPattern) flags() Flags {
	if p.Multi {
		return MultiLine
	}
	return 0
}

// stockCache keeps the patterns for the next test.
var stockCache []stockPattern

// stockPatterns returns the final patterns of Debian's filters and of those
// in ../shared, without duplicates.
func stockPatterns(t testing.TB) []stockPattern {
	t.Helper()
	if _, ok := testenv.Fail2ban(t); !ok || stockCache != nil {
		return stockCache
	}
	args := []string{"-c", stockScript, "/etc/fail2ban"}
	if shared, ok := testenv.Shared(t); ok {
		args = append(args, filepath.Join(shared, "fail2ban-1.1.0/config"), filepath.Join(shared, "fail2ban-1.1.1/config"))
	}
	out, err := exec.Command(testenv.Python, args...).Output()
	if err != nil {
		t.Fatalf("reading the stock filters: %v", err)
	}
	if err := json.Unmarshal(out, &stockCache); err != nil {
		t.Fatal(err)
	}
	return stockCache
}

// dateLike is what fail2ban cuts out of most lines before it tries a pattern.
var dateLike = regexp.MustCompile(`\w{3}\s+\d+ \d\d:\d\d:\d\d(\.\d+)?|\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?(Z|[-+]\d\d:?\d\d)?|\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}`)

var prefixLike = regexp.MustCompile(`^.*?\]?: `)

// sampleLines returns the lines of fail2ban's own sample logs as patterns may
// meet them: whole, without date, and without what stands before the message.
func sampleLines(t testing.TB) []string {
	t.Helper()
	dir, ok := testenv.Fail2ban(t)
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "fail2ban/tests/files/logs/*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample logs in %s: %v", dir, err)
	}
	if shared, ok := testenv.Shared(t); ok {
		more, _ := filepath.Glob(filepath.Join(shared, "fail2ban-1.1.1/samples/logs/*"))
		files = append(files, more...)
	}
	var lines []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		sc := bufio.NewScanner(bytes.NewReader(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			line := sc.Text()
			if strings.HasPrefix(line, "#") || line == "" {
				continue
			}
			undated := line
			if at := dateLike.FindStringIndex(line); at != nil {
				undated = line[:at[0]] + line[at[1]:]
			}
			lines = append(lines, line+"\n", undated+"\n", prefixLike.ReplaceAllString(undated, "")+"\n")
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// disturb changes a line in a few places, so that it matches in part, with
// characters on which Python and others differ.
func disturb(r *rand.Rand, line string) string {
	odd := []string{"é", "\u00a0", "\u0085", "\x1c", "\u2028", "ſ", "K", "İ", "²", "٣", "\U0001F600", "\uFFFD", "日", "\x00", "\n", " ", ":", "1.2.3.4"}
	runes := []rune(line)
	for range 1 + r.IntN(3) {
		i := r.IntN(len(runes))
		repl := []rune(odd[r.IntN(len(odd))])
		switch r.IntN(3) {
		case 0:
			runes = slices.Insert(runes, i, repl...)
		case 1:
			runes = slices.Replace(runes, i, i+1, repl...)
		default:
			runes = slices.Delete(runes, i, min(len(runes)-1, i+1+r.IntN(4)))
		}
	}
	return string(runes)
}

// TestStockPatternsEqualPython tries every pattern of the stock filters on
// sample lines and on disturbed ones, and compares with Python, captures and
// all (COMPAT 0.2, 0.3, 2.1).
func TestStockPatternsEqualPython(t *testing.T) {
	patterns := stockPatterns(t)
	if len(patterns) == 0 {
		return
	}
	py, ok := newPeer(t)
	if !ok {
		return
	}
	r := rand.New(rand.NewPCG(*fuzzSeed, 1))
	lines := sampleLines(t)
	total := len(lines)
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	lines = lines[:min(*stockLines, len(lines))]
	for _, line := range lines[:len(lines)/2] {
		lines = append(lines, disturb(r, line))
	}
	var n int
	py.Ask(map[string][]string{"lines": lines}, &n)
	hits := 0
	for _, p := range patterns {
		hits += compareStock(t, py, p, lines)
	}
	t.Logf("%d patterns on %d lines (of %d): %d matches", len(patterns), len(lines), total, hits)
}

// compareStock compares one pattern on all lines and returns the matches.
func compareStock(t *testing.T, py *peer, p stockPattern, lines []string) int {
	t.Helper()
	var want map[string][]int // by index of the line
	py.Ask(map[string]any{"over": p.Pattern, "f": pythonFlags(p.flags())}, &want)
	re, err := Compile(p.Pattern, p.flags())
	if err != nil {
		t.Errorf("%s: %q: %v", p.Name, p.Pattern, err)
		return 0
	}
	var caps []int
	var s Scratch
	for i, line := range lines {
		found := false
		caps, found, err = re.SearchWith(&s, caps, []byte(line), 0, len(line))
		w, matched := want[fmt.Sprint(i)]
		if len(w) == 1 {
			continue // too slow for Python
		}
		if err != nil || found != matched || found && !slices.Equal(caps, w) {
			t.Errorf("%s: %q on %q: %v %v %v, Python %v", p.Name, p.Pattern, line, found, caps, err, w)
		}
		if found {
			checkFacts(t, re, []byte(line), caps)
		}
	}
	return len(want)
}

// checkFacts checks on a match what Regexp tells about all matches.
func checkFacts(t *testing.T, re *Regexp, text []byte, caps []int) {
	t.Helper()
	matched := text[caps[0]:caps[1]]
	rest := matched
	for _, set := range re.Literals() {
		behind := -1
		for _, lit := range set {
			if i := bytes.Index(rest, []byte(lit)); i >= 0 && (behind < 0 || i+len(lit) < behind) {
				behind = i + len(lit)
			}
		}
		if behind < 0 {
			t.Errorf("%q matched %q, which has none of %q in %q", re, matched, set, rest)
			break
		}
		rest = rest[behind:]
	}
	first, atEnd := re.FirstBytes()
	if caps[0] < len(text) && !first.Has(text[caps[0]]) || caps[0] == len(text) && !atEnd {
		t.Errorf("%q matched %q, which does not begin as FirstBytes says", re, matched)
	}
	if re.Anchored() && caps[0] != 0 {
		t.Errorf("%q matched at %d though it is anchored", re, caps[0])
	}
}

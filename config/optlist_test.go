package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

const listDriver = `
import sys, json, os, shlex
if os.environ.get("FAIL2BAN_LIB"): sys.path.insert(0, os.environ["FAIL2BAN_LIB"])
from fail2ban.helpers import extractOptions, splitWithOptions
from fail2ban.client.configreader import CONVERTER
import json as j, fnmatch
def one(s):
    try: n, o = extractOptions(s); a = repr((n, o)) + j.dumps(o)
    except ValueError as e: a = "!" + str(e)
    b = [x.strip() for x in splitWithOptions(s) if x.strip()]
    try: c = repr(shlex.split(s))
    except ValueError as e: c = "!" + str(e)
    try: d = repr(int(s))
    except ValueError as e: d = "!"
    return [a, repr(b), c, d, repr(fnmatch.fnmatchcase("ab]c-x", s))]
for line in sys.stdin: print(json.dumps([one(s) for s in json.loads(line)]), flush=True)
`

func ourLists(s string) []string {
	out := make([]string, 0, 4)
	name, dict, err := ParseOptions(s)
	if err != nil {
		out = append(out, "!"+err.Error())
	} else {
		out = append(out, pytext.Repr(pytext.Tuple{name, dict})+jsonText(dict))
	}
	list, e := splitActions(s)
	if e != nil {
		out = append(out, "!"+e.Text)
	} else {
		out = append(out, pytext.Repr(append([]string{}, list...)))
	}
	words, e := shellSplit(s)
	if e != nil {
		out = append(out, "!"+e.Text)
	} else {
		out = append(out, pytext.Repr(append([]string{}, words...)))
	}
	n, ok := pyInt(s)
	if ok {
		out = append(out, fmt.Sprint(n))
	} else {
		out = append(out, "!")
	}
	return append(out, pytext.Repr(fnmatch(s, "ab]c-x")))
}

// TestListsBesidePython_1_7 compares option lists, lists of actions, journal
// matches, ints and name patterns made at random with fail2ban's.
func TestListsBesidePython_1_7(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	ask := startPython(t, listDriver)
	r := rand.New(rand.NewPCG(13, uint64(soakSeed())))
	pieces := []string{"a", "b.c-d", "[", "]", "][", "] [", "=", "x=1", "y=\"q r\"", "z='s,t]'", ",", ", ", " ", "\n", "\t", "\"", "'", "é=ü", "€", "😀", "\\", "1", "-2", "_", "٣", "+", "x= 1", "w=", "\x1c", "\u00a0", ";", "v=a[b]", "?", "*", "!", "-", "[a-c]", "[!a]", "[]]", "ab", "c-x"}
	if os.Getenv("FAIL2BAN_LIB") != "" {
		pieces = append(pieces, "k?family=inet6=1", "k?f=\"x\"", "k?f", "k?=1")
	}
	n := soakFiles(t, 5_000)
	const batch = 500
	for done := 0; done < n; done += batch {
		texts := make([]string, batch)
		for i := range texts {
			var b strings.Builder
			if r.IntN(2) == 0 {
				b.WriteString("name[")
			}
			for range r.IntN(9) {
				b.WriteString(pick(r, pieces))
			}
			if r.IntN(2) == 0 {
				b.WriteString("]")
			}
			texts[i] = b.String()
		}
		var want [][]string
		ask(texts, &want)
		for i, text := range texts {
			if diff := cmp.Diff(want[i], ourLists(text)); diff != "" {
				t.Fatalf("%q (- Python, + ours)\n%s", text, diff)
			}
		}
	}
}

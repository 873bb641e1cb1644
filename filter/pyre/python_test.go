package pyre

import (
	"os"
	"testing"

	"f2b-go/internal/testenv"
)

// peerScript answers requests for Python's re, one JSON object a line. Spans
// are byte offsets into the UTF-8 text, as ours. Python stops a search that
// takes longer than a quarter of a second; its answer is then "timeout".
const peerScript = `
import json, re, signal, sys, warnings
warnings.simplefilter("ignore")
class Slow(Exception): pass
def slow(*_): raise Slow()
signal.signal(signal.SIGALRM, slow)
def spans(m, text):
    if text.isascii():
        return [x for i in range(m.re.groups + 1) for x in m.span(i)]
    return [-1 if x < 0 else len(text[:x].encode()) for i in range(m.re.groups + 1) for x in m.span(i)]
def search(rx, text, *span):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.25)
        m = rx.search(text, *span)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return spans(m, text) if m else None
    except Slow:
        return [-2]
def answer(q):
    try:
        rx = re.compile(q["p"], q["f"])
    except re.error as e:
        return {"err": str(e)}
    except (OverflowError, ValueError) as e:
        return {"err": str(e)}
    except RecursionError:
        return {"err": "recursion"}
    out = []
    for i, t in enumerate(q["t"] or []):
        args = [t]
        if "span" in q:
            args += [len(t.encode()[:x].decode()) for x in q["span"][i]]
        out.append(search(rx, *args))
    return {"n": rx.groups, "g": rx.groupindex, "m": out}
for line in sys.stdin:
    q = json.loads(line)
    if "eval" in q:
        r = eval(q["eval"])
    elif "lines" in q:
        lines = q["lines"]
        r = len(lines)
    elif "over" in q:
        rx = re.compile(q["over"], q["f"])
        r = {i: m for i, t in enumerate(lines) for m in (search(rx, t),) if m}
    else:
        r = answer(q)
    sys.stdout.write(json.dumps(r, default=dict) + "\n")
    sys.stdout.flush()
`

// peer is one long-lived Python process that answers for its re module.
type peer struct{ *testenv.Peer }

// newPeer starts Python. Without it the test is told to pass by other means:
// ok is false, which fails where a CI runs.
func newPeer(t testing.TB) (p *peer, ok bool) {
	t.Helper()
	if _, err := os.Stat(testenv.Python); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no %s to compare with: apt-get install python3", testenv.Python)
		}
		t.Logf("no %s: not compared with Python's re", testenv.Python)
		return nil, false
	}
	return &peer{testenv.StartPython(t, nil, "-c", peerScript)}, true
}

// request is a question to Python: search each text with pattern p.
type request struct {
	P     string   `json:"p"`
	Flags int      `json:"f"`
	Texts []string `json:"t"`
	Spans [][2]int `json:"span,omitempty"` // where in each text, instead of all of it
}

// reply is Python's answer.
type reply struct {
	Err     string         `json:"err"`
	Groups  int            `json:"n"`
	Names   map[string]int `json:"g"`
	Matches [][]int        `json:"m"` // null: no match; [-2]: too slow
}

func (p *peer) search(q request) reply {
	var r reply
	p.Ask(q, &r)
	return r
}

func (p *peer) eval(expr string, into any) {
	p.Ask(map[string]string{"eval": expr}, into)
}

// pythonFlags are Python's numbers for our flags.
func pythonFlags(f Flags) int {
	n := 0
	for _, x := range []struct {
		f Flags
		n int
	}{{IgnoreCase, 2}, {MultiLine, 8}, {DotAll, 16}, {Unicode, 32}, {Verbose, 64}, {ASCII, 256}} {
		if f&x.f != 0 {
			n |= x.n
		}
	}
	return n
}

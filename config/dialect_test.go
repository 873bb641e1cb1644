package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
)

// soakFiles is how many files the differential fuzz makes: few by default, as
// many as F2B_FUZZ_FILES says for a soak.
func soakFiles(t *testing.T, few int) int {
	if n, err := strconv.Atoi(os.Getenv("F2B_FUZZ_FILES")); err == nil {
		return n
	}
	t.Logf("%d files; F2B_FUZZ_FILES=100000 makes it a soak", few)
	return few
}

// dialectDriver reads texts, one JSON list of them a line, with ConfigParser set
// up as fail2ban sets it up, and answers with all sections, raw and interpolated,
// or with the exception.
const dialectDriver = `
import sys, json, io, os, base64
if os.environ.get("FAIL2BAN_LIB"): sys.path.insert(0, os.environ["FAIL2BAN_LIB"])
import logging; logging.disable(logging.CRITICAL)
from fail2ban.client.configparserinc import SafeConfigParserWithIncludes
def exc(e):
    n = type(e).__name__
    return "!" + n + ": " + str(e)
def one(data):
    cfg = SafeConfigParserWithIncludes()
    try: cfg._read(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"), "F")
    except Exception as e: return [exc(e)]
    out = []
    for n, s in [("DEFAULT", cfg._defaults)] + list(cfg._sections.items()):
        out.append("[" + n + "]")
        for k, v in s.items(): out.append(repr(k) + "=" + repr(v))
    for n in list(cfg._sections) + ["DEFAULT"]:
        for k in list(cfg._sections.get(n, {})) + list(cfg._defaults):
            try: v = repr(cfg.get(n, k, vars={"Given": "g%(a)s"}))
            except Exception as e: v = exc(e)
            out.append("get " + n + " " + k + " " + v)
        for k in ("lt/a", "known/a", "LT/b", "default/a", "s 1/a", "DEFAULT/b", "nosuch/a", "a"):
            try: v = repr(cfg.get_ex(n, k))
            except Exception as e: v = exc(e)
            out.append("ex " + n + " " + k + " " + v)
    return out
for line in sys.stdin:
    print(json.dumps([one(base64.b64decode(t)) for t in json.loads(line)]), flush=True)
`

// ourDialect answers as dialectDriver does.
func ourDialect(data []byte) []string {
	f, err := parseFile("F", data)
	if err != nil {
		return []string{"!" + err.Class + ": " + err.Text}
	}
	p := New(Options{}).newParser()
	p.add(f)
	p.defaults, p.sections, p.order = f.defaults, f.sections, f.order
	out := []string{}
	add := func(name string, s *section) {
		out = append(out, "["+name+"]")
		for _, o := range s.list {
			out = append(out, pytext.Repr(o.name)+"="+pytext.Repr(o.value))
		}
	}
	add(defaultSection, f.defaults)
	for _, n := range f.order {
		add(n, f.sections[n])
	}
	given := &optionSet{}
	given.set("Given", "g%(a)s")
	for _, n := range slices.Concat(f.order, []string{defaultSection}) {
		names := slices.Concat(p.own(n), f.defaults.names())
		for _, k := range names {
			v, err := p.get(n, k, newVariables(given))
			out = append(out, "get "+n+" "+k+" "+result(v, err))
		}
		for _, k := range []string{"lt/a", "known/a", "LT/b", "default/a", "s 1/a", "DEFAULT/b", "nosuch/a", "a"} {
			v, err := p.getEx(n, k, nil)
			out = append(out, "ex "+n+" "+k+" "+result(v, err))
		}
	}
	return out
}

func result(v any, err *Error) string {
	if err != nil {
		return "!" + err.Class + ": " + err.Text
	}
	return pytext.Repr(v)
}

// pieces of files. Those that mean something stand often.
var (
	headers   = []string{"[s]", "[lt]", "[DEFAULT]", "[LT]", "[s 1]", "[]", "[a]b]", "[x] tail", "[INCLUDES]", "[Init?family=inet6]", "[`q`]", "[\"q\"]", "[default]", "[open", "[s-1]", "[KNOWN/s]", " [t]", "[é]", "[a\u00a0b]", "[%(a)s]", "[x]=1", "[y] ; c", "[s]]", "\ufeff[s]"}
	keys      = []string{"a", "b", "A", "c", "a b", "x.y", "known/a", "\"q\"", "`", "-", "é", "İ", "ΑΣ", "k;", "a#", "", "[k", "lt/a", "\"\"\"", "__name__", "given", "a\x1c", "a\u3000b", "%(a)s", "default", "a\tb", "a[b]", "x?family=inet6", "known/known/a", "ﬁ", "ẞ"}
	delims    = []string{"=", " = ", ":", " : ", "  =", "=\t", "= ", "", " ", "==", "=:"}
	fragments = []string{"v", "1", "", " ", "v ; c", "v;c", "v # c", "\"x\"", "'x'", "`x`", "`x", "\"\"\"x\"\"\"", "\"\"\"x", "x\\", "%(a)s", "%(b)s", "%(lt/a)s", "%(LT/b)s", "%(known/a)s", "%(default/a)s", "%(DEFAULT/a)s", "%%", "%", "%d", "%(a", "%()s", "%(a)d", "%(given)s", "%(__name__)s", "%(c)s%(b)s", "%(s 1/a)s", "%(s-1/a)s", "%%(lt/a)s", "\u00a0", "x\u00a0;c", "\x1c", "x\x1cy", "\x0b", "\x85", "\u2028x", "\x00", "\ufeff", "\x01", "\x01a\x01b", "ü€😀", "a=b", "[z]", "-", ";x", "#x", "\t;x", "%(a)s%(a)s%(lt/a)s", "\\", "%(lt/c)s", "x y  z", "%(A)s", "%(a )s", "%( a)s", "%(lt/a/b)s", "%(known/known/a)s", "%%%(a)s", "%%%", "a\x0cb", "x\u3000;c", "x\u2003", "%(a)s%", "%(x.y)s", "%(a b)s", "<a>", "x ;", ";"}
	indents   = []string{"", "", "", "", " ", "  ", "\t", "    ", "\u00a0", "\x0c", "\x1c"}
	ends      = []string{"\n", "\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n", "\n \n", "\n# c\n", "\n  ; c\n", " \n", "", "\x0b\n", "\n\t\n", "\u2028\n", "\x85\n", "\x0c\n", "\n;\n", "\n #\n", "\n\u00a0\n"}
	bytes8    = []string{"\xff", "\xe4", "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f", "\xc0\x80", "\xf5", "\xe0\x80\x80"}
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func randomFile(r *rand.Rand) []byte {
	var b strings.Builder
	if r.IntN(10) > 0 {
		b.WriteString(pick(r, headers[:5]) + "\n")
	}
	tidy := r.IntN(3) // 0: mostly sound files, so that reading goes on to interpolation
	used := 0
	for range 1 + r.IntN(14) {
		switch n := r.IntN(20); {
		case n < 3:
			if tidy == 0 {
				used++
				fmt.Fprintf(&b, "[%s%d]\n", []string{"s", "lt", "x"}[r.IntN(3)], used)
				continue
			}
			b.WriteString(pick(r, indents[:6]) + pick(r, headers) + pick(r, ends))
		case n < 15 && tidy == 0:
			used++
			fmt.Fprintf(&b, "%s = %s%s", []string{"a", "b", "c", "a", fmt.Sprint("k", used)}[r.IntN(5)], pick(r, fragments)+pick(r, fragments), "\n")
		case n < 14:
			b.WriteString(pick(r, indents) + pick(r, keys) + pick(r, delims) + pick(r, fragments) + pick(r, fragments) + pick(r, ends))
		case n < 18:
			if tidy == 0 {
				b.WriteString("  ")
			}
			b.WriteString(pick(r, indents) + pick(r, fragments) + pick(r, ends))
		case n == 18 && r.IntN(15) == 0:
			b.WriteString(pick(r, bytes8))
		case n == 19 && r.IntN(40) == 0:
			b.WriteString("# " + strings.Repeat("long ", 1500+r.IntN(300)) + "\n")
		default:
			b.WriteString(pick(r, ends))
		}
	}
	return []byte(b.String())
}

// TestDialectBesidePython_1_2 compares files made at random with ConfigParser as
// fail2ban sets it up, and their values with its interpolation.
func TestDialectBesidePython_1_2(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	ask := startPython(t, dialectDriver)
	r := rand.New(rand.NewPCG(7, uint64(soakSeed())))
	const batch = 100
	sound := 0
	n := soakFiles(t, 3000)
	for done := 0; done < n; done += batch {
		files := make([][]byte, batch)
		for i := range files {
			files[i] = randomFile(r)
		}
		var want [][]string
		ask(files, &want)
		for i, f := range files {
			got := ourDialect(f)
			if len(got) > 1 {
				sound++
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Fatalf("%q\n(- Python, + ours)\n%s", f, diff)
			}
		}
	}
	t.Logf("%d files were sound", sound)
}

// soakSeed lets a soak take other files each time.
func soakSeed() int {
	n, _ := strconv.Atoi(os.Getenv("F2B_FUZZ_SEED"))
	return n
}

// startPython starts a program that answers one JSON value a line.
func startPython(t *testing.T, program string) func(q, answer any) {
	t.Helper()
	p := testenv.StartPython(t, []string{"LC_ALL=C.UTF-8"}, "-c", program)
	return func(q, answer any) { p.Ask(q, answer) }
}

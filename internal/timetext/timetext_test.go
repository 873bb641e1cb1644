package timetext_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"
	"f2b-go/internal/timetext"
)

func TestSpans_1_9_3(t *testing.T) {
	for text, want := range map[string]string{
		"10m": "600", "1d 3h": "97200", "1d12h": "129600", "1h30": "3630", "1h 30": "3630", "1h30m": "5400",
		"1y 6mo": "47336400.0", "1year-6mo": "15778800.0", "1.5h": "5400.0", "2*60": "120", "-1": "-1", "-1d": "-86400",
		"-1h 30m": "-1800", "1d,3h": "(86400, 10800)", "1,": "(1,)", "10**20": "100000000000000000000",
		"6 months": "15778800.0", "2 MINUTES": "120", " 1": "1", "1\n2": "3", "1 #c": "1", "0d 1h 30m": "5400",
		"1 if 1 else 2": "1", "7//2": "3", "-7//2": "-4", "-7%3": "2", "7/2": "3.5", "2**-1": "0.5", "1_000": "1000", "00": "0", "1e-3": "0.001",
	} {
		t.Run(text, func(t *testing.T) {
			v, err := timetext.Python(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := pytext.Str(v); got != want {
				t.Errorf("%q is %s, want %s", text, got, want)
			}
		})
	}
}

func TestSpanErrors_1_9_3(t *testing.T) {
	long := strings.Repeat("(", 3000) + "1" + strings.Repeat(")", 3000)
	for text, want := range map[string]string{
		"":                              "SyntaxError: invalid syntax (<string>, line 0)",
		"010":                           "SyntaxError: leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers (<string>, line 1)",
		"1wk":                           "SyntaxError: invalid decimal literal (<string>, line 1)",
		"1 2 3":                         "SyntaxError: invalid syntax (<string>, line 1)",
		"abc":                           "NameError: name 'abc' is not defined",
		"1/0":                           "ZeroDivisionError: division by zero",
		"1//0":                          "ZeroDivisionError: integer division or modulo by zero",
		"(1":                            "SyntaxError: '(' was never closed (<string>, line 1)",
		"1)":                            "SyntaxError: unmatched ')' (<string>, line 1)",
		"__import__('os').system('id')": "SyntaxError: invalid syntax (<string>, line 1)",
		"9**9**9**9":                    "OverflowError: int too large",
		long:                            "SyntaxError: expression too long (<string>, line 1)",
		long[2900:3101]:                 "SyntaxError: too many nested parentheses (<string>, line 1)",
	} {
		t.Run(text[:min(len(text), 30)], func(t *testing.T) {
			_, err := timetext.Python(text)
			if got := errorText(err); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
		})
	}
	if _, _, err := timetext.Seconds("1d,3h"); !timetext.IsError(err, "TypeError") {
		t.Errorf("a tuple as number of seconds: %v, want a TypeError", err)
	}
}

func errorText(err error) string {
	var e *timetext.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return e.Class + ": " + e.Text
}

func TestText_1_9_5(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0", 59: "59s", 60: "1m", 90: "1m 30s", 3590: "59m 50s", 3594: "59m 54s", 3595: "1h", 86399: "24h", 604799: "7d",
		86400 * 390: "1y 3w 4d", 86400 * 368: "1y 3d", 86400 * 365.4: "1y", 86400*2 + 3600*7 + 60*15: "2d 7h 15m", 86400*2 + 3599: "2d 1h",
		1200.7: "20.0m 0.7000000000000455s", 629145600: "19y 49w 4d", 0.5: "0.5s", -5: "-5s", 600: "10m",
	} {
		if got := timetext.Text(seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
	if got := timetext.TextFloat(1200); got != "20.0m" {
		t.Errorf("a float of 1200 s: %q, want 20.0m", got)
	}
}

func TestFormulas_3_6_3(t *testing.T) {
	for text, want := range map[string]float64{
		"ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor":         4800,
		"ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)": 12051.3221539126,
		"max(ban.Time, min(10, 5)) + abs(-3) + round(2.5) + int(7.9) + pow(2, 3)": 600 + 3 + 2 + 7 + 8,
		"2.0 / 2.885385":                           2.0 / 2.885385,
		"not (1 < 2 < 3) or ban.Count >= 3":        1,
		"math.floor(2.5) + math.ceil(2.5)":         5,
		"ban.Time*ban.Count + 5*random.random()*0": 1800,
	} {
		got, err := timetext.Eval(text, map[string]float64{"ban.Time": 600, "ban.Count": 3, "banFactor": 1})
		if err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"ban.Other", "open(1)", "().__class__", "1<<999999", "math.sqrt(-1)", "lambda: 1", "[1][0]", "x if 1"} {
		if v, err := timetext.Eval(text, nil); err == nil {
			t.Errorf("%s = %v, want an error", text, v)
		}
	}
}

// python answers for fail2ban: one JSON text a line in, "value" or "!Class" out.
const python = `
import sys, json
sys.set_int_max_str_digits(0)
from fail2ban.server.mytime import MyTime
import warnings; warnings.simplefilter("ignore")
for line in sys.stdin:
    s, sec = json.loads(line)
    if sec is not None:
        print(json.dumps(str(MyTime.seconds2str(sec))), flush=True); continue
    try: v = MyTime.str2seconds(s); r = str(v) if not isinstance(v, complex) else "!complex"
    except BaseException as e: r = "!" + type(e).__name__
    print(json.dumps(r), flush=True)
`

// TestBesideFail2ban_1_9 makes spans of pieces and compares with fail2ban.
func TestBesideFail2ban_1_9(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	ask := startPython(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"1", "2", "30", "0", "007", "1.5", ".5", "d", "h", "m", "mo", "mon", "s", "min", "w", "y", "years", "ho", "dx", " ", "  ", "+", "-", "*", "/", "//", "**", "(", ")", ",", "_", "e", "E-2", "\t", "\u00a0", "%", "~", "DAYS", "Wk", "\n"}
	for range 3000 {
		var b strings.Builder
		for range 1 + rnd.IntN(7) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		text := b.String()
		want := ask([]any{text, nil})
		v, err := timetext.Python(text)
		got := "!"
		if err == nil {
			got = pytext.Str(v)
		}
		if strings.HasPrefix(want, "!") {
			want = "!"
		}
		if strings.HasPrefix(want, "()") || strings.HasPrefix(want, "((") || strings.Contains(want, " (") || strings.Contains(want, "j") || strings.Contains(want, "built-in") || len(want) > 1000 {
			continue // nested tuples, functions, complex and huge numbers: not supported, and no use as a time
		}
		if got != want && (err == nil || !strings.HasPrefix(want, "(")) {
			t.Errorf("%q: %s (%v), fail2ban has %s", text, got, err, want)
		}
	}
	for range 2000 {
		sec := float64(rnd.IntN(1 << (4 + rnd.IntN(30))))
		if want, got := ask([]any{"", int(sec)}), timetext.Text(sec); got != want {
			t.Errorf("%v s: %q, fail2ban has %q", sec, got, want)
		}
		sec += rnd.Float64() + 0.001
		if want, got := ask([]any{"", sec}), timetext.TextFloat(sec); got != want {
			t.Errorf("%v s: %q, fail2ban has %q", sec, got, want)
		}
	}
}

func startPython(t *testing.T) func([]any) string {
	p := testenv.StartPython(t, nil, "-c", python)
	return func(q []any) (answer string) {
		p.Ask(q, &answer)
		return answer
	}
}

func FuzzSpan(f *testing.F) {
	for _, s := range []string{"10m", "1d 3h", "(1", "2**2**2**2", "1 if 2 else 3", "1e5", "\x00", "-~+1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _ = timetext.Seconds(text)
		_, _ = timetext.Eval(text, map[string]float64{"ban.Time": 1})
		_ = timetext.Text(float64(len(text)) * 1e6)
	})
}

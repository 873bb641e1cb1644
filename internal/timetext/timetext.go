// Package timetext reads and writes fail2ban's texts for spans of time, such as
// "1d 3h" or "90m", and the small expressions that ban times are made with.
//
// fail2ban hands such texts to Python's eval. The package hides that they are
// read by a bounded evaluator instead: numbers, operators, a few functions of
// mathematics and the names that the caller gives, and nothing else.
package timetext

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
)

// Seconds reads a span such as "1h 30m" and returns it in seconds. isInt tells
// that Python would hold an int: months and years give floats, all other units
// ints. An error is an *Error with the class that Python would raise.
func Seconds(text string) (sec float64, isInt bool, err error) {
	n, err := Parse(text)
	if err != nil {
		return 0, false, err
	}
	return n.Float(), n.IsInt(), nil
}

// Parse reads a span like Seconds and keeps the exact number.
func Parse(text string) (Number, error) {
	e, err := compileSpan(text)
	if err != nil {
		return Number{}, err
	}
	return e.Eval(nil)
}

// Python reads a span and returns the value that fail2ban would hold for it, to
// be printed by pytext: int64 or *big.Int, float64, or a pytext.Tuple of these
// where commas stand between spans.
func Python(text string) (any, error) {
	e, err := compileSpan(text)
	if err != nil {
		return nil, err
	}
	if !e.tuple {
		n, err := e.Eval(nil)
		if err != nil {
			return nil, err
		}
		return n.python(), nil
	}
	list := pytext.Tuple{}
	for _, part := range e.parts {
		n, err := evaluate(part, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, n.python())
	}
	return list, nil
}

func (n Number) python() any {
	switch {
	case n.i == nil:
		return n.f
	case n.i.IsInt64():
		return n.i.Int64()
	}
	return new(big.Int).Set(n.i)
}

func compileSpan(text string) (*Expr, error) {
	if len(text) > maxExpr {
		return nil, syntaxError("expression too long")
	}
	return Compile(expand(text))
}

// lengths of the spans after which Text rounds more coarsely, in seconds.
const (
	minute = 60
	day    = 86400
	week   = 7 * day
	year   = 365 * day
	// nearHour is an hour less half the step of ten seconds to which it is rounded.
	nearHour = 3595
)

// Text writes seconds as fail2ban's log does: "10m", "1d 3h". A whole number is
// written as an int.
func Text(seconds float64) string {
	if seconds == math.Trunc(seconds) && math.Abs(seconds) < nearHour {
		return short(seconds, func(v float64) string { return strconv.FormatInt(int64(v), 10) })
	}
	return TextFloat(seconds)
}

// TextFloat is Text for a number that Python holds as a float: below an hour its
// parts keep their decimal point, as in "20.0m".
func TextFloat(seconds float64) string {
	switch {
	case math.IsInf(seconds, 0) || math.IsNaN(seconds):
		return pytext.FloatRepr(seconds) + "s"
	case seconds >= year:
		return groups(seconds/day, []int64{365, 7, 1}, "ywd")
	case seconds >= week:
		return groups(seconds/3600, []int64{168, 24, 1}, "wdh")
	case seconds >= day:
		return groups(seconds/minute, []int64{1440, 60, 1}, "dhm")
	case seconds >= nearHour:
		return groups(seconds/10, []int64{360, 6}, "hm")
	}
	return short(seconds, pytext.FloatRepr)
}

// groups rounds to whole steps (half to even) and writes them in the given units;
// the first unit is always written, the others where they are not nought.
func groups(steps float64, size []int64, unit string) string {
	rounded, _ := new(big.Float).SetFloat64(math.RoundToEven(steps)).Int(nil)
	var b strings.Builder
	for i, n := range size {
		count, rest := new(big.Int).DivMod(rounded, big.NewInt(n), new(big.Int))
		if i == 0 || count.Sign() != 0 {
			b.WriteString(count.String() + string(unit[i]) + " ")
		}
		rounded = rest
	}
	return strings.TrimSuffix(b.String(), " ")
}

func short(s float64, write func(float64) string) string {
	if s == 0 {
		return "0"
	}
	var parts []string
	if s >= minute {
		parts = append(parts, write(math.Floor(s/minute))+"m")
		s = math.Mod(s, minute)
	}
	if s != 0 {
		parts = append(parts, write(s)+"s")
	}
	return strings.Join(parts, " ")
}

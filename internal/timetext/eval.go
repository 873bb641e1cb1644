package timetext

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
)

// constants that an expression may name beside the caller's names.
var constants = map[string]Number{
	"True": Int(1), "False": Int(0),
	"math.pi": Float(math.Pi), "math.e": Float(math.E), "math.tau": Float(2 * math.Pi), "math.inf": Float(math.Inf(1)),
}

// evaluate works a node out. Its depth is bounded by the parser's.
func evaluate(n node, names Names) (Number, error) {
	switch n.op {
	case "num":
		return n.num, nil
	case "name":
		return lookup(n.text, names)
	case "if", "and", "or":
		return choose(n, names)
	case "cmp":
		return comparison(n, names)
	case "call":
		args, err := evaluateAll(n.args, names)
		if err != nil {
			return Number{}, err
		}
		return call(n.text, args)
	}
	args, err := evaluateAll(n.args, names)
	if err != nil {
		return Number{}, err
	}
	if len(args) == 2 {
		return arithmetic(n.op, args[0], args[1])
	}
	return unary(n.op, args[0])
}

func evaluateAll(list []node, names Names) ([]Number, error) {
	out := make([]Number, len(list))
	for i, n := range list {
		v, err := evaluate(n, names)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func lookup(name string, names Names) (Number, error) {
	if v, ok := names[name]; ok {
		return v, nil
	}
	if v, ok := constants[name]; ok {
		return v, nil
	}
	first, _, _ := strings.Cut(name, ".")
	return Number{}, &Error{"NameError", fmt.Sprintf("name '%s' is not defined", first)}
}

func choose(n node, names Names) (Number, error) {
	first, err := evaluate(n.args[0], names)
	if err != nil {
		return Number{}, err
	}
	if n.op == "if" {
		if first.truth() {
			return evaluate(n.args[1], names)
		}
		return evaluate(n.args[2], names)
	}
	if first.truth() == (n.op == "or") {
		return first, nil
	}
	return evaluate(n.args[1], names)
}

func comparison(n node, names Names) (Number, error) {
	args, err := evaluateAll(n.args, names)
	if err != nil {
		return Number{}, err
	}
	for i, op := range n.ops {
		sign, ok := compare(args[i], args[i+1])
		holds := map[string]bool{"<": sign < 0, ">": sign > 0, "<=": sign <= 0, ">=": sign >= 0, "==": sign == 0, "!=": sign != 0}[op]
		if !ok {
			holds = op == "!="
		}
		if !holds {
			return fromBool(false), nil
		}
	}
	return fromBool(true), nil
}

func unary(op string, v Number) (Number, error) {
	switch {
	case op == "not":
		return fromBool(!v.truth()), nil
	case op == "u+":
		return v, nil
	case v.i == nil && op == "u-":
		return Float(-v.f), nil
	case v.i == nil:
		return Number{}, &Error{"TypeError", "bad operand type for unary ~: 'float'"}
	case op == "u-":
		return Number{i: new(big.Int).Neg(v.i)}, nil
	}
	return Number{i: new(big.Int).Not(v.i)}, nil
}

// floatFuncs are the functions of Python's math that take and give a float.
var floatFuncs = map[string]func(float64) float64{
	"math.exp": exp, "math.log": math.Log, "math.log2": math.Log2, "math.log10": math.Log10,
	"math.sqrt": math.Sqrt, "math.sin": math.Sin, "math.cos": math.Cos, "math.tan": math.Tan,
	"math.atan": math.Atan, "math.tanh": math.Tanh, "math.fabs": math.Abs, "math.expm1": math.Expm1, "math.log1p": math.Log1p,
}

// call runs one of the functions that formulas may use.
func call(name string, args []Number) (Number, error) {
	switch {
	case (name == "min" || name == "max") && len(args) > 0:
		return extreme(name, args), nil
	case len(args) == 2:
		return call2(name, args[0], args[1])
	case len(args) == 0 && name == "random.random":
		return Float(rand.Float64()), nil
	case len(args) != 1:
		return Number{}, badCall(name)
	}
	if f, ok := floatFuncs[name]; ok {
		v := f(args[0].Float())
		if math.IsNaN(v) {
			return Number{}, &Error{"ValueError", "math domain error"}
		}
		if math.IsInf(v, 0) {
			return Number{}, &Error{"OverflowError", "math range error"}
		}
		return Float(v), nil
	}
	return call1(name, args[0])
}

func badCall(name string) error {
	return &Error{"NameError", fmt.Sprintf("no function %s with these arguments", name)}
}

func call1(name string, v Number) (Number, error) {
	switch name {
	case "int", "math.trunc":
		return toInt(v)
	case "float":
		return Float(v.Float()), nil
	case "abs":
		if v.i != nil {
			return Number{i: new(big.Int).Abs(v.i)}, nil
		}
		return Float(math.Abs(v.f)), nil
	case "round":
		return toInt(rounded(v, math.RoundToEven))
	case "math.floor":
		return toInt(rounded(v, math.Floor))
	case "math.ceil":
		return toInt(rounded(v, math.Ceil))
	}
	return Number{}, badCall(name)
}

func rounded(v Number, how func(float64) float64) Number {
	if v.i != nil {
		return v
	}
	return Float(how(v.f))
}

func call2(name string, a, b Number) (Number, error) {
	switch name {
	case "pow":
		return arithmetic("**", a, b)
	case "math.pow":
		return floatPower(a.Float(), b.Float())
	case "math.log":
		return arithmetic("/", Float(math.Log(a.Float())), Float(math.Log(b.Float())))
	case "random.uniform":
		return Float(a.Float() + (b.Float()-a.Float())*rand.Float64()), nil
	case "random.randint":
		if a.i == nil || b.i == nil || !a.i.IsInt64() || !b.i.IsInt64() || b.i.Int64() < a.i.Int64() {
			return Number{}, &Error{"ValueError", "empty range for randrange()"}
		}
		span := uint64(b.i.Int64()-a.i.Int64()) + 1
		if span == 0 {
			return Number{}, errTooLarge
		}
		return Int(a.i.Int64() + int64(rand.Uint64N(span))), nil
	case "round":
		if b.i == nil || !b.i.IsInt64() || b.i.Int64() < 0 || b.i.Int64() > 15 {
			return Number{}, badCall(name)
		}
		scale := math.Pow(10, float64(b.i.Int64()))
		return rounded(a, func(v float64) float64 { return math.RoundToEven(v*scale) / scale }), nil
	}
	return Number{}, badCall(name)
}

func extreme(name string, args []Number) Number {
	best := args[0]
	for _, v := range args[1:] {
		if sign, ok := compare(v, best); ok && (name == "min" && sign < 0 || name == "max" && sign > 0) {
			best = v
		}
	}
	return best
}

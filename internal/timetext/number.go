package timetext

import (
	"errors"
	"math"
	"math/big"

	"f2b-go/internal/pytext"
)

// limits of the evaluator; all are far above what a span or a formula needs.
const (
	maxExpr  = 4096 // bytes of an expression
	maxDepth = 64   // nested brackets, signs and conditions
	maxBits  = 4096 // bits of an int
)

// Number is a Python int or float. The zero Number is the float 0.0.
type Number struct {
	i *big.Int // nil: a float
	f float64
}

// Int returns the Python int v.
func Int(v int64) Number { return Number{i: big.NewInt(v)} }

// Float returns the Python float v.
func Float(v float64) Number { return Number{f: v} }

// IsInt tells whether Python would hold an int.
func (n Number) IsInt() bool { return n.i != nil }

// Float returns the value as a float; an int too large for one is infinite.
func (n Number) Float() float64 {
	if n.i == nil {
		return n.f
	}
	f, _ := new(big.Float).SetInt(n.i).Float64()
	return f
}

// String writes the number as Python's str does.
func (n Number) String() string {
	if n.i != nil {
		return n.i.String()
	}
	return pytext.FloatRepr(n.f)
}

func (n Number) truth() bool {
	if n.i != nil {
		return n.i.Sign() != 0
	}
	return n.f != 0
}

// Error is what Python's eval would raise for an expression.
type Error struct {
	Class string // SyntaxError, NameError, ZeroDivisionError, OverflowError, TypeError, ValueError
	Text  string // str() of the exception
}

func (e *Error) Error() string { return e.Text }

func syntaxError(text string) error {
	return &Error{"SyntaxError", text + " (<string>, line 1)"}
}

func zeroDivision(text string) error { return &Error{"ZeroDivisionError", text} }

func overflow() error {
	return &Error{"OverflowError", "(34, 'Numerical result out of range')"}
}

var errTooLarge error = &Error{"OverflowError", "int too large"}

func fromBig(i *big.Int) (Number, error) {
	if i.BitLen() > maxBits {
		return Number{}, errTooLarge
	}
	return Number{i: i}, nil
}

func fromBool(v bool) Number {
	if v {
		return Int(1)
	}
	return Int(0)
}

// arithmetic applies a binary operator as Python does.
func arithmetic(op string, a, b Number) (Number, error) {
	if a.i != nil && b.i != nil {
		return intArithmetic(op, a.i, b.i)
	}
	x, y := a.Float(), b.Float()
	switch op {
	case "+":
		return Float(x + y), nil
	case "-":
		return Float(x - y), nil
	case "*":
		return Float(x * y), nil
	case "/":
		if y == 0 {
			return Number{}, zeroDivision("float division by zero")
		}
		return Float(x / y), nil
	case "//", "%":
		return floatDivMod(op, x, y)
	case "**":
		return floatPower(x, y)
	}
	return Number{}, &Error{"TypeError", "unsupported operand type(s) for " + op + ": '" + typeName(a) + "' and '" + typeName(b) + "'"}
}

func typeName(n Number) string {
	if n.i != nil {
		return "int"
	}
	return "float"
}

func floatDivMod(op string, x, y float64) (Number, error) {
	if y == 0 {
		if op == "%" {
			return Number{}, zeroDivision("float modulo")
		}
		return Number{}, zeroDivision("float floor division by zero")
	}
	mod := math.Mod(x, y)
	div := (x - mod) / y
	if mod != 0 && (mod < 0) != (y < 0) {
		mod += y
		div--
	}
	if op == "%" {
		return Float(mod), nil
	}
	floor := math.Floor(div)
	if div-floor > 0.5 {
		floor++
	}
	return Float(floor), nil
}

func floatPower(x, y float64) (Number, error) {
	if x == 0 && y < 0 {
		return Number{}, zeroDivision("0.0 cannot be raised to a negative power")
	}
	if x < 0 && y != math.Trunc(y) && !math.IsInf(y, 0) {
		return Number{}, &Error{"TypeError", "complex numbers are not supported"}
	}
	v := pow(x, y)
	if math.IsInf(v, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return Number{}, overflow()
	}
	return Float(v), nil
}

func intArithmetic(op string, a, b *big.Int) (Number, error) {
	r := new(big.Int)
	switch op {
	case "+":
		return fromBig(r.Add(a, b))
	case "-":
		return fromBig(r.Sub(a, b))
	case "*":
		return fromBig(r.Mul(a, b))
	case "&":
		return fromBig(r.And(a, b))
	case "|":
		return fromBig(r.Or(a, b))
	case "^":
		return fromBig(r.Xor(a, b))
	case "<<", ">>":
		return shift(op, a, b)
	case "**":
		return intPower(a, b)
	}
	return divide(op, a, b)
}

func divide(op string, a, b *big.Int) (Number, error) {
	if b.Sign() == 0 {
		text := map[string]string{"/": "division by zero", "//": "integer division or modulo by zero", "%": "integer modulo by zero"}[op]
		return Number{}, zeroDivision(text)
	}
	if op == "/" {
		f, _ := new(big.Rat).SetFrac(a, b).Float64()
		if math.IsInf(f, 0) {
			return Number{}, &Error{"OverflowError", "integer division result too large for a float"}
		}
		return Float(f), nil
	}
	div, mod := new(big.Int).QuoRem(a, b, new(big.Int))
	if mod.Sign() != 0 && mod.Sign() != b.Sign() {
		mod.Add(mod, b)
		div.Sub(div, big.NewInt(1))
	}
	if op == "%" {
		return fromBig(mod)
	}
	return fromBig(div)
}

func shift(op string, a, b *big.Int) (Number, error) {
	if b.Sign() < 0 {
		return Number{}, &Error{"ValueError", "negative shift count"}
	}
	if op == ">>" {
		if !b.IsInt64() || b.Int64() > maxBits {
			b = big.NewInt(maxBits + 1)
		}
		return fromBig(new(big.Int).Rsh(a, uint(b.Int64())))
	}
	if !b.IsInt64() || b.Int64() > maxBits {
		return Number{}, errTooLarge
	}
	return fromBig(new(big.Int).Lsh(a, uint(b.Int64())))
}

func intPower(a, b *big.Int) (Number, error) {
	if b.Sign() < 0 {
		return floatPower(Number{i: a}.Float(), Number{i: b}.Float())
	}
	if a.BitLen() <= 1 { // -1, 0, 1: the exponent's size tells nothing
		exp := int64(b.Bit(0))
		if exp == 0 && b.Sign() > 0 {
			exp = 2
		}
		return fromBig(new(big.Int).Exp(a, big.NewInt(exp), nil))
	}
	if !b.IsInt64() || b.Int64() > maxBits || b.Int64()*int64(a.BitLen()-1) > maxBits {
		return Number{}, errTooLarge
	}
	return fromBig(new(big.Int).Exp(a, b, nil))
}

// toInt truncates towards nought, as int() does.
func toInt(n Number) (Number, error) {
	if n.i != nil {
		return n, nil
	}
	if math.IsNaN(n.f) {
		return Number{}, &Error{"ValueError", "cannot convert float NaN to integer"}
	}
	if math.IsInf(n.f, 0) {
		return Number{}, &Error{"OverflowError", "cannot convert float infinity to integer"}
	}
	i, _ := new(big.Float).SetFloat64(n.f).Int(nil)
	return fromBig(i)
}

// compare gives -1, 0 or 1; ok is false where a NaN takes part.
func compare(a, b Number) (sign int, ok bool) {
	if a.i != nil && b.i != nil {
		return a.i.Cmp(b.i), true
	}
	x, y := a.Float(), b.Float()
	if math.IsNaN(x) || math.IsNaN(y) {
		return 0, false
	}
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

// IsError tells whether err is an error of this class.
func IsError(err error, class string) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == class
}

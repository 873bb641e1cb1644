package jail

import (
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
	"f2b-go/internal/timetext"
)

// defaultFormula doubles the ban time with each earlier ban, 20 times at most
// (3.6.2).
const defaultFormula = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"

// increment is the set of bantime.* options (3.6).
type increment struct {
	opts map[string]any // as `get J bantime.OPT` replies

	factor      timetext.Number
	formula     *timetext.Expr
	multipliers []int64
	maxTime     *Seconds
	rndTime     *Seconds
}

func newIncrement() *increment {
	return &increment{opts: map[string]any{}, factor: timetext.Int(1)}
}

// clone returns a copy to change.
func (in *increment) clone() *increment {
	c := *in
	c.opts = maps.Clone(in.opts)
	return &c
}

// set takes over one option. An empty text or nil deletes it; a value that does
// not read is an error and may leave its text behind, as in fail2ban.
func (in *increment) set(opt string, value any) error {
	if value == "" {
		value = nil
	}
	if value == nil {
		delete(in.opts, opt)
	} else {
		in.opts[opt] = value
	}
	if err := in.convert(opt, value); err != nil {
		return err
	}
	switch opt {
	case "formula", "factor", "maxtime", "rndtime", "multipliers":
		return in.compile()
	}
	if in.formula == nil {
		return in.compile()
	}
	return nil
}

func (in *increment) convert(opt string, value any) error {
	switch opt {
	case "increment":
		in.opts[opt] = asBool(value)
	case "maxtime", "rndtime":
		target := map[string]**Seconds{"maxtime": &in.maxTime, "rndtime": &in.rndTime}[opt]
		if value == nil {
			*target = nil
			return nil
		}
		s, err := toSeconds(value)
		if err != nil {
			return err
		}
		*target = &s
		in.opts[opt] = s.Py()
	case "multipliers":
		list, err := readMultipliers(value)
		if err != nil {
			return err
		}
		in.multipliers = list
	}
	return nil
}

// readMultipliers reads whole numbers that single blanks divide (3.6.4).
func readMultipliers(value any) ([]int64, error) {
	if value == nil {
		return nil, nil
	}
	var list []int64
	for _, word := range strings.Split(pytext.Str(value), " ") {
		n, err := strconv.ParseInt(strings.TrimSpace(word), 10, 64)
		if err != nil {
			return nil, valueError("invalid literal for int() with base 10: " + pytext.Repr(word))
		}
		list = append(list, n)
	}
	return list, nil
}

// compile reads the texts of factor and formula.
func (in *increment) compile() error {
	factor := timetext.Int(1)
	if v, ok := in.opts["factor"]; ok {
		e, err := timetext.Compile(pytext.Str(v))
		if err != nil {
			return fromTimetext(err)
		}
		if factor, err = e.Eval(nil); err != nil {
			return fromTimetext(err)
		}
	}
	text := defaultFormula
	if v, ok := in.opts["formula"]; ok {
		text = pytext.Str(v)
	}
	formula, err := timetext.Compile(text)
	if err != nil {
		return inFormula(fromTimetext(err))
	}
	in.factor, in.formula = factor, formula
	return nil
}

// inFormula gives a formula's error the name under which fail2ban compiles it.
func inFormula(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Class: e.Class, Text: strings.Replace(e.Text, "(<string>,", "(~inline-conf-expr~,", 1)}
	}
	return err
}

// get returns an option's value, nil when unset.
func (in *increment) get(opt string) any { return in.opts[opt] }

func (in *increment) enabled() bool { return in.opts["increment"] == true }

func (in *increment) overAllJails() bool { return pytext.Truth(in.opts["overalljails"]) }

// limit is the longest ban that the jail gives (3.7.2).
func (in *increment) limit(banTime Seconds) Seconds {
	switch {
	case !in.enabled():
		return banTime
	case in.maxTime != nil:
		return *in.maxTime
	}
	return Int(Permanent)
}

// next is the ban time after count earlier bans; random is in [0, 1).
func (in *increment) next(banTime Seconds, count int, random func() float64) (Seconds, error) {
	v, err := in.grow(banTime, count)
	if err != nil {
		return Seconds{}, err
	}
	if in.maxTime != nil && v.Value > in.maxTime.Value {
		v = *in.maxTime
	}
	if in.rndTime != nil {
		v = Seconds{Value: v.Value + random()*in.rndTime.Value, Float: true}
	}
	return v, nil
}

func (in *increment) grow(banTime Seconds, count int) (Seconds, error) {
	base := number(banTime)
	if n := len(in.multipliers); n > 0 {
		m := in.multipliers[min(count, n-1)]
		f := base.Float() * in.factor.Float() * float64(m)
		return Seconds{Value: f, Float: banTime.Float || !in.factor.IsInt()}, nil
	}
	formula := in.formula
	if formula == nil {
		var err error
		if formula, err = timetext.Compile(defaultFormula); err != nil {
			return Seconds{}, fromTimetext(err)
		}
	}
	n, err := formula.Eval(timetext.Names{"ban.Time": base, "ban.Count": timetext.Int(int64(count)), "banFactor": in.factor})
	if err != nil {
		return Seconds{}, fromTimetext(err)
	}
	v := Seconds{Value: n.Float(), Float: !n.IsInt()}
	if !(v.Value > banTime.Value) {
		return banTime, nil
	}
	return v, nil
}

func number(s Seconds) timetext.Number {
	if s.Float {
		return timetext.Float(s.Value)
	}
	return timetext.Int(int64(s.Value))
}

// toSeconds reads a time option: a number as it is, a text as an expression
// (1.9).
func toSeconds(value any) (Seconds, error) {
	switch v := value.(type) {
	case int:
		return Int(int64(v)), nil
	case int64:
		return Int(v), nil
	case float64:
		return Seconds{Value: v, Float: true}, nil
	case bool:
		if v {
			return Int(1), nil
		}
		return Int(0), nil
	}
	n, err := timetext.Parse(pytext.Str(value))
	if err != nil {
		return Seconds{}, fromTimetext(err)
	}
	s := Seconds{Value: n.Float(), Float: !n.IsInt()}
	if math.IsNaN(s.Value) || math.Abs(s.Value) > maxTime {
		return Seconds{}, valueError("time out of range: " + pytext.Str(value))
	}
	return s, nil
}

// text is a length of time in words (1.9.5).
func (s Seconds) text() string {
	if s.Float {
		return timetext.TextFloat(s.Value)
	}
	return timetext.Text(s.Value)
}

// asBool is fail2ban's reading of a switch.
func asBool(value any) bool {
	text, ok := value.(string)
	if !ok {
		return pytext.Truth(value)
	}
	switch strings.ToLower(text) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

package timetext

import "strings"

// Expr is an expression that was read once and can be evaluated often. It is
// safe for use by several goroutines.
type Expr struct {
	parts []node
	tuple bool
}

// Names are the values of names in an expression, dots included: "ban.Time".
type Names map[string]Number

// Compile reads an expression: numbers, names, + - * / // % ** << >> & | ^ ~,
// comparisons, and, or, not, X if C else Y, and calls of the functions that
// fail2ban's formulas use (COMPAT 3.6.3). Errors are of type *Error.
func Compile(text string) (*Expr, error) {
	if len(text) > maxExpr {
		return nil, syntaxError("expression too long")
	}
	tokens, err := lex(strings.TrimLeft(text, " \t"))
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	parts, tuple, err := p.list(tokEnd, "")
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, &Error{"SyntaxError", "invalid syntax (<string>, line 0)"}
	}
	return &Expr{parts, tuple}, nil
}

// Eval evaluates the expression. Names that are missing are a NameError.
func (e *Expr) Eval(names Names) (Number, error) {
	if e.tuple {
		return Number{}, &Error{"TypeError", "int() argument must be a string, a bytes-like object or a real number, not 'tuple'"}
	}
	return evaluate(e.parts[0], names)
}

// Eval evaluates an expression once; vars that are whole numbers count as ints.
func Eval(text string, vars map[string]float64) (float64, error) {
	e, err := Compile(text)
	if err != nil {
		return 0, err
	}
	names := Names{}
	for name, v := range vars {
		names[name] = Float(v)
		if n, err := toInt(Float(v)); err == nil && n.Float() == v {
			names[name] = n
		}
	}
	n, err := e.Eval(names)
	return n.Float(), err
}

// node is a piece of an expression.
type node struct {
	op   string // operator, "num", "name", "call", "if"
	text string // name or function
	num  Number
	args []node
	ops  []string // comparison: the operators between args
}

type parser struct {
	tokens []token
	pos    int
	depth  int
	open   int
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) isOp(ops ...string) bool {
	t := p.peek()
	if t.kind != tokOp {
		return false
	}
	for _, op := range ops {
		if t.text == op {
			return true
		}
	}
	return false
}

func (p *parser) isName(name string) bool {
	t := p.peek()
	return t.kind == tokName && t.text == name
}

func (p *parser) fault() error {
	switch {
	case p.open > 0 && p.peek().kind == tokEnd:
		return syntaxError("'(' was never closed")
	case p.open == 0 && p.isOp(")"):
		return syntaxError("unmatched ')'")
	}
	return syntaxError("invalid syntax")
}

// list reads expressions between commas up to the closing token.
func (p *parser) list(end tokenKind, endText string) (parts []node, tuple bool, err error) {
	for {
		if t := p.peek(); t.kind == end && t.text == endText {
			p.pos++
			return parts, tuple, nil
		}
		n, err := p.ternary()
		if err != nil {
			return nil, false, err
		}
		parts = append(parts, n)
		if p.isOp(",") {
			tuple = true
			p.pos++
			continue
		}
		if t := p.peek(); t.kind != end || t.text != endText {
			return nil, false, p.fault()
		}
	}
}

func (p *parser) ternary() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return node{}, syntaxError("too many nested parentheses")
	}
	value, err := p.logic("or")
	if err != nil || !p.isName("if") {
		return value, err
	}
	p.pos++
	cond, err := p.logic("or")
	if err != nil {
		return node{}, err
	}
	if !p.isName("else") {
		return node{}, syntaxError("expected 'else' after 'if' expression")
	}
	p.pos++
	other, err := p.ternary()
	return node{op: "if", args: []node{cond, value, other}}, err
}

// logic reads "or" and, one level deeper, "and" and "not".
func (p *parser) logic(word string) (node, error) {
	next := func() (node, error) { return p.logic("and") }
	if word == "and" {
		next = p.negation
	}
	n, err := next()
	for err == nil && p.isName(word) {
		p.pos++
		var right node
		right, err = next()
		n = node{op: word, args: []node{n, right}}
	}
	return n, err
}

func (p *parser) negation() (node, error) {
	nots := 0
	for p.isName("not") {
		p.pos++
		nots++
	}
	n, err := p.comparison()
	for ; nots > 0 && err == nil; nots-- {
		n = node{op: "not", args: []node{n}}
	}
	return n, err
}

func (p *parser) comparison() (node, error) {
	first, err := p.binary(0)
	if err != nil || !p.isOp("<", ">", "<=", ">=", "==", "!=") {
		return first, err
	}
	n := node{op: "cmp", args: []node{first}}
	for p.isOp("<", ">", "<=", ">=", "==", "!=") {
		n.ops = append(n.ops, p.peek().text)
		p.pos++
		right, err := p.binary(0)
		if err != nil {
			return node{}, err
		}
		n.args = append(n.args, right)
	}
	return n, nil
}

// levels are the binary operators that bind to the left, loosest first.
var levels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%"}}

func (p *parser) binary(level int) (node, error) {
	if level == len(levels) {
		return p.unary()
	}
	n, err := p.binary(level + 1)
	for err == nil && p.isOp(levels[level]...) {
		op := p.peek().text
		p.pos++
		var right node
		right, err = p.binary(level + 1)
		n = node{op: op, args: []node{n, right}}
	}
	return n, err
}

func (p *parser) unary() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return node{}, syntaxError("too many nested parentheses")
	}
	if p.isOp("+", "-", "~") {
		op := p.peek().text
		p.pos++
		n, err := p.unary()
		return node{op: "u" + op, args: []node{n}}, err
	}
	base, err := p.atom()
	if err != nil || !p.isOp("**") {
		return base, err
	}
	p.pos++
	exp, err := p.unary()
	return node{op: "**", args: []node{base, exp}}, err
}

func (p *parser) atom() (node, error) {
	t := p.peek()
	switch {
	case t.kind == tokNumber:
		p.pos++
		return node{op: "num", num: t.num}, nil
	case t.kind == tokName && !keywordAt(t.text):
		p.pos++
		if !p.isOp("(") {
			return node{op: "name", text: t.text}, nil
		}
		p.pos++
		p.open++
		args, _, err := p.list(tokOp, ")")
		p.open--
		return node{op: "call", text: t.text, args: args}, err
	case p.isOp("("):
		p.pos++
		p.open++
		inner, err := p.ternary()
		if err != nil {
			return node{}, err
		}
		if !p.isOp(")") {
			return node{}, p.fault()
		}
		p.open--
		p.pos++
		return inner, nil
	}
	return node{}, p.fault()
}

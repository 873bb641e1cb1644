package check

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is one simple command of a shell script.
type command struct {
	words []word
	// guarded tells that the script goes another way if the command fails or is
	// not there.
	guarded bool
	// function tells that the script defines its first word.
	function bool
}

// word is a word of a command; its text is known if nothing in it is expanded.
type word struct {
	text  string
	known bool
}

// program is the name of the program that a command runs; "" where that is
// decided at run time.
func (c command) program() string {
	words := c.words
	for len(words) > 1 && words[0].known && (words[0].text == "exec" || words[0].text == "command") && !strings.HasPrefix(words[1].text, "-") {
		words = words[1:]
	}
	if len(words) == 0 || !words[0].known || strings.ContainsAny(words[0].text, "*?[]~") && words[0].text != "[" {
		return ""
	}
	return words[0].text
}

// asks tells whether a command asks for programs: command -v, which, type, hash.
func (c command) asks() bool {
	if len(c.words) < 2 {
		return false
	}
	switch c.words[0].text {
	case "which", "type", "hash":
		return true
	case "command":
		return strings.HasPrefix(c.words[1].text, "-")
	}
	return false
}

// tests tells whether a command only decides something.
func (c command) tests() bool {
	return c.asks() || len(c.words) > 0 && (c.words[0].text == "[" || c.words[0].text == "test")
}

// maxScript is how long a script may be, in bytes: parentheses within parentheses
// take memory.
const maxScript = 64 << 10

// readShell reads the simple commands of a script in the language of sh, those in
// substitutions too. ok is false for a script that it does not understand.
func readShell(text string) (commands []command, ok bool) {
	if len(text) > maxScript {
		return nil, false
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, false
	}
	r := &shellReader{functions: map[string]bool{}}
	if r.list(file.Stmts); r.nameless {
		return nil, false
	}
	for i := range r.out {
		r.out[i].function = len(r.out[i].words) > 0 && r.functions[r.out[i].words[0].text]
	}
	return r.out, true
}

// shellReader collects the commands of a script in their order.
type shellReader struct {
	out       []command
	functions map[string]bool
	nameless  bool // there is a function without a name, which the parser lets pass
}

func (r *shellReader) list(stmts []*syntax.Stmt) {
	for _, s := range stmts {
		r.statement(s)
	}
}

// statement reads one command with its redirections.
func (r *shellReader) statement(s *syntax.Stmt) {
	if s.Cmd != nil {
		r.command(s.Cmd)
	}
	for _, redirect := range s.Redirs {
		r.substitutions(redirect)
	}
}

func (r *shellReader) command(cmd syntax.Command) {
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		r.call(c)
	case *syntax.BinaryCmd:
		r.joined(c)
	case *syntax.IfClause:
		r.conditional(c)
	case *syntax.FuncDecl:
		if r.nameless = r.nameless || c.Name == nil; !r.nameless {
			r.functions[c.Name.Value] = true
		}
		r.statement(c.Body)
	default: // each of its parts is a command of its own, or a word
		r.parts(c)
	}
}

// call reads a simple command, and behind it those in its words.
func (r *shellReader) call(c *syntax.CallExpr) {
	if len(c.Args) > 0 {
		var words []word
		for _, w := range c.Args {
			words = append(words, readWord(w))
		}
		r.out = append(r.out, command{words: words})
	}
	r.substitutions(c)
}

// substitutions reads the commands in the words of a node.
func (r *shellReader) substitutions(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		s, ok := n.(*syntax.CmdSubst)
		if ok {
			r.list(s.Stmts)
		}
		return !ok
	})
}

// parts reads the commands that a compound command is made of.
func (r *shellReader) parts(c syntax.Node) {
	syntax.Walk(c, func(n syntax.Node) bool {
		s, ok := n.(*syntax.Stmt)
		if ok {
			r.statement(s)
		}
		return !ok
	})
}

// joined reads commands joined by |, && and ||. One before an || is guarded by
// what follows, one behind a test and && by the test.
func (r *shellReader) joined(c *syntax.BinaryCmd) {
	if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
		r.statement(c.X)
		r.statement(c.Y)
		return
	}
	start, tested := len(r.out), false
	for i, s := range operands(c) {
		if s.or {
			r.guard(start, true)
			tested = false
		}
		from := len(r.out)
		r.statement(s.stmt)
		r.guard(from, i > 0 && tested)
		last := len(r.out) - 1
		tested = tested || last >= from && r.out[last].tests()
	}
}

// operand is a command of a chain, and whether an || stands before it.
type operand struct {
	stmt *syntax.Stmt
	or   bool
}

// operands are the commands that && and || join, in their order.
func operands(c *syntax.BinaryCmd) []operand {
	all := []operand{{c.Y, c.Op == syntax.OrStmt}}
	for {
		left, ok := c.X.Cmd.(*syntax.BinaryCmd)
		if !ok || left.Op != syntax.AndStmt && left.Op != syntax.OrStmt {
			break
		}
		c = left
		all = append(all, operand{c.Y, c.Op == syntax.OrStmt})
	}
	all = append(all, operand{stmt: c.X})
	slices.Reverse(all)
	return all
}

func (r *shellReader) guard(from int, guarded bool) {
	for i := from; guarded && i < len(r.out); i++ {
		r.out[i].guarded = true
	}
}

// conditional reads if … fi. The branches of a test for a program are guarded.
func (r *shellReader) conditional(c *syntax.IfClause) {
	from := len(r.out)
	r.list(c.Cond)
	r.guard(from, true)
	asked := slices.ContainsFunc(r.out[from:], command.tests)
	from = len(r.out)
	r.list(c.Then)
	if c.Else != nil {
		r.conditional(c.Else)
	}
	r.guard(from, asked)
}

// readWord takes the quotes off a word.
func readWord(w *syntax.Word) word {
	var b strings.Builder
	known := true
	for _, part := range w.Parts {
		known = readPart(&b, part) && known
	}
	return word{b.String(), known}
}

// readPart reports whether a part of a word means what it says.
func readPart(b *strings.Builder, part syntax.WordPart) (known bool) {
	switch p := part.(type) {
	case *syntax.Lit:
		for i := 0; i < len(p.Value); i++ {
			if p.Value[i] == '\\' && i+1 < len(p.Value) {
				i++
			}
			b.WriteByte(p.Value[i])
		}
	case *syntax.SglQuoted:
		b.WriteString(p.Value)
	case *syntax.DblQuoted:
		known = true
		for _, inner := range p.Parts {
			known = readPart(b, inner) && known
		}
		return known
	default:
		return false
	}
	return true
}

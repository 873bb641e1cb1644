package check

import (
	"strings"
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

// readShell reads the simple commands of a script in the language of sh, those in
// substitutions too. ok is false for a script that it does not understand.
func readShell(text string) (commands []command, ok bool) {
	p := &shellParser{shellLexer: shellLexer{text: text}, functions: map[string]bool{}}
	p.advance()
	p.list()
	if p.failed || p.tok.kind != tokenEnd {
		return nil, false
	}
	for i := range p.out {
		p.out[i].function = len(p.out[i].words) > 0 && p.functions[p.out[i].words[0].text]
	}
	return p.out, true
}

// shellParser reads lists of commands; it fails rather than guesses.
type shellParser struct {
	shellLexer
	tok       token
	out       []command
	functions map[string]bool
	depth     int
}

// maxNested is how deep lists of commands may be nested.
const maxNested = 100

func (p *shellParser) advance() { p.tok = p.next() }

// is tells whether the next token is an operator or a reserved word.
func (p *shellParser) is(text string) bool {
	return p.tok.kind == tokenOperator && p.tok.text == text || p.tok.kind == tokenWord && p.tok.reserved && p.tok.text == text
}

func (p *shellParser) expect(text string) {
	if !p.is(text) {
		p.failed = true
		return
	}
	p.advance()
}

// closers end a list of commands.
var closers = wordSet("then else elif fi do done esac } ) ;;")

// list reads commands up to one of the closers or the end.
func (p *shellParser) list() {
	if p.depth++; p.depth > maxNested {
		p.failed = true
	}
	for !p.failed && p.tok.kind != tokenEnd {
		if p.is("\n") || p.is(";") || p.is("&") {
			p.advance()
			continue
		}
		if (p.tok.reserved || p.tok.kind == tokenOperator) && closers[p.tok.text] {
			break
		}
		p.andOr()
	}
	p.depth--
}

// andOr reads commands joined by && and ||. One before an || is guarded by what
// follows, one behind a test and && by the test.
func (p *shellParser) andOr() {
	start, tested := len(p.out), false
	for {
		from := len(p.out)
		p.pipeline()
		p.guard(from, tested)
		last := len(p.out) - 1
		tested = tested || last >= from && p.out[last].tests()
		switch {
		case p.is("||"):
			p.guard(start, true)
			tested = false
		case p.is("&&"):
		default:
			return
		}
		p.advance()
		p.newlines()
	}
}

func (p *shellParser) guard(from int, guarded bool) {
	for i := from; guarded && i < len(p.out); i++ {
		p.out[i].guarded = true
	}
}

func (p *shellParser) newlines() {
	for p.is("\n") {
		p.advance()
	}
}

func (p *shellParser) pipeline() {
	for {
		for p.is("!") {
			p.advance()
		}
		p.command()
		if p.failed || !p.is("|") {
			return
		}
		p.advance()
		p.newlines()
	}
}

// command reads one simple or compound command with its redirections.
func (p *shellParser) command() {
	switch {
	case p.is("{"):
		p.group("}")
	case p.is("("):
		p.group(")")
	case p.is("if"):
		p.conditional()
	case p.is("while"), p.is("until"):
		p.advance()
		p.list()
		p.loop()
	case p.is("for"):
		p.forLoop()
	case p.is("case"):
		p.caseOf()
	case p.tok.kind == tokenRedirect || p.tok.kind == tokenWord && !p.tok.reserved:
		p.simple()
		return
	default:
		p.failed = true
		return
	}
	for !p.failed && p.tok.kind == tokenRedirect {
		p.redirect()
	}
}

func (p *shellParser) group(end string) {
	p.advance()
	p.list()
	p.expect(end)
}

// conditional reads if … fi. The branches of a test for a program are guarded.
func (p *shellParser) conditional() {
	p.advance()
	from := len(p.out)
	p.list()
	p.guard(from, true)
	asked := false
	for _, c := range p.out[from:] {
		asked = asked || c.tests()
	}
	p.expect("then")
	from = len(p.out)
	p.list()
	switch {
	case p.failed:
	case p.is("elif"):
		p.conditional()
		p.guard(from, asked)
		return
	case p.is("else"):
		p.advance()
		p.list()
	}
	p.guard(from, asked)
	p.expect("fi")
}

func (p *shellParser) loop() {
	p.expect("do")
	p.list()
	p.expect("done")
}

// forLoop reads for NAME [in WORD …]; do … done.
func (p *shellParser) forLoop() {
	p.advance()
	if p.tok.kind != tokenWord {
		p.failed = true
		return
	}
	p.advance()
	p.newlines()
	if p.tok.kind == tokenWord && p.tok.text == "in" {
		for p.advance(); p.tok.kind == tokenWord; p.advance() {
			continue
		}
	}
	for p.is(";") || p.is("\n") {
		p.advance()
	}
	p.tok.reserved = p.tok.reserved || p.tok.text == "do"
	p.loop()
}

// caseOf reads case WORD in PATTERN) … ;; … esac.
func (p *shellParser) caseOf() {
	p.advance()
	p.advance() // the word
	p.newlines()
	if p.tok.text != "in" {
		p.failed = true
		return
	}
	p.advance()
	for p.newlines(); !p.failed && p.tok.kind != tokenEnd && p.tok.text != "esac"; p.newlines() {
		for !p.is(")") && p.tok.kind != tokenEnd {
			p.advance()
		}
		p.commandNext = true
		p.expect(")")
		p.list()
		if p.is(";;") {
			p.advance()
		}
	}
	p.tok.reserved = true
	p.expect("esac")
}

func (p *shellParser) redirect() {
	p.advance()
	if p.tok.kind != tokenWord {
		p.failed = true
		return
	}
	p.advance()
}

// simple reads assignments, words and redirections of one command, or the
// definition of a function.
func (p *shellParser) simple() {
	var c command
	for !p.failed {
		switch {
		case p.tok.kind == tokenRedirect:
			p.redirect()
			continue
		case p.tok.kind == tokenWord:
			if len(c.words) > 0 || !p.tok.assignment {
				c.words = append(c.words, word{p.tok.text, p.tok.known})
			}
			p.advance()
			continue
		case p.is("(") && len(c.words) == 1 && c.words[0].known:
			p.functions[c.words[0].text] = true
			p.advance()
			p.expect(")")
			p.newlines()
			p.command()
			return
		}
		break
	}
	if len(c.words) > 0 {
		p.out = append(p.out, c)
	}
	p.out = append(p.out, p.takeInner()...)
}

package check

import (
	"strings"
)

type tokenKind int8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenOperator // ; & | && || ;; ( ) and newline
	tokenRedirect
)

// token is one token of a shell script.
type token struct {
	kind       tokenKind
	text       string
	known      bool // a word without expansions
	reserved   bool // a reserved word where one has a meaning
	assignment bool // NAME=VALUE
}

// reserved words of sh.
var reserved = wordSet("if then else elif fi do done case esac while until for { } ! in")

// shellLexer cuts a script into tokens. Commands in substitutions are read when
// their word is and wait in inner.
type shellLexer struct {
	text        string
	pos         int
	started     bool
	commandNext bool // a reserved word has a meaning here
	documents   []string
	inner       []command
	failed      bool
}

// takeInner gives the commands of substitutions that were read since.
func (l *shellLexer) takeInner() []command {
	list := l.inner
	l.inner = nil
	return list
}

func (l *shellLexer) peek() byte {
	if l.pos < len(l.text) {
		return l.text[l.pos]
	}
	return 0
}

// next reads one token.
func (l *shellLexer) next() token {
	if !l.started {
		l.started, l.commandNext = true, true
	}
	l.blanks()
	if l.pos >= len(l.text) || l.failed {
		return token{kind: tokenEnd}
	}
	switch c := l.peek(); {
	case c == '\n':
		l.pos++
		l.skipDocuments()
		l.commandNext = true
		return token{kind: tokenOperator, text: "\n"}
	case c == '>' || c == '<':
		return l.redirect()
	case strings.IndexByte(";&|()", c) >= 0:
		text := string(c)
		if l.pos++; c != '(' && c != ')' && l.peek() == c {
			text += string(c)
			l.pos++
		}
		l.commandNext = true
		return token{kind: tokenOperator, text: text}
	}
	return l.word()
}

// blanks skips blanks, joined lines and comments.
func (l *shellLexer) blanks() {
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			l.pos++
		case strings.HasPrefix(rest, "\\\n"):
			l.pos += 2
		case rest[0] == '#':
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.pos += end
			} else {
				l.pos = len(l.text)
			}
		default:
			return
		}
	}
}

func (l *shellLexer) redirect() token {
	start := l.pos
	c := l.peek()
	l.pos++
	if n := l.peek(); n == c || n == '&' || n == '|' || n == '>' {
		l.pos++
	}
	op := l.text[start:l.pos]
	if op == "<<" {
		if l.peek() == '-' {
			l.pos++
		}
		l.blanks()
		at := l.pos
		for l.pos < len(l.text) && strings.IndexByte(" \t\n;&|()<>", l.peek()) < 0 {
			l.pos++
		}
		l.documents = append(l.documents, strings.Trim(l.text[at:l.pos], `"'\`))
		l.pos = at // the word itself is a token too
	}
	return token{kind: tokenRedirect, text: op}
}

// skipDocuments skips here-documents, which begin behind the line that names them.
func (l *shellLexer) skipDocuments() {
	for _, end := range l.documents {
		for l.pos < len(l.text) {
			line, _, _ := strings.Cut(l.text[l.pos:], "\n")
			l.pos = min(l.pos+len(line)+1, len(l.text))
			if strings.TrimLeft(line, "\t") == end {
				break
			}
		}
	}
	l.documents = nil
}

// word reads one word; its text is that after quotes are taken off.
func (l *shellLexer) word() token {
	t := token{kind: tokenWord, known: true}
	start := l.pos
	var b strings.Builder
	for l.pos < len(l.text) && !l.failed {
		c := l.peek()
		if strings.IndexByte(" \t\r\n;&|()<>", c) >= 0 {
			break
		}
		switch c {
		case '\\':
			l.pos++
			if l.peek() != '\n' && l.pos < len(l.text) {
				b.WriteByte(l.peek())
			}
			l.pos++
		case '\'':
			b.WriteString(l.until("'"))
		case '"':
			l.double(&b, &t)
		case '$', '`':
			t.known = false
			l.expansion()
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	l.pos = min(l.pos, len(l.text))
	t.text = b.String()
	whole := l.text[start:l.pos]
	t.reserved = l.commandNext && reserved[whole]
	t.assignment = isAssignment(whole)
	digits := strings.Trim(whole, "0123456789") == ""
	if digits && (l.peek() == '>' || l.peek() == '<') { // 2>&1
		return l.redirect()
	}
	l.commandNext = t.reserved && whole != "for" && whole != "case" && whole != "in" || l.commandNext && t.assignment
	return t
}

// isAssignment tells whether a word is NAME=VALUE.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	if !ok || name == "" || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// until skips a quote and returns the text up to the closing one.
func (l *shellLexer) until(quote string) string {
	l.pos++
	end := strings.Index(l.text[l.pos:], quote)
	if end < 0 {
		l.failed = true
		return ""
	}
	text := l.text[l.pos : l.pos+end]
	l.pos += end + 1
	return text
}

// double reads a text in double quotes.
func (l *shellLexer) double(b *strings.Builder, t *token) {
	for l.pos++; l.pos < len(l.text) && !l.failed; {
		switch c := l.peek(); c {
		case '"':
			l.pos++
			return
		case '\\':
			l.pos++
			if l.pos < len(l.text) {
				b.WriteByte(l.peek())
			}
			l.pos++
		case '$', '`':
			t.known = false
			l.expansion()
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	l.failed = true
}

// expansion reads $x, ${x}, $((x)), $(commands) or `commands`.
func (l *shellLexer) expansion() {
	rest := l.text[l.pos:]
	switch {
	case rest[0] == '`':
		l.backquotes()
	case strings.HasPrefix(rest, "$(("):
		end := strings.Index(rest, "))")
		if end < 0 {
			l.failed = true
			return
		}
		l.pos += end + 2
	case strings.HasPrefix(rest, "$("):
		l.substitution()
	case strings.HasPrefix(rest, "${"):
		l.braces()
	default:
		l.pos++
		if c := l.peek(); c != 0 && strings.IndexByte("?@*#!$-", c) >= 0 {
			l.pos++
			return
		}
		for l.pos < len(l.text) && isAssignment(l.text[l.pos:l.pos+1]+"=") || '0' <= l.peek() && l.peek() <= '9' {
			l.pos++
		}
	}
}

// substitution reads the commands of $(…).
func (l *shellLexer) substitution() {
	p := &shellParser{shellLexer: shellLexer{text: l.text, pos: l.pos + 2}, functions: map[string]bool{}}
	p.advance()
	p.list()
	if p.failed || !p.is(")") {
		l.failed = true
		return
	}
	l.inner = append(l.inner, p.out...)
	l.pos = p.pos
}

// backquotes reads the commands of `…`, in which backslashes hide quotes.
func (l *shellLexer) backquotes() {
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c := l.peek()
		if c == '`' {
			l.pos++
			commands, ok := readShell(b.String())
			l.failed = l.failed || !ok
			l.inner = append(l.inner, commands...)
			return
		}
		if c == '\\' && l.pos+1 < len(l.text) && strings.IndexByte("`\\$", l.text[l.pos+1]) >= 0 {
			l.pos++
			c = l.peek()
		}
		b.WriteByte(c)
	}
	l.failed = true
}

// braces skips ${…}, which may hold others and quotes.
func (l *shellLexer) braces() {
	l.pos += 2
	var scrap strings.Builder
	var t token
	for l.pos < len(l.text) && !l.failed {
		switch l.peek() {
		case '}':
			l.pos++
			return
		case '\'':
			l.until("'")
		case '"':
			l.double(&scrap, &t)
		case '\\':
			l.pos += 2
		case '$', '`':
			l.expansion()
		default:
			l.pos++
		}
	}
	l.failed = true
}

package pyre

// eof is the rune of the token after the last one.
const eof rune = -1

// token is one unit of a pattern: a character, or a backslash and the
// character after it (esc).
type token struct {
	r   rune
	esc bool
}

func (t token) width() int {
	switch {
	case t.r == eof:
		return 0
	case t.esc:
		return 2
	}
	return 1
}

func (t token) String() string {
	if t.esc {
		return `\` + string(t.r)
	}
	return string(t.r)
}

// is reports whether t is the plain character r.
func (t token) is(r rune) bool { return !t.esc && t.r == r }

// isDigit reports whether t is a plain ASCII digit.
func (t token) isDigit() bool { return !t.esc && t.r >= '0' && t.r <= '9' }

func (t token) isOctal() bool { return !t.esc && t.r >= '0' && t.r <= '7' }

func (t token) isHex() bool {
	return t.isDigit() || !t.esc && (t.r >= 'a' && t.r <= 'f' || t.r >= 'A' && t.r <= 'F')
}

// scanner reads a pattern token by token with one token of look-ahead. The
// look-ahead is visible: a lone backslash at the end is an error as soon as
// the token before it has been taken, as in Python. The first error sticks
// and ends the pattern there, so callers need not check after each step.
type scanner struct {
	text string
	src  []rune
	next token
	end  int // index in src after next
	err  *Error
}

func newScanner(pattern string) *scanner {
	s := &scanner{text: pattern, src: []rune(pattern)}
	s.advance()
	return s
}

func (s *scanner) advance() {
	switch {
	case s.err != nil || s.end >= len(s.src):
		s.next = token{r: eof}
	case s.src[s.end] != '\\':
		s.next = token{r: s.src[s.end]}
		s.end++
	case s.end+1 >= len(s.src):
		s.failAt("bad escape (end of pattern)", len(s.src)-1)
	default:
		s.next = token{r: s.src[s.end+1], esc: true}
		s.end += 2
	}
}

// tell returns the index of the next token.
func (s *scanner) tell() int { return s.end - s.next.width() }

// seek makes the token at index i the next one.
func (s *scanner) seek(i int) {
	s.end = i
	s.advance()
}

// get takes the next token.
func (s *scanner) get() token {
	t := s.next
	s.advance()
	return t
}

// accept takes the next token if it is the plain character r.
func (s *scanner) accept(r rune) bool {
	if !s.next.is(r) {
		return false
	}
	s.advance()
	return true
}

// getWhile takes up to n tokens of the given kind.
func (s *scanner) getWhile(n int, kind func(token) bool) string {
	from := s.tell()
	for ; n > 0 && s.next.r != eof && kind(s.next); n-- {
		s.advance()
	}
	return string(s.src[from:s.tell()])
}

// getUntil takes everything to the terminator, which it takes as well. what
// names the thing in error messages.
func (s *scanner) getUntil(terminator rune, what string) string {
	from := s.tell()
	for {
		at := s.tell()
		t := s.get()
		switch {
		case t.r == eof && at == from:
			s.fail("missing "+what, 0)
			return ""
		case t.r == eof:
			s.fail("missing "+string(terminator)+", unterminated name", at-from)
			return ""
		case t.is(terminator) && at == from:
			s.fail("missing "+what, 1)
			return ""
		case t.is(terminator):
			return string(s.src[from:at])
		}
	}
}

// fail records an error back characters before the next token.
func (s *scanner) fail(msg string, back int) { s.failAt(msg, s.tell()-back) }

// failAt records an error at an index of the pattern, or nowhere (-1).
func (s *scanner) failAt(msg string, pos int) {
	if s.err == nil {
		s.err = &Error{Msg: msg, Pattern: s.text, Pos: pos}
	}
	s.next = token{r: eof}
	s.end = len(s.src)
}

package pyre

import (
	"slices"
	"testing"
)

// unset stands for a group that took no part in a match.
const unset = "<unset>"

// TestDocumentedBehaviour holds what Python's documentation of re says, one
// statement each, in its order; the whole match and the groups are expected,
// nil for no match. Python itself is asked as well.
func TestDocumentedBehaviour(t *testing.T) {
	py, havePython := newPeer(t)
	for _, c := range documented {
		re, err := Compile(c.pattern, c.flags)
		if err != nil {
			t.Errorf("%s: %q: %v", c.says, c.pattern, err)
			continue
		}
		text := []byte(c.text)
		caps, found, err := re.Search(nil, text, 0, len(text))
		if err != nil {
			t.Errorf("%s: %q: %v", c.says, c.pattern, err)
		}
		var got []string
		for i := 0; found && i < len(caps); i += 2 {
			if caps[i] < 0 {
				got = append(got, unset)
			} else {
				got = append(got, c.text[caps[i]:caps[i+1]])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q on %q gives %q, want %q", c.says, c.pattern, c.text, got, c.want)
		}
		if !havePython {
			continue
		}
		r := py.search(request{P: c.pattern, Flags: pythonFlags(c.flags), Texts: []string{c.text}})
		if r.Err != "" || found != (r.Matches[0] != nil) || found && !slices.Equal(r.Matches[0], caps) {
			t.Errorf("%s: %q on %q: %v, Python %+v", c.says, c.pattern, c.text, caps, r)
		}
	}
}

var documented = []struct {
	says    string
	pattern string
	flags   Flags
	text    string
	want    []string
}{
	{"dot takes no newline", `.`, 0, "\n", nil},
	{"dot takes other line ends", `.+`, 0, "a\r\u2028b\n", []string{"a\r\u2028b"}},
	{"dot with DOTALL takes all", `.+`, DotAll, "a\nb", []string{"a\nb"}},
	{"(?s:.) anywhere", `(?s:.).`, 0, "\na", []string{"\na"}},
	{"caret is the start", `^a`, 0, "b\na", nil},
	{"caret with MULTILINE is after each newline", `^a`, MultiLine, "b\na", []string{"a"}},
	{"caret with MULTILINE is after the last newline", `^x?$`, MultiLine, "b\n", []string{""}},
	{"caret with MULTILINE is not before the last newline", `^b?(?!b)\w`, MultiLine, "b\n", nil},
	{"caret with MULTILINE after white space", `\s*^(a)`, MultiLine, "b\n \na", []string{"\n \na", "a"}},
	{"caret with MULTILINE in one of two ways", `(?:^|b)(a)`, MultiLine, "ba\na", []string{"ba", "a"}},
	{"caret with MULTILINE before a look-ahead", `(?=\w)^(?:\b)(\w)`, MultiLine, "-\n-\na", []string{"a", "a"}},
	{"dollar is the end", `foo$`, 0, "foobar", nil},
	{"dollar is before a final newline", `foo$`, 0, "foo\n", []string{"foo"}},
	{"dollar is not before two newlines", `foo$`, 0, "foo\n\n", nil},
	{"dollar with MULTILINE ends each line", `foo.$`, MultiLine, "foo1\nfoo2\n", []string{"foo1"}},
	{"dollar without MULTILINE finds the last line", `foo.$`, 0, "foo1\nfoo2\n", []string{"foo2"}},
	{"star is none or more", `ab*`, 0, "abbb", []string{"abbb"}},
	{"plus is one or more", `ab+`, 0, "a", nil},
	{"question mark is none or one", `ab?`, 0, "abb", []string{"ab"}},
	{"repeats are greedy", `<.*>`, 0, "<a> b <c>", []string{"<a> b <c>"}},
	{"with ? they are not", `<.*?>`, 0, "<a> b <c>", []string{"<a>"}},
	{"possessive takes all", `a*+a`, 0, "aaaa", nil},
	{"possessive where nothing is given back", `a++b`, 0, "aab", []string{"aab"}},
	{"x{m}", `a{6}`, 0, "aaaaa", nil},
	{"x{m,n} takes most", `a{3,5}`, 0, "aaaaaa", []string{"aaaaa"}},
	{"x{m,} has no upper bound", `a{4,}b`, 0, "aaaaaaaab", []string{"aaaaaaaab"}},
	{"x{,n} begins at nought", `a{,2}b`, 0, "aaab", []string{"aab"}},
	{"x{m,n}? takes least", `a{3,5}?`, 0, "aaaaaa", []string{"aaa"}},
	{"x{m,n}+ gives nothing back", `a{3,5}+aa`, 0, "aaaaaa", nil},
	{"a brace that is no repeat stands for itself", `a{x}{1`, 0, "a{x}{1", []string{"a{x}{1"}},
	{"a set lists characters", `[amk]`, 0, "zk", []string{"k"}},
	{"a set has ranges", `[0-5][0-9]`, 0, "61 59", []string{"59"}},
	{"an escaped hyphen is none", `[a\-z]+`, 0, "-az-b", []string{"-az-"}},
	{"a hyphen at the end is none", `[a-]+`, 0, "b-a", []string{"-a"}},
	{"special characters lose their meaning in a set", `[(+*)]+`, 0, "a(+*)b", []string{"(+*)"}},
	{"classes work in sets", `[\w.]+`, 0, "- é.1", []string{"é.1"}},
	{"a set is negated by ^", `[^5]`, 0, "55a", []string{"a"}},
	{"a caret elsewhere is none", `[5^]+`, 0, "a^5", []string{"^5"}},
	{"a bracket at the start is a character", `[]()[{}]+`, 0, "a[]{}()", []string{"[]{}()"}},
	{"alternatives are tried from the left", `a|ab`, 0, "ab", []string{"a"}},
	{"groups are numbered", `(a)(?:b)(c)`, 0, "abc", []string{"abc", "a", "c"}},
	{"flags at the start", `(?im)^b$`, 0, "a\nB", []string{"B"}},
	{"flags for a part", `a(?i:b)c`, 0, "aBC aBc", []string{"aBc"}},
	{"flags taken away", `(?i)a(?-i:b)c`, 0, "ABc Abc", []string{"Abc"}},
	{"ASCII for a part", `(?a:\w)\w`, 0, "éa aé", []string{"aé"}},
	{"an atomic group gives nothing back", `(?>.*).`, 0, "abc", nil},
	{"an atomic group is taken whole", `(?>a|ab)c`, 0, "abc", nil},
	{"a named group", `(?P<quote>['"]).*?(?P=quote)`, 0, `a "b's" c`, []string{`"b's"`, `"`}},
	{"comments are nothing", `a(?#b)c`, 0, "ac", []string{"ac"}},
	{"look-ahead", `Isaac (?=Asimov)`, 0, "Isaac Asimov", []string{"Isaac "}},
	{"negative look-ahead", `Isaac (?!Asimov)`, 0, "Isaac Asimov", nil},
	{"look-behind", `(?<=abc)def`, 0, "abcdef", []string{"def"}},
	{"look-behind at the start", `(?<=-)\w+`, 0, "spam-egg", []string{"egg"}},
	{"negative look-behind", `(?<!-)egg`, 0, "-egg egg", []string{"egg"}},
	{"negative look-behind holds at the start", `(?<!x)a`, 0, "a", []string{"a"}},
	{"a condition on a group", `(<)?(\w+@\w+(?:\.\w+)+)(?(1)>|$)`, 0, "<user@host.com>", []string{"<user@host.com>", "<", "user@host.com"}},
	{"a condition on a group that is not", `^(<)?(\w+@\w+(?:\.\w+)+)(?(1)>|$)`, 0, "user@host.com>", nil},
	{"a condition without a second part", `^(a)?b(?(1)c)$`, 0, "b", []string{"b", unset}},
	{"\\number", `(.+) \1`, 0, "the the", []string{"the the", "the"}},
	{"\\number needs the space", `(.+) \1`, 0, "thethe", nil},
	{"three octal digits are a character", `\141\x62\u0063\U00000064`, 0, "abcd", []string{"abcd"}},
	{"\\0 is octal", `\0\07`, 0, "\x00\a", []string{"\x00\a"}},
	{"\\A is the start even with MULTILINE", `\Aa`, MultiLine, "b\na", nil},
	{"\\b is empty at an edge of a word", `\bat\b`, 0, "attempt as at ay", []string{"at"}},
	{"\\b is backspace in a set", `[\b]`, 0, "a\bb", []string{"\b"}},
	{"\\B is inside of words", `py\B`, 0, "py python", []string{"py"}},
	{"\\B is not in an empty text", `\B`, 0, "", nil},
	{"\\d takes all decimal digits", `\d+`, 0, "²1٣९", []string{"1٣९"}},
	{"\\d with ASCII", `\d+`, ASCII, "٣1", []string{"1"}},
	{"\\s takes Unicode space and the separators", `\s+`, 0, "a \t\n\r\f\v\u00a0\u2003\u3000\x1c\x1d\x1e\x1f\u0085b", []string{" \t\n\r\f\v\u00a0\u2003\u3000\x1c\x1d\x1e\x1f\u0085"}},
	{"\\s with ASCII", `\s+`, ASCII, "\x1c\u00a0 \t", []string{" \t"}},
	{"\\S is the rest", `\S+`, 0, "\u00a0é\u2003", []string{"é"}},
	{"\\w takes letters, numbers and _", `\w+`, 0, "-é_1²日Ⅷ-", []string{"é_1²日Ⅷ"}},
	{"\\w takes no marks", `\w+`, 0, "e\u0301", []string{"e"}},
	{"\\w with ASCII", `\w+`, ASCII, "éa", []string{"a"}},
	{"\\Z is the very end", `a\Z`, 0, "a\n", nil},
	{"IGNORECASE takes all cases of a letter", `[a-z]+`, IgnoreCase, "-AbİıſK-", []string{"AbİıſK"}},
	{"IGNORECASE with ASCII", `[a-z]+`, IgnoreCase | ASCII, "İAb", []string{"Ab"}},
	{"IGNORECASE in a literal", `straße`, IgnoreCase, "STRAẞE", []string{"STRAẞE"}},
	{"IGNORECASE and sigmas", `σ+`, IgnoreCase, "ΣΣς", []string{"ΣΣς"}},
	{"IGNORECASE in a back-reference", `(é)\1`, IgnoreCase, "éÉ", []string{"éÉ", "é"}},
	{"VERBOSE", "a # comment\n  b [ #] \\ ", Verbose, "ab# ", []string{"ab# "}},
	{"the last round's capture is kept", `(a|b)*`, 0, "ab", []string{"ab", "b"}},
	{"captures of an earlier round stay", `(?:(a)|b)*`, 0, "ab", []string{"ab", "a"}},
	{"captures are undone on the way back", `(?:(a)b|ac)`, 0, "ac", []string{"ac", unset}},
	{"captures in a look-ahead stay", `(?=(a+))a*b\1`, 0, "baaabac", []string{"aba", "a"}},
	{"captures in a negative look-ahead do not", `(?!(a)b)a`, 0, "abac", []string{"a", unset}},
	{"an empty round ends a repeat", `(a|)+`, 0, "aab", []string{"aa", ""}},
	{"a back-reference to an unset group fails", `(a)?\1b`, 0, "b", nil},
	{"a repeat whose first byte may be any is left for another", `(a)?(?(1)\1|(b))*`, 0, "ς", []string{"", unset, unset}},
	{"a back-reference in a condition in a repeat", `(a)((?(1)|\1)1)*`, 0, "aς", []string{"a", "a", unset}},
	{"an empty pattern", ``, 0, "a", []string{""}},
}

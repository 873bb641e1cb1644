package shell

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// direct tells whether a command may run without a shell, and how: one line of
// words that start with a program of that name on the path. Anything that a
// shell could read otherwise goes to the shell.
func direct(c Command) (path string, words []string, ok bool) {
	if len(c.Args) > 0 {
		return "", nil, false
	}
	program, _, _ := strings.Cut(strings.TrimLeft(c.Script, " "), " ")
	if shellWords()[program] || strings.ContainsAny(program, `=\'"`) {
		return "", nil, false
	}
	words, ok = plainWords(c.Script)
	if !ok || len(words) == 0 {
		return "", nil, false
	}
	path, err := exec.LookPath(program)
	if err != nil || !filepath.IsAbs(path) {
		return "", nil, false
	}
	return path, words, true
}

// plainWords splits a script into its words as every shell does, where that is
// certain: each character is plain, or quoted so that it stands for itself.
func plainWords(script string) (words []string, ok bool) {
	var word []byte
	in := false
	for script != "" {
		text, size := literal(script)
		switch {
		case size > 0:
			word, in = append(word, text...), true
		case script[0] == ' ':
			if in {
				words = append(words, string(word))
			}
			word, in, size = word[:0], false, 1
		default:
			return nil, false
		}
		script = script[size:]
	}
	if in {
		words = append(words, string(word))
	}
	return words, true
}

// literal returns the text that a script's beginning stands for in a word, and
// how many bytes of the script that takes; none where a blank ends the word or
// only a shell knows.
func literal(script string) (text string, size int) {
	switch first := script[0]; first {
	case '\\':
		if len(script) > 1 && script[1] >= ' ' && script[1] < 0x7f {
			return script[1:2], 2
		}
	case '\'', '"':
		inner, _, closed := strings.Cut(script[1:], string(first))
		if closed && !strings.ContainsFunc(inner, unprintable) && (first == '\'' || !strings.ContainsAny(inner, "$`\\")) {
			return inner, len(inner) + 2
		}
	default:
		if plain(first) {
			return script[:1], 1
		}
	}
	return "", 0
}

// plain is true for the characters that are the same to all shells as part of a
// word.
func plain(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return strings.IndexByte("-_./,:+=@%", b) >= 0
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// shellWords are the first words that mean something to a shell itself: the
// reserved words and builtins of dash, bash and busybox.
var shellWords = sync.OnceValue(func() map[string]bool {
	return wordSet(`! . : [ alias bg bind break builtin caller case cd chdir command compgen complete compopt
	continue coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for
	function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray
	readonly return select set shift shopt source suspend test then time times trap true type typeset ulimit umask
	unalias unset until wait while
	ash awk base64 cat chmod chown cp cut date dd df du egrep env expr fgrep find grep gunzip gzip head hexdump
	hostname id ln ls md5sum mkdir mktemp mv nc nohup od paste ping ps rm rmdir sed seq sha1sum sleep sort stat tail
	tar tee timeout touch tr uname uniq wc wget which xargs`)
})

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

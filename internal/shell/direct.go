package shell

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// direct tells whether a command may run without a shell, and how: one line of
// plain words that starts with a program of that name on the path. Anything
// that a shell could read otherwise goes to the shell.
func direct(c Command) (path string, words []string, ok bool) {
	if len(c.Args) > 0 || strings.ContainsFunc(c.Script, shellish) {
		return "", nil, false
	}
	words = strings.FieldsFunc(c.Script, func(r rune) bool { return r == ' ' })
	if len(words) == 0 || shellWords[words[0]] || strings.Contains(words[0], "=") {
		return "", nil, false
	}
	path, err := exec.LookPath(words[0])
	if err != nil || !filepath.IsAbs(path) {
		return "", nil, false
	}
	return path, words, true
}

// shellish is true for every character that is not the same to all shells as
// part of a word, or the blank between words.
func shellish(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune(" -_./,:+=@%", r)
}

// shellWords are the first words that mean something to a shell itself: the
// reserved words and builtins of dash, bash and busybox.
var shellWords = wordSet(`! . : [ alias bg bind break builtin caller case cd chdir command compgen complete compopt
	continue coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for
	function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray
	readonly return select set shift shopt source suspend test then time times trap true type typeset ulimit umask
	unalias unset until wait while
	ash awk base64 cat chmod chown cp cut date dd df du egrep env expr fgrep find grep gunzip gzip head hexdump
	hostname id ln ls md5sum mkdir mktemp mv nc nohup od paste ping ps rm rmdir sed seq sha1sum sleep sort stat tail
	tar tee timeout touch tr uname uniq wc wget which xargs`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

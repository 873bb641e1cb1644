package check

import (
	"strings"
	"testing"
)

// scripts and the programs that they call; ? behind one that is guarded, ! behind
// a function.
var scripts = []struct{ script, want string }{
	{"a b c", "a"},
	{"a; b & c", "a b c"},
	{"a\nb\n\n\nc", "a b c"},
	{"a | b |\n c", "a b c"},
	{"a && b || c", "a? b? c"},
	{"a || b", "a? b"},
	{"{ a; } || { b; c; }", "a? b c"},
	{"(a; b) >x 2>&1 && c", "a b c"},
	{"! a", "a"},
	{"X=1 Y=\"a b\" a", "a"},
	{"X=1", ""},
	{"$a b", ""},
	{"\"a\" 'b'", "a"},
	{"a\"b\"'c'\\d", "abcd"},
	{"a \\\n b", "a"},
	{"# a\nb # c", "b"},
	{"a '#' b", "a"},
	{"a >b <c 2>/dev/null; d", "a d"},
	{"2>&1 a", "a"},
	{"a $(b `c` \"$(d)\")", "a b c d"},
	{"X=$(a); \"$(b)\" c", "a b"},
	{"a \"`b \\\"x\\\"`\"", "a b"},
	{"a ${x:-$(b)} ${y%\"}\"} $((1 + 2)) $1 $? $x", "a b"},
	{"if a; then b; elif c; then d; else e; fi; f", "a? b c? d e f"},
	{"if [ -x /b ]; then /b; else c; fi", "[? /b? c?"},
	{"if command -v b; then b; fi", "command? b?"},
	{"[ -x b ] && b", "[ b?"},
	{"while read x; do a; done | b", "read a b"},
	{"until a; do b; done", "a b"},
	{"for i in a b c; do d $i; done", "d"},
	{"for i\ndo a\ndone", "a"},
	{"case $x in a|b) c;; (d) e ;; *) f; esac; g", "c e f g"},
	{"case x in esac", ""},
	{"f() { a; }; f x", "a f!"},
	{"a <<E\nb\nE\nc", "a c"},
	{"a <<-'E' | b\n\tc\n\tE\nd", "a b d"},
	{"exec a b", "a"},
	{"command a", "a"},
	{"echo then fi done", "echo"},
}

// TestReadShell names the programs that scripts call, each with what guards it.
func TestReadShell(t *testing.T) {
	for _, tc := range scripts {
		commands, ok := readShell(tc.script)
		if !ok {
			t.Errorf("%q is not understood", tc.script)
			continue
		}
		var got []string
		for _, c := range commands {
			name := c.program()
			if name == "" {
				continue
			}
			if c.guarded {
				name += "?"
			}
			if c.function {
				name += "!"
			}
			got = append(got, name)
		}
		if g := strings.Join(got, " "); g != tc.want {
			t.Errorf("%q calls %q, want %q", tc.script, g, tc.want)
		}
	}
	for _, script := range []string{"a 'b", "a \"b", "a $(b", "if a; then b", "a )", "{ a", "`a", "a | | b", "${a", "() { a; }", "a; ()0", strings.Repeat("(", 5000) + "a"} {
		if commands, ok := readShell(script); ok {
			t.Errorf("%.40q was read as %v", script, commands)
		}
	}
}

func FuzzReadShell(f *testing.F) {
	for _, s := range []string{"a && b || $(c `d`)", "case x in a) b;; esac", "f() { a; }", "a <<E\nE\n", "if a; then b; fi", "${a:-\"$(b)\"}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		commands, ok := readShell(script)
		if !ok && commands != nil {
			t.Error("commands of a script that is not understood")
		}
	})
}

func TestIsSecret(t *testing.T) {
	for value, want := range map[string]bool{"": false, "abc": false, "s3cret-value": true, "%(x)s": false, "<x>": false, "/etc/secret": false,
		"YOUR-API-KEY": false, "none": false, "two words": false} {
		if isSecret(value) != want {
			t.Errorf("isSecret(%q) is %v", value, !want)
		}
	}
}

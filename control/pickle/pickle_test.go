package pickle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"

	"github.com/google/go-cmp/cmp"
)

// python runs a script of Debian's Python with input on stdin; ok is false where
// there is no such Python.
func python(t *testing.T, script string, input []byte) (output []byte, ok bool) {
	t.Helper()
	if _, err := exec.LookPath(testenv.Python); err != nil {
		t.Logf("%s is missing: not compared", testenv.Python)
		return nil, false
	}
	cmd := exec.Command(testenv.Python, "-c", script)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, &stderr)
	}
	return out, true
}

// TestDecode_5_4_2 lets Python pickle values in every protocol, optimised or
// not, and compares the repr of what was read.
func TestDecode_5_4_2(t *testing.T) {
	const script = `import pickle, pickletools, json, base64, sys
shared = ['x', 'y']
values = [
  None, True, False, 0, 1, 255, 256, 65535, 65536, -1, -129, 2**31-1, 2**31, -2**31-1, 2**63-1, -2**63,
  1.5, -0.0, 1e300, '', 'plain', 'ünïcödé \u20ac \U0001f600', 'a'*300, 'quote\'"\\ \n \t \x00', '\\u0041 \\\\u0041',
  'bad \udcff\udc80 bytes', b'', b'\x00\xff', b'x'*300, bytearray(b'ab'),
  [], (), {}, [1], (1,), (1,2), (1,2,3), (1,2,3,4), [[], [[]]], {'a': 1, 'b': [2, (3,)], 3: None},
  ['set', 'j', 'banip', '1.2.3.4'], [shared, shared, {'k': shared}], ['x']*5, list(range(1200)), {str(i): i for i in range(1100)},
  ['server-stream', [['set', 'thread', {'stacksize': 0}], ['multi-set', 'j', 'action', 'a', [['actionban', 'x <ip>\n  y'], ['timeout', 60]]]]],
]
out = []
for v in values:
  for p in range(6):
    for data in (pickle.dumps(v, p), pickletools.optimize(pickle.dumps(v, p))):
      if p < 3 and isinstance(v, (bytes, bytearray)): continue
      if isinstance(v, bytearray) and p < 5: continue
      out.append([p, base64.b64encode(data).decode(), repr(bytes(v) if isinstance(v, bytearray) else v)])
json.dump(out, sys.stdout)`
	raw, ok := python(t, script, nil)
	if !ok {
		return
	}
	var cases [][3]any
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		data, err := base64.StdEncoding.DecodeString(c[1].(string))
		if err != nil {
			t.Fatal(err)
		}
		v, err := pickle.Decode(data)
		if err != nil {
			t.Errorf("protocol %v: %.80q of %.80s: %v", c[0], data, c[2], err)
			continue
		}
		if got := pytext.Repr(v); got != c[2] {
			t.Errorf("protocol %v: %.80q\n got %.200s\nwant %.200s", c[0], data, got, c[2])
		}
	}
}

// TestDecode_clients reads byte patterns of clients that are not Python 3's
// (FIELD D.0), and odd but legal ones.
func TestDecode_clients(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"og-rek without PROTO", "(U\x04pingU\x03100l.", "['ping', '100']"},
		{"og-rek 1.x protocol 2", "\x80\x02(U\x06statusU\x04sshdl.", "['status', 'sshd']"},
		{"list by APPENDS", "\x80\x02](U\x04pinge.", "['ping']"},
		{"list by APPEND, Python 2 protocol 0", "(lp0\nS'status'\np1\naS'a\\x41\\n\\t\\'\\101\\q'\np2\na.", `['status', "aA\n\t'A\\q"]`},
		{"BINSTRING", "(T\x04\x00\x00\x00pingl.", "['ping']"},
		{"UNICODE", "(Vping\nV\\u0041\\U0001f600\\\\u0041\xe9\nl.", `['ping', 'A😀\\\\u0041é']`},
		{"BINUNICODE8", "(\x8d\x04\x00\x00\x00\x00\x00\x00\x00pingl.", "['ping']"},
		{"BINBYTES8", "\x8e\x02\x00\x00\x00\x00\x00\x00\x00ab.", "b'ab'"},
		{"dict by DICT", "(U\x01aK\x01U\x01bI01\nd.", "{'a': 1, 'b': True}"},
		{"dict, key twice", "(U\x01aK\x01U\x01aK\x02d.", "{'a': 2}"},
		{"set and frozenset as lists", "\x80\x04(\x8f(K\x01K\x02\x90(K\x03\x91t.", "([1, 2], [3])"},
		{"LONG1 and LONG4", "(\x8a\x00\x8a\x01\xff\x8a\x02\x00\x80\x8b\x03\x00\x00\x00\x01\x02\x03L-5L\nL6\nI-7\nl.", "[0, -1, -32768, 197121, -5, 6, -7]"},
		{"FLOAT", "F1.5\n.", "1.5"},
		{"POP, POP_MARK, DUP", "(K\x01K\x020(K\x05K\x061K\x072l.", "[1, 7, 7]"},
		{"POP of a MARK", "K\x01(0.", "1"},
		{"memo list filled later", "(]q\x00h\x00K\x05al.", "[[5], [5]]"},
		{"bytes after STOP", "K\x01.garbage", "1"},
		{"frame", "\x80\x05\x95\x07\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x01a\x94a.", "['a']"},
	} {
		v, err := pickle.Decode([]byte(c.data))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := pytext.Repr(v); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestDecode_refuses_5_4_10 shows that nothing is ever called or imported.
func TestDecode_refuses_5_4_10(t *testing.T) {
	for name, data := range map[string]string{
		"GLOBAL+REDUCE":   "cos\nsystem\n(S'touch /tmp/x'\ntR.",
		"GLOBAL alone":    "cos\nsystem\n.",
		"STACK_GLOBAL":    "\x80\x04\x8c\x02os\x8c\x06system\x93.",
		"INST":            "(S'x'\nios\nsystem\n.",
		"OBJ":             "(cos\nsystem\nS'x'\no.",
		"NEWOBJ":          "\x80\x02cos\nsystem\n)\x81.",
		"NEWOBJ_EX":       "\x80\x04cos\nsystem\n)}\x92.",
		"BUILD":           "}}b.",
		"EXT1":            "\x80\x02\x82\x01.",
		"EXT2":            "\x80\x02\x83\x01\x00.",
		"EXT4":            "\x80\x02\x84\x01\x00\x00\x00.",
		"PERSID":          "Px\n.",
		"BINPERSID":       "K\x01Q.",
		"NEXT_BUFFER":     "\x80\x05\x97.",
		"READONLY_BUFFER": "\x80\x05K\x01\x98.",
		"builtins.str":    "cbuiltins\nstr\n(S'x'\ntR.",
		"an exception":    "cbuiltins\nException\n(S'x'\ntR.",
	} {
		if v, err := pickle.Decode([]byte(data)); !errors.Is(err, pickle.ErrRefused) {
			t.Errorf("%s: got %v, %v", name, v, err)
		}
	}
	for name, data := range map[string]string{
		"os.system in a reply": "cos\nsystem\n(S'touch /tmp/x'\ntR.",
		"bare class":           "cbuiltins\nException\n.",
		"class in a list":      "(cbuiltins\nException\nl.",
	} {
		if v, err := pickle.DecodeReply([]byte(data)); !errors.Is(err, pickle.ErrRefused) {
			t.Errorf("%s: got %v, %v", name, v, err)
		}
	}
}

// TestDecode_limits bounds size, depth, values and memory.
func TestDecode_limits(t *testing.T) {
	bomb := "]q\x00" // a list of two of the list before, 40 times
	for i := range 40 {
		bomb += "(h" + string(rune(i)) + "h" + string(rune(i)) + "lq" + string(rune(i+1))
	}
	for name, data := range map[string]string{
		"size":            strings.Repeat("N", pickle.MaxSize+1),
		"values":          strings.Repeat("N", pickle.MaxValues+1) + ".",
		"marks":           strings.Repeat("(", pickle.MaxValues+1) + ".",
		"depth":           strings.Repeat("(", 200) + strings.Repeat("l", 200) + ".",
		"list in itself":  "]q\x00h\x00a.",
		"sharing unfolds": bomb + ".",
		"memo index":      "Nr\xff\xff\xff\xffp4294967296\n.",
	} {
		_, err := pickle.Decode([]byte(data))
		if name == "memo index" {
			if !errors.Is(err, pickle.ErrSyntax) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, pickle.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v, err := pickle.Decode([]byte(strings.Repeat("(", 99) + strings.Repeat("l", 99) + ".")); err != nil {
		t.Errorf("99 lists: %v %v", v, err)
	}
}

// TestDecode_malformed answers with an error, never a panic or a huge buffer.
func TestDecode_malformed(t *testing.T) {
	for _, data := range []string{
		"", ".", "garbage", "\x80\x06N.", "K", "X\xff\xff\xff\x7fx.", "\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.",
		"S'x.", "Sx\n.", "S'\\x4'\n.", "S'\\", "V\\u12\n.", "V\\U00110000\n.", "I1x\n.", "I99999999999999999999\n.",
		"\x8a\x09123456789.", "F\n.", "G123.", "t.", "l.", "a.", "K\x01a.", "K\x01K\x02a.", "(K\x01e.", "K\x01(e.",
		"K\x01(u.", "}(K\x01u.", "(K\x01d.", "}]K\x01s.", "}(K\x01]u(.", "\x85.", "K\x01\x86.", "(K\x01\x86.", "h\x00.", "g1\n.",
		"gx\n.", "p0\n.", "q\x00.", "\x94.", "0.", "1.", "2.", "(.", "K\x01(.", "\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "\x80",
		"}(]K\x01u.", "}((K\x01tK\x01u.",
	} {
		if v, err := pickle.Decode([]byte(data)); !errors.Is(err, pickle.ErrSyntax) {
			t.Errorf("%q: got %v, %v", data, v, err)
		}
	}
}

// replies are values that the server sends.
var replies = []any{
	pytext.Tuple{0, "pong"},
	pytext.Tuple{0, nil},
	pytext.Tuple{0, true},
	pytext.Tuple{0, []any{pytext.Tuple{"Number of jail", 2}, pytext.Tuple{"Jail list", "a, b"}}},
	pytext.Tuple{0, []any{pytext.Dict{{Key: "j", Value: []string{"1.2.3.4", "2001:db8::1"}}}}},
	pytext.Tuple{0, pytext.Dict{{Key: "b", Value: 1}, {Key: "a", Value: pytext.Tuple{}}, {Key: "c", Value: []any{}}}},
	pytext.Tuple{0, []any{0, 255, 256, 65536, -1, 1 << 40, int64(-1 << 63), 2629800.0, false, pytext.Tuple{1, 2, 3, 4}}},
	pytext.Tuple{0, "ünïcödé \xff\x80 €😀"},
	pytext.Tuple{0, []byte("\x00\xffabc")},
	pytext.Tuple{0, "x<F2B_END_COMMAND>\xff é😀\\n\n"},
	"ERROR: text",
}

// TestEncode_5_4_7 lets Python load each reply and print it.
func TestEncode_5_4_7(t *testing.T) {
	var lines, want []string
	for _, v := range replies {
		data, err := pickle.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(pickle.Marker)) {
			t.Errorf("%v: the marker stands inside the pickle", v)
		}
		lines = append(lines, base64.StdEncoding.EncodeToString(data))
		want = append(want, pytext.Repr(v))
		back, err := pickle.DecodeReply(data)
		if err != nil || pytext.Repr(back) != pytext.Repr(v) {
			t.Errorf("read back %v, %v; want %v", pytext.Repr(back), err, pytext.Repr(v))
		}
	}
	const script = `import sys, pickle, base64, json
print(json.dumps([repr(pickle.loads(base64.b64decode(l))) for l in sys.stdin]))`
	raw, ok := python(t, script, []byte(strings.Join(lines, "\n")))
	if !ok {
		return
	}
	var got []string
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ours +python)\n%s", diff)
	}
	if _, err := pickle.Encode(struct{}{}); err == nil {
		t.Error("a struct was pickled")
	}
}

// exceptions are those of COMPAT 5.5.1, with Python's texts.
var exceptions = []struct {
	e         *pickle.Exception
	repr, str string
}{
	{pickle.Builtin("Exception", "Invalid command"), "Exception('Invalid command')", "Invalid command"},
	{pickle.Builtin("IndexError", "list index out of range"), "IndexError('list index out of range')", "list index out of range"},
	{pickle.Builtin("ValueError"), "ValueError()", ""},
	{pickle.Builtin("UnicodeEncodeError", "utf-8", "\u00e4\xffy", 1, 2, "surrogates not allowed"),
		`UnicodeEncodeError('utf-8', 'ä\udcffy', 1, 2, 'surrogates not allowed')`, `'utf-8' codec can't encode character '\udcff' in position 1: surrogates not allowed`},
	{pickle.Builtin("SyntaxError", "bad", pytext.Tuple{"<string>", int64(1), int64(2), "x", int64(1), int64(2)}),
		"SyntaxError('bad', ('<string>', 1, 2, 'x', 1, 2))", "bad (<string>, line 1)"},
	{&pickle.Exception{Module: "json.decoder", Class: "JSONDecodeError", Args: pytext.Tuple{"Expecting value", "{\n ä}", 4}},
		"JSONDecodeError('Expecting value: line 2 column 3 (char 4)')", "Expecting value: line 2 column 3 (char 4)"},
	{pickle.Builtin("KeyError", "x'y"), `KeyError("x'y")`, `"x'y"`},
	{pickle.Builtin("RuntimeError", "a", 1), "RuntimeError('a', 1)", "('a', 1)"},
	{pickle.Builtin("FileNotFoundError", 2, "No such file or directory"),
		"FileNotFoundError(2, 'No such file or directory')", "[Errno 2] No such file or directory"},
	{pickle.Builtin("PermissionError", 13, "Permission denied", "/x"),
		"PermissionError(13, 'Permission denied')", "[Errno 13] Permission denied: '/x'"},
	{&pickle.Exception{Module: "fail2ban.exceptions", Class: "UnknownJailException", Args: pytext.Tuple{"nojail"}},
		"UnknownJailException('nojail')", "'nojail'"},
	{&pickle.Exception{Module: "fail2ban.exceptions", Class: "DuplicateJailException", Args: pytext.Tuple{"j"}},
		"DuplicateJailException('j')", "j"},
	{&pickle.Exception{Module: "fail2ban.server.failregex", Class: "RegexException", Args: pytext.Tuple{"Unable to compile"}},
		"RegexException('Unable to compile')", "Unable to compile"},
}

// TestException_5_5_1 loads our exceptions in Python beside fail2ban's classes,
// and reads Python's own in every protocol.
func TestException_5_5_1(t *testing.T) {
	for _, c := range exceptions {
		if got := c.e.Repr(); got != c.repr {
			t.Errorf("repr %s, want %s", got, c.repr)
		}
		if got := c.e.Error(); got != c.str {
			t.Errorf("%s: str %s, want %s", c.repr, got, c.str)
		}
	}
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	var lines []string
	for _, c := range exceptions {
		data, err := pickle.Encode(pytext.Tuple{1, c.e})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, base64.StdEncoding.EncodeToString(data))
	}
	const script = `import sys, pickle, base64, json
sys.path.insert(0, LIB)
out = []
for l in sys.stdin:
    code, e = pickle.loads(base64.b64decode(l))
    out.append([code, repr(e), str(e), [base64.b64encode(pickle.dumps((1, e), p)).decode() for p in range(3, 6)]])
print(json.dumps(out))`
	raw, ok := python(t, strings.Replace(script, "LIB", pytext.Repr(lib), 1), []byte(strings.Join(lines, "\n")))
	if !ok {
		return
	}
	var rows [][4]any
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	for i, c := range exceptions {
		if rows[i][0] != 1.0 || rows[i][1] != c.repr || rows[i][2] != c.str {
			t.Errorf("python reads %v, want %s, %s", rows[i][:3], c.repr, c.str)
		}
		for p, text := range rows[i][3].([]any) {
			data, err := base64.StdEncoding.DecodeString(text.(string))
			if err != nil {
				t.Fatal(err)
			}
			v, err := pickle.DecodeReply(data)
			if err != nil {
				t.Errorf("%s in protocol %d: %v", c.repr, p+3, err)
				continue
			}
			if diff := cmp.Diff(pytext.Tuple{int64(1), c.e}, normal(v)); diff != "" {
				t.Errorf("%s in protocol %d (-want +got)\n%s", c.repr, p+3, diff)
			}
		}
	}
}

// normal makes the integers of an exception's arguments plain ints.
func normal(v any) any {
	t, ok := v.(pytext.Tuple)
	if !ok || len(t) != 2 {
		return v
	}
	e, ok := t[1].(*pickle.Exception)
	if !ok {
		return v
	}
	for i, a := range e.Args {
		if n, ok := a.(int64); ok {
			e.Args[i] = int(n)
		}
	}
	if len(e.Args) == 0 {
		e.Args = nil
	}
	return t
}

// TestDecodeReply_5_4_7 reads banned addresses as fail2ban's server writes them.
func TestDecodeReply_5_4_7(t *testing.T) {
	for data, want := range map[string]string{
		"\x80\x05K\x00]\x94\x8c\x08builtins\x94\x8c\x03str\x94\x93\x94\x8c\x071.1.1.1\x94\x85\x94R\x94a\x86\x94.": "(0, ['1.1.1.1'])",
		"(I0\n(lc__builtin__\nstr\n(Vx\ntRat.": "(0, ['x'])",
	} {
		v, err := pickle.DecodeReply([]byte(data))
		if err != nil || pytext.Repr(v) != want {
			t.Errorf("%q: %v, %v", data, pytext.Repr(v), err)
		}
	}
}

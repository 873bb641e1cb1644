package filter_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"testing"
	"unicode/utf8"

	"f2b-go/filter"
	"f2b-go/filter/date"
	"f2b-go/internal/testenv"
)

func decoded(t testing.TB, encoding string, raw []byte) string {
	t.Helper()
	f := filter.New("j", filter.Env{})
	if err := f.SetEncoding(encoding); err != nil {
		t.Fatal(err)
	}
	return string(f.Decode(nil, raw))
}

func TestEncodings_2_8_1(t *testing.T) {
	for _, c := range []struct{ encoding, raw, want string }{
		{"utf-8", "z\xc3\xbcri\n", "züri"},
		{"UTF8", "a\r\n", "a"},
		{"utf-8-sig", "\xef\xbb\xbfa", "a"},
		{"latin1", "z\xfcri", "züri"},
		{"ISO-8859-1", "z\xfcri", "züri"},
		{"iso8859-15", "\xa4", "€"},
		{"cp1252", "\x80", "€"},
		{"koi8-r", "\xc1", "а"},
		{"ascii", "a\xfcb", "a\uFFFDb"},
		{"gbk", "\xc4\xe3", "你"},
		{"shift_jis", "\x82\xa0", "あ"},
		{"shift_jis", "[\x85] \x82\xa0", "[\uFFFD] あ"},
		{"cp932", "\x82\xa0\x81", "あ\uFFFD"},
		{"cp949", "\x81A\xc9\"", "갂\uFFFD\""},
		{"GB2312", "(\xc4\xe3\xa2) \xff.", "(你\uFFFD) \uFFFD."},
		{"big5-tw", "\xa7A", "你"},
		{"mac-cyrillic", "\x80", "А"},
		{"utf-16-le", "a\x00\n\x00", "a"},
	} {
		if got := decoded(t, c.encoding, []byte(c.raw)); got != c.want {
			t.Errorf("%s: %q, want %q", c.encoding, got, c.want)
		}
	}
}

func TestLinesOfWideEncodings_2_8_3(t *testing.T) {
	for _, c := range []struct{ encoding, data, line, rest string }{
		{"utf-8", "a\nb", "a\n", "b"},
		{"utf-8", "ab", "", "ab"},
		{"utf-16-le", "a\x00\n\x00b\x00", "a\x00\n\x00", "b\x00"},
		{"utf-16-le", "a\x00\n", "", "a\x00\n"},
		{"utf-16-le", "\x00\n\x0a\x01\n\x00", "\x00\n\x0a\x01\n\x00", ""},
		{"utf-16-be", "\x00a\x00\n\x00b", "\x00a\x00\n", "\x00b"},
		{"utf-16-be", "\x0a\x00\x00\n", "\x0a\x00\x00\n", ""},
	} {
		f := filter.New("j", filter.Env{})
		if err := f.SetEncoding(c.encoding); err != nil {
			t.Fatal(err)
		}
		line, rest, ok := f.CutLine([]byte(c.data))
		if string(line) != c.line || string(rest) != c.rest || ok != (c.line != "") {
			t.Errorf("%s %q: %q, %q, %v", c.encoding, c.data, line, rest, ok)
		}
	}
}

const askDecode = `
import sys, json, base64
for line in sys.stdin:
    name, raw = json.loads(line)
    raw = base64.b64decode(raw)
    try: text = raw.decode(name)
    except UnicodeDecodeError: text = raw.decode(name, 'replace')
    print(json.dumps(text.rstrip('\r\n')))
`

// TestReplacingAsPython_2_8_2 decodes random bytes beside Python.
func TestReplacingAsPython_2_8_2(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	r := rand.New(rand.NewPCG(3, 4))
	encodings := []string{
		"utf-8", "utf-8", "utf-8", "ascii", "latin-1", "iso8859-2", "iso8859-5", "iso8859-15", "iso-8859-7", "cp1250", "cp1251", "cp1252",
		"cp1254", "1255", "mac-cyrillic", "latin9", "koi8-r", "koi8-u", "cp437", "cp850", "cp866", "mac-roman", "windows-1252",
	}
	pieces := []string{"a", "\n", "\r", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xff", "\x80", "\xed\xa0\x80", "\xe0\x80", "\xf4\x90", "\xc0\xaf", "\xf5"}
	var in bytes.Buffer
	var got []string
	for range 3000 {
		var raw []byte
		for range r.IntN(7) {
			raw = append(raw, byte(r.IntN(256)))
			raw = append(raw, pieces[r.IntN(len(pieces))]...)
		}
		name := encodings[r.IntN(len(encodings))]
		q, _ := json.Marshal([]string{name, base64.StdEncoding.EncodeToString(raw)})
		in.Write(append(q, '\n'))
		got = append(got, decoded(t, name, raw))
	}
	cmd := exec.Command(testenv.Python, "-c", askDecode)
	questions := bytes.Split(in.Bytes(), []byte("\n"))
	cmd.Stdin = bytes.NewReader(in.Bytes())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		var want string
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if got[i] != want {
			t.Errorf("%s: %q, Python %q", questions[i], got[i], want)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte("2026-11-22 11:59:50 [1] connect from 1.2.3.4\n"), false)
	f.Add([]byte("[1] fail bob from \xff\xfe::1\r\n"), true)
	f.Add([]byte("\n"), true)
	shared := date.NewShared()
	f.Fuzz(func(t *testing.T, line []byte, all bool) {
		flt := filter.New("j", filter.Env{Dates: shared})
		for _, re := range sessionRegexes {
			if err := flt.AddFailRegex(re); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			found, verdict := flt.Judge(filter.Line{Text: line}, filter.Mode{CheckAll: all, RawHosts: true})
			noFault(verdict)
			for i := range found {
				if found[i].HasID && !utf8.ValidString(found[i].ID.String()) {
					t.Errorf("ID %q", found[i].ID)
				}
			}
		}
	})
}

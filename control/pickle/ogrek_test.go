package pickle_test

import (
	"bytes"
	"testing"

	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"

	ogorek "github.com/kisielk/og-rek"
)

// TestOgRekClient_D0 encodes requests as the Go clients do, in every protocol
// that og-rek writes, and reads our replies with it.
func TestOgRekClient_D0(t *testing.T) {
	for protocol := range 6 {
		for _, request := range [][]any{
			{"ping", "100"}, {"status"}, {"status", "sshd"}, {"get", "sshd", "bantime"}, {"x", 5, 1 << 40, 2.5, true, "ü"},
		} {
			var b bytes.Buffer
			if err := ogorek.NewEncoderWithConfig(&b, &ogorek.EncoderConfig{Protocol: protocol}).Encode(request); err != nil {
				t.Fatal(err)
			}
			v, err := pickle.Decode(b.Bytes())
			if err != nil || pytext.Repr(v) != pytext.Repr(request) {
				t.Errorf("protocol %d: %q read as %s, %v", protocol, &b, pytext.Repr(v), err)
			}
		}
	}
	data, err := pickle.Encode(pytext.Tuple{0, []any{pytext.Tuple{"Total failed", 70000}, pytext.Tuple{"File list", []any{"a", "b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := ogorek.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	reply := v.(ogorek.Tuple)
	first := reply[1].([]any)[0].(ogorek.Tuple)
	if reply[0] != int64(0) || first[0] != "Total failed" || first[1] != int64(70000) {
		t.Errorf("og-rek reads %#v", v)
	}
}

// TestOgRekDecoder holds the facts that docs/decisions gives for decoding here
// rather than there. When one fails, og-rek has changed: read the record again.
func TestOgRekDecoder(t *testing.T) {
	for name, data := range map[string]string{
		"LONG4":       "\x8b\x01\x00\x00\x00\x05.",
		"BINUNICODE8": "\x8d\x01\x00\x00\x00\x00\x00\x00\x00x.",
		"BINBYTES8":   "\x8e\x01\x00\x00\x00\x00\x00\x00\x00x.",
		"EMPTY_SET":   "\x8f.",
		"POP_MARK":    "K\x01(1.",
	} {
		if _, err := ogorek.NewDecoder(bytes.NewReader([]byte(data))).Decode(); err == nil {
			t.Errorf("og-rek now reads %s", name)
		}
		if _, err := pickle.Decode([]byte(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const shared = "(]q\x00h\x00K\x05al." // [x, x] where x = [5]
	v, err := ogorek.NewDecoder(bytes.NewReader([]byte(shared))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if first := v.([]any)[0].([]any); len(first) != 0 {
		t.Errorf("og-rek now reads a list that is filled after it was remembered: %v", v)
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range replies {
		if data, err := pickle.Encode(v); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte("\x80\x05\x95\x07\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x01a\x94a."))
	f.Add([]byte("(lp0\nS'status'\np1\naS'a\\x41\\n'\nVx\\u0041\nF1.5\nI01\nL5L\na."))
	f.Add([]byte("(]q\x00h\x00K\x05a\x8a\x02\x00\x80}(U\x01aK\x01ul."))
	f.Add([]byte("cbuiltins\nException\n(S'x'\ntR."))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := pickle.Decode(data)
		if r, rerr := pickle.DecodeReply(data); err == nil && (rerr != nil || pytext.Repr(r) != pytext.Repr(v)) {
			t.Errorf("%q: as a request %s, as a reply %s, %v", data, pytext.Repr(v), pytext.Repr(r), rerr)
		}
		if err != nil {
			return
		}
		again, err := pickle.Encode(v)
		if err != nil {
			t.Fatalf("%q: %s cannot be written: %v", data, pytext.Repr(v), err)
		}
		back, err := pickle.DecodeReply(again)
		if err != nil || pytext.Repr(back) != pytext.Repr(v) {
			t.Errorf("%q: %s came back as %s, %v", data, pytext.Repr(v), pytext.Repr(back), err)
		}
	})
}

package jail

import (
	"bytes"
	"strings"
	"testing"

	"f2b-go/internal/ipaddr"
)

// FuzzIgnoreFile reads any file of ignored IDs: each ID is one word, and what is
// read is found again.
func FuzzIgnoreFile(f *testing.F) {
	for _, seed := range []string{"192.0.2.1, 2001:db8::/32 # x\n;y\nbob;c", "#\n", "\x00\xff,,", "a\rb\vc", ",#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set := parseIDs(text)
		for id := range set.exact {
			if id.IsZero() || strings.ContainsAny(id.String(), ", \t\n") {
				t.Errorf("%q gives %q", text, id)
			}
			if !set.has(id, nil) {
				t.Errorf("%q: %q is not found", text, id)
			}
		}
		for n := range set.nets {
			if !set.has(ipaddr.FromIP(n.Addr()), nil) {
				t.Errorf("%q: %q does not hold its own address", text, n)
			}
		}
	})
}

// FuzzLines cuts any bytes into lines in any encoding: nothing is lost, and an
// end of a line stands nowhere inside.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\x00\n\x00b"), uint8(1))
	f.Add([]byte("\n\n"), uint8(0))
	encodings := []string{"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		end := lineEnd(encodings[int(which)%len(encodings)])
		var all []byte
		for rest := data; len(rest) > 0; {
			n := lineLength(rest, end)
			if n <= 0 || n > len(rest) {
				t.Fatalf("%q: a line of %d bytes", rest, n)
			}
			if at := bytes.IndexByte(rest[:n], '\n'); end == "" && at >= 0 && at != n-1 {
				t.Fatalf("%q: two lines in one", rest[:n])
			}
			all, rest = append(all, rest[:n]...), rest[n:]
		}
		if !bytes.Equal(all, data) {
			t.Errorf("%q became %q", data, all)
		}
	})
}

package jail

import (
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

package jail

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"f2b-go/internal/pytext"
)

// TestStatus_5_3_1 is the reply for each flavour.
func TestStatus_5_3_1(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		answers := map[string][]string{
			"1.2.0.192.origin.asn.cymru.com":                                          {"64500 | 192.0.2.0/24 | ZZ | arin | 2010-07-14", "64501 64499 | 192.0.2.0/24 |  | arin | 2010-07-14"},
			"1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.origin6.asn.cymru.com": {"64496 | 2001:db8::/32 | EU | ripencc | 2001-01-01"},
		}
		b.j.env.LookupTXT = func(_ context.Context, name string) ([]string, error) {
			switch {
			case name == "9.2.0.192.origin.asn.cymru.com":
				return nil, errors.New("no answer")
			case answers[name] == nil:
				return nil, &net.DNSError{IsNotFound: true}
			}
			return answers[name], nil
		}
		b.start()
		b.line(0, "fail 192.0.2.7")
		b.j.BanIP(b.Context(), []string{"192.0.2.1", "2001:db8::1", "192.0.2.2", "bob", "192.0.2.9", "192.0.2.1"})
		head := "[('Filter', [('Currently failed', 1), ('Total failed', 1), ('File list', [])]), ('Actions', [('Currently banned', 5), ('Total banned', 5)"
		ips := ", ('Banned IP list', ['192.0.2.1', '2001:db8::1', '192.0.2.2', 'bob', '192.0.2.9'])"
		cymru := ", ('Banned ASN list', ['64500, 64501 64499', '64496', 'nxdomain', 'nxdomain'])" +
			", ('Banned Country list', ['ZZ, unknown', 'EU', 'nxdomain', 'nxdomain']), ('Banned RIR list', ['arin', 'ripencc', 'nxdomain', 'nxdomain'])"
		b.take()
		for flavour, want := range map[string]string{
			"basic": head + ips + "])]", "short": head + "])]", "cymru": head + ips + cymru + "])]", "odd": head + ips + "])]",
			"stats": "['pyinotify', (1, 1), (5, 5)]",
		} {
			if got := pytext.Repr(b.j.Status(flavour)); got != want {
				b.Errorf("%s: %s\nwant %s", flavour, got, want)
			}
		}
		log := strings.Join(b.take(), "\n")
		for _, want := range []string{"WARN actions: Unsupported extended jail status flavor 'odd'. Supported: ['short', 'basic', 'cymru']",
			"ERROR actions: DNSException 'no answer' querying Cymru for 9.2.0.192.origin.asn.cymru.com TXT"} {
			if !strings.Contains(log, want) {
				b.Errorf("not logged: %s\n%s", want, log)
			}
		}
		for _, q := range []struct {
			ids  []any
			want string
		}{{[]any{"bob"}, "1"}, {[]any{"amy"}, "0"}, {[]any{"amy", "192.0.2.1"}, "[0, 1]"}} {
			if got, err := b.j.Get("banned", q.ids); err != nil || pytext.Repr(got) != q.want {
				b.Errorf("banned %v: %v, %v", q.ids, got, err)
			}
		}
	})
}

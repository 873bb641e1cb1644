package firewall

import (
	"net/netip"
	"testing"
)

func TestOverlaps(t *testing.T) {
	var sites []Site
	for _, p := range []string{"192.0.2.16/28", "192.0.2.64/32", "2001:db8:1::/48"} {
		net := netip.MustParsePrefix(p)
		sites = append(sites, Site{From: net.Addr(), To: lastOf(net)})
	}
	m := Lists{}.NewMatcher(sites)
	for _, tt := range []struct {
		net  string
		want bool
	}{
		{"192.0.2.15/32", false}, {"192.0.2.16/32", true}, {"192.0.2.31/32", true}, {"192.0.2.32/32", false},
		{"192.0.2.0/24", true}, {"192.0.2.0/28", false}, {"192.0.2.48/28", false}, {"192.0.2.64/32", true}, {"192.0.2.65/32", false},
		{"0.0.0.0/0", true}, {"2001:db8:1:2::5/128", true}, {"2001:db8:2::/48", false}, {"2001:db8::/32", true},
	} {
		if got := m.Overlaps(netip.MustParsePrefix(tt.net)); got != tt.want {
			t.Errorf("%s: %t", tt.net, got)
		}
	}
	if (Matcher{}).Overlaps(netip.MustParsePrefix("0.0.0.0/0")) {
		t.Error("an empty list overlaps")
	}
}

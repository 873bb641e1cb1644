package filter_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"f2b-go/filter"
)

func clockAt(at *time.Time) func() time.Time { return func() time.Time { return *at } }

// names answers from a table; a name that is not there does not exist.
type names map[string][]string

func (n names) lookup(_ context.Context, network, name string) ([]netip.Addr, error) {
	list, ok := n[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: name != "busy", IsTemporary: name == "busy"}
	}
	var ips []netip.Addr
	for _, text := range list {
		if ip := netip.MustParseAddr(text); ip.Is4() == (network == "ip4") {
			ips = append(ips, ip)
		}
	}
	return ips, nil
}

func TestHostNames_2_3_5(t *testing.T) {
	known := names{"one": {"192.0.2.1"}, "many": {"2001:db8::1", "192.0.2.9", "192.0.2.2"}}
	for _, c := range []struct {
		item, useDNS, regex, line, want, message string
	}{
		{"yes", "yes", `from <HOST>$`, "from one", "192.0.2.1", ""},
		{"warn", "warn", `from <HOST>$`, "from many", "192.0.2.2 192.0.2.9 2001:db8::1",
			"Determined IP using DNS Lookup: many = {'192.0.2.2', '192.0.2.9', '2001:db8::1'}\" logger=fail2ban.ipdns"},
		{"no such name", "warn", `from <HOST>$`, "from none", "", "Unable to find a corresponding IP address for none: [Errno -2] Name or service not known"},
		{"no answer", "warn", `from <HOST>$`, "from busy", "", "Unable to find a corresponding IP address for busy: [Errno -3] Temporary failure in name resolution"},
		{"an empty label", "warn", `from <HOST>$`, "from .a", "", "Unable to find a corresponding IP address for .a: encoding with 'idna' codec failed (UnicodeError: label empty or too long)"},
		{"usedns no", "no", `from <HOST>$`, "from one", "", ""},
		{"usedns no with an explicit name", "no", `from <DNS>$`, "from one", "", ""},
		{"usedns no with an address for a name", "no", `from <DNS>$`, "from 192.0.2.7", "192.0.2.7", ""},
		{"2.3.6 short form", "yes", `from <HOST>$`, "from 1.2.3", "1.2.0.3", ""},
		{"raw", "raw", `from <HOST>$`, "from one", "one", ""},
		{"Appendix E.2: the failure ID holds", "yes", `user <F-ID>\S+</F-ID> from <HOST>$`, "user bob from many", "bob(192.0.2.2)", ""},
		{"Appendix E.2: without an address there is none", "yes", `user <F-ID>\S+</F-ID> from <HOST>$`, "user bob from none", "", "Unable to find"},
	} {
		t.Run(c.item, func(t *testing.T) {
			var messages []string
			log := logged(&messages)
			cache := filter.NewNameCache(filter.NameOptions{Lookup: known.lookup, Log: log})
			f := newFilter(t, setup{UseDNS: c.useDNS, Fail: []string{c.regex}}, filter.Env{Resolver: cache, Log: log})
			found, _ := judge(f, day+"50 "+c.line, filter.Mode{})
			var ids []string
			for _, x := range found {
				id := x.ID.String()
				if ip := x.Fields.Text("ip"); ip != "" {
					id += "(" + ip + ")"
				}
				ids = append(ids, id)
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			all := strings.Join(messages, "\n")
			if (c.message == "" && all != "") || !strings.Contains(all, c.message) {
				t.Errorf("messages %s, want %s", all, c.message)
			}
		})
	}
}

func TestNameCache_2_3_6(t *testing.T) {
	at := now
	asked := map[string]int{}
	known := names{"a": {"192.0.2.1", "2001:db8::1"}}
	cache := filter.NewNameCache(filter.NameOptions{Clock: clockAt(&at), IPv6: func() bool { return false },
		Lookup: func(ctx context.Context, network, name string) ([]netip.Addr, error) {
			asked[name]++
			return known.lookup(ctx, network, name)
		}})
	for range 3 {
		if ids := cache.Resolve("a"); len(ids) != 1 || ids[0].String() != "192.0.2.1" {
			t.Errorf("without IPv6 a is %v", ids)
		}
		cache.Resolve("none")
	}
	if asked["a"] != 1 || asked["none"] != 1 {
		t.Errorf("asked %v", asked)
	}
	at = at.Add(5*time.Minute + 1)
	cache.Resolve("a")
	if asked["a"] != 2 {
		t.Errorf("after five minutes asked %v", asked)
	}
	for i := range 1000 {
		cache.Resolve(fmt.Sprintf("n%d", i))
	}
	cache.Resolve("a")
	if asked["a"] != 3 {
		t.Errorf("after a thousand other names asked %v", asked)
	}
	cache.Clear()
	cache.Resolve("a")
	if asked["a"] != 4 {
		t.Errorf("after clearing asked %v", asked)
	}
}

// TestSlowAndHostileNames is FIELD C2: a name may answer never, or with very
// many addresses, or be no name at all.
func TestSlowAndHostileNames_C2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		many := make([]netip.Addr, 10000)
		for i := range many {
			many[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		}
		asked := 0
		cache := filter.NewNameCache(filter.NameOptions{Timeout: 3 * time.Second,
			Lookup: func(ctx context.Context, _, name string) ([]netip.Addr, error) {
				asked++
				if name == "many" {
					return many, nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}})
		begun := time.Now()
		if ids := cache.Resolve("slow"); len(ids) != 0 || time.Since(begun) > 4*time.Second {
			t.Errorf("slow gives %v after %v", ids, time.Since(begun))
		}
		if ids := cache.Resolve("many"); len(ids) != 256 {
			t.Errorf("many gives %d addresses", len(ids))
		}
		before := asked
		for _, name := range []string{"", "a..b", strings.Repeat("a", 64), strings.Repeat("a.", 200) + "a", "bü", "a b", "a\x00b"} {
			if ids := cache.Resolve(name); len(ids) != 0 {
				t.Errorf("%q gives %v", name, ids)
			}
		}
		if asked != before {
			t.Errorf("text that is no host name was asked for")
		}
	})
}

func TestNumericHosts_2_3_6(t *testing.T) {
	cache := filter.NewNameCache(filter.NameOptions{Lookup: names{}.lookup})
	for name, want := range map[string]string{
		"1.2.3": "1.2.0.3", "127.1": "127.0.0.1", "0x7f000001": "127.0.0.1", "2130706433": "127.0.0.1", "010.1": "8.0.0.1",
		"1.2.3.256": "", "1.2.3.4.5": "", "0b1.2": "", "1_0.2": "", "4294967296": "", "256.1": "",
	} {
		var got []string
		for _, a := range cache.Resolve(name) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is %v, want %q", name, got, want)
		}
	}
}

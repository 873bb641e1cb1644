package filter_test

import (
	"errors"
	"strings"
	"testing"

	"f2b-go/filter"
)

const (
	ip4 = `(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})`
	ip6 = `(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))`
	dns = `(?P<dns>[\w\-.^_]*\w)`
)

func TestExpandTags(t *testing.T) {
	addr := `\[?(?:` + ip4 + `|` + ip6 + `)\]?`
	for _, c := range []struct {
		item, pattern string
		useDNS        filter.UseDNS
		want          string
	}{
		{"2.1.1 IP4", `<IP4> <F-IP4/>`, filter.Yes, ip4 + " " + ip4},
		{"2.1.1 IP6", `<IP6>`, filter.Yes, ip6},
		{"2.1.1 DNS", `<F-DNS/>`, filter.Yes, dns},
		{"2.1.1 CIDR", `<CIDR>`, filter.Yes, `(?P<cidr>\d+)`},
		{"2.1.1 ADDR", `<ADDR>`, filter.Yes, addr},
		{"2.1.1 HOST", `<HOST>`, filter.Warn, `(?:` + addr + `|` + dns + `)`},
		{"2.1.1 HOST with usedns raw", `<HOST>`, filter.Raw, `(?:` + addr + `|` + dns + `)`},
		{"2.1.3 HOST with usedns no", `<HOST>`, filter.No, addr},
		{"2.1.1 SUBNET", `<SUBNET>`, filter.Yes, `\[?(?:` + ip4 + `|` + ip6 + `)(?:/(?P<cidr>\d+))?\]?`},
		{"2.1.1 ID and PORT", `<F-ID/>:<F-PORT/>`, filter.Yes, `(?P<fid>\S+):(?P<fport>\w+)`},
		{"2.1.1 SKIPLINES counts", `a<SKIPLINES>b<SKIPLINES>c`, filter.Yes,
			`a\n(?P<skiplines0>(?:(?:.*\n)*?))b\n(?P<skiplines1>(?:(?:.*\n)*?))c`},
		{"2.1.1 names", `<F-USER>x</F-USER> <F-ID>y</F-ID> <F-PORT>1</F-PORT>`, filter.Yes, `(?P<user>x) (?P<fid>y) (?P<fport>1)`},
		{"2.1.2 closing without opening", `</F-X>a<F-X>b</F-X>c</F-X>`, filter.Yes, `</F-X>a(?P<x>b)c)`},
		{"2.1.2 lower case and unknown stay", `<F-user> <nosuch> <a b> </HOST>`, filter.Yes, `<F-user> <nosuch> <a b> </HOST>`},
		{"2.1.2 self-closing unknown stays", `<F-USER/>`, filter.Yes, `<F-USER/>`},
		{"2.1.1 tag after a stray bracket", `<<HOST>`, filter.No, `<` + addr},
	} {
		t.Run(c.item, func(t *testing.T) {
			if got := filter.ExpandTags(c.pattern, c.useDNS); got != c.want {
				t.Errorf("%q expands to\n%s, want\n%s", c.pattern, got, c.want)
			}
		})
	}
}

func TestCompileRegex(t *testing.T) {
	for _, c := range []struct {
		item, pattern, want, err string
	}{
		{"2.1.8 flags in a group", `a((?i)b)(?:(?s)c)`, `a(?i:b)(?s:c)`, ""},
		{"2.1.8 flags at the start", `(?i)a`, `(?i)a`, ""},
		{"2.1.8 escaped bracket", `\((?i:x)`, `\((?i:x)`, ""},
		{"2.1.8 flags in mid pattern", `a(?i)b`, "", "Unable to compile regular expression 'a(?i)b':\nglobal flags not at the start of the expression at position 1"},
		{"2.1.4 two hosts", `<ADDR> <ADDR>`, "", "redefinition of group name 'ip4'"},
		{"2.1.5 blank", " \t", "", "Cannot add empty regex"},
	} {
		t.Run(c.item, func(t *testing.T) {
			re, err := filter.CompileRegex(c.pattern, filter.No, false)
			switch {
			case c.err == "" && (err != nil || re.String() != c.want):
				t.Errorf("%q: %v, %v; want %s", c.pattern, re, err, c.want)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !errors.Is(err, filter.ErrRegex)):
				t.Errorf("%q: error %v, want %s", c.pattern, err, c.err)
			}
		})
	}
}

func FuzzExpandTags(f *testing.F) {
	for _, s := range []string{`<HOST>`, `<F-X>a</F-X>`, `<<F-A>>`, `</F-`, `<F-ID/>`, "<\xff>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		got := filter.ExpandTags(pattern, filter.Yes)
		if !strings.Contains(pattern, "<") && got != pattern {
			t.Errorf("%q became %q", pattern, got)
		}
		if strings.Contains(got, "<HOST>") || strings.Contains(got, "<ADDR>") {
			t.Errorf("%q keeps a tag: %q", pattern, got)
		}
	})
}

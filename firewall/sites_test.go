package firewall

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

// lists opens lists that a test holds in memory.
type lists map[string]string

func (l lists) open(path string) (io.ReadCloser, error) {
	text, ok := l[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// words gives an entry in short.
func words(s Site) string {
	text := s.Name
	if text == "" {
		text = s.From.String()
		if s.To != s.From {
			text += "-" + s.To.String()
		}
	}
	if s.TTL > 0 {
		text += " ttl " + s.TTL.String()
	}
	if !s.Until.IsZero() {
		text += " until " + s.Until.Format(time.RFC3339)
	}
	return text
}

// siteLines are lines of a list and what they mean.
var siteLines = []struct {
	name     string
	line     string
	want     string // the entry, "" for none
	problem  string // begins the problem after "file:line: "
	remedial string // is part of its remedy
}{
	{"address", "203.0.113.7", "203.0.113.7", "", ""},
	{"address of IPv6", "2001:DB8::1", "2001:db8::1", "", ""},
	{"mapped address", "::ffff:203.0.113.7", "203.0.113.7", "", ""},
	{"comment", "203.0.113.7 # office", "203.0.113.7", "", ""},
	{"comment close by", "203.0.113.7;office", "203.0.113.7", "", ""},
	{"nothing but a comment", "  # office", "", "", ""},
	{"blank", " \t ", "", "", ""},
	{"indented", "\t203.0.113.7  ", "203.0.113.7", "", ""},
	{"network", "203.0.113.0/24", "203.0.113.0-203.0.113.255", "", ""},
	{"network with mask", "203.0.113.0/255.255.255.0", "203.0.113.0-203.0.113.255", "", ""},
	{"network of one", "203.0.113.7/32", "203.0.113.7", "", ""},
	{"network of IPv6", "2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "", ""},
	{"host bits", "203.0.113.7/24", "203.0.113.0-203.0.113.255", "203.0.113.7/24 is taken as 203.0.113.0/24", "203.0.113.7 for the one"},
	{"everybody", "0.0.0.0/0", "0.0.0.0-255.255.255.255", "0.0.0.0/0 means every address", "meant"},
	{"range", "203.0.113.10-203.0.113.20", "203.0.113.10-203.0.113.20", "", ""},
	{"short range", "203.0.113.10-20", "203.0.113.10-203.0.113.20", "", ""},
	{"range of IPv6", "2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff", "", ""},
	{"range backwards", "203.0.113.20-203.0.113.10", "", "203.0.113.20-203.0.113.10 ends before it begins", "lower"},
	{"range of two families", "203.0.113.20-2001:db8::1", "", "203.0.113.20-2001:db8::1 ends before", "one family"},
	{"name", "Phone.Example.ORG.", "phone.example.org", "", ""},
	{"name with a dash and digits", "1-2.example", "1-2.example", "", ""},
	{"time to live", "203.0.113.7 ttl=2h", "203.0.113.7 ttl 2h0m0s", "", ""},
	{"time to live in seconds", "203.0.113.7 TTL=90", "203.0.113.7 ttl 1m30s", "", ""},
	{"end of day", "203.0.113.7 until=2026-12-24", "203.0.113.7 until 2026-12-25T00:00:00Z", "", ""},
	{"end at a time", "a.example until=2026-12-24T18:00 # guest", "a.example until 2026-12-24T18:00:00Z", "", ""},
	{"end with a zone", "203.0.113.7 until=2026-12-24T18:00:00+01:00", "203.0.113.7 until 2026-12-24T18:00:00+01:00", "", ""},
	{"no time", "203.0.113.7 ttl=soon", "", "ttl=soon is no time to live", "ttl=2h"},
	{"no time at all", "203.0.113.7 ttl=0", "", "ttl=0 is no time to live", ""},
	{"longer than the kernel counts", "203.0.113.7 ttl=30d", "", "ttl=30d is no time to live", "24d"},
	{"no date", "203.0.113.7 until=24.12.2026", "", "until=24.12.2026 is no date", "2026-12-24"},
	{"two addresses", "203.0.113.7 203.0.113.8", "", `"203.0.113.8" after the address`, "one entry a line"},
	{"number too big", "203.0.113.256", "", "203.0.113.256 is no address", "0 to 255"},
	{"leading zeros", "203.000.113.007", "", "203.000.113.007 is no address", "leading zeros"},
	{"too few numbers", "203.0.113", "", "203.0.113 is no address", ""},
	{"with a port", "[2001:db8::1]:5060", "", "[2001:db8::1]:5060 is no address", "brackets"},
	{"with a port of IPv4", "203.0.113.7:5060", "", "203.0.113.7:5060 is no address", "port"},
	{"with an interface", "fe80::1%eth0", "", "fe80::1%eth0 names an interface", "without %eth0"},
	{"length too big", "203.0.113.0/33", "", "/33 is no length", "0 to 32"},
	{"length no number", "203.0.113.0/x", "", "/x is no length", ""},
	{"length signed", "203.0.113.0/+8", "", "/+8 is no length", ""},
	{"mask with a hole", "203.0.113.0/255.0.255.0", "", "/255.0.255.0 is no length", ""},
	{"not ASCII", "büro.example", "", `"büro.example" is no DNS name`, "xn--"},
	{"injected", `x;-j ACCEPT`, "x", "", ""},
	{"rule", "--source=1.2.3.4", "", `--source=1.2.3.4 is no address`, ""},
	{"control byte", "203.0.113.7\x00", "", "the line holds bytes that are no text", "plain text"},
	{"bytes that are no text", "\xff\xfe2", "", "the line holds bytes that are no text", ""},
	{"include of nothing", "Include", "", "Include names no list", "Include PATH"},
	{"include that is missing", "Include nowhere", "", "the included list can't be read", "correct the path"},
}

func TestSites_F14(t *testing.T) {
	for _, tc := range siteLines {
		t.Run(tc.name, func(t *testing.T) {
			l := lists{"/etc/network/allowSites": "192.0.2.1\n" + tc.line + "\n192.0.2.3"}
			sites, problems, err := SiteReader{Open: l.open}.Read("/etc/network/allowSites")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range sites {
				got = append(got, words(s))
			}
			want := []string{"192.0.2.1", "192.0.2.3"}
			if tc.want != "" {
				want = []string{"192.0.2.1", tc.want, "192.0.2.3"}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			text := ""
			if len(problems) > 0 {
				text = problems[0].Error()
			}
			if tc.problem == "" && text != "" || !strings.HasPrefix(text, prefixed(tc.problem)) || !strings.Contains(text, tc.remedial) || len(problems) > 1 {
				t.Errorf("problems are %q, want one that begins %q and says %q", problems, tc.problem, tc.remedial)
			}
			if len(problems) == 1 && problems[0].Warning != (tc.want != "") {
				t.Errorf("warning is %v for %q", problems[0].Warning, text)
			}
		})
	}
}

func prefixed(problem string) string {
	if problem == "" {
		return ""
	}
	return "/etc/network/allowSites:2: " + problem
}

func TestIncludes_F14(t *testing.T) {
	l := lists{
		"/etc/network/allowSites":   "\ufeff192.0.2.1\r\nInclude more sites/a\r\ninclude /abs/b\r\n192.0.2.9\r\n",
		"/etc/network/more sites/a": "192.0.2.2\nInclude ../allowSites\nInclude b\n",
		"/etc/network/more sites/b": "192.0.2.3",
		"/abs/b":                    "nonsense here\n192.0.2.4\n",
	}
	sites, problems, err := SiteReader{Open: l.open}.Read("/etc/network/allowSites")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sites {
		got = append(got, fmt.Sprintf("%s:%d %s", s.File, s.Line, words(s)))
	}
	for _, p := range problems {
		got = append(got, p.Error())
	}
	want := []string{
		"/etc/network/allowSites:1 192.0.2.1",
		"/etc/network/more sites/a:1 192.0.2.2",
		"/etc/network/more sites/b:1 192.0.2.3",
		"/abs/b:2 192.0.2.4",
		"/etc/network/allowSites:4 192.0.2.9",
		"/etc/network/more sites/a:2: /etc/network/allowSites includes itself through this line; take the line out",
		`/abs/b:1: "here" after the address is not understood; write one entry a line, and # before a comment`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !errors.Is(problems[0], ErrInclude) || !errors.Is(problems[1], ErrSyntax) {
		t.Errorf("classes of %v", problems)
	}
}

func TestLimitsOfLists(t *testing.T) {
	deep := lists{}
	for i := range MaxInclude + 2 {
		deep[fmt.Sprintf("/%d", i)] = fmt.Sprintf("192.0.2.%d\nInclude /%d\n", i, i+1)
	}
	for _, tc := range []struct {
		name     string
		list     lists
		entries  int
		problems int
	}{
		{"line too long", lists{"/0": "192.0.2.1\n" + strings.Repeat("#", 10_000) + "\n192.0.2.2 " + strings.Repeat(" ", MaxSiteLine) + "\n192.0.2.3"}, 2, 2},
		{"line just short enough", lists{"/0": "192.0.2.1" + strings.Repeat(" ", MaxSiteLine-9) + "\r\n"}, 1, 0},
		{"includes too deep", deep, MaxInclude, 1},
		{"more faults than are told", lists{"/0": strings.Repeat("?\n", MaxProblems+100) + "192.0.2.1"}, 1, MaxProblems},
		{"too many entries", lists{"/0": strings.Repeat("192.0.2.1\n", MaxSites+10)}, MaxSites, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sites, problems, err := SiteReader{Open: tc.list.open}.Read("/0")
			if err != nil || len(sites) != tc.entries || len(problems) != tc.problems {
				t.Errorf("%d entries and %d problems, want %d and %d; %v", len(sites), len(problems), tc.entries, tc.problems, err)
			}
		})
	}
}

// failingReader breaks in the middle of a list.
type failingReader struct{ io.Reader }

func (failingReader) Close() error { return nil }

func TestAListThatBreaksOffKeepsWhatWasRead(t *testing.T) {
	broken := errors.New("input/output error")
	open := func(string) (io.ReadCloser, error) {
		return failingReader{io.MultiReader(strings.NewReader("192.0.2.1\n192.0.2.2\n"), errReader{broken})}, nil
	}
	sites, problems, err := SiteReader{Open: open}.Read("/etc/network/allowSites")
	if err != nil || len(sites) != 2 || len(problems) != 1 || !errors.Is(problems[0], broken) {
		t.Errorf("%v %v %v", sites, problems, err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestListsThatCantBeOpened(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (SiteReader{}).Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, path := range []string{dir, fifo} {
		if _, _, err := (SiteReader{}).Read(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	path := filepath.Join(dir, "allowSites")
	if err := os.WriteFile(path, []byte("192.0.2.1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if sites, _, err := (SiteReader{}).Read(path); err != nil || len(sites) != 1 {
		t.Errorf("%v %v", sites, err)
	}
}

func FuzzSites(f *testing.F) {
	f.Add("203.0.113.7 ttl=2h # x\n2001:db8::/32\nInclude /0\n10.0.0.1-10.0.0.9")
	f.Add("a.b.c until=2026-12-24T18:00\n1.2.3.4/255.255.0.0\n\xef\xbb\xbf::1-::2\n")
	f.Fuzz(func(t *testing.T, text string) {
		l := lists{"/0": text}
		sites, problems, err := SiteReader{Open: l.open}.Read("/0")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sites {
			if s.Name == "" && (!s.From.IsValid() || s.From.BitLen() != s.To.BitLen() || s.To.Less(s.From) || s.From.Is4In6() || s.From.Zone() != "") {
				t.Fatalf("range %s-%s", s.From, s.To)
			}
			if strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
				t.Fatalf("name %q", s.Name)
			}
		}
		for _, p := range problems {
			if p.Line < 1 || p.Text == "" || p.Remedy == "" || strings.ContainsAny(p.Error(), "\n\x00") {
				t.Fatalf("problem %q", p.Error())
			}
		}
		// A good line before and after never goes away.
		l["/0"] = "192.0.2.1\n" + strings.ReplaceAll(text, "Include", "") + "\n192.0.2.2"
		again, _, err := SiteReader{Open: l.open}.Read("/0")
		if err != nil || len(again) < 2 || again[0].From != netip.MustParseAddr("192.0.2.1") || again[len(again)-1].To != netip.MustParseAddr("192.0.2.2") {
			t.Fatalf("%v %v", again, err)
		}
		if _, err := Plan(Default(), Lists{Allow: sites, Block: again}); err != nil {
			t.Fatal(err)
		}
	})
}

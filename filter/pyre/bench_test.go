package pyre

import (
	"strings"
	"testing"
)

// benchmarks are patterns as filters have them, each with a line that it
// matches and one that it does not.
var benchmarks = []struct{ name, pattern, hit, miss string }{
	{
		"prefix", `^(?P<id>\s*(?:\S+\s+)?(?:kernel:\s?\[ *\d+\.\d+\]:?\s+)?(?:[\[\(]?sshd(?:\(\S+\))?[\]\)]?:?(?:\[\d+\])?:?)\s+)(?:(?:error|fatal): )?(?P<content>.+)$`,
		" svr sshd[12345]: Failed password for invalid user admin from 192.0.2.1 port 51234 ssh2\n",
		" svr CRON[12345]: pam_unix(cron:session): session opened for user root by (uid=0)\n",
	},
	{
		"user and host", `^Failed \S+ for (?:invalid user )?(?P<user>\S+|.*?) from (?:\[?(?:(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})|(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|:)))\]?|(?P<dns>[\w\-.^_]*\w))(?: port \d+)?(?: ssh\d*)?$`,
		"Failed password for invalid user admin from 192.0.2.1 port 51234 ssh2\n",
		"Failed password for invalid user admin by 192.0.2.1 port 51234 ssh2\n",
	},
	{
		"not anchored", `client: (?P<ip4>(?:\d{1,3}\.){3}\d{1,3}), server: \S*, request: "(?:GET|POST|HEAD) [^"]*"`,
		"[error] 123#0: *45 open() \"/x\" failed (2: No such file), client: 192.0.2.1, server: example.org, request: \"GET /x HTTP/1.1\"\n",
		"[error] 123#0: *45 open() \"/x\" failed (2: No such file), client: 192.0.2.1, upstream: \"http://127.0.0.1/\"\n",
	},
	{
		"alternatives", `^(?P<ip4>(?:\d{1,3}\.){3}\d{1,3}) - \S+ \[\] "(?:GET|POST|HEAD) /(?:roundcube|(?:ext)?mail|horde|(?:v-?)?webmail|(?:typo3/|xampp/|admin/|)(?:pma|(?:php)?[Mm]y[Aa]dmin)|wp-(?:login|signup|admin)\.php|cgi-bin|mysqladmin)[^,]* \S+" 404 .+$`,
		"192.0.2.1 - - [] \"GET /phpmyadmin/index.php HTTP/1.1\" 404 162 \"-\" \"Mozilla/5.0\"\n",
		"192.0.2.1 - - [] \"GET /index.html HTTP/1.1\" 200 162 \"-\" \"Mozilla/5.0\"\n",
	},
	{
		"guarded", `^login (?P<user>(?:(?! from ).)*) from (?P<ip>\S+)(?(user): | )done$`,
		"login some body from 192.0.2.1: done\n",
		"login some body with a long name at 192.0.2.1: done\n",
	},
	{
		"either case", `(?i)^(?:error|warning): .*\bauthentication failure\b.* rhost=(?P<host>\S+)`,
		"Error: PAM: Authentication Failure; logname= uid=0 tty=ssh ruser= rhost=192.0.2.1 user=root\n",
		"Error: PAM: Authentication granted; logname= uid=0 tty=ssh ruser= rhost=192.0.2.1 user=root\n",
	},
}

func BenchmarkSearch(b *testing.B) {
	for _, c := range benchmarks {
		re, err := Compile(c.pattern, 0)
		if err != nil {
			b.Fatal(err)
		}
		var s Scratch
		caps := make([]int, 2+2*re.NumGroups())
		for kind, line := range map[string]string{"hit": c.hit, "miss": c.miss} {
			text := []byte(line)
			if _, found, _ := re.SearchWith(&s, caps, text, 0, len(text)); found != (kind == "hit") {
				b.Fatalf("%s: %s is none", c.name, kind)
			}
			b.Run(c.name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					re.SearchWith(&s, caps, text, 0, len(text))
				}
			})
		}
	}
}

// BenchmarkStock tries all stock patterns on the sample logs; ns/op is for
// one pattern on one line.
func BenchmarkStock(b *testing.B) {
	patterns, lines := stockPatterns(b), sampleLines(b)
	var res []*Regexp
	for _, p := range patterns {
		re, err := Compile(p.Pattern, p.flags())
		if err != nil {
			b.Fatal(err)
		}
		res = append(res, re)
	}
	if len(res) == 0 {
		return
	}
	texts := make([][]byte, len(lines))
	for i, line := range lines {
		texts[i] = []byte(line)
	}
	var s Scratch
	var caps []int
	for i := 0; b.Loop(); i++ {
		text := texts[i%len(texts)]
		caps, _, _ = res[i/len(texts)%len(res)].SearchWith(&s, caps, text, 0, len(text))
	}
}

// BenchmarkCompile is what a pattern costs at start.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		re, err := Compile(benchmarks[1].pattern, 0)
		if err != nil {
			b.Fatal(err)
		}
		re.program()
	}
}

// BenchmarkHostile is a line of 64 KiB on which a plain backtracking engine
// would take for ever.
func BenchmarkHostile(b *testing.B) {
	re, err := Compile(`^Disconnected(?:: (?:\w+\([^)]*\) \w+|[^(]+))* \((?:no auth|tried)`, 0)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte("Disconnected" + strings.Repeat(": a", 64<<10/3) + "\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		re.Search(nil, text, 0, len(text))
	}
}

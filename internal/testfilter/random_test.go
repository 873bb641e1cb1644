package testfilter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// randomCase is a run of fail2ban-regex on a log and a filter made at random.
type randomCase struct {
	Args []string `json:"args"` // LOG and FILTER stand for the files
	Log  []byte   `json:"log"`
	Conf string   `json:"conf"`
	TZ   string   `json:"tz"`
	Now  int64    `json:"now"`
}

// maker makes cases from a seed.
type maker struct {
	*rand.Rand
	events []event
	dates  []string // layouts of the log
}

// event is a kind of message: pieces that lines and regexes are made of.
type event []piece

type piece struct {
	kind string // word, user, addr, host, session, number, rest
	text string // of a word
}

func (m *maker) one(list ...string) string { return list[m.IntN(len(list))] }

// odds is true in one of n cases.
func (m *maker) odds(n int) bool { return m.IntN(n) == 0 }

var eventWords = strings.Fields(`Failed failed login for from user connect disconnected closed by host [client] error: (locked)
	rhost= <bad> "GET /x" password; Zürich -- a.b* warning preauth %`)

func (m *maker) event() event {
	var e event
	if m.odds(3) {
		e = append(e, piece{"session", ""})
	}
	for range 1 + m.IntN(3) {
		e = append(e, piece{"word", eventWords[m.IntN(len(eventWords))]})
		if m.odds(2) {
			e = append(e, piece{m.one("user", "user", "number", "rest"), ""})
		}
	}
	if !m.odds(5) {
		e = append(e, piece{m.one("addr", "addr", "addr", "host", "net"), ""})
	}
	for m.odds(3) {
		e = append(e, piece{m.one("word", "number", "user"), eventWords[m.IntN(len(eventWords))]})
	}
	return e
}

// value is what stands in a line for a piece.
func (m *maker) value(p piece) string {
	switch p.kind {
	case "session":
		return "[" + m.one("7", "8", "12") + "]"
	case "user":
		return m.one("bob", "amy", "root", "", "x from 198.51.100.66", "Müller", "a'b", `a"b\n`, "İ", "bob\x00", "a b", "日本", "\x1b[2K", "<HOST>", "u@h.example", "#x")
	case "number":
		return m.one("1", "22", "0", "65535", "-1", "٣")
	case "rest":
		return m.one("no such user", "", "bad", "timeout after 3 s", "12:00:00", "2026-11-20 01:02:03", "1795348800", strings.Repeat("ab ", 400))
	case "addr":
		return m.one("1.2.3.4", "1.2.3.5", "192.0.2.1", "2001:db8::1", "2001:DB8:0:0::1", "::1", "::", "::ffff:1.2.3.4", "[2001:db8::2]", "999.1.1.1", "01.2.3.4", "1.2.3.4:22",
			"::ffff:102:304", "fe80::1%eth0", "1.2.3", "1:2:3:4:5:6:7:8", "12::")
	case "net":
		return m.one("1.2.3.4/24", "2001:db8::5/64", "1.2.3.4/0", "1.2.3.4/33", "10.0.0.0/8", "1.2.3.4")
	case "host":
		return m.one("localhost", "mail.example", "four.example", "nosuch.example", "1.2.3.4", "2001:db8::9", "a_b.example", "xn--zrich-kva.example", "mail.example.")
	}
	return p.text
}

// line is an event with values.
func (m *maker) line(e event) string {
	var words []string
	for _, p := range e {
		words = append(words, m.value(p))
	}
	return strings.Join(words, " ")
}

// regex is one that fits lines of an event, or nearly so.
func (m *maker) regex(e event, tags bool) string {
	used := map[string]bool{}
	var sb strings.Builder
	sb.WriteString(m.one("^", "^", "^", "", `^\s*`, `^.*`, `^\S*\s*`, "^[^:]*", `\b`, "(?i)^"))
	if m.odds(2) {
		sb.WriteString(m.one(" ", `\s`, `\s*`))
	}
	for i, p := range e {
		if i > 0 {
			sb.WriteString(m.one(" ", " ", " ", `\s`, `\s+`, `\s*`, " ?", "[ ]"))
		}
		if m.odds(25) {
			sb.WriteString(m.one(`.*`, `.*?`, `\S+ `, `(?:x|y)?`, `\w+`, `(?=.)`))
		}
		sb.WriteString(m.part(p, used, tags))
	}
	sb.WriteString(m.one("$", "$", "$", "", `\s*$`, `.*$`, `\b`, ` ?(?:\[preauth\])?$`, `\Z`))
	if tags && !used["id"] && !m.odds(20) {
		return m.one(`<F-ID>\w+</F-ID>`, `<F-ID/>`, `<HOST>`, `<ADDR>`, `<F-ID>[^ ]*</F-ID>`) + m.one(".*", " ") + sb.String()
	}
	return sb.String()
}

// part is the piece of a regex for a piece of a line.
func (m *maker) part(p piece, used map[string]bool, tags bool) string {
	name := func(key string, forms ...string) string {
		if !tags || used[key] && !m.odds(40) {
			return m.one(`\S+`, `\S*`, `.*`, `[^ ]+`)
		}
		used[key] = true
		if key == "addr" {
			used["id"] = true
		}
		return m.one(forms...)
	}
	switch p.kind {
	case "session":
		used["id"] = used["id"] || tags
		return name("mlfid", `\[<F-MLFID>\d+</F-MLFID>\]`, `<F-MLFID>\S+</F-MLFID>`, `\[<F-MLFID>[^]]*</F-MLFID>\]`)
	case "user":
		return name("user", `<F-USER>\S*</F-USER>`, `<F-USER>.*</F-USER>`, `<F-USER>[^"]*?</F-USER>`, `(?P<user>\w+)`, `(?:<F-USER>\w+</F-USER>|<F-ALT_USER_1>.*</F-ALT_USER_1>)`,
			`"?<F-USER>\S*</F-USER>"?`, `<F-TUPLE_ID>\S*</F-TUPLE_ID>`, `<F-ALT_USER>\S*</F-ALT_USER>`)
	case "number":
		return name("port", `<F-PORT/>`, `<F-PORT>\d+</F-PORT>`, `\d+`, `<F-N-1>-?\d*</F-N-1>`, `(?:<F-PORT>\d+</F-PORT>)?`)
	case "rest":
		return m.one(`.*`, `.*?`, `[^:]*`, `(?:\S+ )*\S*`, `<F-REASON>.*</F-REASON>`)
	case "addr":
		return name("addr", `<HOST>`, `<HOST>`, `<HOST>`, `<ADDR>`, `<ADDR>`, `<IP4>`, `<IP6>`, `<F-IP4/>`, `<F-ADDR/>`, `<SUBNET>`, `<F-ID>\S+</F-ID>`, `<F-ID/>`, `<DNS>`, `(?:<IP4>|<IP6>)`,
			`<F-ID><ADDR></F-ID>`, `<ADDR>(?::<F-PORT>\d+</F-PORT>)?`, `<F-ID>x?</F-ID><ADDR>`)
	case "net":
		return name("addr", `<SUBNET>`, `<F-SUBNET/>`, `<IP4>/<CIDR>`, `<ADDR>(?:/<CIDR>)?`, `<F-ID>\S+</F-ID>`, `<HOST>\S*`)
	case "host":
		return name("addr", `<HOST>`, `<DNS>`, `<F-DNS/>`, `(?:<DNS>|<ADDR>)`, `<HOST>\.?`, `<F-ID/>`)
	}
	return m.word(p.text, tags, used)
}

func (m *maker) word(text string, tags bool, used map[string]bool) string {
	quoted := strings.NewReplacer(`(`, `\(`, `)`, `\)`, `[`, `\[`, `]`, `\]`, `.`, `\.`, `*`, `\*`, `"`, `"`, `%`, `%%`).Replace(text)
	switch m.IntN(16) {
	case 0:
		return "(?:" + quoted + "|nothing)"
	case 1:
		return `\S+`
	case 2:
		return "(?i:" + strings.ToUpper(quoted) + ")"
	case 3:
		return "(?:" + quoted + ")?"
	case 4, 5, 6:
		if tags && used["mlfid"] {
			tag := m.one("F-NOFAIL", "F-NOFAIL", "F-MLFFORGET", "F-MLFGAINED")
			if !used[tag] {
				used[tag] = true
				return "<" + tag + ">" + quoted + "</" + tag + ">"
			}
		}
	}
	return quoted
}

// dateForms are layouts of dates with datepatterns that read them.
var dateForms = []struct{ layout, pattern string }{
	{"2006-01-02 15:04:05", `%%Y-%%m-%%d %%H:%%M:%%S`},
	{"2006-01-02T15:04:05.000-07:00", `%%Y-%%m-%%dT%%H:%%M:%%S(?:\.%%f)?%%z`},
	{"2006/01/02 15:04:05,000", `{^LN-BEG}%%ExY(?P<_sep>[-/.])%%m(?P=_sep)%%d %%H:%%M:%%S`},
	{"Jan _2 15:04:05", `{^LN-BEG}%%b %%d %%H:%%M:%%S`},
	{"Mon Jan 02 15:04:05.000 2006", `%%a %%b %%d %%H:%%M:%%S(?:\.%%f)? %%Y`},
	{"02/Jan/2006:15:04:05 -0700", `\[%%d/%%b/%%Y:%%H:%%M:%%S %%z\]`},
	{"[02/Jan/2006:15:04:05 -0700]", `^\[(%%d/%%b/%%Y:%%H:%%M:%%S %%z)\]`},
	{"01/02/2006:15:04:05", `%%m/%%d/%%Y:%%H:%%M:%%S`},
	{"01-02-2006 15:04:05.000", `%%m-%%d-%%ExY %%k:%%M:%%S`},
	{"EPOCH", `{^LN-BEG}EPOCH`},
	{"EPOCH", `EPOCH`},
	{"EPOCH", `{^LN-BEG}LEPOCH`},
	{"t=EPOCH", `t={EPOCH}`},
	{"t=EPOCH", `t=({LEPOCH})`},
	{"[EPOCH]", `^\[{EPOCH}\]`},
	{"EPOCH.123", `^{EPOCH}`},
	{"EPOCH123", `LEPOCH`},
	{"audit(EPOCH.123:45)", `EPOCH`},
	{"15:04:05", `{^LN-BEG}%%H:%%M:%%S`},
	{"<01/02/06@15:04:05>", `^<%%m/%%d/%%Exy@%%H:%%M:%%S>`},
	{"060102 15:04:05", `%%Exy%%Exm%%Exd  ?%%H:%%M:%%S`},
	{"Jan 02, 2006 03:04:05 PM", `%%b %%d, %%Y %%I:%%M:%%S %%p`},
	{"Jan-02-06 15:04:05", `^%%b-%%d-%%Exy %%k:%%M:%%S`},
	{"20060102T150405", `%%ExY%%Exm%%ExdT%%ExH%%ExM%%ExS`},
	{"20060102-15:04:05", `%%Y%%m%%d-%%H:%%M:%%S`},
	{"CEST Jan 02 15:04:05", `%%Z %%b %%d %%H:%%M:%%S`},
	{"2006-01-02 15:04:05 CET", `%%Y-%%m-%%d %%H:%%M:%%S %%Z`},
	{"2006-01-02 15:04:05 +0300", `%%Y-%%m-%%d %%H:%%M:%%S(?: %%Exz)?`},
	{"-07:00 Jan 02 15:04:05", `%%Exz %%b %%d %%H:%%M:%%S`},
	{"TAI64N", `TAI64N`},
	{"TAI64N", `{^LN-BEG}TAI64N`},
	{"2006 002 15:04", `%%Y %%j %%H:%%M`},
	{"02.01.2006 15:04:05", `%%d\.%%m\.%%Y %%H:%%M:%%S`},
	{"2.1.06 15:04", `^%%d\.%%m\.%%y %%H:%%M`},
	{"Monday 02 January 2006 15:04:05", `%%A %%d %%B %%Y %%H:%%M:%%S`},
	{"host 2006-01-02 15:04:05", `^\S+ %%Y-%%m-%%d %%H:%%M:%%S`},
	{"date=2006-01-02 time=15:04:05", `date=%%Y-%%m-%%d time=%%H:%%M:%%S`},
	{"x2006-01-02 15:04:05x", `**%%Y-%%m-%%d %%H:%%M:%%S**`},
	{"2006-01-02 15:04:05", `{UNB}%%Y-%%m-%%d %%H:%%M:%%S`},
	{"(2006-01-02 15:04:05)", `\({DATE}\)`},
	{"<2006-01-02 15:04:05>", `^<{DATE}>`},
	{"", `{NONE}`},
	{"2006-01-02 15:04:05", `{DEFAULT}`},
	{"2006-01-02 15:04:05", `{^LN-BEG}`},
	{"2006-01-02", `%%Y-%%m-%%d`},
	{"2006-01 15:04:05", `%%Y-%%m %%H:%%M:%%S`},
	{"15h04", `%%Hh%%M`},
	{"2006-01-02 15:04:05", `(?i)%%Y-%%m-%%d( %%H:%%M:%%S)?`},
}

// moment is a time of a log: mostly near now.
func (m *maker) moment(now int64) time.Time {
	off := int64(m.IntN(1200)) - 1100
	switch m.IntN(12) {
	case 0:
		off = int64(m.IntN(800*86400)) - 600*86400
	case 1:
		off = int64(m.IntN(4*86400)) - 2*86400
	case 2: // around the change of the clocks
		off = 1774746000 + int64(m.IntN(10800)) - now
	case 3:
		off = 1792893600 + int64(m.IntN(10800)) - now
	}
	return time.Unix(now+off, int64(m.IntN(1000))*1e6).UTC()
}

// stamp writes a moment in a layout.
func (m *maker) stamp(layout string, now int64) string {
	at := m.moment(now)
	unix := at.Unix()
	if m.odds(25) { // no date of any calendar
		return m.one("2005-02-30 00:00:00", "2026-02-29 10:00:00", "2026-11-22 23:59:60", "Feb 29 10:00:00", "Feb 30 10:00:00", "2026-13-01 00:00:00", "31/Nov/2026:10:00:00 +0000",
			"Nov 22 24:00:00", "2026-11-22 12:00:61", "2026-11-22T11:59:59.123456789Z", "1999-01-01 00:00:00", "2031-01-01 00:00:00", "0000-00-00 00:00:00")
	}
	text := strings.ReplaceAll(layout, "EPOCH", "\x01")
	text = strings.ReplaceAll(text, "TAI64N", "\x02")
	text = at.Format(text)
	text = strings.ReplaceAll(text, "\x01", fmt.Sprint(unix))
	return strings.ReplaceAll(text, "\x02", fmt.Sprintf("@%024x", uint64(unix)<<32|0x400000000000000)) // seconds and nothing else
}

func (m *maker) conf() string {
	var sb strings.Builder
	sb.WriteString("[Definition]\n")
	field := func(name, value string) {
		fmt.Fprintf(&sb, "%s = %s\n", name, strings.ReplaceAll(value, "\n", "\n  "))
	}
	content := m.odds(4)
	if content {
		field("prefregex", m.one(`^\s*<F-CONTENT>.+</F-CONTENT>$`, `^.*?\] <F-CONTENT>.*</F-CONTENT>$`, `^\s*(?:\[<F-MLFID>\d+</F-MLFID>\])?\s*<F-CONTENT>.*</F-CONTENT>$`,
			`^<F-USER>\s?\S+</F-USER> <F-CONTENT>.+</F-CONTENT>`, `<F-CONTENT>[Ff]ailed.+</F-CONTENT>`, `^\s*\S+ (?:<F-X>x</F-X>)?<F-CONTENT>.*</F-CONTENT>$`, `<ADDR>`, `^(?P<note>.{0,5})`))
	}
	var fail, ignore []string
	for range 1 + m.IntN(5) {
		fail = append(fail, m.regex(m.events[m.IntN(len(m.events))], true))
	}
	multi := m.odds(5)
	if multi {
		a, b := m.events[0], m.events[m.IntN(len(m.events))]
		fail = append(fail, strings.TrimRight(m.regex(a, false), "$")+m.one("<SKIPLINES>", "<SKIPLINES>", `\n`)+m.one(".*", "^.*", "")+strings.TrimLeft(m.regex(b, true), "^"))
	}
	field("failregex", strings.Join(fail, "\n"))
	for m.odds(3) {
		ignore = append(ignore, m.regex(m.events[m.IntN(len(m.events))], false))
	}
	field("ignoreregex", strings.Join(ignore, "\n"))
	if multi || m.odds(20) {
		field("maxlines", m.one("1", "2", "3", "5", "10"))
	}
	if m.odds(2) {
		var patterns []string
		for len(patterns) == 0 || m.odds(4) {
			patterns = append(patterns, dateForms[m.IntN(len(dateForms))].pattern)
		}
		if m.odds(3) {
			i := m.IntN(len(dateForms))
			patterns[0] = dateForms[i].pattern
			m.dates = []string{dateForms[i].layout}
		}
		field("datepattern", strings.Join(patterns, "\n"))
	}
	return sb.String()
}

func (m *maker) logText(now int64) string {
	var sb strings.Builder
	for range m.IntN(30) {
		switch m.IntN(24) {
		case 0:
			sb.WriteString(m.one("", "# 2026-11-22 12:00:00 a comment", " ", "\t", "#", "\r", " # indented", "\x00", strings.Repeat("x", 5000), "no date, from 1.2.3.4"))
		case 1: // a date elsewhere
			sb.WriteString(m.line(m.events[m.IntN(len(m.events))]) + " " + m.stamp(m.dates[0], now))
		case 2: // none
			sb.WriteString(m.line(m.events[m.IntN(len(m.events))]))
		default:
			layout := m.dates[0]
			if m.odds(8) {
				layout = m.dates[m.IntN(len(m.dates))]
			}
			sb.WriteString(m.one("", "", "", "", "", "", " ", "[", "\ufeff") + m.stamp(layout, now))
			sb.WriteString(m.one(" ", " ", " ", " ", "", "  ", ": ", "] "))
			sb.WriteString(m.line(m.events[m.IntN(len(m.events))]))
		}
		sb.WriteString(m.one("\n", "\n", "\n", "\n", "\n", "\n", "\n", "\r\n", " \n", "\r\r\n"))
	}
	if m.odds(10) {
		sb.WriteString("unfinished " + m.line(m.events[0]))
	}
	return sb.String()
}

// options are those of the command line; many is set where a list is long.
func (m *maker) options() (args []string, encoding string) {
	add := func(n int, words ...string) {
		if m.odds(n) {
			args = append(args, words...)
		}
	}
	add(6, "-v")
	add(15, "-vv")
	add(12, "--VD")
	add(12, "-D")
	add(6, "--no-check-all")
	add(5, "--print-all-matched")
	add(8, "--print-all-missed")
	add(10, "--print-all-ignored")
	add(15, "--print-no-missed")
	add(15, "--print-no-ignored")
	add(8, "-r")
	add(4, "--usedns", m.one("yes", "no", "warn", "raw", "maybe"))
	add(8, "-L", m.one("1", "2", "3", "7"))
	add(8, "--timezone", m.one("UTC", "CET", "UTC+0200", "EST", "+01:00", "Z", "A", "XYZ", "MSK-3", "-0330"))
	add(8, "-d", strings.ReplaceAll(dateForms[m.IntN(len(dateForms))].pattern, "%%", "%"))
	add(3, "-o", m.one("id", "ip", "fid", "host", "row", "msg", "user", "users", "mlfid", "matches", "ip4", "dns", "nosuch", "<ip> <time> <F-USER>", "Jail, <ip> <fid> <F-ID>|<msg>",
		"<family> <ip-rev> <failures> <bancount> <restored>", "<F-*>", "<matches><br><sp>x", "<F-PORT>:<F-MLFID> <HOST> <nosuch>", "<ip>\n<msg>"))
	encoding = m.one("", "", "", "", "", "utf-8", "latin-1", "utf-16-be", "utf-16-le", "ascii", "cp1252", "UTF8", "iso-8859-15")
	if encoding != "" {
		args = append(args, "-e", encoding)
	}
	return args, encoding
}

// encode writes text in an encoding, in which it may be broken.
func (m *maker) encode(text, encoding string) []byte {
	switch encoding {
	case "utf-16-le", "utf-16-be": // behind other line ends and blank lines fail2ban loses its place
		var out []byte
		text = strings.ReplaceAll(text, "\r", "")
		for strings.Contains(text, "\n\n") {
			text = strings.ReplaceAll(text, "\n\n", "\n")
		}
		for _, u := range utf16.Encode([]rune(text)) {
			if encoding == "utf-16-le" {
				out = append(out, byte(u), byte(u>>8))
			} else {
				out = append(out, byte(u>>8), byte(u))
			}
		}
		return out
	case "latin-1", "cp1252", "iso-8859-15":
		var out []byte
		for _, r := range text {
			out = append(out, byte(r))
		}
		return out
	}
	data := []byte(text)
	for i := range data {
		if m.odds(4000) && data[i] != '\n' {
			data[i] = m.one("\xff", "\xc3", "\x80", "\xe2", "\x00", "\xed")[0]
		}
	}
	return data
}

// makeCase makes the case of a seed.
func makeCase(seed uint64) randomCase {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 4))}
	for range 1 + m.IntN(4) {
		m.events = append(m.events, m.event())
	}
	m.dates = []string{dateForms[m.IntN(len(dateForms))].layout, "2006-01-02 15:04:05", "Jan _2 15:04:05", "2006-01-02T15:04:05Z07:00", "15:04:05"}
	if m.odds(3) {
		m.dates[0] = m.dates[1]
	}
	c := randomCase{TZ: m.one("UTC", "UTC", "Europe/Zurich", "America/New_York", "Asia/Kolkata"), Now: 1795348800}
	if m.odds(3) {
		c.Now += int64(m.IntN(230*86400)) - 200*86400
	}
	c.Conf = m.conf()
	args, encoding := m.options()
	c.Log = m.encode(m.logText(c.Now), encoding)
	c.Args = slices.Concat(args, []string{"LOG", "FILTER"})
	third, line := m.odds(12), m.odds(12)
	switch {
	case third:
		c.Args = append(c.Args, m.regex(m.events[0], false))
	case line: // a regex in the place of the filter
		c.Args[len(c.Args)-1] = m.regex(m.events[0], true)
	}
	if m.odds(15) {
		c.Args[len(args)] = strings.TrimSuffix(strings.ReplaceAll(m.logText(c.Now), "\x00", ""), "\n")
	}
	return c
}

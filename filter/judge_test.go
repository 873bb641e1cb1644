package filter_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"f2b-go/filter"
)

const day = "2026-11-22 11:59:"

// sessionRegexes are a filter with sessions: connect, fail, ok, closed.
var sessionRegexes = []string{
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-NOFAIL>connect</F-NOFAIL> from <HOST>$`,
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] fail <F-USER>\w+</F-USER>$`,
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] fail <F-USER>\w+</F-USER> from <HOST>$`,
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-MLFGAINED>ok</F-MLFGAINED> <F-USER>\w+</F-USER>$`,
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-MLFFORGET>closed</F-MLFFORGET>(?: by <HOST>)?$`,
	`^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-MLFFORGET><F-NOFAIL>quit</F-NOFAIL></F-MLFFORGET>$`,
}

// cases are filters with lines; the tests judge them as fail2ban does.
func cases() map[string]setup {
	addr := "from <HOST>"
	return map[string]setup{
		"2.2.1 date cut, blanks stay": {Fail: []string{`^from <HOST>`}, Lines: []string{day + "50 from 1.2.3.4", "from 1.2.3.4"}},
		"2.2.1 blank before":          {Fail: []string{`^\s*from <HOST>`}, Lines: []string{day + "50 from 1.2.3.4"}},
		"2.2.4 line end":              {Fail: []string{`from <HOST>\s$`, `from <HOST>\n`}, CheckAll: true, Lines: []string{day + "50 from 1.2.3.4"}},
		"2.2.5 few regexes, ignore sees content": {Pref: `^ p <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail ` + addr},
			Ignore: []string{`^\s*p fail`}, Lines: []string{day + "50 p fail from 1.2.3.4"}},
		"2.2.5 many regexes, ignore sees line": {Pref: `^ p <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail ` + addr, `^b ` + addr, `^c ` + addr, `^d ` + addr},
			Ignore: []string{`^\s*p fail`}, Lines: []string{day + "50 p fail from 1.2.3.4", day + "50 p b from 1.2.3.4"}},
		"2.2.7 first match wins": {Fail: []string{`a .*` + addr, `b .*` + addr}, Lines: []string{day + "50 a b from 1.2.3.4"}},
		"2.2.7 all are tried":    {CheckAll: true, Fail: []string{`a .*` + addr, `b .*` + addr}, Lines: []string{day + "50 a b from 1.2.3.4"}},
		"2.2.8 ignored match ends the line": {Fail: []string{`a .*` + addr, `b .*` + addr}, Ignore: []string{`a`},
			Lines: []string{day + "50 a b from 1.2.3.4", day + "51 b from 1.2.3.4"}},
		"2.2.8 ignored match with all tried": {CheckAll: true, Fail: []string{`a .*` + addr, `b .*` + addr}, Ignore: []string{`a`},
			Lines: []string{day + "50 a b from 1.2.3.4", day + "51 b from 1.2.3.4"}},
		"2.2.9 groups of the prefregex": {Pref: `^ <F-HOSTNAME>\S+</F-HOSTNAME> <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail <F-USER>\w+</F-USER> ` + addr},
			Lines: []string{day + "50 srv fail bob from 1.2.3.4", day + "51 srv other"}},
		"2.1.6 alternatives": {Fail: []string{`^ (?:<F-USER>u\w+</F-USER>|<F-ALT_USER>v\w+</F-ALT_USER>|<F-ALT_USER_1>w\w+</F-ALT_USER_1>|<F-ALT_USER1>x\w+</F-ALT_USER1>) ` + addr},
			Lines: []string{day + "50 ua from 1.2.3.4", day + "50 va from 1.2.3.4", day + "50 wa from 1.2.3.4", day + "50 xa from 1.2.3.4"}},
		"2.1.7 tuples": {Fail: []string{`^ <F-ID>\w</F-ID><F-TUPLE_ID>\w</F-TUPLE_ID>(?:<F-TUPLE_ID_2>\w</F-TUPLE_ID_2>)?$`},
			Lines: []string{day + "50 abc", day + "50 ab"}},
		"2.3.1 order of candidates": {Fail: []string{`^ (?:<F-ID>id\w+</F-ID> )?<HOST>$`}, Raw: true,
			Lines: []string{day + "50 1.2.3.4", day + "50 2001:DB8::1", day + "50 some.host", day + "50 idx 1.2.3.4", day + "50 idx ::1", day + "50 idx some.host"}},
		"2.3.1 no candidate": {Fail: []string{`^ fail(?: from <ADDR>)?$`, `^ (?:<F-MLFID>x</F-MLFID> )?fail`}, Lines: []string{day + "50 fail from 1.2.3.4", day + "51 fail",
			day + "52 x fail", "fail", day + "53 fail from 1.2.3.5"}},
		"2.3.1 no candidate behind a prefregex": {Pref: `^ p <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail(?: from <HOST>)?$`}, CheckAll: true,
			Lines: []string{day + "50 p fail", day + "51 p fail from 1.2.3.5"}},
		"2.3.2 networks": {Fail: []string{`from <SUBNET>$`}, Lines: []string{day + "50 from 1.2.3.4/24", day + "50 from 1.2.3.4/0", day + "50 from 1.2.3.4/33",
			day + "50 from ::ffff:102:304", day + "50 from ::ffff:1.2.3.4", day + "50 from [2001:db8::1/64]"}},
		"2.3.3 no address": {Fail: []string{`from <HOST>$`}, Lines: []string{day + "50 from 999.1.1.1", day + "50 from 01.2.3.4"}},
		"2.3.4 failure ID": {Fail: []string{`user <F-ID>\S+</F-ID> from <ADDR>$`}, Lines: []string{day + "50 user bob from 1.2.3.4",
			day + "50 user 1.2.3.4 from 1.2.3.4", day + "50 user 10.0.0.0/8 from 1.2.3.4", day + "50 user [::1] from 1.2.3.4"}},
		"2.3.5 usedns no, explicit DNS": {UseDNS: "no", Fail: []string{`from <DNS>$`}, Lines: []string{day + "50 from 1.2.3.4", day + "50 from localhost"}},
		"2.3.5 usedns raw": {UseDNS: "raw", Fail: []string{`^ (?:<F-ID>id\w+</F-ID> )?<HOST>$`}, Lines: []string{day + "50 localhost", day + "50 idx localhost",
			day + "50 1.2.3.4", day + "50 idx 1.2.3.4"}},
		"2.3.7 failure ID alone": {Fail: []string{`user <F-ID/>$`}, Lines: []string{day + "50 user bob", day + "50 user [::1]", day + "50 user 1.2.3.0/24",
			day + "50 user 1.2.3.4/24"}},
		"2.4.12 date in the message": {Fail: []string{`from <HOST>$`}, Lines: []string{"no date here but 2026-11-20 01:02:03 from 1.1.1.2", "and none from 1.1.1.3"}},
		"2.5.8 impossible date":      {Fail: []string{`from <HOST>$`}, Lines: []string{"2026-02-30 10:00:00 from 1.2.3.4", day + "30 from 1.2.3.4", "2026-02-30 10:00:00 from 1.2.3.4"}},
		"2.6.1 empty date":           {Pattern: "{NONE}", Fail: []string{`from <HOST>$`}, Lines: []string{"a from 1.2.3.4", "b from 1.2.3.5"}},
		"2.6.1 last date is reused":  {Fail: []string{`from <HOST>$`}, Lines: []string{"x from 1.2.3.4", day + "30 a", "x from 1.2.3.4", "2026-11-22 11:00:00 a", "x from 1.2.3.4"}},
		"2.7.1 several lines": {MaxLines: 4, Fail: []string{`^.*fail (?P<sess>\d)<SKIPLINES>.*host (?P=sess) <HOST>$`}, Lines: []string{
			day + "50 fail 1", day + "51 other", day + "52 host 1 1.2.3.4", day + "53 host 1 1.2.3.4", day + "54 fail 2", day + "55 x", day + "55 y", day + "55 z", day + "56 host 2 1.2.3.4"}},
		"2.7.1 several lines, ignored": {MaxLines: 3, Ignore: []string{`fail 1`}, Fail: []string{`^.*fail (?P<sess>\d)<SKIPLINES>.*host (?P=sess) <HOST>$`}, Lines: []string{
			day + "50 fail 1", day + "51 other", day + "52 host 1 1.2.3.4", day + "53 fail 2", day + "54 host 2 1.2.3.4"}},
		"2.7.1 several lines, all tried": {MaxLines: 3, CheckAll: true, Fail: []string{`^.*fail \d\n.*host \d <HOST>$`, `host \d <HOST>$`, `^ y`, `<HOST>`}[:2], Lines: []string{
			day + "50 fail 1", day + "52 host 1 1.2.3.4", day + "53 fail 2", day + "54 host 2 1.2.3.4"}},
		"2.7.1 prefregex over lines": {MaxLines: 3, Pref: `fail <F-CONTENT>(?s:.+)</F-CONTENT>$`, Fail: []string{`host \d <HOST>$`}, Lines: []string{
			day + "50 fail 1", day + "52 host 1 1.2.3.4", day + "53 fail 2", day + "54 host 2 1.2.3.4"}},
		"2.7.3 pending":                {Fail: sessionRegexes, Lines: []string{day + "10 [1] fail bob", day + "11 [1] fail bob", day + "12 [1] connect from 1.2.3.4", day + "13 [1] fail bob"}},
		"2.7.4 nofail without session": {Fail: []string{`^ <F-NOFAIL>x</F-NOFAIL> <HOST>$`}, Lines: []string{day + "10 x 1.2.3.4", day + "11 x 1.2.3.4"}},
		"2.7.6 gained, second user, forget": {Fail: sessionRegexes, Lines: []string{day + "10 [1] connect from 1.2.3.4", day + "11 [1] fail bob", day + "12 [1] ok bob",
			day + "13 [1] ok amy", day + "14 [2] connect from 1.2.3.5", day + "15 [2] closed", day + "16 [2] fail bob"}},
		"2.7.7 forget as first line": {Fail: sessionRegexes, Lines: []string{day + "10 [1] closed by 1.2.3.4", day + "11 [1] fail bob", day + "12 [1] quit", day + "13 [1] fail bob from 1.2.3.4"}},
	}
}

func TestJudgeAsFail2ban(t *testing.T) { compare(t, cases()) }

// TestSessionsAsFail2ban judges long random sequences of the events of three
// sessions.
func TestSessionsAsFail2ban(t *testing.T) { compare(t, sequences()) }

func sequences() map[string]setup {
	r := rand.New(rand.NewPCG(7, 7))
	setups := map[string]setup{}
	for n := range 40 {
		s := setup{Fail: sessionRegexes, CheckAll: n%4 == 1, Pending: n%4 == 2}
		if n%4 == 3 {
			s.Fail = slices.Clone(s.Fail)
			for i, re := range s.Fail {
				s.Fail[i] = strings.Replace(re, `^\s*\[<F-MLFID>\d+</F-MLFID>\] `, `^`, 1)
			}
			s.Pref = `^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-CONTENT>.+</F-CONTENT>$`
		}
		for i := range 60 {
			events := []string{
				fmt.Sprintf("connect from 192.0.2.%d", r.IntN(3)), "fail bob", "fail amy", "fail bob from 192.0.2.9",
				"ok bob", "ok amy", "closed", "closed by 192.0.2.8", "quit", "noise",
			}
			s.Lines = append(s.Lines, fmt.Sprintf("2026-11-22 11:%02d:%02d [%d] %s", 50+i/60, i%60, r.IntN(3), events[r.IntN(len(events))]))
		}
		setups[fmt.Sprintf("sequence %d", n)] = s
	}
	return setups
}

// TestPrefGroupsStay is where 1.1.1 differs from 1.0.2, which the tests beside
// fail2ban run: a group of the failregex that took no part does not hide the
// prefregex's.
func TestPrefGroupsStay_2_2_9(t *testing.T) {
	got := verdicts(t, setup{
		Pref: `^ <F-USER>\S+</F-USER> <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail (?:<F-USER>\w+</F-USER> )?<ADDR>`},
		Lines: []string{day + "50 u0 fail 1.2.3.4", day + "50 u0 fail amy 1.2.3.4"},
	}, filter.Env{})
	for i, want := range []string{"user='u0'", "user='amy'"} {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d: %s, want %s", i+1, got[i], want)
		}
	}
}

// TestEmptyGroupsStay is a prefregex without groups of its own: as without one,
// the groups that took no part are data, too.
func TestEmptyGroupsStay_2_2_9(t *testing.T) {
	f := newFilter(t, setup{Pref: `^ <F-CONTENT>.+</F-CONTENT>$`, Fail: []string{`^fail (?:<F-USER>\w+</F-USER> )?<ADDR>`}}, filter.Env{})
	found, _ := f.Judge(filter.Line{Text: []byte(day + "50 fail 1.2.3.4")}, filter.Mode{})
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	if user, ok := found[0].Fields.Get("user"); !ok || user.Kind != filter.None {
		t.Errorf("user is %v", user)
	}
}

// TestBareColons is the other difference to 1.0.2.
func TestBareColons_9_3(t *testing.T) {
	got := verdicts(t, setup{Fail: []string{`from <ADDR>$`}, Lines: []string{day + "50 from ::"}}, filter.Env{})
	if !strings.HasPrefix(got[0], "1 :: ") {
		t.Errorf("from :: gives %q", got[0])
	}
}

func TestCarriageReturnsAndBrokenLines_2_8_3(t *testing.T) {
	f := newFilter(t, setup{Fail: []string{`a\rb from <HOST>$`}}, filter.Env{})
	found, _ := f.Judge(filter.Line{Text: []byte(day + "50 a\rb from 1.2.3.4\r\r\n")}, filter.Mode{})
	if len(found) != 1 || found[0].ID.String() != "1.2.3.4" {
		t.Errorf("found %v", found)
	}
}

func TestJournalLine_2_9_2(t *testing.T) {
	f := newFilter(t, setup{Fail: []string{`^srv sshd\[1\]: fail <HOST>$`}}, filter.Env{})
	found, v := f.Judge(filter.Line{Text: []byte("srv sshd[1]: fail 1.2.3.4"), Date: "2026-11-22T12:00:00 ", Time: 1234.5, HasTime: true}, filter.Mode{})
	if len(found) != 1 || found[0].Time != 1234.5 || v.Template != "" {
		t.Fatalf("found %v, verdict %+v", found, v)
	}
	if got := found[0].Matches[0].String(); got != "2026-11-22T12:00:00 srv sshd[1]: fail 1.2.3.4" {
		t.Errorf("matched line %q", got)
	}
}

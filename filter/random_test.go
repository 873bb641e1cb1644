package filter_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// piece is a part of a failregex, and how to write a text that it matches.
type piece struct {
	regex string
	text  func(r *rand.Rand) string
}

var words = []string{"Failed", "login", "error", "denied:", "x", "user", "auth", "No such file", "404", "é", "[notice]", "rejected", "sshd", "ab", "a"}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func word(r *rand.Rand) piece {
	w := pick(r, words...)
	return piece{regexp.QuoteMeta(w), func(*rand.Rand) string { return w }}
}

func digits(r *rand.Rand) string { return strconv.Itoa(r.IntN(3000)) }

func address(r *rand.Rand) string {
	return pick(r, "192.0.2."+strconv.Itoa(r.IntN(200)), "192.0.2.7", "2001:db8::"+strconv.Itoa(1+r.IntN(99)), "::ffff:192.0.2.9", "host.example.org", "192.0.2")
}

// randomPiece is a piece of any kind without an ID.
func randomPiece(r *rand.Rand) piece {
	a, b := word(r), word(r)
	switch r.IntN(12) {
	case 0:
		return piece{"(?:" + a.regex + "|" + b.regex + ")", func(r *rand.Rand) string { return pick(r, a, b).text(r) }}
	case 1:
		return piece{"(?:" + a.regex + " )?" + b.regex, func(r *rand.Rand) string { return pick(r, a.text(r)+" ", "") + b.text(r) }}
	case 2:
		return piece{`\d+`, digits}
	case 3:
		return piece{`<F-USER>\S+</F-USER>`, func(r *rand.Rand) string { return pick(r, "root", "bob", "x", "%$") }}
	case 4:
		return piece{".*", func(r *rand.Rand) string { return pick(r, "", "some text", "404 [x] 12:00:00") }}
	case 5:
		return piece{"(?i:" + a.regex + ")", func(r *rand.Rand) string { return pick(r, a.text(r), strings.ToUpper(a.text(r))) }}
	case 6:
		return piece{`<F-ALT_USER>[^']+</F-ALT_USER>`, func(r *rand.Rand) string { return pick(r, "eve", "a b") }}
	}
	return a
}

// randomRegex is a failregex with an ID and maybe tags that sessions go by.
func randomRegex(r *rand.Rand, mlfid bool) piece {
	var parts []piece
	tagged := false
	for range 1 + r.IntN(4) {
		p := randomPiece(r)
		if strings.HasPrefix(p.regex, "<F-") {
			if tagged {
				p.regex = `\S+`
			}
			tagged = true
		}
		parts = append(parts, p)
	}
	host := piece{pick(r, "<HOST>", "<ADDR>", "<F-ID>[^ ]+</F-ID>", "<SUBNET>"), address}
	if r.IntN(6) == 0 { // an ID that may be missing
		always := host
		host = piece{"(?:" + always.regex + "|-)", func(r *rand.Rand) string { return pick(r, always.text(r), "-") }}
	}
	at := r.IntN(len(parts) + 1)
	if !mlfid || r.IntN(3) > 0 {
		parts = append(parts[:at:at], append([]piece{host}, parts[at:]...)...)
	}
	if r.IntN(5) == 0 {
		parts[0] = piece{`\[\] ` + parts[0].regex, parts[0].text}
	}
	var regexes []string
	for _, p := range parts {
		regexes = append(regexes, p.regex)
	}
	text := pick(r, "^", "^", "", `^\s*`) + strings.Join(regexes, " ") + pick(r, "", "$", " ", ".*$")
	if tag := pick(r, "", "", "F-NOFAIL", "F-MLFFORGET", "F-MLFGAINED"); tag != "" && mlfid {
		text = strings.Replace(text, regexes[0], "<"+tag+">"+regexes[0]+"</"+tag+">", 1)
	}
	return piece{text, func(r *rand.Rand) string {
		var texts []string
		for _, p := range parts {
			texts = append(texts, p.text(r))
		}
		return strings.Join(texts, " ")
	}}
}

// randomFilter makes a filter, and a writer of lines for it.
func randomFilter(r *rand.Rand) (s setup, line func() string) {
	s = setup{Raw: r.IntN(3) > 0, UseDNS: pick(r, "", "no", "raw"), CheckAll: r.IntN(2) == 0, Pending: r.IntN(2) == 0}
	head := func() string { return "" }
	mlfid := false
	switch r.IntN(5) {
	case 0:
		mlfid = true
		s.Pref = `^<F-MLFID>\s*\S+ app\[\d+\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$`
		head = func() string { return "host app[" + strconv.Itoa(r.IntN(9)) + "]: " }
	case 1:
		s.Pref = `^\s*host app: <F-CONTENT>.+</F-CONTENT>$`
		head = func() string { return "host app: " }
	case 2:
		s.Pref = `^\S+ <F-CONTENT>.+</F-CONTENT>$`
		head = func() string { return "h" + digits(r) + " " }
	}
	var regexes []piece
	for range pick(r, 1, 1, 2, 3, 5, 70) {
		re := randomRegex(r, mlfid)
		regexes = append(regexes, re)
		s.Fail = append(s.Fail, re.regex)
	}
	for range pick(r, 0, 0, 1, 4) {
		s.Ignore = append(s.Ignore, pick(r, "root", "^.*bob", `\d{4}`, "x$"))
	}
	if r.IntN(8) == 0 {
		s.MaxLines = 1 + r.IntN(3)
	}
	s.Pattern = pick(r, "", "", "", `{^LN-BEG}`, `^[^\[]*\[({DATE})`+"\n{^LN-BEG}", "{NONE}", `%Y-%m-%d %H:%M:%S`, `^%b %d %H:%M:%S`, "{^LN-BEG}EPOCH\n{DATE}")
	at := now.Add(-2 * time.Minute)
	format := pick(r, lineFormats...)
	return s, func() string {
		text := head() + pick(r, regexes...).text(r)
		if r.IntN(3) > 0 {
			text = head() + pick(r, "nothing to see", "session opened", word(r).text(r)+" "+address(r), "")
		}
		return randomDate(r, &at, format, text)
	}
}

var lineFormats = []string{
	"Jan _2 15:04:05 ", "2006-01-02 15:04:05 ", "[2006-01-02 15:04:05] ", "192.0.2.5 - - [02/Jan/2006:15:04:05 -0700] ",
	"2006-01-02T15:04:05.000000-07:00 ", "Jan _2 15:04:05.000 2006 ", "15:04:05 ",
}

// randomDate puts a date before a text: mostly the one before or a little later,
// else old, yet to come, invalid, of another format, elsewhere, or none.
func randomDate(r *rand.Rand, at *time.Time, format, text string) string {
	*at = at.Add(time.Duration(max(0, r.IntN(6)-3)) * time.Second)
	when := *at
	switch r.IntN(40) {
	case 0:
		return text
	case 1:
		format = pick(r, lineFormats...)
	case 2:
		when = when.Add(time.Duration(r.IntN(7200)-3600) * time.Second)
	case 3:
		return strings.NewReplacer("Nov 22", "Feb 30", "-11-22", "-02-30", "22/Nov", "30/Feb").Replace(when.Format(format)) + text
	case 4:
		return text + " " + when.Format(format)
	case 5:
		return "\xff\xe9" + when.Format(format) + text
	case 6:
		return when.Format(format) + text + "\xc3"
	case 7:
		return when.Format(format) + text + "\r"
	case 8:
		when = when.AddDate(0, r.IntN(24)-12, 0)
	}
	return when.Format(format) + text
}

// randomRounds is how many random filters a test tries; F2B_SOAK makes it many.
func randomRounds() int {
	if os.Getenv("F2B_SOAK") != "" {
		return 20000
	}
	return 60
}

// TestRandomBlocks judges random logs with random filters, line by line and in
// blocks of any size: nothing that is passed over can be told from what comes of
// each line by itself.
func TestRandomBlocks(t *testing.T) {
	rounds, failures := randomRounds(), 0
	for n := range rounds {
		r := rand.New(rand.NewPCG(uint64(n), 20))
		s, line := randomFilter(r)
		c := blockCase{setup: s, gate: r.IntN(2) == 0, size: pick(r, 1, 7, 40, 200)}
		for range 200 {
			c.lines = append(c.lines, line())
		}
		sameInBlocks(t, fmt.Sprintf("filter %d, %+v", n, s), c)
		for _, text := range c.judgeEach(t, func(int) time.Time { return now }).lines {
			if isFailure(text) {
				failures++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d filters, %d lines with failures", rounds, failures)
	if failures < rounds {
		t.Errorf("only %d lines had failures", failures)
	}
}

// TestSecondTexts judges lines that have a text of a failregex often and another
// of its texts seldom, before the first, behind it or on both sides. The lines are
// so long that it is the short text that is looked for in the second place.
func TestSecondTexts(t *testing.T) {
	s := setup{Raw: true, Fail: []string{
		`^\s*<HOST> .*(?:/a|/b) .*code 404 ok`,
		`^\s*<HOST> .*code 500 ok .*(?:/c|/d)`,
		`^\s*<HOST> .*(?:/e|/f) .*code 200 ok.*(?:/g|/h)`,
	}}
	often := []string{"code 404 ok", "code 500 ok", "code 200 ok", "nothing"}
	seldom := []string{"/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"}
	r := rand.New(rand.NewPCG(1, 21))
	for n := range 10 {
		c := blockCase{setup: s, gate: n%2 == 0, size: 100}
		for i := range 1000 {
			words := []string{now.Add(time.Duration(i/40-60) * time.Second).Format("2006-01-02 15:04:05"), address(r), pick(r, often...), strings.Repeat("-", 300)}
			for range r.IntN(3) {
				words = slices.Insert(words, 2+r.IntN(len(words)-1), pick(r, append(seldom, often...)...))
			}
			c.lines = append(c.lines, strings.Join(words, " "))
		}
		sameInBlocks(t, fmt.Sprint("log ", n), c)
		found := 0
		for _, text := range c.judgeEach(t, func(int) time.Time { return now }).lines {
			if isFailure(text) {
				found++
			}
		}
		if found < 20 || found > 300 {
			t.Fatalf("log %d: %d lines with failures", n, found)
		}
	}
}

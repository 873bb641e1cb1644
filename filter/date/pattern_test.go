package date

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// patterns shows every form of COMPAT 2.4.2 to 2.4.9, and faults.
var patterns = []string{
	`%Y-%m-%d`, `^%Y-%m-%d`, `{^LN-BEG}%Y-%m-%d`, `{UNB}%Y-%m-%d`, `**%Y-%m-%d**`, `%Y-%m-%d$`, `%Y-%m-%d\b`, `\b%Y`,
	`(?:^|x)%Y`, `EPOCH`, `{^LN-BEG}EPOCH`, `^EPOCH`, `epoch`, `LEPOCH`, `{^LN-BEG}LEPOCH`, `^LEPOCH`, `{EPOCH}`,
	`^type=\w+ msg=audit\({EPOCH}`, `{LEPOCH} x`, `ISO8601`, `TAI64N`, `{^LN-BEG}TAI64N`, `^TAI64N`, `{NONE}`, `{^LN-BEG}`,
	`{DEFAULT}`, `{DATE}`, `^x {DATE}`, `{date} y`, `(?i)%b %d`, `%b %d`, `%Q`, `%d%%`, `x%`, `\[%d/%b/%Y\]`,
	`^(?:%Y)-(?P<m>\d+)`, `{*WD-BEG}%Y`, `%Y{*WD-END}`, `{WD-BEG}%Y`, `((?:)|%Y)`, `%ExY-%Exm`, `%Ex`, `%Exz %ExZ`, `\d{4}`,
	`(%Y)-%m`, `%Y-%m-%d(?: %z)?`, `{^LN-BEG}{DATE}`, `%p %I`, `{EPOCH}(?:\.\d+)?`, `t=({EPOCH})`, `(a){EPOCH}(b)`,
	`t={EPOCH}`, `t={LEPOCH}`, `{epoch} %Y`, `{EPOCH} %Y`, `x\{EPOCH}`, `x\{DATE}`, `%Y-%Q`, `%Y%`, `%(abc`, `%(abc)s`,
	`%(Y)s`, `%i`, `%o`, `%e`, `%E`, `%F`, `%g`, `%*d`, `%hQ`, `%LY`, `% Y`, `%-d`, `%5%`, `%5`, `%.3f`, `%D`, `%(Y)d`,
	`{UNB}%Q`, `{^LN-BEG}%Q`, `%é`, `%(a(b)c)s`, `%n`, `%h`, `%Y %(m)s`, `%Y %(m)5s`, `%%Q`, `%%%Q`, `(?u)%Y`, `(?i)%Y`,
	`%c`, `%x %X`, `%a %A %b %B`, `%j %U %W %w %u %V %G`, `%y`, `%k %l`, `%ExS%ExM%ExH%Exd%Exm%Exy`, `%%b`, `%%%b`,
	`{UNB}{^LN-BEG}%Y`, `{^LN-BEG}**%Y`, `{^LN-BEG}^%Y`, `{NONE} `, `{none}`, `{default}`, `{^ln-beg}`, `{^ln-beg}%Y`,
	"%Y\n%m", "%Y\n\n  %m  \n", "%Y\n%Y", "EPOCH\n{DEFAULT}", "{^LN-BEG}\n{DEFAULT}", "{DATE}\n{DATE}",
	"%Y\n%Q", "  %Y  ", "", "\n", `%Y\$`, `%Y|$)`, `(%Y$)`, `^`, `$`, `**`, `****`, `(**%Y**)`, `((**%Y**))`, `\**%Y\**`,
	`(^%Y)`, `(?:^%Y)`, `(?:^|%Y)`, `(?i)^%Y`, `^(?i)%Y`, `x(?i)%Y`, `%Y\\`, `%Y\\$`, `%Y\s`, `%Y\\s`, `[(]%Y`, `\(%Y`,
	`(?P<x>%Y)`, `(?(x)%Y)`, `(^|\b|\W)%Y`, `(?:^|\b|\W)%Y(?=\b|\W|$)`,
}

func TestPatterns_2_4_2_to_10(t *testing.T) {
	j := job{TZ: "UTC", Now: now, Fresh: true}
	for _, p := range patterns {
		j.Runs = append(j.Runs, run{Pattern: p, Lines: nil})
	}
	compare(t, j)
}

func TestRandomPatterns_2_4_8(t *testing.T) {
	tokens := []string{"%Y", "%m", "%d", "%b", "%H", "%%", "%", "%Q", "%p", "**", "(", ")", "(?:", "^", "$", "$)", `\b`, `\s`, `\`,
		"(?i)", "(?iu)", "{UNB}", "{^LN-BEG}", "{DATE}", "{EPOCH}", "{LEPOCH}", "EPOCH", "TAI64N", "{date}", "x", "|", " ", "[", "]", ".",
		"%(Y)s", "%(", "(?P<q>", "?", "*", "+", "%ExY", "%Ex", "{NONE}", `(^|\b|\W)`, `(?=\b|\W|$)`}
	rng := rand.New(rand.NewPCG(1, 2))
	j := job{TZ: "UTC", Now: now, Fresh: true}
	for range 4000 {
		var p strings.Builder
		for range 1 + rng.IntN(7) {
			p.WriteString(tokens[rng.IntN(len(tokens))])
		}
		j.Runs = append(j.Runs, run{Pattern: p.String()})
	}
	compare(t, j)
}

func TestDefaultsAreAddedAsTheManualSays_2_4_2(t *testing.T) {
	for pattern, want := range map[string]int{
		"{DEFAULT}": 31, "{default}": 31, "{DEFAULT}\nEPOCH": 31, "%Y\n{DEFAULT}": 32, "EPOCH\n{DEFAULT}": 31,
		"{^LN-BEG}": 17, "{^LN-BEG}\n{DEFAULT}": 31, "{DATE}": 17, "{DEFAULT}\nx%Y": 32,
	} {
		d := NewDetector(Options{})
		if err := d.SetPattern(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		if got := len(d.Templates()); got != want {
			t.Errorf("%q: %d templates, want %d", pattern, got, want)
		}
	}
}

package check

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"f2b-go/config"
	"f2b-go/filter"
	"f2b-go/internal/pytext"
)

// Fooled is a line of a log in which a stranger at 192.0.2.1 has written another
// address, 198.51.100.66, so that some filters find that one.
type Fooled struct {
	Filter string // the stock filter that is fooled
	Field  string // where the stranger writes
	Line   string
}

const fooledAddress = "198.51.100.66"

// FooledLines are what filters are tried with; they are those of
// docs/differences.md. Left out is a line of sshd's that none of today's writes.
var FooledLines = []Fooled{
	{"asterisk", "caller's name", `[2026-11-22 11:00:00] NOTICE[812]: res_pjsip_session.c:2337 new_invite: Call from 'x' (TCP:[198.51.100.66]:5060) to extension '1' rejected because extension not found in context 'default'.' (TCP:[192.0.2.1]:5060) to extension '2' rejected because extension not found in context 'default'.`},
	{"courier-auth", "user's name", `Nov 22 11:00:00 mail imapd: LOGIN FAILED, user=x, ip=[::ffff:198.51.100.66], ip=[::ffff:192.0.2.1]`},
	{"exim", "input", `2026-11-22 11:00:00 [812] SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected "x" H=a.example [198.51.100.66]:1 I=[192.0.2.5]:25 next input="y"" H=b.example [192.0.2.1]:2 I=[192.0.2.5]:25 next input="z"`},
	{"nginx-botsearch", "URL", `2026/11/22 11:00:00 [error] 812#0: *1 "/srv/roundcube/" is not found (2: No such file or directory), client: 198.51.100.66, server: x, request: "GET /roundcube/ HTTP/1.1", host: "x"" is not found (2: No such file or directory), client: 192.0.2.1, server: x, request: "GET /y HTTP/1.1", host: "a.example"`},
	{"nginx-http-auth", "Host header", `2026/11/22 11:00:00 [error] 812#0: *3 user "x": password mismatch, client: 192.0.2.1, server: , request: "GET / HTTP/1.1", host: "2026/11/22 11:00:00 [error] 812#0: *3 user "x": password mismatch, client: 198.51.100.66, server: , request: "GET / HTTP/1.1", host: "x""`},
	{"vsftpd", "user's name", `Sun Nov 22 11:00:00 2026 [pid 812] [x] FAIL LOGIN: Client "::ffff:198.51.100.66", "User is not in the allow user list."] FAIL LOGIN: Client "::ffff:192.0.2.1", "User is not in the allow user list."`},
}

// fooled tries a jail's filter with the lines that fool stock filters.
func (c *checker) fooled(j *config.InspectedJail) {
	f, err := buildFilter(j.Commands)
	if err != nil {
		return // it is told elsewhere
	}
	for _, line := range FooledLines {
		if finds(f, line.Line, fooledAddress) {
			c.add(Warning, j.Place, fmt.Sprintf("the filter of jail %s can be fooled: who writes the end of a line into the %s has others banned; docs/differences.md shows it under %s",
				j.Name, line.Field, line.Filter), "let the regex reach to the end of the line, or list in ignoreip whom no forged line may harm")
			return
		}
	}
}

// buildFilter makes the filter of a jail by a clock that fits the lines.
func buildFilter(commands [][]any) (*filter.Filter, error) {
	f := filter.New("check", filter.Env{Clock: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }, Local: time.UTC})
	for _, cmd := range commands {
		args := cmd[3:]
		if cmd[0] == "multi-set" && len(args) == 1 {
			args, _ = args[0].([]any)
		}
		for _, a := range args {
			if err := setFilter(f, pytext.Str(cmd[2]), pytext.Str(a)); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// finds says whether a filter gives an address for a line.
func finds(f *filter.Filter, line, address string) bool {
	found, _ := f.Judge(filter.Line{Text: []byte(line + "\n")}, filter.Mode{RawHosts: true})
	return slices.ContainsFunc(found, func(one filter.Failure) bool { return one.HasID && !one.NoFail && one.ID.String() == address })
}

// setFilter gives a filter one of the settings that decide what it finds.
func setFilter(f *filter.Filter, option, value string) error {
	switch option {
	case "usedns":
		f.SetUseDNS(value)
	case "prefregex":
		return f.SetPrefRegex(value)
	case "addfailregex":
		return f.AddFailRegex(value)
	case "addignoreregex":
		return f.AddIgnoreRegex(value)
	case "datepattern":
		return f.SetDatePattern(value)
	case "maxlines":
		n, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		return f.SetMaxLines(n)
	}
	return nil
}

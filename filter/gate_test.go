package filter_test

import (
	"strings"
	"testing"
	"time"

	"f2b-go/filter"
)

// gateFilter is a filter with a clock that can be moved and its messages.
func gateFilter(t *testing.T) (f *filter.Filter, clock *time.Time, messages *[]string) {
	t.Helper()
	at := now
	messages = new([]string)
	f = newFilter(t, setup{Fail: []string{`from <HOST>$`}}, filter.Env{Clock: func() time.Time { return at }, Log: logged(messages)})
	return f, &at, messages
}

func judge(f *filter.Filter, line string, mode filter.Mode) ([]filter.Failure, filter.Verdict) {
	return f.Judge(filter.Line{Text: []byte(line + "\n"), Source: "log"}, mode)
}

func TestGateBeforeOperation_2_6_3(t *testing.T) {
	f, clock, messages := gateFilter(t)
	mode := filter.Mode{Gate: true, FindTime: 600}
	old := "2026-11-22 11:40:00 from 1.2.3.4"
	if found, v := judge(f, old, mode); len(found) != 0 || !v.TooOld {
		t.Errorf("an old line: %v, %+v", found, v)
	}
	if found, _ := judge(f, "2026-11-22 11:50:00 from 1.2.3.4", mode); len(found) != 1 {
		t.Errorf("a line at the edge of findtime: %v", found)
	}
	judge(f, old, mode)
	want := []string{
		`level=WARN msg="[j] Ignoring all log entries older than 600s; these are probably messages generated while fail2ban was not running." logger=fail2ban.filter`,
		`level=WARN msg="[j] Please check a jail for a timing issue. Line with odd timestamp: 2026-11-22 11:40:00 from 1.2.3.4" logger=fail2ban.filter`,
	}
	sameMessages(t, *messages, want)
	*messages = nil
	*clock = clock.Add(24 * time.Hour)
	judge(f, old, mode)
	if len(*messages) != 2 {
		t.Errorf("a day later it warns again: %q", *messages)
	}
}

func sameMessages(t *testing.T, got, want []string) {
	t.Helper()
	for i := range want {
		want[i] = strings.Replace(want[i], " logger=fail2ban.filter", "", 1)
	}
	var plain []string
	for _, m := range got {
		plain = append(plain, strings.Replace(m, " logger=fail2ban.filter", "", 1))
	}
	if strings.Join(plain, "\n") != strings.Join(want, "\n") {
		t.Errorf("messages\n%s\nwant\n%s", strings.Join(plain, "\n"), strings.Join(want, "\n"))
	}
}

func TestGateInOperation_2_6_4(t *testing.T) {
	for _, c := range []struct {
		name, line string
		now        bool
		message    string
	}{
		{"59 s late", "2026-11-22 11:59:01 from 1.2.3.4", false, ""},
		{"60 s late", "2026-11-22 11:59:00 from 1.2.3.4", false, ""},
		{"61 s late", "2026-11-22 11:58:59 from 1.2.3.4", true,
			"Detected a log entry 1m 1s before the current time in operation mode. This looks like a latency problem. Treating such entries as if they just happened."},
		{"2 h late", "2026-11-22 10:00:00 from 1.2.3.4", true,
			"Detected a log entry 2h before the current time in operation mode. This looks like a timezone problem. Treating such entries as if they just happened."},
		{"2 h early", "2026-11-22 14:00:00 from 1.2.3.4", true,
			"Detected a log entry 2h after the current time in operation mode. This looks like a timezone problem. Treating such entries as if they just happened."},
		{"2.6.5 30 s early", "2026-11-22 12:00:30 from 1.2.3.4", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _, messages := gateFilter(t)
			found, _ := judge(f, c.line, filter.Mode{Gate: true, FindTime: 600, InOperation: true})
			if len(found) != 1 || (found[0].Time == float64(now.Unix())) != c.now {
				t.Errorf("found %+v", found)
			}
			if all := strings.Join(*messages, "\n"); !strings.Contains(all, c.message) || (c.message == "" && all != "") {
				t.Errorf("messages %s", all)
			}
		})
	}
}

func TestLineWithoutDate_2_6_1(t *testing.T) {
	f, clock, messages := gateFilter(t)
	found, _ := judge(f, "from 1.2.3.4", filter.Mode{Gate: true, FindTime: 600})
	if len(found) != 0 {
		t.Errorf("no time and not in operation: %v", found)
	}
	sameMessages(t, *messages, []string{
		`level=WARN msg="[j] Found a match but no valid date/time found for ''."`,
		`level=WARN msg="[j] Match without a timestamp: from 1.2.3.4"`,
		`level=WARN msg="[j] Please try setting a custom date pattern (see man page jail.conf(5))."`,
	})
	if found, _ = judge(f, "from 1.2.3.4", filter.Mode{Gate: true, FindTime: 600, InOperation: true}); len(found) != 1 || found[0].Time != float64(now.Unix()) {
		t.Errorf("in operation it is now: %v", found)
	}
	judge(f, "2026-11-22 11:59:30 x", filter.Mode{})
	if found, _ = judge(f, "from 1.2.3.4", filter.Mode{Gate: true, FindTime: 600}); len(found) != 1 || found[0].Time != float64(now.Unix()-30) {
		t.Errorf("the last known date: %v", found)
	}
	*clock = clock.Add(31 * time.Second)
	if found, _ = judge(f, "from 1.2.3.4", filter.Mode{}); len(found) != 1 || found[0].HasTime {
		t.Errorf("the last known date is too old: %v", found)
	}
}

func TestBadEncodingIsReportedOnceADay_2_8_2(t *testing.T) {
	f, clock, messages := gateFilter(t)
	line := filter.Line{Text: []byte("2026-11-22 11:59:30 \xff\xfe from 1.2.3.4\n"), Source: "/var/log/x"}
	found, _ := f.Judge(line, filter.Mode{})
	if len(found) != 1 || found[0].Matches[0].After != " \uFFFD\uFFFD from 1.2.3.4" {
		t.Fatalf("found %+v", found)
	}
	f.Judge(line, filter.Mode{})
	sameMessages(t, *messages, []string{
		`level=WARN msg="Error decoding line from '/var/log/x' with 'UTF-8'."`,
		`level=WARN msg="Consider setting logencoding to appropriate encoding for this jail. Continuing to process line ignoring invalid characters: b'2026-11-22 11:59:30 \\xff\\xfe from 1.2.3.4\\n'"`,
	})
	*clock = clock.Add(24 * time.Hour)
	f.Judge(line, filter.Mode{})
	line.Source = "/var/log/y"
	f.Judge(line, filter.Mode{})
	if len(*messages) != 6 {
		t.Errorf("messages %q", *messages)
	}
}

func TestBadEncodingIsReportedOnceForAllJails_2_8_2(t *testing.T) {
	var messages []string
	env := filter.Env{Log: logged(&messages), Told: filter.NewTold()}
	for range 3 {
		f := newFilter(t, setup{Fail: []string{`from <HOST>$`}}, env)
		f.Judge(filter.Line{Text: []byte(day + "50 \xff from 1.2.3.4\n"), Source: "/var/log/x"}, filter.Mode{})
	}
	if len(messages) != 2 {
		t.Errorf("messages %q", messages)
	}
}

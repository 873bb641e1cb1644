package date

import "testing"

// lines shows each default template and what can go wrong with it.
var lines = []string{
	"Nov 22 11:59:59 h x", "Nov 22 12:00:01 h x", "Nov 23 11:59:59 h", "Nov 23 12:00:01 h", "Nov 24 00:00:00 h",
	"Dec 31 23:59:59 h", "Jan  1 00:00:00 h", "Feb 29 10:00:00 h", "23:59:59 h x", "11:00:00 x", "12:00:01 x",
	"2026-11-22T11:59:59.123456+02:00 h", "2026-11-22 11:59:59,123 x", "2026-11-22 11:59:59Z x",
	"2026-11-22T11:59:59.123456789Z x", "2026/11/22 11:59:59 x", "2026-11-22 11:59:59 +0200 x",
	"2026-11-22 11:59:59 CET x", "2026-11-22 11:59:59 -05 x", "1795348800 x", "[1795348800] x", "1795348800.123 x",
	"x 1795348800 y", "type=USER_LOGIN msg=audit(1795348800.123:456): x", "1795348800123 x",
	"@400000006b01b0000000000 x", "@400000006b01b00000000000 x", "22/Nov/2026:11:59:59 +0100 x",
	"[22/Nov/2026:11:59:59 +0100] x", `1.2.3.4 - - [22/Nov/2026:11:59:59 +0100] "GET"`, "11/22/2026:11:59:59 x",
	"22-11-2026 11:59:59 x", "22/11/26 11:59:59 x", "11-22-2026 11:59:59.252 x", "261122 11:59:59 x",
	"<11/22/26@11:59:59> x", "Nov 22, 2026 11:59:59 PM x", "Nov-22-26 11:59:59 x", "20261122T115959 x",
	"20261122 115959 x", "20261122-11:59:59 x", "20261122 11:5959 x", "CET Nov 22 11:59:59 x", "PDT Nov 22 11:59:59 x",
	"XYZ Nov 22 11:59:59 x", "pdt Nov 22 11:59:59 x", "+01:00 Nov 22 11:59:59 x", "Sun Nov 22 11:59:59.011 2026 x",
	"Sun Nov 22 2026 11:59:59 x", "<34>1 2026-11-22T11:59:59.003Z host su - x", "<34>Nov 22 11:59:59 host x",
	"1999-01-01 00:00:00 x", "2031-01-01 00:00:00 x", "99/01/01 00:00:00 x", "2026-13-01 00:00:00 x",
	"2026-02-30 00:00:00 x", "Mar 28 02:30:00 h", "Mar 29 02:30:00 h", "Oct 25 02:30:00 h", "Oct 25 03:30:00 h",
	"no date here", "", "2026-11-22 24:00:00 x", "2026-11-22 11:59:61 x", "abc2026-11-22 11:59:59 x",
	"(2026-11-22 11:59:59) x", "--[2026-11-22 11:59:59 x", "Okt 22 11:59:59 x", "[2026-11-22 11:59:59] NOTICE[1]: x",
	"[Nov 22 11:59:59] NOTICE[1]: x", "no date here but 2026-11-20 01:02:03 from 1.1.1.2",
	"Nov 22 23:60:59 h x", "Nov 31 11:59:59 h x", "Nov 22 29:59:59 h x", "nov 22 1:2:3 h",
	"2026-1-2 3:4:5 x", "2026-11- 2 03:04:05 x", "2026-11-22  3:04:05 x", "2026-11-22 03:04:05_x", "2026-11-22 03:04:059 x",
	"\u0662\u0660\u0662\u0666-11-22 03:04:05 x", "202\u0666-11-22 03:04:05 x", "\u00fc 2026-11-22 03:04:05 x", "2026-11-22 03:04:05\u00fc x",
	"2026-11-22 03:04:05\u00a0+01:00 x", "\u017fun Nov 22 11:59:59 2026 x", "\u017fep 22 11:59:59 2026 x",
	"fr\u0130 Nov 22 11:59:59 x", "2026-11-22 03:04:05   +01:00 x", "2026-11-22 03:04:05UTC x", "2026-11-22 03:04:05utc x",
	"26-Jul-2026 15:20:52 Z", "26-Jul-2026 15:20:52 z", "26-jul-2026 15:20:52.1 gmt", "26/Jul-2026 15:20:52",
	"22/11/2026 1:59:59", "22/11/2026  1:59:59", " 2/11/2026  1:59:59", "\t2/11/2026  1:59:59", "05/20/2026:01:57:39",
	"Aug 14 11:56:45 2005 x", "Aug 14 11:56:45 1999 x", "Aug 14 11:56:45 200512 x",
}

func single(pattern string, lines []string) []run {
	var runs []run
	for _, l := range lines {
		runs = append(runs, run{Pattern: pattern, Lines: []string{l}})
	}
	return runs
}

func TestDefaultTemplatesLikeFail2ban_2_4_1_A(t *testing.T) {
	for _, tz := range []string{"UTC", "Europe/Zurich", "America/New_York"} {
		t.Run(tz, func(t *testing.T) { compare(t, job{TZ: tz, Now: now, Runs: single("", lines)}) })
	}
}

func TestDefaultTemplatesInSequence_2_4_11(t *testing.T) {
	var twice []string
	for _, l := range lines {
		twice = append(twice, l, l, l)
	}
	compare(t, job{TZ: "Europe/Zurich", Now: now, Runs: []run{
		{Lines: lines}, {Lines: twice}, {Pattern: "{^LN-BEG}", Lines: twice}, {Pattern: "{DATE}", Lines: twice},
		{Pattern: "^x {DATE}\n{DATE} y\nEPOCH", Lines: twice},
	}})
}

func TestZoneOption_2_5_10(t *testing.T) {
	var runs []run
	for _, zone := range []string{"UTC+0200", "GMT-0100", "CET", "+02:00", "Z", "EST", "A", "UTC-1200", "CEST+1", "CEST+01",
		"UTC\n", "Europe/Zurich", "utc", "foo", "FOO", "+25:00", "-05", "+0530", "AB", "ABCDEF", "+19:99", "+2", "\u0661", "+1\u0661"} {
		runs = append(runs, run{Zone: zone, Lines: []string{
			"2026-11-22 11:59:59 x", "2026-11-22 11:59:59 +0500 x", "Nov 22 11:59:59 x", "23:30:00 x", "Nov 23 11:30:00 x", "00:10:00"}})
	}
	compare(t, job{TZ: "UTC", Now: now, Runs: runs})
	compare(t, job{TZ: "Europe/Zurich", Now: now, Runs: runs})
}

package date

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"f2b-go/internal/testenv"
)

// TestLocalTimeAroundClockChanges_2_5_11 converts dates near the changes of
// zones with odd habits: half hours, winter time as the exception, a lost day.
func TestLocalTimeAroundClockChanges_2_5_11(t *testing.T) {
	zones := []string{"Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "Africa/Casablanca",
		"America/St_Johns", "Asia/Kolkata", "Pacific/Apia", "America/Caracas", "Europe/Moscow"}
	for i, tz := range zones {
		t.Run(tz, func(t *testing.T) {
			loc, err := time.LoadLocation(tz)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			var lines []string
			for at := time.Date(2001, 1, 1, 0, 0, 0, 0, loc); at.Year() < 2029; {
				_, end := at.ZoneBounds()
				if end.IsZero() {
					break
				}
				_, east := at.Zone()
				for range 12 {
					naive := end.Add(time.Duration(east) * time.Second).UTC()
					near := naive.Add(time.Duration(rng.IntN(4*3600)-2*3600) * time.Second)
					if rng.IntN(6) == 0 {
						near = near.AddDate(0, rng.IntN(12), rng.IntN(28))
					}
					lines = append(lines, near.Format("2006-01-02 15:04:05 x"))
				}
				at = end
			}
			for range 200 {
				lines = append(lines, time.Unix(rng.Int64N(1<<31), 0).UTC().Format("2006-01-02 15:04:05"))
			}
			for year := 2000; year < 2030; year++ {
				lines = append(lines, fmt.Sprintf("%d-12-30 12:00:00", year))
			}
			compare(t, job{TZ: tz, Now: now, Runs: []run{{Pattern: "%Y-%m-%d %H:%M:%S", Lines: lines}, {Lines: lines}}})
		})
	}
}

// TestYearlessDatesAtAllTimesOfYear_2_5_4 reads dates without year or day while
// the server's clock stands at many moments.
func TestYearlessDatesAtAllTimesOfYear_2_5_4_5(t *testing.T) {
	for _, at := range []int64{now, 1709164800, 1709251199, 1735689599, 1735689600, 1704067200, 1774745999, 1793581200, 0} {
		var lines []string
		for month := 1; month <= 12; month++ {
			for _, day := range []int{1, 2, 27, 28, 29, 30, 31} {
				lines = append(lines, fmt.Sprintf("%s %2d 23:30:00 h", time.Month(month).String()[:3], day))
			}
		}
		for hour := range 24 {
			lines = append(lines, fmt.Sprintf("%02d:30:00 x", hour))
		}
		compare(t, job{TZ: "Europe/Zurich", Now: at, Runs: []run{{Lines: lines}, {Lines: lines, Zone: "UTC-1100"},
			{Lines: lines, Zone: "+1300"}, {Pattern: "%j %H:%M", Lines: []string{"1 00:00 x", "60 23:59", "366 10:00", "365 00:00"}}}})
	}
}

// customPatterns has lines for every directive and keyword, good and bad.
var customPatterns = map[string][]string{
	`%H:%M`:                    {"11:59 x", "x 11:59", "12:01"},
	`%d\.%m\.%Y`:               {"22.11.2026 x", "31.04.2026", "29.02.2024", "29.02.2026", "01.01.0000", "01.01.0001", "31.12.9999"},
	`%b %d`:                    {"Nov 22 x", "FEB 29", "nov  1"},
	`%j %H:%M:%S`:              {"326 11:00:00 x", "366 11:00:00", "001 11:00:00", "000 11:00:00"},
	`%b %Y`:                    {"x Nov 2026 y"},
	`%Y-%W-%w`:                 {"2026-47-0 1", "2026-00-1", "2026-00-4", "2024-53-2", "2020-53-6", "9999-53-6", "0001-00-0"},
	`%Y-%U-%w`:                 {"2026-47-0 1", "2026-00-1", "2026-00-4", "2024-53-2"},
	`%Y %U %a`:                 {"2026 10 Mon", "2026 10 sun", "2026 0 fri"},
	`%Y %W %A`:                 {"2026 10 Monday", "2026 10 sunday", "2026 0 Friday", "2026 53 Saturday"},
	`%W %H:%M`:                 {"12 11:59"},
	`%d %H:%M`:                 {"12 11:59"},
	`%m %H:%M`:                 {"12 11:59"},
	`%Y-%m-%d %H:%M:%S %Z`:     {"2026-11-22 11:59:59 CET x", "2026-11-22 11:59:59 XYZ x", "2026-11-22 11:59:59 Z", "2026-11-22 11:59:59 UTC"},
	`%Y-%m-%d %H:%M:%S %Exz`:   {"2026-11-22 11:59:59 CET x", "2026-11-22 11:59:59 CET+0100 x", "2026-11-22 11:59:59 A", "2026-11-22 11:59:59 A-01:30", "2026-11-22 11:59:59 XXX+01"},
	`%b %d %H:%M:%S %Exz`:      {"Nov 22 11:59:59 cet x", "Nov 22 11:59:59 CET x", "Nov 22 11:59:59 +0\u0661 x", "Nov 22 11:59:59 +\u0661\u0661 x"},
	`%ExZ %Y-%m-%d`:            {"A 2026-11-22", "CEST 2026-11-22", "J 2026-11-22"},
	`%d/%m/%y %H:%M:%S`:        {"22/11/99 11:59:59 x", "22/11/00 11:59:59 x", "\u0662\u0662/11/00 11:59:59"},
	`%d/%m/%Exy %I:%M %p`:      {"22/11/99 11:59 pm", "22/11/99 12:59 AM", "22/11/99 12:59 PM", "22/11/99 1:59 aM"},
	`%d/%m/%Y %I:%M(?: %p)?`:   {"22/11/2026 11:59 pm", "22/11/2026 12:59"},
	`%d/%m/%Y %l:%M`:           {"22/11/2026  1:59", "22/11/2026 19:59", "22/11/2026 12:00", "22/11/2026 0:00"},
	`%d/%m/%Y %k:%M:%S.%f`:     {"22/11/2026  1:59:01.5", "22/11/2026 29:59:00.1", "22/11/2026 24:00:01.1", "22/11/2026 23:59:60.9", "22/11/2026 23:59:61.1"},
	`%c`:                       {"Sun Nov 22 11:59:59 2026 x", "sun nov  2 11:59:59   2026"},
	`%x %X`:                    {"11/22/26 11:59:59", "1/ 2/99 1:2:3"},
	`%B %d %Y`:                 {"November 22 2026", "may 1 2026", "\u017feptember 1 2026"},
	`%G %V %u %Y`:              {"2026 10 3 2025"},
	`%Exk:%ExM %Exl`:           {"11:59 3", " 1:59  3"},
	`(?P<Y>\w+)-(?P<m>\S+)-%d`: {"2026-1_1-22", "abc-11-22", "2026-+5-22", "2026-99999999999-1", "2026-2147483648-1", "2026-1__1-2", "2026-_1-2", "2026-\u0661-2"},
	`(?P<H>)%M`:                {"12"},
	`(x)?%Y-%m-%d`:             {"2026-11-22 y", "x2026-11-22 y"},
	`{NONE}`:                   {"x", "", "2026-11-22"},
	`(?:%Y-%m-%d)?`:            {"x", "", "2026-11-22", "x 2026-11-22"},
	`{UNB}(?:%Y-%m-%d|$)`:      {"x", "", "2026-11-22", "x 2026-11-22"},
	`t={EPOCH}`:                {"t=1795348800 x", "t=1795348800.5", "xt=1795348800", "t=17953488001 ", "t=179534880012", "t=1795348800.1234567"},
	`t=({EPOCH})`:              {"t=1795348800 x", "t=1795348800.5"},
	`(t)={EPOCH}`:              {"t=1795348800 x"},
	`{EPOCH}(x)`:               {"1795348800x", "1795348800.55x"},
	`(x)?{EPOCH}`:              {"1795348800", "x1795348800"},
	`(a)?(x)?{EPOCH}`:          {"1795348800", "x1795348800"},
	`(?P<q>x)?{EPOCH}`:         {"1795348800", "x1795348800"},
	`t={LEPOCH}`:               {"t=1795348800123 x", "t=1795348800123456 x", "t=1795348800", "t=17953488001234", "t=1795348800123.5", "t=1795348800\u0661\u0662\u0663"},
	`LEPOCH`:                   {"1795348800123 x", "[1795348800123] x", "[1795348800123 x", "1795348800", "1795348800123456 y"},
	`EPOCH`:                    {"1795348800.123 x", "[1795348800] x", "[1795348800 x", "audit(1795348800.123:45): x", "audit(1795348800.123): x", "xaudit(1795348800:1)"},
	`{^LN-BEG}EPOCH`:           {"1795348800.123 x", "[1795348800] x", "[1795348800 x", "--1795348800", "---1795348800", " [1795348800"},
	`TAI64N`:                   {"@400000006b01b00000000000 x", "x @400000006b01b00000000000", "@ffffffffffffffffffffffff", "@400000006b01b00000000000a"},
	`{^LN-BEG}TAI64N`:          {"@400000006b01b00000000000 x", " @400000006b01b00000000000", "   @400000006b01b00000000000"},
	`(%Y`:                      {"2026"},
	`^[^\[]*\[({DATE})`:        {`1.2.3.4 - - [22/Nov/2026:11:59:59 +0100] "GET"`, `1.2.3.4 - - [2026-11-22 11:59:59] "GET"`, "[22/Nov/2026:11:59:59 x", "x"},
	`^<\d+>\d+\s+{DATE}`:       {"<34>1 2026-11-22T11:59:59.003Z host", "<34>1 Nov 22 11:59:59 host"},
	"%Y-%m-%d\n{^LN-BEG}%d\\.%m\\.%Y\n{DATE}": {"x 2026-11-22", "22.11.2026 y", "Nov 22 11:59:59", "22.11.2026 y", "x 2026-11-22", "xx 2026-11-22", "x 2026-11-22"},
}

// TestCustomPatternsReadDates_2_4_5 and 2.5.6: every directive through to a time.
func TestCustomPatternsReadDates_2_4_5_and_2_5(t *testing.T) {
	var j job
	j.TZ, j.Now, j.Fresh = "Europe/Zurich", now, true
	for pattern, lines := range customPatterns {
		j.Runs = append(j.Runs, run{Pattern: pattern, Lines: lines})
		j.Runs = append(j.Runs, run{Pattern: pattern, Zone: "UTC-0330", Lines: lines})
		j.Runs = append(j.Runs, single(pattern, lines)...)
	}
	compare(t, j)
}

// TestSampleLogsInOneDetectorEach_2_4_11 runs fail2ban's sample logs, file by
// file, so that each template choice depends on the lines before.
func TestSampleLogsInOneDetectorEach_2_4_11(t *testing.T) {
	var runs []run
	logs := sampleLogs(t)
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		lines := logs[name]
		runs = append(runs, run{Lines: lines})
		runs = append(runs, run{Pattern: "{^LN-BEG}", Lines: lines})
		runs = append(runs, run{Pattern: "^[^\\[]*\\[({DATE})\n{^LN-BEG}%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\\s*%z)?\nEPOCH", Lines: lines})
	}
	compare(t, job{TZ: "Europe/Zurich", Now: 1124013600, Runs: runs})
}

// sampleLogs reads the sample logs beside the repository; without them it makes
// do with the lines of this test.
func sampleLogs(t testing.TB) map[string][]string {
	t.Helper()
	dir, ok := testenv.Shared(t)
	if !ok {
		return map[string][]string{"own": lines}
	}
	all := map[string][]string{}
	err := filepath.WalkDir(filepath.Join(dir, "fail2ban-1.1.1", "samples"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".db") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range bytes.Split(text, []byte("\n")) {
			line = bytes.ToValidUTF8(bytes.TrimRight(line, "\r"), []byte(string(utf8.RuneError)))
			if len(line) > 0 && !bytes.HasPrefix(line, []byte("# ")) {
				all[path] = append(all[path], string(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 90 {
		t.Fatalf("only %d sample logs in %s", len(all), dir)
	}
	return all
}

// TestRandomSequences_2_4_11 feeds one detector with lines that change format,
// place and neighbours of the date at random.
func TestRandomSequences_2_4_11(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	patterns := []string{"", "", "", "{^LN-BEG}", "{DATE}", "%Y-%m-%d %H:%M:%S\n{^LN-BEG}%b %d %H:%M:%S\n%b %d %H:%M:%S\n%H:%M:%S",
		"%b %d %H:%M:%S\n%Y-%m-%d %H:%M:%S\n%d/%b/%Y:%H:%M:%S %z\nEPOCH\n{DATE} z", "%H:%M:%S\n%Y-%m-%d %H:%M:%S"}
	j := job{TZ: "Europe/Zurich", Now: now, Fresh: true}
	for i := range 160 {
		r := run{Pattern: patterns[i%len(patterns)]}
		for range 120 {
			r.Lines = append(r.Lines, randomLine(rng))
		}
		j.Runs = append(j.Runs, r)
	}
	compare(t, j)
}

// formats are Go layouts of the dates that logs use.
var formats = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05.000000Z07:00", "Jan _2 15:04:05", "Jan _2 15:04:05", "Mon Jan _2 15:04:05 2006",
	"02/Jan/2006:15:04:05 -0700", "2006/01/02 15:04:05", "15:04:05", "02-Jan-2006 15:04:05.000", "060102 15:04:05", "20060102150405",
	"20060102T150405", "01/02/2006:15:04:05", "Jan 02, 2006 3:04:05 PM", "MST Jan _2 15:04:05", "02/01/06 15:04:05", "2006.01.02  15:04:05"}

func randomDate(rng *rand.Rand) string {
	at := time.Unix(now-rng.Int64N(400*daySeconds), rng.Int64N(1e9)).UTC()
	switch rng.IntN(12) {
	case 0:
		return fmt.Sprint(at.Unix())
	case 1:
		return fmt.Sprintf("%d.%06d", at.Unix(), rng.IntN(1e6))
	case 2:
		return fmt.Sprintf("@4%015x%08x", at.Unix(), rng.IntN(1e9))
	}
	return at.Format(formats[rng.IntN(len(formats))])
}

func randomLine(rng *rand.Rand) string {
	fillers := []string{"", "", "", "[", "<34>", "x ", "host ", "\u00fc", "\u00e9\u00e9 ", "--", "1.2.3.4 - - [", "a:1 ", "  ", "20", "\t", "2026-", "12:", "_"}
	var b strings.Builder
	b.WriteString(fillers[rng.IntN(len(fillers))])
	for range 1 + rng.IntN(2) {
		b.WriteString(randomDate(rng))
		b.WriteString([]string{" ", "]", ": ", " x ", "Z ", "1", "_", " +0100 ", "", "\u00fc", "  20", ",5 "}[rng.IntN(12)])
	}
	line := []byte(b.String() + "message 1:2:3 end")
	for rng.IntN(3) == 0 {
		chars := "0123456789 :-/.,[]TZ+abMon@_"
		line[rng.IntN(len(line))] = chars[rng.IntN(len(chars))]
	}
	return strings.ToValidUTF8(string(line), "\ufffd")
}

package date

import (
	"strings"
	"sync"

	"f2b-go/internal/pytext"
)

// Zone is a fixed offset from UTC: fail2ban knows no daylight saving time for a
// zone that a log or logtimezone names.
type Zone struct {
	text    string
	minutes int
}

// String returns the text that the zone was read from.
func (z *Zone) String() string { return z.text }

// Minutes returns the minutes east of UTC.
func (z *Zone) Minutes() int { return z.minutes }

// ZoneError says that a zone is unknown.
type ZoneError struct {
	Class string // ValueError for a bad form, KeyError for an unknown abbreviation
	Text  string // Python's text of the error
}

// Error returns fail2ban's message.
func (e *ZoneError) Error() string { return e.Text }

// ParseZone reads logtimezone: an abbreviation (one, or three to five capital
// letters), an offset (+hh, +hhmm or +hh:mm), or both, which are added.
func ParseZone(text string) (*Zone, error) {
	name, offset, ok := splitZone(text)
	if !ok {
		return nil, &ZoneError{"ValueError", "Unknown or unsupported time zone: " + pytext.Repr(text)}
	}
	minutes, known := zoneAbbreviations()[name]
	if name != "" && !known {
		return nil, &ZoneError{"KeyError", pytext.Repr(name)}
	}
	return &Zone{text: text, minutes: minutes + offset}, nil
}

// zoneMinutes reads a zone in a log line. An unknown abbreviation fails the
// line, a bad form only the date (COMPAT 2.5.9).
func zoneMinutes(text string) (int, error) {
	name, offset, ok := splitZone(text)
	if !ok {
		return 0, invalid("unknown or unsupported time zone %q", text)
	}
	minutes, known := zoneAbbreviations()[name]
	if name != "" && !known {
		return 0, &LineError{"KeyError", name}
	}
	return minutes + offset, nil
}

// splitZone takes a zone apart into abbreviation and offset in minutes, each of
// which may be missing. A newline at the end is no part of it.
func splitZone(text string) (name string, offset int, ok bool) {
	text = strings.TrimSuffix(text, "\n")
	n := 0
	for n < len(text) && 'A' <= text[n] && text[n] <= 'Z' {
		n++
	}
	name, rest := text[:n], text[n:]
	if n == 2 || n > 5 {
		return "", 0, false
	}
	if rest == "" {
		return name, 0, true
	}
	digits, ascii := asciiDigits([]byte(rest))
	if !ascii || len(digits) < 3 || digits[0] != '+' && digits[0] != '-' {
		return "", 0, false
	}
	// The tens of hours are matched as ASCII, all other digits may be of any script.
	if rest[1] != '0' && rest[1] != '1' {
		return "", 0, false
	}
	hours, ok := twoDigits(digits[1:3])
	if !ok {
		return "", 0, false
	}
	minutes := 0
	if tail := digits[3:]; tail != "" {
		if minutes, ok = twoDigits(strings.TrimPrefix(tail, ":")); !ok {
			return "", 0, false
		}
	}
	offset = hours*60 + minutes
	if digits[0] == '-' {
		offset = -offset
	}
	return name, offset, true
}

func twoDigits(text string) (int, bool) {
	if len(text) != 2 || text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9' {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

// zoneAbbreviations gives each abbreviation's minutes east of UTC: 222 names,
// without daylight saving; where fail2ban lists a name twice its later value
// holds (COMPAT, Appendix B).
var zoneAbbreviations = sync.OnceValue(func() map[string]int {
	return abbreviations(map[int]string{
		-720: "Y",
		-660: "NUT SST X",
		-600: "CKT HAST HST TAHT TKT W",
		-570: "MART MIT",
		-540: "AKST GAMT GIT HADT HNY V",
		-480: "AKDT CIST HAY HNP PST PT U",
		-420: "HAP HNR MST PDT T",
		-360: "CST EAST GALT HAR HNC MDT S",
		-300: "CDT COT EASST ECT EST ET HAC HNE PET R",
		-270: "HLV VET",
		-240: "AST BOT CLT COST EDT FKT GYT HAE HNA PYT Q",
		-210: "HNT NST NT",
		-180: "ADT ART BRT CLST FKST GFT HAA P PMST PYST SRT UYT WGT",
		-150: "HAT NDT",
		-120: "BRST FNT O PMDT UYST WGST",
		-60:  "AZOT CVT EGT N",
		0:    "EGST GMT UTC WET WT Z",
		60:   "A CET DFT WAT WEDT WEST",
		120:  "B CAT CEDT CEST EET SAST WAST",
		180:  "C EAT EEDT EEST IDT MSK",
		210:  "IRST",
		240:  "AMT AZT D GET GST KUYT MSD MUT RET SAMT SCT",
		270:  "AFT IRDT",
		300:  "AMST AQTT AZST E HMT MAWT MVT PKT TFT TJT TMT UZT YEKT",
		330:  "SLT",
		345:  "NPT",
		360:  "ALMT BIOT BTT F IOT KGT NOVT OMST YEKST",
		390:  "CCT MMT",
		420:  "CXT DAVT G HOVT ICT KRAT NOVST OMSST THA WIB",
		480:  "ACT AWST BDT BNT CAST H HKT IRKT KRAST MYT PHT SGT ULAT WITA WST",
		540:  "AWDT I IRKST JST KST PWT TLT WDT WIT YAKT",
		570:  "ACST",
		600:  "AEST ChST K PGT VLAT YAKST YAPT",
		630:  "ACDT LHST",
		660:  "AEDT L LHDT MAGT NCT PONT SBT VLAST VUT",
		690:  "NFT",
		720:  "ANAST ANAT FJT GILT M MAGST MHT NZST PETST PETT TVT WFT",
		780:  "FJST NZDT",
	})
})

func abbreviations(byOffset map[int]string) map[string]int {
	all := make(map[string]int, 222)
	for minutes, names := range byOffset {
		for _, name := range strings.Fields(names) {
			all[name] = minutes
		}
	}
	return all
}

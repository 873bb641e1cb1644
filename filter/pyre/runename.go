package pyre

import (
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/runenames"
)

// runeByName finds a character by its Unicode name in either case, or a
// control character by its alias, for \N{...}. It looks through all names,
// since such a pattern is rare and compiled once.
func runeByName(name string) (rune, bool) {
	name = strings.ToUpper(name)
	if r, ok := controlAliases[name]; ok {
		return r, true
	}
	if hex, ok := strings.CutPrefix(name, "CJK UNIFIED IDEOGRAPH-"); ok {
		v, err := strconv.ParseUint(hex, 16, 32)
		r := rune(v)
		return r, err == nil && unicode.Is(unicode.Unified_Ideograph, r) && strings.ToUpper(strconv.FormatUint(v, 16)) == hex
	}
	if syllable, ok := strings.CutPrefix(name, "HANGUL SYLLABLE "); ok {
		return hangul(syllable)
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if runenames.Name(r) == name && !strings.HasPrefix(name, "<") {
			return r, true
		}
	}
	return 0, false
}

// hangulParts are what Hangul syllable names are made of, leads, vowels and tails in
// the order in which the syllables are (Unicode Standard, section 3.12).
var hangulParts = sync.OnceValue(func() (parts [3][]string) {
	parts[0] = strings.Split("G GG N D DD R M B BB S SS  J JJ C K T P H", " ")
	parts[1] = strings.Split("A AE YA YAE EO E YEO YE O WA WAE OE YO U WEO WE WI YU EU YI I", " ")
	parts[2] = strings.Split(" G GG GS N NJ NH D L LG LM LB LS LT LP LH M B BS S SS NG J C K T P H", " ")
	return parts
})

func hangul(syllable string) (rune, bool) {
	parts := hangulParts()
	for l, lead := range parts[0] {
		for v, vowel := range parts[1] {
			rest, ok := strings.CutPrefix(syllable, lead+vowel)
			if !ok {
				continue
			}
			for t, tail := range parts[2] {
				if rest == tail {
					return rune(0xAC00 + (l*len(parts[1])+v)*len(parts[2]) + t), true
				}
			}
		}
	}
	return 0, false
}

// controlAliases are the names of the control characters (NameAliases.txt).
var controlAliases = map[string]rune{
	"NULL": 0x00, "NUL": 0x00, "START OF HEADING": 0x01, "START OF TEXT": 0x02, "END OF TEXT": 0x03,
	"END OF TRANSMISSION": 0x04, "ENQUIRY": 0x05, "ACKNOWLEDGE": 0x06, "ALERT": 0x07,
	"BACKSPACE": 0x08, "CHARACTER TABULATION": 0x09, "HORIZONTAL TABULATION": 0x09, "TAB": 0x09,
	"LINE FEED": 0x0A, "NEW LINE": 0x0A, "END OF LINE": 0x0A, "LF": 0x0A, "NL": 0x0A,
	"LINE TABULATION": 0x0B, "VERTICAL TABULATION": 0x0B, "FORM FEED": 0x0C, "FF": 0x0C,
	"CARRIAGE RETURN": 0x0D, "CR": 0x0D, "SHIFT OUT": 0x0E, "SHIFT IN": 0x0F,
	"ESCAPE": 0x1B, "ESC": 0x1B, "DELETE": 0x7F, "NEXT LINE": 0x85, "NEL": 0x85,
	"NBSP": 0xA0, "SOFT HYPHEN": 0xAD, "BYTE ORDER MARK": 0xFEFF, "BOM": 0xFEFF, "ZWNBSP": 0xFEFF,
}

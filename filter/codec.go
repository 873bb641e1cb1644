package filter

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// codec turns bytes of a log into text; the zero codec is UTF-8.
type codec struct {
	kind codecKind
	enc  encoding.Encoding
}

type codecKind uint8

const (
	codecUTF8 codecKind = iota
	codecUTF8BOM
	codecASCII
	codecLatin1
	codecOther
)

// codecNames are Python's names that the IANA index does not know as such, in
// Python's normal form.
var codecNames = map[string]codec{
	"utf_8": {}, "utf8": {}, "u8": {}, "utf": {}, "cp65001": {},
	"utf_8_sig": {kind: codecUTF8BOM},
	"ascii":     {kind: codecASCII}, "646": {kind: codecASCII}, "us_ascii": {kind: codecASCII}, "ansi_x3.4_1968": {kind: codecASCII},
	"latin_1": {kind: codecLatin1}, "latin1": {kind: codecLatin1}, "latin": {kind: codecLatin1}, "l1": {kind: codecLatin1},
	"iso_8859_1": {kind: codecLatin1}, "iso8859_1": {kind: codecLatin1}, "8859": {kind: codecLatin1}, "cp819": {kind: codecLatin1},
	"utf_16":    {codecOther, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
	"utf16":     {codecOther, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
	"utf_16_le": {codecOther, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"utf_16le":  {codecOther, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"utf_16_be": {codecOther, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	"utf_16be":  {codecOther, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	"koi8_r":    {codecOther, charmap.KOI8R}, "koi8_u": {codecOther, charmap.KOI8U},
	"mac_roman": {codecOther, charmap.Macintosh}, "cp437": {codecOther, charmap.CodePage437},
	"cp850": {codecOther, charmap.CodePage850}, "cp852": {codecOther, charmap.CodePage852},
	"cp855": {codecOther, charmap.CodePage855}, "cp858": {codecOther, charmap.CodePage858},
	"cp860": {codecOther, charmap.CodePage860}, "cp862": {codecOther, charmap.CodePage862},
	"cp863": {codecOther, charmap.CodePage863}, "cp865": {codecOther, charmap.CodePage865},
	"cp866": {codecOther, charmap.CodePage866},
}

// lookupCodec finds an encoding by a name that Python's codecs know.
func lookupCodec(name string) (codec, error) {
	norm := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(name))
	if c, ok := codecNames[norm]; ok {
		return c, nil
	}
	unknown := &settingError{"unknown encoding: " + name, ErrValue}
	for _, try := range iana(norm) {
		enc, err := ianaindex.IANA.Encoding(try)
		if err == nil && enc != nil {
			return codec{codecOther, enc}, nil
		}
	}
	return codec{}, unknown
}

// iana gives the names under which the IANA index may know a Python encoding.
func iana(norm string) []string {
	dashed := strings.ReplaceAll(norm, "_", "-")
	names := []string{norm, dashed}
	for _, form := range [][2]string{{"cp125", "windows-125"}, {"iso8859", "iso-8859"}, {"cp874", "windows-874"}} {
		if rest, ok := strings.CutPrefix(dashed, form[0]); ok {
			names = append(names, form[1]+rest)
		}
	}
	return names
}

// decode gives raw as valid UTF-8, appending to buf where it must be made; ok
// is false when bytes had to be replaced by U+FFFD.
func (c codec) decode(buf, raw []byte) (text []byte, ok bool) {
	switch c.kind {
	case codecUTF8BOM:
		return codec{}.decode(buf, bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	case codecUTF8:
		if utf8.Valid(raw) {
			return raw, true
		}
		return replaceInvalid(buf, raw), false
	case codecLatin1:
		return appendLatin1(buf, raw), true
	case codecASCII:
		return decodeASCII(buf, raw)
	}
	out, err := c.enc.NewDecoder().Bytes(raw)
	if err != nil {
		return replaceInvalid(buf, raw), false
	}
	return out, !bytes.ContainsRune(out, utf8.RuneError)
}

func appendLatin1(buf, raw []byte) []byte {
	for _, b := range raw {
		buf = utf8.AppendRune(buf, rune(b))
	}
	return buf
}

func decodeASCII(buf, raw []byte) (text []byte, ok bool) {
	ok = true
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			ok = false
			buf = utf8.AppendRune(buf, utf8.RuneError)
			continue
		}
		buf = append(buf, b)
	}
	if ok {
		return raw, true
	}
	return buf, false
}

// replaceInvalid copies raw with each maximal beginning of a character that
// is cut short, or else each odd byte, replaced by one U+FFFD, as Python does.
func replaceInvalid(buf, raw []byte) []byte {
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r != utf8.RuneError || n > 1 {
			buf = append(buf, raw[:n]...)
		} else {
			n = badLen(raw)
			buf = utf8.AppendRune(buf, utf8.RuneError)
		}
		raw = raw[n:]
	}
	return buf
}

// badLen is the length of the ill-formed piece at the start of b: the longest
// beginning of a well-formed character (Unicode, table 3-7), or one byte.
func badLen(b []byte) int {
	var need int
	lo, hi := byte(0x80), byte(0xbf)
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		need = 1
	case c == 0xe0:
		need, lo = 2, 0xa0
	case c == 0xed:
		need, hi = 2, 0x9f
	case c >= 0xe1 && c <= 0xef:
		need = 2
	case c == 0xf0:
		need, lo = 3, 0x90
	case c == 0xf4:
		need, hi = 3, 0x8f
	case c >= 0xf1 && c <= 0xf3:
		need = 3
	}
	n := 1
	for n < len(b) && n <= need && b[n] >= lo && b[n] <= hi {
		n++
		lo, hi = 0x80, 0xbf
	}
	return n
}

// PreferredEncoding is the encoding that auto means: the one that the locale
// in the environment names, else UTF-8.
func PreferredEncoding(getenv func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		value := getenv(name)
		if value == "" {
			continue
		}
		_, set, _ := strings.Cut(value, ".")
		set, _, _ = strings.Cut(set, "@")
		if c, err := lookupCodec(set); set != "" && err == nil && c.kind != codecASCII {
			if c.kind == codecUTF8 {
				return "UTF-8"
			}
			return set
		}
		return "UTF-8"
	}
	return "UTF-8"
}

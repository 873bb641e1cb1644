package filter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// codec turns bytes of a log into text; the zero codec is UTF-8.
type codec struct {
	kind codecKind
	enc  encoding.Encoding
	page *[256]rune // of codecPage; U+FFFD where a byte is no character
	unit int        // bytes of one code unit, 0 for 1
	big  bool       // the first byte of a unit is the high one
}

type codecKind uint8

const (
	codecUTF8 codecKind = iota
	codecUTF8BOM
	codecASCII
	codecPage
	codecOther
)

// codecNames are Python's names that the IANA index does not know as such, in
// Python's normal form.
var codecNames = map[string]codec{
	"utf_8": {}, "utf8": {}, "u8": {}, "utf": {}, "cp65001": {},
	"utf_8_sig": {kind: codecUTF8BOM},
	"ascii":     {kind: codecASCII}, "646": {kind: codecASCII}, "us_ascii": {kind: codecASCII}, "ansi_x3.4_1968": {kind: codecASCII},
	"utf_16":    {kind: codecOther, enc: unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unit: 2},
	"utf16":     {kind: codecOther, enc: unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unit: 2},
	"utf_16_le": {kind: codecOther, enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unit: 2},
	"utf_16le":  {kind: codecOther, enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unit: 2},
	"utf_16_be": {kind: codecOther, enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), unit: 2, big: true},
	"utf_16be":  {kind: codecOther, enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), unit: 2, big: true},
}

// multibyte are encodings that the library has under another name than Python,
// or in a wider form: GB 2312 is part of GBK. Of those that are bytewise Python
// replaces a byte at a time, where the library may take an ASCII character with it.
var multibyte = []struct {
	enc      encoding.Encoding
	bytewise bool
	names    string
}{
	{simplifiedchinese.GBK, true, "936 cp936 ms936 gb2312 gb2312_1980 gb2312_80 euc_cn euccn eucgb2312_cn chinese iso_ir_58 csiso58gb231280"},
	{simplifiedchinese.GB18030, true, "gb18030_2000"},
	{simplifiedchinese.HZGB2312, false, "hz hz_gb hzgb hz_gb_2312"},
	{traditionalchinese.Big5, true, "950 cp950 ms950 big5_tw big5_hkscs big5hkscs hkscs"},
	{japanese.ShiftJIS, true, "932 cp932 ms932 mskanji ms_kanji windows_31j shiftjis sjis s_jis"},
	{japanese.EUCJP, true, "eucjp ujis u_jis"},
	{japanese.ISO2022JP, false, "iso2022_jp iso2022jp"},
	{korean.EUCKR, true, "949 cp949 ms949 uhc euckr korean ks_c_5601 ks_c_5601_1987 ks_x_1001 ksc5601 ksx1001"},
}

// pageNames are names of code pages that the IANA index does not know as such.
var pageNames = map[string]*charmap.Charmap{
	"latin_1": charmap.ISO8859_1, "latin": charmap.ISO8859_1, "8859": charmap.ISO8859_1, "cp819": charmap.ISO8859_1,
	"mac_roman": charmap.Macintosh, "cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852,
	"cp855": charmap.CodePage855, "cp858": charmap.CodePage858, "cp860": charmap.CodePage860, "cp862": charmap.CodePage862,
	"cp863": charmap.CodePage863, "cp865": charmap.CodePage865, "cp866": charmap.CodePage866,
	"1250": charmap.Windows1250, "1251": charmap.Windows1251, "1252": charmap.Windows1252, "1253": charmap.Windows1253, "1254": charmap.Windows1254,
	"1255": charmap.Windows1255, "1256": charmap.Windows1256, "1257": charmap.Windows1257, "1258": charmap.Windows1258,
	"iso8859": charmap.ISO8859_1, "macroman": charmap.Macintosh, "mac_cyrillic": charmap.MacintoshCyrillic, "maccyrillic": charmap.MacintoshCyrillic,
	"858": charmap.CodePage858, "latin7": charmap.ISO8859_13, "l7": charmap.ISO8859_13, "latin9": charmap.ISO8859_15, "l9": charmap.ISO8859_15,
}

// cut finds the first line of data; ok is false where its end is missing.
func (c codec) cut(data []byte) (line, rest []byte, ok bool) {
	unit := max(c.unit, 1)
	for from := 0; ; {
		i := bytes.IndexByte(data[from:], '\n')
		if i < 0 {
			return nil, data, false
		}
		at := from + i
		start := at - at%unit
		end := start + unit
		if end > len(data) {
			return nil, data, false
		}
		if unit == 1 || c.lineFeed(data[start:end]) {
			return data[:end], data[end:], true
		}
		from = at + 1
	}
}

// keepsASCII says whether an ASCII character is its one byte, and such a byte
// nothing else.
func (c codec) keepsASCII() bool {
	if c.kind == codecPage {
		for b, r := range c.page[:utf8.RuneSelf] {
			if r != rune(b) {
				return false
			}
		}
	}
	return c.kind != codecOther
}

// plain is how many bytes at the beginning of data are text as they stand.
func (c codec) plain(data []byte) int {
	if !c.keepsASCII() {
		return 0
	}
	n := countASCII(data)
	for c.kind == codecUTF8 && n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
		n += countASCII(data[n:])
	}
	return n
}

// countASCII counts the ASCII characters at the beginning of data.
func countASCII(data []byte) (n int) {
	const high = 0x8080808080808080
	for ; len(data)-n >= 64; n += 64 {
		w := data[n : n+64 : n+64]
		if (binary.LittleEndian.Uint64(w)|binary.LittleEndian.Uint64(w[8:])|
			binary.LittleEndian.Uint64(w[16:])|binary.LittleEndian.Uint64(w[24:])|
			binary.LittleEndian.Uint64(w[32:])|binary.LittleEndian.Uint64(w[40:])|
			binary.LittleEndian.Uint64(w[48:])|binary.LittleEndian.Uint64(w[56:]))&high != 0 {
			break
		}
	}
	for n < len(data) && data[n] < utf8.RuneSelf {
		n++
	}
	return n
}

func (c codec) lineFeed(unit []byte) bool {
	last := len(unit) - 1
	for i, b := range unit {
		want := byte(0)
		if (c.big && i == last) || (!c.big && i == 0) {
			want = '\n'
		}
		if b != want {
			return false
		}
	}
	return true
}

// lookupCodec finds an encoding by a name that Python's codecs know.
func lookupCodec(name string) (codec, error) {
	norm := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(name))
	if c, ok := codecNames[norm]; ok {
		return c, nil
	}
	if page, ok := pageNames[norm]; ok {
		return pageCodec(page), nil
	}
	for _, m := range multibyte {
		if slices.Contains(strings.Fields(m.names), norm) {
			return codec{kind: codecOther, enc: m.enc}, nil
		}
	}
	for _, try := range iana(norm) {
		enc, err := ianaindex.IANA.Encoding(try)
		switch page, ok := enc.(*charmap.Charmap); {
		case err != nil || enc == nil:
		case ok:
			return pageCodec(page), nil
		default:
			return codec{kind: codecOther, enc: enc}, nil
		}
	}
	return codec{}, &settingError{"unknown encoding: " + name, ErrValue}
}

// pageCodec makes a codec of a code page, with Python's idea of bytes 0x80 to
// 0x9f: control characters in ISO 8859, nothing where Windows has none.
func pageCodec(page *charmap.Charmap) codec {
	var table [256]rune
	iso := strings.HasPrefix(page.String(), "ISO 8859")
	for i := range table {
		r := page.DecodeByte(byte(i))
		switch {
		case i < 0x80 || i > 0x9f:
		case iso:
			r = rune(i)
		case r == rune(i):
			r = utf8.RuneError
		}
		table[i] = r
	}
	if page == charmap.KOI8U { // the library has KOI8-RU's letters there; RFC 2319
		table[0xae], table[0xbe] = '╝', '╬'
	}
	if page == charmap.Windows1255 { // Python knows no character there
		table[0xca] = utf8.RuneError
	}
	return codec{kind: codecPage, page: &table}
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
	case codecPage:
		return decodePage(buf, raw, c.page)
	case codecASCII:
		return decodeASCII(buf, raw)
	}
	out, err := c.enc.NewDecoder().Bytes(raw)
	if err != nil {
		return replaceInvalid(buf, raw), false
	}
	if ok := !bytes.ContainsRune(out, utf8.RuneError); ok || !bytewise(c.enc) {
		return out, ok
	}
	return replaceBytes(buf, raw, c.enc), false
}

// bytewise says whether of an encoding Python replaces a byte at a time.
func bytewise(enc encoding.Encoding) bool {
	for _, m := range multibyte {
		if m.enc == enc {
			return m.bytewise
		}
	}
	return false
}

// replaceBytes decodes raw, one U+FFFD for each byte that begins no character.
func replaceBytes(buf, raw []byte, enc encoding.Encoding) []byte {
	decoder := enc.NewDecoder()
	var char [2 * utf8.UTFMax]byte
	for len(raw) > 0 {
		n := 1
		for ; n < maxCharLen && n < len(raw); n++ {
			if _, took, err := decoder.Transform(char[:], raw[:n], false); took > 0 || !errors.Is(err, transform.ErrShortSrc) {
				break
			}
		}
		made, took, err := decoder.Transform(char[:], raw[:n], true)
		if r, _ := utf8.DecodeRune(char[:made]); err != nil || took != n || r == utf8.RuneError {
			buf, n = utf8.AppendRune(buf, utf8.RuneError), 1
		} else {
			buf = append(buf, char[:made]...)
		}
		raw = raw[n:]
	}
	return buf
}

// maxCharLen is how many bytes a character has at most (GB 18030).
const maxCharLen = 4

func decodePage(buf, raw []byte, page *[256]rune) (text []byte, ok bool) {
	ok = true
	for _, b := range raw {
		r := page[b]
		ok = ok && r != utf8.RuneError
		buf = utf8.AppendRune(buf, r)
	}
	return buf, ok
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

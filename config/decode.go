package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// pyChunk is how many bytes Python's text files decode at a time. A fault of
// syntax in an earlier chunk is found before a bad byte in a later one.
const pyChunk = 8192

// decodeText reads a file as Python's text mode does: UTF-8, with LF, CR and CRLF
// all made "\n". Where a byte is no UTF-8, the whole lines that Python gives out
// before it notices come back with its complaint.
func decodeText(data []byte) (text, bad string) {
	if !utf8.Valid(data) {
		var good int
		good, bad = badUTF8(data)
		data = data[:good]
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	if bad != "" {
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	// Nobody writes to what was read, so that it need not be copied.
	return unsafe.String(unsafe.SliceData(data), len(data)), bad
}

// decodeLines is decodeText that gives the lines; each but the last ends in "\n".
func decodeLines(data []byte) (lines []string, bad string) {
	text, bad := decodeText(data)
	lines = strings.SplitAfter(text, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	return lines, bad
}

// badUTF8 tells how much text Python has decoded before the chunk with the first
// bad byte, and words its complaint; positions count from that chunk's start.
func badUTF8(data []byte) (good int, text string) {
	pos := 0
	for pos < len(data) {
		r, n := utf8.DecodeRune(data[pos:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		pos += n
	}
	span, reason := badSequence(data[pos:])
	start := (pos + span) / pyChunk * pyChunk // the chunk in which the fault shows
	if reason == "unexpected end of data" {
		start = len(data)
	}
	good = start
	if good > pos { // the sequence began at the end of the chunk before
		good = pos
	}
	if span == 1 {
		return good, fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", data[pos], pos-good, reason)
	}
	return good, fmt.Sprintf("'utf-8' codec can't decode bytes in position %d-%d: %s", pos-good, pos-good+span-1, reason)
}

// badSequence judges the bytes at the start of b, which are no UTF-8.
func badSequence(b []byte) (span int, reason string) {
	need := 0
	low, high := byte(0x80), byte(0xbf)
	switch c := b[0]; {
	case c < 0xc2 || c > 0xf4:
		return 1, "invalid start byte"
	case c < 0xe0:
		need = 1
	case c < 0xf0:
		need = 2
		if c == 0xe0 {
			low = 0xa0
		}
		if c == 0xed {
			high = 0x9f
		}
	default:
		need = 3
		if c == 0xf0 {
			low = 0x90
		}
		if c == 0xf4 {
			high = 0x8f
		}
	}
	for i := 1; i <= need; i++ {
		if i == len(b) {
			return i, "unexpected end of data"
		}
		if b[i] < low || b[i] > high {
			return i, "invalid continuation byte"
		}
		low, high = 0x80, 0xbf
	}
	return 1, "invalid start byte"
}

// isSpace is what Python's str.isspace and \s hold for a blank.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

func strip(s string) string {
	for s != "" && plainSpace(s[0]) {
		s = s[1:]
	}
	if s = rstrip(s); s == "" || s[0] < utf8.RuneSelf {
		return s
	}
	return strings.TrimLeftFunc(s, isSpace)
}

func rstrip(s string) string {
	for s != "" && plainSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if s == "" || s[len(s)-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimRightFunc(s, isSpace)
}

// plainSpace is isSpace of one byte: ASCII alone.
func plainSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' || 0x1c <= c && c <= 0x1f }

// lower is Python's str.lower. It differs from Go's in two letters: a dotted
// capital I keeps its dot, and a capital sigma at the end of a word becomes final.
func lower(s string) string {
	if isLower(s) {
		return s
	}
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == 'İ':
			b.WriteString("i\u0307")
		case r == 'Σ' && casedNext(runes, i, -1) && !casedNext(runes, i, 1):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// isLower tells whether s is ASCII without capitals, as most names are.
func isLower(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// casedNext tells whether the next letter in a direction, past marks and points
// that do not matter, has a case: Unicode's Final_Sigma.
func casedNext(runes []rune, i, step int) bool {
	for i += step; i >= 0 && i < len(runes); i += step {
		r := runes[i]
		if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:··՟״‘’․‧︓﹒﹕＇．：", r) {
			continue
		}
		return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
	}
	return false
}

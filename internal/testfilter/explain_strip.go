package testfilter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// style says how text for people is printed.
type style struct {
	colour bool
	width  int // columns of a line
}

// Colours, as SGR numbers.
const (
	bold  = "1"
	faint = "2"
	red   = "1;31"
	green = "32"
	amber = "33"
)

// paint wraps text in a colour, on a terminal. Text of a log must have been
// made visible before.
func (s style) paint(sgr, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// visible writes what a terminal would act upon, or not show, as an escape:
// control, direction and zero-width characters, broken bytes and odd spaces
// (FIELD C13).
func visible(text string) string {
	clean := true
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var sb strings.Builder
	for i := 0; i < len(text); {
		cell, n := visibleRune(text[i:])
		sb.WriteString(cell)
		i += n
	}
	return sb.String()
}

func visibleRune(text string) (cell string, size int) {
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf(`\x%02x`, text[0]), n
	case r == '\t':
		return `\t`, n
	case r == '\n':
		return `\n`, n
	case r == '\r':
		return `\r`, n
	case unicode.IsPrint(r):
		return text[:n], n
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r), n
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r), n
	}
	return fmt.Sprintf(`\U%08x`, r), n
}

// shortened is the beginning of a text that would fill the screen.
func shortened(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// quoted is text to name in a sentence, cut if it is long.
func quoted(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return `"` + visible(string(r[:most])) + `"…`
	}
	return `"` + visible(text) + `"`
}

// mark is drawn below the bytes from from to to of a text.
type mark struct {
	from, to int
	sign     byte
	sgr      string
}

// underlined returns a text in one line, and the line of its marks below it.
// If the text is too wide it is cut so that the place at is seen. Each mark is
// at least one column wide, also behind the end of the text.
func (s style) underlined(text string, at int, marks []mark) (line, below string) {
	column := make([]int, len(text)+1) // of each byte; a character's bytes share one
	var cells []string
	for i := 0; i < len(text); {
		cell, n := visibleRune(text[i:])
		for range n {
			column[i] = len(cells)
			i++
		}
		for _, r := range cell {
			cells = append(cells, string(r))
		}
	}
	column[len(text)] = len(cells)
	signs := make([]mark, len(cells)+1) // of each column, the sign 0 for none
	last := 0
	for _, m := range marks {
		from, to := column[m.from], max(column[m.to], column[m.from]+1)
		for c := from; c < to && c < len(signs); c++ {
			signs[c] = m
			last = max(last, c+1)
		}
	}
	signs = signs[:last]
	from, to := s.window(len(cells), column[at])
	line = strings.Join(cells[from:to], "")
	lead := ""
	if from > 0 {
		line, lead = "…"+line, " "
	}
	if to < len(cells) {
		line += "…"
	} else {
		to++ // a mark may stand behind the end
	}
	return line, strings.TrimRight(lead+s.drawn(signs, from, to), " ")
}

// window is which columns to show of so many, so that one of them is seen.
func (s style) window(columns, at int) (from, to int) {
	room := s.width - 2 // for the dots
	if columns <= room {
		return 0, columns
	}
	from = max(0, min(at-room*2/3, columns-room))
	return from, from + room
}

func (s style) drawn(signs []mark, from, to int) string {
	var sb strings.Builder
	for c := from; c < min(to, len(signs)); {
		end := c
		for end < min(to, len(signs)) && signs[end].sign == signs[c].sign {
			end++
		}
		if sign := signs[c].sign; sign == 0 {
			sb.WriteString(strings.Repeat(" ", end-c))
		} else {
			sb.WriteString(s.paint(signs[c].sgr, strings.Repeat(string(sign), end-c)))
		}
		c = end
	}
	return sb.String()
}

package logfmt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// The names of fields that a layout may print.
const (
	fieldTime    = "asctime"
	fieldName    = "name"
	fieldProcess = "process"
	fieldLevel   = "levelname"
	fieldNumber  = "levelno"
	fieldMessage = "message"
	fieldSince   = "relativeCreated" // milliseconds since the log was made
	fieldThread  = "thread"          // the process, in hexadecimal: we have one
	fieldJSON    = "json"            // the whole line as an object
)

// defaultLayout is the line that other programs parse (COMPAT 7.1.1).
const defaultLayout = "%(asctime)s %(name)-24s[%(process)d]: %(levelname)-7s %(message)s"

// The lines of -vv, and of -vvv and more (COMPAT 7.1.4).
const (
	verboseLayout = " %(asctime)-15s %(thread)X %(levelname)-5.5s %(message)s"
	timedLayout   = " +%(relativeCreated)5d %(thread)X %(name)-25.25s %(levelname)-5.5s %(message)s"
)

// piece is literal text, or a field with its padding.
type piece struct {
	text  string
	field string
	left  bool
	word  bool // no number
	width int
	max   int // most characters shown, -1 for all
}

// layout is a compiled line format.
type layout []piece

// compileLayout reads a Python %-style format such as
// "%(asctime)s %(name)-24s[%(process)d]: %(message)s". padding=false drops the
// widths of words, as the target option of that name does.
func compileLayout(format string, padding bool) (layout, error) {
	var out layout
	for format != "" {
		at := strings.IndexByte(format, '%')
		if at < 0 {
			return append(out, piece{text: format}), nil
		}
		if at > 0 {
			out = append(out, piece{text: format[:at]})
			format = format[at:]
		}
		if strings.HasPrefix(format, "%%") {
			out = append(out, piece{text: "%"})
			format = format[2:]
			continue
		}
		p, rest, err := compilePiece(format)
		if err != nil {
			return nil, err
		}
		if !padding && p.word {
			p.width, p.max = 0, -1
		}
		out, format = append(out, p), rest
	}
	return out, nil
}

func compilePiece(format string) (piece, string, error) {
	bad := fmt.Errorf("log format: %q is no %%(name)s field", format)
	end := strings.IndexByte(format, ')')
	if !strings.HasPrefix(format, "%(") || end < 0 {
		return piece{}, "", bad
	}
	p := piece{field: format[2:end], max: -1}
	rest := format[end+1:]
	kind := strings.IndexAny(rest, "sdrfX")
	if kind < 0 {
		return piece{}, "", bad
	}
	p.word = rest[kind] == 's'
	spec, rest := rest[:kind], rest[kind+1:]
	spec, p.left = strings.CutPrefix(spec, "-")
	width, most, cut := strings.Cut(spec, ".")
	var err error
	if width != "" {
		if p.width, err = strconv.Atoi(width); err != nil || p.width > 1000 {
			return piece{}, "", bad
		}
	}
	if cut {
		if p.max, err = strconv.Atoi(most); err != nil || p.max < 0 {
			return piece{}, "", bad
		}
	}
	return p, rest, nil
}

// entry is what a layout prints.
type entry struct {
	when    time.Time
	since   time.Duration // after the log was made
	level   slog.Level
	logger  string
	pid     int
	message string
}

// append writes the line, without a line end.
func (l layout) append(dst []byte, e entry) []byte {
	for _, p := range l {
		if p.field == "" {
			dst = append(dst, p.text...)
			continue
		}
		from := len(dst)
		dst = p.appendField(dst, e)
		if n := len(dst) - from; p.max >= 0 && n > p.max {
			dst = dst[:from+p.max]
		}
		if n := len(dst) - from; n < p.width {
			pad := strings.Repeat(" ", p.width-n)
			if p.left {
				dst = append(dst, pad...)
				continue
			}
			dst = append(dst[:from], pad+string(dst[from:])...)
		}
	}
	return dst
}

func (p piece) appendField(dst []byte, e entry) []byte {
	switch p.field {
	case fieldTime:
		dst = e.when.AppendFormat(dst, "2006-01-02 15:04:05")
		return fmt.Appendf(dst, ",%03d", e.when.Nanosecond()/1e6)
	case fieldName:
		return append(dst, e.logger...)
	case fieldSince:
		return strconv.AppendInt(dst, e.since.Milliseconds(), 10)
	case fieldThread:
		return fmt.Appendf(dst, "%X", e.pid)
	case fieldProcess:
		return strconv.AppendInt(dst, int64(e.pid), 10)
	case fieldLevel:
		return append(dst, levels[rank(e.level)].name...)
	case fieldNumber:
		return strconv.AppendInt(dst, int64(levels[rank(e.level)].number), 10)
	case fieldMessage:
		return append(dst, e.message...)
	case fieldJSON:
		return e.appendJSON(dst)
	}
	return dst
}

// appendJSON writes the line as one JSON object. jail is there where the message
// is about one, which then is not repeated in the message.
func (e entry) appendJSON(dst []byte) []byte {
	object := struct {
		Time    string `json:"time"`
		Level   string `json:"level"`
		Logger  string `json:"logger"`
		PID     int    `json:"pid"`
		Jail    string `json:"jail,omitempty"`
		Message string `json:"message"`
	}{e.when.Format("2006-01-02T15:04:05.000Z07:00"), levels[rank(e.level)].name, e.logger, e.pid, "", e.message}
	if rest, ok := strings.CutPrefix(e.message, "["); ok {
		if jail, message, ok := strings.Cut(rest, "] "); ok {
			object.Jail, object.Message = jail, message
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Texts and numbers always encode.
	_ = enc.Encode(object)
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

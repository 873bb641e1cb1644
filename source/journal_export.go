package source

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// journalFields are the fields that a line is made of (COMPAT 2.9.1, 2.9.2).
// journalctl adds the cursor and the times of its own.
var journalFields = []string{
	"MESSAGE", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID", "_SOURCE_REALTIME_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP",
}

// maxFieldName bounds the name of a field; journald takes 64 bytes.
const maxFieldName = 256

// errExport says that journalctl wrote what is no export format.
var errExport = errors.New("not the journal's export format")

// exportReader reads the journal's export format: lines FIELD=VALUE, or FIELD
// followed by a length in eight bytes, little endian, and as many bytes; an
// empty line ends an entry
// (https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-export-format).
type exportReader struct {
	r      *bufio.Reader
	fields map[string][]byte // the first value of each field
	more   [][]byte          // further values of MESSAGE
	size   int               // of MESSAGE so far
}

func newExportReader(r io.Reader) *exportReader {
	return &exportReader{r: bufio.NewReaderSize(r, 64<<10), fields: map[string][]byte{}}
}

// buffered says whether more has been read already.
func (x *exportReader) buffered() bool { return x.r.Buffered() > 0 }

// next returns the next entry; io.EOF where there is none. An entry that breaks
// off is left out.
func (x *exportReader) next() (JournalEntry, error) {
	clear(x.fields)
	x.more, x.size = nil, 0
	for {
		name, value, err := x.field()
		switch {
		case err != nil:
			return JournalEntry{}, err
		case name != "":
			x.keep(name, value)
		case len(x.fields) > 0:
			return x.entry()
		}
	}
}

// field reads one field; name "" is the end of an entry.
func (x *exportReader) field() (name string, value []byte, err error) {
	line, err := x.line()
	if err != nil || len(line) == 0 {
		return "", nil, err
	}
	key, value, isText := bytes.Cut(line, []byte{'='})
	if len(key) == 0 || len(key) > maxFieldName {
		return "", nil, fmt.Errorf("%w: a field named %.50q", errExport, key)
	}
	name = string(key)
	if isText {
		return name, bytes.Clone(value), nil
	}
	var size uint64
	if err := binary.Read(x.r, binary.LittleEndian, &size); err != nil {
		return "", nil, breakOff(err)
	}
	if size > 1<<40 {
		return "", nil, fmt.Errorf("%w: field %s of %d bytes", errExport, name, size)
	}
	value = make([]byte, min(size, MaxLine))
	if _, err := io.ReadFull(x.r, value); err != nil {
		return "", nil, breakOff(err)
	}
	if _, err := io.CopyN(io.Discard, x.r, int64(size)-int64(len(value))); err != nil {
		return "", nil, breakOff(err)
	}
	if end, err := x.r.ReadByte(); err != nil || end != '\n' {
		return "", nil, breakOff(err)
	}
	return name, value, nil
}

func breakOff(err error) error {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: a field breaks off", errExport)
	}
	return err
}

// line reads a line of text, of which at most MaxLine bytes are kept.
func (x *exportReader) line() ([]byte, error) {
	part, err := x.r.ReadSlice('\n')
	if err == nil {
		return part[:len(part)-1], nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	line := bytes.Clone(part)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = x.r.ReadSlice('\n')
		line = append(line, part[:min(len(part), max(0, MaxLine-len(line)))]...)
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

func (x *exportReader) keep(name string, value []byte) {
	_, known := x.fields[name]
	switch {
	case name == "MESSAGE" && known && x.size+len(value) <= MaxLine:
		x.more = append(x.more, value)
	case known:
		return
	default:
		x.fields[name] = value
	}
	if name == "MESSAGE" {
		x.size += len(value)
	}
}

// entry makes a line of the fields.
func (x *exportReader) entry() (JournalEntry, error) {
	micros, ok := x.number("_SOURCE_REALTIME_TIMESTAMP")
	if !ok {
		if micros, ok = x.number("__REALTIME_TIMESTAMP"); !ok {
			return JournalEntry{}, fmt.Errorf("%w: an entry without a time", errExport)
		}
	}
	return JournalEntry{
		Place: JournalPlace{Cursor: string(x.fields["__CURSOR"]), Time: float64(micros) / 1e6, Text: isoText(micros), Seen: true},
		Text:  x.text(),
	}, nil
}

func (x *exportReader) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(string(x.fields[name]), 10, 64)
	return n, err == nil
}

// isoText is a time as Python's datetime writes it, with its zone as of
// python-systemd 235: no fraction where it is 0.
func isoText(micros int64) string {
	layout := "2006-01-02T15:04:05.000000-07:00"
	if micros%1_000_000 == 0 {
		layout = "2006-01-02T15:04:05-07:00"
	}
	return time.UnixMicro(micros).Format(layout)
}

// text is `HOSTNAME IDENT[PID]: MESSAGE`, what is missing left out.
func (x *exportReader) text() []byte {
	var parts []string
	if host := x.fields["_HOSTNAME"]; len(host) > 0 {
		parts = append(parts, string(host))
	}
	if ident := x.first("SYSLOG_IDENTIFIER", "_COMM"); ident != "" {
		if pid := x.first("SYSLOG_PID", "_PID"); pid != "" {
			if n, err := strconv.ParseInt(strings.TrimSpace(pid), 10, 64); err == nil {
				pid = strconv.FormatInt(n, 10)
			}
			ident += "[" + pid + "]"
		}
		parts = append(parts, ident+":")
		if ident == "kernel" {
			parts = append(parts, x.monotonic())
		}
	}
	message := x.fields["MESSAGE"]
	for _, more := range x.more {
		message = append(append(message, ' '), more...)
	}
	parts = append(parts, string(message))
	return []byte(strings.ReplaceAll(strings.Join(parts, " "), "\n", `\n`))
}

func (x *exportReader) first(names ...string) string {
	for _, name := range names {
		if v := x.fields[name]; len(v) > 0 {
			return string(v)
		}
	}
	return ""
}

// monotonic is the time since the machine started as the kernel's log shows it.
func (x *exportReader) monotonic() string {
	micros, ok := x.number("_SOURCE_MONOTONIC_TIMESTAMP")
	if !ok {
		micros, _ = x.number("__MONOTONIC_TIMESTAMP")
	}
	return fmt.Sprintf("[%12.6f]", float64(micros)/1e6)
}

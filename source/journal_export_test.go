package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// field is one of an export stream, binary where its value has a newline.
func exported(name, value string) string {
	if !strings.Contains(value, "\n") {
		return name + "=" + value + "\n"
	}
	return name + "\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(value)))) + value + "\n"
}

// TestJournalLine_2_9_1 is how an entry becomes a line.
func TestJournalLine_2_9_1(t *testing.T) {
	long := strings.Repeat("x", MaxLine+10)
	for _, tt := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"all", []string{"_HOSTNAME", "h", "SYSLOG_IDENTIFIER", "sshd", "_COMM", "c", "SYSLOG_PID", "12", "_PID", "13", "MESSAGE", "m"}, "h sshd[12]: m"},
		{"from the kernel's fields", []string{"_HOSTNAME", "h", "_COMM", "c", "_PID", "13", "MESSAGE", "m"}, "h c[13]: m"},
		{"a pid in other words", []string{"SYSLOG_IDENTIFIER", "i", "SYSLOG_PID", "007", "MESSAGE", "m"}, "i[7]: m"},
		{"a pid that is none", []string{"SYSLOG_IDENTIFIER", "i", "SYSLOG_PID", "x", "MESSAGE", "m"}, "i[x]: m"},
		{"no pid", []string{"SYSLOG_IDENTIFIER", "i", "MESSAGE", "m"}, "i: m"},
		{"a pid without a name", []string{"_HOSTNAME", "h", "_PID", "1", "MESSAGE", "m"}, "h m"},
		{"empty fields", []string{"_HOSTNAME", "", "SYSLOG_IDENTIFIER", "", "_COMM", "c", "MESSAGE", "m"}, "c: m"},
		{"no message", []string{"_HOSTNAME", "h"}, "h "},
		{"several messages", []string{"MESSAGE", "a", "MESSAGE", "b\nc"}, `a b\nc`},
		{"newlines", []string{"_HOSTNAME", "h\n1.2.3.4", "MESSAGE", "a\nb\n"}, `h\n1.2.3.4 a\nb\n`},
		{"no text", []string{"MESSAGE", "a\x00\xff\n"}, "a\x00\xff\\n"},
		{"the kernel", []string{"SYSLOG_IDENTIFIER", "kernel", "_SOURCE_MONOTONIC_TIMESTAMP", "1234567", "MESSAGE", "m"}, "kernel: [    1.234567] m"},
		{"the kernel without its time", []string{"SYSLOG_IDENTIFIER", "kernel", "__MONOTONIC_TIMESTAMP", "12345678901", "MESSAGE", "m"}, "kernel: [12345.678901] m"},
		{"one that calls itself kernel", []string{"SYSLOG_IDENTIFIER", "kernel", "_PID", "5", "MESSAGE", "m"}, "kernel[5]: m"},
		{"a long text", []string{"MESSAGE", long}, long[:MaxLine]},
		{"a long binary", []string{"MESSAGE", "\n" + long}, `\n` + long[:MaxLine-1]},
	} {
		text := "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795348800000000\n"
		for i := 0; i < len(tt.fields); i += 2 {
			text += exported(tt.fields[i], tt.fields[i+1])
		}
		x := newExportReader(iotest.OneByteReader(strings.NewReader(text + "\n" + text + "\n")))
		for range 2 {
			e, err := x.next()
			got, want := string(e.Text), tt.want
			if len(want) > 1000 && len(got) <= MaxLine+1 {
				want, got = want[:1000], got[:1000]
			}
			if err != nil || got != want || e.Place.Cursor != "s=1;i=2" {
				t.Errorf("%s: %.200q %v, want %.200q", tt.name, got, err, want)
			}
		}
		if _, err := x.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end %v", tt.name, err)
		}
	}
}

// TestJournalTime_2_9_2: the time that the sender gave comes before journald's.
func TestJournalTime_2_9_2(t *testing.T) {
	for _, tt := range []struct{ fields, date string }{
		{"__REALTIME_TIMESTAMP=1795348800123456\n", ".123456"},
		{"__REALTIME_TIMESTAMP=1795348800123456\n_SOURCE_REALTIME_TIMESTAMP=1795348800000000\n", ""},
		{"__REALTIME_TIMESTAMP=1795348800123456\n_SOURCE_REALTIME_TIMESTAMP=x\n", ".123456"},
	} {
		e, err := newExportReader(strings.NewReader(tt.fields + "MESSAGE=m\n\n")).next()
		at := time.Unix(1795348800, 0)
		want := at.Format("2006-01-02T15:04:05") + tt.date + at.Format("-07:00")
		if err != nil || e.Place.Text != want || int64(e.Place.Time) != 1795348800 {
			t.Errorf("%q: %+v %v, want %s", tt.fields, e.Place, err, want)
		}
	}
}

// TestJournalBadStream: what is no export format is an error and no entry.
func TestJournalBadStream(t *testing.T) {
	for _, text := range []string{
		"-- No entries --\n\n", "=x\n\n", "MESSAGE=m\n\n", "A\n\x05\x00\x00\x00\x00\x00\x00\x00ab\n\n", "A\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n",
		"A\n\x01\x00\x00\x00\x00\x00\x00\x00abc\n\n", "A\n\x01\x00\x00", strings.Repeat("N", 1000) + "=x\n\n", "__REALTIME_TIMESTAMP=1\nMESSAGE=m\n",
	} {
		if e, err := newExportReader(strings.NewReader(text)).next(); err == nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

// FuzzExport: no stream makes the reader panic, loop or give a line with a line
// end in it.
func FuzzExport(f *testing.F) {
	f.Add([]byte("__CURSOR=c\n__REALTIME_TIMESTAMP=1795348800123456\n" + exported("MESSAGE", "a\nb") + "\n"))
	f.Add([]byte("A\n\x01\x00\x00\x00\x00\x00\x00\x00a\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := newExportReader(bytes.NewReader(data))
		for n := 0; ; n++ {
			e, err := x.next()
			if err != nil {
				return
			}
			if bytes.IndexByte(e.Text, '\n') >= 0 || !e.Place.Seen || n > len(data) {
				t.Fatalf("entry %d: %q %+v", n, e.Text, e.Place)
			}
		}
	})
}

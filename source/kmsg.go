package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the kernel log's reader.
const (
	// kmsgRecord is the longest record that is read; the kernel's are shorter
	// (PRINTK_MESSAGE_MAX in kernel/printk/internal.h).
	kmsgRecord = 8 << 10
	// kmsgQuiet is how long nothing must come for the log to count as read.
	kmsgQuiet = 20 * time.Millisecond
	// maxKernelPriority is the first number of a record that a program wrote and
	// not the kernel: 8 times the facility, which is 0 for the kernel alone.
	maxKernelPriority = 8
)

const bootIDFile = "/proc/sys/kernel/random/boot_id"

// Kmsg reads the kernel's log from its device. What a program wrote into that
// log is passed over, so that a line in it is the kernel's own
// (https://docs.kernel.org/admin-guide/abi-testing.html, dev-kmsg).
type Kmsg struct {
	// Path replaces /dev/kmsg.
	Path string
	// Log takes messages; none are made if nil.
	Log *slog.Logger
}

// Follow hands the kernel's messages after a place to the sink until ctx ends or
// the sink returns an error. A place's cursor names the boot and the record, so
// that after a restart no record is judged twice.
func (k Kmsg) Follow(ctx context.Context, _ JournalOptions, from JournalPlace, sink JournalSink) error {
	path := k.Path
	if path == "" {
		path = "/dev/kmsg"
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("opening the kernel's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := &kmsgReader{f: f, from: from, sink: sink, log: k.Log, boot: bootID(), started: started()}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if boot, seq, ok := kmsgCursor(from.Cursor); ok && boot == r.boot {
		r.after, r.known = seq, true
	}
	defer context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })()
	return r.run(ctx)
}

// kmsgReader is a reading of the kernel's log at work.
type kmsgReader struct {
	f       *os.File
	from    JournalPlace
	sink    JournalSink
	log     *slog.Logger
	boot    string
	started time.Time // when the kernel's clock stood at 0

	after    uint64 // the last record seen, where known
	known    bool
	caughtUp bool
}

func (r *kmsgReader) run(ctx context.Context) error {
	buf := make([]byte, kmsgRecord)
	for {
		if !r.caughtUp {
			_ = r.f.SetReadDeadline(time.Now().Add(kmsgQuiet))
		}
		n, err := r.f.Read(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.caughtUp = true
			r.sink.CaughtUp()
			_ = r.f.SetReadDeadline(time.Time{})
			if ctx.Err() != nil {
				return nil
			}
			continue
		case errors.Is(err, unix.EPIPE):
			r.log.Warn("The kernel's log overflowed before it was read: messages are lost")
			continue
		case errors.Is(err, unix.EINVAL):
			continue // a record longer than kmsgRecord; the next read gives the next
		case err != nil:
			return fmt.Errorf("reading the kernel's log: %w", err)
		}
		if entries := r.entries(buf[:n]); len(entries) > 0 {
			if err := r.sink.Entries(ctx, entries); err != nil {
				return err
			}
		}
	}
}

// entries reads records: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT`, each on a
// line, with further lines that begin with a blank.
func (r *kmsgReader) entries(data []byte) []JournalEntry {
	var out []JournalEntry
	for line := range bytes.Lines(data) {
		head, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte{'\n'}), []byte{';'})
		if !ok || line[0] == ' ' {
			continue
		}
		priority, seq, micros, ok := kmsgHead(string(head))
		if !ok || priority >= maxKernelPriority || r.known && seq <= r.after {
			continue
		}
		at := r.started.Add(time.Duration(micros) * time.Microsecond)
		if !r.known && float64(at.UnixMicro())/1e6 < r.from.Time {
			continue
		}
		out = append(out, JournalEntry{Text: bytes.Clone(text), Place: JournalPlace{
			Cursor: fmt.Sprintf("kmsg:%s:%d", r.boot, seq), Time: float64(at.UnixMicro()) / 1e6, Text: isoText(at.UnixMicro()), Seen: true,
		}})
	}
	return out
}

func kmsgHead(head string) (priority, seq uint64, micros int64, ok bool) {
	parts := strings.SplitN(head, ",", 4)
	if len(parts) < 3 {
		return 0, 0, 0, false
	}
	priority, err1 := strconv.ParseUint(parts[0], 10, 32)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	micros, err3 := strconv.ParseInt(parts[2], 10, 64)
	return priority, seq, micros, errors.Join(err1, err2, err3) == nil
}

func kmsgCursor(text string) (boot string, seq uint64, ok bool) {
	rest, ok := strings.CutPrefix(text, "kmsg:")
	if !ok {
		return "", 0, false
	}
	boot, number, _ := strings.Cut(rest, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	return boot, seq, err == nil
}

// bootID names this boot; "" where the kernel does not say.
func bootID() string {
	text, err := os.ReadFile(bootIDFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// started is when the clock that the kernel's log goes by stood at 0.
func started() time.Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return time.Now()
	}
	return time.Now().Add(-time.Duration(now.Nano()))
}

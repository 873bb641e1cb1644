package source

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// stamped is a sink that tells how old each line is when it comes: lines hold
// the time when they were written, in nanoseconds.
type stamped struct{ ages chan time.Duration }

func (s stamped) Lines(ctx context.Context, b Batch) error {
	now := time.Now().UnixNano()
	for line := range bytes.Lines(b.Data) {
		at, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
		if err != nil {
			return err
		}
		select {
		case s.ages <- time.Duration(now - at):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// TestLatency measures from a line's write to the sink, with the file idle
// before each line and with lines in quick succession.
func TestLatency(t *testing.T) {
	for _, tc := range []struct {
		name    string
		backend string
		pace    time.Duration
		lines   int
		most    time.Duration // the median's bound, wide for a busy machine
	}{
		{"inotify, idle before", "auto", 25 * time.Millisecond, 60, 20 * time.Millisecond},
		{"inotify, in succession", "auto", 500 * time.Microsecond, 2000, 20 * time.Millisecond},
		{"polling, in succession", "polling", 500 * time.Microsecond, 2000, 100 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			f, err := os.Create(path)
			do(t, err)
			defer f.Close()
			w := running(t, Options{Backend: tc.backend})
			sink := stamped{make(chan time.Duration, tc.lines)}
			_, err = w.Add(path, AddOptions{}, sink)
			do(t, err)
			tick := time.NewTicker(tc.pace)
			defer tick.Stop()
			for range tc.lines {
				<-tick.C
				_, err := f.WriteString(strconv.FormatInt(time.Now().UnixNano(), 10) + "\n")
				do(t, err)
			}
			var ages []time.Duration
			for range tc.lines {
				ages = append(ages, <-sink.ages)
			}
			slices.Sort(ages)
			median, p99 := ages[len(ages)/2], ages[len(ages)*99/100]
			t.Logf("%s: median %v, 99th percentile %v", tc.name, median, p99)
			if median > tc.most {
				t.Errorf("median latency is %v", median)
			}
		})
	}
}

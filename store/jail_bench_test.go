package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/jail"
	"f2b-go/source"
	"f2b-go/store"
)

// sinkOf is a watcher that hands the benchmark the sink of the one log.
type sinkOf struct {
	jail.Watcher // of which only Add is called
	sink         chan source.Sink
}

func (s sinkOf) Add(_ string, _ source.AddOptions, sink source.Sink) (*source.Subscription, error) {
	s.sink <- sink
	return nil, nil
}

func (s sinkOf) Glob(string, []string, func(string, bool)) *source.Glob { return nil }

// BenchmarkJail is what remembering costs a jail: lines that are all failures,
// of few and of many addresses, with and without a database, and with the ban
// times of addresses that are known.
func BenchmarkJail(b *testing.B) {
	for _, c := range []struct {
		name      string
		addresses int
		store     bool
		increment bool
	}{
		{"few/none", 1000, false, false}, {"few/database", 1000, true, false}, {"few/increment", 1000, true, true},
		{"many/none", 60_000, false, false}, {"many/database", 60_000, true, false}, {"many/increment", 60_000, true, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			env := jail.Env{Local: time.UTC, Watcher: sinkOf{sink: make(chan source.Sink, 1)}}
			if c.store {
				d, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "f2b.sqlite3"), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				env.Store = d
			}
			benchJail(b, env, c.addresses, c.increment)
		})
	}
}

func benchJail(b *testing.B, env jail.Env, addresses int, increment bool) {
	j, err := jail.New("j", "auto", env)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "log")
	if err := os.WriteFile(path, []byte("first\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	j.SetMaxRetry(1 << 30)
	for _, err := range []error{j.AddFailRegex(`fail from <ADDR>$`), j.SetDatePattern("^EPOCH"), j.SetBanTimeExtra("increment", increment), j.AddLogPath(path, true)} {
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- j.Run(ctx) }()
	sink := <-env.Watcher.(sinkOf).sink
	var text strings.Builder
	n, lines := 0, 0
	for b.Loop() {
		text.Reset()
		const perBatch = 1000
		for range perBatch {
			n++
			at := n % addresses
			fmt.Fprintf(&text, "%d fail from 10.%d.%d.%d\n", time.Now().Unix(), at>>16, at>>8&255, at&255)
		}
		lines += perBatch
		batch := source.Batch{Path: path, Data: []byte(text.String()), End: int64(n), Hash: "aa", AtEnd: true}
		batch.Places = []source.Position{{Offset: batch.End, Hash: batch.Hash}}
		if err := sink.Lines(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	cancel()
	if err := <-over; err != nil {
		b.Error(err)
	}
}

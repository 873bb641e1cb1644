package jail

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/source"
)

// attack is a log of failures of n addresses.
func attack(lines, n int) []byte {
	var b bytes.Buffer
	at := time.Now().UTC().Format(time.DateTime)
	for i := range lines {
		fmt.Fprintf(&b, "%s fail bob 10.%d.%d.%d\n", at, i%n>>16&255, i%n>>8&255, i%n&255)
	}
	return b.Bytes()
}

func quietJail(tb testing.TB) *Jail {
	tb.Helper()
	j, err := New("j", "auto", Env{Local: time.UTC, Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		tb.Fatal(err)
	}
	if err := j.AddFailRegex(`^ fail <F-USER>\S+</F-USER> <ADDR>$`); err != nil {
		tb.Fatal(err)
	}
	return j
}

// BenchmarkFailures is the way of a failure from the line to the counter.
func BenchmarkFailures(b *testing.B) {
	j := quietJail(b)
	j.SetMaxRetry(1 << 30)
	log := &logFile{j: j, inOperation: true}
	data := attack(10000, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Lines(b.Context(), source.Batch{Data: data}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10000/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkTicketsOfABannedID is what it costs that a banned ID goes on.
func BenchmarkTicketsOfABannedID(b *testing.B) {
	j := quietJail(b)
	j.BanIP(b.Context(), []string{"192.0.2.1"})
	j.counter.setLimits(1, 5, Int(600))
	id := ipaddr.Parse("192.0.2.1")
	s := j.effective()
	for b.Loop() {
		j.count(b.Context(), s, &Ticket{ID: id, Time: j.now()}, 1)
	}
}

// TestFloodOfABannedID is the figure of the issue: 10,000 tickets of a banned
// ID in front of it do not delay another's ban by more than 50 ms.
func TestFloodOfABannedID(t *testing.T) {
	j := quietJail(t)
	j.SetMaxRetry(1)
	a := &told{fakeAction: newAction(t, &recorder{}, "a"), bans: make(chan *Ticket, 10)}
	if err := j.AddAction(a); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- j.Run(ctx) }()
	j.BanIP(ctx, []string{"10.0.0.0"})
	<-a.bans
	id, s := ipaddr.Parse("10.0.0.0"), j.effective()
	least := time.Hour
	for round := range 5 {
		begin := time.Now()
		for range 10000 {
			j.count(ctx, s, &Ticket{ID: id, Time: j.now()}, 1)
		}
		j.count(ctx, s, &Ticket{ID: ipaddr.Parse(fmt.Sprintf("10.0.0.%d", round+1)), Time: j.now()}, 1)
		<-a.bans
		least = min(least, time.Since(begin))
	}
	t.Logf("ban of another ID after 10,000 tickets: %v (the least of 5)", least)
	if least > 50*time.Millisecond && !raceEnabled() {
		t.Errorf("it took %v", least)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// TestQueueOverflow: when more IDs wait than the bound, the others stay counted
// and are banned with their next failure; nothing is lost and it is told.
func TestQueueOverflow(t *testing.T) {
	inBubble(t, false, func(b *bench) {
		b.j.queue = newQueue(10)
		b.j.SetMaxRetry(1)
		b.must(b.j.SetBanTime("1d"))
		b.banner.takes = time.Second
		b.start()
		for i := range 30 {
			b.line(0, fmt.Sprintf("fail 192.0.2.%d", i))
		}
		log := strings.Join(b.take(), "\n")
		if !strings.Contains(log, "WARN filter: [j] Actions are too slow: ") {
			b.Errorf("not told:\n%s", log)
		}
		b.pass(time.Minute)
		for i := range 30 {
			b.line(0, fmt.Sprintf("fail 192.0.2.%d", i))
			b.pass(2 * time.Second)
		}
		if c := b.j.Counts(); c.Banned != 30 || c.Failed != 0 {
			b.Errorf("%+v", c)
		}
		b.banner.takes = 0
	})
}

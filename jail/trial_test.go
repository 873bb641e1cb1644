package jail

import (
	"context"
	"testing"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// TestTrial: what a jail with maxretry 3 would make of failures of one ID.
func TestTrial(t *testing.T) {
	const now = 1_000_000
	for _, c := range []struct {
		name  string
		asOf  bool
		id    string
		times []float64
		want  []Outcome
	}{
		{name: "the third bans, the next is banned until the ban ends", id: "192.0.2.1", times: []float64{0, 1, 2, 3, 102, 103},
			want: []Outcome{{Attempts: 1}, {Attempts: 2}, {Attempts: 3, Bans: true}, {BannedSince: 2}, {Attempts: 1}, {Attempts: 2}}},
		{name: "what has left the find time does not count", id: "192.0.2.1", times: []float64{0, 1, 12, 13},
			want: []Outcome{{Attempts: 1}, {Attempts: 2}, {Attempts: 1}, {Attempts: 2}}},
		{name: "as of now older lines are passed over", asOf: true, id: "192.0.2.1", times: []float64{now - 11, now - 9, now + 5},
			want: []Outcome{{TooOld: true}, {Attempts: 1}, {Attempts: 2}}},
		{name: "an address of ignoreip", id: "10.0.0.1", times: []float64{1}, want: []Outcome{{Ignored: "ip"}}},
		{name: "a network of ignoreip", id: "2001:db8::1", times: []float64{1}, want: []Outcome{{Ignored: "ip"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial, err := NewTrial("j", Env{Clock: func() time.Time { return time.Unix(now, 0) }}, c.asOf)
			if err != nil {
				t.Fatal(err)
			}
			for word, arg := range map[string]any{"maxretry": 3, "findtime": "10", "bantime": "1m40s", "addlogpath": "/nowhere"} {
				if err := trial.Set(word, []any{arg}); err != nil {
					t.Fatal(err)
				}
			}
			if err := trial.Set("addignoreip", []any{"10.0.0.1", "2001:db8::/32"}); err != nil {
				t.Fatal(err)
			}
			for i, at := range c.times {
				f := &filter.Failure{ID: ipaddr.Parse(c.id), HasID: true, Time: at, HasTime: true}
				if got := trial.Judge(context.Background(), f); got != c.want[i] {
					t.Errorf("failure %d, at %v: %+v, want %+v", i+1, at, got, c.want[i])
				}
			}
			if trial.MaxRetry() != 3 || trial.FindTime() != 10 || trial.BanTime() != 100 {
				t.Errorf("maxretry %d, findtime %v, bantime %v", trial.MaxRetry(), trial.FindTime(), trial.BanTime())
			}
		})
	}
}

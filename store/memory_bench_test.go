package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/jail"
	"f2b-go/source"
	"f2b-go/store"
)

// BenchmarkCommit is what a jail's memory costs: one failure, a ticket, a flood
// of new IDs; per commit.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, err := openBench(b)
			if err != nil {
				b.Fatal(err)
			}
			c := &jail.Change{Jail: "sshd", Places: []jail.LogPlaces{{Path: "/var/log/auth.log", Places: []source.Position{{Offset: 7, Hash: "aa"}}}}}
			for i := range n {
				t := ticket("192.0.2.1", 1)
				t.ID = ipaddr.Parse(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
				c.Counted = append(c.Counted, t)
			}
			c.Filter.Sessions = []filter.Session{{ID: "1", Fields: filter.Fields{{Name: "user", Kind: filter.Text, Text: "x"}}}}
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Commit(context.Background(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func openBench(b *testing.B) (*store.DB, error) {
	b.Helper()
	d, err := store.Open(context.Background(), filepath.Join(b.TempDir(), "f2b.sqlite3"), store.Options{})
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	return d, err
}

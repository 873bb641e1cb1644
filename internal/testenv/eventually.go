package testenv

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what has to come.
const Patience = 60 * time.Second

// Eventually asks again and again, at a pace, for a state that no event tells of,
// and returns how long it took. The test ends where it does not come.
func Eventually(t testing.TB, what string, ok func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		if time.Since(begin) > Patience {
			t.Fatalf("waited %v in vain: %s", Patience, what)
		}
		<-again.C
	}
	return time.Since(begin)
}

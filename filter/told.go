package filter

import "sync"

// maxTold is of how many logs a Told remembers something.
const maxTold = 1000

// Told remembers for a day of which logs it was said that they hold bytes which are
// no text, so that the jails that read one say it once. It is safe for concurrent use.
type Told struct {
	mu    sync.Mutex
	until map[string]float64 // by the log's name, in seconds since 1970
}

// NewTold returns one that remembers nothing yet.
func NewTold() *Told { return &Told{until: map[string]float64{}} }

// first tells whether it was not said of that log within the last day.
func (t *Told) first(source string, now float64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now < t.until[source] {
		return false
	}
	if len(t.until) >= maxTold {
		clear(t.until)
	}
	t.until[source] = now + daySeconds
	return true
}

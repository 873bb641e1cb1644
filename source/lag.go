package source

import "bytes"

// maxNext is how much of the next line a lag shows.
const maxNext = 4 << 10

// Lag is how far a reader is behind its source.
type Lag struct {
	// Bytes are still to be read, as of the last look.
	Bytes int64
	// Next is the line to be read next, or its beginning; nil where there is none.
	Next []byte
}

// Lag returns how far the reader is behind what has been written.
func (sub *Subscription) Lag() Lag {
	s := sub.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var lag Lag
	for _, c := range sub.cursors {
		left := max(0, c.file.size-c.off)
		if c.behind != nil {
			continue // another path's reader tells it
		}
		if left > 0 && lag.Next == nil {
			buf := make([]byte, min(left, maxNext))
			n, _ := c.file.f.ReadAt(buf, c.off) // what can't be read is not shown
			lag.Next = buf[:n]
			if end := bytes.IndexByte(lag.Next, '\n'); end >= 0 {
				lag.Next = lag.Next[:end+1]
			}
		}
		lag.Bytes += left
	}
	return lag
}

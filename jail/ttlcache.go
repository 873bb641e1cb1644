package jail

import "sync"

// ttlCache remembers values for a while; when it is full the oldest entries go
// first, whether used or not.
type ttlCache struct {
	mu      sync.Mutex
	limit   int
	ttl     float64 // seconds
	entries map[string]ttlEntry
	order   []string
}

type ttlEntry struct {
	ignored bool
	until   float64
}

func newTTLCache(limit int, ttl float64) *ttlCache {
	return &ttlCache{limit: limit, ttl: ttl, entries: map[string]ttlEntry{}}
}

func (c *ttlCache) get(key string, now float64) (ignored, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok || e.until <= now {
		return false, false
	}
	return e.ignored, true
}

func (c *ttlCache) set(key string, ignored bool, now float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[key]; !known {
		for len(c.order) >= max(c.limit, 1) {
			delete(c.entries, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, key)
	}
	c.entries[key] = ttlEntry{ignored: ignored, until: now + c.ttl}
}

package source

// placesAfter are the places of a reader once the one at c has come to end. A
// rotated file is left out when it was read to its end and nothing more will be
// written to it. The caller holds stream.mu.
func (sub *Subscription) placesAfter(c *cursor, end int64) []Position {
	all := make([]Position, 0, len(sub.cursors))
	for _, o := range sub.cursors {
		off := o.place()
		if o == c {
			off = end
		}
		if o.file == sub.s.current || off < o.file.size || !o.file.final {
			all = append(all, Position{Offset: off, Hash: o.file.hash})
		}
	}
	return all
}

package filter

// window tells which of the last lines hold texts that the failregexes need, so
// that with maxlines above 1 only those are tried that the lines allow.
type window struct {
	set    *settings
	seen   []byte   // of the log, until it is enough for a plan
	at     int      // bytes of it when the plan was made, 0 for no plan
	find   *finder  // nil: there are no texts to look for
	always uint64   // the bits of failregexes without any
	bits   []uint64 // of the lines in the buffer; fewer where these have changed
}

// allowed gives the bits of the failregexes that the lines in the buffer allow,
// where nothing comes before them that must see the lines as well.
func (f *Filter) allowed(j *job) uint64 {
	w := &f.window
	if j.s.pref != nil || j.s.ignoresFirst() || j.mode.Notes != nil {
		w.forget()
		return ^uint64(0)
	}
	w.learn(j.s, f.buffer[len(f.buffer)-1])
	if w.find == nil {
		return ^uint64(0)
	}
	n := len(f.buffer)
	if len(w.bits) >= n {
		w.bits = w.bits[len(w.bits)-n+1:]
	}
	if len(w.bits) < n-1 {
		w.bits = w.bits[:0]
	}
	for i := len(w.bits); i < n; i++ {
		f.scratch.buf = f.buffer[i].appendText(f.scratch.buf[:0])
		w.bits = append(w.bits, w.find.all(f.scratch.buf))
	}
	found := w.always
	for _, bits := range w.bits {
		found |= bits
	}
	return found
}

// forget makes the window look at the lines in the buffer anew.
func (w *window) forget() { w.bits = w.bits[:0] }

// learn makes a plan as soon as enough of the log was seen, and a better one when
// there is more.
func (w *window) learn(s *settings, line Match) {
	if w.set != s {
		*w = window{set: s, seen: w.seen[:0]}
	}
	if w.at >= goodSample {
		return
	}
	w.seen = append(line.appendText(w.seen), '\n')
	if n := len(w.seen); n >= goodSample || w.at == 0 && n >= minSample {
		w.at = n
		w.plan(s)
		w.forget()
	}
	if w.at >= goodSample {
		w.seen = nil
	}
}

// plan chooses the texts to look for.
func (w *window) plan(s *settings) {
	c := chooser{log: newLogSample(w.seen)}
	for i, re := range s.fail {
		c.add(re, regexBit(i))
	}
	needles, _ := c.choose()
	w.find, w.always = nil, c.without
	if len(needles) > 0 {
		w.find = newFinder(needles, c.log)
	}
}

// takeLines leaves in the buffer what a match did not take.
func (f *Filter) takeLines(j *job, rest []Match) {
	f.setBuffer(rest)
	j.verd.Before, j.buf = j.org[:len(j.org)-1:len(j.org)-1], nil
}

// setBuffer replaces the lines in the buffer.
func (f *Filter) setBuffer(lines []Match) {
	f.buffer = lines
	f.window.forget()
}

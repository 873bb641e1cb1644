package filter

// LineTime tells when a raw line was written, by its date alone; ok is false
// where it has none. A reader that looks for the place to begin uses it; it
// changes nothing but the order in which date templates are tried.
func (f *Filter) LineTime(line []byte) (unix float64, ok bool) {
	f.work.Lock()
	defer f.work.Unlock()
	s := f.set.Load()
	if s.detector == nil {
		return 0, false
	}
	f.tick(s)
	text, _ := s.codec.decode(nil, line)
	text = trimEnd(text)
	m, ok := s.detector.Find(text)
	if !ok || m.Start == m.End {
		return 0, false
	}
	stamp, err := s.detector.Time(m, text)
	return stamp.Unix, err == nil
}

// Adopt takes over all settings of a fresh filter and keeps what the lines so
// far have left behind: sessions, buffered lines, the last date.
func (f *Filter) Adopt(fresh *Filter) {
	f.edit.Lock()
	defer f.edit.Unlock()
	f.set.Store(fresh.set.Load())
}

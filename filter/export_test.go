package filter

// MakePlan makes the filter use a plan for blocks however small, made for these
// lines.
func (f *Filter) MakePlan(all bool, sample []byte) {
	s := f.set.Load()
	if s.maxLines > 1 || !s.codec.keepsASCII() {
		return
	}
	p := newPlan(s, all, sample)
	p.sample = goodSample
	f.plans[0], f.plans[1] = p, p
}

package filter

import "f2b-go/internal/ipaddr"

// registered tells of a line that vouches for the address in it: one whose
// failregex has the tags F-NOFAIL and F-REGISTERED, and both took part. Such a
// line is done; the original needs an F-MLFID beside them to let it pass.
func (f *Filter) registered(j *job, h *hit) bool {
	if f.env.Registered == nil || j.mode.CheckAll || h.re.re.GroupIndex("registered") < 0 {
		return false
	}
	f.merge(j, h)
	fs := f.scratch.rec.fields
	if !fs.isTrue("nofail") || !fs.isTrue("registered") {
		return false
	}
	for _, family := range []string{"ip4", "ip6"} {
		if fs.isTrue(family) {
			f.env.Registered(ipaddr.Parse(fs.Text(family)))
		}
	}
	return true
}

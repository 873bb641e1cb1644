package jail

import (
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// Spared knows whom no jail bans beside its ignore list.
type Spared interface {
	// Allowed says whether an ID is now a trusted site, or a network with one in it.
	Allowed(id ipaddr.Addr, now time.Time) bool
	// Registered says whether a phone has lately registered from an ID.
	Registered(id ipaddr.Addr) bool
}

// registered says whether a failure is weak evidence against a registered phone,
// which may be forged: one whose failregex has the tag F-WEAK. It logs that.
func (j *Jail) registered(l *filter.Judged, f *filter.Failure) bool {
	if j.env.Spared == nil || !j.env.Spared.Registered(f.ID) {
		return false
	}
	l.Fill()
	if f.Fields.Text("weak") == "" {
		return false
	}
	j.logs.filter.Info(j.say("Ignore " + f.ID.String() + " by registration"))
	return true
}

// refuseAllowed is an error where a trusted site is among IDs.
func (j *Jail) refuseAllowed(list []ipaddr.Addr) error {
	if j.env.Spared == nil {
		return nil
	}
	now := j.env.Clock()
	for _, id := range list {
		if j.env.Spared.Allowed(id, now) {
			return valueError(id.String() + " is of the firewall's allowSites and is not banned; to ban it nevertheless: set " + j.name + " banip --force " + id.String())
		}
	}
	return nil
}
